"""Several bodies at once: a case goes to a further body beside the one that leads it, and is taken back from it.

What goes is chosen on the pages of forwarding. The case takes no step by it.
"""

from __future__ import annotations

import copy
import uuid
from dataclasses import replace

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from complaints import access
from complaints.admin import labels, step_labels
from complaints.admin.base import StaffRequest, case_or_404, render, staff_page
from complaints.admin.case_steps import StepForm
from complaints.admin.forwarding import (
    ALSO,
    NOTHING_TICKED,
    Desk,
    ForwardForm,
    choice_context,
    forget,
    initial_values,
    keep,
    open_desk,
    ticked_all,
)
from complaints.admin.reply_composer import Composer, message_preview, standard_text_options, text_as_sent
from complaints.domain import workflow
from complaints.domain.workflow import Action, Permission, Status, TransitionRefused
from complaints.models.case import Case
from complaints.models.complaint import Complaint
from complaints.models.oversight import Release
from complaints.services import assessments, case_membership, circles, disclosure_check, release_steps
from complaints.services.forwarding import further_releases, release
from complaints.services.forwarding.bodies import bodies_on
from complaints.services.forwarding.further_releases import FurtherRelease
from complaints.services.transitions import CaseChanged, CaseVersion

_ROW = workflow.transition_for(Action.FORWARD, Status.VERIFIED)
NOT_OFFERED = gettext_lazy("This body has the case already, or has no team here today. Choose another one.")


@staff_page("GET", "POST", opens_for=access.is_triage)
def forward_also(request: StaffRequest, object_id: uuid.UUID) -> HttpResponseBase:
    """Show what can go to a further body; by POST release what was chosen, or keep it and lead elsewhere."""
    case, is_post = case_or_404(request, object_id), request.method == "POST"
    if not further_releases.may_forward_also(request.user, case):
        if not is_post or Permission.FORWARD not in access.permissions_of(request.user):
            raise Http404
        return _not_possible(request, case)
    if is_post and (answer := keep(request, case, ALSO) or ticked_all(request, case, None, ALSO)):
        return answer
    desk = open_desk(request, case, None, ALSO)
    composer = _composer(request, case, "reply", Action.FORWARD)
    form = _form(request, desk, composer)
    is_sent = is_post and form.is_valid() and composer.may_send(form.cleaned_data["reply"]) and desk.may_send(form)
    if not is_sent:
        return _page(desk, form, composer)
    try:
        made = further_releases.forward_also(
            actor=request.actor,
            case_id=case.pk,
            body=form.cleaned_data["body"],
            choice=desk.choice,
            cover=form.cleaned_data["cover"],
            reply=form.cleaned_data["reply"],
            seen=CaseVersion.parse(request.POST.get("seen", "")),
            checklist=form.answers(),
            record=_explained(form),
            override=composer.override_record(),
        )
    except release.NothingChosen:
        form.add_error(None, NOTHING_TICKED)
        return _page(desk, form, composer)
    except further_releases.NotOffered:
        form.add_error("body", NOT_OFFERED)
        return _page(desk, form, composer)
    except (CaseChanged, TransitionRefused) as refusal:
        return _refused(request, case, form, composer, labels.refusal_code(refusal))
    forget(request, case, ALSO)
    words = _("Released to %(body)s. The status of the case follows %(lead)s as before.")
    lead = case.lead_body.short_name if case.lead_body else ""
    messages.success(request, words % {"body": made.body.short_name, "lead": lead})
    return redirect("admin:complaints_case_change", case.pk)


def _composer(request: StaffRequest, case: Case, field: str, moment: Action, body: str = "") -> Composer:
    """Return the composer of words to the reporters; the preview shows them alone, for the status does not change."""
    return Composer(
        request,
        field,
        make_options=lambda: standard_text_options(moment.value, case, due_on=None, body=body),
        find_leaks=lambda text: disclosure_check.check(actor=request.actor, case_id=case.pk, readers=(), text=text),
        make_preview=lambda text: message_preview(text_as_sent(text, case)),
        find_circle=lambda: circles.of_case(keyring=request.keyring, case_id=case.pk),
    )


def _form(request: StaffRequest, desk: Desk, composer: Composer) -> ForwardForm:
    return ForwardForm(
        composer.data() if request.method == "POST" else None,
        initial=initial_values(request, desk),
        known=desk.known(),
        is_complete=composer.is_sending,
        bodies=further_releases.bodies_without(desk.case, timezone.localdate()),
    )


def _without_lead(case: Case) -> Case:
    """Return a case as a further body will see it, which is not chosen yet; it is never saved."""
    seen = copy.copy(case)
    seen.lead_body = None
    return seen


def _explained(form: ForwardForm) -> str:
    """Return the items of the checklist that were explained instead of ticked, for the internal note; "" for none."""
    lines = labels.checklist_lines({code: item for code, item in form.answers().items() if item.why})
    body = form.cleaned_data["body"].short_name
    explained = [f"{line.words} {line.why}" for line in lines]
    return "\n".join([_("Released to %(body)s:") % {"body": body}, *explained]) if explained else ""


def _refused(request: StaffRequest, case: Case, form: ForwardForm, composer: Composer, code: str) -> HttpResponse:
    fresh = case_or_404(request, case.pk)
    if not further_releases.may_forward_also(request.user, fresh):
        return _not_possible(request, fresh)
    return _page(open_desk(request, fresh, None, ALSO), form, composer, refused=code)


