"""Acts on several ticked cases of the queue: what will happen is shown first, or can be undone.

Taking and giving can be undone for a quarter of an hour: the session keeps who had each case before. What a reporter
reads, and what a second person decides on, cannot be taken back, so a page shows it before.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final, TypedDict, cast
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.contrib.sessions.backends.base import SessionBase
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from complaints import access
from complaints.admin import labels, queue_filters, step_labels
from complaints.admin.base import BaseForm, StaffRequest, render, staff_page, text_field
from complaints.admin.labels import Label
from complaints.admin.queue_filters import FilterValues, posted_filters
from complaints.admin.queue_list import redirect_to_queue
from complaints.admin.reply_composer import LANGUAGES
from complaints.domain.workflow import Action, Status, TransitionRefused, transition_for
from complaints.models.case import Case
from complaints.models.team import Staff
from complaints.services import assignment, bulk_actions, reference_data
from complaints.services.bulk_actions import BulkResult

UNDO_KEY: Final = "queue_undo"
TICKED_KEY: Final = "queue_ticked"
UNDO_FOR: Final = timedelta(minutes=15)
# What is left out here is said by step_labels.REFUSALS.
NOT_DONE: Final[Mapping[str, Label]] = {
    "not_theirs": gettext_lazy("This person cannot have it."),
    "no_reporter": gettext_lazy("Nobody reads a reply there: staff entered these findings."),
    "discloses": gettext_lazy("The text may disclose something there. Open it and write by itself."),
}


class Undo(TypedDict):
    """What the sealed session keeps of the last giving: who had each case ("": nobody), who got it, and since when."""

    before: dict[str, str]
    given: str
    at: str


class ReasonForm(BaseForm):
    """Why ticked cases are proposed as not eligible."""

    reason = text_field(gettext_lazy("Reason"), required=True, rows=4)


class TextForm(BaseForm):
    """What the reporters of ticked cases read; a standard text to begin with is put in by its button."""

    standard = forms.ChoiceField(label=gettext_lazy("Standard text"), required=False)
    text = text_field(gettext_lazy("Text to the reporters"), required=True, rows=8)

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        rows = reference_data.standard_texts("reply", "")
        choices = [
            (name, [(f"{row.code}.{code}", row.text("title")) for row in rows]) for code, name in LANGUAGES.items()
        ]
        self.fields["standard"].choices = [("", _("choose")), *choices]  # type: ignore[attr-defined]


def standard_text(value: str) -> str:
    """Return the words of a standard text that a form names ("code.language"), "" where it names none."""
    code, _dot, language = value.partition(".")
    rows = (row for row in reference_data.standard_texts("reply", "") if row.code == code)
    text = next(rows, None)
    if text is None or language not in LANGUAGES:
        return ""
    return text.body_en if language == "en" else text.body_id


@staff_page("POST", opens_for=access.may_see_cases, acts_for=access.is_triage)
def act_on_ticked(request: StaffRequest) -> HttpResponseBase:
    """Do what the button says for every ticked case, or show first what it would do."""
    case_ids, values = _ticked_ids(request), posted_filters(request)
    if not case_ids:
        messages.error(request, _("Tick at least one case."))
        return redirect_to_queue(values, request.POST)
    act = ACTS.get(request.POST.get("do", ""))
    if act is None:
        raise Http404
    return act(request, case_ids, values)


def _take(request: StaffRequest, case_ids: list[uuid.UUID], values: FilterValues) -> HttpResponseBase:
    return _give(request, case_ids, values, request.user)


def _start(request: StaffRequest, case_ids: list[uuid.UUID], values: FilterValues) -> HttpResponseBase:
    _report_outcome(request, bulk_actions.bulk_start_review(actor=request.actor, case_ids=case_ids))
    return redirect_to_queue(values, request.POST)


def _to_export(request: StaffRequest, case_ids: list[uuid.UUID], values: FilterValues) -> HttpResponseBase:
    """Open the page of the export for the ticked cases alone; the sealed session keeps which they are."""
    request.session[TICKED_KEY] = [str(case_id) for case_id in case_ids]
    return redirect(f"{reverse('admin:complaints_case_export')}?ticked=1")


def ticked_for_export(session: SessionBase) -> list[uuid.UUID]:
    """Return the cases that were ticked to be exported; [] where none were."""
    return [uuid.UUID(text) for text in session.get(TICKED_KEY, [])]


# --- Giving and taking, and undoing it


def _give(
    request: StaffRequest, case_ids: list[uuid.UUID], values: FilterValues, assignee: Staff | None
) -> HttpResponseBase:
    """Assign the cases, and keep who had them before, so that it can be undone."""
    before = bulk_actions.officers_of(actor=request.actor, case_ids=case_ids)
    outcome = bulk_actions.bulk_assign(actor=request.actor, case_ids=case_ids, assignee=assignee)
    after = bulk_actions.officers_of(actor=request.actor, case_ids=before)
    given = {after[key] for key in before if after.get(key) != before[key]}
    request.session.pop(UNDO_KEY, None)
    # A stand-in may get some of them: what went to several people is put back one by one.
    if len(given) == 1:
        request.session[UNDO_KEY] = Undo(
            before={str(key): str(old or "") for key, old in before.items() if after.get(key) != old},
            given=str(given.pop() or ""),
            at=timezone.now().isoformat(),
        )
    _report_outcome(request, outcome)
    return redirect_to_queue(values, request.POST)


def undoable(session: SessionBase) -> int:
    """Return how many cases the last giving moved, while it can be undone; else 0."""
    undo = cast("Undo | None", session.get(UNDO_KEY))
    if undo is None or timezone.now() - datetime.fromisoformat(undo["at"]) > UNDO_FOR:
        return 0
    return len(undo["before"])


@staff_page("POST", opens_for=access.may_see_cases, acts_for=access.is_triage)
def undo(request: StaffRequest) -> HttpResponseBase:
    """Give cases back to whoever had them before the last giving; what went on meanwhile stays as it is."""
    values, number = posted_filters(request), undoable(request.session)
    kept = cast("Undo | None", request.session.pop(UNDO_KEY, None))
    if not number or kept is None:
        messages.error(request, _("There is nothing to undo any more."))
        return redirect_to_queue(values, request.POST)
    outcome = bulk_actions.restore_officers(
        actor=request.actor,
        before={uuid.UUID(key): uuid.UUID(old) if old else None for key, old in kept["before"].items()},
        given=uuid.UUID(kept["given"]) if kept["given"] else None,
    )
    _report_outcome(request, outcome)
    return redirect_to_queue(values, request.POST)


def _ask_whom(request: StaffRequest, case_ids: list[uuid.UUID], values: FilterValues) -> HttpResponseBase:
    """Ask who is to have the ticked cases; with an answer, assign them, "" standing for nobody."""
    colleagues, person_id = assignment.assignable(request.keyring.report_team), request.POST.get("person")
    if person_id is None:
        context = _place(request, values) | {
            "title": _("Give to a colleague"),
            "cases": access.cases_for(request.user).filter(pk__in=case_ids).order_by("reference"),
            "people": colleagues,
        }
        return render(request, "admin/queue_give.html", context)
    assignee = next((colleague for colleague in colleagues if str(colleague.pk) == person_id), None)
    if person_id and assignee is None:
        raise Http404
    return _give(request, case_ids, values, assignee)


# --- What a page shows first


def _place(request: HttpRequest, values: FilterValues) -> dict[str, object]:
    """Return what leads back to the list and the page of it that the cases were ticked on."""
    place = {name: request.POST.get(name, "") for name in ("after", "before", "list")}
    return {"query": queue_filters.query_of(values), "place": place}


def _to_link_page(request: StaffRequest, case_ids: list[uuid.UUID], values: FilterValues) -> HttpResponseBase:
    """Open the page of linking of the case that has gone furthest, with the others ticked; nothing is linked yet."""
    cases = (
        access.cases_for(request.user)
        .filter(pk__in=case_ids)
        .order_by("-stage_reached", "-step_count", "received_on", "pk")
    )
    lead = cases.first()
    if lead is None or len(case_ids) < 2:
        messages.error(request, _("Tick at least two cases to link."))
        return redirect_to_queue(values, request.POST)
    others = [("with", case.reference) for case in cases if case.pk != lead.pk]
    return redirect(f"{reverse('admin:complaints_case_link', args=[lead.pk])}?{urlencode(others)}")


def _can(action: Action, case: Case) -> bool:
    try:
        transition_for(action, Status(case.status))
    except TransitionRefused:
        return False
    return True


def _preview(
    request: StaffRequest, case_ids: list[uuid.UUID], values: FilterValues, form: BaseForm, **more: object
) -> HttpResponse:
    cases = list(
        access.cases_for(request.user).filter(pk__in=case_ids).select_related("lead_body").order_by("reference")
    )
    action = more.pop("action", None)
    context = _place(request, values) | {
        "form": form,
        "lines": [
            (case, labels.case_status_label(case), not isinstance(action, Action) or _can(action, case))
            for case in cases
        ],
        **more,
    }
    return render(request, "admin/queue_preview.html", context, status=400 if form.is_bound and form.errors else 200)


def _propose(request: StaffRequest, case_ids: list[uuid.UUID], values: FilterValues) -> HttpResponseBase:
    """Show which of the cases can be proposed as not eligible and ask why; with a reason, propose them."""
    form = ReasonForm(request.POST if "reason" in request.POST else None)
    if not form.is_valid():
        return _preview(
            request,
            case_ids,
            values,
            form,
            action=Action.PROPOSE_INELIGIBLE,
            do="propose",
            title=_("Propose as not eligible"),
            consequence=_("A second person decides on each of them. The reason is kept as an internal note."),
            button=_("Propose"),
        )
    reason = form.cleaned_data["reason"]
    _report_outcome(request, bulk_actions.bulk_propose(actor=request.actor, case_ids=case_ids, reason=reason))
    return redirect_to_queue(values, request.POST)


def _write(request: StaffRequest, case_ids: list[uuid.UUID], values: FilterValues) -> HttpResponseBase:
    """Ask what the reporters of the cases are to read, put a standard text in, or send it."""
    data = request.POST.copy() if "text" in request.POST else None
    is_inserting = data is not None and request.POST.get("go") == "insert"
    if data is not None and is_inserting:
        data["text"] = standard_text(request.POST.get("standard", "")) or request.POST.get("text", "")
    form = TextForm(data)
    if is_inserting or not form.is_valid():
        return _preview(
            request,
            case_ids,
            values,
            form,
            do="text",
            title=_("Write to the reporters of the ticked cases"),
            consequence=_("Each reporter reads it on their own status page. It cannot be taken back."),
            button=_("Send"),
        )
    text = form.cleaned_data["text"]
    _report_outcome(request, bulk_actions.bulk_reply(actor=request.actor, case_ids=case_ids, text=text))
    return redirect_to_queue(values, request.POST)


ACTS: Final[Mapping[str, Callable[[StaffRequest, list[uuid.UUID], FilterValues], HttpResponseBase]]] = {
    "mine": _take,
    "start": _start,
    "give": _ask_whom,
    "link": _to_link_page,
    "propose": _propose,
    "text": _write,
    "export": _to_export,
}


def _ticked_ids(request: HttpRequest) -> list[uuid.UUID]:
    case_ids = []
    for text in request.POST.getlist("case")[: bulk_actions.BULK_LIMIT]:
        try:
            case_ids.append(uuid.UUID(text))
        except ValueError:
            raise Http404 from None
    return case_ids


def _report_outcome(request: HttpRequest, outcome: BulkResult) -> None:
    """Add messages that say how many cases it was done for, for which it was not, and why."""
    if done := len(outcome.done):
        messages.success(request, ngettext("Done for %(n)d case.", "Done for %(n)d cases.", done) % {"n": done})
    by_reason: dict[str, list[str]] = {}
    for reference, code in outcome.refused:
        why = NOT_DONE.get(code) or step_labels.REFUSALS.get(code, NOT_DONE["not_theirs"])
        by_reason.setdefault(str(why), []).append(reference)
    for why, references in by_reason.items():
        words = _("Not done for %(cases)s: %(why)s") % {"cases": ", ".join(references), "why": why}
        messages.error(request, words)
    if gone := outcome.unknown:
        text = ngettext("%(n)d case is not there any more.", "%(n)d cases are not there any more.", gone)
        messages.error(request, text % {"n": gone})
