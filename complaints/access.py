"""Who may see and do what: each rule as a predicate and, beside it, as the matching queryset.

Default deny. A role alone opens nothing: what counts is a role together with an admission to the team. Being a
superuser adds nothing here but the sight of the clear columns.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from django.db.models import BooleanField, Exists, ExpressionWrapper, QuerySet

from complaints.domain.workflow import Permission
from complaints.models.case import Case, CaseQuerySet
from complaints.models.complaint import Complaint
from complaints.models.conflict import Conflict
from complaints.models.oversight import Release
from complaints.models.team import Role, Staff, Team, TeamMembership

_PERMISSIONS = {
    Role.VERIFIER: frozenset({Permission.TRIAGE}),
    Role.FORWARDER: frozenset({Permission.FORWARD}),
    Role.OVERSEER: frozenset({Permission.OVERSEE}),
}
TEAM_OF_ROLE = {
    Role.VERIFIER: Team.Kind.TRIAGE,
    Role.FORWARDER: Team.Kind.TRIAGE,
    Role.CUSTODIAN: Team.Kind.CUSTODIAN,
    Role.OVERSEER: Team.Kind.BODY,
}


def may_join(staff: Staff, team: Team) -> bool:
    """Whether a person's role belongs into a team; a superuser belongs into none, nobody into two."""
    if staff.is_superuser or TEAM_OF_ROLE.get(Role(staff.role)) != team.kind:
        return False
    return team.kind != Team.Kind.BODY or staff.body_id == team.body_id


def teams_of(user: Any) -> QuerySet[Team]:
    """The teams that have admitted a person whose role still belongs there."""
    if not isinstance(user, Staff) or not user.is_active or user.is_superuser:
        return Team.objects.none()
    kind = TEAM_OF_ROLE.get(Role(user.role))
    admitted = Team.objects.filter(memberships__staff=user, memberships__sealed_key__isnull=False, kind=kind)
    return admitted.filter(body=user.body_id) if kind == Team.Kind.BODY else admitted


def is_triage(user: Any) -> bool:
    """Whether a person is an admitted member of the triage team."""
    return _member_of(user, Team.Kind.TRIAGE)


def is_overseer(user: Any) -> bool:
    """Whether a person is an admitted member of their body's team."""
    return _member_of(user, Team.Kind.BODY)


def in_a_team(user: Any) -> bool:
    """Whether a person is an admitted member of any team."""
    if is_triage(user) or is_overseer(user):
        return True
    return isinstance(user, Staff) and user.role == Role.CUSTODIAN and teams_of(user).exists()


def _member_of(user: Any, kind: Team.Kind) -> bool:
    return isinstance(user, Staff) and kind in _known(user).kinds


@dataclass(frozen=True)
class _Known:
    """What every page of a member asks first: their teams, and whether the conflict lock has anything to do."""

    memberships: tuple[TeamMembership, ...]
    kinds: frozenset[str]
    is_to_meet: bool
    is_concerned: bool


def _known(user: Staff) -> _Known:
    # Once per request, in one query: asked at every row of a page, and a person's teams do not change within one.
    known: _Known | None = user.__dict__.get("_known")
    if known is None:
        waits = (
            Staff.objects.filter(must_recheck=True),
            Complaint.objects.filter(is_indexed=False).exclude(case__in=conflicted_cases(user)),
        )
        held = TeamMembership.objects.filter(
            staff=user, sealed_key__isnull=False, left_at=None, team__in=teams_of(user)
        )
        asked = held.select_related("team").annotate(
            is_to_meet=ExpressionWrapper(Exists(waits[0]) | Exists(waits[1]), output_field=BooleanField()),
            is_concerned=Exists(Conflict.objects.in_force().filter(staff=user)),
        )
        rows: tuple[Any, ...] = tuple(asked)
        known = _Known(
            memberships=rows,
            kinds=frozenset(row.team.kind for row in rows),
            is_to_meet=any(row.is_to_meet for row in rows),
            is_concerned=any(row.is_concerned for row in rows),
        )
        user.__dict__["_known"] = known
    return known


def memberships_of(user: Staff) -> tuple[TeamMembership, ...]:
    """The admissions of :func:`teams_of`, each with its team, as read once in this request."""
    return _known(user).memberships


