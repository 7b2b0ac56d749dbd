"""A person's own sessions, shown and ended; and the reset of a factor that somebody has lost."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from complaints.admin.base import HouseAdmin, staff_request
from complaints.models.team import Staff
from complaints.services import mfa, sessions


def page(request: HttpRequest) -> dict[str, Any]:
    """Return what "My sessions" shows."""
    rows = sessions.active_sessions(staff=staff_request(request).user, now=timezone.now())
    here = _present(request)
    return {"title": _("My sessions"), "sessions": [(row, row.pk == here) for row in rows]}


def _present(request: HttpRequest) -> str:
    return str(request.session.row)  # type: ignore[attr-defined]


def end(request: HttpRequest) -> HttpResponseBase:
    """End one of the person's sessions, or all but this one."""
    asking = staff_request(request)
    wanted = request.POST.get("session", "")
    ended = sessions.end_sessions(
        staff=asking.user,
        by=asking.user,
        signer=asking.keyring.signer,
        only=wanted,
        keep="" if wanted else _present(request),
    )
    if wanted == _present(request):
        return redirect("account_login")
    words = ngettext("%(count)s session was ended.", "%(count)s sessions were ended.", ended)
    messages.success(request, words % {"count": ended})
    return redirect("admin:sessions")


def reset_factor(admin: HouseAdmin, request: HttpRequest, person: Staff) -> HttpResponseBase:
    """Ask, then take away every second factor of somebody else who has lost theirs."""
    if request.method == "POST":
        asking = staff_request(request)
        mfa.reset(staff=person, by=asking.user, signer=asking.keyring.signer, now=timezone.now())
        words = _("%(person)s sets up a new second factor at the next sign-in. Their sessions were ended.")
        messages.success(request, words % {"person": person.username})
        return redirect("admin:complaints_staff_change", person.pk)
    title = _("Reset the second factor: %(person)s") % {"person": person.username}
    return admin.page(request, "admin/staff_factor.html", {"title": title, "person": person})
