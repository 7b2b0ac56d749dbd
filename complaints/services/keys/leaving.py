"""Leaving a team: what a person may no longer have ends at once; the key that they may remember is changed by a member.

An administrator holds no key and so can only end. Until a member has changed the team's key, the person stays among
the leavers, which the desk and the access review say aloud.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet

from complaints import access
from complaints.domain.sealing.primitives import SealError
from complaints.domain.sealing.records import Context
from complaints.models.team import Staff, Team, TeamMembership
from complaints.services import audit, holdings, sessions
from complaints.services.keys.teams import AdmissionRefused
from complaints.services.vault import Keyring, Locked

Cause = TeamMembership.Cause


def leavers(teams: Iterable[Team] | QuerySet[Team]) -> list[TeamMembership]:
    """Return the memberships of people who may know a team's key of today and do not belong to it any more."""
    knew = TeamMembership.objects.filter(team__in=teams, key_number=F("team__key_number"))
    rows = list(knew.select_related("staff__body", "team__body").order_by("team__slug", "staff__username", "pk"))
    back = {(row.team_id, row.staff_id) for row in rows if row.sealed_key and not _has_left(row)}
    return [row for row in rows if _has_left(row) and (row.team_id, row.staff_id) not in back]


def _has_left(row: TeamMembership) -> bool:
    return bool(row.left_at) or not row.staff.is_active or not access.may_join(row.staff, row.team)


@transaction.atomic
def end_memberships(*, staff: Staff, cause: Cause, by: Staff, keyring: Keyring, now: datetime) -> list[Team]:
    """End the memberships that a person may no longer have, with another role or body, or switched off; and sessions.

    The last holder of a team's key keeps it where the account is switched off: nobody can sign in with it, and
    without it the team would have to be recovered.

    Returns:
        The teams whose key is now to be changed.

    Raises:
        AdmissionRefused(last): another role for the last holder of a team's key.
    """
    ended = []
    sessions.end(staff=staff, by=by, signer=keyring.signer, now=now)
    for team in Team.objects.select_for_update().filter(memberships__staff=staff).order_by("pk"):
        row = TeamMembership.objects.filter(team=team, staff=staff, left_at=None).first()
        if row is None or (cause is Cause.ROLE and access.may_join(staff, team)):
            continue
        if row.sealed_key and _is_last(row):
            if cause is Cause.ROLE:
                raise AdmissionRefused("last")
            continue
        leave(row, cause=cause, now=now)
        row.save()
        facts = {"team": team.slug, "staff": str(staff.pk), "cause": cause.value}
        audit.append(event="team.left", now=now, actor=by, signer=keyring.signer, facts=facts)
        if row.key_number == team.key_number:
            ended.append(team)
    return ended


def _is_last(row: TeamMembership) -> bool:
    holders = TeamMembership.objects.filter(team=row.team_id, left_at=None, sealed_key__isnull=False)
    return not holders.filter(staff__is_active=True).exclude(pk=row.pk).exists()


def held_alone(staff: Staff) -> list[TeamMembership]:
    """Return the memberships of which nobody else active holds the key."""
    rows = TeamMembership.objects.filter(staff=staff, left_at=None, sealed_key__isnull=False)
    return [row for row in rows.select_related("team__body") if _is_last(row)]


def leave(row: TeamMembership, *, cause: Cause, now: datetime) -> None:
    """Turn a membership into history, unsaved: the sealed key is gone, which key it was stays known.

    The person's sessions end at once: an open one holds what the membership had opened.
    """
    row.sealed_key = row.admitted_key = row.certificate = None
    row.left_at, row.left_cause = now, cause.value
    sessions.end(staff=row.staff, now=now)


def reason_context(row: TeamMembership) -> Context:
    """The context that the reason for a removal is bound to."""
    return Context("removal", str(row.pk), str(row.team_id))


def reason_of(*, keyring: Keyring, row: TeamMembership) -> str:
    """Return why somebody was removed, for a member of the team; "" for everybody else."""
    if not row.sealed_reason:
        return ""
    try:
        number = row.sealed_number or 0
        return str(keyring.read_for_team(row.team, row.sealed_reason, reason_context(row), number=number))
    except (Locked, SealError):
        return ""


def _with_reason(team: Team) -> QuerySet[Any]:
    return TeamMembership.objects.filter(team=team, sealed_reason__isnull=False)


holdings.register_records("removal", rows=_with_reason, context=reason_context, column="sealed_reason")
