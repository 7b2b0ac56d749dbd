"""The answers of a draft in words, for the check page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from django.forms import Field
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from complaints.forms.circle import CIRCLE_LABELS
from complaints.forms.fields import ReporterForm
from complaints.forms.report import AGENCY_LABELS, IDENTITY_LABELS, StartForm, StoryForm, WhoForm
from complaints.services import reference_data
from complaints.services.evidence.posts import collect
from complaints.services.submission import Draft
from complaints.views import posts


@dataclass(frozen=True)
class Section:
    """The answers of one page: (label, answer) of those given, and the labels of those left empty."""

    step: str
    title: str
    rows: list[tuple[str, str]]
    empty: list[str]


def sections(draft: Draft) -> list[Section]:
    """Return the answers of the draft in words, in the order of the pages."""
    # Of the links, what will be stored is shown: a post for each, and as text what is more.
    listed, surplus = collect(draft.get("links", ""), draft.get("posts", ()))
    story = _section("story", _("Your account"), StoryForm.base_fields, draft | {"links": surplus})
    if listed and not surplus:
        story.empty.remove(str(StoryForm.base_fields["links"].label))
    for number, post in enumerate(listed, start=1):
        lines = [posts.in_words(post), *posts.typed_in_words(post)]
        story.rows.append((_("Post %(number)d") % {"number": number}, "\n".join(lines)))
    return [
        _section("start", _("What it is about"), StartForm.base_fields, draft),
        _section("who", _("Who, where, when"), WhoForm.base_fields, draft),
        story,
    ]


def _section(step: str, title: str, fields: Mapping[str, Field], draft: Draft) -> Section:
    given, empty = [], []
    for name, field in fields.items():
        if name in {"accused_unknown", "evidence"}:
            continue
        value = _in_words(name, draft)
        if value:
            given.append((str(field.label), value))
        elif name != "circle":
            empty.append(str(field.label))
    return Section(step, title, given, empty)


def differing(form: ReporterForm, kept: Draft, typed: Draft) -> list[tuple[str, str]]:
    """Return (label, answer in words) of what is kept, for each field of ``form`` in which ``typed`` differs.

    An answer that is kept as typed, because it is not valid yet, stands as it is; one that is empty says so.
    """
    rows = []
    for name, field in form.fields.items():
        pair = [kept_in_words(name, draft) for draft in (kept, typed)]
        if name not in {"accused_unknown", "recipient"} and pair[0] != pair[1]:
            rows.append((str(field.label), pair[0] or _("Left empty")))
    pair = [posts.begun_in_words(draft.get("post", {})) for draft in (kept, typed)]
    if pair[0] != pair[1]:
        rows.append((_("Details of a post, not added yet"), pair[0] or _("Left empty")))
    return rows


def kept_in_words(name: str, draft: Draft) -> str:
    """Return an answer in words; as typed where it is not valid yet."""
    try:
        return _in_words(name, draft)
    except (KeyError, ValueError):
        return str(draft.get(name))


def _in_words(name: str, draft: Draft) -> str:
    value = str(draft.get(name) or "")
    if name == "accused_name" and not value and draft.get("accused_unknown"):
        return _("I do not know")
    if not value:
        return ""
    if name in {"event_from", "event_until", "learnt_on"}:
        return date_format(date.fromisoformat(value), "l, j F Y")
    label = _LABELS.get(name)
    return label(value) if label else value


def _accused_kind(code: str) -> str:
    """Return a kind of accused in the words of the reporter's form; staff read another label."""
    kind = reference_data.accused_kind(code)
    return kind.text("label") if kind else ""


_LABELS: dict[str, Callable[[str], str]] = {
    "accused_kind": _accused_kind,
    "circle": lambda code: str(CIRCLE_LABELS[code]),
    "category": lambda code: str(reference_data.category(code) or ""),
    "agency_kind": lambda code: str(AGENCY_LABELS[code]),
    "identity": lambda code: str(IDENTITY_LABELS[code]),
    "province": lambda code: next((row.name for row in reference_data.provinces() if row.code == code), ""),
}
