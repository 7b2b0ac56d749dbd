"""What a text to a reporter must not carry unseen: names, numbers, addresses, offices, another's words.

Whoever finds a ticket code reads everything that was ever written to its owner; so what points at a person is shown
to the officer before it is sent. The check warns and never forbids: it leans towards warning, and an officer
overrides it with a reason. Plain Python; services.disclosure_check feeds it with opened content, and nothing here is kept.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Final

from complaints.domain import matching

# So many words of another text in the same order are no accident.
SAME_WORDS: Final = 5
# Shorter words of a name ("Tri", "Adi") are too common to warn of when they stand alone.
ALONE_AT_LEAST: Final = 4
CODE_DIGITS: Final = 2

# Words that offices share, and ranks: none of them points at one office or one person.
_COMMON: Final = frozenset(
    {
        "kepala", "dinas", "kantor", "badan", "bidang", "bagian", "seksi", "sub", "kasi", "kabid", "kabag",
        "kasubag", "kadis", "kementerian", "pemerintah", "pemprov", "pemkab", "pemkot", "provinsi", "kabupaten",
        "kota", "kecamatan", "kelurahan", "desa", "daerah", "sekretaris", "sekretariat", "camat", "lurah",
        "bupati", "wakil", "walikota", "gubernur", "puskesmas", "rumah", "sakit", "sekolah", "negeri", "upt",
        "uptd", "unit", "kerja", "instansi", "pusat", "umum", "dan", "atau", "yang", "dari", "pada", "untuk",
        "dengan", "oleh", "the", "and", "of", "for", "office", "bapak", "ibu", "guru", "pegawai", "staf",
        "pejabat", "atasan", "anggota", "ketua", "letkol", "mayor", "prof", "haji",
    }
)  # fmt: skip
_GAP: Final = r"[\s.\-–—/·]{0,3}"
_FOUR: Final = "[0-9A-HJKMNP-TV-Z]{4}"
_NUMBER: Final = re.compile(r"(?<![\w+])\+?\d(?:[\s.\-–—()·]{0,3}\d){6,24}(?!\w)")
_MAIL: Final = re.compile(r"[\w.+-]{1,64}\s?(?:@|\(at\)|\[at\])\s?[\w-]{1,63}(?:\.[\w-]{1,63})+", re.IGNORECASE)
_CODE: Final = re.compile(rf"(?<![0-9A-Z]){_FOUR}({_GAP})(?:{_FOUR}\1){{4}}{_FOUR}(?![0-9A-Z])", re.IGNORECASE)
_REFERENCE: Final = re.compile(r"(?<!\w)(?:KN-\d{2}|LATIHAN)-[0-9A-Z]{6}(?!\w)", re.IGNORECASE)
_TOKEN: Final = re.compile(r"[^\W_]+(?:['’`][^\W_]+)*")
_OWN_NAME: Final = re.compile(
    r"\b(?:nama saya|saya bernama|perkenalkan,? saya|my name is)(?: adalah)?[ :]+((?:[^\W\d_]+[ ,]*){1,3})",
    re.IGNORECASE,
)


class DisclosureKind(StrEnum):
    """What was found; the values are audited."""

    ACCUSED = "accused"
    REPORTER = "reporter"
    NIP = "nip"
    NUMBER = "number"
    PHONE = "phone"
    MAIL = "mail"
    OFFICE = "office"
    OTHERS = "others"
    OWN = "own"
    STAFF = "staff"
    CODE = "code"
    REFERENCE = "reference"


@dataclass(frozen=True)
class Disclosure:
    """Something to look at before sending: what it seems to be, and the words as they stand in the text."""

    kind: DisclosureKind
    words: str


@dataclass(frozen=True)
class KnownFacts:
    """What the case knows, opened: who and what a text could give away.

    Args:
        accused: names of accused people.
        stories: what this text's readers wrote themselves.
        offices: agencies and places that the reports name.
        others: what other reporters of the same case wrote.
        staff: names of the house's people, and their user names.
        references: by which the readers know their report; any other would tell them of another case.
    """

    accused: tuple[str, ...] = ()
    stories: tuple[str, ...] = ()
    offices: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    staff: tuple[str, ...] = ()
    references: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Word:
    folded: str
    start: int
    end: int


def plain(text: str) -> str:
    """Return a text without invisible characters and in one form of each letter."""
    visible = "".join(letter for letter in text if unicodedata.category(letter) != "Cf")
    return unicodedata.normalize("NFKC", visible)


def _fold(word: str) -> str:
    letters = unicodedata.normalize("NFKD", word.casefold())
    return "".join(letter for letter in letters if letter.isalnum() and not unicodedata.combining(letter))


def _words(text: str) -> list[_Word]:
    found = (_Word(_fold(match.group()), match.start(), match.end()) for match in _TOKEN.finditer(text))
    return [word for word in found if word.folded]


def check(text: str, known: KnownFacts) -> list[Disclosure]:
    """Return what in ``text`` points at somebody, each thing once, in a fixed order of kinds."""
    text = plain(text)
    words = _words(text)
    found = [
        *(Disclosure(DisclosureKind.ACCUSED, said) for said in _names(text, words, known.accused)),
        *(Disclosure(DisclosureKind.REPORTER, said) for said in _names(text, words, _told_names(known))),
        *_numbers(text),
        *(Disclosure(DisclosureKind.MAIL, match.group()) for match in _MAIL.finditer(text)),
        *(Disclosure(DisclosureKind.OFFICE, said) for said in _offices(text, words, known.offices)),
        *(Disclosure(DisclosureKind.OTHERS, said) for said in _same(text, words, known.others)),
        *(Disclosure(DisclosureKind.OWN, said) for said in _same(text, words, known.stories)),
        *(Disclosure(DisclosureKind.STAFF, said) for said in _staff(text, words, known.staff)),
        *_codes(text),
        *_references(text, known.references),
    ]
    return list(dict.fromkeys(found))


# --- People and offices


def _told_names(known: KnownFacts) -> Iterator[str]:
    """Yield what reporters called themselves in their stories."""
    for story in (*known.stories, *known.others):
        for match in _OWN_NAME.finditer(plain(story)):
            yield match.group(1)


def _phrase(name: str) -> list[str]:
    return [word.folded for word in _words(plain(name))]


def _names(text: str, words: Sequence[_Word], names: Iterable[str]) -> Iterator[str]:
    """Yield runs of the words of a name, and single ones long and rare enough to mean this person."""
    for name in names:
        meant, parts = matching.name(name).split(), _phrase(name.partition(",")[0])
        telling = {part for part in parts if len(part) >= ALONE_AT_LEAST and part in meant and part not in _COMMON}
        yield from _runs(text, words, parts, telling=telling, alone=telling)


def _offices(text: str, words: Sequence[_Word], offices: Iterable[str]) -> Iterator[str]:
    """Yield parts of an office's name that tell it from others."""
    for office in offices:
        parts = _phrase(office)
        telling = {part for part in parts if part not in _COMMON and len(part) >= ALONE_AT_LEAST}
        yield from _runs(text, words, parts, telling=telling, alone=telling if len(telling) == 1 else set())


