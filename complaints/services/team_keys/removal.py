"""Removes a member from a team by two people, one who asks and one who confirms, or by one after an alarm of a day.

Everybody in the team is told by mail and on the desk. Any member but the one who asked and the one concerned can stop
the request; where the team has no such member, an administrator can. The rows are held against the audit chain: whoever
writes to the database cannot ask, revive or bring forward a request.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from complaints import access
from complaints.adapters import mail
from complaints.domain.errors import SealError
from complaints.domain.sealing.primitives import verify
from complaints.domain.sealing.records import Context
from complaints.models.removal import RemovalRequest
from complaints.models.team import Staff, Team, TeamMembership
from complaints.services import resealing_registry, sessions, team_key_history
from complaints.services.audit import log
from complaints.services.keyring import Actor, Keyring, Locked, is_certified
from complaints.services.team_keys import rotation
from complaints.services.team_keys.membership import AdmissionRefused, current_keys

ALARM: Final = timedelta(hours=24)
ALARM_MAIL: Final = (
    _("Request to remove a member of your team"),
    _(
        "A member of your team has requested the removal of another member. If nobody stops the request "
        "within 24 hours, it can be carried out. Please sign in at the usual address and read it on your "
        "desk. If it was made under your name and you did not make it, tell your colleagues at once."
    ),
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
State = RemovalRequest.State


@transaction.atomic
def ask(
    *, actor: Actor, team_id: uuid.UUID, membership_id: uuid.UUID, reason: str, end_sessions: bool = False
) -> RemovalRequest:
    """Ask to remove a member, and alarm the team; ``reason`` is sealed to it.

    Args:
        end_sessions: whether the sessions of the one concerned end at once.

    Raises:
        Locked: the person does not hold the team's key.
        UnpinnedKey: the team's key does not follow from the pinned one.
        AdmissionRefused: self, gone, changed, asked (there is such a request).
    """
    team = Team.objects.select_for_update().get(pk=team_id)
    team_key_history.pinned_team(team.slug)
    keyring, signer = actor.keyring, actor.keyring.signer
    membership = rotation.plan(keyring=keyring, team_id=team.pk, removing=membership_id).leaving
    if membership is None or signer is None:
        raise Locked(team.slug)
    if RemovalRequest.objects.filter(membership=membership, state=State.OPEN).exists():
        raise AdmissionRefused("asked")
    request = RemovalRequest(team=team, membership=membership, asked_by=actor.staff, asked_at=actor.now)
    request.sealed = keyring.seal_for_team(team, _context(request), reason)
    request.sealed_number = team.key_number
    request.signature = signer.sign(statement(request))
    request.save(force_insert=True)
    _record(actor, request, "teamkey.removal_asked")
    if end_sessions:
        sessions.end_sessions(staff=membership.staff, by=actor.staff, signer=signer, now=actor.now)
    transaction.on_commit(partial(_alarm, team.pk), robust=True)
    return request


@transaction.atomic
def confirm(*, actor: Actor, request_id: uuid.UUID) -> Team:
    """Remove the person at once, as the second member; the team gets a new key in this member's session.

    Raises Locked, SealError (the request is not the one that was asked), and AdmissionRefused: decided, second (the one
    who asked, or the one concerned), asker (the one who asked is no member any more), gone, changed.
    """
    request = _open_request(request_id)
    if not may_judge(actor.staff, request):
        raise AdmissionRefused("second")
    _check_asker(actor.keyring, request)
    return _finish(actor, request, "teamkey.removal_confirmed")


@transaction.atomic
def complete(*, actor: Actor, request_id: uuid.UUID) -> Team:
    """Remove the person after the alarm, as the one who asked; the team gets a new key in this member's session.

    Raises Locked, SealError as :func:`confirm`, and AdmissionRefused: decided, asked_by (somebody else asked), waits
    (the alarm is not over), gone, changed.
    """
    request = _open_request(request_id)
    if request.asked_by_id != actor.staff.pk:
        raise AdmissionRefused("asked_by")
    if actor.now < alarm_ends(request):
        raise AdmissionRefused("waits")
    _check_asker(actor.keyring, request)
    return _finish(actor, request, "teamkey.removal_completed")


@transaction.atomic
def stop(*, actor: Actor, request_id: uuid.UUID) -> None:
    """Stop a request, as a member who neither asked nor is concerned, or as an administrator where there is none.

    Raises AdmissionRefused: decided, second.
    """
    request = _open_request(request_id)
    if not may_stop(actor.staff, request):
        raise AdmissionRefused("second")
    _decide(actor, request, State.STOPPED, "teamkey.removal_stopped")


@transaction.atomic
def withdraw(*, actor: Actor, request_id: uuid.UUID) -> None:
    """Take a request back, as the one who asked; raises AdmissionRefused: decided, asked_by."""
    request = _open_request(request_id)
    if request.asked_by_id != actor.staff.pk:
        raise AdmissionRefused("asked_by")
    _decide(actor, request, State.WITHDRAWN, "teamkey.removal_withdrawn")


# --- Who may, and when ------------------------------------------------------------------------------------------------


def alarm_ends(request: RemovalRequest) -> datetime:
    """Return from when on the one who asked can carry the request out alone."""
    return request.asked_at + ALARM


def may_judge(person: Staff, request: RemovalRequest) -> bool:
    """Whether a person is a member of the team who neither asked nor is concerned."""
    involved = person.pk in {request.asked_by_id, request.membership.staff_id}
    return not involved and access.teams_of(person).filter(pk=request.team_id).exists()


def may_stop(person: Staff, request: RemovalRequest) -> bool:
    """Whether a person may stop a request: who may judge it, and an administrator where the team has nobody who may."""
    if may_judge(person, request):
        return True
    involved = person.pk in {request.asked_by_id, request.membership.staff_id}
    return access.may_administer(person) and not involved and not has_judge(request)


def has_judge(request: RemovalRequest) -> bool:
    """Whether the team has a member who neither asked nor is concerned."""
    involved = (request.asked_by_id, request.membership.staff_id)
    others = _holders(request.team_id).exclude(staff__in=involved).select_related("staff", "team")
    return any(access.may_join(row.staff, row.team) for row in others)


def _holders(team_id: uuid.UUID) -> QuerySet[TeamMembership]:
    return TeamMembership.objects.filter(team=team_id, left_at=None, sealed_key__isnull=False, staff__is_active=True)


def open_requests(teams: Iterable[Team] | QuerySet[Team]) -> list[RemovalRequest]:
    """Return the requests of these teams that wait and can still be carried out, the oldest first."""
    rows = RemovalRequest.objects.filter(team__in=teams, state=State.OPEN, membership__left_at=None)
    return list(rows.select_related("team__body", "membership__staff", "asked_by").order_by("asked_at", "pk"))


def reason_of(*, keyring: Keyring, request: RemovalRequest) -> str:
    """Return why a removal is asked for, for a member of the team; raises Locked for others, and SealError."""
    number = request.sealed_number
    return str(keyring.read_for_team(request.team, request.sealed, _context(request), number=number))


# --- Steps ------------------------------------------------------------------------------------------------------------


def _open_request(request_id: uuid.UUID) -> RemovalRequest:
    """Lock the team of a request and return it, where it waits; raises AdmissionRefused(decided)."""
    # Lock order of every change of a team's key: the team before the audit chain.
    Team.objects.select_for_update().get(removal_requests=request_id)
    rows = RemovalRequest.objects.select_for_update(of=("self",)).select_related(
        "team", "membership__staff", "asked_by"
    )
    request = rows.get(pk=request_id)
    if request.state != State.OPEN:
        raise AdmissionRefused("decided")
    return request


def _check_asker(keyring: Keyring, request: RemovalRequest) -> None:
    """Hold a request against the chain, and make sure that a member, by the key that the team certified, signed it."""
    entry = log.last_entry_about(request.pk)
    asked = ("teamkey.removal_asked", request.asked_by_id, request.asked_at, str(request.membership_id))
    if entry is None or (entry.event, entry.actor, entry.at, entry.facts.get("membership")) != asked:
        raise SealError("removal request")
    asker = _holders(request.team_id).filter(staff=request.asked_by_id).select_related("staff", "team").first()
    if asker is None or not access.may_join(asker.staff, asker.team):
        raise AdmissionRefused("asker")
    if not is_certified(asker, current_keys(keyring, request.team)):
        raise AdmissionRefused("asker")
    verify(bytes(asker.staff.verify_key or b""), statement(request), bytes(request.signature))


def _finish(actor: Actor, request: RemovalRequest, event: str) -> Team:
    reason = reason_of(keyring=actor.keyring, request=request)
    _decide(actor, request, State.DONE, event)
    removal = rotation.Removal(membership=request.membership_id, reason=reason)
    return rotation.rotate(actor=actor, team_id=request.team_id, removal=removal)


def _decide(actor: Actor, request: RemovalRequest, state: State, event: str) -> None:
    request.state, request.decided_by, request.decided_at = state, actor.staff, actor.now
    request.save(update_fields=["state", "decided_by", "decided_at"])
    _record(actor, request, event)


def _record(actor: Actor, request: RemovalRequest, event: str) -> None:
    facts = {
        "team": request.team.slug,
        "staff": str(request.membership.staff_id),
        "membership": str(request.membership_id),
    }
    actor.record(event, subject=request.pk, facts=facts)


def _context(request: RemovalRequest) -> Context:
    return Context("removal-request", str(request.pk), str(request.team_id))


def statement(request: RemovalRequest) -> bytes:
    """Return what the one who asks signs: the rows and people concerned, and the time in microseconds since 1970."""
    rows = (request.pk, request.team_id, request.membership_id, request.membership.staff_id, request.asked_by_id)
    microseconds = (request.asked_at - _EPOCH) // timedelta(microseconds=1)
    return b"removal request 1" + b"".join(row.bytes for row in rows) + microseconds.to_bytes(8, "big")


def _alarm(team_id: uuid.UUID) -> None:
    """Mail everybody in the team, the one concerned and the one who asked too; the words name nobody."""
    mail.send_each([row.staff for row in _holders(team_id).select_related("staff")], *ALARM_MAIL)


resealing_registry.register_records(
    "removal-request",
    rows=lambda team: RemovalRequest.objects.filter(team=team).select_related("team"),
    context=_context,
)
