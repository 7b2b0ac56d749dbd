"""The metrics, in Prometheus' text format, on a listener of their own (METRICS_BIND), which serves nothing else.

No library: each value comes from the database, one sample a name, and no process counts anything by itself. A figure
that moves with a reporter's act is rounded and changes every six hours (``complaints.services.measurement``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from datetime import time as clock_time
from http import HTTPStatus
from typing import Final
from wsgiref.types import StartResponse, WSGIEnvironment

from django.db import DatabaseError, connection
from django.utils import timezone

from complaints.services import measurement
from complaints.services.measurement import Watched
from portal import health

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_PREFIX: Final = "kanal"


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer ``GET /metrics`` and what :mod:`portal.health` answers; 404 for all else, with no word of the portal."""
    answers: dict[str, Callable[[], tuple[HTTPStatus, str]]] = {
        "/metrics": _metrics,
        "/healthz": lambda: (HTTPStatus.OK, "ok\n"),
        "/readyz": _ready,
    }
    answer = answers.get(environ["PATH_INFO"]) if environ["REQUEST_METHOD"] == "GET" else None
    status, text = answer() if answer else (HTTPStatus.NOT_FOUND, "")
    content = text.encode()
    headers = [("Content-Type", CONTENT_TYPE), ("Content-Length", str(len(content))), ("Cache-Control", "no-store")]
    start_response(f"{status.value} {status.phrase}", headers)
    return [content]


def _ready() -> tuple[HTTPStatus, str]:
    missing = health.missing_part()
    return (HTTPStatus.SERVICE_UNAVAILABLE if missing else HTTPStatus.OK, f"{missing or 'ok'}\n")


def _metrics() -> tuple[HTTPStatus, str]:
    # A database that hangs is met by one thread, that of the probe.
    if health.missing_part() in ("database", "time"):
        return HTTPStatus.SERVICE_UNAVAILABLE, "database\n"
    try:
        return HTTPStatus.OK, scrape(measurement.watched(now=timezone.now()))
    except DatabaseError:
        return HTTPStatus.SERVICE_UNAVAILABLE, "database\n"
    finally:
        connection.close()


def scrape(watched: Watched) -> str:
    """Return the metrics; what is not known has no sample."""
    lines: list[str] = []
    for name, help_text, samples in _samples(watched):
        known = [f"{_PREFIX}_{name}{labels} {value:.0f}" for labels, value in samples if value is not None]
        if known:
            lines += [f"# HELP {_PREFIX}_{name} {help_text}", f"# TYPE {_PREFIX}_{name} gauge", *known]
    return "".join(f"{line}\n" for line in lines)


_Samples = Iterable[tuple[str, float | None]]


def _samples(watched: Watched) -> Iterator[tuple[str, str, _Samples]]:
    waited = None if watched.waited is None else watched.waited.total_seconds()
    yield "job_wait_seconds", "How long the job that is due longest has waited, in whole ten minutes.", _one(waited)
    yield "jobs_given_up", "Jobs that failed three times in a row.", _one(watched.jobs_given_up)
    yield "faults_waiting", "Faults in the records that wait for two auditors.", _one(watched.faults)
    days = {
        "last_fault": (watched.last_fault.day if watched.last_fault else None, "Day of the newest fault."),
        "last_head": (watched.head_on, "Last day that was closed in the audit chain."),
        "last_verification": (watched.verified_on, "Day of the last verification that finished."),
        "last_backup": (watched.backups.made_on, "Day of the last backup."),
        "last_rehearsal": (watched.backups.rehearsed_on, "Day of the last rehearsed restoration."),
    }
    for name, (day, help_text) in days.items():
        yield f"{name}_timestamp_seconds", help_text, _one(_epoch(day))
    shown = [(f'{{name="{certificate.name}"}}', certificate) for certificate in watched.certificates]
    yield (
        "certificate_end_timestamp_seconds",
        "End of the certificate that visitors are shown.",
        [(labels, certificate.ends.timestamp() if certificate.ends else None) for labels, certificate in shown],
    )
    yield (
        "certificate_ok",
        "0 where browsers refuse the certificate, or nobody shows one.",
        [(labels, float(not certificate.problem)) for labels, certificate in shown],
    )
    yield "worker_key_stale", "1 where this node has another worker's key.", _one(watched.is_worker_key_stale)
    yield (
        "team_key_timestamp_seconds",
        "Day on which a team got its present key.",
        [(f'{{team="{key.slug}"}}', _epoch(key.made_on)) for key in watched.team_keys],
    )
    yield "clocks_differ", "1 where the clocks of database and node differ.", _one(watched.do_clocks_differ)
    yield from _measured(watched)


def _measured(watched: Watched) -> Iterator[tuple[str, str, _Samples]]:
    if (measured := watched.measured) is None:
        return
    yield (
        "measured_timestamp_seconds",
        "Begin of the quarter of the day of the figures below.",
        _one(measured.taken_at.timestamp()),
    )
    figures = {
        "store_free_percent": (measured.store_free, "Free space of the evidence storage, in steps of five."),
        "disk_free_percent": (measured.disk_free, "Free space of the portal's disk, in steps of five."),
        "drafts_used_percent": (measured.drafts_used, "Share of DRAFT_MAX_BYTES that is taken, in steps of five."),
        "files_waiting": (measured.files_waiting, "Files that wait for their working copy, in tens."),
        "files_failed": (measured.files_failed, "Files that could not be read, in tens."),
        "file_jobs_given_up": (measured.jobs_failing, "Jobs on what reporters send that failed three times in a row."),
        "worker_key_timestamp_seconds": (_epoch(measured.worker_key_on), "Day on which the worker's key was replaced."),
    }
    for name, (value, help_text) in figures.items():
        yield name, help_text, _one(value)


def _one(value: float | None) -> _Samples:
    return [("", value)]


def _epoch(day: date | None) -> float | None:
    """Return the midnight with which a day of the portal's time zone begins, in seconds since the epoch."""
    return None if day is None else timezone.make_aware(datetime.combine(day, clock_time())).timestamp()
