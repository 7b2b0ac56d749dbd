"""The first page after signing in: what waits for this person, as counts that lead to the list behind them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from complaints import access
from complaints.admin import calendar, figures, filters, releases, review, wording
from complaints.admin.base import COUNT_AT_MOST, in_a_team, staff_request
from complaints.domain.workflow import OPEN, Status
from complaints.models.oversight import Release
from complaints.models.team import Role, Staff, TeamMembership
from complaints.services import case_actions, case_items, conflicts, first_look
from complaints.services.audit import log
from complaints.services.team_keys import personal

MY_CASES = 10


@dataclass(frozen=True)
class Count:
    """A number and the list it leads to; more than a thousand is said as such."""

    label: str
    number: int
    url: str
    urgent: bool = False

    @property
    def words(self) -> str:
        """The number as it is shown."""
        return str(self.number) if self.number <= COUNT_AT_MOST else f"{COUNT_AT_MOST}+"


def catch_up(request: HttpRequest) -> None:
    """Compare a person whose own data changed with all reports, where their session can."""
    asking = staff_request(request)
    if isinstance(asking.user, Staff) and asking.user.must_recheck and access.is_triage(asking.user):
        first_look.process_new_reports(actor=asking.actor)


def _count(rows: QuerySet[Any]) -> int:
    return int(rows.order_by()[: COUNT_AT_MOST + 1].count())


def desk(request: HttpRequest) -> dict[str, Any]:
    """Return the desk of the person who asks."""
    person, today = staff_request(request).user, timezone.localdate()
    found: dict[str, Any] = {"counts": [], "mine": [], "waiting": _waiting(person), "stage": calendar.stage(today)}
    found |= review.alarms(person)
    if access.is_triage(person):
        first_look.process_new_reports(actor=staff_request(request).actor)
        found |= _triage(person, today) | {"mine": _my_cases(request, today)}
    elif access.is_overseer(person):
        found |= {"counts": _body_counts(person, today), "mine": _our_releases(person, today)}
    elif person.role == Role.CUSTODIAN:
        found |= {"teams": list(access.teams_of(person)), "fingerprint": personal.fingerprint(person)}
    elif access.may_audit(person):
        found["head"] = next(((number, date.fromisoformat(day), head) for number, day, head in log.heads()), None)
    if access.may_administer(person):
        found["without_anybody"] = conflicts.cases_without_eligible_staff()
    found["must_recheck"] = person.must_recheck and access.is_overseer(person)
    found["unadmitted"] = person.role in access.TEAM_OF_ROLE and not in_a_team(person)
    return found


# What waits, as (words, the filters of the list behind it, urgent where there is any).
_WAITS: Final[tuple[tuple[Any, dict[str, str], bool], ...]] = (
    (gettext_lazy("Due today"), {"due": "today"}, False),
    (gettext_lazy("Late"), {"due": "late"}, True),
    (gettext_lazy("New"), {"status": "received"}, False),
    (gettext_lazy("Waiting for me"), {"status": "ours", "officer": "me"}, False),
    (gettext_lazy("Waiting for others"), {"status": "others", "officer": "me"}, False),
    (gettext_lazy("Unread answers"), {"status": "every", "answers": "unread"}, False),
)
# Shown only where there is something.
_SOMETIMES: Final[tuple[tuple[Any, dict[str, str], bool], ...]] = (
    (gettext_lazy("Back from a body"), {"status": "back"}, True),
    (gettext_lazy("Given to me, to take on"), {"officer": "unconfirmed"}, True),
    (gettext_lazy("Given by me, not taken on"), {"officer": "given"}, False),
    (gettext_lazy("Of people I stand in for"), {"officer": "standin"}, False),
)
_FORWARDERS: Final[tuple[tuple[Any, dict[str, str], bool], ...]] = (
    (gettext_lazy("Owner has not looked for days"), {"officer": "idle"}, True),
)


def _triage(person: Staff, today: date) -> dict[str, Any]:
    """Return the counts and the charts of a member; each count is that of the list it leads to, narrowed alike."""
    cases, base = access.cases_for(person), reverse("admin:complaints_case_changelist")
    rare = _SOMETIMES + (_FORWARDERS if person.role == Role.FORWARDER else ())
    tiles = _WAITS + rare
    counts = {
        f"tile_{place}": figures.capped(filters.narrow(cases, values, person=person, today=today))
        for place, (_label, values, _urgent) in enumerate(tiles)
    }
    counts["second"] = figures.capped(case_actions.awaiting_approval(person))
    numbers = figures.counted(person, counts | figures.wanted(person, today))
    found = []
    for place, (label, values, urgent) in enumerate(tiles):
        number = numbers[f"tile_{place}"]
        if number or place < len(_WAITS):
            url = f"{base}?{filters.query_of(values)}"
            found.append(Count(str(label), number, url, urgent=urgent and number > 0))
    if second := numbers["second"]:
        url = reverse("admin:complaints_case_second")
        found.append(Count(_("Waiting for a second decision"), second, url, urgent=True))
    return {"counts": found, "charts": figures.charts(person, today, numbers)}


def _my_cases(request: HttpRequest, today: date) -> list[Any]:
    asking = staff_request(request)
    mine = (
        access.cases_for(asking.user)
        .filter(assignee=asking.user, status__in=OPEN)
        .select_related("lead_body", "category")
    )
    rows: list[Any] = list(mine.order_by(F("due_on").asc(nulls_last=True), "received_on", "id")[:MY_CASES])
    lines = case_items.summaries(actor=asking.actor, cases=rows) if rows else {}
    rows = [case for case in rows if not asking.keyring.has_conflict(case.pk)]
    for case in rows:
        case.line, case.status_line = lines.get(case.pk, ""), wording.case_status(case)
        case.clock = wording.clock(case.due_on, today)
        case.url, case.shown = reverse("admin:complaints_case_change", args=[case.pk]), case.reference
    return rows


def _our_releases(person: Staff, today: date) -> list[Any]:
    mine = releases.live(access.releases_for(person)).filter(state=Release.State.OPEN, replaced=False)
    ours = mine.filter(case__status__in=releases.YOURS).select_related("body", "case__category", "case__accused_kind")
    rows: list[Any] = list(ours.order_by(F("case__due_on").asc(nulls_last=True), "at", "id")[:MY_CASES])
    for release in rows:
        release.line = f"{release.case.category} · {release.case.accused_kind}"
        release.status_line = releases.status_line(release)
        release.clock = wording.clock(release.case.due_on, today)
        release.url = reverse("admin:complaints_release_change", args=[release.pk])
        release.shown = release.case.reference
    return rows


def _body_counts(person: Staff, today: date) -> list[Count]:
    base = reverse("admin:complaints_release_changelist")
    mine = releases.live(access.releases_for(person)).filter(state=Release.State.OPEN, replaced=False)
    yours = mine.filter(case__status__in=releases.YOURS)
    late = _count(yours.filter(case__due_on__lt=today))
    return [
        Count(_("New"), _count(mine.filter(case__status=Status.FORWARDED)), f"{base}?turn=new"),
        Count(_("Our turn"), _count(yours), f"{base}?turn=yours"),
        Count(_("Late"), late, f"{base}?turn=late", urgent=late > 0),
        Count(_("With us"), _count(mine.filter(case__status__in=OPEN)), base),
    ]


def _waiting(person: Staff) -> list[TeamMembership]:
    mine = access.teams_of(person)
    rows = TeamMembership.objects.filter(team__in=mine, sealed_key=None, left_at=None, staff__is_active=True)
    return [row for row in rows.select_related("staff", "team__body") if access.may_join(row.staff, row.team)]
