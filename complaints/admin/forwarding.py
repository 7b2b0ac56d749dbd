"""Forwarding: what of a case goes to a body is chosen part by part, read as the body will, and sent.

What is ticked and typed is kept, sealed to the person, until the release is made, so that looking at a file, or at the
preview, loses nothing, nor does the end of the session. The same pages make a supplement, which brings a body what it
does not hold yet.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from typing import Any, Final, cast

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
from complaints.admin import kept_forms, labels, removed_words, step_labels
from complaints.admin.base import BaseForm, StaffRequest, case_or_404, render, staff_page, text_field
from complaints.admin.case_evidence import look_here, seen_here
from complaints.admin.case_steps import ChecklistForm, available_choice, step_composer, step_done, step_page
from complaints.admin.case_summary import FOLDED_FROM, was_left
from complaints.admin.release_choice import (
    ReportChoice,
    all_lines,
    as_released,
    choice_of,
    counts,
    offered,
    posted_choice,
    report_choices,
    tick,
    tick_new,
    tick_nothing,
    tick_only,
    tick_usual,
    ticked,
)
from complaints.admin.release_content import content_lines
from complaints.admin.reply_composer import Composer
from complaints.admin.sent_releases import in_case, look_urls
from complaints.domain import workflow
from complaints.domain.workflow import Action, Permission, Status, TransitionRefused
from complaints.models.case import Case
from complaints.models.oversight import OversightBody, Release
from complaints.services import assessments, case_file, case_work, custody, legal_basis, reference_data
from complaints.services.forwarding import late_parts, reading, release
from complaints.services.forwarding.bodies import bodies_on
from complaints.services.forwarding.contents import Choice, Held
from complaints.services.kept_forms import Values
from complaints.services.transitions import CaseChanged, CaseVersion

NOTHING_TICKED: Final = gettext_lazy("Nothing is ticked: choose at least one report.")
# The target of a further release that is being made.
ALSO: Final = "also"
HAS_IT_ALREADY: Final = gettext_lazy(
    "This body still has the case beside the one that led it. Take that release back first, or choose another body."
)
# Pages of a file and of a report, by the button that leads there and keeps what was chosen.
_PAGES_OF_PARTS: Final = {"look": "admin:complaints_case_view", "redact": "admin:complaints_case_redact"}


class ForwardForm(ChecklistForm):
    """What a body gets besides the chosen parts: the body, the covering note; and the text to the reporters."""

    body = forms.ModelChoiceField(
        label=gettext_lazy("To which body"),
        queryset=OversightBody.objects.none(),
        widget=forms.RadioSelect,
        empty_label=None,
        error_messages={"invalid_choice": gettext_lazy("This body has no team here today. Choose another one.")},
    )
    cover = text_field(
        gettext_lazy("Covering note to the body"), help_text=gettext_lazy("The body reads it above the report.")
    )
    reply = text_field(
        gettext_lazy("Words to the reporter, if you like"),
        help_text=gettext_lazy("The reporter reads them on the status page beside the new state."),
        rows=3,
    )

    def __init__(self, *args: Any, bodies: list[OversightBody], **kwargs: Any) -> None:
        super().__init__(*args, action=Action.FORWARD, **kwargs)
        field = cast("forms.ModelChoiceField[OversightBody]", self.fields["body"])
        field.queryset = OversightBody.objects.filter(pk__in=[body.pk for body in bodies]).order_by("order", "code")
        if len(bodies) == 1:
            field.initial = bodies[0].pk


# Boxes of a supplement, beside those that begin with "check-", by which a person confirms something.
CONFIRMED: Final = ("no_trace", "no_conflict")


class SupplementForm(BaseForm):
    """What goes with a supplement besides the chosen parts."""

    cover = text_field(
        gettext_lazy("Covering note to the body"), help_text=gettext_lazy("The body reads it above the report.")
    )
    no_trace = forms.BooleanField(label=labels.CHECKS["no_trace"])
    no_conflict = forms.BooleanField(label=labels.CHECKS["no_conflict"])


# --- What is kept while the person looks elsewhere --------------------------------------------------------------------


def _name_of(case: Case, target: str) -> str:
    return f"release-{case.pk}{target}"


def kept_choice(request: StaffRequest, case: Case, target: str = "") -> Values | None:
    """Return what was ticked and typed of a case; ``target`` is "", ALSO or the id of a further release."""
    return kept_forms.kept(request, _name_of(case, target))


def forget(request: StaffRequest, case: Case, target: str = "") -> None:
    """Drop what was kept, after it was sent."""
    kept_forms.forget(request, _name_of(case, target))


def keep(request: StaffRequest, case: Case, target: str = "") -> HttpResponse | None:
    """Keep what was ticked and typed; return where the pressed button leads to, None for one that sends or previews."""
    if request.POST.get("do") == kept_forms.DISCARD:
        forget(request, case, target)
        return redirect(request.path)
    is_kept = kept_forms.keep(request, _name_of(case, target), posted_choice(request.POST))
    if request.POST.get("do") == kept_forms.HOLD:
        return kept_forms.held(is_kept)
    address = _address_of_button(request, case, target)
    if address and not is_kept:
        messages.error(request, _("Nothing was kept, so you are still here: the texts are too long. Shorten them."))
        return None
    return redirect(address) if address else None


def _address_of_button(request: StaffRequest, case: Case, target: str) -> str:
    pressed, _colon, value = request.POST.get("do", "").partition(":")
    page = reverse("admin:complaints_case_change", args=[case.pk])
    if pressed == "see" or pressed in _PAGES_OF_PARTS:
        try:
            part = uuid.UUID(value)
        except ValueError:
            raise Http404 from None
        if pressed != "see":
            return reverse(_PAGES_OF_PARTS[pressed], args=[case.pk, part])
        look_here(request, case.pk, part)
        return f"{request.path}?see={part}#seen"
    addresses = {
        "read": reverse("admin:complaints_case_release_preview", args=[case.pk]) + (f"?to={target}" if target else ""),
        "leave": page,
        "risk": f"{page}#risk",
        "send_back": reverse("admin:complaints_case_step", args=[case.pk, Action.SEND_BACK.value]),
    }
    return addresses.get(pressed, "")


# --- The pages --------------------------------------------------------------------------------------------------------


@dataclass
class Desk:
    """An opened case with its choices, for one request; ``first`` is the forwarding that a supplement belongs to.

    ``target`` is as for :func:`kept_choice`.
    """

    request: StaffRequest
    case: Case
    opened: case_file.CaseFile
    choices: list[ReportChoice]
    first: Release | None
    target: str = ""
    # What the form sends with the next press, once it has named removed words.
    left: str = ""

    @property
    def choice(self) -> Choice:
        return choice_of(self.choices)

    def may_send(self, form: forms.Form) -> bool:
        """Whether a valid form may be sent; else it says which removed words the office's own texts hold."""
        composed = release.preview(actor=self.request.actor, case=self.case, choice=self.choice, first=self.first)
        content = composed.content(form.cleaned_data["cover"])
        left = removed_words.words_left(self.request, self.opened.complaints, content)
        self.left = "" if removed_words.is_sent_so(form, left) else removed_words.mark(left)
        return not self.left

    @property
    def numbers(self) -> int:
        return sum(report.complaint.has_reporter for report in self.opened.complaints)

    def known(self) -> dict[str, bool]:
        """What the portal knows of the checklist: whether each chosen file was opened, and the danger graded."""
        chosen = [line for line in all_lines(self.choices) if line.name == "objects" and line.is_ticked]
        opened = all(line.was_opened or line.is_held for line in chosen)
        facts = {"files_looked_at": opened, "risk_graded": assessments.is_danger_graded(self.case.pk)}
        # Where the rules name no single body, whoever forwards declares that the chosen one is in charge.
        by_rule = "" if self.target else body_by_rule(self.opened)
        if by_rule:
            facts["right_body"] = by_rule == self.request.POST.get("body", by_rule)
        return facts


