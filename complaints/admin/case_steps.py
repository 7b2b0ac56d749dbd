"""Taking a step of a case: the page of a step, forwarding to a body, and the proposals that wait for a second decision.

A page says what the step does, asks for the checklist and the reason, and one call of a service takes it. A step that
has become impossible meanwhile writes nothing; the page then says what changed and keeps what was typed.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import date
from functools import partial
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.forms.boundfield import BoundField
from django.http import Http404, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _

from complaints import access
from complaints.admin import labels, step_labels
from complaints.admin.assignment import tell_that_taken
from complaints.admin.base import (
    BaseForm,
    StaffRequest,
    case_or_404,
    render,
    staff_page,
    text_field,
)
from complaints.admin.case_summary import case_deadline
from complaints.admin.reply_composer import Composer, Option, Preview, standard_text_options, step_preview
from complaints.admin.step_facts import RiskPart, grading_hint, known_facts, open_stories, risk_parts
from complaints.admin.step_records import STEP_RECORDS, StepRecord
from complaints.domain import checklists, workflow
from complaints.domain.checklists import CheckedItem
from complaints.domain.disclosure import Disclosure
from complaints.domain.workflow import Action, Refusal, Status, TransitionRefused
from complaints.models.case import DUE_KEY, IS_JUNK, Case
from complaints.models.complaint import Complaint, Message
from complaints.models.team import Role
from complaints.services import case_actions, case_work, circles, disclosure_check, lost_codes, transitions
from complaints.services.audit import recorded_lines
from complaints.services.forwarding import further_releases
from complaints.services.keyring import Keyring
from complaints.services.transitions import CaseChanged, CaseVersion

EXPLANATION_AT_MOST: Final = 500

# --- Forms


class ChecklistForm(BaseForm):
    """A form that starts with the checklist of a step: each item ticked, or, where the item allows it, explained.

    While it is only previewed and not ``is_complete``, open items are no errors.
    """

    record: StepRecord | None = None
    status_on: date
    # The reports whose risk is graded with the step, and why there are none although some wait for it.
    risks: Sequence[RiskPart] = ()
    grading_hint = ""

    def __init__(
        self,
        *args: Any,
        action: Action,
        is_complete: bool = True,
        known: Mapping[str, bool] | None = None,
        **kwargs: Any,
    ) -> None:
        """Make the form; an item that the portal has ``known`` is ticked or not, whatever is posted."""
        super().__init__(*args, **kwargs)
        self.action, self.is_complete, self.items = action, is_complete, checklists.CHECKLISTS.get(action, ())
        for item in self.items:
            label = labels.CHECKS[item.code]
            box = forms.BooleanField(label=label, required=False)
            if known is not None and item.code in known:
                box.initial, box.disabled = known[item.code], True
                self.initial.pop(f"check-{item.code}", None)
            self.fields[f"check-{item.code}"] = box
            if not item.required:
                self.fields[f"why-{item.code}"] = forms.CharField(
                    label=_("If not, why"),
                    required=False,
                    max_length=EXPLANATION_AT_MOST,
                    widget=forms.TextInput(attrs={"autocomplete": "off"}),
                )

    def checks(self) -> list[tuple[BoundField, BoundField | None]]:
        """Return each item as (its box, the field for the explanation); the latter is None for a required item."""
        return [
            (self[f"check-{item.code}"], None if item.required else self[f"why-{item.code}"]) for item in self.items
        ]

    def answers(self) -> dict[str, CheckedItem]:
        """Return which items were ticked, and the explanations of the others, of a form that was validated."""
        answers = {}
        for item in self.items:
            is_done = bool(self.cleaned_data.get(f"check-{item.code}"))
            explanation = str(self.cleaned_data.get(f"why-{item.code}") or "").strip()
            answers[item.code] = CheckedItem(is_done, "" if is_done else explanation)
        return answers

    def clean(self) -> dict[str, Any] | None:
        """Add to each open item, and to what cannot be recorded, the error that says what it needs."""
        cleaned = super().clean()
        for name, error in self.record.errors(self, self.status_on).items() if self.record else ():
            self.add_error(name, error)
        if [part for part in self.risks if not part.form.is_valid()]:
            self.add_error(None, _("Look at the questions about the danger again."))
        if self.items and self.is_complete:
            required = {item.code for item in self.items if item.required}
            must, may = _("Tick this: nothing is decided without it."), _("Tick it, or say why not.")
            for code in checklists.open_items(self.action, self.answers()):
                self.add_error(f"check-{code}", must if code in required else may)
        return cleaned


class StepForm(ChecklistForm):
    """The form of a step: its checklist, and a reason that the reporter reads or that becomes an internal note."""

    reason = text_field("")

    def __init__(
        self, data: QueryDict | None = None, *, row: workflow.Transition, case: Case, keyring: Keyring, **kwargs: Any
    ) -> None:
        known: dict[str, bool] = {}
        if row.action in checklists.CHECKLISTS:
            self.risks = risk_parts(case, row.action, data)
            known = known_facts(keyring=keyring, case=case, action=row.action, is_grading=bool(self.risks))
            self.grading_hint = grading_hint(self.risks, is_graded=known.get("risk_graded", True))
        super().__init__(data, action=row.action, known=known, **kwargs)
        self.status_on, self.record = case.status_on, STEP_RECORDS.get(row.action)
        if self.record:
            self.fields |= self.record.fields()
        required = row.reason_required
        if row.notice:
            label = _("What you write to the reporter") if required else _("Words to the reporter, if you like")
            help_text = _("The reporter reads this on the status page. Name no other person and no other report.")
        else:
            label = _("Your reason") if required else _("A note, if you like")
            help_text = _("Kept as an internal note; no reporter reads it.")
        field = self.fields["reason"]
        field.label, field.help_text, field.required = label, help_text, required

    def recorded(self) -> list[BoundField]:
        """Return the fields of what the step records beside its words; none for most steps."""
        return [self[name] for name in self.record.fields()] if self.record else []


# --- A step


@staff_page("GET", "POST", opens_for=access.is_triage)
def step(request: StaffRequest, object_id: uuid.UUID, action: str) -> HttpResponseBase:
    """Show what a step does and its form; by POST take the step."""
    case = case_or_404(request, object_id)
    if action == Action.FORWARD:
        return redirect("admin:complaints_case_forward", object_id)
    if action not in step_labels.STAFF_STEPS:
        raise Http404
    if request.method == "POST":
        return _take_step(request, case, Action(action))
    return step_page(request, case, Action(action))


def _take_step(request: StaffRequest, case: Case, action: Action) -> HttpResponseBase:
    choice = available_choice(request, case, action)
    if choice is None or choice.refused:
        # The text is not checked for a step that is not possible: the page says why it is not.
        return step_page(request, case, action, refused=choice.refused if choice else "changed")
    # An empty text that is sent has nothing to insert into, to preview or to check.
    is_empty = not request.POST.get("reason", "").strip() and action is not Action.DELIVER
    is_composed = choice.row.notice and (not is_empty or "do" in request.POST)
    composer = step_composer(request, case, choice.row, "reason") if is_composed else None
    data = composer.data() if composer else request.POST
    is_sending = composer is None or composer.is_sending
    form = StepForm(data, row=choice.row, case=case, keyring=request.keyring, is_complete=is_sending)
    if not form.is_valid():
        return step_page(request, case, action, form=form, composer=composer)
    reason, record = form.cleaned_data["reason"].strip(), ""
    if form.record:
        told, record = form.record.texts(form)
        reason = f"{told} {reason}".strip()
    if composer and not composer.may_send(reason):
        return step_page(request, case, action, form=form, composer=composer)
    # The start of a review alone, from its own page, leaves the case to whoever it belongs to.
    is_start_alone = action is Action.START_REVIEW and "take" not in request.POST
    gradings = [part.grading() for part in form.risks]
    take = case_actions.act if is_start_alone else partial(case_work.take_step, gradings=gradings)
    try:
        outcome = take(
            actor=request.actor,
            case_id=case.pk,
            action=action,
            reason=reason,
            record=record,
            seen=CaseVersion.parse(request.POST.get("seen", "")),
            checklist=form.answers() if form.items else None,
            override=composer.override_record() if composer else None,
        )
    except (CaseChanged, TransitionRefused) as refusal:
        fresh, code = case_or_404(request, case.pk), labels.refusal_code(refusal)
        return step_page(request, fresh, action, form=form, composer=composer, refused=code)
    return step_done(request, case, is_taken=outcome is True)


def available_choice(request: StaffRequest, case: Case, action: Action) -> transitions.AvailableStep | None:
    """Return a step of this person on a case, which may be refused; None where the status has no such step."""
    choices = transitions.available_steps(staff=request.user, case=case)
    choice = next((choice for choice in choices if choice.action is action), None)
    if choice and not choice.refused and action in further_releases.ENDING and further_releases.working_bodies(case):
        return transitions.AvailableStep(action, choice.row, Refusal.OTHER_BODY.value)
    return choice


def step_page(
    request: StaffRequest,
    case: Case,
    action: Action,
    *,
    form: StepForm | None = None,
    composer: Composer | None = None,
    refused: str = "",
    text: str = "",
) -> HttpResponse:
    """Show the page of a step.

    Args:
        form: what was posted, to be shown again.
        composer: the composer of that form.
        refused: the key of step_labels.REFUSALS that says why nothing was written.
        text: what was typed on another page than this; without it, the posted reason.
    """
    choice = available_choice(request, case, action)
    refusal = refused or (choice.refused if choice else Refusal.NOT_FROM_HERE.value)
    context: dict[str, object] = {
        "title": f"{step_labels.STAFF_STEPS[action.value][0]}: {case.reference}",
        "case": case,
        "mark": case_actions.version_of(case),
        "back": reverse("admin:complaints_case_change", args=[case.pk]),
        "new_answer": Message.objects.unread().filter(complaint__case=case).exists(),
        "working": further_releases.working_bodies(case) if case.lead_body_id else [],
    }
    if refusal:
        context |= labels.case_now(case, request.POST.get("seen", ""), person=request.user, action=action)
        context |= {
            "refused": step_labels.REFUSALS[refusal],
            "stale": bool(refused),
            "typed": text or request.POST.get("reason", "").strip(),
        }
    if choice is not None and not choice.refused and action is not Action.FORWARD:
        row = choice.row
        is_urgent = action is Action.VERIFY and case_actions.is_high_risk(keyring=request.keyring, case_id=case.pk)
        form = form or StepForm(row=row, case=case, keyring=request.keyring)
        if form.risks:
            open_stories(request, case, form.risks)
        composer = composer or step_composer(request, case, row, "reason")
        context |= {
            "step": labels.step_label(row, case, today=timezone.localdate(), urgent=is_urgent),
            "form": form,
            "writing": composer.context(),
            "readers": case.complaints.filter(channel=Complaint.Channel.WEB).count() if row.notice else 0,
        }
    status = 409 if refusal else composer.status if composer and form and form.is_bound else 200
    return render(request, "admin/step.html", context, status=status)


def step_composer(request: StaffRequest, case: Case, row: workflow.Transition, field: str) -> Composer:
    """Return the composer of the text that goes to the reporters with a step; a silent one where they read none."""
    if not row.notice:
        return Composer(request, field)
    body = case.lead_body.short_name if case.lead_body else ""

    def make_options() -> list[Option]:
        due_on = labels.step_label(row, case, today=timezone.localdate()).due_on
        return standard_text_options(row.action.value, case, due_on=due_on, body=body)

    def find_leaks(text: str) -> list[Disclosure]:
        return disclosure_check.check(actor=request.actor, case_id=case.pk, readers=(), text=text)

    def make_preview(text: str) -> Preview:
        due_on = labels.step_label(row, case, today=timezone.localdate()).due_on
        label = labels.target_status_label(row, case)
        return step_preview(row, case, text, label=label, due_on=due_on, body=body)

    return Composer(
        request,
        field,
        make_options=make_options,
        find_leaks=find_leaks,
        make_preview=make_preview,
        find_circle=lambda: circles.of_case(keyring=request.keyring, case_id=case.pk),
    )


def step_done(request: StaffRequest, before: Case, *, is_taken: bool = False) -> HttpResponseBase:
    """Say which state the step led to and name the next case of this kind; ``before`` is the case before the step.

    ``is_taken`` where the person took the case with the step, which the message lets them undo.

    The next case is the most urgent one in the state that ``before`` was in, the person's own first.
    """
    person, after = request.user, case_or_404(request, before.pk)
    states = {"before": labels.case_status_label(before), "after": labels.case_status_label(after)}
    done = str(labels.DONE[states["before"] == states["after"]]) % states
    # The order of the queue, for which the table of cases has an index.
    order = (DUE_KEY.asc(), "received_on", "pk")
    if before.status == Status.INELIGIBLE_PROPOSED:
        following = case_actions.awaiting_approval(person).order_by(*order).first()
    else:
        cases = access.cases_for(person).exclude(IS_JUNK).filter(status=before.status).exclude(pk=before.pk)
        cases = cases.order_by(*order)
        others = cases if person.role == Role.FORWARDER else cases.filter(assignee=None)
        following = cases.filter(assignee=person).first() or others.first()
    if following is not None:
        url = reverse("admin:complaints_case_change", args=[following.pk])
        done = format_html('{} {} <a href="{}">{}</a>', done, _("Next of this kind:"), url, following.reference)
    messages.success(request, done)
    if is_taken:
        tell_that_taken(request)
    return redirect("admin:complaints_case_change", before.pk)


# --- Second decisions


@staff_page("GET", opens_for=access.is_triage)
def second_decisions(request: StaffRequest) -> HttpResponse:
    """List the proposals of somebody else that this person may decide: to turn a report away, and of lost codes."""
    proposals = case_actions.proposals(actor=request.actor)
    differing = recorded_lines.differing([proposal.case for proposal in proposals])
    today = timezone.localdate()
    context = {
        "title": _("Waiting for a second decision"),
        "at_most": case_actions.PROPOSALS_SHOWN,
        "lost_codes": lost_codes.waiting_for(request.user).select_related("case").order_by("day", "pk"),
        "proposals": [
            {
                "proposal": proposal,
                "by": labels.staff_name(proposal.step.actor),
                "checklist": labels.checklist_lines(proposal.checklist),
                "clock": case_deadline(proposal.case, today),
                "differs": proposal.case.pk in differing,
            }
            for proposal in proposals
        ],
    }
    return render(request, "admin/second.html", context)