def _not_possible(request: StaffRequest, case: Case) -> HttpResponse:
    """Say that no body has the case any more, with what was typed to be copied."""
    typed = (request.POST.get(name, "").strip() for name in ("cover", "reply"))
    context: dict[str, object] = {
        "title": _("Forward to another body too: %(case)s") % {"case": case.reference},
        "case": case,
        "back": reverse("admin:complaints_case_change", args=[case.pk]),
        "refused": step_labels.REFUSALS["not_from_here"],
        "stale": True,
        "typed": "\n\n".join(text for text in typed if text),
        **labels.case_now(case, request.POST.get("seen", "")),
    }
    return render(request, "admin/step.html", context, status=409)


def _page(desk: Desk, form: ForwardForm, composer: Composer, *, refused: str = "") -> HttpResponse:
    case, request = desk.case, desk.request
    label = labels.step_label(_ROW, _without_lead(case), today=timezone.localdate())
    context: dict[str, object] = {
        "title": _("Forward to another body too: %(case)s") % {"case": case.reference},
        "case": case,
        "form": form,
        "mark": desk.opened.version,
        "step": label,
        **choice_context(desk),
        "writing": composer.context(),
        "readers": desk.numbers,
        "graded": assessments.is_danger_graded(case.pk),
        "by_letter": bodies_on(timezone.localdate()).by_letter,
        "beside": case.lead_body,
    }
    if refused:
        context |= labels.case_now(case, request.POST.get("seen", ""))
        context |= {"refused": step_labels.REFUSALS[refused], "stale": True}
    status = 409 if refused else 400 if form.errors else composer.status if form.is_bound else 200
    return render(request, "admin/forward.html", context, status=status)


# --- Taking it back


@staff_page("GET", "POST", opens_for=access.is_triage)
def take_back(request: StaffRequest, object_id: uuid.UUID, release_id: uuid.UUID) -> HttpResponseBase:
    """Show what taking a further release back does, and ask for the reason; by POST take it back."""
    case, is_post = case_or_404(request, object_id), request.method == "POST"
    further = _further_or_404(case, release_id)
    row = _row_of_recall(request, further)
    if row is None:
        return _take_back_page(request, case, further, None, None, refused="not_from_here")
    composer = _composer(request, case, "reason", Action.RECALL, further.release.body.short_name)
    if not is_post:
        return _take_back_page(request, case, further, row, composer)
    form = StepForm(composer.data(), row=row, case=further.release.case, keyring=request.keyring)
    if not form.is_valid() or not composer.may_send(form.cleaned_data["reason"]):
        return _take_back_page(request, case, further, row, composer, form=form)
    try:
        further_releases.take_back(
            actor=request.actor,
            release_id=release_id,
            reason=form.cleaned_data["reason"].strip(),
            seen=CaseVersion.parse(request.POST.get("seen", "")),
            override=composer.override_record(),
        )
    except (CaseChanged, TransitionRefused) as refusal:
        fresh, code = _further_or_404(case, release_id), labels.refusal_code(refusal)
        return _take_back_page(request, case, fresh, _row_of_recall(request, fresh), composer, form=form, refused=code)
    messages.success(request, _("Taken back from %(body)s.") % {"body": further.release.body.short_name})
    return redirect("admin:complaints_case_change", case.pk)


def _further_or_404(case: Case, release_id: uuid.UUID) -> FurtherRelease:
    rows = case.releases.filter(is_further=True, first=None, pk=release_id)
    releases = further_releases.with_histories(list(rows.select_related("case__category", "body")))
    if not releases:
        raise Http404
    return releases[0]


def _row_of_recall(request: StaffRequest, further: FurtherRelease) -> workflow.Transition | None:
    """Return the row by which this person may take a release back from where it stands; None without one."""
    history = further.history
    permissions = access.permissions_of(request.user)
    rows = workflow.allowed(history.status, workflow.ActorKind.STAFF, permissions, asked_from=history.asked_from)
    is_open = further.release.state == Release.State.OPEN and history.is_recorded
    return next((row for row in rows if row.action is Action.RECALL), None) if is_open else None


def _take_back_page(
    request: StaffRequest,
    case: Case,
    further: FurtherRelease,
    row: workflow.Transition | None,
    composer: Composer | None,
    *,
    form: forms.Form | None = None,
    refused: str = "",
) -> HttpResponse:
    body, seen_case = further.release.body.short_name, further.release.case
    context: dict[str, object] = {
        "title": _("Take it back from %(body)s: %(case)s") % {"body": body, "case": case.reference},
        "case": case,
        "mark": release_steps.version_of(further.history),
        "back": reverse("admin:complaints_case_change", args=[case.pk]),
    }
    if refused:
        context |= {
            "refused": step_labels.REFUSALS[refused],
            "stale": form is not None,
            "status": labels.status_label(further.history.status, body),
            "typed": request.POST.get("reason", "").strip(),
        }
    if row is not None and composer is not None:
        held = set(case_membership.reports_of_release(further.release))
        readers = case.complaints.filter(channel=Complaint.Channel.WEB, pk__in=held).count()
        context |= {
            "step": _recall_label(row, seen_case, body),
            "form": form or StepForm(row=row, case=seen_case, keyring=request.keyring),
            "writing": composer.context(),
            "readers": readers,
        }
    status = 409 if refused else composer.status if composer and form is not None else 200
    return render(request, "admin/step.html", context, status=status)


def _recall_label(row: workflow.Transition, seen_case: Case, body: str) -> labels.StepLabel:
    """Describe taking a further release back, by which the case does not come back into review."""
    return replace(
        labels.step_label(row, seen_case, today=timezone.localdate(), body=body),
        sentence=_(
            "The status of the case does not change. What the body has read and saved it keeps; it can no longer act "
            "on this release."
        ),
        reads=_("that it was taken back from %(body)s, and your words.") % {"body": body},
        due_on=None,
    )
