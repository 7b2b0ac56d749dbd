"""Changing a team's key in a member's session: rotating the key, and sealing again in slices.

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
from complaints.admin.base import StaffRequest, render, staff_page
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
    "record": gettext_lazy(
        "The record of this person's account is under check, so nobody was admitted. Tell the auditor."
    ),
    "gone": gettext_lazy("This person is no member any more."),
    "last": gettext_lazy("Nobody else holds this team's key: have another person admitted first."),
    "asked": gettext_lazy("A request to remove this person is open already. See the page “Teams”."),
    "decided": gettext_lazy("This request is closed. Nothing was changed."),
    "second": gettext_lazy("You cannot decide on this request. Another member of the team has to."),
    "asked_by": gettext_lazy("Only the person who made the request can do this."),
    "asker": gettext_lazy(
        "The person who made the request is no longer a member. Stop it and make a new one if needed."
    ),
    "waits": gettext_lazy("The 24 hours in which others can stop the request are not over."),
}


def team_or_404(request: StaffRequest, team_id: uuid.UUID) -> Team:
    """Return a team that has admitted this person; Http404 for any other."""
    team = access.teams_of(request.user).select_related("body").filter(pk=team_id).first()
    if team is None:
        raise Http404
    return team


@staff_page("GET", "POST", opens_for=access.may_see_teams)
def change_key(request: StaffRequest, team_id: uuid.UUID) -> HttpResponseBase:
    """Ask, then rotate the team's key for all who belong to it."""
    team = team_or_404(request, team_id)
    try:
        if request.method == "POST":
            rotation.rotate(actor=request.actor, team_id=team.pk)
            messages.success(request, _("The team has a new key. From now on nothing is sealed to the old one."))
            return redirect(progress_url(team, goes_on=True))
        context = next_key_context(request, team)
    except AdmissionRefused as refusal:
        messages.error(request, str(REFUSALS[refusal.code]))
        return redirect("admin:complaints_team_changelist")
    context["title"] = _("Change the key: %(team)s") % {"team": team}
    return render(request, "admin/team_change.html", context, model=Team)


def next_key_context(request: StaffRequest, team: Team, removing: uuid.UUID | None = None) -> dict[str, object]:
    """Return what ``admin/team_next_key.html`` shows: who would get the next key, ``removing`` a membership or not.

    Raises Locked, and AdmissionRefused as the rotation would.
    """
    plan = rotation.plan(keyring=request.keyring, team_id=team.pk, removing=removing)
    staying = [(membership, personal.fingerprint(membership.staff)) for membership in plan.staying]
    return {"team": team, "plan": plan, "staying": staying}


@staff_page("GET", "POST", opens_for=access.may_see_teams)
def reseal(request: StaffRequest, team_id: uuid.UUID) -> HttpResponseBase:
    """Show how far sealing again to the new key is; by POST seal the next slice."""
    team = team_or_404(request, team_id)
    if request.method == "POST":
        return _reseal_slice(request, team)
    progress = resealing.progress(team=team)
    fingerprint = request.keyring.team(team).fingerprint
    has_work = progress.open and not (progress.stuck and not progress.left)
    context = {
        "title": _("Sealing again: %(team)s") % {"team": team},
        "team": team,
        "progress": progress,
        "counted_at_most": resealing.COUNTED_AT_MOST,
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
        return redirect(progress_url(team, goes_on=False))
    if not progress.open:
        messages.success(request, _("Done. Everything lies under the new key, and the old one is forgotten."))
    return redirect(progress_url(team, goes_on=progress.open))


def progress_url(team: Team, *, goes_on: bool) -> str:
    """Return the address of the progress page; where it ``goes_on``, a script presses its button."""
    address = reverse("admin:complaints_team_reseal", args=[team.pk])
    return f"{address}?lanjut=1" if goes_on else address
