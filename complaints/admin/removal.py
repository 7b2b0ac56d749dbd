"""Removing a member from a team: one member asks, another confirms; or the one who asked goes on after a day's alarm.

Everybody in the team reads the request on their desk. Until it is carried out there is a way back: whoever asked takes
the request back, any other member but the one concerned stops it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Final

from django import forms
from django.contrib import messages
from django.http import Http404
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from complaints import access
from complaints.admin.base import BaseForm, StaffRequest, render, staff_page, text_field
from complaints.admin.key_rotation import REFUSALS, next_key_context, progress_url, team_or_404
from complaints.admin.labels import Label
from complaints.models.removal import RemovalRequest
from complaints.models.team import Team
from complaints.services.assignment import name_of
from complaints.services.team_keys import removal, rotation
from complaints.services.team_keys.membership import AdmissionRefused


class RemovalForm(BaseForm):
    """Why a person is to be removed from a team, and whether they are signed out meanwhile."""

    reason = text_field(
        gettext_lazy("Your reason"),
        help_text=gettext_lazy("Sealed: only members of the team read it."),
        required=True,
        rows=3,
    )
    end_sessions = forms.BooleanField(
        label=gettext_lazy("End this person's sessions now"),
        help_text=gettext_lazy("They can sign in again. Only an administrator can deactivate the account."),
        required=False,
    )


@staff_page("GET", "POST", opens_for=access.may_see_teams)
def ask(request: StaffRequest, team_id: uuid.UUID, membership_id: uuid.UUID) -> HttpResponseBase:
    """Ask why a person is to be removed; by POST tell the team, and let it decide."""
    team, is_post = team_or_404(request, team_id), request.method == "POST"
    form = RemovalForm(request.POST if is_post else None)
    try:
        plan = rotation.plan(keyring=request.keyring, team_id=team.pk, removing=membership_id)
        if is_post and form.is_valid():
            asked = removal.ask(actor=request.actor, team_id=team.pk, membership_id=membership_id, **form.cleaned_data)
            messages.success(request, _("The request was sent to the team."))
            return redirect("admin:complaints_team_removal", asked.pk)
    except AdmissionRefused as refusal:
        messages.error(request, str(REFUSALS[refusal.code]))
        return redirect("admin:complaints_team_changelist")
    context = {
        "title": _("Remove a person: %(team)s") % {"team": team},
        "person": name_of(plan.leaving.staff) if plan.leaving else "",
        "form": form,
        "others": [row for row in plan.staying if row.staff_id != request.user.pk],
    }
    return render(request, "admin/removal_ask.html", context, model=Team, status=400 if is_post else 200)


def _request_or_404(request: StaffRequest, request_id: uuid.UUID) -> RemovalRequest:
    """Return a request of one's own team, or as an administrator of any; Http404 for others."""
    teams = Team.objects.all() if access.may_administer(request.user) else access.teams_of(request.user)
    rows = RemovalRequest.objects.filter(team__in=teams)
    row = rows.select_related("team__body", "membership__staff", "asked_by", "decided_by").filter(pk=request_id).first()
    if row is None:
        raise Http404
    return row


# What may be pressed on the page of a request: the service, and what is said once it is done.
_ACTS: Final[dict[str, tuple[Callable[..., object], Label]]] = {
    "confirm": (removal.confirm, gettext_lazy("The person was removed. The team has a new key.")),
    "complete": (removal.complete, gettext_lazy("The person was removed. The team has a new key.")),
    "stop": (removal.stop, gettext_lazy("The request was stopped. The person stays a member.")),
    "withdraw": (removal.withdraw, gettext_lazy("You withdrew the request. The person stays a member.")),
}


@staff_page("GET", "POST", opens_for=access.may_see_teams)
def removal_request(request: StaffRequest, request_id: uuid.UUID) -> HttpResponseBase:
    """Show a request and what this person may do about it; by POST do it."""
    row = _request_or_404(request, request_id)
    if request.method == "POST":
        return _act(request, row)
    allowed = _allowed_acts(request, row)
    person = row.membership.staff
    context: dict[str, object] = {
        "title": _("Remove a person: %(team)s") % {"team": row.team},
        "row": row,
        "person": name_of(person),
        "asker": name_of(row.asked_by),
        "decider": name_of(row.decided_by),
        "ends": removal.alarm_ends(row),
        "has_judge": removal.has_judge(row),
        "allowed": allowed,
        "concerned": person.pk == request.user.pk,
        "reason": _shown_reason(request, row),
    }
    if allowed & {"confirm", "complete"}:
        try:
            context |= next_key_context(request, row.team, row.membership_id)
        except AdmissionRefused as refusal:
            context |= {"allowed": allowed - {"confirm", "complete"}, "refused": REFUSALS[refusal.code]}
    return render(request, "admin/removal_request.html", context, model=Team)


def _act(request: StaffRequest, row: RemovalRequest) -> HttpResponseBase:
    chosen = request.POST.get("act", "")
    if chosen not in _ACTS:
        return redirect("admin:complaints_team_removal", row.pk)
    service, done = _ACTS[chosen]
    try:
        service(actor=request.actor, request_id=row.pk)
    except AdmissionRefused as refusal:
        messages.error(request, str(REFUSALS[refusal.code]))
        return redirect("admin:complaints_team_removal", row.pk)
    messages.success(request, str(done))
    if chosen in {"confirm", "complete"}:
        return redirect(progress_url(row.team, goes_on=True))
    return redirect("admin:complaints_team_changelist")


def _allowed_acts(request: StaffRequest, row: RemovalRequest) -> set[str]:
    """Return the acts that this person may take on a request now; the services check them again."""
    person = request.user
    if row.state != RemovalRequest.State.OPEN or row.membership.left_at:
        return set()
    if row.asked_by_id == person.pk:
        is_over = request.actor.now >= removal.alarm_ends(row) and row.team_id in request.keyring.team_ids
        return {"withdraw", "complete"} if is_over else {"withdraw"}
    acts = {"stop"} if removal.may_stop(person, row) else set()
    return acts | {"confirm"} if removal.may_judge(person, row) else acts


def _shown_reason(request: StaffRequest, row: RemovalRequest) -> str:
    """Return the reason for a member of the team; "" for an administrator and for the one concerned."""
    if row.membership.staff_id == request.user.pk or row.team_id not in request.keyring.team_ids:
        return ""
    return removal.reason_of(keyring=request.keyring, request=row)
