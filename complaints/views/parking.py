"""A report that is left and resumed: the page of its code before it is sent, and the way back by that code."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import redirect
from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from complaints.domain.codes import grouped
from complaints.services import draft_rows, parked_drafts
from complaints.services.submission import Draft
from complaints.views import ReporterRequest, page


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
        context = {"refused": refused, "left": left, "most": filesizeformat(settings.EVIDENCE_PARKED_BYTES)}
        return page(request, "report/not_parked", context)
    return redirect("report_parked")


@require_GET
def show(request: ReporterRequest) -> HttpResponse:
    """Show the code of a draft that waits, and until when."""
    code = parked_drafts.code_of(request.reporter)
    if not code:
        return redirect("report_check")
    draft: Draft = request.reporter["draft"]
    context = {"groups": grouped(code).split("-"), "parked": notice(draft), "left": draft["parked"]["page"]}
    return page(request, "report/parked", context)


def resume(request: ReporterRequest, code: str, secret: str) -> HttpResponse | None:
    """Go on with the draft that a code opens; None where it is not there any more."""
    left = parked_drafts.resume(session=request.reporter, code=code, secret=secret)
    return redirect(left) if left else None
