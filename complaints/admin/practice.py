"""The page of practice mode: what it is, its switch, and made-up cases to begin with."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from complaints import access
from complaints.admin.base import staff_request
from complaints.services import practice


def page(request: HttpRequest) -> dict[str, Any]:
    """Do what was asked, and return what the page shows; raises Http404 for whom there is nothing to practise."""
    asking, now = staff_request(request), timezone.now()
    if not access.may_practise(asking.user) and not asking.user.practising:
        raise Http404
    context: dict[str, Any] = {"title": _("Practice mode"), "makes": access.is_triage(asking.user)}
    wanted = request.POST.get("do", "")
    if request.method == "POST" and wanted in {"on", "off"}:
        practice.switch_practice(actor=asking.actor, on=wanted == "on")
        said = _("You are practising now.") if wanted == "on" else _("You see the real cases again.")
        messages.success(request, said)
    elif request.method == "POST" and wanted == "make" and asking.user.practising and context["makes"]:
        context["made"] = practice.make_practice_cases(actor=asking.actor)
    elif request.method == "POST":
        raise Http404
    return context
