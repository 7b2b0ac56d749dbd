"""Growing delays at the staff's door: each wrong password or code makes the next wait longer, for that account from
that source, and for that source alone. The true person, from another source, does not wait for an attacker.

A source is kept as a keyed digest, for minutes; nothing leads back to it without the secret of the environment.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from complaints.domain.sealing.primitives import blake2b
from complaints.models.session import LoginDelay

# (attempts without any wait, the longest wait in seconds)
PAIR, SOURCE = (3, 300), (30, 60)
FORGOTTEN = timedelta(minutes=15)


class Throttled(Exception):  # noqa: N818
    """The attempt came too early; ``seconds`` (at least 1) says how long to wait."""

    def __init__(self, seconds: int) -> None:
        """Keep the wait."""
        self.seconds = seconds
        super().__init__(seconds)


def _digest(*parts: str) -> str:
    key = blake2b(settings.SECRET_KEY.encode(), person=b"login-delay-key")
    return blake2b("\0".join(parts).encode(), person=b"login-delay", key=key).hex()


def _keys(kind: str, account: str, source: str) -> dict[str, tuple[int, int]]:
    return {_digest(kind, "pair", account.casefold(), source): PAIR, _digest(kind, "source", source): SOURCE}


def _wait(failures: int, free: int, longest: int) -> int:
    return 0 if failures < free else min(2 ** min(failures - free + 1, 20), longest)


@transaction.atomic
def begin(*, kind: str, account: str, source: str, now: datetime) -> None:
    """Count an attempt as failed until :func:`succeeded` is called, so that many at once gain nothing.

    Args:
        kind: password or factor; each has its own count.
        account: the name as typed, whether there is such an account or not.
        source: where it comes from, an address or its network.

    Raises:
        Slow: before the wait is over; the attempt is not counted and must not be looked at.
    """
    LoginDelay.objects.filter(until__lt=now - FORGOTTEN).delete()
    keys = _keys(kind, account, source)
    rows = []
    for key in sorted(keys):
        LoginDelay.objects.get_or_create(pk=key, defaults={"until": now})
        rows.append(LoginDelay.objects.select_for_update().get(pk=key))
    left = max((row.until - now).total_seconds() for row in rows)
    if left > 0:
        raise Throttled(math.ceil(left))
    for row in rows:
        row.failures += 1
        row.until = now + timedelta(seconds=_wait(row.failures, *keys[row.pk]))
        row.save()


@transaction.atomic
def succeeded(*, kind: str, account: str, source: str, now: datetime) -> None:
    """Forget the pair's failures, and take back what :func:`begin` has counted for the source."""
    LoginDelay.objects.filter(pk=_digest(kind, "pair", account.casefold(), source)).delete()
    row = LoginDelay.objects.select_for_update().filter(pk=_digest(kind, "source", source)).first()
    if row is not None:
        row.failures, row.until = max(row.failures - 1, 0), now
        row.save()


def purge(*, now: datetime) -> None:
    """Delete what is older than minutes; every attempt does so as well."""
    LoginDelay.objects.filter(until__lt=now - FORGOTTEN).delete()
