"""What a member's session does before it shows any list: compare changed people, and meet what is new.

Both need the triage team's key, which no job holds.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from complaints import access
from complaints.domain.errors import SealError
from complaints.models.complaint import Complaint
from complaints.services import assignment, conflict_detection, similarity
from complaints.services.actor import Actor
from complaints.services.keyring import Locked
from complaints.services.team_key_history import UnpinnedKey

# One page of the queue; a burst is met in several looks.
AT_ONCE: Final = 50


def process_new_reports(*, actor: Actor) -> None:
    """Compare whoever's data changed, and index new reports, so that nobody is shown what they stand in."""
    if not actor.keyring.unlocked or not access.has_unindexed_reports(actor.staff):
        return
    with suppress(Locked, SealError, UnpinnedKey):
        conflict_detection.recheck_staff(actor=actor)
        new = Complaint.objects.filter(is_indexed=False).exclude(case__in=access.conflicted_cases(actor.staff))
        rows = list(new.prefetch_related("grants").order_by("day", "pk")[:AT_ONCE])
        access.clear_cache(actor.staff)
        similarity.index_reports(actor=actor, complaints=rows, pictures=False)
        assignment.auto_assign(now=actor.now)
