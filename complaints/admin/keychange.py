"""Changing a team's key in a member's session: removing a person, drawing the new key, sealing again with progress.

Every slice is a POST of its own, so it works without scripts; a small script only presses the button again.
"""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from complaints import access
from complaints.admin.base import HouseAdmin, staff_request
from complaints.admin.officer_forms import RemovalForm
from complaints.models.team import Team
from complaints.services import team_key_history
from complaints.services.team_keys import membership, personal, resealing, rotation

REFUSED = {
    "no_key": gettext_lazy("This person holds no key yet: they have to sign in and choose an own password first."),
    "fingerprint": gettext_lazy(
        "That is not the fingerprint of the key that stands here. Nobody was admitted. Let the person read it out "
        "again from “My key”; if it differs again, tell the auditor: somebody may have exchanged the key."
    ),
    "role": gettext_lazy("This person's role does not belong to this team."),
    "self": gettext_lazy("Nobody admits themselves."),
    "admitted": gettext_lazy("This person is a member already."),
    "elsewhere": gettext_lazy(
        "This person holds, or may have kept, the key of another team. That team changes its key first; nobody holds "
        "the keys of two teams."
    ),
    "changed": gettext_lazy("A colleague changed the team's key just now. Nothing was done here; look again."),
    "gone": gettext_lazy("This person is no member any more."),
    "last": gettext_lazy("Nobody else holds this team's key: have another person admitted first."),
}


class KeyChange(HouseAdmin):
    """The pages of a key change, for members of the team alone: an administrator holds no key to change."""

    def own_urls(self) -> list[URLPattern]:
        """Removal, change and progress."""
        team = "<uuid:team_id>"
        return [
            self.route(f"{team}/keluarkan/<uuid:membership_id>/", self.remove, "remove", "GET", "POST"),
            self.route(f"{team}/ganti-kunci/", self.change_key, "change_key", "GET", "POST"),
            self.route(f"{team}/segel-ulang/", self.reseal, "reseal", "GET", "POST"),
        ]

    def _mine(self, request: HttpRequest, team_id: uuid.UUID) -> Team:
        team = access.teams_of(request.user).select_related("body").filter(pk=team_id).first()
        if team is None:
            raise Http404
        return team

    def remove(self, request: HttpRequest, team_id: uuid.UUID, membership_id: uuid.UUID) -> HttpResponseBase:
        """Remove a person: ask why, then draw a new key that they do not get."""
        return self._change(request, self._mine(request, team_id), membership_id)

    def change_key(self, request: HttpRequest, team_id: uuid.UUID) -> HttpResponseBase:
        """Draw a new key for all who belong to the team."""
        return self._change(request, self._mine(request, team_id), None)

    def _change(self, request: HttpRequest, team: Team, removing: uuid.UUID | None) -> HttpResponseBase:
        keyring, posted = staff_request(request).keyring, request.method == "POST"
        form = RemovalForm(request.POST if posted else None) if removing else None
        try:
            planned = rotation.plan(keyring=keyring, team_id=team.pk, removing=removing)
            if posted and (form is None or form.is_valid()):
                reason = form.cleaned_data["reason"] if form else ""
                rotation.rotate(actor=request.actor, team_id=team.pk, removing=removing, reason=reason)
                messages.success(request, _("The team has a new key. From now on nothing is sealed to the old one."))
                return redirect(_progress_url(team, go_on=True))
        except membership.AdmissionRefused as refusal:
            messages.error(request, str(REFUSED[refusal.code]))
            return redirect("admin:complaints_team_changelist")
        title = _("Remove a person: %(team)s") if removing else _("Change the key: %(team)s")
        staying = [(row, personal.fingerprint(row.staff)) for row in planned.staying]
        context = {"title": title % {"team": team}, "team": team, "plan": planned, "staying": staying, "form": form}
        status = 400 if posted else 200
        return self.page(request, "admin/team_change.html", context, status=status)

    def reseal(self, request: HttpRequest, team_id: uuid.UUID) -> HttpResponseBase:
        """Show how far it is; by POST seal the next slice again."""
        team, keyring = self._mine(request, team_id), staff_request(request).keyring
        if request.method == "POST":
            return self._next_slice(request, team)
        progress = resealing.progress(team=team)
        shown = keyring.team(team).fingerprint
        context = {
            "title": _("Sealing again: %(team)s") % {"team": team},
            "team": team,
            "progress": progress,
            "goes_on": request.GET.get("lanjut") == "1"
            and progress.open
            and not (progress.stuck and not progress.left),
            "fingerprint": shown,
            "pin": "" if team_key_history.is_pinned_itself(team) else f"{team.slug}={shown.replace(' ', '')}",
        }
        return self.page(request, "admin/team_progress.html", context)

    def _next_slice(self, request: HttpRequest, team: Team) -> HttpResponseBase:
        keyring = staff_request(request).keyring
        try:
            if request.POST.get("again"):
                resealing.retry(keyring=keyring, team_id=team.pk)
            progress = resealing.reseal(actor=request.actor, team_id=team.pk)
        except membership.AdmissionRefused as refusal:
            messages.error(request, str(REFUSED[refusal.code]))
            return redirect(_progress_url(team, go_on=False))
        if not progress.open:
            messages.success(request, _("Done. Everything lies under the new key, and the old one is forgotten."))
        return redirect(_progress_url(team, go_on=progress.open))


def _progress_url(team: Team, *, go_on: bool) -> str:
    address = reverse("admin:complaints_team_reseal", args=[team.pk])
    return f"{address}?lanjut=1" if go_on else address
