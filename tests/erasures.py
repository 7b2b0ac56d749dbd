"""Erasures as two people enter them, for the tests of what follows."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.utils import timezone

from complaints.models.erasure import Erasure
from complaints.services.audit import recorded_erasures
from complaints.services.erasure import erasing, remains
from complaints.services.erasure.remains import Remains
from complaints.services.keyring import Actor
from tests.world import ring


def agreed(complaint: uuid.UUID, *, by: tuple[str, str] = ("fitri", "vera")) -> Erasure:
    """An erasure that the first person has proposed and the second one confirmed."""
    proposer, confirmer = (Actor(ring(name), timezone.now()) for name in by)
    erasure = Erasure(complaint_id=complaint, ground=Erasure.Ground.WITHDRAWN, proposed_by=proposer.staff)
    erasure.proposed_on = proposer.today
    erasure.save()
    facts = recorded_erasures.decision_facts(erasure)
    proposer.record(recorded_erasures.PROPOSED, subject=erasure.pk, facts=facts)
    erasure.state, erasure.confirmed_by, erasure.confirmed_on = "confirmed", confirmer.staff, confirmer.today
    erasure.save()
    confirmer.record(recorded_erasures.CONFIRMED, subject=erasure.pk, facts=facts)
    return erasure


def erased(complaint: uuid.UUID, *, now: datetime) -> Erasure:
    """An erasure that is done."""
    erasure = agreed(complaint)
    assert erasing.erase(erasure.pk, now=now)
    erasure.refresh_from_db()
    return erasure


def left_of(complaint: uuid.UUID) -> dict[str, int]:
    """How many rows of a report are stored that its erasure deletes, by table; those with none are left out."""
    of_report = Remains(complaint, frozenset())
    sources = [*remains.readable_rows(of_report), *(table.rows(of_report) for table in remains.TABLES)]
    counts = {rows.model.__name__: rows.count() for rows in sources}
    return {name: count for name, count in counts.items() if count}
