"""Forms that stay in the person's sealed session while they look elsewhere: what is ticked and typed, unsaved marks.

Each POST of such a form keeps it. With a script (``admin-kept.js``) the page also sends it when something was changed
and when it is left, with the button HOLD. Signing out, and the end of the session, delete all of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from django.http import HttpResponse, QueryDict

from complaints.admin.base import StaffRequest

HOLD: Final = "hold"
SESSION_KEY: Final = "kept_forms"
# The session is one row of at most 64 KiB, with the person's keys in it.
BYTES_AT_MOST: Final = 40_000
NOT_KEPT: Final = frozenset({"csrfmiddlewaretoken", "do"})

Values = dict[str, list[str]]


def typed(data: QueryDict) -> Values:
    """Return what a form sent, without its token and the pressed button."""
    return {name: values for name, values in data.lists() if name not in NOT_KEPT}


def keep(request: StaffRequest, name: str, values: Mapping[str, list[str]]) -> bool:
    """Keep a form under a name, in place of what was kept of it; return False where it is too large.

    The oldest other forms make room.
    """
    forms: dict[str, Values] = {key: kept for key, kept in _all(request).items() if key != name}
    forms[name] = dict(values)
    while len(json.dumps(forms)) > BYTES_AT_MOST:
        oldest = next(iter(forms))
        if oldest == name:
            return False
        del forms[oldest]
    request.session[SESSION_KEY] = forms
    return True


def kept(request: StaffRequest, name: str) -> Values | None:
    """Return what is kept of a form; None where nothing is."""
    return _all(request).get(name)


def forget(request: StaffRequest, name: str) -> None:
    """Drop what is kept of a form: it was sent, or the person does not want it."""
    forms = _all(request)
    if forms.pop(name, None) is not None:
        request.session[SESSION_KEY] = forms


def held(is_kept: bool) -> HttpResponse:
    """Answer a script that asked to keep a form: nothing to show, or that it is too large."""
    return HttpResponse(status=HTTPStatus.NO_CONTENT if is_kept else HTTPStatus.REQUEST_ENTITY_TOO_LARGE)


def _all(request: StaffRequest) -> dict[str, Values]:
    forms: dict[str, Values] = request.session.get(SESSION_KEY, {})
    return forms
