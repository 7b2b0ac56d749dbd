"""Who may see and do what: each rule as a predicate and, beside it, as the matching queryset.

Access is denied unless a rule grants it. A role alone grants nothing: what counts is a role together with an admission
to the team. A superuser without a team sees the clear columns of cases and nothing else of them.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypedDict, TypeGuard

from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.db.models import BooleanField, Exists, ExpressionWrapper, OuterRef, Q, QuerySet, UUIDField

from complaints.domain.workflow import Permission
from complaints.fast_sql import CompiledQuery
from complaints.models.audit import CONFLICT_EVENTS, CONFLICT_LIFTED, AuditEntry
from complaints.models.case import IS_ACTIVE, IS_ERASED_AT_REST, Case, CaseKind, CaseQuerySet
from complaints.models.complaint import LIVE, Complaint, ComplaintQuerySet
from complaints.models.conflict import IN_FORCE, Conflict
from complaints.models.oversight import Release
from complaints.models.team import Role, Staff, Team, TeamMembership

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    class _Answers(TypedDict):
        must_compare: bool
        has_conflicts: bool
        is_recorded: bool

    _Admission: TypeAlias = WithAnnotations[TeamMembership, _Answers]

# ``request.user``, or the person of a key ring, which is None where nobody is signed in.
AnyUser = Staff | AnonymousUser | None

_PERMISSIONS = {
    Role.VERIFIER: frozenset({Permission.TRIAGE}),
    Role.FORWARDER: frozenset({Permission.FORWARD}),
    Role.OVERSEER: frozenset({Permission.OVERSEE}),
}
# The kinds of team that reports are sealed to; verifiers and forwarders belong to one of them.
REPORT_TEAMS = (Team.Kind.TRIAGE, Team.Kind.SEPARATE)
TEAMS_OF_ROLE = {
    Role.VERIFIER: REPORT_TEAMS,
    Role.FORWARDER: REPORT_TEAMS,
    Role.OVERSEER: (Team.Kind.BODY,),
}


def may_join(staff: Staff, team: Team) -> bool:
    """Whether a person's role belongs to a kind of team, a superuser's to none; nobody joins two teams."""
    if staff.is_superuser or team.kind not in TEAMS_OF_ROLE.get(Role(staff.role), ()):
        return False
    return team.kind != Team.Kind.BODY or staff.body_id == team.body_id


def teams_of(user: AnyUser) -> QuerySet[Team]:
    """The teams that have admitted a person whose role still belongs to them."""
    if not isinstance(user, Staff) or not user.is_active or user.is_superuser:
        return Team.objects.none()
    kinds = TEAMS_OF_ROLE.get(Role(user.role), ())
    admitted = Team.objects.filter(memberships__staff=user, memberships__sealed_key__isnull=False, kind__in=kinds)
    return admitted.filter(body=user.body_id) if Team.Kind.BODY in kinds else admitted


@dataclass(frozen=True)
class AccessFacts:
    """What every page of a member asks: the teams, and whether the conflict lock has anything to do."""

    memberships: tuple[TeamMembership, ...]
    team_kinds: frozenset[str]
    # See report_team.
    report_team: Team.Kind
    must_compare: bool
    has_conflicts: bool
    # The reports in which the chain records a conflict in force: a deleted row lets nobody in.
    recorded_conflicts: frozenset[uuid.UUID]


# The attribute of a Staff object that holds its AccessFacts. Each request loads its user anew, so that the facts live
# as long as the request.
_FACTS_ATTRIBUTE = "_access_facts"


def access_facts(user: Staff) -> AccessFacts:
    """Return a person's facts, read in one query and once per request, as the rules below ask for them many times.

    Queries of a request over the sample data, with this cache and without: queue 10 and 23, dashboard 14 and 31, case
    page 14 and 28, a step of the case 17 and 23.
    """
    facts: AccessFacts | None = getattr(user, _FACTS_ATTRIBUTE, None)
    if facts is None:
        as_stored = UUIDField().get_db_prep_value
        values = {as_stored(_ANY_PERSON, connection): as_stored(user.pk, connection), _ANY_BODY: user.body_id}
        may_be_admitted = user.is_active and not user.is_superuser and Role(user.role) in TEAMS_OF_ROLE
        rows = _admissions_query(user.role).run(values) if may_be_admitted else []
        recorded = recorded_conflicts([user.pk]) if rows and rows[0].is_recorded else {}
        in_force = frozenset(complaint for (complaint, _person), is_in_force in recorded.items() if is_in_force)
        kinds = frozenset([row.team.kind for row in rows])
        facts = AccessFacts(
            memberships=tuple(rows),
            team_kinds=kinds,
            report_team=Team.Kind.SEPARATE if Team.Kind.SEPARATE in kinds else Team.Kind.TRIAGE,
            must_compare=bool(rows) and rows[0].must_compare,
            has_conflicts=bool(rows) and (rows[0].has_conflicts or bool(in_force)),
            recorded_conflicts=in_force,
        )
        setattr(user, _FACTS_ATTRIBUTE, facts)
    return facts


# A person's primary key and body in the compiled query, in whose places those of the user in question are put.
_ANY_PERSON: Final = uuid.UUID(int=0)
_ANY_BODY: Final = "body of the person"


@cache
def _admissions_query(role: str) -> CompiledQuery[_Admission]:
    person = Staff(pk=_ANY_PERSON, body_id=_ANY_BODY, role=role)
    # A session indexes and compares the reports of its own team, whose key it holds.
    unindexed = Complaint.objects.filter(index_entry=None, case__held_by=OuterRef("team__kind"))
    unindexed = unindexed.exclude(case__in=_reports_in_conflict(person).values("case"))
    is_separate = Q(team__kind=Team.Kind.SEPARATE)
    must_compare = (
        (is_separate & Exists(Staff.objects.filter(must_recheck_separate=True)))
        | (~is_separate & Exists(Staff.objects.filter(must_recheck=True)))
        | Exists(unindexed)
    )
    admissions = TeamMembership.objects.filter(
        staff=person, sealed_key__isnull=False, left_at=None, team__in=teams_of(person)
    ).annotate(
        must_compare=ExpressionWrapper(must_compare, output_field=BooleanField()),
        has_conflicts=Exists(Conflict.objects.filter(IN_FORCE, staff=person)),
        is_recorded=Exists(AuditEntry.objects.filter(subject=person.pk, event__in=CONFLICT_EVENTS)),
    )
    return CompiledQuery(admissions, "team")


def clear_cache(user: AnyUser) -> None:
    """Drop a person's facts, to be called after a conflict or a team's key was written."""
    if isinstance(user, Staff) and hasattr(user, _FACTS_ATTRIBUTE):
        delattr(user, _FACTS_ATTRIBUTE)


def is_triage(user: AnyUser) -> TypeGuard[Staff]:
    """Whether a person does triage: an admitted member of the triage team or, for its own reports, the separate one."""
    return isinstance(user, Staff) and not access_facts(user).team_kinds.isdisjoint(REPORT_TEAMS)


def report_team(user: AnyUser) -> Team.Kind:
    """The team, of those that reports are sealed to, whose reports concern a person.

    Triage for whoever belongs to neither, so that a service which asks for its key finds none.
    """
    return access_facts(user).report_team if isinstance(user, Staff) else Team.Kind.TRIAGE


def must_be_compared(user: Staff) -> bool:
    """Whether a change of a person's own data still waits to be compared with the reports of :func:`report_team`."""
    return user.must_recheck_separate if report_team(user) == Team.Kind.SEPARATE else user.must_recheck


