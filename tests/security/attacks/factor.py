"""The long form of the attack ``factor_tries``: thousands of guesses at the second factor, over days.

bench/attack/factor.py attacks a portal over HTTP, where the clock cannot be moved; this form needs Django alone.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

import time_machine
from allauth.core import context
from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.test import RequestFactory
from django.utils import timezone

from complaints.domain.sealing.keys import KeySet
from complaints.models.team import Staff
from complaints.services import mfa
from complaints.services.login_throttle import Throttled
from complaints.services.team_keys import personal
from portal.accounts import step_up
from portal.accounts.login import CodeForm
from portal.accounts.sessions import SessionStore
from tests.world import PASSWORD, app_code, at

TRIES, SOURCES = 10_000, 500
# After this a source that was slowed may try again.
ROUND = timedelta(seconds=301)
# One guess in so many is the right one: of true guesses that would be one in 330,000.
LUCKY = 25


class Thief:
    """Somebody with an account's password, from one address; each try is a sign-in of its own."""

    def __init__(self, staff: Staff, keys: KeySet, number: int) -> None:
        self.staff, self.keys = staff, keys
        self.address = f"203.0.{number // 250}.{number % 250 + 1}"

    def tries(self, first: str, second: str) -> bool:
        """Give a code, and ``second`` where another is asked for; return whether that let the thief in."""
        request = RequestFactory().post("/kantor/masuk/faktor/", REMOTE_ADDR=self.address)
        request.user, request.session = AnonymousUser(), SessionStore()
        step_up.hold_pending_key(request, self.staff, self.keys)
        with context.request_context(request):
            try:
                form = CodeForm(user=self.staff, data={"code": first})
                if form.is_valid():
                    return True
                return form.asks_next and CodeForm(user=self.staff, data={"code": second}).is_valid()
            except Throttled:
                return False


def mass_guess(*, tries: int = TRIES, sources: int = SOURCES) -> int:
    """Run :func:`guess` against an account made for it; return how many guesses let the thief in, of which 0 is right.

    It needs Django and an empty or a test database, and leaves nothing behind. 10,000 tries take about two minutes.
    """
    with transaction.atomic():
        staff = Staff.objects.create(username=f"korban-{secrets.token_hex(4)}", is_staff=True)
        personal.change_password(staff=staff, password=PASSWORD)
        keys = personal.unlock(staff=staff, password=PASSWORD)
        if keys is None:
            raise AssertionError("the password does not open the key")
        secret = mfa.enrol_totp(staff=staff, keys=keys)
        begun = at(timezone.localdate(), 1)
        entered = guess(staff=staff, keys=keys, secret=secret, begun=begun, tries=tries, sources=sources)
        transaction.set_rollback(True)
    return entered


def guess(*, staff: Staff, keys: KeySet, secret: str, begun: datetime, tries: int, sources: int = SOURCES) -> int:
    """Return how many of ``tries`` guesses at the code of an app let a thief of the password in; 0 is right.

    The thief waits out every delay and is luckier than anybody: one guess in LUCKY is the code of the moment, given
    first or second in turn. Only the first guesses of a day, which are judged alone, are all wrong: each of them is
    right once in 330,000 times.

    Args:
        keys: the person's key, which the thief's password opens.
        secret: that of the app, from which lucky guesses come.
        begun: an aware datetime; all tries fall on the day after it began.
    """
    thieves = [Thief(staff, keys, number) for number in range(sources)]
    entered = 0
    with time_machine.travel(begun, tick=False) as clock:
        for number in range(tries):
            lucky = number >= sources // 10 and number % LUCKY == 0
            wrong, right = f"{number % 1_000_000:06}", app_code(secret)
            if wrong in {app_code(secret, steps) for steps in range(-mfa.TOLERANCE - 1, mfa.TOLERANCE + 1)}:
                wrong = f"{(number + 500_000) % 1_000_000:06}"
            pair = (right, wrong) if number % (2 * LUCKY) else (wrong, right)
            entered += thieves[number % sources].tries(*(pair if lucky else (wrong, wrong)))
            if number % sources == sources - 1:
                clock.shift(ROUND)
    return entered
