"""The access review: who holds which team's key. Auditors and administrators see all and sign; members their own."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern
from django.utils.translation import gettext as _

from complaints import access
from complaints.admin.base import HouseAdmin, in_a_team, staff_request
from complaints.models.team import Team, TeamKey, TeamMembership
from complaints.services.team_keys import access_review, resealing, rotation
from complaints.services.team_keys.resealing import Progress


class ReviewAdmin(HouseAdmin):
    """One page to read, to print and to sign off."""

    def opens_for(self, request: HttpRequest) -> bool:
        """Auditors, administrators, and members for their own team."""
        return access.may_review(request.user) or in_a_team(request.user)

    def own_urls(self) -> list[URLPattern]:
        """The sign-off, by POST."""
        return [self.route("diperiksa/", self.sign_off, "sign_off", "POST")]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show it."""
        context = {
            "title": _("Access review"),
            "teams": access_review.review(teams=_teams(request.user).order_by("kind", "slug")),
            "reviewed": access_review.reviewed(),
            "may_sign": access.may_review(request.user),
        }
        return self.page(request, "admin/review.html", context)

    def sign_off(self, request: HttpRequest) -> HttpResponseBase:
        """Write into the chain that it was looked at."""
        if not access.may_review(request.user):
            raise Http404
        asking = staff_request(request)
        access_review.sign_off(by=asking.user, actor=asking.actor)
        messages.success(request, _("Noted in the audit chain: the access was reviewed today."))
        return redirect("admin:complaints_teamkey_changelist")


def _teams(person: Any) -> QuerySet[Team]:
    teams = Team.objects.all() if access.may_review(person) else access.teams_of(person)
    return teams.select_related("body")


def alarms(person: Any) -> dict[str, list[TeamMembership] | list[Progress]]:
    """Return what the desk says aloud of keys: who left and may remember one, and which change is not finished."""
    if not (access.may_review(person) or in_a_team(person)):
        return {}
    teams = _teams(person)
    unfinished = [resealing.progress(team=row.team) for row in resealing.open_rotations(teams)]
    return {"leavers": rotation.leavers(teams), "unfinished": unfinished}


def register(site: admin.AdminSite) -> None:
    """Register the page."""
    site.register(TeamKey, ReviewAdmin)
