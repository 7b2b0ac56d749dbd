"""Whose sessions live at the staff's door, and ending them. What a session holds, only its cookie opens."""

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
    """Return a person's sessions that have not passed the absolute limit, newest first.

    One that ended by its idle limit may still be among them: that end is sealed inside.
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
    """End a person's sessions at once, pending sign-ins included; return how many.

    Call it wherever somebody loses a right: another password, role or team, a reset factor, a switched-off account.

    Args:
        by: who ends them; None where it follows from another act.
        only: the id of the one row to end; all where empty.
        keep: the id of the row that stays, the person's own present one.
    """
    rows = SealedSession.objects.filter(staff=staff).exclude(pk=keep)
    ended, _rows = (rows.filter(pk=only) if only else rows).delete()
    if ended:
        facts = {"staff": str(staff.pk), "count": ended}
        moment = now or timezone.now()
        log.append(event="session.ended", now=moment, actor=by, signer=signer, facts=facts)
    return ended
