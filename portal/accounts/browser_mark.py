"""The mark of a browser in which somebody has signed in with both factors: a signed cookie that keeps it a place.

It replaces no factor and opens nothing. It holds a random number and the week in which it was set, and is stored
nowhere else, so that it names nobody.
"""

from __future__ import annotations

import secrets
from typing import Final

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

VALID_WEEKS: Final = 26
_signer: Final = Signer(salt="portal.accounts.browser_mark")


def _week() -> int:
    return timezone.localdate().toordinal() // 7


def has_mark(request: HttpRequest) -> bool:
    """Whether the browser has a mark of the last VALID_WEEKS."""
    try:
        value = _signer.unsign(request.COOKIES.get(settings.BROWSER_MARK_COOKIE_NAME, ""))
    except BadSignature:
        return False
    return _week() - int(value.partition(".")[2]) <= VALID_WEEKS


def set_mark(response: HttpResponse) -> None:
    """Give the browser a new mark."""
    response.set_cookie(
        settings.BROWSER_MARK_COOKIE_NAME,
        _signer.sign(f"{secrets.token_hex(8)}.{_week()}"),
        max_age=VALID_WEEKS * 7 * 86400,
        path=settings.SESSION_COOKIE_PATH,
        secure=settings.SECURE,
        httponly=True,
        samesite="Strict",
    )