def body_by_rule(opened: case_file.CaseFile) -> str:
    """Return the code of the body that examines a case by the rules, on the days that its reports tell; "" for none."""
    days = opened.acts_on or frozenset((opened.case.received_on.isoformat(),))
    stated = opened.statement.stated if opened.statement else None
    codes, today = reference_data.codes_of(opened.case), timezone.localdate()
    return legal_basis.finding_body(*codes, days, stated, today, reference_data.edition())


def open_desk(request: StaffRequest, case: Case, first: Release | None = None, target: str = "") -> Desk:
    """Open a case to choose what of it goes to a body, with what was ticked before."""
    opened = case_file.open_case(actor=request.actor, case_id=case.pk, is_whole=True)
    held = reading.held_by(keyring=request.keyring, first=first) if first else Held()
    opened_files = custody.opened_objects([report.complaint for report in opened.complaints])
    # Shown is what the body would read: without the passages that were removed.
    reports, redacted, later = as_released(request, opened, since=first.at if first else None)
    chain = reading.chain_of(first) if first else []
    newest_at = max((row.at for row in chain), default=None)
    choices = report_choices(replace(opened, complaints=reports), held, opened_files, redacted, later, newest_at)
    if chain:
        tick_new(choices, late_parts.parts_since(keyring=request.keyring, case=case, releases=chain))
    _leave_answers_to_others(choices, first, target)
    desk = Desk(request, case, opened, choices, first, target)
    is_post = request.method == "POST"
    chosen = posted_choice(request.POST) if is_post else kept_choice(request, case, target)
    if chosen is not None:
        tick(desk.choices, chosen)
    return desk


