"""What all pages of the staff's door share: who may open them is decided by complaints.access alone.

Django's own permission table, its log of edits, its history pages and its deletions are not used. What a person may
not see does not exist for them: 404, never 403 and never a redirect that tells.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import update_wrapper
from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.functional import cached_property

from complaints import access
from complaints.models.case import Case
from complaints.models.team import Role, Staff
from complaints.services import case_file

# Only services handle sealed contents; from them comes the error that tells of altered ones.
from complaints.services.case_items import SealError  # type: ignore[attr-defined]
from complaints.services.keyring import Keyring, Locked
from complaints.services.team_key_history import UnpinnedKey

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
    SomePaginator = Paginator[Any]
else:
    ModelAdmin, SomePaginator = admin.ModelAdmin, Paginator

View = Callable[..., HttpResponseBase]
# Counting a million rows to print a number nobody needs would cost more than the page.
COUNT_AT_MOST = 1000
OBSTACLES: dict[type[Exception], str] = {Locked: "locked", UnpinnedKey: "unpinned", SealError: "altered"}


class StaffRequest(HttpRequest):
    """A request of a signed-in member of staff, with the key ring that the middleware gives it."""

    user: Staff
    keyring: Keyring


def staff_request(request: HttpRequest) -> StaffRequest:
    """Return the request as what the guards have made sure it is."""
    return cast(StaffRequest, request)


def may_work(request: HttpRequest) -> bool:
    """Whether a request comes from a member of staff at all."""
    return isinstance(request.user, Staff) and request.user.is_active and request.user.is_staff


def in_a_team(person: Any) -> bool:
    """Whether somebody is an admitted member of any team."""
    if access.is_triage(person) or access.is_overseer(person):
        return True
    return isinstance(person, Staff) and person.role == Role.CUSTODIAN and access.teams_of(person).exists()


def case_or_404(request: HttpRequest, object_id: uuid.UUID) -> Case:
    """Return a case's clear columns for whom it exists."""
    cases = access.cases_for(request.user).select_related(
        "category", "accused_kind", "province", "lead_body", "assignee"
    )
    case = cases.filter(pk=object_id).first()
    if case is None:
        raise Http404
    return case


class ShortCount(SomePaginator):
    """A paginator that counts no further than COUNT_AT_MOST; what lies behind is reached by the filters."""

    @cached_property
    def count(self) -> int:
        """The number of rows, COUNT_AT_MOST + 1 standing for "more"."""
        # Keys only: what a line shows beside them would be computed for every row counted.
        return int(cast("QuerySet[Any]", self.object_list).order_by().values("pk")[: COUNT_AT_MOST + 1].count())


