"""Imports of a table as wholes: the cases that came with one, and taking it back on the day after.

An import is taken back by whoever made it, and by nobody else: a colleague who wants a finding gone goes the way on
which two persons decide. Cases that somebody has worked on stay.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import F

from complaints import access
from complaints.domain.errors import Refused
from complaints.domain.workflow import Action, ActorKind, Refusal, TransitionRefused
from complaints.models.case import Case, CaseStep
from complaints.models.complaint import Complaint
from complaints.models.team import Staff
from complaints.services import transitions
from complaints.services.audit import recorded_imports
from complaints.services.audit.recorded_imports import RecordedImport
from complaints.services.keyring import Actor, require_admission
from complaints.services.lane import untouched
from complaints.services.messages import write_note

UNDO_WITHIN: Final = timedelta(days=1)


class ImportRefused(Refused):
    """The import cannot be taken back; ``code`` is "theirs", "late" or "nothing"."""


@dataclass(frozen=True)
class Import:
    """An import as one member of triage sees it.

    Attributes:
        person: who made it; None where the account is gone.
        until: the time up to which it can be taken back.
        untouched: its cases that can be taken back, ``worked`` those on which somebody has worked, ``undone`` those
            that were taken back; cases that this person may not see are in none of them, and are ``hidden``.
        refused: why this person cannot take it back now, a code of ImportRefused, or "".
    """

    key: uuid.UUID
    person: Staff | None
    at: datetime
    until: datetime
    untouched: Sequence[Case]
    worked: Sequence[Case]
    undone: Sequence[Case]
    hidden: int
    refused: str

    @property
    def number(self) -> int:
        """How many cases came with it."""
        return len(self.untouched) + len(self.worked) + len(self.undone) + self.hidden


def cases_of(key: uuid.UUID) -> tuple[uuid.UUID, ...]:
    """Return the cases that came with an import, as the chain records it; () where there is none."""
    recorded = recorded_imports.recorded_import(key)
    return recorded.cases if recorded else ()


def open_import(*, actor: Actor, key: uuid.UUID) -> Import:
    """Return an import; raises Locked outside triage, Case.DoesNotExist where this person sees no case of it."""
    require_admission(actor.keyring)
    recorded = recorded_imports.recorded_import(key)
    if recorded is None:
        raise Case.DoesNotExist
    return _opened(actor, recorded)


def recent_imports(*, actor: Actor) -> list[Import]:
    """Return the imports that the person made within UNDO_WITHIN, the newest first."""
    require_admission(actor.keyring)
    since = actor.now - UNDO_WITHIN
    reports = Complaint.objects.filter(channel=Complaint.Channel.IMPORT, day__gte=actor.today - UNDO_WITHIN)
    cases = access.cases_for(actor.staff).filter(complaints__in=reports).values_list("pk", flat=True)
    keys = recorded_imports.import_keys(list(cases), actor=actor.staff.pk, since=since)
    return [open_import(actor=actor, key=key) for key in keys]


def _opened(actor: Actor, recorded: RecordedImport) -> Import:
    cases = access.cases_for(actor.staff).filter(pk__in=recorded.cases).order_by("reference")
    visible = {case.pk: case for case in cases}
    if not visible:
        raise Case.DoesNotExist
    undone = undone_cases(visible)
    free = set(untouched(visible).values_list("pk", flat=True))
    until = recorded.at + UNDO_WITHIN
    refused = "theirs" if recorded.actor != actor.staff.pk else "late" if actor.now > until else ""
    return Import(
        key=recorded.key,
        person=Staff.objects.filter(pk=recorded.actor).first(),
        at=recorded.at,
        until=until,
        untouched=[case for case in visible.values() if case.pk in free],
        worked=[case for case in visible.values() if case.pk not in free | undone],
        undone=[case for case in visible.values() if case.pk in undone],
        hidden=len(recorded.cases) - len(visible),
        refused=refused or ("" if free else "nothing"),
    )


def undone_cases(cases: Sequence[uuid.UUID] | dict[uuid.UUID, Case]) -> set[uuid.UUID]:
    """Return those of the cases whose import was taken back, unless somebody has reopened them; one query."""
    last = CaseStep.objects.filter(case__in=list(cases), sequence=F("case__step_count"), action=Action.UNDO_IMPORT)
    return set(last.values_list("case", flat=True))


@transaction.atomic
def undo(*, actor: Actor, key: uuid.UUID, reason: str) -> Import:
    """Take an import back: each case that nobody has worked on ends by a step; all these steps are taken, or none.

    ``reason`` becomes an internal note of each case. Returns the import as it is then.

    Raises:
        ImportRefused: it is somebody else's, more than UNDO_WITHIN old, or all its cases were worked on.
        TransitionRefused: without a reason, or a case is not as the chain records it.
        Case.DoesNotExist, Locked: as :func:`open_import`.
    """
    if not reason.strip():
        raise TransitionRefused(Refusal.REASON_MISSING)
    # All reports, then all cases, before the first step locks the chain: the order of every transaction.
    cases = cases_of(key)
    list(Complaint.objects.select_for_update().filter(case__in=cases).order_by("pk").values_list("pk"))
    list(Case.objects.select_for_update(of=("self",)).filter(pk__in=cases).order_by("pk").values_list("pk"))
    opened = open_import(actor=actor, key=key)
    if opened.refused:
        raise ImportRefused(opened.refused)
    for case in opened.untouched:
        step = transitions.perform(
            case_id=case.pk, action=Action.UNDO_IMPORT, actor_kind=ActorKind.STAFF, actor=actor, reason=reason
        )
        for complaint in step.case.complaints.prefetch_related("grants"):
            write_note(complaint=complaint, text=reason, actor=actor, step=step)
    return open_import(actor=actor, key=key)