def ticked_all(
    request: StaffRequest, case: Case, first: Release | None = None, target: str = ""
) -> HttpResponse | None:
    """Tick the usual parts of all reports, or nothing, and show the page again; None for another button."""
    if request.POST.get("do") not in ("usual", "nothing"):
        return None
    desk = open_desk(request, case, first, target)
    (tick_usual if request.POST["do"] == "usual" else tick_nothing)(desk.choices)
    typed = posted_choice(request.POST) | {"offered": [offered(desk.choices)], "ticked": [ticked(desk.choices)]}
    kept_forms.keep(request, _name_of(case, target), typed)
    return redirect(request.path)


def _leave_answers_to_others(choices: list[ReportChoice], first: Release | None, target: str) -> None:
    """Tick no answer that a reporter gave to another body: it tells that this body asked."""
    if first is None and target != ALSO:
        return
    asked = {
        str(entry.message.pk): entry.message.release
        for choice in choices
        for entry in choice["complaint"].thread
        if entry.message.release is not None
    }
    for line in all_lines(choices):
        release_asked = asked.get(line.value) if line.name == "messages" else None
        if release_asked is not None and (first is None or release_asked.body_id != first.body_id):
            line.is_ticked = line.is_usual = False
            words = _("An answer to %(body)s. No body learns of another: tick it only if its words do not tell.")
            line.warnings = [*line.warnings, words % {"body": release_asked.body.short_name}]


@staff_page("GET", "POST", opens_for=access.is_triage)
def forward(request: StaffRequest, object_id: uuid.UUID) -> HttpResponseBase:
    """Show what can go to a body; by POST release what was chosen, or keep it and lead elsewhere."""
    case, is_post = case_or_404(request, object_id), request.method == "POST"
    choice = available_choice(request, case, Action.FORWARD)
    if choice is None or choice.refused:
        if not is_post:
            return step_page(request, case, Action.FORWARD)
        code = choice.refused if choice else "changed"
        return step_page(request, case, Action.FORWARD, refused=code, text=posted_texts(request))
    if is_post and (answer := keep(request, case) or ticked_all(request, case)):
        return answer
    desk, composer = open_desk(request, case), step_composer(request, case, choice.row, "reply")
    form = ForwardForm(
        composer.data() if is_post else None,
        initial=initial_values(request, desk),
        known=desk.known(),
        is_complete=composer.is_sending,
        bodies=bodies_on(timezone.localdate()).with_team,
    )
    is_sent = is_post and form.is_valid() and composer.may_send(form.cleaned_data["reply"]) and desk.may_send(form)
    if not is_sent:
        return _forward_page(desk, form, composer)
    try:
        release.forward(
            actor=request.actor,
            case_id=case.pk,
            body=form.cleaned_data["body"],
            choice=desk.choice,
            cover=form.cleaned_data["cover"],
            reply=form.cleaned_data["reply"],
            seen=CaseVersion.parse(request.POST.get("seen", "")),
            checklist=form.answers(),
            override=composer.override_record(),
        )
    except (release.NothingChosen, release.HasItAlready) as refused:
        is_empty = isinstance(refused, release.NothingChosen)
        form.add_error(None if is_empty else "body", NOTHING_TICKED if is_empty else HAS_IT_ALREADY)
        return _forward_page(desk, form, composer)
    except (CaseChanged, TransitionRefused) as refusal:
        return _forward_refused(request, case, form, composer, labels.refusal_code(refusal))
    forget(request, case)
    return step_done(request, case, is_taken=case_work.take_if_free(actor=request.actor, case_id=case.pk))


