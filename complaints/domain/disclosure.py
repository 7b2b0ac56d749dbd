"""Warns before a message to a reporter identifies a person: names, numbers, addresses, agencies, another's words.

A person who finds a ticket code can read every message to its owner. The check therefore shows the officer, before
sending, what may identify somebody. It rather warns too often and never forbids: an officer overrides it with a reason.
services.disclosure_check passes decrypted content; nothing is stored here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Final

from complaints.domain import normalization
from complaints.domain.visible_text import INVISIBLE

# A run of this many words that also occurs in another text counts as quoted from it.
SAME_WORDS: Final = 5
# Shorter words of a name ("Tri", "Adi") are too common for a warning when no other word of the name is beside them.
ALONE_AT_LEAST: Final = 4
CODE_DIGITS: Final = 2

# Words that many agencies share, and ranks: none of them identifies an agency or a person.
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
_FIVE: Final = "[0-9A-HJKMNP-TV-Z]{5}"
_NUMBER: Final = re.compile(r"(?<![\w+])\+?\d(?:[\s.\-–—()·]{0,3}\d){6,24}(?!\w)")
# From the beginning of a run of its letters alone: begun at each letter, a long text costs sixty times as much.
_MAIL: Final = re.compile(
    r"(?<![\w.+-])[\w.+-]{1,200}\s?(?:@|\(at\)|\[at\])\s?[\w-]{1,63}(?:\.[\w-]{1,63})+", re.IGNORECASE
)
_CODE: Final = re.compile(rf"(?<![0-9A-Z]){_FIVE}({_GAP})(?:{_FIVE}\1){{4}}{_FIVE}(?![0-9A-Z])", re.IGNORECASE)
_REFERENCE: Final = re.compile(r"(?<!\w)(?:KN-\d{2}|LATIHAN)-[0-9A-Z]{6}(?!\w)", re.IGNORECASE)
# Vowel signs of Arabic, Balinese, Sundanese and Javanese script belong to a word, though they are no letters.
_LETTER: Final = r"(?:[^\W_]|[\u064b-\u065f\u0670\u1b00-\u1b44\u1b80-\u1bad\ua980-\ua9c0])"
_TOKEN: Final = re.compile(rf"{_LETTER}+(?:[{normalization.APOSTROPHES}]{_LETTER}+)*")
_OWN_NAME: Final = re.compile(
    r"\b(?:nama saya|saya bernama|perkenalkan,? saya|my name is)(?: adalah)?[ :]+((?:[^\W\d_]+[ ,]*){1,3})",
    re.IGNORECASE,
)


class DisclosureKind(StrEnum):
    """The kind of disclosure; the values are audited."""

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
    """One possible disclosure: its kind, and the words as they occur in the text."""

    kind: DisclosureKind
    words: str


@dataclass(frozen=True)
class KnownFacts:
    """The decrypted content of a case that a text is compared with.

    Args:
        accused: names of accused people.
        stories: what the readers of the text wrote themselves.
        offices: agencies and places that the reports name.
        others: what other reporters of the same case wrote.
        staff: names and user names of staff.
        references: of the readers' own reports; any other reference would disclose another case.
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
    """Return ``text`` in Unicode's NFKC form, without invisible characters."""
    # An acute accent that stands for an apostrophe would become a space and an accent.
    return unicodedata.normalize("NFKC", INVISIBLE.sub("", text.replace("´", "'")))


def _words(text: str) -> list[_Word]:
    words = (_Word(normalization.fold(match.group()), match.start(), match.end()) for match in _TOKEN.finditer(text))
    return [word for word in words if word.folded]


def check(text: str, known: KnownFacts) -> list[Disclosure]:
    """Return the possible disclosures in ``text``, each once, in a fixed order of kinds."""
    text = plain(text)
    words = _words(text)
    numbers = [Disclosure(kind, text[start:end]) for kind, start, end in contacts(text)]
    disclosures = [
        *(Disclosure(DisclosureKind.ACCUSED, phrase) for phrase in _names(text, words, known.accused)),
        *(Disclosure(DisclosureKind.REPORTER, phrase) for phrase in _names(text, words, _self_names(known))),
        *(number for number in numbers if number.kind is not DisclosureKind.CODE),
        *(Disclosure(DisclosureKind.OFFICE, phrase) for phrase in _offices(text, words, known.offices)),
        *(Disclosure(DisclosureKind.OTHERS, phrase) for phrase in _quotations(text, words, known.others)),
        *(Disclosure(DisclosureKind.OWN, phrase) for phrase in _quotations(text, words, known.stories)),
        *(Disclosure(DisclosureKind.STAFF, phrase) for phrase in _staff(text, words, known.staff)),
        *(number for number in numbers if number.kind is DisclosureKind.CODE),
        *_references(text, known.references),
    ]
    return list(dict.fromkeys(disclosures))


