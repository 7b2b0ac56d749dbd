"""What a search document says of one report: by it members search, and find reports that are alike.

It lies encrypted, so all that is told here of a report's words and files is known only to those who may read it.

A document begins with three bytes, its version, the grade of the risk and whether words were left out, so that a scan
for the grade unpacks nothing. Compressed follow a line of JSON and the texts of each place, folded as
domain.search_words says.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from complaints.domain.errors import SealError
from complaints.domain.risk import RiskGrade

# The first byte of a document; another one is not read.
VERSION: Final = 1
# What a document takes before it is encrypted. It tells nothing else of its length.
SIZES: Final = (1024, 4096, 16384)
_HEAD_BYTES: Final = 3
# The second byte; 0 where nobody has assessed the risk.
_GRADES: Final = (None, RiskGrade.LOW, RiskGrade.MEDIUM, RiskGrade.HIGH)
_BETWEEN_PLACES, _BETWEEN_TEXTS = "\0", "\n"
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
class SearchedTexts:
    """The folded texts of a report by place, as in domain.search_words.

    Attributes:
        posts: addresses and accounts; they are kept whole, and stand in the place of the words.
        words: those of the story, then of messages, notes and file names, each once; the last are left out first.
        is_partial: some of the words are missing, because they did not fit or did not open.
    """

    names: tuple[str, ...] = ()
    agencies: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    posts: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    is_partial: bool = False

    def joined(self) -> str:
        """Return all texts in one, by which :func:`texts_in` finds them again."""
        last = _BETWEEN_TEXTS.join([*self.posts, " ".join(self.words)])
        places = [_BETWEEN_TEXTS.join(texts) for texts in (self.names, self.agencies, self.places)]
        return _BETWEEN_PLACES.join([*places, last])


@dataclass(frozen=True)
class SearchDocument:
    """What is kept of a report.

    Attributes:
        fingerprint: of the story, as from :func:`fingerprint`; None where it has no word.
        words: the number of different words of the story.
        files: the SHA-256 of each file (hexadecimal).
        evidence: the number of files and posts when the report was first read.
        names: whether the report names an accused person or an agency, in the form or in its story, or brings a post.
        risk: the grade of the last risk assessment; None where there is none.
        texts: what is searched; not read again by :meth:`decode`.
    """

    fingerprint: int | None
    words: int
    files: tuple[str, ...] = ()
    evidence: int = 0
    names: bool = False
    risk: RiskGrade | None = None
    texts: SearchedTexts = SearchedTexts()

    def encode(self) -> bytes:
        """Return the bytes that are padded and encrypted: below the last of SIZES, by leaving out the last words."""
        data, fitting, too_many = self._encode(), 0, len(self.texts.words)
        if len(data) < SIZES[-1]:
            return data
        while too_many - fitting > 1:
            middle = (fitting + too_many) // 2
            if len(self._with_words(middle)._encode()) < SIZES[-1]:
                fitting = middle
            else:
                too_many = middle
        return self._with_words(fitting)._encode()

    def _with_words(self, number: int) -> SearchDocument:
        return replace(self, texts=replace(self.texts, words=self.texts.words[:number], is_partial=True))

    def _encode(self) -> bytes:
        fields = {"f": self.fingerprint, "w": self.words, "h": self.files, "e": self.evidence, "n": self.names}
        body = json.dumps(fields, separators=(",", ":")) + _BETWEEN_PLACES + self.texts.joined()
        head = bytes([VERSION, _GRADES.index(self.risk), self.texts.is_partial])
        return head + zlib.compress(body.encode())

    @classmethod
    def decode(cls, data: bytes) -> SearchDocument:
        """Read what :meth:`encode` wrote, but for the texts; raises SealError."""
        risk, line = risk_in(data), _body(data).partition(_BETWEEN_PLACES)[0]
        try:
            fields = json.loads(line)
            return cls(fields["f"], fields["w"], tuple(fields["h"]), fields["e"], fields["n"], risk)
        except (ValueError, LookupError, TypeError) as error:
            raise SealError("content") from error


def risk_in(data: bytes) -> RiskGrade | None:
    """Return the grade of the risk that an encoded document holds; raises SealError."""
    if len(data) < _HEAD_BYTES or data[0] != VERSION or data[1] >= len(_GRADES):
        raise SealError("unknown version")
    return _GRADES[data[1]]


def is_partial(data: bytes) -> bool:
    """Whether words of the report are missing in an encoded document."""
    return data[2] != 0


def texts_in(data: bytes) -> Sequence[str]:
    """Return the folded texts of an encoded document, one for each place of domain.search_words; raises SealError."""
    risk_in(data)
    return _body(data).split(_BETWEEN_PLACES)[1:]


def _body(data: bytes) -> str:
    try:
        return zlib.decompress(data[_HEAD_BYTES:]).decode()
    except (ValueError, zlib.error) as error:
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


def of_story(
    story: str,
    *,
    files: Iterable[str],
    evidence: int,
    names: bool,
    risk: RiskGrade | None = None,
    texts: SearchedTexts = SearchedTexts(),
) -> SearchDocument:
    """Return the document of a report with this ``story``; the other arguments are as in the class."""
    words = words_of(story)
    return SearchDocument(fingerprint(words), len(set(words)), tuple(files), evidence, names, risk, texts)