def is_overseer(user: AnyUser) -> TypeGuard[Staff]:
    """Whether a person is an admitted member of their body's team."""
    return isinstance(user, Staff) and Team.Kind.BODY in access_facts(user).team_kinds


def in_a_team(user: AnyUser) -> bool:
    """Whether a person is an admitted member of any team."""
    return isinstance(user, Staff) and bool(access_facts(user).team_kinds)


def has_unindexed_reports(user: AnyUser) -> bool:
    """Whether a member's session has reports or people to compare before it shows any list."""
    return is_triage(user) and access_facts(user).must_compare


def may_have_conflicts(user: AnyUser) -> bool:
    """Whether a member has a conflict of interest in any case, without asking in which."""
    return isinstance(user, Staff) and access_facts(user).has_conflicts


def permissions_of(user: AnyUser) -> frozenset[Permission]:
    """What a person may do to cases: their role's permissions, once a team has admitted them."""
    if not (is_triage(user) or is_overseer(user)):
        return frozenset()
    return _PERMISSIONS.get(Role(user.role), frozenset())


def recorded_conflicts(people: Collection[uuid.UUID]) -> dict[tuple[uuid.UUID, uuid.UUID], bool]:
    """Return the conflicts of interest that the chain records, by report and person, and whether each is in force."""
    entries = AuditEntry.objects.filter(subject__in=people, event__in=CONFLICT_EVENTS).order_by("sequence")
    rows = entries.values_list("facts__complaint", "subject", "event").iterator()
    return {(uuid.UUID(str(report)), person): event != CONFLICT_LIFTED for report, person, event in rows if person}


