"""Django's admin site for the staff: who may come in, where signing in leads, the navigation, the shared context.

Our own screens are plain functions, listed in :mod:`complaints.admin.urls`; this module imports none of them. Signing
in, out and changing the password belong to allauth's forms, because only there is the person's key opened and
re-wrapped; Django's own forms for these are never served.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypedDict, cast

from django.conf import settings
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.views import redirect_to_login
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import URLPattern, URLResolver, reverse
from django.utils.translation import gettext_lazy as _

from complaints import access
from complaints.models.team import Staff
from complaints.services.keyring import Keyring

# Of Django's own routes only these are served; "index" is our dashboard. The catch-all has no name.
SERVED: Final = {"login", "logout", "password_change", "jsi18n", "app_list", None}


class NavLink(TypedDict):
    """A link of the navigation: its words, its address, and whether it is the page shown or a page above it."""

    label: str
    url: str
    current: bool


class StaffSite(admin.AdminSite):
    """The admin site of the office, the oversight bodies, auditors and administrators."""

    site_header = "Kanal Netral"
    site_title = "Kanal Netral"
    index_title = _("My desk")
    enable_nav_sidebar = False

    def has_permission(self, request: HttpRequest) -> bool:
        """Whether the request comes from an active member of staff."""
        return isinstance(request.user, Staff) and request.user.is_active and request.user.is_staff

    def get_urls(self) -> list[URLResolver | URLPattern]:
        """Return Django's routes without those that would serve other forms or tell which objects exist."""
        return [route for route in super().get_urls() if isinstance(route, URLResolver) or route.name in SERVED]

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Redirect to allauth's login, which opens the person's key."""
        return redirect_to_login(request.GET.get("next") or reverse("admin:index"), settings.LOGIN_URL)

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseRedirect:  # type: ignore[override]
        """Redirect to allauth's logout, which ends the sealed session."""
        return redirect("account_logout")

    def password_change(  # type: ignore[override]
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponseRedirect:
        """Redirect to allauth's form, which re-wraps the person's key."""
        return redirect("account_change_password")

    def app_index(  # type: ignore[override]
        self, request: HttpRequest, app_label: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponseRedirect:
        """Redirect to the dashboard, which is the only index."""
        return redirect("admin:index")

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Return nothing: our navigation takes the place of Django's list of models."""
        return []

    def get_log_entries(self, request: HttpRequest) -> QuerySet[LogEntry]:
        """Return nothing: Django's log of edits is not kept."""
        return LogEntry.objects.none()

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Return what every page needs; for staff also the navigation and why their key is not open, "" if it is."""
        context = super().each_context(request) | {"sample": settings.SAMPLE_MODE}
        if not self.has_permission(request):
            return context
        person, keyring = cast(Staff, request.user), cast(Keyring, request.keyring)  # type: ignore[attr-defined]
        return context | {
            "nav": nav(person, request.path),
            "locked": "" if keyring.unlocked else "locked" if person.has_key else "no_key",
            "may_practise": access.may_practise(person),
        }


# The navigation: words, the page's name in the namespace "admin", and for whom the page exists.
_NAV: Final[tuple[tuple[Any, str, Callable[[Staff], bool]], ...]] = (
    (_("My desk"), "index", lambda person: True),
    (_("Queue"), "complaints_case_changelist", access.may_see_cases),
    (_("Figures"), "figures", access.is_triage),
    (_("Releases"), "complaints_release_changelist", access.is_overseer),
    (_("Assignments"), "complaints_absence_changelist", access.is_triage),
    (_("Erasure"), "erasures", lambda person: access.is_triage(person) and not person.practising),
    (_("Conflicts"), "complaints_conflict_changelist", access.may_lift_conflicts),
    (_("Audit chain"), "complaints_auditentry_changelist", access.may_audit),
    (_("Faults"), "complaints_verificationfault_changelist", access.may_review),
    (_("Handing out"), "complaints_duty_changelist", access.may_administer),
    (_("Staff"), "complaints_staff_changelist", access.may_administer),
    (_("Teams"), "complaints_team_changelist", access.may_see_teams),
    (_("Access review"), "complaints_teamkey_changelist", access.may_review),
    (_("Background jobs"), "complaints_jobfailure_changelist", access.may_administer),
    (_("Operation"), "operation", access.may_administer),
    (_("Rules of the law"), "rules", lambda person: True),
    (_("My key"), "me", lambda person: True),
)


def nav(person: Staff, path: str) -> list[NavLink]:
    """Return the links to the pages that exist for a person, the one that ``path`` lies below marked as current."""
    index = reverse("admin:index")
    links: list[NavLink] = []
    for label, name, exists_for in _NAV:
        if exists_for(person):
            url = reverse(f"admin:{name}")
            links.append({"label": str(label), "url": url, "current": path == url or (url != index and url in path)})
    return links


site = StaffSite(name="admin")
