"""What a liaison of an oversight body sees: the list of releases to that body, and nothing else of any case.

Of a release that was returned or replaced, the case's later fate is not shown either: it is no longer theirs.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Final, TypeAlias, TypedDict, TypeVar, cast

from django.contrib.admin import ModelAdmin
from django.contrib.admin.views.main import ChangeList
from django.db.models import (
    BooleanField,
    Exists,
    ExpressionWrapper,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    UUIDField,
    Value,
    When,
)
from django.db.models import Case as Choose
from django.db.models.expressions import OrderBy
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from complaints import access
from complaints.admin import labels
from complaints.admin.base import BaseAdmin, StaffRequest, staff_request
from complaints.admin.case_summary import DeadlineLabel, deadline_not_shown, release_deadline
from complaints.admin.list_filter import Choice, ListFilter
from complaints.admin.release_content import DANGER, AccusedLines, accused_lines, report_count
from complaints.domain.workflow import OPEN, WITH_BODY, Action, Status, Transition
from complaints.models.case import CaseStep
from complaints.models.oversight import Release
from complaints.models.team import Staff
from complaints.services import release_steps, transitions
from complaints.services.audit import recorded_lines, recorded_questions, recorded_releases
from complaints.services.forwarding import reading, release_assignment, release_summary
from complaints.services.forwarding.questions import unread_by_body
from complaints.services.forwarding.release_summary import ReleaseSummary, has_new_answers, with_news
from complaints.services.transitions import CaseVersion

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    class _Replaced(TypedDict):
        replaced: bool
        was_asked: bool
        own_status: str
        own_due: date | None
        own_asked_agency: date | None

    class _Line(_Replaced):
        newest: int
        answers: int
        opened_newest: int
        opened_answers: int
        owner: str

    AnnotatedRelease: TypeAlias = WithAnnotations[Release, _Replaced]
    ListedRelease: TypeAlias = WithAnnotations[Release, _Line]

AnyRelease = TypeVar("AnyRelease", bound=Release)


def with_replaced(releases: QuerySet[Release]) -> QuerySet[AnnotatedRelease]:
    """Return the forwardings among releases, with ``replaced``: whether the case was forwarded again after it.

    ``was_asked`` says whether a body ever asked the office or, through it, a reporter of the case.
    ``own_status`` and ``own_due`` are those of a further release, else of its case: of no other state a body is told.
    ``own_asked_agency`` is the day of the last recommendation to the agency, None without one.
    """
    later, last = reading.replacing(OuterRef("case"), OuterRef("after_step")), release_steps.LAST_OF_RELEASE
    asked = Q(action=Action.AWAIT_AGENCY.value)
    of_case = CaseStep.objects.filter(asked, case=OuterRef("case")).order_by("-sequence").values("day")[:1]
    return releases.filter(first=None).annotate(
        was_asked=recorded_questions.WAS_ASKED,
        replaced=ExpressionWrapper(Q(is_further=False) & Q(Exists(later)), output_field=BooleanField()),
        own_status=Choose(When(is_further=True, then=Subquery(last.values("target")[:1])), default=F("case__status")),
        own_due=Choose(When(is_further=True, then=Subquery(last.values("due_on")[:1])), default=F("case__due_on")),
        own_asked_agency=Choose(
            When(is_further=True, then=Subquery(last.filter(asked).values("day")[:1])), default=Subquery(of_case)
        ),
    )


def with_own_state(releases: Sequence[AnyRelease]) -> Sequence[AnyRelease]:
    """Let the case of each further release be as its body sees it; two queries where there is one."""
    histories = release_steps.read(releases)
    for release in releases:
        release_steps.as_body_sees(release, histories.get(release.pk))
    return releases


def is_current(release: AnnotatedRelease) -> bool:
    """Whether a release of :func:`with_replaced` is the one on which its body acts, so that the case's state is its."""
    return release.state == Release.State.OPEN and not release.replaced


def status_line(release: AnnotatedRelease) -> str:
    """Return the label of the state of a release of :func:`with_replaced`."""
    if release.state == Release.State.RETURNED:
        return str(Release.State.RETURNED.label)
    if release.replaced:
        return _("Replaced by a later release")
    return labels.status_label(release.case.status, release.body.short_name)


def releases_of(user: Staff) -> QuerySet[AnnotatedRelease]:
    """Return the releases to this person's body, as :func:`with_replaced`, with what a line shows of the case."""
    releases = with_replaced(access.releases_for(user))
    return releases.select_related("body", "case__category", "case__accused_kind", "case__province")


def release_or_404(request: StaffRequest, release_id: uuid.UUID) -> AnnotatedRelease:
    """Return a forwarding, also by the id of a supplement to it."""
    first = Subquery(Release.objects.filter(pk=release_id).values("first"))
    release = get_object_or_404(releases_of(request.user), pk=Coalesce(first, Value(release_id, UUIDField())))
    return with_own_state([release])[0]


