"""What a search document says of one report: by it members find reports that are alike, without opening them.

It lies encrypted, so all that is told here of a report's words and files is known only to those who may read it.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from complaints.domain.errors import SealError

# The first byte of a document; another one is not read. Later versions add to the fields of this one.
VERSION: Final = 1
FINGERPRINT_BITS: Final = 64
_WORDS_IN_SHINGLE: Final = 3
# Letters of any script. Numbers are left out: a counter in each copy makes no text another one.
_WORD: Final = re.compile(r"[^\W\d_]+")
# What leads to a person without a word: a link, an account, an employee number (NIP) of 18 digits.
_LEADS: Final = re.compile(
    r"https?://|\bwww\.|\b[\w-]+\.(?:com|id|net|org|me)\b|(?<![\w.])@\w[\w.]+|(?<!\d)\d(?:[ .-]?\d){17}(?!\d)",
    re.IGNORECASE,
)
# Posts of which an office has one; two words are two neighbours.
_POSTS: Final = frozenset(
    {
        "camat", "lurah", "kades", "bupati", "wabup", "walikota", "wawali", "gubernur", "wagub", "sekda", "sekdes",
        "sekcam", "sekdin", "kadis", "kabag", "kabid", "kasi", "kasie", "kasubag", "kasubbag", "kepsek", "kapus",
        "kaban", "kakan", "karo", "dirjen", "sekjen", "menteri", "rektor", "dekan", "direktur", "plt", "pj",
    }
)  # fmt: skip
_POSTS_OF_TWO: Final = frozenset(
    {("wali", "kota"), ("wakil", "bupati"), ("wakil", "gubernur"), ("sekretaris", "daerah")}
)
# Before a name or a post. What may follow where only the reader is addressed: it is no name.
_TITLES: Final = frozenset({"bapak", "bpk", "pak", "ibu", "bu", "kepala"})
_NO_NAME: Final = frozenset(
    {
        *_TITLES, "admin", "atau", "cepat", "dan", "di", "diperiksa", "dong", "ini", "itu", "ke", "kami", "mohon",
        "penting", "saya", "segera", "sekalian", "sekarang", "tindak", "tolong", "untuk", "yang", "ya", "yth",
    }
)  # fmt: skip


@dataclass(frozen=True)
class SearchDocument:
    """What is kept of a report.

    Attributes:
        fingerprint: of the story, as from :func:`fingerprint`; None where it has no word.
        words: the number of different words of the story.
        files: the SHA-256 of each file (hexadecimal).
        evidence: the number of files and posts.
        names: whether the report names an accused person or an agency, in the form or in its story, or brings a post.
    """

    fingerprint: int | None
    words: int
    files: tuple[str, ...] = ()
    evidence: int = 0
    names: bool = False

    def encode(self) -> bytes:
        """Return the bytes that are padded and encrypted."""
        fields = {"f": self.fingerprint, "w": self.words, "h": self.files, "e": self.evidence, "n": self.names}
        return bytes([VERSION]) + zlib.compress(json.dumps(fields, separators=(",", ":")).encode())

    @classmethod
    def decode(cls, data: bytes) -> SearchDocument:
        """Read what :meth:`encode` wrote; fields that are not known are passed over. Raises SealError."""
        if data[:1] != bytes([VERSION]):
            raise SealError("unknown version")
        try:
            fields = json.loads(zlib.decompress(data[1:]))
            return cls(fields["f"], fields["w"], tuple(fields["h"]), fields["e"], fields["n"])
        except (ValueError, LookupError, TypeError, zlib.error) as error:
            raise SealError("content") from error


def words_of(text: str) -> list[str]:
    """Return the words of a text in order, without case, accents, numbers and punctuation."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return _WORD.findall("".join(letter for letter in plain if not unicodedata.combining(letter)))


def names_somebody(story: str) -> bool:
    """Whether a story says whom it is about: a post, a title before a name, an account, a link, or a NIP.

    It rather says so too often: a report that names somebody is never likely junk.
    """
    words = words_of(story)
    pairs = list(pairwise(words))
    return bool(
        _LEADS.search(story)
        or not _POSTS.isdisjoint(words)
        or not _POSTS_OF_TWO.isdisjoint(pairs)
        or any(first in _TITLES and second not in _NO_NAME for first, second in pairs)
    )


def fingerprint(words: list[str]) -> int | None:
    """Return the simhash (64 bits) of the triples of words; None without a word.

    Texts that share most of their triples differ in few bits, texts that share few in about half of them.
    """
    if not words:
        return None
    spans = range(max(1, len(words) - _WORDS_IN_SHINGLE + 1))
    shingles = {" ".join(words[start : start + _WORDS_IN_SHINGLE]) for start in spans}
    hashes = [format(int.from_bytes(_hash(shingle), "big"), "064b") for shingle in shingles]
    # A bit is set where it is set in more than half of the hashes.
    bits = ("1" if 2 * column.count("1") > len(hashes) else "0" for column in zip(*hashes, strict=True))
    return int("".join(bits), 2)


def _hash(shingle: str) -> bytes:
    return hashlib.blake2b(shingle.encode(), person=b"word triple", digest_size=FINGERPRINT_BITS // 8).digest()


def of_story(story: str, *, files: Iterable[str], evidence: int, names: bool) -> SearchDocument:
    """Return the document of a report with this ``story``; the other arguments are as in the class."""
    words = words_of(story)
    return SearchDocument(fingerprint(words), len(set(words)), tuple(files), evidence, names)
