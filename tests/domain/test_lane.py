"""Which reports are likely junk: many alike that name nobody, and those that say nothing; and what is read first."""

from __future__ import annotations

import random
import uuid
from collections import Counter
from datetime import date, timedelta

import pytest

from bench.attack.flood import PATTERNS, flood_reports
from complaints.domain.errors import SealError
from complaints.domain.lane import ALIKE_AT_LEAST, ComparedReport, LaneRule, Verdict, likely_junk, sample
from complaints.domain.search_document import SearchDocument, fingerprint, names_somebody, of_story, words_of

DAY = date(2026, 11, 9)
STORY = (
    "Pada apel pagi kami semua diminta memakai kaus berwarna tertentu dan berfoto bersama, lalu foto itu dibagikan di "
    "grup pegawai. Siapa yang tidak ikut dicatat dan tidak mendapat jatah lembur bulan depan."
)
OTHER = (
    "Saya melihat mobil dinas dipakai mengantar spanduk ke lapangan, dan setelah itu bensinnya ditagihkan sebagai "
    "perjalanan dinas biasa oleh bendahara."
)


def report(
    story: str = STORY, *, day: int = 0, urgent: bool = False, files: tuple[str, ...] = (), names: bool = False
) -> ComparedReport:
    document = of_story(story, files=files, evidence=len(files), names=names)
    return ComparedReport(uuid.uuid4(), DAY + timedelta(days=day), urgent, document)


def verdicts(reports: list[ComparedReport], new: list[ComparedReport] | None = None) -> list[Verdict]:
    keys = {one.key for one in (reports if new is None else new)}
    return list(likely_junk(reports, new=keys).values())


def test_the_thirtieth_equal_text_makes_all_of_them_junk() -> None:
    reports = [report() for _ in range(ALIKE_AT_LEAST)]
    assert verdicts(reports[:-1]) == []
    assert verdicts(reports, new=reports[-1:]) == [Verdict(LaneRule.TEXT, 30)] * 30


def test_a_text_of_which_little_differs_is_the_same() -> None:
    texts = [f"Kepada admin nomor {number}. {STORY.upper()} Salam {word}!" for number, word in enumerate("abc" * 10)]
    assert len(verdicts([report(text) for text in texts])) == 30


def test_other_stories_stay_out_beside_a_flood() -> None:
    other = report(OTHER)
    assert other.key not in likely_junk([*(report() for _ in range(40)), other], new={other.key})


@pytest.mark.parametrize("number", [30, 200])
def test_a_copied_text_that_names_somebody_is_no_junk(number: int) -> None:
    assert verdicts([report(names=True) for _ in range(number)]) == []


def test_copies_that_name_somebody_do_not_count_for_those_that_do_not() -> None:
    assert verdicts([*(report(names=True) for _ in range(40)), *(report() for _ in range(29))]) == []


def test_reports_with_the_same_file_are_alike_whatever_they_say() -> None:
    shuffled, eight = random.Random(1), ["satu", "dua", "tiga", "empat", "lima", "enam", "tujuh", "delapan"]
    texts = [" ".join(shuffled.sample(eight, 8)) for _ in range(30)]
    assert verdicts([report(text, files=("aa", "bb")) for text in texts]) == [Verdict(LaneRule.FILE, 30)] * 30


@pytest.mark.parametrize(("days", "junk"), [([0, 2], 30), ([0, 3], 0), ([0, 1, 2], 30), ([0, 1, 2, 3], 0)])
def test_many_are_many_within_two_days(days: list[int], junk: int) -> None:
    reports = [report(day=days[number % len(days)]) for number in range(30)]
    assert len(verdicts(reports)) == junk


def test_a_handful_of_words_without_evidence_says_nothing() -> None:
    few = "tolong tolong segera diperiksa pak " * 4
    assert verdicts([report(few)]) == [Verdict(LaneRule.EMPTY, 1)]
    assert verdicts([report(few, names=True)]) == []
    assert verdicts([report(few, files=("aa",))]) == []
    assert verdicts([report("satu dua tiga empat lima enam tujuh delapan")]) == []


def test_an_urgent_report_of_few_words_is_one_of_many_before_it_is_junk() -> None:
    few = "saya diancam, tolong saya, saya takut sekali, tolong"
    assert verdicts([report(few, urgent=True) for _ in range(29)]) == []
    assert verdicts([report(few, urgent=True) for _ in range(30)]) == [Verdict(LaneRule.TEXT, 30)] * 30


