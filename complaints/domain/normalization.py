"""Normal forms of names, agencies and employee numbers, so that two reports about the same ones can be compared.

The normal forms are digested under a key and never stored in the clear. A wrong match costs an officer a look, so the
rules rather match too much.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Final

from complaints.domain.visible_text import INVISIBLE

_TITLES: Final = frozenset(
    {
        "dr", "drs", "dra", "drg", "drh", "ir", "prof", "h", "hj", "kh", "haji", "hajjah", "ust", "ustad", "ustadz",
        "ustadzah", "bapak", "pak", "bpk", "bp", "ibu", "bu", "sdr", "sdri", "saudara", "saudari", "tn", "ny", "yth",
        "letkol", "kol", "mayor", "apt", "ns",
    }
)  # fmt: skip
_DEGREES: Final = frozenset(
    {
        "se", "sh", "mh", "mhum", "msi", "mm", "mmr", "spd", "spdi", "spdsd", "mpd", "mpdi", "sip", "mip", "sstp",
        "ssos", "ssosi", "msos", "skom", "mkom", "st", "mt", "sp", "mp", "skm", "mkm", "mkes", "map", "sap", "sag",
        "mag", "amd", "amdkeb", "amdkep", "phd", "lc", "ma", "mba", "ssi", "msc", "bsc", "skep", "ners", "shi", "she",
        "sei", "shum", "shut", "sfil", "ssn", "msn", "sked", "sfarm", "mfarm", "ssit", "sgz", "spsi", "mpsi", "spt",
        "spi", "sikom", "mikom", "sian", "mian", "sak", "mak", "ak", "akt", "ca", "cpa", "apt", "ipm", "spa", "spog",
        "mph", "meng", "mtr", "mtrip", "sst", "sstpel", "strip", "strkes", "ba", "bba", "drs",
    }
)  # fmt: skip
# Spellings of one name, and abbreviations in the names of agencies.
_SYNONYMS: Final = {
    **dict.fromkeys(
        ("moh", "muh", "mohd", "mhd", "mohammad", "mohamad", "muhamad", "mochamad", "mochammad", "moch"), "muhammad"
    ),
    "abd": "abdul",
    "kab": "kabupaten",
    "kec": "kecamatan",
    "kel": "kelurahan",
    "prov": "provinsi",
    "prop": "provinsi",
    "propinsi": "provinsi",
    "pemkab": "pemerintah kabupaten",
    "pemkot": "pemerintah kota",
    "pemprov": "pemerintah provinsi",
    "pemda": "pemerintah daerah",
    "disdik": "dinas pendidikan",
    "dinkes": "dinas kesehatan",
    "dishub": "dinas perhubungan",
    "dinsos": "dinas sosial",
    "kemenag": "kementerian agama",
    "pkm": "puskesmas",
    "sdn": "sd negeri",
    "smpn": "smp negeri",
    "sman": "sma negeri",
    "smkn": "smk negeri",
}
# Short names in the names of agencies alone: a person may bear one of these words.
_AGENCY_SYNONYMS: Final = {
    "kominfo": "komunikasi informatika",
    "diskominfo": "dinas komunikasi informatika",
    "kemenkominfo": "kementerian komunikasi informatika",
    "kemkominfo": "kementerian komunikasi informatika",
    "menkominfo": "menteri komunikasi informatika",
    "komdigi": "komunikasi digital",
    "kemkomdigi": "kementerian komunikasi digital",
    "kemenkomdigi": "kementerian komunikasi digital",
    "menkomdigi": "menteri komunikasi digital",
    "kementrian": "kementerian",
    "kemen": "kementerian",
    "kemdagri": "kementerian dalam negeri",
    "kemenkeu": "kementerian keuangan",
    "kemendagri": "kementerian dalam negeri",
    "disdukcapil": "dinas kependudukan pencatatan sipil",
    "dukcapil": "kependudukan pencatatan sipil",
    "satpolpp": "satuan polisi pamong praja",
    "setda": "sekretariat daerah",
    "sumut": "sumatera utara",
    "sumbar": "sumatera barat",
    "sumsel": "sumatera selatan",
    "kepri": "kepulauan riau",
    "jabar": "jawa barat",
    "jateng": "jawa tengah",
    "jatim": "jawa timur",
    "kalbar": "kalimantan barat",
    "kalteng": "kalimantan tengah",
    "kalsel": "kalimantan selatan",
    "kaltim": "kalimantan timur",
    "kaltara": "kalimantan utara",
    "sulut": "sulawesi utara",
    "sulteng": "sulawesi tengah",
    "sulsel": "sulawesi selatan",
    "sultra": "sulawesi tenggara",
    "sulbar": "sulawesi barat",
    "ntb": "nusa tenggara barat",
    "ntt": "nusa tenggara timur",
    "sumatra": "sumatera",
    "ri": "republik indonesia",
    # Names are written with it, with a sign, and without.
    "dan": "",
}
# The level of a government, which many leave out of the name of an office.
_LEVELS: Final = frozenset({"provinsi", "kabupaten", "kota"})
_STATE: Final = " republik indonesia "
_MINISTRY: Final = "kementerian "
# Names of one agency before and after it was renamed, as normal forms: people go on writing the earlier one.
_RENAMED: Final = (("kementerian komunikasi informatika", "kementerian komunikasi digital"),)
# A shorter rest of a name would be found in the names of others.
_LOOSE_WORDS: Final = 2
_UNKNOWN: Final = frozenset(
    {"", "tidak tahu", "tidak diketahui", "tidak ada", "belum tahu", "tdk tahu", "anonim", "unknown", "i do not know"}
)
# Keyboards, phones and word processors write one apostrophe in all of these ways; a regular expression's set.
APOSTROPHES: Final = r"'`´‘’‛′ʹʻʼʽʾʿˈꞌ＇"
_DOTS: Final = re.compile(rf"[.{APOSTROPHES}]")
# Spellings of one Arabic letter, as Arabic, Persian and Jawi keyboards write it; the tatweel only stretches a word.
_ARABIC: Final = str.maketrans(
    {**dict.fromkeys("ىیې", "ي"), **dict.fromkeys("کڪ", "ك"), **dict.fromkeys("ةہھ", "ه"), "ـ": None}
)
NIP_AT_LEAST: Final = 9
NIP_DIGITS: Final = 18
_MONTHS: Final = 12
# An apostrophe in front keeps a spreadsheet from reading the digits as a number.
_NUMBER_ALONE: Final = re.compile(rf"[{APOSTROPHES}]?(?:(?:NIP|NI\s?PPPK)\W*)?\d[\d\s.\-–]*", re.IGNORECASE)


def nip(text: str) -> str:
    """Return the digits of an employee number (NIP), or "" where there are too few to identify a person."""
    digits = "".join(str(unicodedata.digit(letter)) for letter in text if letter.isdigit())
    return digits if len(digits) >= NIP_AT_LEAST else ""


# Between birth and appointment, in years: nobody enters the civil service younger, or is in it that long.
_YEARS_OF_AGE: Final = range(15, 70)
_PPPK_FROM: Final = 20


def is_employee_number(text: str, *, today: date) -> bool:
    """Whether ``text`` can be an employee number of 18 digits: NIP, or NI PPPK of those employed by contract.

    Eight digits are the date of birth, six the month of appointment (NIP), or its year and a code of the contract (NI
    PPPK, 20 and above), one the sex, three a serial number from 1 on. Spaces, dots, hyphens and a leading "NIP" do not
    count. There is no check digit.
    """
    digits = nip(text)
    if len(digits) != NIP_DIGITS or not _NUMBER_ALONE.fullmatch(text.strip()):
        return False
    try:
        born = date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
    except ValueError:
        return False
    year, month = int(digits[8:12]), int(digits[12:14])
    is_plausible = year - born.year in _YEARS_OF_AGE and year <= today.year + 1
    is_month = 1 <= month <= _MONTHS or month >= _PPPK_FROM
    return is_plausible and is_month and digits[14] in "12" and digits[15:] != "000"


# Each sign of ASCII that is neither letter nor digit becomes a space.
_ASCII_SIGNS: Final = {code: " " for code in range(128) if not chr(code).isalnum()}


def fold(text: str) -> str:
    """Return ``text`` without case, accents, apostrophes, dots and invisible characters; other signs become spaces.

    Letters keep their script: names in Arabic or Javanese letters compare with each other, not with Latin ones. No
    library writes them in Latin letters as their owners do, because Arabic leaves out most vowels.
    """
    # Before the normal form, in which an acute accent that stands alone is a space and an accent.
    plain = _DOTS.sub("", INVISIBLE.sub("", text))
    if plain.isascii():
        # Most texts are; letter by letter they take half the time of a search in 400 releases.
        return plain.lower().translate(_ASCII_SIGNS)
    plain = unicodedata.normalize("NFKD", plain)
    plain = unicodedata.normalize("NFKD", plain.casefold()).translate(_ARABIC)
    return "".join(_folded(letter) for letter in _DOTS.sub("", plain))


def _folded(letter: str) -> str:
    if unicodedata.combining(letter):
        return ""
    # Vowel signs, as of the Javanese script, are marks that belong to the word.
    return letter if letter.isalnum() or unicodedata.category(letter) in {"Mn", "Mc"} else " "


def _words(text: str) -> list[str]:
    """Split into words without case, accents and punctuation; "S.Sos" becomes one word."""
    return " ".join(_SYNONYMS.get(word, word) for word in fold(text).split()).split()


def _drop_degrees(words: list[str]) -> list[str]:
    """Drop degrees from the end, also those written apart ("S. E."); at least one word always remains."""
    while True:
        size = next((n for n in (3, 2, 1) if len(words) > n and "".join(words[-n:]) in _DEGREES), 0)
        if not size:
            return words
        words = words[:-size]


def name(text: str) -> str:
    """Return a person's name without titles and degrees, "" where none is known; degrees follow a comma."""
    before, _comma, _after = text.partition(",")
    words = _words(before) or _words(text)
    while len(words) > 1 and words[0] in _TITLES:
        words = words[1:]
    normalized = " ".join(_drop_degrees(words))
    return "" if normalized in _UNKNOWN else normalized


