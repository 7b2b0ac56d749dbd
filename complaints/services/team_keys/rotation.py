"""Rotates a team's key in a member's session: the old key signs a new one, which the remaining members get.

Whom it removes is decided before, by two people or after an alarm (services.team_keys.removal).

After this transaction nothing is sealed to the old key. Rows that are sealed to it are sealed again in slices
(services.team_keys.resealing); until then the old private key is kept, sealed to the new one.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import F, QuerySet

from complaints import access
from complaints.domain.errors import SealError
from complaints.domain.sealing import succession
from complaints.domain.sealing.keys import KeySet
from complaints.domain.sealing.records import KEY_SIZES, Context, seal_record
from complaints.models.team import Staff, Team, TeamKey, TeamMembership
from complaints.services import kept_forms, resealing_registry, sessions, team_key_history
from complaints.services.audit import log
from complaints.services.audit.state import change_facts, state_of
from complaints.services.keyring import Actor, Keyring, Locked, is_certified, previous_context, seal_membership
from complaints.services.team_keys.membership import AdmissionRefused, current_keys, recovery_digest, renew_recovery

# What a change of key writes of a team; the database lets nothing else of a team be changed.
KEY_COLUMNS = (
    *("public_key", "verify_key", "key_number"),
    *("recovery_a", "recovery_b", "recovery_keys", "recovery_signature"),
)


@dataclass(frozen=True)
class Removal:
    """A membership that ends with the rotation, and why; made by services.team_keys.removal alone."""

    membership: uuid.UUID
    reason: str


@dataclass(frozen=True)
class Plan:
    """Who would hold the next key: ``staying`` members get it at once, ``returning`` ones must be admitted again.

    ``leaving`` is the membership to be removed. ``recovery`` is the digest of the recovery public keys, "" without any.
    """

    team: Team
    leaving: TeamMembership | None
    staying: list[TeamMembership]
    returning: list[TeamMembership]
    recovery: str


def plan(*, keyring: Keyring, team_id: uuid.UUID, removing: uuid.UUID | None = None) -> Plan:
    """Return who would hold the team's next key, without writing anything; raises as :func:`rotate`."""
    return _plan(keyring, Team.objects.get(pk=team_id), removing)


def _plan(keyring: Keyring, team: Team, removing: uuid.UUID | None) -> Plan:
    person = keyring.staff
    if person is None or keyring.signer is None:
        raise Locked(team.slug)
    keys = current_keys(keyring, team)
    rows = TeamMembership.objects.filter(team=team, left_at=None).select_related("staff__body", "team__body")
    members = list(rows.order_by("staff__username", "pk"))
    leaving = next((row for row in members if row.pk == removing), None)
    if removing and leaving is None:
        raise AdmissionRefused("gone")
    if leaving and leaving.staff_id == person.pk:
        raise AdmissionRefused("self")
    admitted = [row for row in members if row.sealed_key and row.staff.has_key and not _has_left(row)]
    staying = [row for row in admitted if row != leaving and is_certified(row, keys)]
    returning = [row for row in admitted if row != leaving and row not in staying]
    return Plan(team, leaving, staying, returning, recovery_digest(team))