class HouseAdmin(ModelAdmin):
    """Default deny: a subclass says who opens it and, rarely, who edits."""

    actions = None
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    view_on_site = False
    list_per_page = 50
    list_max_show_all = 0
    paginator = ShortCount
    list_title: Any = ""

    def opens_for(self, request: HttpRequest) -> bool:
        """Whether these pages exist for this person."""
        return False

    def edits_for(self, request: HttpRequest) -> bool:
        """Whether this person may change rows by a plain form."""
        return False

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Ask :meth:`opens_for`."""
        return may_work(request) and self.opens_for(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Ask :meth:`opens_for`."""
        return self.has_module_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Ask :meth:`edits_for`."""
        return may_work(request) and self.edits_for(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Ask :meth:`edits_for`."""
        return may_work(request) and self.edits_for(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nothing is deleted at this door."""
        return False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Only the filters on the page; a lookup in the address could search by what must not be searched."""
        return lookup in {getattr(one, "parameter_name", None) for one in self.list_filter}

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> None:  # type: ignore[override]
        """Write nothing: Django's log would keep names in clear."""

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> None:  # type: ignore[override]
        """Write nothing."""

    def log_deletions(self, request: HttpRequest, queryset: Any) -> None:  # type: ignore[override]
        """Write nothing."""

    def _get_obj_does_not_exist_redirect(self, request: HttpRequest, opts: Any, object_id: str) -> HttpResponse:
        # Django's own answer would repeat the id in a message on another page.
        raise Http404

    def guarded(self, view: View, *methods: str) -> View:
        """Wrap a view: sign-in, 404 for whom it does not exist, plain words for what cannot be opened."""

        def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not self.has_module_permission(request):
                raise Http404
            # A HEAD is checked for no CSRF token: it may stand for a GET, never for an act.
            asked = "GET" if request.method == "HEAD" else request.method
            if methods and asked not in methods:
                return HttpResponseNotAllowed(methods)
            try:
                return view(request, *args, **kwargs)
            except PermissionDenied:
                raise Http404 from None
            except tuple(OBSTACLES) as obstacle:
                return self.obstacle(request, obstacle)

        return cast(View, self.admin_site.admin_view(update_wrapper(inner, view)))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the list under its own name."""
        title = self.list_title or str(self.opts.verbose_name_plural).capitalize()
        own = {"title": title, "count_at_most": COUNT_AT_MOST, "today": timezone.localdate()}
        return super().changelist_view(request, own | (extra_context or {}))

    def obstacle(self, request: HttpRequest, obstacle: Exception) -> HttpResponse:
        """Say why something sealed does not open, and what to do."""
        context = {"title": "", "obstacle": OBSTACLES[type(obstacle)]}
        return self.page(request, "admin/obstacle.html", context, status=409)

    def page(
        self, request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200
    ) -> TemplateResponse:
        """Answer with one of the house's own pages."""
        request.current_app = self.admin_site.name
        shared = {**self.admin_site.each_context(request), "opts": self.opts, "today": timezone.localdate()}
        return TemplateResponse(request, template, {**shared, **context}, status=status)

    def own_urls(self) -> list[URLPattern]:
        """Return the routes beyond the list, each through :meth:`guarded`."""
        return []

    def route(self, address: str, view: View, name: str, *methods: str) -> URLPattern:
        """Return one guarded route, named after the model as Django names its own."""
        full = f"{self.opts.app_label}_{self.opts.model_name}_{name}"
        return path(address, self.guarded(view, *methods), name=full)

    def get_urls(self) -> list[Any]:
        """Only the list and what a subclass adds: no history, no deletion, no catch-all that redirects."""
        return [self.route("", self.changelist_view, "changelist", "GET"), *self.own_urls()]


class CasePart(HouseAdmin):
    """A part of the case page with a file of its own: its addresses by ``own_urls``, its words by ``case_context``.

    Both are cooperative: each part adds its own to what ``super()`` returns.
    """

    def case_context(self, request: HttpRequest, opened: case_file.CaseFile) -> dict[str, Any]:
        """Return what this part's include needs on the page of an opened case; at most one query of its own."""
        return {}

    def case_page(self, request: HttpRequest, object_id: uuid.UUID, **typed: Any) -> HttpResponse:
        """Show the whole page; ``typed`` holds forms to show again."""
        raise NotImplementedError


class TableAdmin(HouseAdmin):
    """A plain table edited by Django's own form; its rows are never deleted."""

    def edits_for(self, request: HttpRequest) -> bool:
        """Whoever sees the table edits it."""
        return self.opens_for(request)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest | None, **kwargs: Any) -> Any:
        """Leave out Django's links that open other tables in a second window."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)  # type: ignore[arg-type]
        if field and isinstance(field.widget, RelatedFieldWidgetWrapper):
            field.widget = field.widget.widget
        return field

    def own_urls(self) -> list[URLPattern]:
        """Add and change."""
        return [
            self.route("add/", self.add_view, "add", "GET", "POST"),
            self.route("<path:object_id>/change/", self.change_view, "change", "GET", "POST"),
        ]
