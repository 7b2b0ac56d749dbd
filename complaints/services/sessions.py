"""The live sessions of staff, and ending them. The content of a session is sealed under its cookie."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from complaints.domain.sealing.primitives import SignPair
from complaints.models.session import SealedSession
from complaints.models.team import Staff
from complaints.services.audit import log


def active_sessions(*, staff: Staff, now: datetime) -> list[SealedSession]:
    """Return a person's sessions that are younger than the absolute limit, newest first.

    A session that ended by its idle limit may be among them: the time of that end is sealed in its content.
    """
    earliest = now - timedelta(seconds=settings.SESSION_ABSOLUTE_AGE)
    return list(SealedSession.objects.filter(staff=staff).signed_in_since(earliest).only("pk", "began_at"))


@transaction.atomic
def end_sessions(
    *,
    staff: Staff,
    by: Staff | None = None,
    signer: SignPair | None = None,
    only: str = "",
    keep: str = "",
    now: datetime | None = None,
) -> int:
    """End a person's sessions, pending sign-ins too, or the row ``only``, but not the row ``keep``; return how many.

    Every service by which a person loses a right calls this: a new password, role or team, a reset factor, a
    deactivated account. ``by`` is None where such a change is the cause.
    """
    rows = SealedSession.objects.filter(staff=staff).exclude(pk=keep)
    ended, _rows = (rows.filter(pk=only) if only else rows).delete()
    if ended:
        facts = {"staff": str(staff.pk), "count": ended}
        log.append(event="session.ended", now=now or timezone.now(), actor=by, signer=signer, facts=facts)
    return ended
