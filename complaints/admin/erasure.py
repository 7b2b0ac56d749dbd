"""The pages of erasure: what is due, what waits for a second person, requests and holds; and those of one report.

Who may read the reports of a team proposes, confirms and refuses; an administrator holds no key and decides nothing.
To confirm wants password and second factor again (portal.middleware): nothing brings an erased report back.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final

from django import forms
from django.contrib import messages
from django.http import Http404, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from complaints import access
from complaints.admin import labels
from complaints.admin.base import BaseForm, DayInput, StaffRequest, render, staff_page, text_field
from complaints.admin.labels import Label
from complaints.domain import retention_periods
from complaints.models.case import Case
from complaints.models.complaint import Complaint
from complaints.models.erasure import Erasure, LegalHold
from complaints.services import erasure_days
from complaints.services.audit.erasure_decisions import Asker
from complaints.services.erasure import erasure_requests, holds, proposals
from complaints.services.erasure.holds import HoldRefused
from complaints.services.erasure.obstacles import Obstacle
from complaints.services.erasure.proposals import ErasureRefused, Ground

RULES: Final[dict[str, Label]] = {
    retention_periods.UNFORWARDED: gettext_lazy("retention of a report that was forwarded to no body"),
    retention_periods.FORWARDED: gettext_lazy("retention of a report that was forwarded to a body"),
    retention_periods.WITHDRAWN: gettext_lazy("retention of a withdrawn report"),
    retention_periods.RESTING: gettext_lazy("retention of a report that waits for its reporter"),
    retention_periods.INQUIRY: gettext_lazy("retention of an inquiry"),
}
OBSTACLES: Final[dict[str, Label]] = {
    Obstacle.HOLD: gettext_lazy("a legal hold"),
    Obstacle.EXAMINED: gettext_lazy("a body examines it"),
    Obstacle.OPEN: gettext_lazy("it is still worked on"),
    Obstacle.OBJECTION: gettext_lazy("the reporter can still object"),
    Obstacle.RETALIATION: gettext_lazy("the reporter is still to be asked whether they are safe"),
    Obstacle.RECORD: gettext_lazy("the case is not as the audit chain records it; tell an auditor"),
}
REFUSALS: Final[dict[str, Label]] = {
    "due": gettext_lazy("One of these reports is not due, or is no longer here. Nothing was done; look again."),
    "proposed": gettext_lazy("A colleague has proposed one of these already. Nothing was done; look again."),
    "decided": gettext_lazy("It has been decided meanwhile. Look at it again."),
    "same_person": gettext_lazy("Somebody else has to decide on what you have begun."),
    "reason": gettext_lazy("Write a reason; this step needs one."),
    "request": gettext_lazy("No open request allows this, or its day has not come. Look again."),
    "gone": gettext_lazy("It is no longer here. Look again."),
    "held": gettext_lazy("There is a legal hold on it already."),
    "asked": gettext_lazy("A colleague has asked to lift it already. Look again."),
    "nothing": gettext_lazy("Tick at least one line."),
}
ASKERS: Final[dict[str, Label]] = {
    Asker.REPORTER: gettext_lazy("the reporter"),
    Asker.ACCUSED: gettext_lazy("the accused"),
    Asker.OTHER: gettext_lazy("another person who is named in it"),
}


def refusal_words(code: str) -> str:
    """Return why nothing was done."""
    if code in OBSTACLES:
        return _("Nothing was done, because something stops it: %(what)s.") % {"what": OBSTACLES[code]}
    return str(REFUSALS[code])


class ReasonForm(BaseForm):
    """Why a proposal is refused."""

    reason = text_field(
        gettext_lazy("Your reason"), help_text=gettext_lazy("Kept as an internal note."), required=True, rows=3
    )


class HoldForm(BaseForm):
    """What a legal hold is for."""

    ground = forms.ChoiceField(
        label=gettext_lazy("What it is needed for"), widget=forms.RadioSelect, choices=LegalHold.Ground.choices
    )


class RequestForm(BaseForm):
    """Who asked for erasure, on which day, and in which words."""

    asker = forms.ChoiceField(
        label=gettext_lazy("Who asks"), widget=forms.RadioSelect, choices=[*ASKERS.items()], initial=Asker.REPORTER
    )
    asked_on = forms.DateField(label=gettext_lazy("Day on which it came"), widget=DayInput())
    words = text_field(
        gettext_lazy("What is asked, and on what ground"),
        help_text=gettext_lazy("Kept as an internal note."),
        required=True,
        rows=3,
    )


class DeclineForm(BaseForm):
    """Why a request is declined."""

    reason = text_field(
        gettext_lazy("Why it is declined"),
        help_text=gettext_lazy("A reporter who asked reads it as a message. Others get a letter."),
        required=True,
        rows=3,
    )


# --- The list ---------------------------------------------------------------------------------------------------------


@staff_page("GET", "POST", opens_for=access.is_triage)
def erasures(request: StaffRequest) -> HttpResponseBase:
    """Show what is due as a dry run, and what waits for a decision; by POST propose the ticked reports."""
    if request.user.practising:  # no practice case is erased
        raise Http404
    if request.method == "POST":
        return _propose_ticked(request)
    actor, person = request.actor, request.user
    waiting = proposals.proposals(actor=actor)
    due = proposals.due(actor=actor)
    context: dict[str, object] = {
        "title": _("Erasure"),
        "requests": [
            {"complaint": complaint, "request": asked, "asker": ASKERS[asked.asker]}
            for complaint, asked in erasure_requests.open_requests(person)
        ],
        "own": [_proposal_line(row) for row in waiting if row.erasure.proposed_by_id == person.pk],
        "theirs": [_proposal_line(row) for row in waiting if row.erasure.proposed_by_id != person.pk],
        "due": [
            {
                "complaint": row.complaint,
                "status": labels.case_status_label(row.complaint.case),
                "ground": row.ground.label,
                "rule": RULES[row.days.rule],
                "days": row.days,
                "is_late": row.days.is_late(actor.today),
                "stops": _stops(row.obstacles),
            }
            for row in due
        ],
        "holds": holds.listed(person)[: proposals.LISTED],
        "at_most": proposals.LISTED,
        "ticks_all": request.GET.get("tick") == "all",
    }
    return render(request, "admin/erasures.html", context)


def _stops(obstacles: Iterable[Obstacle]) -> list[str]:
    return [str(OBSTACLES[obstacle]) for obstacle in obstacles]


def _proposal_line(row: proposals.ProposedErasure) -> dict[str, object]:
    return {
        "erasure": row.erasure,
        "complaint": row.complaint,
        "by": labels.staff_name(row.erasure.proposed_by),
        "ground": row.erasure.get_ground_display(),
        "days": row.days,
        "stops": _stops(row.obstacles),
    }


def _ticked(request: StaffRequest, name: str) -> set[uuid.UUID]:
    """Return the ids that were ticked; what is no id is left out."""
    ids = set()
    for text in request.POST.getlist(name)[: proposals.LISTED]:
        with suppress(ValueError):
            ids.add(uuid.UUID(text))
    return ids


def _act_on_ticked(
    request: StaffRequest, name: str, act: Callable[[set[uuid.UUID]], int], words: Callable[[int], str]
) -> HttpResponseBase:
    """Act on what was ticked under ``name`` and lead back, with how many it was (``words``) or why nothing was done."""
    ticked = _ticked(request, name)
    try:
        if not ticked:
            raise ErasureRefused("nothing")
        number = act(ticked)
    except ErasureRefused as refusal:
        messages.error(request, refusal_words(refusal.code))
    else:
        messages.success(request, words(number) % {"n": number})
    return redirect("admin:erasures")


def _propose_ticked(request: StaffRequest) -> HttpResponseBase:
    return _act_on_ticked(
        request,
        "report",
        lambda ticked: proposals.propose_due(actor=request.actor, complaints=ticked),
        lambda number: ngettext(
            "%(n)d erasure proposed. A colleague finds it here and on the desk.",
            "%(n)d erasures proposed. A colleague finds them here and on the desk.",
            number,
        ),
    )


@staff_page("POST", opens_for=access.is_triage)
def confirm(request: StaffRequest) -> HttpResponseBase:
    """Confirm the ticked proposals of others."""
    return _act_on_ticked(
        request,
        "erasure",
        lambda ticked: proposals.confirm(actor=request.actor, erasures=ticked),
        lambda number: ngettext(
            "%(n)d erasure confirmed. A background job carries it out; until it begins, a legal hold stops it.",
            "%(n)d erasures confirmed. A background job carries them out; until it begins, a legal hold stops it.",
            number,
        ),
    )


@staff_page("GET", "POST", opens_for=access.is_triage)
def refuse(request: StaffRequest, erasure_id: uuid.UUID) -> HttpResponseBase:
    """Ask why a proposal is refused, or taken back by whoever made it; by POST do it."""
    row = proposals.proposed(request.user).filter(pk=erasure_id).select_related("proposed_by").first()
    complaint = proposals.find(request.user, row.complaint_id) if row else None
    if row is None or complaint is None:
        raise Http404
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        reason = form.cleaned_data["reason"]
        done = _("Refused. The report is listed again as due.")
        return _done(request, lambda: proposals.refuse(actor=request.actor, erasure_id=row.pk, reason=reason), done)
    context = {
        "title": _("Refuse an erasure: %(case)s") % {"case": complaint.case.reference},
        "line": _proposal_line(proposals.ProposedErasure(row, complaint, None, ())),
        "is_own": row.proposed_by_id == request.user.pk,
        "form": form,
    }
    return render(request, "admin/erasure_refuse.html", context, status=400 if form.is_bound else 200)


def _done(request: StaffRequest, act: Callable[[], object], words: str, *, to: str = "") -> HttpResponseBase:
    """Do what was asked and lead back, with what was done or why nothing was."""
    try:
        act()
    except (ErasureRefused, HoldRefused) as refusal:
        messages.error(request, refusal_words(refusal.code))
    else:
        messages.success(request, words)
    return redirect(to or reverse("admin:erasures"))


# --- One report -------------------------------------------------------------------------------------------------------


@staff_page("GET", "POST", opens_for=access.may_see_cases)
def report_erasure(request: StaffRequest, object_id: uuid.UUID, complaint_id: uuid.UUID) -> HttpResponseBase:
    """Show when a report is due, what stops it, its request and its hold; by POST act on them."""
    complaint = proposals.find(request.user, complaint_id)
    if complaint is None or complaint.case_id != object_id:
        raise Http404
    if request.method != "POST":
        return _report_page(request, complaint)
    do = request.POST.get("do", "")
    if do not in _FORMS:
        raise Http404
    form = _FORMS[do](request.POST)
    if not form.is_valid():
        return _report_page(request, complaint, {do: form})
    act, words = _acts(request, complaint, form)[do]
    here = reverse("admin:report_erasure", args=[complaint.case_id, complaint.pk])
    return _done(request, act, words, to=here)


_FORMS: Final[dict[str, Callable[[QueryDict], BaseForm]]] = {
    "hold": HoldForm,
    "ask_lift": BaseForm,
    "lift": BaseForm,
    "request": RequestForm,
    "decline": DeclineForm,
    "grant": BaseForm,
    "court": BaseForm,
}


def _acts(request: StaffRequest, complaint: Complaint, form: BaseForm) -> dict[str, tuple[Callable[[], object], str]]:
    """Return what each button does with what was typed in its form, and what is said once it is done."""
    actor, pk, typed = request.actor, complaint.pk, form.cleaned_data
    proposed = _("Proposed. A colleague has to confirm it.")

    def propose(ground: Ground) -> Callable[[], object]:
        return lambda: proposals.propose(actor=actor, complaints=[pk], ground=ground)

    def enter() -> None:
        asker, asked_on = Asker(typed["asker"]), typed["asked_on"]
        erasure_requests.enter(actor=actor, complaint_id=pk, asker=asker, asked_on=asked_on, words=typed["words"])

    return {
        "hold": (
            lambda: holds.set_hold(actor=actor, complaint_id=pk, ground=LegalHold.Ground(typed["ground"])),
            _("The legal hold is set. Nobody can erase this report until two people lift it."),
        ),
        "ask_lift": (
            lambda: holds.ask_lift(actor=actor, complaint_id=pk),
            _("Asked. A colleague has to lift the hold."),
        ),
        "lift": (lambda: holds.lift(actor=actor, complaint_id=pk), _("The legal hold is lifted.")),
        "request": (enter, _("The request is recorded.")),
        "decline": (
            lambda: erasure_requests.decline(actor=actor, complaint_id=pk, reason=typed["reason"]),
            _("The request is declined, with your reason."),
        ),
        "grant": (propose(Ground.REQUEST), proposed),
        "court": (propose(Ground.COURT), proposed),
    }


def _report_page(
    request: StaffRequest, complaint: Complaint, bound: dict[str, BaseForm] | None = None
) -> HttpResponseBase:
    actor, bound = request.actor, bound or {}
    asked = erasure_requests.newest(complaint.pk)
    is_open = proposals.is_asked_for(asked)
    erasure, hold = proposals.current(complaint.pk), holds.in_force([complaint.pk]).get(complaint.pk)
    stops = proposals.standing(actor=actor, complaint=complaint)
    context: dict[str, object] = {
        "title": _("Erasure: %(case)s") % {"case": complaint.case.reference},
        "case": complaint.case,
        "complaint": complaint,
        "days": proposals.days_of(complaint),
        "stops": _stops(stops),
        "can_be_proposed": not stops and erasure is None,
        "erasure": erasure,
        "ground": erasure.get_ground_display() if erasure else "",
        "proposed_by": labels.staff_name(erasure.proposed_by) if erasure else "",
        "is_proposed": erasure is not None and erasure.state == Erasure.State.PROPOSED,
        "hold": hold,
        "set_by": labels.staff_name(hold.set_by) if hold else "",
        "lift_asked_by": labels.staff_name(hold.lift_asked_by) if hold and hold.lift_asked_by else "",
        "may_lift": hold is not None and hold.lift_asked_by_id not in (None, request.user.pk),
        "asked": asked,
        "is_open": is_open,
        "asker": ASKERS[asked.asker] if asked else "",
        "asked_words": erasure_requests.words_of(actor=actor, complaint=complaint, request=asked) if asked else "",
        "answer_days": (erasure_days.answer_by(actor.today) - actor.today).days,
        "hold_form": bound.get("hold") or HoldForm(),
        "request_form": bound.get("request") or RequestForm(initial={"asked_on": actor.today}),
        "decline_form": bound.get("decline") or DeclineForm(),
    }
    return render(request, "admin/erasure.html", context, model=Case, status=400 if bound else 200)
