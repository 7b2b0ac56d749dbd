"""Reminders of an officer: the case page asks for a day, and the desk shows the case on it."""

from __future__ import annotations

import uuid
from datetime import date

from django.contrib import messages
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from complaints import access
from complaints.admin.base import StaffRequest, readable_case_or_404, staff_page, to_case
from complaints.services import reminders
from complaints.services.reminders import ReminderRefused


@staff_page("POST", opens_for=access.is_triage)
def remind(request: StaffRequest, object_id: uuid.UUID) -> HttpResponseBase:
    """Have the desk show the case on the day that was chosen; without a day, forget the reminder."""
    case = readable_case_or_404(request, object_id)
    text = request.POST.get("day", "").strip()
    if not text:
        reminders.forget(actor=request.actor, case_id=case.pk)
        messages.success(request, _("The reminder is gone."))
        return redirect("admin:index")
    try:
        day = date.fromisoformat(text)
        reminders.remind(actor=request.actor, case_id=case.pk, day=day)
    except ValueError:
        messages.error(request, _("Choose a day."))
    except ReminderRefused as refusal:
        messages.error(request, _refused(refusal, request.actor.today))
    else:
        words = _("Your desk shows this case on %(day)s.") % {"day": date_format(day, "l, j M Y")}
        messages.success(request, words)
    return to_case(request, case.pk)


def _refused(refusal: ReminderRefused, today: date) -> str:
    if refusal.code == "many":
        return _("You have %(number)d reminders already. Finish one first.") % {"number": reminders.AT_MOST}
    last = date_format(today + reminders.FURTHEST, "j M Y")
    return _("Choose a day from tomorrow until %(last)s.") % {"last": last}