def _reports_in_conflict(user: AnyUser) -> ComplaintQuerySet:
    if not isinstance(user, Staff):
        return Complaint.stored.none()
    return Complaint.stored.filter(LIVE, conflicts__in=Conflict.objects.filter(IN_FORCE, staff=user))


def conflicted_cases(user: AnyUser) -> QuerySet[Complaint, Any]:
    """The ids of the cases that a person has a conflict of interest in: these do not exist for that person.

    A conflict counts where its row stands, and for a member of a team also where the chain records it and the row is
    gone. For use as a subquery. It is not correlated, so that a database evaluates it once for all rows of a list.
    """
    reports = _reports_in_conflict(user)
    if isinstance(user, Staff) and (recorded := access_facts(user).recorded_conflicts):
        reports = Complaint.objects.filter(Q(pk__in=recorded) | Q(pk__in=reports.values("pk")))
    return reports.values("case")


def has_conflict(user: AnyUser, case_id: uuid.UUID) -> bool:
    """Whether a person has a conflict of interest in a case."""
    return conflicted_cases(user).filter(case=case_id).exists()


def is_closed_to(user: Staff, case: Case, *, is_triaging: bool) -> bool:
    """Whether a case does not exist for a person who would take a step of it, for their team (``is_triaging``) or body.

    Another team than theirs holds it, or they have a conflict of interest in it.
    """
    if is_triaging and access_facts(user).report_team != case.held_by:
        return True
    return conflicted_cases(user).filter(case=case.pk).exists()


def may_see_cases(user: AnyUser) -> TypeGuard[Staff]:
    """Whether a person may see that cases exist: triage, and superusers the clear columns of those that it holds."""
    return is_triage(user) or (isinstance(user, Staff) and user.is_active and user.is_superuser)


def inquiries_for(user: AnyUser) -> CaseQuerySet:
    """The inquiries that a person may see, by the rules of :func:`cases_for`; none while practising."""
    return cases_for(user, (CaseKind.INQUIRY,))


def files_for(user: AnyUser) -> CaseQuerySet:
    """The cases of every kind that a person may see: for conflicts of interest, which any of them may have."""
    return cases_for(user, tuple(CaseKind))


