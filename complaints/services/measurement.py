"""What an operator watches: facts that the clock moves, and rounded figures of what reporters move.

The metrics, the operator's page, ``manage.py doctor`` and the alarms read :func:`watched`. A figure that moves with a
reporter's act is worked out once in a quarter of the day and rounded: whoever reads it often learns no hour of an act.
"""

from __future__ import annotations

import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from complaints.adapters import certificate
from complaints.adapters.certificate import Certificate
from complaints.models.evidence import Evidence
from complaints.models.job import JobName
from complaints.models.measurement import Measurement
from complaints.models.team import TeamKey
from complaints.services import job_runs
from complaints.services.audit import batches, log, named_faults, nightly_run, recorded_backups
from complaints.services.audit.named_faults import NamedFault
from complaints.services.audit.recorded_backups import LastBackups
from complaints.services.evidence import limits, storage, worker_key

QUARTER_HOURS: Final = 6
# Jobs whose failures a reporter may cause. They run often, so that the moment of a failure would tell of an act.
JOBS_OF_REPORTERS: Final = (JobName.PROCESS_EVIDENCE, JobName.AUTO_ASSIGN, JobName.END_DRAFTS)
# A job that is due for less waits for one on a large file, perhaps, and counts as not waiting.
WAIT_STEP: Final = timedelta(minutes=10)
# Files are counted so far: beyond, the number changes nothing.
FILES_AT_MOST: Final = 1000
_HTTPS_PORT: Final = 443
_CERTIFICATE_SECONDS: Final = 600


@dataclass(frozen=True)
class TeamKeyAge:
    """On which day a team got the key that it has; ``name`` is the team as people read it."""

    slug: str
    name: str
    made_on: date


@dataclass(frozen=True)
class Watched:
    """What is watched, as of ``now``; days are None where nothing of the kind has happened yet.

    Attributes:
        waited: for how long the longest due job has waited, in steps of WAIT_STEP; None before any job ran.
        jobs_given_up: jobs that no reporter can make fail and that have failed until they wait for their hour.
        faults: faults in the records that two auditors have not acknowledged.
        last_fault: the newest fault, acknowledged or not.
        head_on: the day of the last closed batch.
        team_keys: how old each team's key is, by the name of its team in addresses.
        measured: the rounded figures, None before the first.
    """

    now: datetime
    waited: timedelta | None
    jobs_given_up: int
    faults: int
    last_fault: NamedFault | None
    head_on: date | None
    verified_on: date | None
    is_verification_late: bool
    backups: LastBackups
    is_worker_key_stale: bool
    team_keys: tuple[TeamKeyAge, ...]
    do_clocks_differ: bool
    certificates: tuple[Certificate, ...]
    measured: Measurement | None

    @property
    def today(self) -> date:
        """The day in the portal's time zone."""
        return timezone.localdate(self.now)


def watched(*, now: datetime) -> Watched:
    """Return what is watched. Raises DatabaseError."""
    database_now, today = batches.database_now(), timezone.localdate(now)
    faults = named_faults.named_faults()
    head = next(iter(log.heads()), None)
    waited = job_runs.longest_wait(now=database_now)
    return Watched(
        now=now,
        waited=None if waited is None else waited // WAIT_STEP * WAIT_STEP,
        jobs_given_up=job_runs.given_up([name for name in JobName if name not in JOBS_OF_REPORTERS]),
        faults=sum(not fault.is_settled for fault in faults),
        last_fault=next(iter(faults), None),
        head_on=date.fromisoformat(head.day) if head else None,
        verified_on=nightly_run.last_finished_on(),
        is_verification_late=nightly_run.is_late(today=today),
        backups=recorded_backups.last_days(today=today),
        is_worker_key_stale=worker_key.is_stale(),
        team_keys=team_keys(),
        do_clocks_differ=abs(database_now - now) > batches.CLOCKS_AGREE,
        certificates=certificates(),
        measured=Measurement.objects.filter(pk=1).first(),
    )


def team_keys() -> tuple[TeamKeyAge, ...]:
    """Return the age of each team's present key; one query."""
    rows = TeamKey.objects.filter(number=F("team__key_number")).select_related("team__body").order_by("team__slug")
    return tuple(TeamKeyAge(row.team.slug, str(row.team), timezone.localdate(row.made_at)) for row in rows)


# The last answers of the proxy, and until when they count by the monotonic clock.
_last_shown: list[tuple[tuple[Certificate, ...], float]] = []


def certificates() -> tuple[Certificate, ...]:
    """Return the certificates of the public address and of the staff's own, asked for at most every ten minutes."""
    now = time.monotonic()
    for shown, until in _last_shown:
        if now < until:
            return shown
    origins = [urlsplit(origin) for origin in (settings.PUBLIC_ORIGIN, settings.STAFF_ORIGIN)]
    places = {(origin.hostname, origin.port or _HTTPS_PORT): None for origin in origins if origin.scheme == "https"}
    shown = tuple(
        certificate.shown_for(name, address=settings.PROXY_ADDRESS, port=port) for name, port in places if name
    )
    _last_shown[:] = [(shown, now + _CERTIFICATE_SECONDS)]
    return shown


# --- The rounded figures


def measure(*, now: datetime) -> bool:
    """Take the figures of this quarter of the day, in the portal's time zone; False where they are taken already.

    So nobody takes them more often by running the job again.
    """
    local = timezone.localtime(now)
    begun = local.replace(hour=local.hour // QUARTER_HOURS * QUARTER_HOURS, minute=0, second=0, microsecond=0)
    if Measurement.objects.filter(taken_at=begun).exists():
        return False
    files = Evidence.objects.filter(kind=Evidence.Kind.FILE)
    drafts_bytes = limits.count_text().reserved
    figures = {
        "taken_at": begun,
        "store_free": _store_free(),
        "disk_free": _disk_free(settings.VAR_DIR),
        "drafts_used": min(100, round(drafts_bytes / settings.DRAFT_MAX_BYTES * 20) * 5),
        "files_waiting": _in_tens(files.filter(state=Evidence.State.PENDING)[:FILES_AT_MOST].count()),
        "files_failed": _in_tens(files.unread()[:FILES_AT_MOST].count()),
        "jobs_failing": job_runs.given_up(JOBS_OF_REPORTERS),
        "worker_key_on": worker_key.replaced_on() or log.began_on(),
    }
    Measurement.objects.update_or_create(pk=1, defaults=figures)
    return True


def _store_free() -> int | None:
    """Return what is free of the evidence storage in percent; None where it does not answer, or does not tell."""
    with suppress(OSError):
        free_bytes, limit = storage.storage().free_bytes(), settings.EVIDENCE_MAX_STORE_BYTES
        shares = [] if free_bytes is None else [_percent(free_bytes, shutil.disk_usage(settings.EVIDENCE_DIR).total)]
        if limit:
            shares.append(_percent(max(0, limit - limits.used_bytes()), limit))
        return min(shares, default=None)
    return None


def _disk_free(folder: Path) -> int | None:
    with suppress(OSError):
        usage = shutil.disk_usage(folder)
        return _percent(usage.free, usage.total)
    return None


def _percent(part: int, whole: int) -> int:
    """Return a share in percent, rounded down to steps of five: no more is free than it says."""
    return part * 20 // max(1, whole) * 5


def _in_tens(number: int) -> int:
    return (number + 5) // 10 * 10


def is_old(measured: Measurement | None, *, now: datetime) -> bool:
    """Whether there are no figures, or none of the last quarters of the day."""
    return measured is None or now - measured.taken_at > timedelta(hours=3 * QUARTER_HOURS)
