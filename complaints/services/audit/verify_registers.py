"""Verifies the registers of urgent matters: each team's has the version that its newest entry records."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from django.db import transaction
from django.db.models import Subquery, TextField
from django.db.models.fields.json import KeyTextTransform

from complaints.models.audit import AuditEntry, ChainHead
from complaints.models.team import Team
from complaints.models.urgent_register import UrgentRegister
from complaints.services.audit import log
from complaints.services.audit.faults import Fault, RowCheck, once

SEALED: Final = "register.sealed"


def recorded_version(team: uuid.UUID) -> int:
    """Return the version of a team's register that the chain records last, 0 for none; one query."""
    entry = log.last_entry_about(team, SEALED)
    return int(str(entry.facts["version"])) if entry else 0


def last_version(team: uuid.UUID) -> Subquery:
    """Return an expression for the version of a team's register that the chain records last, None for none."""
    entries = AuditEntry.objects.filter(event=SEALED, subject=team).order_by("-sequence")
    # As text: a value inside of JSON is read differently by the two databases.
    return Subquery(entries.values(version=KeyTextTransform("version", "facts"))[:1], output_field=TextField())


def register_faults(_keys: Sequence[object]) -> Iterator[Fault]:
    """Yield a fault for each team whose register is missing, was planted, or has another version than recorded."""
    if not _altered():
        return
    with transaction.atomic():
        # Again without an act under way: each appends its entry after its row.
        ChainHead.objects.select_for_update().get(pk=1)
        altered = _altered()
    for team, version in sorted(altered.items()):
        yield Fault(None, "register.altered", f"team {team}", version)


def _altered() -> Mapping[str, str]:
    """Return by the id of a team the version that is stored and not recorded, "" where the row is gone."""
    stored = {str(team): version for team, version in UrgentRegister.objects.values_list("team", "version")}
    recorded = {str(team): recorded_version(team) for team in Team.objects.values_list("pk", flat=True)}
    return {team: str(stored.get(team, "")) for team in recorded if stored.get(team, 0) != recorded[team]}


CHECKS: Final = (RowCheck("registers", once, register_faults),)