@transaction.atomic
def rotate(*, actor: Actor, team_id: uuid.UUID, removal: Removal | None = None) -> Team:
    """Give a team a new key and end the memberships of people who do not belong to it any more.

    ``removal`` names a member who is removed as well; its reason is sealed to the team's new key. Raises Locked without
    the team's key, UnpinnedKey, AdmissionRefused(self, gone, changed).
    """
    # Waits for transactions that seal to this team; later ones wait and then read the new key.
    team = Team.objects.select_for_update().get(pk=team_id)
    team_key_history.pinned_team(team.slug)
    plan, before = _plan(actor.keyring, team, removal.membership if removal else None), state_of(team, "team")
    old, new = actor.keyring.team(team), KeySet.new()
    link = succession.sign_successor(team=team.pk.bytes, number=team.key_number + 1, old=old, new=new)
    team.public_key, team.verify_key, team.key_number = link.public, link.verify, link.number
    recovered = renew_recovery(team, old, new)
    team.save(update_fields=KEY_COLUMNS)
    _seal_new_key(actor.keyring, plan, team, new)
    _end_memberships(plan, new, reason=removal.reason if removal else "", by=actor.staff, now=actor.now)
    total = sum(
        resealing_registry.rows_with_older_key(table, team).count() for table in resealing_registry.registered_tables()
    )
    row = TeamKey(
        team=team,
        number=link.number,
        public_key=link.public,
        verify_key=link.verify,
        by_predecessor=link.by_predecessor,
        by_itself=link.by_itself,
        total=total,
        made_at=actor.now,
        made_by=actor.staff,
    )
    context = previous_context(row)
    row.sealed_previous = seal_record(link.public, context, old.to_bytes().hex(), new.sign, sizes=KEY_SIZES)
    row.save(force_insert=True)
    _record(actor, plan, team, new, recovered=recovered, before=before)
    actor.keyring.forget()
    return team


def _seal_new_key(keyring: Keyring, plan: Plan, team: Team, new: KeySet) -> None:
    if keyring.signer is None:
        raise Locked(team.slug)
    for row in plan.staying:
        row.team = team
        seal_membership(row, new, keyring.signer)
        row.save()
    for row in plan.returning:
        # The public keys in the database are not those that were compared at the admission.
        row.sealed_key = row.admitted_key = row.admitted_at = row.admitted_by = row.certificate = None
        row.save()


def _end_memberships(plan: Plan, new: KeySet, *, reason: str, by: Staff, now: datetime) -> None:
    """End the membership to be removed, and those of people who hold the key without belonging to the team."""
    remaining = {row.pk for row in (*plan.staying, *plan.returning)}
    rows = TeamMembership.objects.filter(team=plan.team, left_at=None).select_related("staff__body", "team__body")
    for row in rows.filter(sealed_key__isnull=False).exclude(pk__in=remaining).order_by("pk"):
        if plan.leaving is None or row.pk != plan.leaving.pk:
            end_membership(row, cause=Cause.SWITCHED_OFF if not row.staff.is_active else Cause.ROLE, now=now)
            row.save()
    if plan.leaving is not None:
        row = plan.leaving
        end_membership(row, cause=Cause.REMOVED, now=now)
        row.removed_by = by
        if reason:
            team = plan.team
            row.sealed_reason = seal_record(bytes(team.public_key), reason_context(row), reason, new.sign)
            row.sealed_number = team.key_number
        row.save()


def _record(actor: Actor, plan: Plan, team: Team, new: KeySet, *, recovered: bool, before: str) -> None:
    if plan.leaving is not None:
        sessions.end_sessions(staff=plan.leaving.staff, by=actor.staff, signer=actor.keyring.signer, now=actor.now)
        actor.record("teamkey.removed", facts={"team": team.slug, "staff": str(plan.leaving.staff_id)})
    facts: dict[str, object] = {
        "team": team.slug,
        "number": team.key_number,
        "key": new.fingerprint.replace(" ", ""),
        "members": len(plan.staying),
        "recovery": recovery_digest(team) if recovered else "",
        **change_facts(team, "team", before=before),
    }
    actor.record("teamkey.rotated", subject=team.pk, facts=facts)


# --- Leaving a team ---------------------------------------------------------------------------------------------------
#
# An administrator holds no key and can only end a membership. Until a member has rotated the team's key, the person is
# one of the leavers, whom the dashboard and the access review show.

Cause = TeamMembership.Cause