def step_label(row: Transition, release: Release) -> labels.StepLabel:
    """Return the label of a step that the body of a release may take."""
    return labels.step_label(row, release.case, today=timezone.localdate(), body=release.body.short_name)


def is_second_press(request: StaffRequest, release: AnnotatedRelease, action: Action) -> bool:
    """Whether the person took this very step on the page that was sent, and pressed its button again."""
    seen = CaseVersion.parse(request.POST.get("seen", ""))
    last, number = reading.last_step(release), release.case.step_count
    return transitions.is_second_press(last, person=request.user, action=action, seen=seen, step_count=number)


# --- The list

PAGE_SIZE: Final = 25
# Where the sealed session holds the last search of a liaison (admin/release_search.py).
SEARCH_KEY: Final = "release_search"
# Danger and urgency are sealed: the filter opens the manifests of so many releases, the newest first.
URGENCY_READ_AT_MOST: Final = 500
_GRADES: Final = ("high", "medium", "low", "")
_NOBODY, _MINE = "nobody", "me"


def with_news_and_owner(releases: QuerySet[AnnotatedRelease]) -> QuerySet[ListedRelease]:
    """Annotate releases with what their body has not opened yet, and with ``owner``, the id of who has one."""
    annotated = with_news(releases).annotate(owner=recorded_releases.owner_column())
    return cast("QuerySet[ListedRelease]", annotated)


def current(releases: QuerySet[ListedRelease]) -> QuerySet[ListedRelease]:
    """Return those on which the body acts; only of them the case's state is the release's."""
    return releases.filter(state=Release.State.OPEN, replaced=False)


# Urgent categories first, then by deadline. What else is urgent is sealed, and sorts the page that is shown.
_IS_URGENT: Final = Choose(When(case__category__priority="urgent", then=0), default=1)
ORDER: Final[tuple[OrderBy | str, ...]] = (_IS_URGENT.asc(), F("own_due").asc(nulls_last=True), "at", "id")

# What the tiles of the desk and the choices of the filter stand for, each of current releases.
TURNS: Final[dict[str, Q]] = {
    "": Q(own_status__in=OPEN),
    "new": Q(own_status=Status.FORWARDED),
    "yours": Q(own_status__in=WITH_BODY),
    "answers": Q(own_status__in=OPEN) & has_new_answers(),
    "ended": Q(own_status__in=set(Status) - OPEN),
}


class TurnFilter(ListFilter):
    """Which releases to list; without a choice, those that are still with the body."""

    title, parameter_name, every = gettext_lazy("Show"), "turn", gettext_lazy("With us")

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Release]) -> list[Choice]:
        return [
            ("new", _("New")),
            ("yours", _("Our turn")),
            ("answers", _("New answers")),
            ("late", _("Past the target")),
            ("ended", _("Ended")),
            ("every", _("All releases")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ListedRelease]) -> QuerySet[ListedRelease]:
        """Keep the chosen releases; every choice but "All releases" asks for the case's state: current ones only."""
        value = self.value() or ""
        if value == "every":
            return queryset
        if value == "late":
            return current(queryset).filter(TURNS["yours"], own_due__lt=timezone.localdate())
        return current(queryset).filter(TURNS.get(value, TURNS[""]))


class OwnerFilter(ListFilter):
    """Who of the body has a release."""

    title, parameter_name = gettext_lazy("Officer"), "owner"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Release]) -> list[Choice]:
        person = staff_request(request).user
        others = [colleague for colleague in release_assignment.colleagues(person.body_id or "") if colleague != person]
        return [
            (_MINE, _("me")),
            (_NOBODY, _("nobody")),
            *((str(colleague.pk), labels.staff_name(colleague)) for colleague in others),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ListedRelease]) -> QuerySet[ListedRelease]:
        """Keep the releases of the chosen person."""
        value = self.value()
        if not value:
            return queryset
        return queryset.filter(owner={_MINE: str(staff_request(request).user.pk), _NOBODY: ""}.get(value, value))


class UrgencyFilter(ListFilter):
    """How urgent a release is, and the grade of the danger to a reporter; both are opened to be compared."""

    title, parameter_name = gettext_lazy("Danger"), "danger"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Release]) -> list[Choice]:
        return [("urgent", _("urgent")), *((grade or "none", DANGER[grade]) for grade in _GRADES)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ListedRelease]) -> QuerySet[ListedRelease]:
        """Keep those of the newest URGENCY_READ_AT_MOST that are so."""
        value = self.value()
        if not value:
            return queryset
        # Without what the lines show besides: SQLite works that out for every row that it sorts.
        chosen = Release.objects.filter(pk__in=queryset.order_by().values("pk"))
        newest = list(chosen.order_by("-at", "pk").only("pk")[:URGENCY_READ_AT_MOST])
        dangers = reading.dangers(keyring=staff_request(request).keyring, firsts=newest)
        wanted = "" if value == "none" else value
        return queryset.filter(
            pk__in=[
                key for key, (grade, urgent) in dangers.items() if (urgent if value == "urgent" else grade == wanted)
            ]
        )


