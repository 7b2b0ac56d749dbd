"""A step of a body on its release: what it does, its form, and what is shown when it is refused.

Of a finding the page makes a proposal to a second person; ``admin/findings.py`` has what that person does.
"""

from __future__ import annotations

import uuid
from datetime import date
from typing import TYPE_CHECKING, Final

from django.contrib import messages
from django.forms import FileField
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from complaints import access
from complaints.admin import labels, reply_composer, step_labels
from complaints.admin.base import StaffRequest, render, staff_page
from complaints.admin.body_step_form import BodyStepForm
from complaints.admin.decision_labels import COPY_REFUSALS
from complaints.admin.decision_records import SEVERAL, WITH_COPY, Situation
from complaints.admin.releases import is_second_press, release_or_404, status_line, step_label
from complaints.admin.reply_composer import Composer
from complaints.admin.step_records import criminal_texts
from complaints.domain import workflow
from complaints.domain.workflow import Action, Status, Transition, TransitionRefused
from complaints.models.oversight import Release
from complaints.services import transitions
from complaints.services.disclosure_check import Override
from complaints.services.forwarding import decision_copies, decisions, reading
from complaints.services.forwarding.decision_copies import CopyRefused, PreparedCopy
from complaints.services.forwarding.findings import FINDINGS, has_second_person
from complaints.services.forwarding.records import DATED
from complaints.services.transitions import CaseChanged, CaseVersion

if TYPE_CHECKING:
    from complaints.admin.releases import AnnotatedRelease

# What the recommendation says of the accused and the agency is offered again where what follows is recorded.
_FROM_RECOMMENDATION: Final = {
    Action.SANCTION: ("accused_status",),
    Action.CORRECT: ("accused_status",),
    Action.REMIND: ("addressee",),
}

# Whoever corrects a recorded sanction changes what is wrong in it, and types the rest no second time.
_SANCTIONS: Final = {Action.SANCTION, Action.CORRECT}
_CORRECTABLE: Final = ("accused_status", "kind", "number", "decided_on", "rule", "basis")


@staff_page("GET", "POST", opens_for=access.is_overseer)
def step(request: StaffRequest, object_id: uuid.UUID, action: str) -> HttpResponseBase:
    """Show what a step of the body does, with its form; by POST take it, or show it again with what was typed.

    The latter for a preview of the words, and for the kinds of sanction of the status that was chosen.
    """
    release = release_or_404(request, object_id)
    if action not in step_labels.BODY_STEPS:
        raise Http404
    row = step_row(request, release, Action(action))
    composer = _composer(request, release, row)
    shows_kinds = composer.button == "kinds" and row is not None
    if shows_kinds:
        composer.may_send(request.POST.get("reply", ""))
    if request.method != "POST" or shows_kinds:
        return _show_step(request, release, Action(action), row, composer)
    situation = _situation(request, release, Action(action), judged=True)
    form = BodyStepForm(composer.data(), request.FILES, action=Action(action), situation=situation)
    if form.is_valid() and composer.may_send(form.cleaned_data.get("reply", "")):
        return _take_step(request, release, Action(action), form, composer)
    return _show_step(request, release, Action(action), row, composer, form=form)


def _situation(request: StaffRequest, release: AnnotatedRelease, action: Action, *, judged: bool = False) -> Situation:
    """Return what the fields of a step depend on; the day of the act only where values are ``judged`` by it."""
    act_on = _first_day(request, release) if judged and action in DATED else None
    target = None
    today = timezone.localdate()
    if action is Action.AWAIT_AGENCY:
        target = transitions.due_date(
            Status.AWAITING_AGENCY,
            received_on=release.case.received_on,
            entered_on=today,
            source=Status.SUBSTANTIATED,
            urgent=False,
        )
    return Situation(today, act_on, request.POST.get("accused_status", ""), target)


def _first_day(request: StaffRequest, release: AnnotatedRelease) -> date | None:
    """Return the earliest day of the act that a release tells."""
    return decisions.first_day(reading.open_contents(request.keyring, reading.chain_of(release)))


def step_row(request: StaffRequest, release: AnnotatedRelease, action: Action) -> Transition | None:
    """Return the row of the transition table by which the body may take a step now; None where it may not.

    For a finding, that by which it would be found once a second person confirms: its page proposes it.
    """
    rows = {row.action: row for row in reading.actions(keyring=request.keyring, release=release)}
    if action in FINDINGS:
        return workflow.transition_for(action, Status.UNDER_EXAMINATION) if Action.PROPOSE_FINDING in rows else None
    return rows.get(action)


def _composer(request: StaffRequest, release: AnnotatedRelease, row: Transition | None) -> Composer:
    """Return the composer of the words to the reporters; it offers and checks nothing where the step sends none."""
    if row is None or not row.notice:
        return Composer(request=request, field="reply")
    case, body = release.case, release.body.short_name
    due_on, label = step_label(row, release).due_on, labels.target_status_label(row, case, body)
    return Composer(
        request=request,
        field="reply",
        make_options=lambda: reply_composer.standard_text_options(row.action.value, case, due_on=due_on, body=body),
        find_leaks=lambda text: reading.check(actor=request.actor, release_id=release.pk, text=text),
        find_circle=lambda: reading.circles_told(keyring=request.keyring, release=release),
        make_preview=lambda text: reply_composer.step_preview(row, case, text, label=label, due_on=due_on, body=body),
    )


