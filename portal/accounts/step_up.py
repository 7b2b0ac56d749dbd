"""What a staff session knows of its login: when the password and the second factor were given, and by whom.

The key that the password opened waits under PENDING until the second factor was given; only then can it be used.
"""

from __future__ import annotations

import time
from typing import Any

from allauth.core.exceptions import ReauthenticationRequired
from django.conf import settings
from django.http import HttpRequest

from complaints.models.team import Staff
from complaints.services import mfa
from complaints.services.keyring import SESSION_KEY, store_keys
from portal.accounts.sessions import FACTOR, PENDING, gave_second_factor

# [the id of the person who gave the password, seconds since the epoch].
FIRST_FACTOR = "password_at"


def hold_pending_key(request: HttpRequest, user: Staff, keys: Any) -> None:
    """Record that the password was given now; release the key at once where the session has the second factor.

    ``keys`` is the KeySet that the password opened, None where the person has none; only services import its type.
    """
    session, now = request.session, time.time()
    session[FIRST_FACTOR] = [str(user.pk), now]
    if gave_second_factor(request, user):
        store_keys(session, keys)
        return
    session.pop(FACTOR, None)
    store_keys(session, None)
    session[PENDING] = {"user": str(user.pk), "at": now, "key": keys.to_bytes().hex() if keys else ""}


def release_pending_key(request: HttpRequest, user: Staff) -> None:
    """Record that the second factor was given now, and release the person's pending key."""
    session = request.session
    session[FACTOR] = [str(user.pk), time.time()]
    pending = session.pop(PENDING, None)
    if pending and pending["user"] == str(user.pk) and pending["key"]:
        session[SESSION_KEY] = pending["key"]


def repeat_login(request: HttpRequest, user: Staff, *, factor: bool) -> None:
    """Record that a signed-in person gave the password again, and with ``factor`` the second factor too."""
    session, now = request.session, time.time()
    session[FIRST_FACTOR] = [str(user.pk), now]
    if factor:
        session[FACTOR] = [str(user.pk), now]
    elif PENDING in session:
        session[PENDING] = {**session[PENDING], "at": now}


def _is_recent(request: HttpRequest, user: Staff, entry: str) -> bool:
    person, at = request.session.get(entry) or (None, 0.0)
    return bool(person == str(user.pk) and time.time() - at < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT)


def confirmed(request: HttpRequest) -> bool:
    """Whether a person may change how they sign in.

    The password and the second factor, where there is one, were given within ACCOUNT_REAUTHENTICATION_TIMEOUT seconds.
    """
    user = request.user
    if not isinstance(user, Staff) or not _is_recent(request, user, FIRST_FACTOR):
        return False
    return _is_recent(request, user, FACTOR) or not mfa.has_factor(user)


def require_confirmation(request: HttpRequest) -> None:
    """Raise ReauthenticationRequired unless :func:`confirmed`."""
    if not confirmed(request):
        raise ReauthenticationRequired