# Names of people and agencies


def _self_names(known: KnownFacts) -> Iterator[str]:
    """Yield the names by which reporters introduce themselves in their stories."""
    for story in (*known.stories, *known.others):
        for match in _OWN_NAME.finditer(plain(story)):
            yield match.group(1)


def _phrase(name: str) -> list[str]:
    return [word.folded for word in _words(plain(name))]


def _names(text: str, words: Sequence[_Word], names: Iterable[str]) -> Iterator[str]:
    """Yield runs of words of a name, and single words of it that are long and rare enough to identify the person."""
    for name in names:
        bare, parts = normalization.name(name).split(), _phrase(name.partition(",")[0])
        distinctive = {part for part in parts if len(part) >= ALONE_AT_LEAST and part in bare and part not in _COMMON}
        yield from _runs(text, words, parts, distinctive=distinctive, alone=distinctive)


def _offices(text: str, words: Sequence[_Word], offices: Iterable[str]) -> Iterator[str]:
    """Yield the parts of an agency's name that tell it from other agencies."""
    for office in offices:
        parts = _phrase(office)
        distinctive = {part for part in parts if part not in _COMMON and len(part) >= ALONE_AT_LEAST}
        yield from _runs(
            text, words, parts, distinctive=distinctive, alone=distinctive if len(distinctive) == 1 else set()
        )


def _staff(text: str, words: Sequence[_Word], names: Iterable[str]) -> Iterator[str]:
    for name in names:
        parts = _phrase(name)
        yield from _runs(text, words, parts, distinctive=set(parts), alone=set(parts) if len(parts) == 1 else set())


def _runs(
    text: str, words: Sequence[_Word], parts: Sequence[str], *, distinctive: set[str], alone: set[str]
) -> Iterator[str]:
    """Yield the longest runs in ``text`` of words that follow each other in ``parts``, with one of ``distinctive``.

    A single word counts where it is one of ``alone``.
    """
    following = set(pairwise(parts))
    place = 0
    while place < len(words):
        end = place + 1
        while end < len(words) and (words[end - 1].folded, words[end].folded) in following:
            end += 1
        run = words[place:end]
        enough = len(run) > 1 and any(word.folded in distinctive for word in run)
        if enough or run[0].folded in alone:
            yield text[run[0].start : run[-1].end]
        place = end


# Numbers, codes and references


def contacts(text: str) -> Iterator[tuple[DisclosureKind, int, int]]:
    """Yield kind, start and end of each number, mail address and ticket code in ``text`` that leads to a person."""
    for match in _NUMBER.finditer(text):
        digits = "".join(letter for letter in match.group() if letter.isdigit())
        if len(digits) == 18:
            yield (DisclosureKind.NIP, *match.span())
        elif digits.startswith(("08", "62", "02", "03", "04", "05", "06", "07")) and 9 <= len(digits) <= 15:
            yield (DisclosureKind.PHONE, *match.span())
        elif len(digits) >= normalization.NIP_AT_LEAST:
            yield (DisclosureKind.NUMBER, *match.span())
    for match in _MAIL.finditer(text):
        yield (DisclosureKind.MAIL, *match.span())
    for match in _CODE.finditer(text):
        # Six groups of letters alone are words and no ticket code.
        if sum(letter.isdigit() for letter in match.group()) >= CODE_DIGITS:
            yield (DisclosureKind.CODE, *match.span())


def _references(text: str, known: Iterable[str]) -> Iterator[Disclosure]:
    for match in _REFERENCE.finditer(text):
        if match.group().upper() not in known:
            yield Disclosure(DisclosureKind.REFERENCE, match.group())


# Quotations


def _quotations(text: str, words: Sequence[_Word], sources: Iterable[str]) -> Iterator[str]:
    """Yield the longest runs of at least SAME_WORDS words that also occur in one of ``sources``."""
    folded = [word.folded for word in words]
    known = {gram for source in sources for gram in _grams([word.folded for word in _words(plain(source))])}
    hits = [place for place, gram in enumerate(_grams(folded)) if gram in known]
    first = last = -1
    for place in hits:
        if first >= 0 and place != last + 1:
            yield text[words[first].start : words[last + SAME_WORDS - 1].end]
            first = place
        first, last = (place if first < 0 else first), place
    if first >= 0:
        yield text[words[first].start : words[last + SAME_WORDS - 1].end]


def _grams(folded: Sequence[str]) -> list[tuple[str, ...]]:
    return [tuple(folded[start : start + SAME_WORDS]) for start in range(len(folded) - SAME_WORDS + 1)]