def office(text: str) -> str:
    """Return the normal form of an agency or a place, "" where none is known."""
    normalized = " ".join(" ".join(_AGENCY_SYNONYMS.get(word, word) for word in _words(text)).split())
    return "" if normalized in _UNKNOWN else normalized


def office_spellings(text: str) -> list[str]:
    """Return the normal forms under which an agency or a place is known, its own first; none where none is known."""
    normalized = office(text)
    return [normalized, *sorted(_all_names([text]) - {normalized})] if normalized else []


def long_forms(word: str) -> tuple[str, ...]:
    """Return a folded word and what it may stand for: "disdik" for "dinas pendidikan", "moh" for "muhammad"."""
    forms = (word, _SYNONYMS.get(word, ""), _AGENCY_SYNONYMS.get(word, ""))
    return tuple(dict.fromkeys(filter(None, forms)))


def may_be_missing(word: str) -> bool:
    """Whether people leave a folded word out of a name: a title, a degree, the level of a government, "dan"."""
    return word in _TITLES or word in _DEGREES or word in _LEVELS or _AGENCY_SYNONYMS.get(word) == ""


def number_alone(text: str) -> str:
    """Return the digits of a text that is one number of at least NIP_AT_LEAST digits and nothing else; else ""."""
    return nip(text) if _NUMBER_ALONE.fullmatch(text.strip()) else ""


