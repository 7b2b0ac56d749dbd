"""Changing a team's key in a member's session: removing a person, rotating the key, sealing again in slices.

Each slice is a POST of its own, so it works without scripts; a small script only presses the button again. All of it
is for members of the team alone: an administrator holds no key that could be changed.
"""

from __future__ import annotations

import uuid
from typing import Final

from django.contrib import messages
from django.http import Http404
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from complaints import access
from complaints.admin.base import BaseForm, StaffRequest, render, staff_page, text_field
from complaints.models.team import Team
from complaints.services import team_key_history
from complaints.services.team_keys import personal, resealing, rotation
from complaints.services.team_keys.membership import AdmissionRefused

# What is said of each code of keys.AdmissionRefused.
REFUSALS: Final = {
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


class RemovalForm(BaseForm):
    """Why a person is removed from a team."""

    reason = text_field(
        gettext_lazy("Your reason"),
        help_text=gettext_lazy("Sealed: only members of the team read it, on the page “Teams”."),
        required=True,
        rows=3,
    )


def _team_or_404(request: StaffRequest, team_id: uuid.UUID) -> Team:
    """Return a team that has admitted this person; Http404 for any other."""
    team = access.teams_of(request.user).select_related("body").filter(pk=team_id).first()
    if team is None:
        raise Http404
    return team


@staff_page("GET", "POST", opens_for=access.may_see_teams)
def remove_member(request: StaffRequest, team_id: uuid.UUID, membership_id: uuid.UUID) -> HttpResponseBase:
    """Ask why a person is removed, then rotate the team's key to one that they do not get."""
    return _rotate(request, _team_or_404(request, team_id), membership_id)


@staff_page("GET", "POST", opens_for=access.may_see_teams)
def change_key(request: StaffRequest, team_id: uuid.UUID) -> HttpResponseBase:
    """Ask, then rotate the team's key for all who belong to it."""
    return _rotate(request, _team_or_404(request, team_id), None)


def _rotate(request: StaffRequest, team: Team, removed_membership: uuid.UUID | None) -> HttpResponseBase:
    """Show who would get the next key; by POST draw it, with the reason where a membership ends by it."""
    keyring, is_post = request.keyring, request.method == "POST"
    form = RemovalForm(request.POST if is_post else None) if removed_membership else None
    try:
        plan = rotation.plan(keyring=keyring, team_id=team.pk, removing=removed_membership)
        if is_post and (form is None or form.is_valid()):
            reason = form.cleaned_data["reason"] if form else ""
            rotation.rotate(actor=request.actor, team_id=team.pk, removing=removed_membership, reason=reason)
            messages.success(request, _("The team has a new key. From now on nothing is sealed to the old one."))
            return redirect(_progress_url(team, goes_on=True))
    except AdmissionRefused as refusal:
        messages.error(request, str(REFUSALS[refusal.code]))
        return redirect("admin:complaints_team_changelist")
    title = _("Remove a person: %(team)s") if removed_membership else _("Change the key: %(team)s")
    context = {
        "title": title % {"team": team},
        "team": team,
        "plan": plan,
        "staying": [(membership, personal.fingerprint(membership.staff)) for membership in plan.staying],
        "form": form,
    }
    return render(request, "admin/team_change.html", context, model=Team, status=400 if is_post else 200)


@staff_page("GET", "POST", opens_for=access.may_see_teams)
def reseal(request: StaffRequest, team_id: uuid.UUID) -> HttpResponseBase:
    """Show how far sealing again to the new key is; by POST seal the next slice."""
    team = _team_or_404(request, team_id)
    if request.method == "POST":
        return _reseal_slice(request, team)
    progress = resealing.progress(team=team)
    fingerprint = request.keyring.team(team).fingerprint
    has_work = progress.open and not (progress.stuck and not progress.left)
    context = {
        "title": _("Sealing again: %(team)s") % {"team": team},
        "team": team,
        "progress": progress,
        "goes_on": request.GET.get("lanjut") == "1" and has_work,
        "fingerprint": fingerprint,
        # The entry for the setting TEAM_KEY_PINS, until it names this key.
        "pin": "" if team_key_history.is_pinned_itself(team) else f"{team.slug}={fingerprint.replace(' ', '')}",
    }
    return render(request, "admin/team_progress.html", context, model=Team)


def _reseal_slice(request: StaffRequest, team: Team) -> HttpResponseBase:
    try:
        if request.POST.get("again"):
            resealing.retry(keyring=request.keyring, team_id=team.pk)
        progress = resealing.reseal(actor=request.actor, team_id=team.pk)
    except AdmissionRefused as refusal:
        messages.error(request, str(REFUSALS[refusal.code]))
        return redirect(_progress_url(team, goes_on=False))
    if not progress.open:
        messages.success(request, _("Done. Everything lies under the new key, and the old one is forgotten."))
    return redirect(_progress_url(team, goes_on=progress.open))


def _progress_url(team: Team, *, goes_on: bool) -> str:
    """Return the address of the progress page; where it ``goes_on``, a script presses its button."""
    address = reverse("admin:complaints_team_reseal", args=[team.pk])
    return f"{address}?lanjut=1" if goes_on else address
