"""Sealing again to a team's key of today what lies under older ones: slice by slice, in members' sessions only.

Any member may go on where another stopped, or beside them; a slice is one transaction. When nothing is left the older
private keys are forgotten. A row that does not open is set aside and keeps them: nobody forgets a key by mistake.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.db.models import F, QuerySet

from complaints.domain.sealing.primitives import SealError
from complaints.models.team import Team, TeamKey
from complaints.services import resealing_registry, team_key_history
from complaints.services.actor import Actor
from complaints.services.keyring import Keyring, Locked
from complaints.services.resealing_registry import SealedTable
from complaints.services.team_key_history import UnpinnedKey
from complaints.services.team_keys.membership import AdmissionRefused, current_keys

SLICE: Final = 200


@dataclass(frozen=True)
class Progress:
    """How far a team is: ``left`` rows still wait, ``stuck`` ones did not open, of ``total`` at the beginning."""

    team: Team
    total: int
    left: int
    stuck: int
    since: datetime | None

    @property
    def open(self) -> bool:
        """Whether an older key is still kept."""
        return self.since is not None

    @property
    def done(self) -> int:
        """Rows sealed again so far."""
        return max(self.total - self.left - self.stuck, 0)


def progress(*, team: Team) -> Progress:
    """Return how far the sealing again of a team is; reads nothing sealed."""
    rows = list(team.keys.filter(sealed_previous__isnull=False).order_by("number"))
    if not rows:
        return Progress(team, 0, 0, 0, None)
    every = resealing_registry.registered_tables()
    left = sum(resealing_registry.rows_with_older_key(holding, team).count() for holding in every)
    stuck = sum(resealing_registry.rows_set_aside(holding, team).count() for holding in every)
    return Progress(team, max(rows[-1].total, left + stuck), left, stuck, rows[0].made_at)


def open_rotations(teams: QuerySet[Team]) -> list[TeamKey]:
    """Return the oldest unfinished key change of each of ``teams``."""
    rows = TeamKey.objects.filter(team__in=teams, sealed_previous__isnull=False).select_related("team__body")
    oldest: dict[uuid.UUID, TeamKey] = {}
    for row in rows.order_by("number"):
        oldest.setdefault(row.team_id, row)
    return list(oldest.values())


def reseal(*, actor: Actor, team_id: uuid.UUID, limit: int = SLICE) -> Progress:
    """Seal the next ``limit`` rows again, and forget the older keys once nothing is left.

    Raises:
        Locked: the person does not hold the team's key.
        UnpinnedKey: the key of today does not follow from the pinned one.
        AdmissionRefused(changed): a colleague has changed the key again meanwhile.
    """
    team = _slice(actor, team_id, limit)
    reached = progress(team=team)
    if not reached.open or reached.left or reached.stuck:
        return reached
    _finish(actor, team)
    return progress(team=team)


@transaction.atomic
def _slice(actor: Actor, team_id: uuid.UUID, limit: int) -> Team:
    slug = Team.objects.values_list("slug", flat=True).get(pk=team_id)
    # Held until the slice is done: nobody changes the key under it.
    team = team_key_history.pinned_team(slug)
    current_keys(actor.keyring, team)
    done = failed = 0
    for holding in resealing_registry.registered_tables():
        rows = (
            resealing_registry.rows_with_older_key(holding, team)
            .select_for_update(of=("self",), skip_locked=True)
            .order_by("pk")
        )
        for row in rows[: limit - done - failed]:
            if _reseal(holding, row, actor.keyring, team):
                done += 1
            else:
                failed += 1
    if done or failed:
        facts = {"team": team.slug, "number": team.key_number, "rows": done, "failed": failed}
        actor.record("teamkey.resealed", facts=facts)
    return team


def _reseal(holding: SealedTable, row: Any, keyring: Keyring, team: Team) -> bool:
    try:
        holding.reseal(row, keyring, team)
    except (SealError, Locked, UnpinnedKey):
        type(row).objects.filter(pk=row.pk).update(sealed_number=-row.sealed_number)
        return False
    row.sealed_number = team.key_number
    row.save(update_fields=[*holding.columns, "sealed_number"])
    return True


@transaction.atomic
def _finish(actor: Actor, team: Team) -> None:
    """Forget the older keys, if there is anything to forget and nothing left under them."""
    # Waits for whoever is sealing to the team: what they wrote is counted.
    Team.objects.select_for_update().get(pk=team.pk)
    kept = team.keys.filter(sealed_previous__isnull=False)
    every = resealing_registry.registered_tables()
    waits = any(
        resealing_registry.rows_with_older_key(one, team).exists()
        or resealing_registry.rows_set_aside(one, team).exists()
        for one in every
    )
    if waits or not kept.exists():
        return
    kept.update(sealed_previous=None, finished_at=actor.now)
    actor.keyring.forget()
    facts = {"team": team.slug, "number": team.key_number}
    actor.record("teamkey.finished", facts=facts)


@transaction.atomic
def retry(*, keyring: Keyring, team_id: uuid.UUID) -> None:
    """Put what was set aside back into the line; raises Locked without the team's key."""
    team = Team.objects.get(pk=team_id)
    keyring.team(team)
    for holding in resealing_registry.registered_tables():
        resealing_registry.rows_set_aside(holding, team).update(sealed_number=-F("sealed_number"))


__all__ = ["AdmissionRefused", "Progress", "open_rotations", "progress", "reseal", "retry"]
