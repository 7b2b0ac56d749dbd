"""The background jobs: each reads the clock and calls one service, and may run twice without harm.

:mod:`complaints.broker` runs them and records a failure; :mod:`complaints.queue` names them.
"""

from __future__ import annotations

from django.utils import timezone

from complaints.adapters import stop_request
from complaints.services import assignment, case_deadlines, measurement, retention, scheduled
from complaints.services.evidence import processing


def heartbeat() -> None:
    """Record that the queue runs jobs."""
    scheduled.record_heartbeat(now=timezone.now())


def process_evidence() -> None:
    """Delete the worker's grants that have ended, then process the evidence that waits, until asked to end."""
    processing.end_grants(today=timezone.localdate())
    processing.process_pending(is_stopping=stop_request.THIS_PROCESS.is_set)


def run_deadlines() -> None:
    """Perform the transitions that a deadline causes."""
    case_deadlines.run_deadlines(now=timezone.now())


def auto_assign() -> None:
    """Assign new cases, once checked for conflicts of interest, to the officer whose turn it is."""
    assignment.auto_assign(now=timezone.now())


def close_day() -> None:
    """Bind what reporters sent on a day that is over into the audit chain, and publish the heads of the chain."""
    scheduled.close_batch(now=timezone.now())


def verify_chain() -> None:
    """Go on with the nightly verification of the audit chain."""
    scheduled.verify_chain(today=timezone.localdate())


def signin_counts() -> None:
    """Tell administrators of many refused sign-ins, and the audit chain of those of the days before."""
    scheduled.report_signin_counts(today=timezone.localdate(), now=timezone.now())


def end_drafts() -> None:
    """Delete sessions and unfinished reports whose end has come."""
    retention.end_sessions(now=timezone.now())
    retention.end_drafts(now=timezone.now())


def sweep() -> None:
    """Delete what has reached the end of its retention."""
    retention.sweep(today=timezone.localdate())


def staff_mail() -> None:
    """Mail teams that work waits, without any content."""
    scheduled.send_staff_mail(today=timezone.localdate())


def measure() -> None:
    """Work out the rounded figures of this quarter of the day."""
    measurement.measure(now=timezone.now())
