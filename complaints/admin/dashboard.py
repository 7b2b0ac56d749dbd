"""The dashboard: what waits for this person, the charts of the office's work (charts), and the stage of the election.

Every number comes from the same narrowing as the list that it leads to, and ends counting at a cap: what lies beyond
would cost much and tell an officer nothing. All counts of a person of triage are read in one query.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final, cast

from django.db.models import Case as Either
from django.db.models import F, Q, QuerySet, Subquery, Value, When
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from complaints import access
from complaints.admin import charts, inquiries, labels, queue_filters, reference_data, releases, teams
from complaints.admin.base import (
    COUNT_AT_MOST,
    StaffRequest,
    capped_count,
    is_staff,
    or_more,
    render,
    staff_page,
)
from complaints.admin.case_summary import DeadlineLabel, case_deadline, deadline_not_shown
from complaints.admin.labels import Label, accused_label, category_label, sign_in_words
from complaints.admin.queue_filters import FilterValues
from complaints.admin.queue_page import leave_search
from complaints.domain.workflow import OPEN, PROMISED, Permission, Status
from complaints.fast_sql import CappedCount
from complaints.models.case import IS_JUNK, Case, with_wait
from complaints.models.reference_data import Election
from complaints.models.rule_change import RuleChange
from complaints.models.team import Role, Staff, TeamMembership
from complaints.services import (
    case_actions,
    case_summary,
    conflicts,
    first_look,
    job_runs,
    lost_codes,
    reminders,
    retaliation,
    signin_counts,
    similarity,
)
from complaints.services.audit import log, named_faults, nightly_run, recorded_backups, recorded_lines
from complaints.services.erasure import erasure_requests
from complaints.services.erasure import proposals as erasure_proposals
from complaints.services.evidence import worker_key
from complaints.services.forwarding import release_assignment
from complaints.services.forwarding.bodies import oversight_gap
from complaints.services.forwarding.questions import unread_by_body
from complaints.services.reference_data import edition, elections, sample_mode, year_without_list
from complaints.services.rule_book import reviews_due

ROWS_AT_MOST: Final = 10


# --- Counts


def read_counts(person: Staff, counts: Mapping[str, CappedCount | Subquery]) -> dict[str, int]:
    """Read all counts in one query, and what else it is to read of any one row."""
    return cast("dict[str, int]", Staff.objects.filter(pk=person.pk).values(**counts).get())


@dataclass(frozen=True)
class Tile:
    """A number and the list it leads to; more than COUNT_AT_MOST is shown as "1000+"."""

    label: str
    number: int
    url: str
    urgent: bool = False

    @property
    def words(self) -> str:
        """The number as it is shown."""
        return or_more(self.number, COUNT_AT_MOST)


@dataclass(frozen=True)
class TileOfList:
    """A tile before it is counted: its label, the filters of its list, and whether any row of it is urgent."""

    label: Label
    values: FilterValues
    urgent: bool = False


# A body may ask after the outcome too, and the office answers.
_ASKED: Final = {"status": "every", "questions": "open"}
_TILES: Final = (
    # First: a message may tell of retaliation, and nobody knows before a member has read it.
    TileOfList(gettext_lazy("Unread answers"), {"status": "every", "answers": "unread"}),
    TileOfList(gettext_lazy("Due today"), {"due": "today"}),
    TileOfList(gettext_lazy("Late"), {"due": "late"}, urgent=True),
    TileOfList(gettext_lazy("New"), {"status": "received"}),
    TileOfList(gettext_lazy("Waiting for me"), {"status": "ours", "officer": "me"}),
    TileOfList(gettext_lazy("Waiting for others"), {"status": "others", "officer": "me"}),
)
# Shown only where the number is not zero.
_TILES_IF_ANY: Final = (
    TileOfList(gettext_lazy("Others past their target"), {"due": "waiting"}),
    TileOfList(gettext_lazy("Back from a body"), {"status": "back"}, urgent=True),
    TileOfList(gettext_lazy("Reporter objected"), {"status": "objected"}, urgent=True),
    TileOfList(gettext_lazy("Questions of a body on my cases"), {"officer": "me", **_ASKED}, urgent=True),
    TileOfList(gettext_lazy("Questions of a body"), _ASKED, urgent=True),
    TileOfList(gettext_lazy("Given to me, to take on"), {"officer": "unconfirmed"}, urgent=True),
    TileOfList(gettext_lazy("Given by me, not taken on"), {"officer": "given"}),
    TileOfList(gettext_lazy("Of people I stand in for"), {"officer": "standin"}),
    TileOfList(gettext_lazy("With files not read"), {"files": "unread"}),
)
_TILES_OF_FORWARDERS_IF_ANY: Final = (
    TileOfList(gettext_lazy("Owner has not looked for days"), {"officer": "idle"}, urgent=True),
)


# --- The page


@dataclass(frozen=True)
class WaitingRow:
    """A case or a release by deadline that waits for the person; ``line`` says in short what it is about, or ""."""

    shown: str
    url: str
    clock: DeadlineLabel
    status_line: str
    line: str


@staff_page("GET", opens_for=is_staff)
def index(request: StaffRequest) -> HttpResponse:
    """Show the dashboard, which ends a search in the queue."""
    leave_search(request.session)
    request.session.pop(releases.SEARCH_KEY, None)
    person, today = request.user, timezone.localdate()
    context: dict[str, object] = {
        "title": _("My desk"),
        "counts": [],
        "mine": [],
        "waiting": [],
        "stage": election_stage(today),
        "since_last": sign_in_words(request.session.get(signin_counts.SINCE_LAST, {})),
        **teams.key_alarms(person),
    }
    if access.is_triage(person):
        first_look.process_new_reports(actor=request.actor)
        context |= _triage_context(request, today)
    elif access.is_overseer(person):
        context["waiting"] = list(_waiting_for_admission(person))
        context |= {"counts": _body_tiles(person, today), "mine": _releases_to_work_on(person, today)}
    elif access.may_audit(person):
        head = next(iter(log.heads()), None)
        context |= {"head": head, "head_day": date.fromisoformat(head.day) if head else None}
    if access.may_review(person):
        context |= {"faults": named_faults.waiting(), "verification_late": nightly_run.is_late(today=today)}
        context["backups"] = None if sample_mode() else recorded_backups.last_days(today=today)
    if access.may_administer(person):
        context["oversight_gap"] = oversight_gap(today)
        context["failing_jobs"] = job_runs.failing_jobs()
        context["stale_worker_key"] = worker_key.is_stale()
        context["year_without_list"] = year_without_list(today)
        context["reviews_due"] = reviews_due(today, edition())
        context["without_anybody"] = number = conflicts.cases_without_eligible_staff()
        context["without_anybody_words"] = or_more(number, conflicts.COUNTED_AT_MOST)
        tables = (model._meta for model, _admin in reference_data.TABLES)
        context["tables"] = [
            (str(meta.verbose_name_plural).capitalize(), reverse(f"admin:complaints_{meta.model_name}_changelist"))
            for meta in tables
        ]
    context["must_recheck"] = person.must_recheck and access.is_overseer(person)
    context["unadmitted"] = person.role in access.TEAMS_OF_ROLE and not access.in_a_team(person)
    return render(request, "admin/desk.html", context)


def _waiting_for_admission(person: Staff) -> Iterator[TeamMembership]:
    rows = _not_admitted(person).select_related("staff", "team__body")
    yield from (row for row in rows if access.may_join(row.staff, row.team))


def _not_admitted(person: Staff) -> QuerySet[TeamMembership]:
    return TeamMembership.objects.filter(
        team__in=access.teams_of(person), sealed_key=None, left_at=None, staff__is_active=True
    )


def _triage_context(request: StaffRequest, today: date) -> dict[str, object]:
    person = request.user
    cases = access.cases_for(person)
    tiles = _TILES + _TILES_IF_ANY + (_TILES_OF_FORWARDERS_IF_ANY if person.role == Role.FORWARDER else ())
    counts = {
        f"tile_{place}": capped_count(queue_filters.narrow(cases, tile.values, person=person, today=today))
        for place, tile in enumerate(tiles)
    }
    counts["rules"] = capped_count(RuleChange.objects.filter(state=RuleChange.State.PROPOSED))
    counts["junk"] = capped_count(cases.filter(IS_JUNK, status__in=sorted(OPEN)))
    counts["still_late"] = capped_count(cases.filter(status__in=sorted(PROMISED), due_on__lt=today))
    counts["second"] = capped_count(case_actions.awaiting_approval(person))
    counts["lost_codes"] = capped_count(lost_codes.waiting_for(person))
    counts["erasures"] = capped_count(erasure_proposals.waiting_for(person))
    counts["erasure_requests"] = capped_count(erasure_requests.waiting(person))
    counts["due_for_erasure"] = capped_count(erasure_proposals.due_reports(person, today))
    counts["unopened"] = capped_count(job_runs.unconfined_runs(today=today))
    counts["inquiries"] = capped_count(inquiries.waiting(person))
    counts["waiting"] = capped_count(_not_admitted(person))
    sealed = {**retaliation.urgent_columns(request.keyring), **reminders.columns(request.keyring)}
    numbers = read_counts(person, {**counts, **charts.chart_counts(person, today), **sealed})
    return {
        "counts": _triage_tiles(person, tiles, numbers),
        "charts": [
            charts.intake_chart(today, numbers),
            charts.age_chart(numbers),
            charts.punctuality_chart(person, today, numbers["still_late"]),
        ],
        **_cases_to_work_on(request, today),
        "unopened": numbers["unopened"] > 0,
        "reminders": reminders.due(actor=request.actor, values=numbers),
        "urgent": retaliation.urgent_work(actor=request.actor, values=numbers),
        "waiting": list(_waiting_for_admission(person)) if numbers["waiting"] else [],
    }


def _triage_tiles(person: Staff, tiles: tuple[TileOfList, ...], numbers: dict[str, int]) -> list[Tile]:
    shown, queue_url = [], reverse("admin:complaints_case_changelist")
    for place, tile in enumerate(tiles):
        number = numbers[f"tile_{place}"]
        if number or place < len(_TILES):
            url = f"{queue_url}?{queue_filters.query_of(tile.values)}"
            shown.append(Tile(str(tile.label), number, url, urgent=tile.urgent and number > 0))
    if second := numbers["second"] + numbers["lost_codes"]:
        url = reverse("admin:complaints_case_second")
        shown.append(Tile(_("Waiting for a second decision"), second, url, urgent=True))
    shown += _erasure_tiles(numbers)
    if (waiting := numbers["rules"]) and not person.practising:
        shown.append(Tile(_("Proposed changes"), waiting, reverse("admin:rule_changes")))
    if junk := numbers["junk"]:
        shown.append(Tile(_("Likely junk"), junk, reverse("admin:complaints_case_lane")))
    shown.append(Tile(_("Ask first"), numbers["inquiries"], reverse("admin:inquiries")))
    return shown


def _erasure_tiles(numbers: dict[str, int]) -> list[Tile]:
    """Return the tiles of erasure whose number is not zero, each with its part of the page."""
    url = reverse("admin:erasures")
    tiles = [
        Tile(_("Requests for erasure"), numbers["erasure_requests"], f"{url}#requests", urgent=True),
        Tile(_("Erasures to be confirmed"), numbers["erasures"], f"{url}#theirs", urgent=True),
        Tile(_("Due for erasure"), numbers["due_for_erasure"], f"{url}#due"),
    ]
    return [tile for tile in tiles if tile.number]


def _cases_to_work_on(request: StaffRequest, today: date) -> dict[str, object]:
    """Return the open cases of the person, by deadline; to forwarders, apart, the verified ones that wait for them.

    A case that is shown as waiting is not listed a second time.
    """
    person, keyring = request.user, request.keyring
    is_theirs, to_forward = Q(assignee=person, status__in=OPEN), Q(status=Status.VERIFIED)
    is_forwarder = person.role == Role.FORWARDER
    wanted = is_theirs | to_forward if is_forwarder else is_theirs
    cases = access.cases_for(person).exclude(IS_JUNK).filter(wanted).select_related("lead_body", "category")
    rows = recorded_lines.with_first(with_wait(cases))
    # What waits for a forwarder comes first, so that their own cases leave room for it.
    kinds = [Either(When(to_forward, then=Value(0)), default=Value(1))] if is_forwarder else []
    first = list(rows.order_by(*kinds, F("due_on").asc(nulls_last=True), "received_on", "id")[:ROWS_AT_MOST])
    # Who links no cases is told of no wave.
    is_linking = Permission.TRIAGE in access.permissions_of(person)
    waves = similarity.waves(person=person, today=today) if is_linking else []
    # Of the first case of a wave its line alone is read.
    opened = [*first, *(Case(pk=wave.first) for wave in waves)]
    summaries = case_summary.summaries(actor=request.actor, cases=opened) if opened else {}
    differing = recorded_lines.differing(first)
    # A person whose conflict with a case came to light just now is not shown that the case is there.
    shown = [case for case in first if not keyring.has_conflict(case.pk)]
    lines: dict[bool, list[WaitingRow]] = {True: [], False: []}
    for case in shown:
        row = WaitingRow(
            shown=case.reference,
            url=reverse("admin:complaints_case_change", args=[case.pk]),
            clock=case_deadline(case, today, waiting_since=case.waiting_since),
            status_line=labels.case_status_label(case),
            line=summaries.get(case.pk, ""),
        )
        is_waiting = is_forwarder and case.status == Status.VERIFIED
        lines[is_waiting].append(_waiting(row, differs=case.pk in differing))
    return {
        "mine": lines[False],
        "to_forward": lines[True],
        "waves": [(wave, summaries[wave.first]) for wave in waves if wave.first in summaries],
    }


def _waiting(row: WaitingRow, *, differs: bool) -> WaitingRow:
    """Return a row; of a case that is not as the chain records it, with its reference alone."""
    if not differs:
        return row
    return replace(row, clock=deadline_not_shown(), status_line=str(labels.NOT_AS_RECORDED), line="")


def _releases_to_work_on(person: Staff, today: date) -> list[WaitingRow]:
    rows = releases.current(releases.with_news_and_owner(releases.releases_of(person)))
    first = list(rows.filter(releases.TURNS["yours"]).order_by(*releases.ORDER)[:ROWS_AT_MOST])
    owners = release_assignment.owners([release.pk for release in first])
    replied = unread_by_body([release for release in first if release.was_asked])
    differing = releases.not_as_recorded(first)
    return [
        _waiting(
            WaitingRow(
                shown=release.case.reference,
                url=reverse("admin:complaints_release_change", args=[release.pk]),
                clock=case_deadline(release.case, today, waiting_since=release.own_asked_agency),
                status_line=releases.status_line(release),
                line=_line_of_release(release, owners.get(release.pk), is_replied=release.pk in replied),
            ),
            differs=release.pk in differing,
        )
        for release in releases.with_own_state(first)
    ]


def _line_of_release(release: releases.ListedRelease, owner: Staff | None, *, is_replied: bool) -> str:
    """Return what a release is about, what is new in it and who has it; nothing sealed is opened for the desk."""
    news, case = ", ".join(releases.news_of(release, is_replied=is_replied)), release.case
    person = labels.staff_name(owner) if owner else _("nobody has it")
    return " · ".join(part for part in (category_label(case), accused_label(case), person, news) if part)


def _body_tiles(person: Staff, today: date) -> list[Tile]:
    """Return the tiles of a liaison, all counted in one query, each by the filters of its list."""
    url = reverse("admin:complaints_release_changelist")
    rows = releases.current(releases.with_news_and_owner(releases.releases_of(person)))
    with_us, yours = rows.filter(releases.TURNS[""]), rows.filter(releases.TURNS["yours"])
    tiles = [
        (_("New"), rows.filter(releases.TURNS["new"]), "?turn=new", False),
        (_("Our turn"), yours, "?turn=yours", False),
        (_("Mine"), with_us.filter(owner=str(person.pk)), "?owner=me", False),
        (_("Nobody's"), with_us.filter(owner=""), "?owner=nobody", False),
        (_("New answers"), rows.filter(releases.TURNS["answers"]), "?turn=answers", True),
        (_("Past the target"), yours.filter(own_due__lt=today), "?turn=late", True),
        (_("With us"), with_us, "", False),
    ]
    numbers = read_counts(person, {f"tile_{place}": capped_count(tile[1]) for place, tile in enumerate(tiles)})
    return [
        Tile(label, number, url + query, urgent=urgent and number > 0)
        for (label, _rows, query, urgent), number in zip(tiles, numbers.values(), strict=True)
    ]


# --- The stage of the election

# What begins on a day of an election's calendar, in order.
_STAGES = {
    "starts_on": gettext_lazy("Preparation: there are prospective candidates, none is settled yet"),
    "candidates_on": gettext_lazy("Candidates are settled, the campaign has not begun"),
    "campaign_from": gettext_lazy("Campaign"),
    "quiet": gettext_lazy("Quiet days before voting"),
    "voting_on": gettext_lazy("Voting"),
    "counting": gettext_lazy("Counting and disputes"),
}
_NEXT = {
    "starts_on": gettext_lazy("preparation begins"),
    "candidates_on": gettext_lazy("candidates are settled"),
    "campaign_from": gettext_lazy("the campaign begins"),
    "quiet": gettext_lazy("the quiet days begin"),
    "voting_on": gettext_lazy("voting"),
    "counting": gettext_lazy("counting begins"),
    "over": gettext_lazy("the election ends"),
}


@dataclass(frozen=True)
class ElectionStage:
    """The stage of an election today, what comes next and on which day; ``days`` counts the days until then."""

    election: Election
    name: str
    words: str
    next_words: str
    next_on: date | None
    days: int


def election_stage(today: date) -> ElectionStage | None:
    """Return the stage of the election that runs today, else of the next one; None where none is known."""
    ahead = [election for election in elections() if election.ends_on >= today]
    return _stage_of(min(ahead, key=lambda election: (election.starts_on, election.code)), today) if ahead else None


def _stage_of(election: Election, today: date) -> ElectionStage:
    begins = [
        ("starts_on", election.starts_on),
        ("candidates_on", election.candidates_on),
        ("campaign_from", election.campaign_from),
        ("quiet", election.campaign_until + timedelta(days=1)),
        ("voting_on", election.voting_on),
        ("counting", election.voting_on + timedelta(days=1)),
        ("over", election.ends_on + timedelta(days=1)),
    ]
    # Quiet days that do not exist begin with the voting and are passed over.
    now = [code for code, day in begins if day <= today]
    ahead = [(code, day) for code, day in begins if day > today]
    code, day = ahead[0]
    words = str(_STAGES[now[-1]]) if now else _("It has not begun")
    name = election.name_en if (get_language() or "id").startswith("en") else election.name_id
    return ElectionStage(election, name, words, str(_NEXT[code]), day, (day - today).days)