def _show_step(
    request: StaffRequest,
    release: AnnotatedRelease,
    action: Action,
    row: Transition | None,
    composer: Composer,
    *,
    form: BodyStepForm | None = None,
    refused: str = "",
) -> HttpResponse:
    """Show the page of a step; ``row`` is None where it is not possible now.

    What was posted stays on the page. ``refused`` is the code of the service's refusal, a key of
    ``step_labels.REFUSALS``.
    """
    context: dict[str, object] = {
        "title": f"{step_labels.BODY_STEPS[action.value][0]}: {release.case.reference}",
        "release": release,
        "back": reverse("admin:complaints_release_change", args=[release.pk]),
        "takes_file": action in WITH_COPY,
        "files_again": bool(request.FILES),
        "shows_kinds": action in {Action.AWAIT_AGENCY, Action.SANCTION, Action.CORRECT},
    }
    status = composer.status if form else 200
    if action in FINDINGS and row is not None:
        context["is_alone"] = not has_second_person(release, request.user)
        if action is Action.SUBSTANTIATE and not refused and not reading.was_heard(release):
            refused = workflow.Refusal.UNHEARD.value
    if refused or row is None:
        status = 409
        context |= {
            "refused": step_labels.REFUSALS[refused or "not_from_here"],
            "is_unheard": refused == workflow.Refusal.UNHEARD,
            "stale": bool(refused or form),
            "is_taken": is_second_press(request, release, Action.PROPOSE_FINDING if action in FINDINGS else action),
            "typed": _typed(form) if form else "",
            "status": status_line(release),
        }
    if row is not None:
        if form is None or refused:
            # The step is confirmed anew on the state that the page shows now.
            posted = {name: values if name in SEVERAL else values[-1] for name, values in request.POST.lists()}
            for name in ("seen", "newest") if form else ():
                posted.pop(name, None)
            # With the number of steps, because a reminder or a correction leaves the status as it is.
            version = CaseVersion(release.case.status, release.case.step_count)
            initial: dict[str, object] = {"seen": str(version), "newest": reading.newest_number(release)}
            initial |= _offered(request, release, action) | posted
            form = BodyStepForm(initial=initial, action=action, situation=_situation(request, release, action))
        context |= {"step": step_label(row, release), "form": form, "writing": composer.context()}
    return render(request, "admin/release_step.html", context, model=Release, status=status)


def _typed(form: BodyStepForm) -> str:
    """Return all that was typed and chosen in a form, for a page that has no form any more."""
    fields = [bound for bound in form.visible_fields() if not isinstance(bound.field, FileField)]
    values = {str(bound.label): bound.value() for bound in fields}
    lines = {
        label: ", ".join(value) if isinstance(value, list) else str(value or "") for label, value in values.items()
    }
    return "\n\n".join(f"{name}: {text}" for name, text in lines.items() if text)


def _offered(request: StaffRequest, release: AnnotatedRelease, action: Action) -> dict[str, object]:
    """Return what is known already of the values of a step."""
    if action is Action.AWAIT_AGENCY:
        return {"due_on": _situation(request, release, action).target}
    names = _FROM_RECOMMENDATION.get(action, ())
    if not names:
        return {}
    entries = reading.decisions_of(release, request.keyring.release(release))
    recorded = [entry.content for entry in entries if entry.content["outcome"] in _SANCTIONS]
    if action is Action.CORRECT and recorded:
        return {name: recorded[-1].get(name, "") for name in _CORRECTABLE}
    advised = [entry.content for entry in entries if entry.content["outcome"] == Action.AWAIT_AGENCY]
    return {name: advised[-1].get(name, "") for name in names} if advised else {}


def _take_step(
    request: StaffRequest, release: AnnotatedRelease, action: Action, form: BodyStepForm, composer: Composer
) -> HttpResponseBase:
    """Take a step with the values of a valid form; a refusal shows the page again with what was typed."""
    row = step_row(request, release, action)
    upload = form.cleaned_data.get("copy")
    try:
        # A step that is not possible costs no scan.
        copy = decision_copies.prepare(upload) if upload and row is not None else None
    except CopyRefused as refused_copy:
        form.add_error("copy", str(COPY_REFUSALS.get(refused_copy.code, COPY_REFUSALS["store"])))
        return _show_step(request, release, action, row, composer, form=form)
    try:
        _act(request, release, action, form, composer.override_record(), copy)
    except (CaseChanged, TransitionRefused) as refusal:
        if copy:
            copy.discard()
        fresh = release_or_404(request, release.pk)
        row = step_row(request, fresh, action)
        composer, code = _composer(request, fresh, row), labels.refusal_code(refusal)
        return _show_step(request, fresh, action, row, composer, form=form, refused=code)
    if action in FINDINGS:
        done = _("Proposed. The case stays where it is until a second person of your body has confirmed the finding.")
        messages.success(request, done)
        return redirect("admin:complaints_release_change", release.pk)
    states = {"before": status_line(release), "after": status_line(release_or_404(request, release.pk))}
    messages.success(request, str(labels.DONE[states["before"] == states["after"]]) % states)
    return redirect("admin:complaints_release_change", release.pk)


def _act(
    request: StaffRequest,
    release: Release,
    action: Action,
    form: BodyStepForm,
    override: Override | None,
    copy: PreparedCopy | None,
) -> None:
    values = form.cleaned_data
    text, reply = values.get("text", "").strip(), values.get("reply", "").strip()
    if action is Action.CRIMINAL_OUTCOME:
        told, kept = criminal_texts(form)
        text, reply = f"{kept} {text}".strip(), f"{told} {reply}".strip()
    decisions.act(
        actor=request.actor,
        release_id=release.pk,
        action=Action.PROPOSE_FINDING if action in FINDINGS else action,
        finding=action if action in FINDINGS else None,
        text=text,
        reply=reply,
        record=form.recorded(),
        seen=CaseVersion.parse(values["seen"]),
        newest=values["newest"],
        override=override,
        copy=copy,
    )
