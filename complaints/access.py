"""Who may see and do what: each rule as a predicate and, beside it, as the matching queryset.

Default deny. A role alone opens nothing: what counts is a role together with an admission to the team. Being a
superuser adds nothing here but the sight of the clear columns.
"""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from complaints.domain.workflow import Permission
from complaints.models.case import Case
from complaints.models.oversight import Release
from complaints.models.team import Role, Staff, Team

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


def _member_of(user: Any, kind: Team.Kind) -> bool:
    # Once per request: asked at every row of a page, and a person's teams do not change within one.
    known = user.__dict__.setdefault("_team_kinds", None) if isinstance(user, Staff) else set()
    if known is None:
        known = user.__dict__["_team_kinds"] = set(teams_of(user).values_list("kind", flat=True))
    return kind in known


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


def may_read(user: Any, case: Case) -> bool:
    """Whether a person may open what reporters sent in ``case``."""
    return is_triage(user) and case.is_practice == user.practising


def may_see_cases(user: Any) -> bool:
    """Whether a person may see that cases exist: triage, and superusers their clear columns."""
    return is_triage(user) or (isinstance(user, Staff) and user.is_active and user.is_superuser)


def cases_for(user: Any) -> QuerySet[Case]:
    """The cases whose clear columns a person may see: the real ones, or while practising the others."""
    if not may_see_cases(user):
        return Case.objects.none()
    return Case.objects.filter(is_practice=user.practising)


def releases_for(user: Any) -> QuerySet[Release]:
    """The releases that a person of a body may see: those to that body, and nothing else of the case."""
    if not is_overseer(user):
        return Release.objects.none()
    return Release.objects.filter(body=user.body_id, case__is_practice=user.practising)


def may_practise(user: Any) -> bool:
    """Whether a person may switch to practice cases: those who work on cases, of the office or of a body."""
    return is_triage(user) or is_overseer(user)


def may_audit(user: Any) -> bool:
    """Whether a person may read the audit chain."""
    return isinstance(user, Staff) and user.is_active and user.role == Role.AUDITOR


def may_administer(user: Any) -> bool:
    """Whether a person may edit reference data, accounts and the asking for admissions."""
    return isinstance(user, Staff) and user.is_active and (user.role == Role.ADMIN or user.is_superuser)
