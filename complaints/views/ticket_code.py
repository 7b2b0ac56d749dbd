"""The page of a ticket code that was just drawn, with its file, its rehearsal and a reminder for the calendar."""

from __future__ import annotations

import uuid
from datetime import date, timedelta
from typing import Any, Final, TypedDict

from django.http import HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from complaints.domain.codes import grouped
from complaints.forms.status import LastGroupForm, ReminderForm
from complaints.page_cache import empty_fields, hole, still_page
from complaints.services import parked_drafts
from complaints.services.reporter_reading import BawasluWindow
from complaints.services.submission import Receipt
from complaints.views import ReporterRequest, attachment, page
from complaints.views.bawaslu import short_box

# In how many days a reminder is proposed where the office promises no day.
REMIND_AFTER: Final = timedelta(days=7)
_CALENDAR: Final = """BEGIN:VCALENDAR\r
VERSION:2.0\r
PRODID:-//calendar//\r
BEGIN:VEVENT\r
UID:{uid}\r
DTSTAMP:{day:%Y%m%d}T000000Z\r
DTSTART;VALUE=DATE:{day:%Y%m%d}\r
SUMMARY:{title}\r
END:VEVENT\r
END:VCALENDAR\r
"""


class Sent(TypedDict):
    """What the session keeps of what was just sent, for this page; ``check_by`` is an ISO day, "" where none is known.

    ``bawaslu`` are the days of a report of one's own to Bawaslu, and ``to_bawaslu`` says that only Bawaslu judges it.
    """

    code: str
    reference: str
    check_by: str
    bawaslu: BawasluWindow | None
    to_bawaslu: bool
    is_separate: bool
    is_inquiry: bool


def keep_sent(
    request: ReporterRequest,
    receipt: Receipt,
    *,
    bawaslu: BawasluWindow | None = None,
    to_bawaslu: bool = False,
    is_inquiry: bool = False,
) -> None:
    """Put what was sent in the place of the draft; the cookie stays, so that a lost response shows the code again."""
    sent: Sent = {
        "code": receipt.code,
        "reference": receipt.reference,
        "check_by": receipt.check_by.isoformat() if receipt.check_by else "",
        "bawaslu": bawaslu,
        "to_bawaslu": to_bawaslu,
        "is_separate": receipt.is_separate,
        "is_inquiry": is_inquiry,
    }
    request.reporter.clear()
    request.reporter["sent"] = sent


def show(request: ReporterRequest) -> HttpResponse:
    """Show the code of the report just sent, until the session ends; by POST compare its last group with the note."""
    sent = request.reporter.get("sent")
    if sent is None:
        return redirect("status_enter")
    if request.method != "POST":
        return _show(request, sent)
    form = LastGroupForm(request.POST, code=sent["code"])
    return redirect("status_enter") if form.is_valid() else _show(request, sent, form)


def _show(request: ReporterRequest, sent: Sent, form: LastGroupForm | None = None) -> HttpResponse:
    groups = {f"group{place}": group for place, group in enumerate(grouped(sent["code"]).split("-"))}
    bawaslu, to_bawaslu = short_box(sent["bawaslu"]), sent["to_bawaslu"]
    # The status page says of each report who holds it.
    is_separate = sent["is_separate"]
    holder = render_to_string("complaints/holder.html", {"held_by": "separate"}) if is_separate else ""
    template = "inquiry/code" if sent["is_inquiry"] else "report/code"
    holes = {"reference": sent["reference"], "bawaslu": bawaslu, "holder": holder, **groups}
    check_by = date.fromisoformat(sent["check_by"]) if sent["check_by"] else None
    if form is not None:
        shown = {"groups": list(groups.values()), "check_by": check_by, "to_bawaslu": to_bawaslu, **holes}
        return page(request, template, shown | {"parts": form.rendered(), "mistakes": form.mistakes()})

    def context() -> dict[str, Any]:
        filled = {name: hole(name) for name in ("reference", "bawaslu", "holder") if holes[name]}
        parts = empty_fields(lambda: LastGroupForm(code=""), ("last group",))
        still = {"check_by": check_by, "to_bawaslu": to_bawaslu, "parts": parts}
        return {"groups": [hole(name) for name in groups], **still, **filled}

    key = (sent["check_by"], bool(bawaslu), is_separate, to_bawaslu)
    return still_page(request, template, context, key, holes)


@require_POST
def download(request: ReporterRequest) -> HttpResponse:
    """Return the code as a file without any other word, so that the file does not tell what the code is for."""
    code = request.reporter["sent"]["code"] if "sent" in request.reporter else parked_drafts.code_of(request.reporter)
    if not code:
        return redirect("status_enter")
    return attachment(f"{grouped(code)}\n", "text/plain", "catatan.txt")


def reminder(request: ReporterRequest) -> HttpResponse:
    """Ask for a title and a day; by POST return them as a calendar file that holds nothing else."""
    sent = request.reporter.get("sent")
    if sent is None:
        return redirect("status_enter")
    if request.method == "POST":
        form = ReminderForm(request.POST)
        if form.is_valid():
            title = _calendar_text(form.cleaned_data["title"] or _("Note"))
            event = _CALENDAR.format(uid=uuid.uuid4(), day=form.cleaned_data["day"], title=title)
            return attachment(event, "text/calendar", "catatan.ics")
    else:
        promised = date.fromisoformat(sent["check_by"]) if sent["check_by"] else None
        form = ReminderForm(initial={"title": _("Note"), "day": promised or timezone.localdate() + REMIND_AFTER})
    return page(request, "report/reminder", {"parts": form.rendered(), "mistakes": form.mistakes()})


def _calendar_text(text: str) -> str:
    """Return ``text`` as RFC 5545 writes it in a property, on one line."""
    for character in ("\\", ";", ","):
        text = text.replace(character, f"\\{character}")
    return " ".join(text.split())
