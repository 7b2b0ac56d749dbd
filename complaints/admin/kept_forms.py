"""Forms that are kept while the person looks elsewhere, and beyond the session: choices, texts, unsaved marks.

Each POST of such a form keeps it. With a script (``admin-kept.js``) the page also sends it when something was changed
and when it is left, with the button HOLD.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from http import HTTPStatus
from typing import Final

from django.http import HttpResponse, QueryDict
from django.utils import timezone

from complaints.admin.base import StaffRequest
from complaints.services import kept_forms
from complaints.services.kept_forms import Form, Values

HOLD: Final = "hold"
DISCARD: Final = "discard"
NOT_KEPT: Final = frozenset({"csrfmiddlewaretoken", "do"})


def typed(data: QueryDict) -> Values:
    """Return what a form sent, without its token and the pressed button."""
    return {name: values for name, values in data.lists() if name not in NOT_KEPT}


def keep(request: StaffRequest, name: str, values: Mapping[str, list[str]]) -> bool:
    """Keep a form under a name, in place of what was kept of it; return False where it is too large."""
    return kept_forms.keep(keyring=request.keyring, name=name, values=values, today=timezone.localdate())


def kept(request: StaffRequest, name: str) -> Values | None:
    """Return what is kept of a form; None where nothing is."""
    form = _forms(request).get(name)
    return form.values if form else None


def kept_on(request: StaffRequest, name: str) -> date | None:
    """Return the day on which a form was kept last; None where nothing is."""
    form = _forms(request).get(name)
    return form.day if form else None


def forget(request: StaffRequest, name: str) -> None:
    """Drop what is kept of a form: it was sent, or the person does not want it."""
    kept_forms.forget(keyring=request.keyring, name=name, today=timezone.localdate())


def held(is_kept: bool) -> HttpResponse:
    """Answer a script that asked to keep a form: nothing to show, or that it is too large."""
    return HttpResponse(status=HTTPStatus.NO_CONTENT if is_kept else HTTPStatus.REQUEST_ENTITY_TOO_LARGE)


def _forms(request: StaffRequest) -> dict[str, Form]:
    return kept_forms.forms_of(keyring=request.keyring, today=timezone.localdate())
