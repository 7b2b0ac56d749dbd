"""A report that is left and resumed: the page of its code before it is sent, and the way back by that code."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from complaints.domain.codes import grouped
from complaints.forms.fields import size_words
from complaints.forms.status import LastGroupForm
from complaints.services import draft_rows, parked_drafts
from complaints.services.submission import Draft
from complaints.views import ReporterRequest, page
from complaints.views.steps import missing_step


def notice(draft: Draft) -> str:
    """Return in words until when a parked draft waits; "" for any other."""
    ends = draft_rows.parked_until({draft_rows.DRAFT: draft})
    if not ends:
        return ""
    until = timezone.localtime(datetime.fromtimestamp(ends, tz=timezone.get_default_timezone()))
    moment = {"day": date_format(until, "l, j F Y"), "time": date_format(until, "TIME_FORMAT")}
    return _("%(day)s, %(time)s Jakarta time") % moment


def park(request: ReporterRequest, left: str) -> HttpResponse:
    """Let the draft wait whose answers were just stored, and show its code; ``left`` is the page to come back to."""
    refused = parked_drafts.park(session=request.reporter, page=left)
    if refused == "gone":
        return page(request, "report/gone")
    if refused:
        context = {"refused": refused, "left": left, "most": size_words(settings.EVIDENCE_PARKED_BYTES)}
        return page(request, "report/not_parked", context)
    return redirect("report_parked")


def show(request: ReporterRequest) -> HttpResponse:
    """Show the code of a draft that waits; by POST compare its last group with the note, or let it wait first."""
    if request.method == "POST" and "last" not in request.POST:
        return _park_here(request)
    code = parked_drafts.code_of(request.reporter)
    if not code:
        return redirect("report_check")
    draft: Draft = request.reporter["draft"]
    form = LastGroupForm(request.POST if request.method == "POST" else None, code=code)
    context = {
        "groups": grouped(code).split("-"),
        "parked": notice(draft),
        "left": draft["parked"]["page"],
        "noted": form.is_valid(),
        "parts": form.rendered(),
        "mistakes": form.mistakes(),
    }
    return page(request, "report/parked", context)


def may_wait(request: ReporterRequest) -> bool:
    """Whether this browser has an unfinished report; a question that is not sent cannot wait."""
    draft: Draft | None = request.reporter.get("draft")
    return draft is not None and "asked" not in draft


def _park_here(request: ReporterRequest) -> HttpResponse:
    """Let a draft wait as it is kept; its code leads back to the first page that is not answered."""
    if not may_wait(request):
        return redirect("quick_exit_explained")
    step = missing_step(request.reporter["draft"])
    return park(request, step.url if step else "report_check")


def resume(request: ReporterRequest, code: str, secret: str) -> HttpResponse | None:
    """Go on with the draft that a code opens; None where it is not there any more."""
    left = parked_drafts.resume(session=request.reporter, code=code, secret=secret)
    return redirect(left) if left else None
