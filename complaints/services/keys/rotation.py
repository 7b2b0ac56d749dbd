"""Changing a team's key in a member's session: a new one, signed by the old, for those who stay; the rest follows.

From the end of this one transaction nothing new is sealed to the old key. What lies under it is sealed again in
slices (services.keys.resealing); until that is done the old private key is kept, sealed to the new one.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from complaints import access
from complaints.domain.sealing import succession
from complaints.domain.sealing.keys import KeySet
from complaints.domain.sealing.records import KEY_SIZES, seal_record
from complaints.models.team import Staff, Team, TeamKey, TeamMembership
from complaints.services import audit, holdings, lineage, sessions, vault
from complaints.services.keys.leaving import Cause, leave, reason_context
from complaints.services.keys.teams import AdmissionRefused, recovery_digest, renew_recovery, todays
from complaints.services.vault import Keyring, Locked


@dataclass(frozen=True)
class Plan:
    """Who would hold the next key: ``staying`` get it at once, ``returning`` have to be admitted again.

    ``recovery`` is the digest of the keepers' public keys as the team keeps them; "" where there are none.
    """

    team: Team
    leaving: TeamMembership | None
    staying: list[TeamMembership]
    returning: list[TeamMembership]
    recovery: str


def plan(*, keyring: Keyring, team_id: uuid.UUID, removing: uuid.UUID | None = None) -> Plan:
    """Return who would hold the team's next key; raises as :func:`rotate`, and writes nothing."""
    return _plan(keyring, Team.objects.get(pk=team_id), removing)


def _plan(keyring: Keyring, team: Team, removing: uuid.UUID | None) -> Plan:
    me = keyring.staff
    if me is None or keyring.signer is None:
        raise Locked(team.slug)
    keys = todays(keyring, team)
    rows = TeamMembership.objects.filter(team=team, left_at=None).select_related("staff__body", "team__body")
    members = list(rows.order_by("staff__username", "pk"))
    leaving = next((row for row in members if row.pk == removing), None)
    if removing and leaving is None:
        raise AdmissionRefused("gone")
    if leaving and leaving.staff_id == me.pk:
        raise AdmissionRefused("self")
    admitted = [row for row in members if row.sealed_key and row != leaving and _belongs(row)]
    staying = [row for row in admitted if vault.is_certified(row, keys)]
    returning = [row for row in admitted if row not in staying]
    return Plan(team, leaving, staying, returning, recovery_digest(team))


def _belongs(row: TeamMembership) -> bool:
    return row.staff.is_active and row.staff.has_key and access.may_join(row.staff, row.team)


@transaction.atomic
def rotate(
    *, keyring: Keyring, team_id: uuid.UUID, now: datetime, removing: uuid.UUID | None = None, reason: str = ""
) -> Team:
    """Give a team a new key, without the person of membership ``removing`` and all who do not belong to it any more.

    Args:
        reason: why the person is removed; sealed to the team's new key.

    Raises:
        Locked: the person does not hold the team's key.
        UnpinnedKey: the key of today does not follow from the pinned one.
        AdmissionRefused: self, gone, changed.
    """
    # Waits for whoever is sealing to this team, and lets nobody read its key until the new one stands there.
    team = Team.objects.select_for_update().get(pk=team_id)
    lineage.pinned_team(team.slug)
    planned = _plan(keyring, team, removing)
    old, new = keyring.team(team), KeySet.new()
    link = succession.succeed(team=team.pk.bytes, number=team.key_number + 1, old=old, new=new)
    team.public_key, team.verify_key, team.key_number = link.public, link.verify, link.number
    recovered = renew_recovery(team, old, new)
    team.save()
    _hand_out(keyring, planned, team, new)
    _end(planned, new, reason=reason, by=keyring.staff, now=now)
    total = sum(holdings.behind(holding, team).count() for holding in holdings.every())
    row = TeamKey(
        team=team,
        number=link.number,
        public_key=link.public,
        verify_key=link.verify,
        by_predecessor=link.by_predecessor,
        by_itself=link.by_itself,
        total=total,
        made_at=now,
        made_by=keyring.staff,
    )
    context = vault.previous_context(row)
    row.sealed_previous = seal_record(link.public, context, old.to_bytes().hex(), new.sign, sizes=KEY_SIZES)
    row.save(force_insert=True)
    _record(keyring, planned, team, new, recovered=recovered, now=now)
    keyring.forget()
    return team


def _hand_out(keyring: Keyring, planned: Plan, team: Team, new: KeySet) -> None:
    if keyring.signer is None:
        raise Locked(team.slug)
    for row in planned.staying:
        row.team = team
        vault.seal_membership(row, new, keyring.signer)
        row.save()
    for row in planned.returning:
        # The public keys in the database are not those that were compared in person.
        row.sealed_key = row.admitted_key = row.admitted_at = row.admitted_by = row.certificate = None
        row.save()


def _end(planned: Plan, new: KeySet, *, reason: str, by: Staff | None, now: datetime) -> None:
    """Turn into history who is removed, and who held the key without belonging to the team any more."""
    stays = {row.pk for row in (*planned.staying, *planned.returning)}
    rows = TeamMembership.objects.filter(team=planned.team, left_at=None).select_related("staff__body", "team__body")
    for row in rows.filter(sealed_key__isnull=False).exclude(pk__in=stays).order_by("pk"):
        if planned.leaving is None or row.pk != planned.leaving.pk:
            leave(row, cause=Cause.SWITCHED_OFF if not row.staff.is_active else Cause.ROLE, now=now)
            row.save()
    if planned.leaving is not None:
        row = planned.leaving
        leave(row, cause=Cause.REMOVED, now=now)
        row.removed_by = by
        if reason:
            team = planned.team
            row.sealed_reason = seal_record(bytes(team.public_key), reason_context(row), reason, new.sign)
            row.sealed_number = team.key_number
        row.save()


def _record(keyring: Keyring, planned: Plan, team: Team, new: KeySet, *, recovered: bool, now: datetime) -> None:
    actor, signer = keyring.staff, keyring.signer
    if planned.leaving is not None:
        sessions.end(staff=planned.leaving.staff, by=actor, signer=signer, now=now)
        gone = {"team": team.slug, "staff": str(planned.leaving.staff_id)}
        audit.append(event="teamkey.removed", now=now, actor=actor, signer=signer, facts=gone)
    facts: dict[str, Any] = {
        "team": team.slug,
        "number": team.key_number,
        "key": new.fingerprint.replace(" ", ""),
        "members": len(planned.staying),
        "recovery": recovery_digest(team) if recovered else "",
    }
    audit.append(event="teamkey.rotated", now=now, actor=actor, signer=signer, facts=facts)
