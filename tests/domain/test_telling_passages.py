"""What of a text may betray its reporter is proposed; each proposal names its place and its kind."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import complaints
from complaints.domain.telling_passages import MOST_PROPOSALS, OF_WRITER, Tells, proposals

STORIES = Path(complaints.__file__).parent / "data" / "samples" / "stories.json"

STORY = (
    "Nama saya Rahmawati, NIP 198501012010012003, telepon 0812-3456-7890. "
    "Di Subbag Keuangan kami hanya 3 orang, dan hanya saya yang mencatat. "
    "Pak Budi Santosa memanggil saya berdua pada 3 November 2026 pukul 09.30. "
    "Rapat umum berlangsung pada Senin di aula. Ibu Sari Dewi, kepala dinas, meminta dukungan."
)


def told(text: str, **known: list[str]) -> set[tuple[str, str]]:
    return {(found.kind.value, text[found.start : found.end]) for found in proposals(text, **known)}


def test_names_units_counts_only_i_and_private_talks_are_proposed() -> None:
    found = told(STORY, accused=["Sari Dewi, S.E."])
    assert {
        ("own_name", "Rahmawati"),
        ("contact", "198501012010012003"),
        ("contact", "0812-3456-7890"),
        ("unit", "Subbag Keuangan"),
        ("few", "hanya 3 orang"),
        ("alone", "hanya saya"),
        ("name", "Pak Budi Santosa"),
        ("few", "berdua"),
        ("talk", "3 November 2026"),
        ("talk", "pukul 09.30"),
    } <= found
    assert told("Kepala Bidang X", accused=["Kepala Bidang X"]) == set()
    # The accused is whom the body needs, and of a meeting for all the day tells nobody.
    assert not any("Sari" in words or words == "Senin" for _kind, words in found)


def test_what_one_report_alone_tells_is_proposed_beside_others() -> None:
    text = "Kepala dinas meminta dukungan. Sopirnya menunggu dekat warung kopi pojok."
    assert told(text) == set()
    found = told(text, others=["Kepala dinas meminta kami memberi dukungan."])
    assert found == {(Tells.SINGLE.value, "Sopirnya menunggu dekat warung kopi pojok.")}
    assert told(text, others=[text]) == set()


def test_proposals_are_bounded_and_stand_in_the_text() -> None:
    text = "Pak Budi dan hanya saya, berdua. " * 200
    found = proposals(text)
    assert len(found) == MOST_PROPOSALS
    assert all(0 <= item.start < item.end <= len(text) for item in found)


@pytest.mark.parametrize(
    ("kind", "words", "text"),
    [
        ("own_name", "Sulastri", "Nama saya Sulastri NIP 19850101 201001 2 003."),
        ("own_name", "sulastri", "nama saya sulastri, mohon dirahasiakan"),
        ("own_name", "Rudi Hartono", "Perkenalkan, saya Rudi Hartono dari sana."),
        ("own_name", "Ann Lee", "My name is Ann Lee and I saw it."),
        ("contact", "19850101 201001 2 003", "Nama saya Sulastri NIP 19850101 201001 2 003."),
        ("contact", "3374 0101 0185 0001", "NIK saya 3374 0101 0185 0001."),
        ("contact", "+62 812 3456 7890", "Hubungi +62 812 3456 7890 saja."),
        ("contact", "rudi@contoh.invalid", "Surel: rudi@contoh.invalid."),
        ("unit", "seksi terminal", "Kontrak di seksi terminal tidak diperpanjang."),
        ("unit", "subbag keuangan", "Saya staf subbag keuangan."),
        ("unit", "bendahara pengeluaran", "Saya bertugas sebagai bendahara pengeluaran di sana."),
        ("unit", "the budget section", "I work in the budget section."),
        ("alone", "Hanya saya dan beliau", "Hanya saya dan beliau di ruangan."),
        ("alone", "cuma saya", "Yang tahu cuma saya."),
        ("alone", "only me and the head", "It was only me and the head."),
        ("few", "bertiga", "Pada rapat bertiga itu beliau meminta dukungan."),
        ("few", "Hanya ada tiga orang", "Hanya ada tiga orang di sana."),
        ("few", "the three of us", "There were just the three of us."),
        ("few", "small meeting", "It was a small meeting."),
        ("talk", "hari Senin", "Beliau memanggil saya hari Senin pukul 10."),
        ("talk", "pukul 10", "Beliau memanggil saya hari Senin pukul 10."),
        ("talk", "Monday", "He called me on Monday at 10."),
    ],
)
def test_what_tells_of_the_writer(kind: str, words: str, text: str) -> None:
    assert (kind, words) in told(text)


@pytest.mark.parametrize(
    "text",
    [
        "Nama saya boleh disimpan secara rahasia.",
        "Di surat itu nama saya ditutup.",
        "Anggarannya Rp1.500.000.000 dari 12-11-2026 sampai 13-11-2026.",
        "Lihat https://contoh.invalid/posts/12345678901234567 di sana.",
        "Pegawai di bagian lain juga diminta.",
        "Yang hadir sekitar 60 orang.",
        "Rapat umum pada Senin di aula.",
    ],
)
def test_what_does_not(text: str) -> None:
    assert [item for item in proposals(text) if item.kind in OF_WRITER] == []


def test_the_sample_stories_are_stopped_for_hardly_anything() -> None:
    stories = json.loads(STORIES.read_text(encoding="utf-8"))
    about = ("accused_name", "accused_position", "agency")
    stopped = {
        number
        for number, row in enumerate(stories)
        for item in proposals(row["story"], accused=[row.get(name, "") for name in about])
        if item.kind in OF_WRITER
    }
    # One of 25: "hanya saya yang namanya ada di surat", which tells indeed.
    assert len(stories) >= 25 and stopped == {7}


HOSTILE: dict[str, Callable[[int], str]] = {
    "marks": lambda size: "." * size,
    "spaces": lambda size: "pak" + " " * size,
    "digits": lambda size: "1 " * (size // 2),
    "letters": lambda size: "a" * size,
    "many names": lambda size: "".join(f"nama saya Abc{number:04x}. " for number in range(size // 20)),
    "many numbers": lambda size: "".join(f"0812{number:07d} " for number in range(size // 12)),
    "units": lambda size: "di seksi " * (size // 9),
    "mail": lambda size: "a@" + "b." * (size // 2),
    "codes": lambda size: "ABC12-" * (size // 6),
    "talks": lambda size: "empat mata 3/3 " * (size // 15),
    "quotes": lambda size: '."' * (size // 2),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_the_time_grows_with_the_text_alone(name: str) -> None:
    """64 KiB take about 0.3 s of one processor; whatever grew with the square would take minutes."""
    text = HOSTILE[name](65_536)
    begun = time.process_time()
    assert len(proposals(text)) <= MOST_PROPOSALS
    assert time.process_time() - begun < 10


@given(st.text(max_size=400) | st.lists(st.sampled_from(STORY.split(" ")), max_size=60).map(" ".join))
def test_any_text_is_searched(text: str) -> None:
    for item in proposals(text):
        assert 0 <= item.start < item.end <= len(text)


def test_only_what_is_asked_for_is_looked_for() -> None:
    text = "Nama saya Budi Santoso dari Bidang Umum. Hanya tiga orang hadir, 12 staf tidak; 0812-3456-7890."
    everything = proposals(text)
    assert {Tells.COUNT, Tells.FEW, Tells.OWN_NAME, Tells.CONTACT} <= {item.kind for item in everything}
    assert proposals(text, kinds=OF_WRITER) == [item for item in everything if item.kind in OF_WRITER]


@pytest.mark.parametrize("unit", ["1-B-", "a.b+", "a@", "08 1", "_\n", "Pak A ", "pukul 1 "])
def test_the_longest_text_costs_no_multiple_of_its_length(unit: str) -> None:
    """Anybody may have it looked through as often as they like: each letter counts once, wherever words begin."""
    text = (unit * 20_000)[:20_000]
    begun = time.process_time()
    proposals(text, kinds=OF_WRITER)
    assert time.process_time() - begun < 0.15
