"""The page on which a reporter asks that a report is erased which can no longer be withdrawn."""

from __future__ import annotations

from http import HTTPStatus

from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from complaints.domain.workflow import TransitionRefused
from complaints.forms.status import ErasureForm
from complaints.services import erasure_days, follow_up
from complaints.services.erasure import erasure_requests
from complaints.services.reporter_page import StatusPage
from complaints.services.transitions import CaseChanged
from complaints.views import ReporterRequest, leak_check, page, unsent_words
from complaints.views.status import NOT_SENT, handle_unreadable, without_ticket

_PAGE = "erasure"


@handle_unreadable
def ask(request: ReporterRequest) -> HttpResponse:
    """Say what a request leads to and ask for a reason; by POST send it as a message."""
    if "ticket" not in request.reporter:
        return without_ticket(request, "reason")
    ticket = follow_up.Ticket.from_session(request.reporter["ticket"])
    report = follow_up.status_page(ticket=ticket, today=timezone.localdate())
    if not report.may_ask_for_erasure:
        return redirect("status_page")
    form = ErasureForm(leak_check.posted(request, "reason")) if request.method == "POST" else None
    if form and (left := unsent_words.take(request, _PAGE, request.path, form)):
        return left
    if form and form.is_valid() and not leak_check.wants_change(request):
        telling = leak_check.ask(request, form, "reason")
        return unsent_words.waiting(request, _PAGE, form, telling) or _send(request, ticket, report, form)
    return _show(request, report, form)


def _send(request: ReporterRequest, ticket: follow_up.Ticket, report: StatusPage, form: ErasureForm) -> HttpResponse:
    try:
        erasure_requests.ask_as_reporter(ticket=ticket, text=form.cleaned_data["reason"], today=timezone.localdate())
    except TransitionRefused:
        return redirect("status_page")
    except CaseChanged:
        form.add_error("reason", str(NOT_SENT))
        return _show(request, report, form, status=HTTPStatus.CONFLICT)
    unsent_words.forget(request, _PAGE, form)
    request.reporter["notice"] = "erasure"
    return redirect("status_page")


def _show(
    request: ReporterRequest, report: StatusPage, form: ErasureForm | None, *, status: int = HTTPStatus.OK
) -> HttpResponse:
    shown = form or ErasureForm(initial=unsent_words.words_of(request, _PAGE))
    context = {
        "report": report,
        "answer_by": erasure_days.answer_by(timezone.localdate()),
        "parts": shown.rendered(),
        "mistakes": form.mistakes() if form else [],
        "box": True,
        "version": unsent_words.version(request, _PAGE),
    }
    response = page(request, "status/erasure_request", context)
    response.status_code = status
    return response
