"""Recovers a team's key for one of its people, where nobody is left who holds it: both keepers open their halves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from django.db import transaction

from complaints import access
from complaints.domain.errors import SealError
from complaints.domain.sealing.keys import KeySet
from complaints.domain.sealing.recovery import RecoveryRequest, join_answers
from complaints.models.team import Staff, Team, TeamMembership
from complaints.services import team_key_history
from complaints.services.audit import log, recorded_accounts
from complaints.services.audit.state import change_facts, state_of
from complaints.services.keyring import seal_membership
from complaints.services.team_keys import membership
from complaints.services.team_keys.membership import AdmissionRefused


def request_for(*, slug: str, username: str) -> RecoveryRequest:
    """Return what the keepers of a team are given so that this person gets its key.

    Raises:
        AdmissionRefused: role, no_key, elsewhere, record, admitted; or keepers (the team has no recovery halves), team
            or person (there is none of this name).
        UnpinnedKey: the team's key is not the pinned one.
    """
    team, person = _team(slug), _person(username)
    _check(team, person)
    if not team.recovery_a or not team.recovery_b:
        raise AdmissionRefused("keepers")
    return RecoveryRequest(
        team=team.slug,
        team_id=str(team.pk),
        number=team.key_number,
        public=bytes(team.public_key).hex(),
        verify=bytes(team.verify_key).hex(),
        username=person.username,
        member_public=bytes(person.public_key or b"").hex(),
        member_verify=bytes(person.verify_key or b"").hex(),
        halves=(bytes(team.recovery_a).hex(), bytes(team.recovery_b).hex()),
    )


@transaction.atomic
def recover(*, slug: str, person_keys: KeySet, username: str, answers: Sequence[str], now: datetime) -> None:
    """Admit a person to a team by the answers of both keepers, which the person's own key opens.

    Raises:
        AdmissionRefused: as :func:`request_for`; answers where they do not give the team's key of today.
        UnpinnedKey: the team's key is not the pinned one.
    """
    # Waits for a change of the team's key, after which the answers give another key than today's.
    team, person = Team.objects.select_for_update().filter(slug=slug).first(), _person(username)
    request = request_for(slug=slug, username=username)
    if team is None:
        raise AdmissionRefused("team")
    try:
        keys = join_answers(request, person_keys.box, answers)
    except SealError as error:
        raise AdmissionRefused("answers") from error
    before = state_of(team, "team")
    row, _created = TeamMembership.objects.get_or_create(team=team, staff=person, left_at=None)
    row.team, row.staff, row.admitted_at = team, person, now
    # As for the first members: nobody is there who could sign, so the team's own key does.
    seal_membership(row, keys, keys.sign)
    row.save()
    facts = {"team": team.slug, "staff": str(person.pk)}
    log.append(event="team.recovered", now=now, subject=person.pk, facts=facts)
    facts |= change_facts(team, "team", before=before)
    log.append(event="team.admitted", now=now, subject=team.pk, facts=facts)


def _team(slug: str) -> Team:
    team = Team.objects.filter(slug=slug).first()
    if team is None:
        raise AdmissionRefused("team")
    return team_key_history.pinned_team(slug)


def _person(username: str) -> Staff:
    person = Staff.objects.filter(username=username, is_active=True).first()
    if person is None:
        raise AdmissionRefused("person")
    return person


def _check(team: Team, person: Staff) -> None:
    refusals: dict[str, Callable[[], bool]] = {
        "role": lambda: not access.may_join(person, team),
        "no_key": lambda: not person.has_key,
        "elsewhere": lambda: membership.belongs_elsewhere(person, team),
        "admitted": lambda: TeamMembership.objects.filter(
            team=team, staff=person, left_at=None, sealed_key__isnull=False
        ).exists(),
        "record": lambda: not recorded_accounts.account_is_recorded(person.pk),
    }
    for code, is_refused in refusals.items():
        if is_refused():
            raise AdmissionRefused(code)
