"""What a reporter reads of Bawaslu before the report is sent and right after, and the form to report there oneself."""

from __future__ import annotations

from datetime import date

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.views.decorators.http import require_GET

from complaints.forms.fields import latest_day
from complaints.services import bawaslu
from complaints.services.reporter_reading import BawasluWindow, OwnReport
from complaints.services.submission import Draft
from complaints.views import attachment
from complaints.views.answers import kept_in_words

# The answers that the form has a line for.
_ON_FORM = (
    "category", "accused_name", "accused_position", "agency", "regency", "province", "event_from", "event_until",
    "learnt_on", "links", "story",
)  # fmt: skip


def box(draft: Draft) -> str:
    """Return what pages 2 and 4 say of Bawaslu for what the draft describes; "" where it has nothing to do with it.

    In full where the rules name it for this kind of accused, else only until when it takes a report.
    """
    today = latest_day(timezone.now())
    days = OwnReport.on(today, bawaslu.window(draft, today))
    if not bawaslu.concerns(draft, today):
        return _short(days, links=False) if days else ""
    limits = bawaslu.limits(draft, today)
    context = {"days": days, "limits": limits, "alone": bawaslu.judges_alone(draft, today)}
    return render_to_string("complaints/bawaslu.html", context | _bar(draft, days, today))


def _bar(draft: Draft, days: OwnReport | None, today: date) -> dict[str, object]:
    """Return how much of the time has passed, for a bar that only decorates; nothing where there is none left."""
    learnt = bawaslu.learnt_on(draft, today)
    if days is None or learnt is None or days.state == "past" or days.last is None or days.last <= learnt:
        return {}
    return {"learnt": learnt, "passed": max(0, (today - learnt).days), "all_days": (days.last - learnt).days}


def short_box(window: BawasluWindow | None) -> str:
    """Return the short form, for the page of the ticket code; "" without a window."""
    days = OwnReport.on(latest_day(timezone.now()), window)
    return _short(days, links=True) if days else ""


def _short(days: OwnReport, *, links: bool) -> str:
    # A link on a page with a form would lose what was typed there.
    return render_to_string("complaints/bawaslu_short.html", {"days": days, "links": links})


@require_GET
def form(request: HttpRequest) -> HttpResponse:
    """Return form B.1 to print, empty."""
    return _printed({})


def filled_form(draft: Draft) -> HttpResponse:
    """Return form B.1 to print with the answers of a draft, and never with its ticket code."""
    with translation.override("id"):
        return _printed({name: kept_in_words(name, draft) for name in _ON_FORM})


def _printed(answers: dict[str, str]) -> HttpResponse:
    content = render_to_string("complaints/form_b1.html", {"answers": answers, "dots": "." * 40})
    return attachment(content, "text/html", "catatan-cetak.html")
