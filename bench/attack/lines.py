"""Alters each column that a line of a list shows alone, and asks what lists ask before they draw it.

Django has to be set up on the database of a portal. Each alteration is undone before the next.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from django.db import models, transaction

from complaints.models.case import Case
from complaints.models.oversight import OversightBody
from complaints.models.reference_data import AccusedKind, Category, Province
from complaints.models.team import Staff
from complaints.services.audit import recorded_lines

FAR: Final = date(2099, 1, 1)


def told_lines() -> list[str]:
    """Return the columns of a case in review that can be altered without its line being left out."""
    case = Case.objects.filter(status="in_review", linked_into=None).order_by("pk").first()
    if case is None or recorded_lines.differing([case]):
        return ["no case as recorded"]
    return [name for name, value in _altered(case).items() if not _is_left_out(case, name, value)]


def _altered(case: Case) -> dict[str, Any]:
    return {
        "reference": "KN-99-PLANTED",
        "status": "verified",
        "asked_from": "received",
        "stage_reached": 4,
        "step_count": case.step_count + 1,
        "status_on": FAR,
        "due_on": FAR,
        "received_on": FAR,
        "lead_body": _other(OversightBody, case.lead_body_id),
        "assignee": _other(Staff, case.assignee_id),
        "assigned_by": _other(Staff, case.assigned_by_id),
        "stands_for": _other(Staff, case.stands_for_id),
        "assigned_on": FAR,
        "confirmed_on": FAR,
        "category": _other(Category, case.category_id),
        "accused_kind": _other(AccusedKind, case.accused_kind_id),
        "province": _other(Province, case.province_id),
        "agency_kind": "village" if case.agency_kind != "village" else "city",
        "lane": "junk" if case.lane != "junk" else "out",
        "held_by": "separate" if case.held_by != "separate" else "triage",
    }


def _other(model: type[models.Model], key: object) -> models.Model | None:
    return model._base_manager.exclude(pk=key).order_by("pk").first()


def _is_left_out(case: Case, name: str, value: Any) -> bool:
    with transaction.atomic():
        Case.objects.filter(pk=case.pk).update(**{name: value})
        left_out = recorded_lines.differing(list(Case.objects.filter(pk=case.pk)))
        transaction.set_rollback(True)
    return case.pk in left_out
