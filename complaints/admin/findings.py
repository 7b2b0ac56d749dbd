"""What the second person of a body does with a proposed finding, and the copies of decisions as downloads."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypedDict

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from complaints import access
from complaints.admin import labels, step_labels
from complaints.admin.base import BaseForm, StaffRequest, case_or_404, render, staff_page, text_field
from complaints.admin.file_responses import attachment
from complaints.admin.labels import StepLabel
from complaints.admin.releases import is_second_press, release_or_404, status_line, step_label
from complaints.domain import workflow
from complaints.domain.workflow import Action, Status, TransitionRefused
from complaints.models.oversight import DecisionCopy, Release
from complaints.models.team import Staff
from complaints.services.forwarding import decision_copies, decisions, reading
from complaints.services.forwarding.findings import FINDINGS, OpenProposal, has_second_person, open_proposal
from complaints.services.keyring import Actor
from complaints.services.transitions import CaseChanged, CaseVersion

if TYPE_CHECKING:
    from complaints.admin.releases import AnnotatedRelease

_ACTIONS: Final = {"return": Action.RETURN_FINDING, "take_back": Action.TAKE_BACK_FINDING}
# In place of these the page has a form that answers the proposal.
_ON_PROPOSAL: Final = FINDINGS | {Action.PROPOSE_FINDING, Action.RETURN_FINDING, Action.TAKE_BACK_FINDING}


class ReturnForm(BaseForm):
    """Why a proposed finding is sent back."""

    reason = text_field(_("Why you send it back"), required=True, rows=3)


class Proposal(TypedDict):
    """A proposed finding as the page of the release shows it; ``reads`` is what the reporter will read."""

    open: OpenProposal
    finding: str
    by: str
    is_own: bool
    is_alone: bool
    reads: str


class OfferedSteps(TypedDict):
    """The steps of a release page, the finding that waits for a second person, and what its forms carry."""

    steps: list[StepLabel]
    proposal: Proposal | None
    proposal_differs: bool
    seen: str
    newest: int


def offered_steps(request: StaffRequest, release: AnnotatedRelease, opened: reading.ReleaseFile) -> OfferedSteps:
    """Return what a body can do on an opened release."""
    actions = {row.action for row in opened.actions}
    rows = [row for row in opened.actions if row.action not in _ON_PROPOSAL]
    if Action.PROPOSE_FINDING in actions:
        rows += [workflow.transition_for(action, Status.UNDER_EXAMINATION) for action in sorted(FINDINGS, reverse=True)]
    proposal, differs = None, False
    if Action.RETURN_FINDING in actions:
        try:
            waiting = open_proposal(release, opened.decisions)
        except TransitionRefused:
            waiting, differs = None, True
        proposal = _proposal(request, release, waiting) if waiting else None
    return {
        "steps": [step_label(row, release) for row in rows],
        "proposal": proposal,
        "proposal_differs": differs,
        "seen": str(CaseVersion(release.case.status, release.case.step_count)),
        "newest": opened.opened[0].release.number,
    }


def _proposal(request: StaffRequest, release: AnnotatedRelease, waiting: OpenProposal) -> Proposal:
    row = workflow.transition_for(waiting.finding, Status.UNDER_EXAMINATION)
    return {
        "open": waiting,
        "finding": str(step_labels.STEPS_DONE[waiting.finding.value]),
        "by": labels.staff_name(Staff.objects.filter(pk=waiting.author).first()),
        "is_own": waiting.author == request.user.pk,
        "is_alone": not has_second_person(release, request.user),
        "reads": step_label(row, release).reads,
    }


@staff_page("POST", opens_for=access.is_overseer)
def settle(request: StaffRequest, object_id: uuid.UUID) -> HttpResponseBase:
    """Confirm a proposed finding, send it back with a reason, or take one's own back; a refusal keeps the reason."""
    release = release_or_404(request, object_id)
    answer = request.POST.get("do", "")
    action = _ACTIONS.get(answer) or _proposed_action(request, answer)
    form = ReturnForm(request.POST)
    if action is Action.RETURN_FINDING and not form.is_valid():
        return _refused(request, release, action, str(step_labels.REFUSALS["reason_missing"]), status=400)
    before = status_line(release)
    number = request.POST.get("newest", "")
    try:
        decisions.act(
            actor=request.actor,
            release_id=release.pk,
            action=action,
            text=form.cleaned_data["reason"].strip() if action is Action.RETURN_FINDING else "",
            seen=CaseVersion.parse(request.POST.get("seen", "")),
            newest=int(number) if number.isascii() and number.isdecimal() else 0,
        )
    except (CaseChanged, TransitionRefused) as refusal:
        words = str(step_labels.REFUSALS[labels.refusal_code(refusal)])
        return _refused(request, release_or_404(request, release.pk), action, words, status=409)
    after = status_line(release_or_404(request, release.pk))
    messages.success(request, str(labels.DONE[before == after]) % {"before": before, "after": after})
    return redirect("admin:complaints_release_change", release.pk)


def _proposed_action(request: StaffRequest, answer: str) -> Action:
    """Return the finding that a person confirms: the one that the page showed them."""
    shown = request.POST.get("finding", "")
    if answer != "confirm" or shown not in set(FINDINGS):
        raise Http404
    return Action(shown)


def _refused(
    request: StaffRequest, release: AnnotatedRelease, action: Action, refused: str, *, status: int
) -> HttpResponse:
    context = {
        "title": _("Proposed finding: %(case)s") % {"case": release.case.reference},
        "refused": refused,
        "stale": True,
        "is_taken": is_second_press(request, release, action),
        "status": status_line(release),
        "typed": request.POST.get("reason", ""),
        "back": reverse("admin:complaints_release_change", args=[release.pk]),
    }
    return render(request, "admin/finding_refused.html", context, model=Release, status=status)


# --- Copies of decisions


@staff_page("POST", opens_for=access.is_overseer)
def download_copy(request: StaffRequest, object_id: uuid.UUID, file_id: uuid.UUID) -> HttpResponseBase:
    """Download the copy of a decision on a release of one's body; recorded."""
    release = release_or_404(request, object_id)
    back = "admin:complaints_release_change", release.pk
    return _download(request, release, file_id, lambda: redirect(*back))


@staff_page("POST", opens_for=access.is_triage)
def download_copy_of_case(
    request: StaffRequest, object_id: uuid.UUID, release_id: uuid.UUID, file_id: uuid.UUID
) -> HttpResponseBase:
    """Download the copy of a decision that a body recorded on a release of the case; recorded."""
    case = case_or_404(request, object_id)
    release = get_object_or_404(case.releases.select_related("case", "body"), pk=release_id)
    return _download(request, release, file_id, lambda: redirect("admin:complaints_case_change", case.pk))


def _download(
    request: StaffRequest, release: Release, file_id: uuid.UUID, back: Callable[[], HttpResponseBase]
) -> HttpResponseBase:
    actor: Actor = request.actor
    try:
        info, stream = decision_copies.open_copy(actor=actor, release=release, file_id=file_id)
        day = timezone.localdate(actor.now).isoformat()
        return attachment(f"{release.case.reference}-putusan-{day}", info, stream)
    except DecisionCopy.DoesNotExist:
        raise Http404 from None
    except OSError:
        messages.error(request, _("The evidence storage does not answer. Try again later."))
        return back()
