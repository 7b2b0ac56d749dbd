"""Proposes passages of an incoming text that may betray its reporter: who reads the proposals decides on each.

Names are one way of many: a number of people, a unit, "only I", the day of a talk between two people, or what one
report of several tells alone leads to a person as well. No rule finds them all, and each is only a hint.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from complaints.domain import disclosure, normalization, redaction
from complaints.domain.redaction import Reason

MOST_PROPOSALS: Final = 60
# A run of words that stands in no other report is proposed from this many words that tell something.
TELLING_WORDS: Final = 3


class Tells(StrEnum):
    """What a passage may tell."""

    OWN_NAME = "own_name"
    NAME = "name"
    CONTACT = "contact"
    UNIT = "unit"
    FEW = "few"
    COUNT = "count"
    ALONE = "alone"
    TALK = "talk"
    SINGLE = "single"


# The reason that a form offers first.
REASONS: Final = {kind: Reason.THIRD_PERSON if kind is Tells.NAME else Reason.IDENTITY for kind in Tells}


# What a text may tell of its own writer. Names and numbers of other people are what a report is about.
OF_WRITER: Final = frozenset({Tells.OWN_NAME, Tells.CONTACT, Tells.UNIT, Tells.FEW, Tells.ALONE, Tells.TALK})


@dataclass(frozen=True, order=True)
class Proposal:
    """A passage, code points ``start`` to ``end`` (exclusive) of the text, and what it may tell."""

    start: int
    end: int
    kind: Tells


_NUMBER_WORDS: Final = "satu|dua|tiga|empat|lima|enam|tujuh|delapan|sembilan|sepuluh|sebelas|belasan|puluhan|beberapa"
_PEOPLE: Final = "orang|pegawai|staf|guru|honorer|perawat|bidan|asn|pns|pppk|people|colleagues|of us"
_CAPITAL: Final = r"[A-Z0-9][\w./'’-]*"
_DAY: Final = "senin|selasa|rabu|kamis|jum['’]?at|sabtu|minggu|ahad|monday|tuesday|wednesday|thursday|friday|saturday"
_MONTH: Final = "jan|feb|mar|apr|mei|may|jun|jul|agu|aug|sep|okt|oct|nov|des|dec"
# Words behind "the section" that name none.
_NO_UNIT: Final = (
    "ini|itu|lain|mana|yang|tersebut|kami|kita|mereka|beliau|saya|depan|belakang|atas|bawah|akhir|awal|dalam|luar"
    "|tengah|kanan|kiri|untuk|dan|atau|dari|di|ke|pada|apa|masing|tidak|sudah|akan|juga|where|of|and"
)
# The group "passage" is what is proposed, where the words before it only show what it is.
_PATTERNS: Final[dict[Tells, tuple[re.Pattern[str], ...]]] = {
    Tells.NAME: (
        re.compile(
            r"\b(?:(?i:bapak|bpk|ibu|pak|bu|sdr|sdri|saudara|saudari|mas|mbak|bang|kak|drg|dr|drs|dra|ir|hj?|mr|mrs|ms)\b)"
            r"\.?\s+[A-Z][\w.'’-]*(?:\s+[A-Z][\w.'’-]*){0,3}"
        ),
    ),
    Tells.UNIT: (
        re.compile(
            r"\b(?i:bidang|seksi|sub\s?bag(?:ian)?|subbid|bagian|unit|uptd?|puskesmas|rsud|sdn?|smpn?|sman?|smkn?|kelurahan"
            r"|kecamatan|ruang(?:an)?|pokja|poli|loket|gudang|kelas|shift|division|section)"
            rf"\s+{_CAPITAL}(?:\s+{_CAPITAL}){{0,3}}"
        ),
        re.compile(
            r"\b(?:di|dari|pada|staf|pegawai|in|at)\s+(?:the\s+)?(?P<passage>(?:sub\s?)?(?:seksi|bidang|bag(?:ian)?|bid"
            rf"|section|division|unit)\s+(?!(?:{_NO_UNIT})\b)[a-z][\w-]{{2,30}}"
            rf"(?:\s+(?!(?:{_NO_UNIT})\b|(?:me[mnl]|di|ber|ter)\w)[a-z][\w-]{{2,30}})?)",
            re.I,
        ),
        re.compile(
            r"\b(?:saya|aku)\s+(?:sudah\s+|masih\s+|pernah\s+)?(?:bekerja|bertugas|berdinas|mengajar|ditempatkan|menjabat)"
            rf"\s+(?:di|pada|sebagai|selaku)\s+(?P<passage>[\w/-]{{2,30}}(?:\s+(?!(?:{_NO_UNIT})\b)[\w/-]{{1,30}}){{0,3}})"
            r"|\bI\s+(?:work|teach|am\s+posted)\s+(?:in|at|as|for)\s+"
            r"(?P<passage_en>[\w/-]{1,30}(?:\s+[\w/-]{1,30}){0,3})",
            re.I,
        ),
    ),
    Tells.FEW: (
        re.compile(
            rf"\b(?:hanya|cuma|cuman)\s+(?:ada\s+)?(?:[2-9]|dua|tiga|empat|lima|enam|tujuh|delapan|sembilan)\s+(?:{_PEOPLE})\b"
            rf"|\bonly\s+(?:[2-9]|two|three|four|five|six)\s+(?:{_PEOPLE})\b",
            re.I,
        ),
        re.compile(
            r"\b(?:kami|kita|saya|aku|rapat|pertemuan|diskusi|(?:ber)?bicara|(?:me)?ngobrol|hanya|cuma|(?:di)?ajak|dipanggil)"
            r"\s+(?:\w{1,20}\s+)?(?P<passage>ber(?:dua|tiga|empat|lima|enam)(?:an)?)\b"
            r"|\b(?:rapat|pertemuan|diskusi)\s+(?P<passage_small>kecil|terbatas|tertutup)\b"
            r"|\b(?P<passage_en>(?:small|closed)\s+meeting|(?:the|just)\s+(?:two|three|four|five)\s+of\s+us"
            r"|one[ -]on[ -]one)\b",
            re.I,
        ),
    ),
    Tells.COUNT: (
        re.compile(
            rf"\b(?:hanya|cuma|total|sebanyak|only)?\s*(?:\d{{1,3}}|{_NUMBER_WORDS}|two|three|four|five|six)\s+(?:{_PEOPLE})\b"
            r"|\bber(?:dua|tiga|empat|lima|enam|tujuh|delapan|sembilan|sepuluh)\b",
            re.I,
        ),
    ),
    Tells.ALONE: (
        re.compile(
            r"\b(?:hanya|cuma|cuman)\s+(?:saya|aku)(?:\s+(?:dan|dengan|bersama)\s+\w{1,30})?\b"
            r"|\b(?:saya|aku)\s+(?:sendirian|satu-satunya|seorang\s+diri)\b|\bsatu-satunya\b|\bselain\s+(?:saya|aku)\b"
            r"|\btidak\s+ada\s+(?:orang\s+|saksi\s+)?lain\b|\b(?:only|just)\s+(?:I|me)\b(?:\s+and(?:\s+the)?\s+\w{1,30}\b)?"
            r"|\bI\s+alone\b|\bnobody\s+else\b|\bno\s+one\s+else\b|\bI\s+was\s+the\s+only\b",
            re.I,
        ),
    ),
}
_PRIVATE: Final = re.compile(
    r"empat mata|berdua|\b(?:memanggil|menelep[ou]n|menghubungi|menemui|mengajak|menyuruh|meminta) saya"
    r"|saya (?:dipanggil|ditelepon|dihubungi|ditemui|disuruh|diminta|menghadap|bertemu)|japri|secara pribadi"
    r"|(?:chat|pesan|wa|whatsapp)\s+(?:pribadi|kepada saya|ke saya)|\bprivately\b|\bone[ -]on[ -]one\b"
    r"|\b(?:called|told|asked|met|summoned|phoned) me\b|\balone with\b",
    re.I,
)
_WHEN: Final = re.compile(
    rf"\b(?:(?:tanggal|tgl\.?)\s+)?\d{{1,2}}\s+(?:{_MONTH})[a-z]*(?:\s+\d{{4}})?\b|\b\d{{1,2}}[/-]\d{{1,2}}(?:[/-]\d{{2,4}})?\b"
    rf"|\b(?:hari\s+)?(?:{_DAY})\b|\b(?:pukul|jam|at)\s+\d{{1,2}}(?:[.:]\d{{2}})?",
    re.I,
)
# "My name is ...": the first word decides whether a name follows.
_OWN_NAME: Final = re.compile(
    r"\b(?:(?P<strong>(?i:nama saya (?:adalah|ialah|yaitu)|nama saya ?[:=]|saya bernama|perkenalkan,? (?:nama )?saya"
    r"|my name is))|(?i:nama saya))\s+(?P<passage>[^\W\d_][\w'’.-]{0,40}"
    r"(?:[ \t]+(?!(?:NIP|NIK|HP|WA)\b)[A-Z][\w'’.-]{0,40}){0,3})"
)
_AFTER_NAME: Final = re.compile(r"\s*(?:[,.;()\n]|$|(?:nip|nik|dari|umur|usia|seorang|and|from)\b)", re.I)
# Passives and adverbs behind "my name", which name nobody.
_NO_NAME: Final = re.compile(
    r"(?:di|ter|ber|ke|se|me[mn])\w{4,}|dan|boleh|tidak|sudah|akan|ada|jangan|saja|juga|itu|yang|masuk", re.I
)
_ADDRESS: Final = re.compile(r"(?:https?://|www\.)\S+", re.I)
# Amounts of money and days are numbers too, and lead to nobody.
_AMOUNT: Final = re.compile(
    r"\d{1,3}(?:[.,]\d{3})+|(?:\d{1,2}[-/. ]\d{1,2}[-/. ]\d{4}|\d{4}-\d{2}-\d{2})(?:\D+\d{1,4})*"
)
# Words of this many letters of an own name are looked for in the rest of the text, of so many names.
_NAME_LETTERS: Final = 4
_MOST_NAMES: Final = 8
_WORD: Final = re.compile(r"\S+")


def proposals(
    text: str, *, accused: Iterable[str] = (), others: Iterable[str] = (), kinds: Collection[Tells] = frozenset(Tells)
) -> list[Proposal]:
    """Return the passages of a report's text that may betray its reporter, in their order, at most MOST_PROPOSALS.

    Args:
        accused: names of accused people, which a body needs: what names one of them is not proposed.
        others: texts of the other reports of the case; what stands in this text alone is proposed only beside them.
        kinds: what is looked for.
    """
    known = {word for name in accused for word in normalization.fold(name).split()}
    passages = {*_own_names(text), *_contacts(text), *_by_patterns(text, known, kinds), *_talks(text)}
    telling = passages | set(_single(text, list(others)))
    return sorted(item for item in telling if item.kind in kinds)[:MOST_PROPOSALS]


def _own_names(text: str) -> Iterator[Proposal]:
    """Yield the names by which a text introduces its writer, and where their words stand in the rest of it."""
    words: list[str] = []
    starts: set[int] = set()
    for match in _OWN_NAME.finditer(text):
        name = match["passage"].rstrip(".'’-")
        if _is_name(name, text, match) and len(words) < _MOST_NAMES:
            yield Proposal(match.start("passage"), match.start("passage") + len(name), Tells.OWN_NAME)
            starts.add(match.start("passage"))
            words += [word for word in re.split(r"[\s.]+", name) if len(word) >= _NAME_LETTERS]
    if words:
        one_of = "|".join(re.escape(word) for word in words)
        for match in re.finditer(rf"\b(?:{one_of})(?:[ \t]+(?:{one_of}))*\b", text):
            if match.start() not in starts:
                yield Proposal(*match.span(), Tells.OWN_NAME)


def _is_name(name: str, text: str, match: re.Match[str]) -> bool:
    if name[:1].isupper() or match["strong"]:
        return True
    return not _NO_NAME.fullmatch(name) and bool(_AFTER_NAME.match(text, match.end("passage")))


def _contacts(text: str) -> Iterator[Proposal]:
    """Yield numbers and addresses that lead to a person, none of them out of the address of a page."""
    bare = _ADDRESS.sub(lambda match: " " * len(match.group()), text)
    for _kind, start, end in disclosure.contacts(bare):
        if not _AMOUNT.fullmatch(bare, start, end):
            yield Proposal(start, end, Tells.CONTACT)


def _by_patterns(text: str, known: set[str], kinds: Collection[Tells]) -> Iterator[Proposal]:
    few = {match.end() for match in _matches(Tells.FEW, text)} if Tells.COUNT in kinds else set()
    for kind in _PATTERNS.keys() & kinds:
        for match in _matches(kind, text):
            words = set(normalization.fold(match.group()).split()[1:])
            is_known = kind in (Tells.NAME, Tells.UNIT) and words <= known
            # What is few is counted once.
            if not (is_known or (kind is Tells.COUNT and match.end() in few)):
                yield Proposal(*_span(match), kind)


def _matches(kind: Tells, text: str) -> Iterator[re.Match[str]]:
    return (match for pattern in _PATTERNS[kind] for match in pattern.finditer(text))


def _span(match: re.Match[str]) -> tuple[int, int]:
    """Return start and end of what a match proposes: its group where it has one, else all but the spaces before it."""
    group = next((name for name, words in match.groupdict().items() if words), None)
    if group:
        return match.span(group)
    return match.end() - len(match.group().lstrip()), match.end()


def _talks(text: str) -> Iterator[Proposal]:
    """Yield the day and hour of a talk that few people know of: who was there knows who told it."""
    for start, end in redaction.sentences(text):
        if _PRIVATE.search(text, start, end):
            for match in _WHEN.finditer(text, start, end):
                yield Proposal(match.start(), match.end(), Tells.TALK)


def _single(text: str, others: list[str]) -> Iterator[Proposal]:
    """Yield runs of words of which none that tells something stands in another report."""
    if not others:
        return
    elsewhere = {word for other in others for word in normalization.fold(other).split()}
    run: list[tuple[int, int]] = []
    for start, end in redaction.sentences(text):
        for match in _WORD.finditer(text, start, end):
            words = [word for word in normalization.fold(match.group()).split() if redaction.tells(word)]
            if words and elsewhere.isdisjoint(words):
                run.append(match.span())
            elif words:
                yield from _ended(run)
                run = []
        yield from _ended(run)
        run = []


def _ended(run: list[tuple[int, int]]) -> Iterator[Proposal]:
    if len(run) >= TELLING_WORDS:
        yield Proposal(run[0][0], run[-1][1], Tells.SINGLE)