def names_office(text: str, offices: Iterable[str]) -> bool:
    """Whether ``text`` names one of these agencies: the words of its normal form stand in that of the text, in a row.

    So a part of an agency counts as well: "Biro Hukum, Kementerian X" names "Kementerian X". The level of a government
    and the state may be missing: "Diskominfo X" names "Dinas Komunikasi dan Informatika Provinsi X", but "Diskominfo
    Kota X" does not. An earlier name of the same agency counts.
    """
    words = office(text)
    return any(_names(words, normalized) for normalized in _all_names(offices))


def _all_names(offices: Iterable[str]) -> set[str]:
    """Return the normal forms of agencies, with those of their other names."""
    names = {normalized for normalized in map(office, offices) if normalized}
    return names.union(*(group for group in _RENAMED if names & set(group)))


def _names(text: str, agency: str) -> bool:
    """Whether one normal form names another, as :func:`names_office` says."""
    if f" {agency} " in f" {text} ":
        return True
    # "Pemerintah Provinsi X" keeps its first word: what is left would be the place.
    loose = _LEVELS if agency.startswith("pemerintah ") else _LEVELS | {"pemerintah"}
    short = _without(agency, loose)
    if len(short.split()) < _LOOSE_WORDS or not _LEVELS & set(text.split()) <= set(agency.split()):
        return False
    return f" {short} " in f" {_without(text, loose)} "


def _without(normalized: str, words: frozenset[str]) -> str:
    """Return a normal form without the name of the state and without these words."""
    rest = f" {normalized} ".replace(_STATE, " ")
    return " ".join(word for word in rest.split() if word not in words)


