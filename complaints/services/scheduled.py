"""What happens at fixed hours: the day is bound into the chain, its head leaves the machine, teams hear of work."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import date, datetime, timedelta

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from complaints import access
from complaints.adapters import mail
from complaints.models.complaint import Complaint
from complaints.models.session import Heartbeat
from complaints.models.team import Staff
from complaints.services import case_deadlines, login_throttle
from complaints.services.audit import log

# So far back is looked for heads that could not be written when their day was closed.
HEADS_KEPT = 60


def close_due_days(*, today: date, now: datetime) -> None:
    """Close every day before ``today`` that is not closed yet, however long the jobs stood still."""
    last = log.heads(limit=1)
    first = Complaint.objects.order_by("day").values_list("day", flat=True).first() or today - timedelta(days=1)
    start = date.fromisoformat(last[0][1]) + timedelta(days=1) if last else first
    close_days(days=[start + timedelta(days=count) for count in range((today - start).days)], now=now)


def close_days(*, days: Iterable[date], now: datetime) -> None:
    """Close each of ``days`` that is not closed, then bring every head outside that is not there yet."""
    for day in days:
        log.close_day(day=day, now=now)
    path = settings.AUDIT_HEADS_FILE
    known = set(path.read_text(encoding="ascii").splitlines()) if path.exists() else set()
    for sequence, day_closed, digest in reversed(log.heads(limit=HEADS_KEPT)):
        line = f"{day_closed} {sequence} {digest}"
        if line not in known:
            _send_head(line)


def _send_head(line: str) -> None:
    """Mail first: a line in the file says that the head is out, and the next run tries again where it is not."""
    if settings.AUDIT_HEADS_MAIL and not mail.send([settings.AUDIT_HEADS_MAIL], "Audit head", line):
        return
    path = settings.AUDIT_HEADS_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="ascii") as file:
        file.write(line + "\n")
        file.flush()
        os.fsync(file.fileno())


def send_staff_mail(*, today: date) -> int:
    """Send members of teams with work one mail that says so; return how many were sent.

    Always the same words: neither number nor kind nor hour of what came in can be read from it.
    """
    sent = 0
    for kind, waits in case_deadlines.work_waiting(today=today).items():
        if waits:
            sent += sum(_remind(person) for person in _members(kind) if _finds_some(person, kind, today))
    return sent


def _finds_some(person: Staff, kind: str, today: date) -> bool:
    """Whether some of the work is not kept from a person by the conflict lock; few have one, so most cost one query."""
    if not access.conflicted_cases(person).exists():
        return True
    return case_deadlines.work_waiting(today=today, person=person)[kind]


def _members(kind: str) -> list[Staff]:
    people = Staff.objects.filter(is_active=True, memberships__team__kind=kind, memberships__sealed_key__isnull=False)
    return [person for person in people.distinct().order_by("pk") if person.email]


def _remind(person: Staff) -> int:
    with translation.override(person.language):
        subject = _("There is work in the portal")
        body = _("There is work waiting for your team. Please sign in at the usual address.")
    return mail.send([person.email], subject, body)


# Signs of life of the job cluster, for the watchdog outside of it.


def record_heartbeat(*, now: datetime) -> None:
    """Record that a job has passed through the queue; drop what the login remembers of sources, minutes old."""
    login_throttle.purge(now=now)
    Heartbeat.objects.update_or_create(pk=1, defaults={"beat_at": now})


def last_beat() -> datetime | None:
    """Return when a job last passed, or None."""
    return Heartbeat.objects.values_list("beat_at", flat=True).filter(pk=1).first()
