"""Teams: who holds a team's key, admissions to it, and the access review.

A member admits a person by typing the fingerprint that the person reads out. The page never shows that fingerprint:
whoever can write to the database could have put their own key there, and copying it back would prove nothing.
"""

from __future__ import annotations

import uuid
from typing import Final, TypedDict

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _

from complaints import access
from complaints.admin.base import StaffRequest, render, staff_page
from complaints.admin.forms import FingerprintForm
from complaints.admin.key_rotation import REFUSALS
from complaints.models.removal import RemovalRequest
from complaints.models.team import Staff, Team, TeamKey, TeamMembership
from complaints.services import assignment, team_key_history
from complaints.services.team_key_history import team_fingerprint
from complaints.services.team_keys import removal, resealing, rotation
from complaints.services.team_keys.access_review import review, reviewed
from complaints.services.team_keys.access_review import sign_off as access_review_sign_off
from complaints.services.team_keys.membership import AdmissionRefused
from complaints.services.team_keys.membership import admit as membership_admit

# Former members that a team's section lists, the latest first.
FORMER_SHOWN: Final = 10


# --- Teams and admissions


class TeamSection(TypedDict):
    """What ``admin/teams.html`` shows of one team, to a person who ``may_admit`` where they hold its key.

    ``pinned``: whether its key follows from the one that the settings name; ``pinned_itself``: whether they name this
    very key. ``left``: former members, each with the reason as far as this person may read it; ``leavers``: those of
    them who may remember the key that is still in use. ``waiting``: memberships, each with a form, None where the
    person holds no key yet. ``removals``: the requests to remove a member that wait.
    """

    team: Team
    fingerprint: str
    pinned: bool
    pinned_itself: bool
    members: list[TeamMembership]
    left: list[tuple[TeamMembership, str]]
    leavers: list[TeamMembership]
    progress: resealing.Progress
    waiting: list[tuple[TeamMembership, FingerprintForm | None]]
    removals: list[RemovalRequest]
    may_admit: bool


@staff_page("GET", opens_for=access.may_see_teams)
def team_list(request: StaffRequest) -> HttpResponse:
    """Show a member their own team; administrators all of them."""
    return _show_teams(request)


@staff_page("POST", opens_for=access.may_see_teams)
def admit(request: StaffRequest, membership_id: uuid.UUID) -> HttpResponseBase:
    """Admit a person whose fingerprint was compared in person; for members of that team alone."""
    teams = access.teams_of(request.user)
    membership = get_object_or_404(TeamMembership.objects.select_related("staff"), pk=membership_id, team__in=teams)
    form = FingerprintForm(request.POST, auto_id=f"id_{membership.pk}_%s")
    if form.is_valid():
        fingerprint = form.cleaned_data["fingerprint"]
        try:
            membership_admit(actor=request.actor, membership_id=membership.pk, fingerprint=fingerprint)
        except AdmissionRefused as refusal:
            form.add_error("fingerprint", str(REFUSALS[refusal.code]))
        else:
            name = assignment.name_of(membership.staff)
            messages.success(request, _("%(person)s is a member now.") % {"person": name})
            return redirect("admin:complaints_team_changelist")
    return _show_teams(request, refused={membership.pk: form})


def _show_teams(request: StaffRequest, *, refused: dict[uuid.UUID, FingerprintForm] | None = None) -> HttpResponse:
    """Show the teams; with status 400 where a form is ``refused``, given by the id of its membership."""
    administers = access.may_administer(request.user)
    teams = Team.objects.all() if administers else access.teams_of(request.user)
    teams = teams.select_related("body").prefetch_related("memberships__staff", "memberships__admitted_by")
    rows = list(teams.order_by("kind", "slug"))
    held, leavers, removals = request.keyring.team_ids, rotation.leavers(rows), removal.open_requests(rows)
    sections = []
    for team in rows:
        memberships = sorted(team.memberships.all(), key=lambda membership: str(membership.staff))
        left = [membership for membership in memberships if membership.left_at]
        left.sort(key=lambda membership: str(membership.left_at), reverse=True)
        waiting = [membership for membership in memberships if _waits(membership)]
        section = TeamSection(
            team=team,
            fingerprint=team_fingerprint(team),
            pinned=team_key_history.is_pinned(team),
            pinned_itself=team_key_history.is_pinned_itself(team),
            members=[membership for membership in memberships if membership.sealed_key and not membership.left_at],
            left=[
                (membership, rotation.reason_of(keyring=request.keyring, row=membership))
                for membership in left[:FORMER_SHOWN]
            ],
            leavers=[membership for membership in leavers if membership.team_id == team.pk],
            progress=resealing.progress(team=team),
            waiting=[(membership, _admission_form(membership, refused or {})) for membership in waiting],
            removals=[row for row in removals if row.team_id == team.pk],
            may_admit=team.pk in held,
        )
        sections.append(section)
    context = {"title": _("Teams"), "teams": sections}
    return render(request, "admin/teams.html", context, model=Team, status=400 if refused else 200)


def _waits(membership: TeamMembership) -> bool:
    """Whether a membership waits for an admission that is still possible."""
    person = membership.staff
    is_open = not membership.sealed_key and not membership.left_at and person.is_active
    return is_open and access.may_join(person, membership.team)


def _admission_form(membership: TeamMembership, refused: dict[uuid.UUID, FingerprintForm]) -> FingerprintForm | None:
    if not membership.staff.has_key:
        return None
    return refused.get(membership.pk) or FingerprintForm(auto_id=f"id_{membership.pk}_%s")


# --- The access review


def _sees_own_team_or_reviews(person: Staff) -> bool:
    return access.may_review(person) or access.in_a_team(person)


def _reviewed_teams(person: Staff) -> QuerySet[Team]:
    """Return all teams to those who review, else the person's own."""
    teams = Team.objects.all() if access.may_review(person) else access.teams_of(person)
    return teams.select_related("body")


@staff_page("GET", opens_for=_sees_own_team_or_reviews)
def access_review(request: StaffRequest) -> HttpResponse:
    """Show who holds which team's key, to read, to print and to sign off."""
    context = {
        "title": _("Access review"),
        "teams": review(teams=_reviewed_teams(request.user).order_by("kind", "slug")),
        "reviewed": reviewed(),
        "may_sign": access.may_review(request.user),
    }
    return render(request, "admin/review.html", context, model=TeamKey)


@staff_page("POST", opens_for=_sees_own_team_or_reviews)
def sign_off(request: StaffRequest) -> HttpResponseBase:
    """Write into the audit log that the access was reviewed; for auditors and administrators alone."""
    if not access.may_review(request.user):
        raise Http404
    access_review_sign_off(by=request.user, actor=request.actor)
    messages.success(request, _("Noted in the audit chain: the access was reviewed today."))
    return redirect("admin:complaints_teamkey_changelist")


def key_alarms(person: Staff) -> dict[str, object]:
    """Return what ``admin/key_alarms.html`` warns of in the teams that a person may review; {} for other people.

    "leavers" are former members who may remember a key still in use, "unfinished" the rotations after which something
    is still sealed to the old key, "removals" the requests to remove a member that wait.
    """
    if not _sees_own_team_or_reviews(person):
        return {}
    teams = _reviewed_teams(person)
    unfinished = [resealing.progress(team=row.team) for row in resealing.open_rotations(teams)]
    removals = removal.open_requests(teams)
    return {"leavers": rotation.leavers(teams), "unfinished": unfinished, "removals": removals}
