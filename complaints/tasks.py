"""One short function per background job: read the clock, call one service. All are safe to run twice."""

from __future__ import annotations

from django.utils import timezone

from complaints.queue import job
from complaints.services import assignment, case_deadlines, retention, scheduled
from complaints.services.evidence import processing


@job
def heartbeat() -> None:
    """Show the watchdog that jobs pass through the queue."""
    scheduled.record_heartbeat(now=timezone.now())


@job
def process_evidence() -> None:
    """Take back what the worker may no longer open, and do the rest."""
    processing.end_grants(today=timezone.localdate())
    processing.process_pending()


@job
def run_deadlines() -> None:
    """Let the clock do its steps."""
    case_deadlines.run_deadlines(now=timezone.now())


@job
def auto_assign() -> None:
    """Give new cases, which an officer's session has met, to whose turn it is."""
    assignment.auto_assign(now=timezone.now())


@job
def close_day() -> None:
    """Bind the days that are over into the audit chain, and bring their heads outside."""
    scheduled.close_due_days(today=timezone.localdate(), now=timezone.now())


@job
def sweep() -> None:
    """Throw away what has ended."""
    retention.sweep(today=timezone.localdate())


@job
def staff_mail() -> None:
    """Tell teams that work waits, and nothing else."""
    scheduled.send_staff_mail(today=timezone.localdate())
