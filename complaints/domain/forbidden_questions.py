"""Questions that nobody may put to a reporter: found in what staff write, by the phrases of a public list.

Each phrase is a regular expression over plain text. A sentence that forbids what it names ("do not write your name") is
no question. What no phrase covers is not found: the list says what is looked for, and no more.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from complaints.domain.disclosure import plain

_SENTENCE: Final = re.compile(r"[^.!?;\n]+[.!?;]*")
# Before the phrase, in the same part of a sentence: it is told not to do it.
_FORBIDS: Final = re.compile(
    r"\b(?:jangan(?:lah)?|tidak\s+(?:perlu|usah|harus|wajib|boleh|akan|meminta|menanyakan)|tak\s+perlu|tanpa|dilarang"
    r"|do\s+not|don['’]?t|need\s+not|never|without|no\s+need)\b",
    re.IGNORECASE,
)

# A sentence that only states something asks for nothing.
_ASKS: Final = re.compile(
    r"\?\s*$|\b(?:siapa(?:kah)?|berapa(?:kah)?|apa(?:kah)?|mana(?:kah)?(?!\s*pun)|tolong|mohon|silakan|silahkan|harap|coba(?:lah)?"
    r"|boleh(?:kah)?|bisa(?:kah)?|dapatkah|maukah|minta|meminta|perlu|butuh|membutuhkan|wajib|harus|lewat|sertakan"
    r"|sebutkan|tuliskan|tulis(?:lah)?|cantumkan|lampirkan|kirim(?:kan|lah)?|isi(?:kan|lah)?|beri(?:kan)?|beritahu(?:kan)?"
    r"|perkenalkan|jelaskan|sampaikan|rekam|foto|potret|kumpulkan|carikan|salinlah|rekamlah|fotolah|datang(?:lah)?|temui"
    r"|what|which|who|whom|where|when|please|tell|send|state|need|must|should|(?:can|could|may|would)\s+(?:we|you|i)|try|go|call|identify"
    r"|introduce|come|visit|meet|give\s+(?:us|me))\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class ForbiddenQuestion:
    """A row of the list: what may not be asked, why, and by which phrases it is found.

    ``texts`` are title and reason by language, as "title_id". Without ``may_override`` there is no reason that lets it
    through.
    """

    code: str
    texts: Mapping[str, str]
    may_override: bool
    phrases: tuple[re.Pattern[str], ...]

    def text(self, name: str, language: str) -> str:
        """Return "title", "reason" or "example" in a language; the Indonesian where there is no other."""
        return self.texts.get(f"{name}_{language}") or self.texts[f"{name}_id"]


@dataclass(frozen=True)
class Hit:
    """Words of a text that put a forbidden question."""

    question: ForbiddenQuestion
    words: str

    @property
    def kind(self) -> str:
        """The kind of warning under which a reason lets it through, as audit entries hold it."""
        return f"asks-{self.question.code}"


class ForbiddenQuestionPut(Exception):
    """A text to a reporter puts questions of the list, and was given no reason that lets them through: ``hits``."""

    def __init__(self, hits: Sequence[Hit]) -> None:
        super().__init__(", ".join(hit.question.code for hit in hits))
        self.hits = tuple(hits)


def read(rows: Iterable[Mapping[str, str | bool | Sequence[str]]]) -> tuple[ForbiddenQuestion, ...]:
    """Return the rows of the list; raises KeyError or re.error for one that cannot be right."""
    names = ("title", "reason", "example")
    return tuple(
        ForbiddenQuestion(
            code=str(row["code"]),
            texts={f"{name}_{language}": str(row[f"{name}_{language}"]) for name in names for language in ("id", "en")},
            may_override=bool(row["may_override"]),
            phrases=tuple(re.compile(rf"\b(?:{phrase})\b", re.IGNORECASE) for phrase in _phrases(row)),
        )
        for row in rows
    )


def _phrases(row: Mapping[str, str | bool | Sequence[str]]) -> list[str]:
    phrases = row["phrases"]
    return [] if isinstance(phrases, bool) else list(phrases)


def find(text: str, questions: Sequence[ForbiddenQuestion]) -> list[Hit]:
    """Return the forbidden questions in a text, each once with the words that put it, in the order of the list."""
    sentences = [match.group().strip() for match in _SENTENCE.finditer(plain(text))]
    return [hit for question in questions for hit in _first(question, sentences)]


def refuse(text: str, questions: Sequence[ForbiddenQuestion], given: Collection[str] = ()) -> None:
    """Raise ForbiddenQuestionPut for a text that puts one of them; ``given`` are the kinds that have a reason."""
    hits = [hit for hit in find(text, questions) if not (hit.question.may_override and hit.kind in given)]
    if hits:
        raise ForbiddenQuestionPut(hits)


def _first(question: ForbiddenQuestion, sentences: Sequence[str]) -> Iterator[Hit]:
    for sentence in sentences:
        for phrase in question.phrases:
            match = phrase.search(sentence)
            if match and _ASKS.search(sentence) and not _FORBIDS.search(sentence, 0, match.end()):
                yield Hit(question, match.group())
                return
