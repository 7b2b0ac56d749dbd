"""Pages without personal content: the front page, referrals to other channels."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.views.decorators.http import require_POST

from complaints.domain import retention_periods
from complaints.domain.operator import DATA_LAW
from complaints.domain.workflow import LIMITS, Status
from complaints.page_cache import still_page
from complaints.services import forbidden_questions, parked_drafts, reference_data
from complaints.services.rule_book import limit_rule
from complaints.views import ReporterRequest


def _days() -> dict[str, int]:
    """Return the working days of our promises, from the rule table."""
    edition = reference_data.edition()
    promises = {"check": Status.IN_REVIEW, "forward": Status.VERIFIED}
    return {name: limit_rule(LIMITS[status], edition).number or 0 for name, status in promises.items()}


def _kept_days() -> dict[str, int]:
    """Return by the last part of their names how many days reports are kept, and by when they are erased."""
    edition = reference_data.edition()
    names = (*retention_periods.PERIODS, retention_periods.CARRIED_OUT)
    return {name.removeprefix("retention-"): limit_rule(name, edition).number or 0 for name in names}


def home(request: ReporterRequest) -> HttpResponse:
    """Show the two ways to report, and what happens with a report."""
    drafted = "draft" in request.reporter
    return front_page(request, drafted=drafted, waits=drafted and request.reporter.is_parked)


def front_page(
    request: ReporterRequest, *, drafted: bool = False, waits: bool = False, deleted: bool = False
) -> HttpResponse:
    """Show the front page; above all else how to go on with an unfinished report, or that it was deleted.

    ``waits``: the unfinished report waits with its code, beyond this browser.
    """
    body = reference_data.body_for(timezone.localdate())
    state = {"drafted": drafted, "waits": waits, "deleted": deleted}
    name, onion, operator = body.short_name if body else "", settings.ONION_ORIGIN, settings.OPERATOR

    def context() -> dict[str, object]:
        return {"body": name, "days": _days(), "onion": onion, "operator": operator, **state}

    return still_page(request, "public/home", context, (name, onion, operator, *state.values()), path=reverse("home"))


@require_POST
def cancel(request: ReporterRequest) -> HttpResponse:
    """Delete the draft with its files, and what leads to it; say so on the front page."""
    if "draft" in request.reporter:
        parked_drafts.delete(session=request.reporter)
    return front_page(request, deleted=True)


def about(request: HttpRequest) -> HttpResponse:
    """Say who runs the portal and on what basis, who reads a report, how long it is kept, and how to check this."""
    today, operator, origins = timezone.localdate(), settings.OPERATOR, (settings.PUBLIC_ORIGIN, settings.ONION_ORIGIN)
    kept_days = _kept_days()

    def context() -> dict[str, object]:
        is_sample = reference_data.sample_mode()
        rows = [row for row in reference_data.elections() if row.ends_on >= today]
        elections = [row for row in rows if is_sample or not row.fictional]
        shown = {"operator": operator, "law": DATA_LAW, "body": reference_data.body_for(today), "elections": elections}
        shown |= {"kept_days": kept_days, "backup_days": settings.BACKUP_KEEP_DAYS + 1}
        return {**shown, "origin": origins[0], "onion": origins[1]}

    return still_page(request, "public/about", context, (today, operator, origins, *kept_days.values()))


def door_elsewhere(request: HttpRequest, door: str) -> HttpResponse:
    """Show which channel handles a matter that this portal does not: Bawaslu or SP4N."""
    return still_page(
        request, "public/door", lambda: {"door": reference_data.door(door, get_language() or "")}, (door,)
    )


def never_asked(request: HttpRequest) -> HttpResponse:
    """Show the list of questions that nobody may put to a reporter, each with its reason."""

    def context() -> dict[str, object]:
        language = get_language() or ""
        names = ("title", "reason", "example")
        rows = [{name: row.text(name, language) for name in names} for row in forbidden_questions.listed()]
        return {"rows": rows}

    return still_page(request, "public/never_asked", context, ())
