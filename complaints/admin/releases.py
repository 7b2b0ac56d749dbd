"""What a liaison of an oversight body sees: the list of releases to that body, and nothing else of any case.

Of a release that was returned or replaced, the case's later fate is not shown either: it is no longer theirs.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, TypeAlias, TypedDict

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
from django.db.models import Case as Either
from django.db.models.expressions import OrderBy
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from complaints import access
from complaints.admin import labels
from complaints.admin.base import BaseAdmin, StaffRequest, staff_request
from complaints.admin.case_summary import release_deadline
from complaints.admin.list_filter import Choice, ListFilter
from complaints.admin.release_content import DANGER
from complaints.domain.workflow import OPEN, WITH_BODY, Status, Transition
from complaints.models.oversight import Release
from complaints.models.team import Staff
from complaints.services import release_steps
from complaints.services.forwarding import reading

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    class _Replaced(TypedDict):
        replaced: bool
        own_status: str
        own_due: date | None

    AnnotatedRelease: TypeAlias = WithAnnotations[Release, _Replaced]


def with_replaced(releases: QuerySet[Release]) -> QuerySet[AnnotatedRelease]:
    """Return the forwardings among releases, with ``replaced``: whether the case was forwarded again after it.

    ``own_status`` and ``own_due`` are those of a further release, else of its case: of no other state a body is told.
    """
    later, last = reading.replacing(OuterRef("case"), OuterRef("after_step")), release_steps.LAST_OF_RELEASE
    return releases.filter(first=None).annotate(
        replaced=ExpressionWrapper(Q(is_further=False) & Q(Exists(later)), output_field=BooleanField()),
        own_status=Either(When(is_further=True, then=Subquery(last.values("target")[:1])), default=F("case__status")),
        own_due=Either(When(is_further=True, then=Subquery(last.values("due_on")[:1])), default=F("case__due_on")),
    )


def with_own_state(releases: Sequence[AnnotatedRelease]) -> Sequence[AnnotatedRelease]:
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


# --- The list


class TurnFilter(ListFilter):
    """Which releases to list; without a choice, those that are still with the body."""

    title, parameter_name, every = gettext_lazy("Show"), "turn", gettext_lazy("With us")

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Release]) -> list[Choice]:
        return [
            ("new", _("New")),
            ("yours", _("Our turn")),
            ("late", _("Past the target")),
            ("ended", _("Ended")),
            ("every", _("All releases")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[AnnotatedRelease]) -> QuerySet[AnnotatedRelease]:
        """Keep the chosen releases; every choice but "All releases" asks for the case's state: current ones only."""
        value, current = self.value(), queryset.filter(state=Release.State.OPEN, replaced=False)
        if value == "every":
            return queryset
        if value == "late":
            return current.filter(own_due__lt=timezone.localdate(), own_status__in=WITH_BODY)
        statuses = {"new": {Status.FORWARDED}, "yours": WITH_BODY, "ended": set(Status) - OPEN}
        return current.filter(own_status__in=statuses.get(value or "", OPEN))


class ReleaseList(ChangeList):
    """A page of releases; each gets ``live``, ``status_line``, ``clock``, ``urgent`` and ``danger``."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        today = timezone.localdate()
        self.result_list = with_own_state(list(self.result_list))
        dangers = reading.dangers(keyring=staff_request(request).keyring, firsts=self.result_list)
        for release in self.result_list:
            grade, release.urgent = dangers.get(release.pk, ("", False))
            release.danger = str(DANGER[grade])
            release.live = is_current(release)
            release.status_line = status_line(release)
            release.clock = release_deadline(release.case, today, is_live=release.live)


class ReleaseAdmin(BaseAdmin):
    """The change list of a liaison's releases."""

    list_filter = [TurnFilter]
    change_list_template = "admin/releases.html"
    list_title = gettext_lazy("Releases")
    opens_for = staticmethod(access.is_overseer)

    def get_queryset(self, request: HttpRequest) -> QuerySet[AnnotatedRelease]:
        return releases_of(request.user)  # type: ignore[arg-type]

    def get_ordering(self, request: HttpRequest) -> tuple[OrderBy, str, str]:
        return (F("own_due").asc(nulls_last=True), "at", "id")

    def get_changelist(self, request: HttpRequest, **kwargs: object) -> type[ReleaseList]:
        return ReleaseList
