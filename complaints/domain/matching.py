"""The one spelling of a person, an agency and a number, so that two reports that mean the same are found alike.

Plain Python; only services.similarity calls it. What comes out is digested under a key and never stored as it is: a
wrong match costs an officer a look, so the rules lean towards matching.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

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
# One name in many spellings, and words of offices in short.
_SAME: Final = {
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
_NOBODY: Final = frozenset(
    {"", "tidak tahu", "tidak diketahui", "tidak ada", "belum tahu", "tdk tahu", "anonim", "unknown", "i do not know"}
)
_DOTS: Final = re.compile(r"[.'’`]")
_ELSE: Final = re.compile(r"[^a-z0-9]+")
NIP_AT_LEAST: Final = 9


def nip(text: str) -> str:
    """Return the digits of an employee number, or "" where they are too few to mean one person."""
    digits = "".join(str(unicodedata.digit(letter)) for letter in text if letter.isdigit())
    return digits if len(digits) >= NIP_AT_LEAST else ""


def _words(text: str) -> list[str]:
    """Fold case, accents, dots and signs; "S.Sos" becomes one word."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    words = _ELSE.sub(" ", _DOTS.sub("", plain)).split()
    return " ".join(_SAME.get(word, word) for word in words).split()


def _drop_degrees(words: list[str]) -> list[str]:
    """Drop degrees from the end, those written apart ("S. E.") too; the last word left is always a name."""
    while True:
        size = next((n for n in (3, 2, 1) if len(words) > n and "".join(words[-n:]) in _DEGREES), 0)
        if not size:
            return words
        words = words[:-size]


def name(text: str) -> str:
    """Return a person's name without titles and degrees; what follows a comma is taken for degrees."""
    before, _comma, _after = text.partition(",")
    words = _words(before) or _words(text)
    while len(words) > 1 and words[0] in _TITLES:
        words = words[1:]
    found = " ".join(_drop_degrees(words))
    return "" if found in _NOBODY else found


def office(text: str) -> str:
    """Return an agency or a place in one spelling."""
    found = " ".join(_words(text))
    return "" if found in _NOBODY else found


def person(accused: str, agency: str) -> str:
    """Return what stands for a person at an agency; "" without a name."""
    found = name(accused)
    return f"{found}\0{office(agency)}" if found else ""


def agency_key(text: str, place: str) -> str:
    """Return what stands for an agency at a place (regency, or a province's code); "" without an agency.

    The place belongs to it: every regency has an education office.
    """
    found = office(text)
    return f"{found}\0{office(place)}" if found else ""


_REFERENCE: Final = re.compile(r"(?:KN)?(\d\d)([0-9A-Z]{6})|([0-9A-Z]{6})")
# How many years back a reference without its year is looked for.
YEARS_BACK: Final = 5


def references(text: str, this_year: int) -> list[str]:
    """Return the references that somebody may have meant; none where the text is no reference.

    Case, hyphens and spaces do not count, O is read as 0, I and L as 1; the year (the last two digits of
    ``this_year`` and of those before) and the letters before it may be left out.
    """
    plain = "".join(letter for letter in text.upper() if letter.isalnum() and letter.isascii())
    found = _REFERENCE.fullmatch(plain)
    if found is None or len(text) > 40:
        return []
    symbols = found[2] or found[3]
    folded = symbols.replace("O", "0").replace("I", "1").replace("L", "1")
    years = [found[1]] if found[1] else [f"{(this_year - back) % 100:02}" for back in range(YEARS_BACK + 1)]
    return [f"KN-{year}-{spelling}" for year in years for spelling in dict.fromkeys((symbols, folded))]
