"""Taking a step of a case: the page of a step, forwarding to a body, and the proposals that wait for a second decision.

A page says what the step does, asks for the checklist and the reason, and one call of a service takes it. A step that
has become impossible meanwhile writes nothing; the page then says what changed and keeps what was typed.
"""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any, Final, TypedDict, cast

from django import forms
from django.contrib import messages
from django.forms.boundfield import BoundField
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from complaints import access
from complaints.admin import labels, step_labels
from complaints.admin.base import (
    BaseForm,
    StaffRequest,
    case_or_404,
    render,
    staff_page,
    text_field,
)
from complaints.admin.case_evidence import copy_label, losses_of_copy, origin_traces
from complaints.admin.case_summary import answer_rows, case_deadline, post_lines, was_left
from complaints.admin.redactions import as_released
from complaints.admin.reply_composer import Composer, Option, Preview, standard_text_options, step_preview
from complaints.admin.step_records import STEP_RECORDS, StepRecord
from complaints.domain import checklists, workflow
from complaints.domain.checklists import CheckedItem
from complaints.domain.disclosure import Disclosure
from complaints.domain.workflow import Action, Refusal, Status, TransitionRefused
from complaints.models.case import DUE_KEY, IS_JUNK, Case
from complaints.models.complaint import Complaint, Message
from complaints.models.oversight import OversightBody
from complaints.models.team import Role
from complaints.services import case_actions, case_file, disclosure_check, transitions
from complaints.services.forwarding.bodies import bodies_on
from complaints.services.forwarding.release import forward as release_forward
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

    def __init__(self, *args: Any, action: Action, is_complete: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.action, self.is_complete, self.items = action, is_complete, checklists.CHECKLISTS.get(action, ())
        for item in self.items:
            label = labels.CHECKS[item.code]
            self.fields[f"check-{item.code}"] = forms.BooleanField(label=label, required=False)
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
        if self.items and self.is_complete:
            required = {item.code for item in self.items if item.required}
            must, may = _("Tick this: nothing is decided without it."), _("Tick it, or say why not.")
            for code in checklists.open_items(self.action, self.answers()):
                self.add_error(f"check-{code}", must if code in required else may)
        return cleaned


class StepForm(ChecklistForm):
    """The form of a step: its checklist, and a reason that the reporter reads or that becomes an internal note."""

    reason = text_field("")

    def __init__(self, *args: Any, row: workflow.Transition, case: Case, keyring: Keyring, **kwargs: Any) -> None:
        super().__init__(*args, action=row.action, **kwargs)
        self.status_on, self.record = case.status_on, STEP_RECORDS.get(row.action)
        if self.record:
            self.fields |= self.record.fields()
        elif row.action is Action.VERIFY and case_actions.is_for_bawaslu(keyring=keyring, case=case):
            # Going another way than the rules say is possible, with a reason.
            self.fields["check-by_rule"].disabled = True
        required = row.reason_required
        if row.notice:
            label = _("What you write to the reporter") if required else _("Words to the reporter, if you like")
            help_text = _("The reporter reads this on the status page. Name no other person and no other report.")
        else:
            label = _("Your reason") if required else _("A note, if you like")
            help_text = _("Kept in the office as an internal note.")
        field = self.fields["reason"]
        field.label, field.help_text, field.required = label, help_text, required

    def recorded(self) -> list[BoundField]:
        """Return the fields of what the step records beside its words; none for most steps."""
        return [self[name] for name in self.record.fields()] if self.record else []


class ForwardForm(ChecklistForm):
    """What a body gets: the body, the files, and the covering note; and the text to the reporters."""

    body = forms.ModelChoiceField(
        label=gettext_lazy("To which body"),
        queryset=OversightBody.objects.none(),
        widget=forms.RadioSelect,
        empty_label=None,
        error_messages={"invalid_choice": gettext_lazy("This body has no team here today. Choose another one.")},
    )
    objects = forms.MultipleChoiceField(required=False)
    cover = text_field(
        gettext_lazy("Covering note to the body"), help_text=gettext_lazy("The body reads it above the report.")
    )
    reply = text_field(
        gettext_lazy("Words to the reporter, if you like"),
        help_text=gettext_lazy("The reporter reads them on the status page beside the new state."),
        rows=3,
    )

    def __init__(self, *args: Any, bodies: list[OversightBody], objects: list[str], **kwargs: Any) -> None:
        super().__init__(*args, action=Action.FORWARD, **kwargs)
        field = cast("forms.ModelChoiceField[OversightBody]", self.fields["body"])
        field.queryset = OversightBody.objects.filter(pk__in=[body.pk for body in bodies]).order_by("order", "code")
        if len(bodies) == 1:
            field.initial = bodies[0].pk
        cast(forms.MultipleChoiceField, self.fields["objects"]).choices = [(name, name) for name in objects]


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
    return _step_page(request, case, Action(action))


def _take_step(request: StaffRequest, case: Case, action: Action) -> HttpResponseBase:
    choice = _choice(request, case, action)
    if choice is None or choice.refused:
        # The text is not checked for a step that is not possible: the page says why it is not.
        return _step_page(request, case, action, refused=choice.refused if choice else "changed")
    # An empty text that is sent has nothing to insert into, to preview or to check.
    is_empty = not request.POST.get("reason", "").strip() and action is not Action.DELIVER
    is_composed = choice.row.notice and (not is_empty or "do" in request.POST)
    composer = _step_composer(request, case, choice.row, "reason") if is_composed else None
    data = composer.data() if composer else request.POST
    is_sending = composer is None or composer.is_sending
    form = StepForm(data, row=choice.row, case=case, keyring=request.keyring, is_complete=is_sending)
    if not form.is_valid():
        return _step_page(request, case, action, form=form, composer=composer)
    reason, record = form.cleaned_data["reason"].strip(), ""
    if form.record:
        told, record = form.record.texts(form)
        reason = f"{told} {reason}".strip()
    if composer and not composer.may_send(reason):
        return _step_page(request, case, action, form=form, composer=composer)
    try:
        case_actions.act(
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
        return _step_page(request, fresh, action, form=form, composer=composer, refused=code)
    return _step_done(request, case)


def _choice(request: StaffRequest, case: Case, action: Action) -> transitions.AvailableStep | None:
    """Return a step of this person on a case, which may be refused; None where the status has no such step."""
    choices = transitions.available_steps(staff=request.user, case=case)
    return next((choice for choice in choices if choice.action is action), None)


def _step_page(
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
    choice = _choice(request, case, action)
    refusal = refused or (choice.refused if choice else Refusal.NOT_FROM_HERE.value)
    context: dict[str, object] = {
        "title": f"{step_labels.STAFF_STEPS[action.value][0]}: {case.reference}",
        "case": case,
        "mark": case_actions.version_of(case),
        "back": reverse("admin:complaints_case_change", args=[case.pk]),
        "new_answer": Message.objects.unread().filter(complaint__case=case).exists(),
    }
    if refusal:
        context |= labels.case_now(case, request.POST.get("seen", ""))
        context |= {
            "refused": step_labels.REFUSALS[refusal],
            "stale": bool(refused),
            "typed": text or request.POST.get("reason", "").strip(),
        }
    if choice is not None and not choice.refused and action is not Action.FORWARD:
        row = choice.row
        is_urgent = action is Action.VERIFY and case_actions.is_high_risk(keyring=request.keyring, case_id=case.pk)
        form = form or StepForm(row=row, case=case, keyring=request.keyring)
        composer = composer or _step_composer(request, case, row, "reason")
        context |= {
            "step": labels.step_label(row, case, today=timezone.localdate(), urgent=is_urgent),
            "form": form,
            "writing": composer.context(),
            "readers": case.complaints.filter(channel=Complaint.Channel.WEB).count() if row.notice else 0,
        }
    status = 409 if refusal else composer.status if composer and form and form.is_bound else 200
    return render(request, "admin/step.html", context, status=status)


def _step_composer(request: StaffRequest, case: Case, row: workflow.Transition, field: str) -> Composer:
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

    return Composer(request, field, make_options=make_options, find_leaks=find_leaks, make_preview=make_preview)


def _step_done(request: StaffRequest, before: Case) -> HttpResponseBase:
    """Say which state the step led to and name the next case of this kind; ``before`` is the case before the step.

    The next case is the most urgent one in the state that ``before`` was in, the person's own first.
    """
    person, after = request.user, case_or_404(request, before.pk)
    done = labels.done_words(labels.case_status_label(before), labels.case_status_label(after))
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
    return redirect("admin:complaints_case_change", before.pk)


# --- Forwarding


class FileRow(TypedDict):
    """A stored object that may be released.

    ``label`` names it with the state of a copy, ``losses`` says what the copy lacks, ``betrays`` what an original tells
    of its origin.
    """

    item: case_file.EvidenceItem
    object: case_file.ObjectInfo
    is_original: bool
    label: str
    losses: list[str]
    betrays: str


@staff_page("GET", "POST", opens_for=access.is_triage)
def forward(request: StaffRequest, object_id: uuid.UUID) -> HttpResponseBase:
    """Show what a body would get; by POST release it to the body."""
    case = case_or_404(request, object_id)
    choice, is_post = _choice(request, case, Action.FORWARD), request.method == "POST"
    if choice is None or choice.refused:
        if not is_post:
            return _step_page(request, case, Action.FORWARD)
        code = choice.refused if choice else "changed"
        return _step_page(request, case, Action.FORWARD, refused=code, text=_posted_texts(request))
    opened = case_file.open_case(actor=request.actor, case_id=case.pk, is_whole=True)
    composer = _step_composer(request, case, choice.row, "reply")
    form = ForwardForm(
        composer.data() if is_post else None,
        initial={"body": "" if was_left(opened) else case.lead_body_id},
        is_complete=composer.is_sending,
        bodies=bodies_on(timezone.localdate()).with_team,
        objects=[str(row["object"].id) for row in _file_rows(opened)],
    )
    if not is_post or not form.is_valid() or not composer.may_send(form.cleaned_data["reply"]):
        return _forward_page(request, case, form, composer, opened)
    try:
        release_forward(
            actor=request.actor,
            case_id=case.pk,
            body=form.cleaned_data["body"],
            objects=[uuid.UUID(name) for name in form.cleaned_data["objects"]],
            cover=form.cleaned_data["cover"],
            reply=form.cleaned_data["reply"],
            seen=CaseVersion.parse(request.POST.get("seen", "")),
            checklist=form.answers(),
            override=composer.override_record(),
        )
    except (CaseChanged, TransitionRefused) as refusal:
        return _forward_refused(request, case, form, composer, labels.refusal_code(refusal))
    return _step_done(request, case)


def _forward_refused(
    request: StaffRequest, case: Case, form: ForwardForm, composer: Composer, code: str
) -> HttpResponse:
    """Say what changed; where forwarding is still possible, with the whole form to send again."""
    fresh = case_or_404(request, case.pk)
    choice = _choice(request, fresh, Action.FORWARD)
    if choice is None or choice.refused:
        return _step_page(request, fresh, Action.FORWARD, refused=code, text=_posted_texts(request))
    opened = case_file.open_case(actor=request.actor, case_id=case.pk, is_whole=True)
    return _forward_page(request, fresh, form, composer, opened, refused=code)


def _forward_page(
    request: StaffRequest,
    case: Case,
    form: ForwardForm,
    composer: Composer,
    opened: case_file.CaseFile,
    *,
    refused: str = "",
) -> HttpResponse:
    """Show what would be released and the form; with ``refused``, a key of step_labels.REFUSALS, why nothing was."""
    row, files = workflow.transition_for(Action.FORWARD, Status(case.status)), _file_rows(opened)
    if form.is_bound:
        ticked = set(request.POST.getlist("objects"))
    else:
        ticked = {str(file["object"].id) for file in files if not file["is_original"]}
    reports, redacted = as_released(request, opened)
    context: dict[str, object] = {
        "title": f"{step_labels.STAFF_STEPS['forward'][0]}: {case.reference}",
        "case": case,
        "form": form,
        "mark": opened.version,
        "step": labels.step_label(row, case, today=timezone.localdate()),
        "complaints": [
            (report, answer_rows(report.answers), post_lines(report.posts, for_body=True)) for report in reports
        ],
        "files": [{**file, "ticked": str(file["object"].id) in ticked} for file in files],
        "redacted": redacted,
        "writing": composer.context(),
        "readers": sum(report.complaint.has_reporter for report in opened.complaints),
        "by_letter": bodies_on(timezone.localdate()).by_letter,
    }
    if refused:
        context |= labels.case_now(case, request.POST.get("seen", ""))
        context |= {"refused": step_labels.REFUSALS[refused], "stale": True}
    status = 409 if refused else composer.status if form.is_bound else 200
    return render(request, "admin/forward.html", context, status=status)


def _posted_texts(request: StaffRequest) -> str:
    """Return the texts of the form of forwarding in one, for a page that has no such form."""
    texts = (request.POST.get(name, "").strip() for name in ("cover", "reply"))
    return "\n\n".join(text for text in texts if text)


def _file_rows(opened: case_file.CaseFile) -> list[FileRow]:
    """Return every working copy and original of a case, the copy of an item before its original."""
    items = [item for report in opened.complaints for item in report.evidence]
    return [row for item in items for row in (_copy_row(item), _original_row(item)) if row is not None]


def _copy_row(item: case_file.EvidenceItem) -> FileRow | None:
    if item.working is None:
        return None
    codes = item.findings.losses if item.findings else []
    return {
        "item": item,
        "object": item.working,
        "is_original": False,
        "label": copy_label(codes),
        "losses": losses_of_copy(codes),
        "betrays": "",
    }


def _original_row(item: case_file.EvidenceItem) -> FileRow:
    return {
        "item": item,
        "object": item.original,
        "is_original": True,
        "label": _("original"),
        "losses": [],
        "betrays": origin_traces(item),
    }


# --- Second decisions


@staff_page("GET", opens_for=access.is_triage)
def second_decisions(request: StaffRequest) -> HttpResponse:
    """List the proposals to turn a report away that somebody else made and this person may decide."""
    proposals = case_actions.proposals(actor=request.actor)
    today = timezone.localdate()
    context = {
        "title": _("Waiting for a second decision"),
        "at_most": case_actions.PROPOSALS_SHOWN,
        "proposals": [
            {
                "proposal": proposal,
                "by": labels.staff_name(proposal.step.actor),
                "checklist": labels.checklist_lines(proposal.checklist),
                "clock": case_deadline(proposal.case, today),
            }
            for proposal in proposals
        ],
    }
    return render(request, "admin/second.html", context)
