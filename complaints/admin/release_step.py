"""A step of a body on its release: what it does, its form, and what is shown when it is refused."""

from __future__ import annotations

import uuid
from datetime import date
from typing import TYPE_CHECKING, Final

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from complaints import access
from complaints.admin import labels, reply_composer, step_labels
from complaints.admin.base import StaffRequest, render, staff_page
from complaints.admin.forms import BodyStepForm
from complaints.admin.releases import release_or_404, status_line, step_label
from complaints.admin.reply_composer import Composer
from complaints.domain.workflow import Action, Transition, TransitionRefused
from complaints.models.oversight import Release
from complaints.services.disclosure_check import Override
from complaints.services.forwarding import decisions, reading
from complaints.services.transitions import CaseChanged, CaseVersion

if TYPE_CHECKING:
    from complaints.admin.releases import AnnotatedRelease

# What another office decided, on a day that does not lie before the act.
_DATED: Final = decisions.OUTCOMES | {Action.CRIMINAL_OUTCOME}


@staff_page("GET", "POST", opens_for=access.is_overseer)
def step(request: StaffRequest, object_id: uuid.UUID, action: str) -> HttpResponseBase:
    """Show what a step of the body does, with its form; by POST take it, or show it again with what was typed.

    The latter for a preview of the words, and for the kinds of sanction of the status that was chosen.
    """
    release = release_or_404(request, object_id)
    if action not in step_labels.BODY_STEPS:
        raise Http404
    row = _step_row(request, release, Action(action))
    composer = _composer(request, release, row)
    shows_kinds = composer.button == "kinds" and row is not None
    if shows_kinds:
        composer.may_send(request.POST.get("reply", ""))
    if request.method != "POST" or shows_kinds:
        return _show_step(request, release, Action(action), row, composer)
    form = BodyStepForm(
        composer.data(),
        action=Action(action),
        today=timezone.localdate(),
        not_before=_first_day(request, release) if Action(action) in _DATED else None,
    )
    if form.is_valid() and composer.may_send(form.cleaned_data.get("reply", "")):
        return _take_step(request, release, Action(action), form, composer.override_record())
    return _show_step(request, release, Action(action), row, composer, form=form)


def _first_day(request: StaffRequest, release: AnnotatedRelease) -> date | None:
    """Return the earliest day of the act that a release tells."""
    return decisions.first_day(reading.open_contents(request.keyring, reading.chain_of(release)))


def _step_row(request: StaffRequest, release: AnnotatedRelease, action: Action) -> Transition | None:
    """Return the row of the transition table by which the body may take a step now; None where it may not."""
    rows = reading.actions(keyring=request.keyring, release=release)
    return next((row for row in rows if row.action is action), None)


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
    }
    status = composer.status if form else 200
    if refused or row is None:
        status = 409
        texts = [form.data.get(name, "") for name in ("text", "reply")] if form else []
        context |= {
            "refused": step_labels.REFUSALS[refused or "not_from_here"],
            "stale": bool(refused or form),
            "typed": "\n\n".join(text for text in texts if text),
            "status": status_line(release),
        }
    if row is not None:
        if form is None or refused:
            # The step is confirmed anew on the state that the page shows now.
            posted = {name: values if name == "penalties" else values[-1] for name, values in request.POST.lists()}
            for name in ("seen", "newest") if form else ():
                posted.pop(name, None)
            # With the number of steps, because a reminder or a correction leaves the status as it is.
            version = CaseVersion(release.case.status, release.case.step_count)
            initial = {"seen": str(version), "newest": reading.newest_number(release)} | posted
            form = BodyStepForm(initial=initial, action=action, today=timezone.localdate())
        context |= {"step": step_label(row, release), "form": form, "writing": composer.context()}
    return render(request, "admin/release_step.html", context, model=Release, status=status)


def _take_step(
    request: StaffRequest, release: AnnotatedRelease, action: Action, form: BodyStepForm, override: Override | None
) -> HttpResponseBase:
    """Take a step with the values of a valid form; a refusal shows the page again with what was typed."""
    values, sanction = form.cleaned_data, None
    text, reply = values.get("text", "").strip(), values.get("reply", "").strip()
    if form.record:
        told, kept = form.record.texts(form)
        text, reply = f"{kept} {text}".strip(), f"{told} {reply}".strip()
    if action in decisions.OUTCOMES:
        kind = values.get("kind")
        sanction = decisions.SanctionRecord(
            kind.pk if kind else "",
            values["number"],
            values["decided_on"],
            values.get("accused_status", ""),
            values.get("rule", ""),
            values.get("why", ""),
        )
    try:
        decisions.act(
            actor=request.actor,
            release_id=release.pk,
            action=action,
            text=text,
            reply=reply,
            sanction=sanction,
            seen=CaseVersion.parse(values["seen"]),
            newest=values["newest"],
            override=override,
        )
    except (CaseChanged, TransitionRefused) as refusal:
        fresh = release_or_404(request, release.pk)
        row = _step_row(request, fresh, action)
        composer, code = _composer(request, fresh, row), labels.refusal_code(refusal)
        return _show_step(request, fresh, action, row, composer, form=form, refused=code)
    states = {"before": status_line(release), "after": status_line(release_or_404(request, release.pk))}
    messages.success(request, str(labels.DONE[states["before"] == states["after"]]) % states)
    return redirect("admin:complaints_release_change", release.pk)