def _staff(text: str, words: Sequence[_Word], names: Iterable[str]) -> Iterator[str]:
    for name in names:
        parts = _phrase(name)
        yield from _runs(text, words, parts, telling=set(parts), alone=set(parts) if len(parts) == 1 else set())


def _runs(
    text: str, words: Sequence[_Word], parts: Sequence[str], *, telling: set[str], alone: set[str]
) -> Iterator[str]:
    """Yield the longest runs in ``text`` of words that follow each other in ``parts`` and hold one of ``telling``."""
    following = set(pairwise(parts))
    place = 0
    while place < len(words):
        end = place + 1
        while end < len(words) and (words[end - 1].folded, words[end].folded) in following:
            end += 1
        run = words[place:end]
        enough = len(run) > 1 and any(word.folded in telling for word in run)
        if enough or run[0].folded in alone:
            yield text[run[0].start : run[-1].end]
        place = end


# --- Numbers and addresses


def _numbers(text: str) -> Iterator[Disclosure]:
    for match in _NUMBER.finditer(text):
        said = match.group()
        digits = "".join(letter for letter in said if letter.isdigit())
        if len(digits) == 18:
            yield Disclosure(DisclosureKind.NIP, said)
        elif digits.startswith(("08", "62", "02", "03", "04", "05", "06", "07")) and 9 <= len(digits) <= 15:
            yield Disclosure(DisclosureKind.PHONE, said)
        elif len(digits) >= matching.NIP_AT_LEAST:
            yield Disclosure(DisclosureKind.NUMBER, said)


def _codes(text: str) -> Iterator[Disclosure]:
    for match in _CODE.finditer(text):
        # Six words of four letters are no code.
        if sum(letter.isdigit() for letter in match.group()) >= CODE_DIGITS:
            yield Disclosure(DisclosureKind.CODE, match.group())


def _references(text: str, own: Iterable[str]) -> Iterator[Disclosure]:
    for match in _REFERENCE.finditer(text):
        if match.group().upper() not in own:
            yield Disclosure(DisclosureKind.REFERENCE, match.group())


# --- Somebody's own words


def _same(text: str, words: Sequence[_Word], sources: Iterable[str]) -> Iterator[str]:
    """Yield the longest runs of SAME_WORDS and more words that also stand in one of ``sources``."""
    folded = [word.folded for word in words]
    pieces = {piece for source in sources for piece in _pieces([word.folded for word in _words(plain(source))])}
    hits = [place for place, piece in enumerate(_pieces(folded)) if piece in pieces]
    first = last = -1
    for place in hits:
        if first >= 0 and place != last + 1:
            yield text[words[first].start : words[last + SAME_WORDS - 1].end]
            first = place
        first, last = (place if first < 0 else first), place
    if first >= 0:
        yield text[words[first].start : words[last + SAME_WORDS - 1].end]


def _pieces(folded: Sequence[str]) -> list[tuple[str, ...]]:
    return [tuple(folded[start : start + SAME_WORDS]) for start in range(len(folded) - SAME_WORDS + 1)]