def initial_values(request: StaffRequest, desk: Desk) -> dict[str, Any]:
    """Return the first values of the form: what was typed before the person looked elsewhere, else the last body."""
    kept = kept_choice(request, desk.case, desk.target)
    if kept is None:
        last = None if desk.target else desk.case.lead_body_id
        # Not a body that the case has just left; without a value here the form ticks the only body that there is.
        preset = "" if was_left(desk.opened) else last or ("" if desk.target else body_by_rule(desk.opened))
        return {"body": preset} if last or preset else {}
    typed = {name: values[-1] for name, values in kept.items() if values}
    if kept_forms.kept_on(request, _name_of(desk.case, desk.target)) == timezone.localdate():
        return typed
    # What somebody confirmed on another day is confirmed anew: something may have come in, or been changed, since.
    return {name: value for name, value in typed.items() if not name.startswith("check-") and name not in CONFIRMED}


def _forward_refused(
    request: StaffRequest, case: Case, form: ForwardForm, composer: Composer, code: str
) -> HttpResponse:
    """Say what changed; where forwarding is still possible, with the whole form to send again."""
    fresh = case_or_404(request, case.pk)
    choice = available_choice(request, fresh, Action.FORWARD)
    if choice is None or choice.refused:
        return step_page(request, fresh, Action.FORWARD, refused=code, text=posted_texts(request))
    return _forward_page(open_desk(request, fresh), form, composer, refused=code)


def _forward_page(desk: Desk, form: ForwardForm, composer: Composer, *, refused: str = "") -> HttpResponse:
    """Show what can be chosen and the form; with ``refused``, a key of step_labels.REFUSALS, why nothing was sent."""
    case, request = desk.case, desk.request
    row = workflow.transition_for(Action.FORWARD, Status(case.status))
    context: dict[str, object] = {
        "title": f"{step_labels.STAFF_STEPS['forward'][0]}: {case.reference}",
        "case": case,
        "form": form,
        "mark": desk.opened.version,
        "step": labels.step_label(row, case, today=timezone.localdate()),
        **choice_context(desk),
        "writing": composer.context(),
        "readers": desk.numbers,
        "graded": assessments.is_danger_graded(case.pk),
        "by_letter": bodies_on(timezone.localdate()).by_letter,
    }
    if refused:
        context |= labels.case_now(case, request.POST.get("seen", ""))
        context |= {"refused": step_labels.REFUSALS[refused], "stale": True}
    status = 409 if refused else 400 if form.errors else composer.status if form.is_bound else 200
    return render(request, "admin/forward.html", context, status=status)


def choice_context(desk: Desk) -> dict[str, object]:
    """Return what ``admin/release_choice.html`` reads besides the reports."""
    files = (item for report in desk.opened.complaints for item in report.evidence)
    return {
        "kept_on": kept_forms.kept_on(desk.request, _name_of(desk.case, desk.target)),
        "seen": desk.request.GET.get("see", ""),
        "shown": seen_here(desk.request, desk.case, files),
        "offered": offered(desk.choices),
        "left": desk.left,
        "counts": counts(desk.choices),
        "folds": len(desk.choices) >= FOLDED_FROM,
        "fresh": [choice for choice in desk.choices if choice["has_new"]],
        "others": [choice for choice in desk.choices if not choice["has_new"]],
    }


def posted_texts(request: StaffRequest) -> str:
    """Return the texts of the form of forwarding in one, for a page that has no such form."""
    texts = (request.POST.get(name, "").strip() for name in ("cover", "reply"))
    return "\n\n".join(text for text in texts if text)


