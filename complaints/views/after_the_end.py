"""What a reporter does on the status page after the end: object to it, and rate the work."""

from __future__ import annotations

from http import HTTPStatus

from django.core.exceptions import ObjectDoesNotExist
from django.http import HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect
from django.utils import timezone

from complaints.domain.workflow import TransitionRefused
from complaints.forms.status import ObjectionForm
from complaints.services import after_the_end, follow_up
from complaints.services.after_the_end import Rating
from complaints.services.transitions import CaseChanged
from complaints.views import ReporterRequest, page, unsent_words
from complaints.views.status import NOT_SENT, gone, handle_unreadable, without_ticket


@handle_unreadable
def object_to_end(request: ReporterRequest) -> HttpResponse:
    """Ask why the end is wrong; by POST send it, which opens the case again."""
    if "ticket" not in request.reporter:
        return without_ticket(request, "reason")
    ticket, today = follow_up.Ticket.from_session(request.reporter["ticket"]), timezone.localdate()
    words = unsent_words.words_of(request, "object")
    form = ObjectionForm(request.POST if request.method == "POST" else None, initial=words)
    if request.method == "POST" and (left := unsent_words.take(request, "object", request.path, form)):
        return left
    status = HTTPStatus.OK
    try:
        if request.method == "POST" and form.is_valid():
            after_the_end.object_to_end(ticket=ticket, reason=form.cleaned_data["reason"], today=today)
            request.reporter["notice"] = "objected"
            unsent_words.forget(request, "object", form)
            return redirect("status_page")
        report = follow_up.status_page(ticket=ticket, today=today)
    except ObjectDoesNotExist:
        return gone(request)
    except TransitionRefused:
        request.reporter["notice"] = "no_objection"
        return redirect("status_page")
    except CaseChanged:
        form.add_error("reason", str(NOT_SENT))
        report, status = follow_up.status_page(ticket=ticket, today=today), HTTPStatus.CONFLICT
    if not report.objection.may_object:
        request.reporter["notice"] = "no_objection"
        return redirect("status_page")
    context = {"report": report, "parts": form.rendered(), "mistakes": form.mistakes()}
    context |= {"box": True, "version": unsent_words.version(request, "object")}
    response = page(request, "status/object", context)
    response.status_code = status
    return response


def rate(request: ReporterRequest) -> HttpResponse:
    """Take whether the work helped, of a request of an open report."""
    chosen = request.POST.get("rating", "")
    if chosen not in set(Rating):
        return HttpResponseBadRequest()
    ticket = follow_up.Ticket.from_session(request.reporter["ticket"])
    try:
        after_the_end.rate(ticket=ticket, rating=Rating(chosen), today=timezone.localdate())
    except ObjectDoesNotExist:
        return gone(request)
    except (TransitionRefused, CaseChanged):
        request.reporter["notice"] = "not_rated"
    else:
        request.reporter["notice"] = "rated"
    return redirect("status_page")
