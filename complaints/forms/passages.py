"""What of a message may tell who wrote it: shown to the reporter once before it is sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext_lazy as _

from complaints.domain.telling_passages import Tells, proposals
from complaints.domain.visible_text import INVISIBLE

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

# Names of other people are what a report is about, so that they are not among these.
TELLING: Final[dict[Tells, StrOrPromise]] = {
    Tells.OWN_NAME: _("Seems to be your own name"),
    Tells.CONTACT: _("A number or an address that leads to a person"),
    Tells.UNIT: _("A unit or a room: few people work there"),
    Tells.COUNT: _("A number of people: it narrows down who can know this"),
    Tells.ALONE: _("Only one person can say this"),
    Tells.TALK: _("The day or hour of a conversation: whoever was there knows who told of it"),
}
LISTED_AT_MOST: Final = 12


@dataclass(frozen=True)
class Passage:
    """A passage of a text as it was typed, and in words what it may tell."""

    words: str
    tells: StrOrPromise


def telling_of_answer(text: str) -> list[Passage]:
    """Return the passages of a message that may tell who wrote it, each once, at most LISTED_AT_MOST."""
    # The rules see no character that cannot be seen, which would tear a word apart.
    seen = INVISIBLE.sub("", text)
    passages = [
        (seen[item.start : item.end].strip(), TELLING[item.kind]) for item in proposals(seen) if item.kind in TELLING
    ]
    return [Passage(words, tells) for words, tells in dict.fromkeys(passages)][:LISTED_AT_MOST]
