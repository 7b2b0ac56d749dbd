"""The answers of a draft in words, for the check page, and whether Bawaslu has jurisdiction over it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from django.forms import Field
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from complaints.forms.report import AGENCY_LABELS, StartForm, StoryForm, WhoForm
from complaints.services import reference_data
from complaints.services.submission import Draft
from complaints.views import posts


@dataclass(frozen=True)
class Section:
    """The answers of one page: (label, answer) of those given, and the labels of those left empty."""

    step: str
    title: str
    rows: list[tuple[str, str]]
    empty: list[str]


def concerns_bawaslu(draft: Draft) -> bool:
    """Tell whether Bawaslu, alone or beside others, judges what the draft describes."""
    kind = reference_data.accused_kind(draft.get("accused_kind", ""))
    category = reference_data.category(draft.get("category", ""))
    return (kind is not None and kind.route in {"bawaslu", "both"}) or (
        category is not None and category.door == "bawaslu"
    )


def sections(draft: Draft) -> list[Section]:
    """Return the answers of the draft in words, in the order of the pages."""
    story = _section("story", _("Your account"), StoryForm.base_fields, draft)
    for number, post in enumerate(draft.get("posts", ()), start=1):
        story.rows.append((_("Post %(number)d") % {"number": number}, posts.in_words(post)))
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
        else:
            empty.append(str(field.label))
    return Section(step, title, given, empty)


def _in_words(name: str, draft: Draft) -> str:
    value = str(draft.get(name) or "")
    if name == "accused_name" and not value and draft.get("accused_unknown"):
        return _("I do not know")
    if not value:
        return ""
    if name in {"event_from", "event_until", "learnt_on"}:
        return date_format(date.fromisoformat(value), "l, j F Y")
    if name == "accused_kind":
        return str(reference_data.accused_kind(value) or "")
    if name == "category":
        return str(reference_data.category(value) or "")
    if name == "agency_kind":
        return str(AGENCY_LABELS[value])
    if name == "province":
        return next((row.name for row in reference_data.provinces() if row.code == value), "")
    return value