def leavers(teams: Iterable[Team] | QuerySet[Team]) -> list[TeamMembership]:
    """Return the memberships of people who may know a team's current key and do not belong to it any more."""
    current = TeamMembership.objects.filter(team__in=teams, key_number=F("team__key_number"))
    rows = list(current.select_related("staff__body", "team__body").order_by("team__slug", "staff__username", "pk"))
    readmitted = {(row.team_id, row.staff_id) for row in rows if row.sealed_key and not _has_left(row)}
    return [row for row in rows if _has_left(row) and (row.team_id, row.staff_id) not in readmitted]


def _has_left(row: TeamMembership) -> bool:
    return bool(row.left_at) or not row.staff.is_active or not access.may_join(row.staff, row.team)


@transaction.atomic
def end_memberships(*, staff: Staff, cause: Cause, by: Staff, actor: Actor) -> list[Team]:
    """End a person's sessions, and the memberships that a new role or body, or a deactivation, no longer allows.

    The last holder of a team's key keeps the membership at a deactivation: nobody can sign in with the account, and
    without the key the team would have to be recovered; a new role or body raises AdmissionRefused(last).

    Return the teams whose key must now be rotated.
    """
    to_rotate = []
    sessions.end_sessions(staff=staff, by=by, signer=actor.keyring.signer, now=actor.now)
    for team in Team.objects.select_for_update().filter(memberships__staff=staff).order_by("pk"):
        row = TeamMembership.objects.filter(team=team, staff=staff, left_at=None).first()
        if row is None or (cause is Cause.ROLE and access.may_join(staff, team)):
            continue
        if row.sealed_key and _is_last_holder(row):
            if cause is Cause.ROLE:
                raise AdmissionRefused("last")
            continue
        before = state_of(team, "team")
        end_membership(row, cause=cause, now=actor.now)
        row.save()
        facts = {"team": team.slug, "staff": str(staff.pk), "cause": cause.value}
        facts |= change_facts(team, "team", before=before)
        signer = actor.keyring.signer
        log.append(event="team.left", now=actor.now, actor=by, signer=signer, subject=team.pk, facts=facts)
        if row.key_number == team.key_number:
            to_rotate.append(team)
    return to_rotate


def _is_last_holder(row: TeamMembership) -> bool:
    holders = TeamMembership.objects.filter(team=row.team_id, left_at=None, sealed_key__isnull=False)
    return not holders.filter(staff__is_active=True).exclude(pk=row.pk).exists()


def teams_held_alone(staff: Staff) -> list[TeamMembership]:
    """Return a person's memberships in teams whose key no other active person holds."""
    rows = TeamMembership.objects.filter(staff=staff, left_at=None, sealed_key__isnull=False)
    return [row for row in rows.select_related("team__body") if _is_last_holder(row)]


def end_membership(row: TeamMembership, *, cause: Cause, now: datetime) -> None:
    """End a membership without saving it: the sealed key is removed, its number stays for the leavers.

    The person's sessions end too, because an open session can still use the membership's key, and what the person has
    begun of the team's releases is deleted.
    """
    row.sealed_key = row.admitted_key = row.certificate = None
    row.left_at, row.left_cause = now, cause.value
    sessions.end_sessions(staff=row.staff, now=now)
    kept_forms.forget_all(row.staff_id)


def reason_context(row: TeamMembership) -> Context:
    """Return the context of the sealed reason for a removal."""
    return Context("removal", str(row.pk), str(row.team_id))


def reason_of(*, keyring: Keyring, row: TeamMembership) -> str:
    """Return why a person was removed, for a member of the team; "" for everybody else."""
    if not row.sealed_reason:
        return ""
    try:
        number = row.sealed_number or 0
        return str(keyring.read_for_team(row.team, row.sealed_reason, reason_context(row), number=number))
    except (Locked, SealError):
        return ""


resealing_registry.register_records(
    "removal",
    rows=lambda team: TeamMembership.objects.filter(team=team, sealed_reason__isnull=False),
    context=reason_context,
    column="sealed_reason",
)
