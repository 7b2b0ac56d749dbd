"""Growing delays at the staff login: each wrong password or code makes the next wait longer.

Delays count for an account from one source, and for the source alone, so that an attacker does not delay the account's
owner at another source. A source is stored for minutes, as a digest keyed with the secret of the environment.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from complaints.domain.sealing.primitives import blake2b
from complaints.models.session import LoginDelay

# (attempts without a delay, longest delay in seconds)
PAIR, SOURCE = (3, 300), (30, 60)
RETENTION = timedelta(minutes=15)


class Throttled(Exception):  # noqa: N818
    """The attempt came during a delay; ``seconds`` (at least 1) is what remains of it."""

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds
        super().__init__(seconds)


def _digest(*parts: str) -> str:
    key = blake2b(settings.SECRET_KEY.encode(), person=b"login-delay-key")
    return blake2b("\0".join(parts).encode(), person=b"login-delay", key=key).hex()


def _delay_seconds(failures: int, free: int, longest: int) -> int:
    return 0 if failures < free else min(2 ** min(failures - free + 1, 20), longest)


@transaction.atomic
def begin(*, kind: str, account: str, source: str, now: datetime) -> None:
    """Count an attempt as failed until :func:`succeeded` is called, so that simultaneous attempts are counted too.

    ``kind`` is "password" or "factor", each with its own count; ``account`` is the username as entered, known or not.
    During a delay Throttled is raised: the attempt is not counted, and the caller must not check it.
    """
    purge(now=now)
    keys = {_digest(kind, "pair", account.casefold(), source): PAIR, _digest(kind, "source", source): SOURCE}
    rows = []
    for key in sorted(keys):
        LoginDelay.objects.get_or_create(pk=key, defaults={"until": now})
        rows.append(LoginDelay.objects.select_for_update().get(pk=key))
    remaining = max((row.until - now).total_seconds() for row in rows)
    if remaining > 0:
        raise Throttled(math.ceil(remaining))
    for row in rows:
        row.failures += 1
        row.until = now + timedelta(seconds=_delay_seconds(row.failures, *keys[row.pk]))
        row.save()


@transaction.atomic
def succeeded(*, kind: str, account: str, source: str, now: datetime) -> None:
    """Delete the failures of the account from this source, and take back what :func:`begin` counted for the source."""
    LoginDelay.objects.filter(pk=_digest(kind, "pair", account.casefold(), source)).delete()
    row = LoginDelay.objects.select_for_update().filter(pk=_digest(kind, "source", source)).first()
    if row is not None:
        row.failures, row.until = max(row.failures - 1, 0), now
        row.save()


def purge(*, now: datetime) -> None:
    """Delete delays that ended more than 15 minutes ago; every attempt does so as well."""
    LoginDelay.objects.filter(until__lt=now - RETENTION).delete()