@dataclass(frozen=True)
class ReleaseLine:
    """A line of the list: a release with what was opened of it, in words.

    ``news`` says what the body has not opened yet, ``untried`` counts the names that it may try to open and has not,
    ``person`` has the release. ``differs`` says that the case is not as the chain records it.
    """

    release: ListedRelease
    summary: ReleaseSummary
    head: AccusedLines
    live: bool
    status_line: str
    clock: DeadlineLabel
    news: list[str]
    untried: int
    person: Staff | None
    differs: bool

    @property
    def danger(self) -> str:
        """The grade of the danger to a reporter in words."""
        return str(DANGER[self.summary.danger])

    @property
    def reports(self) -> str:
        """How many reports the body holds, in words."""
        return report_count(self.summary.reports)


def release_lines(request: StaffRequest, releases: list[ListedRelease]) -> list[ReleaseLine]:
    """Open what the lines of a page show, the urgent ones of the page first; of :func:`with_news_and_owner`."""
    today = timezone.localdate()
    summaries = release_summary.summaries(actor=request.actor, firsts=releases)
    people = release_assignment.owners([release.pk for release in releases])
    untried = release_summary.untried_names([release for release in releases if is_current(release)])
    replied = unread_by_body([release for release in releases if release.was_asked])
    differing = not_as_recorded(releases)
    releases = list(with_own_state(releases))
    lines = [
        ReleaseLine(
            release=release,
            summary=summaries[release.pk],
            head=accused_lines(summaries[release.pk].accused, summaries[release.pk].places),
            live=is_current(release),
            status_line=status_line(release),
            clock=release_deadline(
                release.case, today, is_live=is_current(release), waiting_since=release.own_asked_agency
            ),
            news=news_of(release, is_replied=release.pk in replied),
            untried=untried[release.pk],
            person=people.get(release.pk),
            differs=is_current(release) and release.pk in differing,
        )
        for release in releases
    ]
    lines = [_as_recorded(line) for line in lines]
    return sorted(lines, key=lambda line: _urgency(line.summary))


def not_as_recorded(releases: Sequence[ListedRelease]) -> set[uuid.UUID]:
    """Return the releases of which the state is not as the chain records it: that of the case, or of a further one."""
    cases = recorded_lines.differing({row.case_id: row.case for row in releases if not row.is_further}.values())
    altered = {key for key, history in release_steps.read(releases).items() if not history.is_recorded}
    return altered | {row.pk for row in releases if not row.is_further and row.case_id in cases}


def _as_recorded(line: ReleaseLine) -> ReleaseLine:
    """Return a line; of a case that is not as the chain records it, without status and deadline."""
    if not line.differs:
        return line
    return replace(line, status_line=str(labels.NOT_AS_RECORDED), clock=deadline_not_shown())


def _urgency(summary: ReleaseSummary) -> tuple[bool, int]:
    return not summary.urgent, _GRADES.index(summary.danger)


def news_of(release: ListedRelease, *, is_replied: bool) -> list[str]:
    """Return what a body has not opened of a release, in words; nothing of one that it no longer acts on.

    ``is_replied`` says whether the office answered a question of the body since.
    """
    if not is_current(release):
        return []
    if not release.opened_newest:
        return [_("forwarded again") if release.number > 1 else _("new")]
    supplements, answers = release.newest - release.opened_newest, release.answers - release.opened_answers
    lines = []
    if supplements > 0:
        lines.append(ngettext("%(n)d addition", "%(n)d additions", supplements) % {"n": supplements})
    if answers > 0:
        lines.append(ngettext("%(n)d answer", "%(n)d answers", answers) % {"n": answers})
    return [*lines, _("answer of the office")] if is_replied else lines


class ReleaseList(ChangeList):
    """A page of releases, with its ``lines``."""

    lines: list[ReleaseLine]

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.lines = release_lines(staff_request(request), list(self.result_list))
        self.result_list = [line.release for line in self.lines]


class ReleaseAdmin(BaseAdmin):
    """The change list of a liaison's releases."""

    list_filter = [TurnFilter, OwnerFilter, UrgencyFilter]
    list_per_page = PAGE_SIZE
    change_list_template = "admin/releases.html"
    list_title = gettext_lazy("Releases")
    opens_for = staticmethod(access.is_overseer)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ListedRelease]:
        return with_news_and_owner(releases_of(staff_request(request).user))

    def get_ordering(self, request: HttpRequest) -> tuple[OrderBy | str, ...]:
        return ORDER

    def get_changelist(self, request: HttpRequest, **kwargs: object) -> type[ReleaseList]:
        return ReleaseList

    def list_context(self, request: HttpRequest) -> dict[str, object]:
        """End the search that the person comes from, and say how far the filter of danger reads."""
        request.session.pop(SEARCH_KEY, None)
        return {"urgency_read": URGENCY_READ_AT_MOST if request.GET.get("danger") else 0}
