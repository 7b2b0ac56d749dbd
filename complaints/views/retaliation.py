"""The page on which a reporter tells that something happened to them, and reads what can help.

What was told is a message like any other (``follow_up.add_message``). The days that follow from it are shown as long as
the ticket is open in this browser; they are kept in the sealed session and nowhere else.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from django.core.exceptions import ObjectDoesNotExist
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from complaints.domain.retaliation import Retaliation, RetaliationKind
from complaints.domain.workflow import TransitionRefused
from complaints.forms.fields import latest_day
from complaints.forms.retaliation import KIND_LABELS, RetaliationForm
from complaints.services import follow_up, retaliation
from complaints.services.follow_up import new_token
from complaints.services.report_questions import NO_QUESTION
from complaints.services.reporter_page import StatusPage
from complaints.services.transitions import CaseChanged
from complaints.views import ReporterRequest, leak_check, page, unsent_words
from complaints.views.additions import reader_of_answer
from complaints.views.status import NOT_SENT, TOKEN_CHARS, gone, handle_unreadable, without_ticket

# The entry of the sealed session with what was told last.
TOLD_KEY: Final = "retaliation"
# Nobody decided anything in writing, so that no limit of a remedy against a decision runs.
WITHOUT_DECISION: Final = {RetaliationKind.PRESSED, RetaliationKind.THREATENED}


@handle_unreadable
def tell(request: ReporterRequest) -> HttpResponse:
    """Show the form with what can help; by POST send what was told, and show the days that follow from it."""
    if "ticket" not in request.reporter:
        return without_ticket(request, "text")
    answers = leak_check.posted(request, "text") if request.method == "POST" else None
    words = unsent_words.words_of(request, "told")
    form = RetaliationForm(answers, today=latest_day(timezone.now()), initial=words)
    if answers is not None and (left := unsent_words.take(request, "told", request.path, form)):
        return left
    if request.method != "POST" or not form.is_valid() or leak_check.wants_change(request):
        return _show(request, form)
    telling = leak_check.ask(request, form, "text", reader=reader_of_answer)
    if asked := unsent_words.waiting(request, "told", form, telling):
        return asked
    ticket, told, today = follow_up.Ticket.from_session(request.reporter["ticket"]), form.told(), timezone.localdate()
    text, to = form.cleaned_data["text"], request.POST.get("to", NO_QUESTION)
    token = request.POST.get("page", "")[:TOKEN_CHARS]
    try:
        follow_up.add_message(ticket=ticket, text=text, files=[], today=today, told=told, to=to, token=token)
    except TransitionRefused:
        return page(request, "status/closed", {"typed": {"text": text}, "withdrawn": True})
    except CaseChanged:
        form.add_error("kind", str(NOT_SENT))
        return _show(request, form, status=HTTPStatus.CONFLICT)
    except ObjectDoesNotExist:
        return gone(request)
    unsent_words.forget(request, "told", form)
    request.reporter[TOLD_KEY] = {**told.as_mark(), "told_on": today.isoformat()}
    return redirect("status_retaliation")


def _show(request: ReporterRequest, form: RetaliationForm, *, status: int = HTTPStatus.OK) -> HttpResponse:
    today = timezone.localdate()
    ticket = follow_up.Ticket.from_session(request.reporter["ticket"])
    try:
        report = follow_up.status_page(ticket=ticket, today=today)
    except ObjectDoesNotExist:
        return gone(request)
    context: dict[str, object] = {"report": report, "parts": form.rendered(), "mistakes": form.mistakes()}
    context |= {"pagetoken": new_token(), "version": unsent_words.version(request, "told")}
    context |= _told(request.reporter.get(TOLD_KEY)) | _remedies(request.reporter.get(TOLD_KEY)) | _answers(report)
    response = page(request, "status/retaliation", context)
    response.status_code = status
    return response


def _answers(report: StatusPage) -> dict[str, object]:
    """Return whose question the form answers, and the body that reads it ("": none); of ``several`` it answers none.

    The form carries it, so that a body which asks after the page was shown reads nothing of what is sent.
    """
    several = len(report.askers) > 1
    to, reader = (NO_QUESTION, "") if several or not report.askers else report.askers[0]
    return {"to": to, "reader": reader, "several": several}


def _told(stored: dict[str, str] | None) -> dict[str, object]:
    """Return what the page says of what was told in this session, with the days on which the office acts."""
    if stored is None:
        return {"told": None}
    told, told_on = Retaliation.from_mark(stored), timezone.localdate().fromisoformat(stored["told_on"])
    return {
        "told": told,
        "told_kind": str(KIND_LABELS[RetaliationKind(told.kind)]) if told.kind else "",
        "told_on": told_on,
        "read_by": retaliation.read_by(told_on),
        "check_ins": list(retaliation.check_in_days(told_on).values()),
    }


def _remedies(stored: dict[str, str] | None) -> dict[str, object]:
    """Return what can help: each way with its limit, and its last day where a decision of a known day was told."""
    told = Retaliation.from_mark(stored) if stored else Retaliation()
    since = None if told.kind in WITHOUT_DECISION else told.happened_on
    return {
        "since": since,
        "objection": retaliation.remedy(retaliation.OBJECTION, since),
        "claim": retaliation.remedy(retaliation.CLAIM, since),
        "legal": retaliation.legal_lines(),
    }
