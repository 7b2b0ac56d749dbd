"""What was written on some reports, messages, notes and assessments alike, read in one query and still sealed."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Final

from django.db.models import BooleanField, CharField, DateField, DateTimeField, Field, Q, QuerySet, UUIDField, Value
from django.db.models.functions import Cast

from complaints.models.case import Assessment, Case, InternalNote
from complaints.models.complaint import Message
from complaints.models.team import Staff

_AUTHOR: Final = ("username", "first_name", "last_name")
_OWN: Final = ("id", "complaint_id", "sequence", "transition_id", "author_id", "sealed")
# What not every kind has; the others say none. One kind's name of the signing key stands for both.
_SOME: Final[dict[str, Field[Any, Any]]] = {
    "at": DateTimeField(),
    "day": DateField(),
    "direction": CharField(),
    "release_id": UUIDField(),
    "is_read": BooleanField(),
}
_KEYS: Final = {Message: "signer", InternalNote: "author_key", Assessment: "author_key"}


@dataclass
class Written:
    """Messages by report and number, notes by time, assessments by number; authors have their names and no more."""

    messages: list[Message] = field(default_factory=list)
    notes: list[InternalNote] = field(default_factory=list)
    assessments: list[Assessment] = field(default_factory=list)


def read_written(*, case: Case, complaints: Collection[uuid.UUID]) -> Written:
    """Read what was written on ``complaints``, the reports of ``case``, and the checklists of its steps."""
    ours = Q(complaint__in=complaints)
    # A checklist stays with its step, also where its report has been moved to another case since.
    steps = Assessment.objects.filter(transition__case=case).exclude(complaint__in=complaints)
    parts = (
        (Message, Message.objects.filter(ours)),
        (InternalNote, InternalNote.objects.filter(ours)),
        (Assessment, Assessment.objects.filter(ours)),
        (Assessment, steps),
    )
    first, *others = (_columns(model, rows) for model, rows in parts)
    found: dict[type[Any], list[Any]] = {model: [] for model in _KEYS}
    models = {model.__name__: model for model in _KEYS}
    for name, *values in first.union(*others, all=True):
        model = models[name]
        found[model].append(_made(model, values))
    return Written(
        messages=sorted(found[Message], key=lambda row: (str(row.complaint_id), row.sequence)),
        notes=sorted(found[InternalNote], key=lambda row: (row.at, row.sequence)),
        assessments=sorted(found[Assessment], key=lambda row: row.sequence),
    )


def _columns(model: type[Any], rows: QuerySet[Any]) -> QuerySet[Any, Any]:
    """Give each kind the same columns in the same order and of the same types, as a union asks for them."""
    has = {one.attname for one in model._meta.concrete_fields}
    none = {f"no_{name}": Cast(Value(None), kind) for name, kind in _SOME.items() if name not in has}
    some = (name if name in has else f"no_{name}" for name in _SOME)
    authors = (f"author__{name}" for name in _AUTHOR)
    rows = rows.annotate(model=Cast(Value(model.__name__), CharField()), **none).order_by()
    return rows.values_list("model", *_OWN, _KEYS[model], *some, *authors)


def _made(model: type[Any], values: list[Any]) -> Any:
    row = _with(model, dict(zip([*_OWN, _KEYS[model], *_SOME], values, strict=False)))
    names = dict(zip(_AUTHOR, values[-len(_AUTHOR) :], strict=True))
    row.author = _with(Staff, names | {"id": row.author_id}) if row.author_id else None
    return row


def _with(model: type[Any], cells: dict[str, Any]) -> Any:
    """Make a row of some columns; ``from_db`` takes them in the model's own order."""
    known = [one.attname for one in model._meta.concrete_fields if one.attname in cells]
    return model.from_db(None, known, [cells[name] for name in known])
