"""What the session of a member of triage does before it lists cases: detect conflicts, index and assign new reports.

Likely junk among them goes into a lane of its own. It needs the keys of the member's team, which no scheduled job
holds, and deals with the reports of that team alone.
"""

from __future__ import annotations

import time
import uuid
from contextlib import suppress
from typing import Final

from complaints import access
from complaints.domain.errors import SealError
from complaints.models.complaint import Complaint
from complaints.services import assignment, blind_index, conflict_detection
from complaints.services.keyring import Actor, Locked
from complaints.services.team_key_history import UnpinnedKey

# Reports of one transaction: those of a page of the queue. A burst takes several, and several requests.
AT_ONCE: Final = 50
SLICE: Final = 200
# No further transaction is begun after so many seconds, so that no page waits long for a flood.
SECONDS: Final = 1.0


def process_new_reports(*, actor: Actor) -> None:
    """Compare changed staff, index new reports and assign them, so that nobody sees a case they have a conflict in."""
    if not actor.keyring.unlocked or not access.has_unindexed_reports(actor.staff):
        return
    with suppress(Locked, SealError, UnpinnedKey):
        conflict_detection.recheck_staff(actor=actor)
        _index_new(actor)
        assignment.auto_assign(now=actor.now)


def _index_new(actor: Actor) -> None:
    """Index up to SLICE new reports, the oldest first."""
    until, indexed = time.monotonic() + SECONDS, list[uuid.UUID]()
    while len(indexed) < SLICE and (not indexed or time.monotonic() < until):
        new = Complaint.objects.filter(index_entry=None, case__held_by=actor.keyring.report_team)
        new = new.exclude(case__in=access.conflicted_cases(actor.staff))
        rows = list(new.exclude(pk__in=indexed).prefetch_related("grants").order_by("day", "pk")[:AT_ONCE])
        access.clear_cache(actor.staff)
        if not rows:
            break
        blind_index.index_reports(actor=actor, complaints=rows, pictures=False)
        indexed += [row.pk for row in rows]
