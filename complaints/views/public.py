"""What holds no personal content: the front page, referrals to other channels, health check, browsers' reports."""

from __future__ import annotations

import json
import logging
from datetime import date
from typing import Final

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import get_language
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from complaints.domain.workflow import LIMITS, Status
from complaints.page_cache import still_page
from complaints.services import reference_data

logger = logging.getLogger(__name__)
# By directive of the content policy, the day on which this process last wrote that something broke it.
_told: dict[str, date] = {}
_REPORT_BYTES: Final = 16 * 1024

DAYS = {
    "check": LIMITS[Status.IN_REVIEW].number,
    "forward": LIMITS[Status.VERIFIED].number,
    "examine": LIMITS[Status.UNDER_EXAMINATION].number,
    "agency": LIMITS[Status.AWAITING_AGENCY].number,
}


def home(request: HttpRequest) -> HttpResponse:
    """Show the two ways to report, and what happens with a report."""
    body = reference_data.body_for(timezone.localdate())
    name = body.short_name if body else ""
    return still_page(request, "public/home", lambda: {"body": name, "days": DAYS}, (name,))


def door_elsewhere(request: HttpRequest, door: str) -> HttpResponse:
    """Show which channel handles a matter that this portal does not: Bawaslu or SP4N."""
    return still_page(
        request, "public/door", lambda: {"door": reference_data.door(door, get_language() or "")}, (door,)
    )


def health(request: HttpRequest) -> HttpResponse:
    """Tell a load balancer whether this node can serve: 200, or 503 without its database."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return HttpResponse("database\n", content_type="text/plain", status=503)
    return HttpResponse("ok\n", content_type="text/plain")


@csrf_exempt
@require_POST
def policy_report(request: HttpRequest) -> HttpResponse:
    """Take a browser's report that a page broke the content policy; the log says which directive, once a day.

    Browsers send no token. Of the report nothing but a directive of our own policy is read, and nothing is kept: its
    other parts are addresses, and the line of a second report would tell another visit.
    """
    directive = _reported_directive(request)
    today = timezone.localdate()
    if directive and _told.get(directive) != today:
        _told[directive] = today
        logger.error("Browsers report that pages break the content policy: %s", directive)
    return HttpResponse(status=204)


def _reported_directive(request: HttpRequest) -> str:
    """Return the directive of our policy that a report names, "" where it names none."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdecimal() or int(length) > _REPORT_BYTES:
        return ""
    try:
        named = str(json.loads(request.body)["csp-report"]["effective-directive"])
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""
    directives = settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]
    # "script-src-elem" and "script-src-attr" fall back to "script-src".
    return next((name for name in directives if named in (name, f"{name}-elem", f"{name}-attr")), "")
