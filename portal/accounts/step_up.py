"""What a staff session knows of how its person came in: the password and the second factor, and when each was given.

The key that the password opened waits under PENDING until the second factor was given; only then can it be used.
"""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from complaints.services import mfa
from complaints.services.keyring import SESSION_KEY, store_keys
from portal.accounts.sessions import PENDING

PASSWORD, FACTOR = "password_at", "factor_at"


def hold_pending_key(request: HttpRequest, user: Any, keys: Any) -> None:
    """Note that the password was given just now; release the key at once where the second factor was given before."""
    session, now = request.session, time.time()
    session[PASSWORD] = [str(user.pk), now]
    if passed(request, user):
        store_keys(session, keys)
        return
    session.pop(FACTOR, None)
    store_keys(session, None)
    session[PENDING] = {"user": str(user.pk), "at": now, "key": keys.to_bytes().hex() if keys else ""}


def release_pending_key(request: HttpRequest, user: Any) -> None:
    """Note that the second factor was given just now, and let the waiting key be used."""
    session = request.session
    session[FACTOR] = [str(user.pk), time.time()]
    waiting = session.pop(PENDING, None)
    if waiting and waiting["user"] == str(user.pk) and waiting["key"]:
        session[SESSION_KEY] = waiting["key"]


def repeat_login(request: HttpRequest, user: Any, *, factor: bool) -> None:
    """Note that a signed-in person has given the password once more, and the factor too where there is one."""
    session, now = request.session, time.time()
    session[PASSWORD] = [str(user.pk), now]
    if factor:
        session[FACTOR] = [str(user.pk), now]
    elif PENDING in session:
        session[PENDING] = {**session[PENDING], "at": now}


def passed(request: HttpRequest, user: Any) -> bool:
    """Whether this session has seen the person's second factor."""
    return _given(request, user, FACTOR) is not None


def _given(request: HttpRequest, user: Any, what: str) -> float | None:
    owner, at = request.session.get(what) or (None, None)
    return at if owner == str(user.pk) else None


def mark_confirmed(request: HttpRequest, user: Any, what: str) -> bool:
    """Whether the password or the factor was given within the last minutes (ACCOUNT_REAUTHENTICATION_TIMEOUT)."""
    at = _given(request, user, what)
    return at is not None and time.time() - at < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT


def confirmed(request: HttpRequest) -> bool:
    """Whether a person may change how they sign in: password and factor were just given, or there is no factor yet."""
    user = request.user
    if not user.is_authenticated or not mark_confirmed(request, user, PASSWORD):
        return False
    return mark_confirmed(request, user, FACTOR) or not mfa.has_factor(user)
