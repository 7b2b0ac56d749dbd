"""What of a text may tell who wrote it: shown to the reporter once before it is sent, with a decision for each place.

The page that asks carries field and words of each place, so that what is decided holds for the text as it is when the
answer comes: words that stand there no more are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from complaints.domain import normalization
from complaints.domain.telling_passages import OF_WRITER, Proposal, Tells, proposals
from complaints.domain.visible_text import INVISIBLE, visible

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

TELLING: Final[dict[Tells, StrOrPromise]] = {
    Tells.OWN_NAME: _("Seems to be your own name"),
    Tells.CONTACT: _("A number or an address that leads to a person"),
    Tells.UNIT: _("A unit or a room: few people work there"),
    Tells.FEW: _("A small number of people: it narrows down who can know this"),
    Tells.ALONE: _("Only one person can say this"),
    Tells.TALK: _("The day or hour of a conversation: whoever was there knows who told of it"),
}
LISTED_AT_MOST: Final = 12
# So many characters of the line are shown on each side of a passage.
AROUND: Final = 40
# What is typed in place of a passage.
OWN_WORDS_AT_MOST: Final = 200
# Decisions, as the page posts them.
TAKE, OWN, KEEP = "take", "own", "keep"
_MONTH: Final = re.compile(r"\d{1,2}\s+([^\W\d_]{3,}(?:\s+\d{4})?)$")
_HOUR: Final = re.compile(r"(?:pukul|jam|at)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Passage:
    """A passage of the text in ``field``: its words as typed, what it may tell, and what is proposed in its place.

    ``before`` and ``after`` are some of the same line, by which the place is known. ``choice`` and ``typed`` are
    what was chosen and typed on the page and not applied yet.
    """

    field: str
    words: str
    tells: StrOrPromise
    proposed: str
    before: str = ""
    after: str = ""
    choice: str = ""
    typed: str = ""


def find(
    texts: Mapping[str, str],
    *,
    about: Collection[str] = (),
    kinds: Mapping[str, Collection[Tells]] | None = None,
    known_number: str = "",
    kept: Collection[str] = (),
) -> list[Passage]:
    """Return the passages of ``texts`` (by field) that may tell who wrote them, each once, at most LISTED_AT_MOST.

    Args:
        about: names, posts and agencies of the accused, which a report needs.
        kinds: by field what is looked for, where not all of OF_WRITER is.
        known_number: a number of the accused, which the report names anyway.
        kept: words that the reporter has decided to keep.
    """
    passages: dict[tuple[str, str], Passage] = {}
    for field, typed in texts.items():
        wanted = (kinds or {}).get(field, OF_WRITER)
        text = INVISIBLE.sub("", typed)
        for item in _places(text, about):
            words = text[item.start : item.end]
            is_known = words in kept or (
                bool(known_number) and item.kind is Tells.CONTACT and _digits(words) == _digits(known_number)
            )
            if item.kind in wanted and not is_known:
                before, after = _around(text, item)
                passage = Passage(field, words, TELLING[item.kind], _proposed(item, words), before, after)
                passages.setdefault((field, words), passage)
    return list(passages.values())[:LISTED_AT_MOST]


def telling_of_answer(text: str) -> list[Passage]:
    """Return the passages of a message that may tell who wrote it."""
    return find({"text": text})


def replaced(text: str, replacements: Mapping[str, str], about: Collection[str] = ()) -> str:
    """Return ``text`` with other words for each passage that is one of ``replacements``, wherever the rules find it."""
    seen = INVISIBLE.sub("", text)
    pieces, end = [], 0
    for item in _places(seen, about):
        other = replacements.get(seen[item.start : item.end])
        if other is not None:
            pieces += [seen[end : item.start], other]
            end = item.end
    return "".join([*pieces, seen[end:]]) if pieces else text


def _places(text: str, about: Collection[str]) -> Iterator[Proposal]:
    """Yield what may tell of the writer, in order; of two that overlap the one that begins first."""
    end = 0
    for item in proposals(text, accused=about, kinds=OF_WRITER):
        if item.start >= end:
            end = item.end
            yield item


def _around(text: str, item: Proposal) -> tuple[str, str]:
    """Return some words of the line before and after a passage."""
    before = text[max(0, item.start - AROUND) : item.start].rpartition("\n")[2]
    after = text[item.end : item.end + AROUND].partition("\n")[0].rstrip("\r")
    cut_before = before.partition(" ")[2] if len(before) == AROUND else before
    cut_after = after.rpartition(" ")[0] if len(after) == AROUND else after
    return (f"… {cut_before}" if cut_before != before else before), (f"{cut_after} …" if cut_after != after else after)


def _digits(words: str) -> str:
    return "".join(letter for letter in normalization.fold(words) if letter.isdigit())


def _proposed(item: Proposal, words: str) -> str:
    """Return vaguer words: the month of a day, "a few people", else that something was removed."""
    if item.kind is Tells.TALK and (month := _MONTH.search(words)):
        return month[1]
    if item.kind is Tells.TALK and not _HOUR.match(words):
        return gettext("one day")
    vague = {Tells.UNIT: gettext("one of the units"), Tells.FEW: gettext("a few people")}
    return vague.get(item.kind, gettext("[removed]"))


def decisions(posted: Mapping[str, str]) -> dict[str, dict[str, str | None]]:
    """Return what was decided, by field and words: other words, or None to keep it.

    A place without a decision is kept, unless other words were typed for it. ``posted`` is what the page sends,
    numbered from 0.
    """
    decided: dict[str, dict[str, str | None]] = {}
    for number in range(LISTED_AT_MOST):
        field, words = posted.get(f"field-{number}", ""), posted.get(f"words-{number}", "")
        replacement = posted.get(f"own-{number}", words)
        choice = posted.get(f"choice-{number}", KEEP if replacement == words else OWN)
        other = {TAKE: posted.get(f"proposed-{number}", ""), OWN: replacement}.get(choice)
        if field and words:
            decided.setdefault(field, {})[words] = None if other is None else visible(other)[:OWN_WORDS_AT_MOST]
    return decided


def chosen(posted: Mapping[str, str]) -> dict[str, list[str]]:
    """Return what was chosen and typed so far, to be kept: [choice, own words], by the words of the place."""
    kept = {}
    for number in range(LISTED_AT_MOST):
        words = posted.get(f"words-{number}", "")
        typed = posted.get(f"own-{number}", words)[:OWN_WORDS_AT_MOST]
        choice = posted.get(f"choice-{number}", "")
        if words and (choice in {TAKE, OWN, KEEP} or typed != words):
            kept[words] = [choice, typed]
    return kept


def with_chosen(listed: Iterable[Passage], kept: Mapping[str, list[str]]) -> list[Passage]:
    """Return the passages with what :func:`chosen` has of them; a field has the words as they stand without it."""
    unchanged = ["", ""]
    pairs = ((passage, kept.get(passage.words, unchanged)) for passage in listed)
    return [replace(passage, choice=choice, typed=typed or passage.words) for passage, (choice, typed) in pairs]


def applied(texts: Mapping[str, str], posted: Mapping[str, str], about: Collection[str] = ()) -> dict[str, str]:
    """Return ``texts`` with what was decided to say instead; "keep everything" changes nothing."""
    if posted.get("do") != "apply":
        return dict(texts)
    decided = decisions(posted)
    changes = {
        field: {words: other for words, other in choices.items() if other is not None}
        for field, choices in decided.items()
    }
    return {
        field: replaced(text, change, about) if (change := changes.get(field)) else text
        for field, text in texts.items()
    }