def test_urgent_reports_of_few_words_are_not_junk_for_being_short() -> None:
    words = ["saya", "diancam", "tolong", "takut", "dipecat", "dipukul", "malam"]
    texts = [" ".join(random.Random(number).sample(words, 4)) for number in range(60)]
    assert verdicts([report(text, urgent=True) for text in dict.fromkeys(texts)]) == []


@pytest.mark.parametrize(
    "story",
    [
        "Kami semua dipaksa hadir oleh Pak Darmo di lapangan.",
        "Bu Sri menyuruh kami memasang spanduk.",
        "kepala puskesmas membagikan kaus",
        "Yang menyuruh camat.",
        "disuruh wali kota hadir",
        "Sekda ikut kampanye",
        "Lihat akun @darmo_77 malam ini",
        "buktinya di https://contoh.example/x",
        "ada di instagram.com/p/abc",
        "NIP 19800101 200501 1 001 yang membagikan",
    ],
)
def test_a_story_that_says_whom_it_is_about_names_somebody(story: str) -> None:
    assert names_somebody(story)


@pytest.mark.parametrize(
    "story", [STORY, OTHER, "tolong pak segera diperiksa pak", "Kepada bapak/ibu admin, 081234567890"]
)
def test_a_story_that_only_addresses_its_readers_names_nobody(story: str) -> None:
    assert not names_somebody(story)


def test_what_is_known_is_compared_with_and_not_told_again() -> None:
    reports = [report() for _ in range(40)]
    known = {one.key for one in reports[:39]}
    assert set(likely_junk(reports, new={reports[39].key}, known=known)) == {reports[39].key}


def test_two_thousand_junk_reports_leave_a_wave_and_an_office_in_the_queue() -> None:
    reports, kinds = [], {}
    for sent in flood_reports(each=222, copies=40, others=20, urgent=10, office=40):
        answers = {"agency": "Dinas Contoh", "accused_name": "", **sent.answers}
        files = ("aa",) if sent.same_file else ()
        names = bool(answers["accused_name"] or answers["agency"] or names_somebody(str(answers["story"])))
        urgent = str(answers.get("category", "A1")) in {"A2", "A9"}
        one = report(str(answers["story"]), files=files, names=names, urgent=urgent)
        kinds[one.key] = sent.kind
        reports.append(one)
    told = Counter(kinds[key] for key in likely_junk(reports, new=set(kinds)))
    assert told == dict.fromkeys((f"junk: {name}" for name in PATTERNS), 222)


def test_numbers_case_accents_and_marks_make_no_other_word() -> None:
    assert words_of("Sé-GERA 123, (segera)! x9y") == ["se", "gera", "segera", "x", "y"]
    assert fingerprint(words_of("Satu, DUA 3 tiga")) == fingerprint(words_of("satu dua tiga 44"))
    assert fingerprint([]) is None


def test_the_fingerprints_of_unrelated_stories_are_far_apart() -> None:
    first, second = fingerprint(words_of(STORY)), fingerprint(words_of(OTHER))
    assert first is not None and second is not None and (first ^ second).bit_count() > 20


def test_a_document_is_read_as_written() -> None:
    for files in ((), ("ab" * 32,) * 20, tuple(f"{number:064x}" for number in range(200))):
        document = SearchDocument(2**64 - 1, 17, files, len(files), names=True)
        assert SearchDocument.decode(document.encode()) == document


def test_a_document_of_another_version_or_shape_is_not_read() -> None:
    plain = SearchDocument(1, 2).encode()
    for data in (b"\x02" + plain[1:], b"", plain[:-1], b"\x01" + bytes(20)):
        with pytest.raises(SealError):
            SearchDocument.decode(data)


def test_the_sample_follows_from_roots_and_ids_alone() -> None:
    cases = [(uuid.UUID(int=number, version=4), bytes([number % 3]) * 32) for number in range(450)]
    drawn = sample(cases)
    assert drawn == sample(reversed(cases)) and len(drawn) == 23
    assert drawn != sample([(case, b"\x09" * 32) for case, _root in cases])
    assert len(sample(cases[:40])) == 5 and len(sample(cases[:3])) == 3 and sample([]) == []
