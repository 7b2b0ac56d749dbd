"""The staff's door: Django's admin machinery behind the portal's own login, with the house's pages and permissions.

Signing in, out and changing the password are allauth's, because only there the person's key is opened and re-wrapped;
Django's own forms for these are never served.
"""

from __future__ import annotations

from functools import update_wrapper
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.views import redirect_to_login
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from complaints import access
from complaints.admin import catalog, desk, people, practice, review, sessions, teams
from complaints.admin.assignments import AbsenceAdmin, DutyAdmin
from complaints.admin.base import in_a_team, may_work, staff_request
from complaints.admin.cases import CaseAdmin
from complaints.admin.conflicts import ConflictAdmin
from complaints.admin.releases import ReleaseAdmin
from complaints.models.assignment import Absence, Duty
from complaints.models.case import Case
from complaints.models.conflict import Conflict
from complaints.models.oversight import Release
from complaints.models.team import Staff
from complaints.services import conflicts

KEPT = {"index", "login", "logout", "password_change", "jsi18n", "app_list"}


class DeskSite(admin.AdminSite):
    """One door for the office, the bodies, auditors and administrators; each sees only their own part."""

    site_header = "Kanal Netral"
    site_title = "Kanal Netral"
    index_title = gettext_lazy("My desk")
    index_template = "admin/desk.html"
    enable_nav_sidebar = False

    def has_permission(self, request: HttpRequest) -> bool:
        """Active members of staff."""
        return may_work(request)

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Compare a person whose data changed with all reports before they are shown anything."""

        def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            desk.catch_up(request)
            return view(request, *args, **kwargs)

        return super().admin_view(update_wrapper(inner, view), cacheable)

    def get_urls(self) -> list[URLResolver | URLPattern]:
        """Django's routes less those that would serve other forms or tell of objects, and the house's own page."""
        routes = [
            route
            for route in super().get_urls()
            if isinstance(route, URLResolver) or route.name in KEPT or route.name is None
        ]
        own = [
            path("saya/", self.admin_view(self.own_page), name="me"),
            path("sesi/", self.admin_view(self.own_sessions), name="sessions"),
            path("saya/data/", self.admin_view(self.own_data), name="own_data"),
            path("latihan/", self.admin_view(self.practice_page), name="practice"),
        ]
        return [*own, *routes]

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Send to the portal's login, which opens the person's key."""
        wanted = request.GET.get("next") or reverse("admin:index")
        return redirect_to_login(wanted, settings.LOGIN_URL)

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Send to the portal's logout, which ends the sealed session."""
        return redirect("account_logout")

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Send to the portal's form, which re-wraps the key."""
        return redirect("account_change_password")

    def app_index(self, request: HttpRequest, app_label: str, extra_context: dict[str, Any] | None = None) -> Any:
        """There is one desk."""
        return redirect("admin:index")

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """The house has its own way around."""
        return []

    def get_log_entries(self, request: HttpRequest) -> Any:
        """Django's log is not kept."""
        return []

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Add the way around, and whether this person's key is open."""
        context = super().each_context(request) | {"sample": settings.SAMPLE_MODE}
        if not may_work(request):
            return context
        asking = staff_request(request)
        locked = "" if asking.keyring.unlocked else "locked" if asking.user.has_key else "no_key"
        may_practise = access.may_practise(asking.user)
        return context | {"nav": self.nav(request), "locked": locked, "may_practise": may_practise}

    def nav(self, request: HttpRequest) -> list[dict[str, Any]]:
        """List the pages that exist for this person."""
        person, keyring = request.user, staff_request(request).keyring
        administers = access.may_administer(person)
        pages: list[tuple[bool, str, str]] = [
            (True, _("My desk"), "admin:index"),
            (access.may_see_cases(person), _("Queue"), "admin:complaints_case_changelist"),
            (access.is_overseer(person), _("Releases"), "admin:complaints_release_changelist"),
            (access.is_triage(person), _("Assignments"), "admin:complaints_absence_changelist"),
            (conflicts.may_lift(keyring), _("Conflicts"), "admin:complaints_conflict_changelist"),
            (access.may_audit(person), _("Audit chain"), "admin:complaints_auditentry_changelist"),
            (administers, _("Handing out"), "admin:complaints_duty_changelist"),
            (administers, _("Staff"), "admin:complaints_staff_changelist"),
            (in_a_team(person) or administers, _("Teams"), "admin:complaints_team_changelist"),
            (access.may_review(person), _("Access review"), "admin:complaints_teamkey_changelist"),
            (True, _("My key"), "admin:me"),
        ]
        links = [(label, reverse(name)) for shown, label, name in pages if shown]
        return [
            {"label": label, "url": url, "current": request.path == url or (url != links[0][1] and url in request.path)}
            for label, url in links
        ]

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Show the desk."""
        own = desk.desk(request)
        if access.may_administer(request.user):
            own["tables"] = [_table_link(model) for model, _table in catalog.TABLES]
        return super().index(request, own | (extra_context or {}))

    def own_sessions(self, request: HttpRequest) -> HttpResponseBase:
        """Show a person their own sessions; by POST, end them."""
        if request.method == "POST":
            return sessions.end(request)
        request.current_app = self.name
        return TemplateResponse(request, "admin/sessions.html", self.each_context(request) | sessions.page(request))

    def own_page(self, request: HttpRequest) -> HttpResponse:
        """Show a person their own key and teams, and change their language."""
        if request.method == "POST":
            if not people.save_language(request):
                raise Http404
            with translation.override(staff_request(request).user.language):
                messages.success(request, _("From now on this door speaks English."))
            return redirect("admin:me")
        request.current_app = self.name
        return TemplateResponse(request, "admin/me.html", self.each_context(request) | people.own_page(request))

    def own_data(self, request: HttpRequest) -> HttpResponse:
        """Change a person's own NIP and agency, which decide what is kept from them."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if form := people.save_own_data(request):
            context = self.each_context(request) | people.own_page(request) | {"own_data": form}
            return TemplateResponse(request, "admin/me.html", context, status=400)
        messages.success(request, _("Saved. Reports about them are kept from you."))
        return redirect("admin:me")

    def practice_page(self, request: HttpRequest) -> HttpResponse:
        """Show practice mode, switch it, make cases to practise on."""
        own = practice.page(request)
        if request.method == "POST" and "made" not in own:
            return redirect("admin:practice")
        request.current_app = self.name
        return TemplateResponse(request, "admin/practice.html", self.each_context(request) | own)


def _table_link(model: type[Model]) -> tuple[str, str]:
    name = f"admin:complaints_{model._meta.model_name}_changelist"
    return str(model._meta.verbose_name_plural).capitalize(), reverse(name)


site = DeskSite(name="admin")
site.register(Case, CaseAdmin)
site.register(Release, ReleaseAdmin)
site.register(Conflict, ConflictAdmin)
site.register(Absence, AbsenceAdmin)
site.register(Duty, DutyAdmin)
site.register(Staff, people.StaffAdmin)
teams.register(site)
review.register(site)
catalog.register(site)