@staff_page("GET", opens_for=access.is_triage)
def preview(request: StaffRequest, object_id: uuid.UUID) -> HttpResponse:
    """Show exactly what the body will read of what was chosen last."""
    case, target = case_or_404(request, object_id), request.GET.get("to", "")
    first = None if target == ALSO else _first_of(case, target)
    desk = open_desk(request, case, first, target)
    composed = release.preview(actor=request.actor, case=case, choice=desk.choice, first=first)
    content = composed.content(str(initial_values(request, desk).get("cover", "")))
    context = {
        "left": removed_words.words_left(request, desk.opened.complaints, content).lines,
        "title": _("What the body will read: %(case)s") % {"case": case.reference},
        "case": case,
        "part": content_lines(
            content,
            is_supplement=first is not None,
            in_case=in_case(case, composed.numbers),
            look_urls=look_urls(case, {item.id: item.stored for item in composed.files if item.stored}),
        ),
        "back": _page_of_choice(case, first, target),
    }
    return render(request, "admin/release_read.html", context)


def _page_of_choice(case: Case, first: Release | None, target: str) -> str:
    if target == ALSO:
        return reverse("admin:complaints_case_forward_also", args=[case.pk])
    if first is not None and target:
        return reverse("admin:complaints_case_supplement_further", args=[case.pk, first.pk])
    return reverse(f"admin:complaints_case_{'supplement' if first else 'forward'}", args=[case.pk])


def _first_of(case: Case, target: str) -> Release | None:
    """Return the forwarding that a supplement belongs to: a further one by its id, else that of the leading body."""
    if not target:
        return release.current_first(case) if release.is_with_body(case) else None
    try:
        further = case.releases.filter(is_further=True, first=None, state=Release.State.OPEN)
        return further.select_related("body", "case").get(pk=uuid.UUID(target))
    except (ValueError, Release.DoesNotExist):
        raise Http404 from None


# --- Supplements ------------------------------------------------------------------------------------------------------


@staff_page("GET", "POST", opens_for=access.is_triage)
def supplement(request: StaffRequest, object_id: uuid.UUID, release_id: uuid.UUID | None = None) -> HttpResponseBase:
    """Show what the body does not hold yet; by POST release what was chosen of it.

    It is the body that leads the case, or with ``release_id`` that of a further release.
    """
    case, is_post, target = case_or_404(request, object_id), request.method == "POST", str(release_id or "")
    first = _first_of(case, target)
    if first is None or Permission.FORWARD not in access.permissions_of(request.user):
        raise Http404
    if is_post and (answer := keep(request, case, target) or ticked_all(request, case, first, target)):
        return answer
    desk = open_desk(request, case, first, target)
    if not is_post and (message := request.GET.get("message")):
        # From the section on retaliation, whose message goes alone unless more is ticked.
        tick_only(desk.choices, message)
    elif not is_post and "new" in request.GET:
        # From the line of the case page that counts what is new, whatever was ticked before.
        tick_usual(desk.choices)
    form = SupplementForm(request.POST if is_post else None, initial=initial_values(request, desk))
    if not is_post or not form.is_valid() or not desk.may_send(form):
        return _supplement_page(desk, first, form)
    try:
        release.supplement(
            actor=request.actor,
            first=first,
            choice=desk.choice,
            cover=form.cleaned_data["cover"],
            seen=CaseVersion.parse(request.POST.get("seen", "")),
        )
    except release.NothingChosen:
        form.add_error(None, _("The body already has all that is ticked. Choose what is new."))
        return _supplement_page(desk, first, form)
    except (CaseChanged, TransitionRefused) as refusal:
        fresh = open_desk(request, case_or_404(request, case.pk), first, target)
        return _supplement_page(fresh, first, form, refused=labels.refusal_code(refusal))
    forget(request, case, target)
    messages.success(request, _("Sent to %(body)s.") % {"body": first.body.short_name})
    return redirect("admin:complaints_case_change", case.pk)


def _supplement_page(desk: Desk, first: Release, form: SupplementForm, *, refused: str = "") -> HttpResponse:
    """Show what the body lacks; with ``refused``, a key of step_labels.REFUSALS, why nothing was sent."""
    case, request = desk.case, desk.request
    context: dict[str, object] = {
        "title": _("Send what is new: %(case)s") % {"case": case.reference},
        "case": case,
        "form": form,
        "mark": desk.opened.version,
        **choice_context(desk),
        "first": first,
        "graded": assessments.is_danger_graded(case.pk),
    }
    if refused:
        context |= labels.case_now(case, request.POST.get("seen", ""))
        context |= {"refused": step_labels.REFUSALS[refused], "stale": True}
    status = 409 if refused else 400 if form.errors else 200
    return render(request, "admin/supplement.html", context, status=status)