def clear_cache(user: Any) -> None:
    """Ask again what was asked once in this request; after a conflict or a team's key was written."""
    if isinstance(user, Staff):
        user.__dict__.pop("_known", None)


def has_unindexed_reports(user: Any) -> bool:
    """Whether a member's session has reports or people to compare before it shows any list."""
    return is_triage(user) and _known(user).is_to_meet


def may_have_conflicts(user: Any) -> bool:
    """Whether a member stands in any case at all, without asking which."""
    return isinstance(user, Staff) and _known(user).is_concerned


def permissions_of(user: Any) -> frozenset[Permission]:
    """What a person may do to cases: their role's permissions, once a team has admitted them."""
    if not (is_triage(user) or is_overseer(user)):
        return frozenset()
    return _PERMISSIONS.get(Role(user.role), frozenset())


def may(user: Any, permission: Permission, case: Case) -> bool:
    """Whether a person holds ``permission`` for ``case``; an unknown permission is an error."""
    return Permission(permission) in permissions_of(user) and (
        may_read(user, case) or releases_for(user).filter(case=case).exists()
    )


def conflicted_cases(user: Any) -> QuerySet[Conflict, Any]:
    """The cases that a person stands in, as a subquery of ids: they do not exist for that person.

    Not correlated, so that a database works the few of them out once and leaves its plan for the many alone.
    """
    found = Conflict.objects.in_force().filter(staff=user) if isinstance(user, Staff) else Conflict.objects.none()
    return found.values("complaint__case")


def has_conflict(user: Any, case_id: uuid.UUID) -> bool:
    """Whether a person stands in a case."""
    return conflicted_cases(user).filter(complaint__case=case_id).exists()


def may_read(user: Any, case: Case) -> bool:
    """Whether a person may open what reporters sent in ``case``."""
    if case.linked_into_id is not None or not is_triage(user):
        return False
    return case.is_practice == user.practising and not has_conflict(user, case.pk)


def may_see_cases(user: Any) -> bool:
    """Whether a person may see that cases exist: triage, and superusers their clear columns."""
    return is_triage(user) or (isinstance(user, Staff) and user.is_active and user.is_superuser)


def cases_for(user: Any) -> CaseQuerySet:
    """The cases whose clear columns a person may see: the real ones, or while practising the others.

    Whoever stands in one never finds it, and nobody anything whose own changed data still wait to be compared.
    One that was linked into another waits unseen.
    """
    if not may_see_cases(user) or user.must_recheck:
        return Case.objects.none()
    return Case.objects.active().filter(is_practice=user.practising).exclude(pk__in=conflicted_cases(user))


def releases_for(user: Any) -> QuerySet[Release]:
    """The releases that a person of a body may see: those to that body, and nothing else of the case.

    None to whom a change of their own data still waits to be compared: no session of a body can do that.
    """
    if not is_overseer(user) or user.must_recheck:
        return Release.objects.none()
    mine = Release.objects.filter(body=user.body_id, case__is_practice=user.practising)
    return mine.exclude(case__in=conflicted_cases(user))


def may_practise(user: Any) -> bool:
    """Whether a person may switch to practice cases: those who work on cases, of the office or of a body."""
    return is_triage(user) or is_overseer(user)


def may_lift_conflicts(user: Any) -> bool:
    """Whether a person may judge over conflicts of others: an admitted forwarder."""
    return is_triage(user) and user.role == Role.FORWARDER


def may_audit(user: Any) -> bool:
    """Whether a person may read the audit chain."""
    return isinstance(user, Staff) and user.is_active and user.role == Role.AUDITOR


def may_administer(user: Any) -> bool:
    """Whether a person may edit reference data, accounts and the asking for admissions."""
    return isinstance(user, Staff) and user.is_active and (user.role == Role.ADMIN or user.is_superuser)


def may_see_teams(user: Any) -> bool:
    """Whether a person may see who holds a team's key: members their own team's, administrators all."""
    return in_a_team(user) or may_administer(user)


def may_review(user: Any) -> bool:
    """Whether a person may sign off the access review: auditors and administrators, who hold no team's key."""
    return may_audit(user) or may_administer(user)
