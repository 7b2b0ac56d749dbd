"""Proposes passages of an incoming text that may betray its reporter: who reads the proposals decides on each.

Names are one way of many: a number of people, a unit, "only I", the day of a talk between two people, or what one
report of several tells alone leads to a person as well. No rule finds them all, and each is only a hint.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from complaints.domain import disclosure, normalization, redaction
from complaints.domain.disclosure import DisclosureKind, KnownFacts
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
    COUNT = "count"
    ALONE = "alone"
    TALK = "talk"
    SINGLE = "single"


# The reason that a form offers first.
REASONS: Final = {kind: Reason.THIRD_PERSON if kind is Tells.NAME else Reason.IDENTITY for kind in Tells}


@dataclass(frozen=True, order=True)
class Proposal:
    """A passage, code points ``start`` to ``end`` (exclusive) of the text, and what it may tell."""

    start: int
    end: int
    kind: Tells


_NUMBER_WORDS: Final = "satu|dua|tiga|empat|lima|enam|tujuh|delapan|sembilan|sepuluh|sebelas|belasan|puluhan|beberapa"
_CAPITAL: Final = r"[A-Z0-9][\w./'’-]*"
_DAY: Final = "senin|selasa|rabu|kamis|jum['’]?at|sabtu|minggu|ahad|monday|tuesday|wednesday|thursday|friday|saturday"
_MONTH: Final = "jan|feb|mar|apr|mei|may|jun|jul|agu|aug|sep|okt|oct|nov|des|dec"
_PATTERNS: Final[dict[Tells, re.Pattern[str]]] = {
    Tells.NAME: re.compile(
        r"\b(?:(?i:bapak|bpk|ibu|pak|bu|sdr|sdri|saudara|saudari|mas|mbak|bang|kak|drg|dr|drs|dra|ir|hj?|mr|mrs|ms)\b)"
        r"\.?\s+[A-Z][\w.'’-]*(?:\s+[A-Z][\w.'’-]*){0,3}"
    ),
    Tells.UNIT: re.compile(
        r"\b(?i:bidang|seksi|sub\s?bag(?:ian)?|subbid|bagian|unit|uptd?|puskesmas|rsud|sdn?|smpn?|sman?|smkn?|kelurahan"
        r"|kecamatan|ruang(?:an)?|tim|pokja|poli|loket|gudang|kelas|shift|division|section)"
        rf"\s+{_CAPITAL}(?:\s+{_CAPITAL}){{0,3}}"
    ),
    Tells.COUNT: re.compile(
        rf"\b(?:hanya|cuma|total|sebanyak|only)?\s*(?:\d{{1,3}}|{_NUMBER_WORDS}|two|three|four|five|six)\s+"
        r"(?:orang|pegawai|staf|guru|honorer|perawat|bidan|asn|pns|pppk|people|colleagues|of us)\b"
        r"|\bber(?:dua|tiga|empat|lima|enam|tujuh|delapan|sembilan|sepuluh)\b",
        re.I,
    ),
    Tells.ALONE: re.compile(
        r"\b(?:hanya|cuma|cuman)\s+(?:saya|aku)\b|\b(?:saya|aku)\s+(?:sendiri(?:an)?|satu-satunya)\b|\bsatu-satunya\b"
        r"|\bselain\s+saya\b|\btidak\s+ada\s+(?:orang\s+|saksi\s+)?lain\b|\bonly\s+I\b|\bI\s+alone\b|\bnobody\s+else\b",
        re.I,
    ),
}
_PRIVATE: Final = re.compile(
    r"empat mata|berdua|\b(?:memanggil|menelep[ou]n|menghubungi|menemui|mengajak|menyuruh|meminta) saya"
    r"|saya (?:dipanggil|ditelepon|dihubungi|ditemui|disuruh|diminta)|japri|secara pribadi"
    r"|(?:chat|pesan|wa|whatsapp)\s+(?:pribadi|kepada saya|ke saya)|\bprivately\b|\b(?:called|told|asked) me\b",
    re.I,
)
_WHEN: Final = re.compile(
    rf"\b(?:(?:tanggal|tgl\.?)\s+)?\d{{1,2}}\s+(?:{_MONTH})[a-z]*(?:\s+\d{{4}})?\b|\b\d{{1,2}}[/-]\d{{1,2}}(?:[/-]\d{{2,4}})?\b"
    rf"|\b(?:hari\s+)?(?:{_DAY})\b|\b(?:pukul|jam|at)\s+\d{{1,2}}(?:[.:]\d{{2}})?",
    re.I,
)
_FROM_CHECK: Final = {
    DisclosureKind.REPORTER: Tells.OWN_NAME,
    **dict.fromkeys(
        (DisclosureKind.NIP, DisclosureKind.NUMBER, DisclosureKind.PHONE, DisclosureKind.MAIL, DisclosureKind.CODE),
        Tells.CONTACT,
    ),
}
_WORD: Final = re.compile(r"\S+")


def proposals(text: str, *, accused: Iterable[str] = (), others: Iterable[str] = ()) -> list[Proposal]:
    """Return the passages of a report's text that may betray its reporter, in their order, at most MOST_PROPOSALS.

    Args:
        accused: names of accused people, which a body needs: what names one of them is not proposed.
        others: texts of the other reports of the case; what stands in this text alone is proposed only beside them.
    """
    known = {word for name in accused for word in normalization.fold(name).split()}
    found = {*_by_check(text), *_by_patterns(text, known), *_talks(text), *_single(text, list(others))}
    return sorted(found)[:MOST_PROPOSALS]


def _by_check(text: str) -> Iterator[Proposal]:
    """Yield what the check of texts to reporters finds in this one: it introduces somebody, or holds a number."""
    for warning in disclosure.check(text, KnownFacts(stories=(text,))):
        if warning.kind in _FROM_CHECK:
            for span in redaction.find_words(text, warning.words, Reason.IDENTITY):
                yield Proposal(span.start, span.end, _FROM_CHECK[warning.kind])


def _by_patterns(text: str, known: set[str]) -> Iterator[Proposal]:
    for kind, pattern in _PATTERNS.items():
        for match in pattern.finditer(text):
            words = set(normalization.fold(match.group()).split()[1:])
            if kind not in (Tells.NAME, Tells.UNIT) or not words <= known:
                start = match.start() + len(match.group()) - len(match.group().lstrip())
                yield Proposal(start, match.end(), kind)


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
