"""The first three pages of a report as data: form, choices and order; and the progress of a draft."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext_noop
from django.utils.translation import gettext as _

from complaints.forms.fields import Choice, ReporterForm, card, latest_day
from complaints.forms.report import StartForm, StoryForm, WhoForm
from complaints.page_cache import empty_fields
from complaints.services import reference_data
from complaints.services.submission import Draft

# How the choices of page 1 fold: the words of a group, and the codes in it. Others stand outside of every group.
FOLDS: Final = (
    (gettext_noop("Orders or threats"), ("A1", "A2", "A9")),
    (gettext_noop("Money or posts"), ("A3", "A4")),
    (gettext_noop("Told to take part or hand in data"), ("A5", "A6", "A7")),
    (gettext_noop("Enticed by outsiders"), ("A8",)),
    (gettext_noop("Campaign or support"), ("B1", "B2", "B3", "B4", "B12")),
    (gettext_noop("Office, staff, facilities"), ("B5", "B6", "B7")),
    (gettext_noop("Party or campaign team"), ("B8", "B9", "B10", "B11")),
    (gettext_noop("Social media or chat groups"), ("C1", "C2", "C3", "C4", "C5")),
    (gettext_noop("Not for this portal"), ("D1", "D2")),
)
KIND_FOLDS: Final = (
    (gettext_noop("Not a civil servant"), ("regional_head", "campaign_team", "village_head", "military_police")),
)
NOT_ASN_EXAMPLES: Final = gettext_noop("Regional head, campaign team, village head, armed forces or police")


@dataclass(frozen=True)
class Step:
    """A page of the report: its form, the choices by ``door``, and the URL names of the pages before and after."""

    name: str
    form: type[ReporterForm]
    choices: Callable[[str], dict[str, Any]]
    before: str
    after: str

    @property
    def url(self) -> str:
        return f"report_{self.name}"

    @property
    def template(self) -> str:
        return f"report/{self.name}"

    def known(self, draft: Draft) -> dict[str, Any]:
        """Return the draft's answers to this page."""
        return {name: value for name in self.form.base_fields if (value := draft.get(name))}

    def kept(self, draft: Draft) -> dict[str, Any]:
        """Return all that this page would replace in the draft: its answers, on page 3 the form of a post as well."""
        begun = draft.get("post", {}) if self.form is StoryForm else {}
        post = {name: value for name, value in begun.items() if value}
        return self.known(draft) | ({"post": post} if post else {})

    def make(self, door: str, *args: Any, **kwargs: Any) -> ReporterForm:
        """Return the form, bound to ``args`` where there are any."""
        if self.form is WhoForm:
            kwargs["today"] = latest_day(timezone.now())
        return self.form(*args, **kwargs, **self.choices(door))

    def fields(self, door: str, draft: Draft) -> list[SafeString]:
        """Return the rendered fields with the draft's answers; without answers from the page cache."""
        if known := self.known(draft):
            return self.make(door, initial=known).rendered()
        return empty_fields(lambda: self.make(door), (self.name, door, *self.choices(door).values()))


def _folded(
    rows: Iterable[tuple[str, str]], folds: Sequence[tuple[str, Collection[str]]], examples: str = ""
) -> tuple[Choice, ...]:
    """Return choices, those of a fold together where its first one stands; ``examples`` are shown below its words."""
    titles = {code: _(title) for title, codes in folds for code in codes}
    groups: dict[str, list[tuple[str, str]]] = {}
    for code, label in rows:
        groups.setdefault(titles.get(code, code), []).append((code, label))
    return tuple(
        (card(title, examples), tuple(cards)) if cards[0][0] != title else cards[0] for title, cards in groups.items()
    )


@lru_cache(maxsize=16)
def _choices_of_start(door: str, language: str, edition: Hashable) -> dict[str, tuple[Choice, ...]]:
    cards = ((row.code, card(str(row), row.text("example"))) for row in reference_data.categories(door))
    kinds = ((row.code, row.text("label")) for row in reference_data.accused_kinds())
    return {"kinds": _folded(kinds, KIND_FOLDS, _(NOT_ASN_EXAMPLES)), "categories": _folded(cards, FOLDS)}


def choices_of_start(door: str) -> dict[str, Any]:
    """Return the kinds of accused and the categories to choose from, as the form of page 1 takes them."""
    return _choices_of_start(door, get_language() or "", reference_data.edition())


def _who_choices(door: str) -> dict[str, Any]:
    return {"provinces": tuple((row.code, row.name) for row in reference_data.provinces())}


STEPS = (
    Step("start", StartForm, choices_of_start, before="home", after="report_who"),
    Step("who", WhoForm, _who_choices, before="report_start", after="report_story"),
    Step("story", StoryForm, lambda door: {}, before="report_who", after="report_check"),
)
START, WHO, STORY = STEPS


def missing_step(draft: Draft) -> Step | None:
    """Return the first page that is not answered yet."""
    return next((step for step in STEPS if step.name not in draft.get("done", ())), None)


def door_elsewhere(draft: Draft) -> str:
    """Return the channel that handles the draft's category, "bawaslu" or "sp4n"; empty for this portal."""
    category = reference_data.category(draft.get("category", ""))
    return category.door if category and category.group == "elsewhere" else ""


def door_of(draft: Draft, door: str) -> str:
    """Return the entry of a draft, "pressed" or "witnessed": as chosen, else by its category."""
    category = reference_data.category(draft.get("category", ""))
    doors = {"pressure": "pressed", "offline": "witnessed", "online": "witnessed"}
    return door or draft.get("door", "") or (doors.get(category.group, "") if category else "")