def cases_for(user: AnyUser, kinds: Collection[CaseKind] = (CaseKind.REPORT,)) -> CaseQuerySet:
    """The cases of reports whose clear columns a person may see: the real ones, or while practising those to practise.

    They are those that the person's own team holds: what the separate team holds does not exist for anybody else. Left
    out are cases that the person has a conflict of interest in, and cases linked into another. The queryset is
    empty while a change of the person's own data still waits to be compared with the reports. Inquiries are in none of
    the lists that begin here.
    """
    if not may_see_cases(user):
        return Case.objects.none()
    team = access_facts(user).report_team
    if user.must_recheck_separate if team == Team.Kind.SEPARATE else user.must_recheck:
        return Case.objects.none()
    cases = Case.objects.filter(IS_ACTIVE, kind__in=kinds, is_practice=user.practising, held_by=team)
    return cases.exclude(IS_ERASED_AT_REST).exclude(pk__in=conflicted_cases(user))


def releases_for(user: AnyUser) -> QuerySet[Release]:
    """The releases that a person of an oversight body may see: those to that body, and nothing else of the case.

    A recalled release is not among them: the body was shown it at most before. While a change of the person's own data
    still waits to be compared with the reports of a team, which only a session of that team can do, the releases of
    that team are left out.
    """
    if not is_overseer(user):
        return Release.objects.none()
    waiting = {Team.Kind.TRIAGE: user.must_recheck, Team.Kind.SEPARATE: user.must_recheck_separate}
    compared = [team for team, is_waiting in waiting.items() if not is_waiting]
    releases = Release.objects.filter(body=user.body_id, case__is_practice=user.practising)
    releases = releases if len(compared) == len(waiting) else releases.filter(case__held_by__in=compared)
    return releases.exclude(state=Release.State.RECALLED).exclude(case__in=conflicted_cases(user))


def may_practise(user: AnyUser) -> bool:
    """Whether a person may switch to practice cases: those who work on cases, in triage or in an oversight body."""
    return is_triage(user) or is_overseer(user)


def may_lift_conflicts(user: AnyUser) -> bool:
    """Whether a person may decide on the conflicts of interest of others: an admitted forwarder, in their own team."""
    return is_triage(user) and user.role == Role.FORWARDER


def may_audit(user: AnyUser) -> bool:
    """Whether a person may read the audit log."""
    return isinstance(user, Staff) and user.is_active and user.role == Role.AUDITOR


def may_administer(user: AnyUser) -> bool:
    """Whether a person may edit reference data and accounts, and ask for admissions to teams."""
    return isinstance(user, Staff) and user.is_active and (user.role == Role.ADMIN or user.is_superuser)


def administrators() -> QuerySet[Staff]:
    """The people of :func:`may_administer`, by username, without those who wait for a second administrator."""
    people = Staff.objects.filter(Q(role=Role.ADMIN) | Q(is_superuser=True), is_active=True, awaits_confirmation=False)
    return people.order_by("username")


def may_see_rule_changes(user: AnyUser) -> bool:
    """Whether a person may read which rules of the law were proposed: who proposes, decides or reviews them."""
    return is_triage(user) or may_review(user)


def may_compare_rules(user: AnyUser) -> TypeGuard[Staff]:
    """Whether a person decides on rules of the law: triage, because the separate team holds too few cases for it."""
    return is_triage(user) and report_team(user) == Team.Kind.TRIAGE


def may_see_teams(user: AnyUser) -> bool:
    """Whether a person may see who holds a team's key: members for their own team, administrators for all."""
    return in_a_team(user) or may_administer(user)


def reviewers() -> QuerySet[Staff]:
    """The people of :func:`may_review`, in the order of their keys."""
    people = Q(role__in=[Role.AUDITOR, Role.ADMIN]) | Q(is_superuser=True)
    return Staff.objects.filter(people, is_active=True).order_by("pk")


def may_review(user: AnyUser) -> bool:
    """Whether a person may sign off the access review: auditors and administrators, who hold no team's key."""
    return may_audit(user) or may_administer(user)
