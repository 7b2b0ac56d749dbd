"""Growing delays at the staff login: each wrong password or code makes the next wait longer.

Delays count for an account from one source, and for the source alone, so that an attacker does not delay the account's
owner at another source. A source is stored for minutes, as a digest keyed with the secret of the environment. A row
that somebody sets back is raised again to what this process knows of it (services/signin_floors.py).
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from complaints.domain.sealing.primitives import blake2b
from complaints.models.session import LoginDelay
from complaints.services import signin_floors

# (attempts without a delay, longest delay in seconds)
PAIR, SOURCE = (3, 300), (30, 60)
RETENTION = timedelta(minutes=15)
# Far more than lead to the longest delay.
FAILURES_AT_MOST = 1000
# The clocks of the web server's nodes differ by less.
CLOCKS_AGREE = timedelta(minutes=1)


class Throttled(Exception):
    """The attempt came during a delay; ``seconds`` (at least 1) is what remains of it."""

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds
        super().__init__(seconds)


def _digest(*parts: str) -> str:
    key = blake2b(settings.SECRET_KEY.encode(), person=b"login-delay-key")
    return blake2b("\0".join(parts).encode(), person=b"login-delay", key=key).hex()


def _delay_seconds(failures: int, free: int, longest: int) -> int:
    return 0 if failures < free else min(2 ** min(failures - free + 1, 20), longest)


def begin(*, kind: str, account: str, source: str, now: datetime) -> None:
    """Count an attempt as failed until :func:`succeeded` is called, so that simultaneous attempts are counted too.

    ``kind`` is "password" or "factor", each with its own count; ``account`` is the username as entered, known or not.
    During a delay Throttled is raised: the attempt is not counted, and the caller must not check it.
    """
    keys = {_digest(kind, "pair", account.casefold(), source): PAIR, _digest(kind, "source", source): SOURCE}
    rows, was_cut, was_set_back = _begin(keys, now)
    if was_cut or was_set_back:
        signin_floors.tell_delay(timezone.localdate(now))
    if was_set_back:
        raise Throttled(_remaining(rows, now))
    for row in rows:
        signin_floors.delay_again(row.pk, row.until)


@transaction.atomic
def _begin(keys: dict[str, tuple[int, int]], now: datetime) -> tuple[list[LoginDelay], bool, bool]:
    """Return the delays of an attempt, raised by it, whether one was cut, and whether one was set back.

    Where one was set back they are as they were, and written too, so that they hold for the other processes. Raises
    Throttled.
    """
    purge(now=now)
    rows, was_cut, was_set_back = [], False, False
    for key in sorted(keys):
        LoginDelay.objects.get_or_create(pk=key, defaults={"until": now})
        row = LoginDelay.objects.select_for_update().get(pk=key)
        was_cut |= _cut_to_longest(row, now, keys[key][1])
        was_set_back |= _raise_to_floor(row, now)
        rows.append(row)
    if not was_set_back and (seconds := _remaining(rows, now)) > 0:
        raise Throttled(seconds)
    for row in rows:
        if not was_set_back:
            row.failures = min(row.failures + 1, FAILURES_AT_MOST)
            row.until = now + timedelta(seconds=_delay_seconds(row.failures, *keys[row.pk]))
        row.save()
    return rows, was_cut, was_set_back


def _cut_to_longest(row: LoginDelay, now: datetime, longest: int) -> bool:
    """End a delay that is longer than any of the portal; return whether it was.

    Whoever writes to the database could keep a person from signing in for ever by one row that nobody finds.
    """
    if row.until <= now + timedelta(seconds=longest) + CLOCKS_AGREE and row.failures <= FAILURES_AT_MOST:
        return False
    row.until, row.failures = now, min(row.failures, FAILURES_AT_MOST)
    return True


def _remaining(rows: list[LoginDelay], now: datetime) -> int:
    return math.ceil(max((row.until - now).total_seconds() for row in rows))


def _raise_to_floor(row: LoginDelay, now: datetime) -> bool:
    """Raise a delay to what this process has added to it; return whether it was ended while it ran."""
    known = signin_floors.delays.get(row.pk)
    if known is None or known.until < now - RETENTION:
        signin_floors.delays.drop(row.pk)
        return False
    row.failures = max(row.failures, known.failures)
    if known.until <= now or row.until >= known.until:
        return False
    row.until = known.until
    return True


@transaction.atomic
def succeeded(*, kind: str, account: str, source: str, now: datetime) -> None:
    """Delete the failures of the account from this source, and take back what :func:`begin` counted for the source.

    A delay that another attempt has begun meanwhile stays.
    """
    pair, whole = _digest(kind, "pair", account.casefold(), source), _digest(kind, "source", source)
    of_pair = signin_floors.end_delay(pair, now, all_failures=True)
    LoginDelay.objects.filter(pk=pair, until__lte=of_pair).delete()
    of_pair = signin_floors.end_delay(whole, now)
    row = LoginDelay.objects.select_for_update().filter(pk=whole).first()
    if row is not None:
        row.failures, row.until = max(row.failures - 1, 0), now if row.until <= of_pair else row.until
        row.save()


def purge(*, now: datetime) -> None:
    """Delete delays that ended more than 15 minutes ago; every attempt does so as well."""
    LoginDelay.objects.filter(until__lt=now - RETENTION).delete()
