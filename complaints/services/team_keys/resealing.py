"""Seals rows again that are sealed to older keys of a team: slice by slice, in sessions of its members only.

A slice is one transaction; several members can work at the same time or one after another. When no row is left, the
older private keys are deleted. A row that does not open is set aside and prevents this.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import F, Model, QuerySet

from complaints.domain.errors import SealError
from complaints.models.team import Team, TeamKey
from complaints.services import resealing_registry, team_key_history
from complaints.services.audit import batches
from complaints.services.audit.state import change_facts, state_of
from complaints.services.keyring import Actor, Keyring, Locked
from complaints.services.resealing_registry import R, SealedTable
from complaints.services.team_key_history import UnpinnedKey
from complaints.services.team_keys.membership import current_keys

SLICE: Final = 200
# Rows of a team that its progress counts; of a million, counting all took longer than sealing some of them again.
COUNTED_AT_MOST: Final = 10_000


@dataclass(frozen=True)
class Progress:
    """The state of a team: ``left`` rows wait, ``stuck`` rows did not open, of ``total`` at the start ``since``.

    Both are counted up to COUNTED_AT_MOST + 1, which stands for "more".
    """

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
    def is_counted(self) -> bool:
        """Whether ``left`` and ``stuck`` are exact, and so ``done``."""
        return max(self.left, self.stuck) <= COUNTED_AT_MOST

    @property
    def done(self) -> int:
        """The number of rows sealed again so far."""
        return max(self.total - self.left - self.stuck, 0)


def progress(*, team: Team) -> Progress:
    """Return the state of a team; no key is needed."""
    rows = list(team.keys.filter(sealed_previous__isnull=False).order_by("number"))
    if not rows:
        return Progress(team, 0, 0, 0, None)
    tables = resealing_registry.registered_tables()
    left = _count([resealing_registry.rows_with_older_key(table, team) for table in tables])
    stuck = _count([resealing_registry.rows_set_aside(table, team) for table in tables])
    return Progress(team, max(rows[-1].total, left + stuck), left, stuck, rows[0].made_at)


def _count(querysets: Iterable[QuerySet[Model]]) -> int:
    """Return how many rows there are, no more than COUNTED_AT_MOST + 1."""
    number = 0
    for rows in querysets:
        number += rows.order_by().values("pk")[: COUNTED_AT_MOST + 1 - number].count()
    return number


def open_rotations(teams: QuerySet[Team]) -> list[TeamKey]:
    """Return the oldest unfinished rotation of each of ``teams``."""
    rows = TeamKey.objects.filter(team__in=teams, sealed_previous__isnull=False).select_related("team__body")
    oldest: dict[uuid.UUID, TeamKey] = {}
    for row in rows.order_by("number"):
        oldest.setdefault(row.team_id, row)
    return list(oldest.values())


def reseal(*, actor: Actor, team_id: uuid.UUID, limit: int = SLICE) -> Progress:
    """Seal the next ``limit`` rows again, and delete the older keys once no row is left.

    Raises Locked, UnpinnedKey, and AdmissionRefused(changed) where another member has changed the key in between.
    """
    team = _reseal_slice(actor, team_id, limit)
    state = progress(team=team)
    if not state.open or state.left or state.stuck:
        return state
    _delete_older_keys(actor, team)
    return progress(team=team)


@transaction.atomic
def _reseal_slice(actor: Actor, team_id: uuid.UUID, limit: int) -> Team:
    batches.open_batch()  # before any row is locked: identities join the open batch
    slug = Team.objects.values_list("slug", flat=True).get(pk=team_id)
    # Locks the team until the end of the transaction, so that its key does not change.
    team = team_key_history.pinned_team(slug)
    current_keys(actor.keyring, team)
    done = failed = 0
    for table in resealing_registry.registered_tables():
        rows = (
            resealing_registry.rows_with_older_key(table, team)
            .select_for_update(of=("self",), skip_locked=True)
            .order_by("pk")
        )
        for row in rows[: limit - done - failed]:
            if _reseal_row(table, row, actor.keyring, team):
                done += 1
            else:
                failed += 1
    if done or failed:
        facts = {"team": team.slug, "number": team.key_number, "rows": done, "failed": failed}
        actor.record("teamkey.resealed", facts=facts)
    return team


def _reseal_row(table: SealedTable[R], row: R, keyring: Keyring, team: Team) -> bool:
    try:
        table.reseal(row, keyring, team)
    except (SealError, Locked, UnpinnedKey):
        table.rows(team).filter(pk=row.pk).update(sealed_number=-F("sealed_number"))
        return False
    row.sealed_number = team.key_number
    row.save(update_fields=[*table.columns, "sealed_number"])
    return True


@transaction.atomic
def _delete_older_keys(actor: Actor, team: Team) -> None:
    """Delete the older private keys of a team, if there are any and no row is sealed to them."""
    # Waits for transactions that seal to the team, so that their rows are counted. The key may have been changed since
    # ``team`` was read: the number that counts is that of the locked row, or rows of the newest change would be lost.
    team = Team.objects.select_for_update().get(pk=team.pk)
    older_keys = team.keys.filter(sealed_previous__isnull=False)
    has_rows = any(
        resealing_registry.rows_with_older_key(table, team).exists()
        or resealing_registry.rows_set_aside(table, team).exists()
        for table in resealing_registry.registered_tables()
    )
    if has_rows or not older_keys.exists():
        return
    before = state_of(team, "team")
    older_keys.update(sealed_previous=None, finished_at=actor.now)
    actor.keyring.forget()
    facts = {"team": team.slug, "number": team.key_number, **change_facts(team, "team", before=before)}
    actor.record("teamkey.finished", subject=team.pk, facts=facts)


@transaction.atomic
def retry(*, keyring: Keyring, team_id: uuid.UUID) -> None:
    """Let the rows that were set aside be tried again; raises Locked without the team's key."""
    team = Team.objects.get(pk=team_id)
    keyring.team(team)
    for table in resealing_registry.registered_tables():
        resealing_registry.rows_set_aside(table, team).update(sealed_number=-F("sealed_number"))
