"""What the session of a member of triage does before it lists cases: detect conflicts, index and assign new reports.

It needs triage's keys, which no scheduled job holds.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from complaints import access
from complaints.domain.errors import SealError
from complaints.models.complaint import Complaint
from complaints.services import assignment, blind_index, conflict_detection
from complaints.services.actor import Actor
from complaints.services.keyring import Locked
from complaints.services.team_key_history import UnpinnedKey

# One page of the queue; a burst takes several requests.
AT_ONCE: Final = 50


def process_new_reports(*, actor: Actor) -> None:
    """Compare changed staff, index new reports and assign them, so that nobody sees a case they have a conflict in."""
    if not actor.keyring.unlocked or not access.has_unindexed_reports(actor.staff):
        return
    with suppress(Locked, SealError, UnpinnedKey):
        conflict_detection.recheck_staff(actor=actor)
        new = Complaint.objects.filter(index_entry=None).exclude(case__in=access.conflicted_cases(actor.staff))
        rows = list(new.prefetch_related("grants").order_by("day", "pk")[:AT_ONCE])
        access.clear_cache(actor.staff)
        blind_index.index_reports(actor=actor, complaints=rows, pictures=False)
        assignment.auto_assign(now=actor.now)
