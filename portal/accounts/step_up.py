"""What a staff session knows of its login: when the password and the second factor were given, and by whom.

The key that the password opened waits under PENDING until the second factor was given; until then it opens nothing but
the secret of that factor.
"""

from __future__ import annotations

import time
from typing import Any

from allauth.core.exceptions import ReauthenticationRequired
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext_lazy

from complaints.models.team import Staff
from complaints.services import account_record, mfa
from complaints.services.account_record import Difference
from complaints.services.keyring import SESSION_KEY, keys_from, store_keys
from portal.accounts.sessions import FACTOR, PENDING, gave_second_factor

# Said to somebody whose account or second factors are not as the audit chain records them.
DIFFERENCES = {
    Difference.ACCOUNT: gettext_lazy(
        "The record of this account is under check, so it cannot sign in for now. Talk to an administrator, in person "
        "or by telephone."
    ),
    Difference.FACTORS: gettext_lazy(
        "The second factors of this account are not as they were recorded, so it cannot sign in for now. Talk to an "
        "administrator, in person or by telephone."
    ),
}
# [the id of the person who gave the password, seconds since the epoch].
FIRST_FACTOR = "password_at"
# How many codes of this sign-in, or answers of a later confirmation, were wrong, and how many end it.
WRONG_CODES = "wrong_codes"
MOST_WRONG_CODES = 5
# [the id of the person, a code that counts together with the next one only, seconds since the epoch].
CODE_BEFORE = "code_before"
# The code of an app changes within 30 seconds; who takes longer than this begins anew with the first code.
CODE_BEFORE_SECONDS = 120


def why_refused(user: Staff) -> str:
    """Return why somebody with the right password gets no further; "" where account and factors are as recorded."""
    difference = account_record.difference(staff=user, now=timezone.now())
    return str(DIFFERENCES[difference]) if difference else ""


def end_session(request: HttpRequest, why: str) -> HttpResponse:
    """End a session, and with it the waiting key, and say why on the page for the password."""
    request.session.flush()
    messages.error(request, why)
    return redirect("account_login")


def hold_pending_key(request: HttpRequest, user: Staff, keys: Any) -> None:
    """Record that the password was given now; release the key at once where the session has the second factor.

    ``keys`` is the KeySet that the password opened, None where the person has none; only services import its type.
    """
    session, now = request.session, time.time()
    session[FIRST_FACTOR] = [str(user.pk), now]
    session.pop(WRONG_CODES, None)
    forget_code(request)
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
    session.pop(WRONG_CODES, None)
    pending = session.pop(PENDING, None)
    if pending and pending["user"] == str(user.pk) and pending["key"]:
        session[SESSION_KEY] = pending["key"]


def held_keys(request: HttpRequest, user: Staff) -> Any:
    """Return the KeySet of a person that their password opened in this session; None where the session has none.

    It is returned also while the second factor is missing, whose secret it opens. Only services import the type.
    """
    session = request.session
    pending = session.get(PENDING)
    if pending and pending["user"] == str(user.pk):
        return keys_from(pending["key"])
    return keys_from(session.get(SESSION_KEY, "")) if request.user == user else None


def count_wrong_code(request: HttpRequest) -> bool:
    """Count a wrong code, or a wrong answer to a later confirmation; return whether it ends the session."""
    wrong = request.session.get(WRONG_CODES, 0) + 1
    request.session[WRONG_CODES] = wrong
    return bool(wrong >= MOST_WRONG_CODES)


def hold_code(request: HttpRequest, user: Staff, code: str) -> None:
    """Keep a code in the sealed session until the next one comes."""
    request.session[CODE_BEFORE] = [str(user.pk), code, time.time()]


def code_before(request: HttpRequest, user: Staff) -> str | None:
    """Return the code that :func:`hold_code` keeps for a person; None without one, or when it is too old."""
    person, code, at = request.session.get(CODE_BEFORE) or (None, None, 0.0)
    return code if person == str(user.pk) and time.time() - at < CODE_BEFORE_SECONDS else None


def forget_code(request: HttpRequest) -> None:
    """Drop the code that :func:`hold_code` keeps."""
    request.session.pop(CODE_BEFORE, None)


def repeat_login(request: HttpRequest, user: Staff, *, factor: bool) -> None:
    """Record that a signed-in person gave the password again, and with ``factor`` the second factor too."""
    session, now = request.session, time.time()
    session[FIRST_FACTOR] = [str(user.pk), now]
    session.pop(WRONG_CODES, None)
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