# A word or a name of so many letters may differ in so many (keys: at least).
_WORD_SLIPS: Final = {9: 2, 4: 1}
_NAME_SLIPS: Final = {12: 2, 7: 1}


def resembles_office(text: str, offices: Iterable[str], *, is_regional: bool) -> bool:
    """Whether ``text`` names one of these agencies but for one or two slips of the keyboard, in words or between them.

    A ministry may be named without that word, as "Staf Komdigi", where no place follows; not where the agency is known
    to be ``is_regional``, because a regional office bears the same name.
    """
    words = _without(office(text), frozenset()).split()
    for normalized in _all_names(offices):
        name_words = _without(normalized, frozenset()).split()
        if any(_is_misspelt(part, name_words) for part in _parts(words, len(name_words))):
            return True
        rest = name_words[1:] if normalized.startswith(_MINISTRY) else []
        is_last = len(rest) >= _LOOSE_WORDS and _is_misspelt(words[-len(rest) :], rest)
        if is_last and not is_regional and not {"dinas", *_LEVELS} & set(words):
            return True
    return False


def _parts(words: list[str], size: int) -> Iterator[list[str]]:
    """Yield the parts of a text of about ``size`` words in a row: a space may be missing, or be one too many."""
    for length in (size, size - 1, size + 1):
        yield from (words[start : start + length] for start in range(len(words) - length + 1) if length > 0)


def _is_misspelt(written: list[str], meant: list[str]) -> bool:
    """Whether words are those of a name but for few letters; with as many words, each is compared with its own."""
    joined, name_joined = "".join(written), "".join(meant)
    slips = edits(joined, name_joined, _slips(name_joined, _NAME_SLIPS))
    if slips is None or len(written) != len(meant):
        return slips is not None and (slips == 0 or len(meant) > 1)
    pairs = zip(written, meant, strict=True)
    return all(edits(word, right, _slips(right, _WORD_SLIPS)) is not None for word, right in pairs)


def _slips(text: str, allowed: Mapping[int, int]) -> int:
    return next((slips for length, slips in allowed.items() if len(text) >= length), 0)


def edits(left: str, right: str, most: int) -> int | None:
    """Return how many letters were added, left out, exchanged or swapped with the next; None for more than ``most``."""
    if abs(len(left) - len(right)) > most:
        return None
    before: list[int] = []
    last = list(range(len(right) + 1))
    for row, letter in enumerate(left, 1):
        current = [row]
        for column, other in enumerate(right, 1):
            cost = min(last[column] + 1, current[-1] + 1, last[column - 1] + (letter != other))
            if row > 1 and column > 1 and letter == right[column - 2] and left[row - 2] == other:
                cost = min(cost, before[column - 2] + 1)
            current.append(cost)
        before, last = last, current
    return last[-1] if last[-1] <= most else None


def person(accused: str, agency: str) -> str:
    """Return the comparison key of a person at an agency; "" without a name."""
    person_name = name(accused)
    return f"{person_name}\0{office(agency)}" if person_name else ""


def agency_key(text: str, place: str) -> str:
    """Return the comparison key of an agency at a place (regency, or a province's code); "" without an agency.

    The place is part of the key because every regency has, for instance, an education office.
    """
    agency = office(text)
    return f"{agency}\0{office(place)}" if agency else ""


_REFERENCE: Final = re.compile(r"(?:KN)?(\d\d)([0-9A-Z]{6})|([0-9A-Z]{6})")
# A reference without a year is looked for in this many earlier years.
YEARS_BACK: Final = 5


def references(text: str, this_year: int) -> list[str]:
    """Return the case references that ``text`` can mean ("KN-26-XXXXXX"), none where it is no reference.

    Case, hyphens and spaces do not count, O is read as 0, I and L as 1. The prefix and the two digits of the year may
    be missing; then ``this_year`` and the years before it are tried.
    """
    plain = "".join(letter for letter in text.upper() if letter.isalnum() and letter.isascii())
    match = _REFERENCE.fullmatch(plain)
    if match is None or len(text) > 40:
        return []
    symbols = match[2] or match[3]
    folded = symbols.replace("O", "0").replace("I", "1").replace("L", "1")
    years = [match[1]] if match[1] else [f"{(this_year - back) % 100:02}" for back in range(YEARS_BACK + 1)]
    return [f"KN-{year}-{spelling}" for year in years for spelling in dict.fromkeys((symbols, folded))]
