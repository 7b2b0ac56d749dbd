"""The days of an erasure, by the limits of the rule table: due, erased at the latest, gone from the last backup."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from django.conf import settings

from complaints.domain import retention_periods
from complaints.domain.retention_periods import CARRIED_OUT, REQUEST, ErasureDays
from complaints.domain.workflow import Status
from complaints.models.case import Case
from complaints.models.complaint import Complaint
from complaints.services import reference_data
from complaints.services.audit import erasure_decisions
from complaints.services.rule_book import limit_rule
from complaints.services.transitions import last_day_of


def days_of(status: Status, *, since: date, is_inquiry: bool, was_forwarded: bool) -> ErasureDays | None:
    """Return the days of a report that has been in ``status`` ``since`` a day; None while somebody works on it.

    Arguments are as for ``retention_periods.period_of``.
    """
    rule = retention_periods.period_of(status, is_inquiry=is_inquiry, was_forwarded=was_forwarded)
    if not rule:
        return None
    due_on = last_day_of(rule, since)
    erased_by = last_day_of(CARRIED_OUT, due_on)
    return ErasureDays(rule, due_on, erased_by, gone_by(erased_by))


@dataclass(frozen=True)
class KeptUntil:
    """What a reporter is told of the erasure of their report, on which nobody works any more.

    ``put_off``: by a legal hold. ``has_body``: something of it went to a body, which keeps what it has downloaded.
    """

    days: ErasureDays
    put_off: bool
    has_body: bool
    is_late: bool

    @property
    def waits_for_reporter(self) -> bool:
        """Whether an answer of the reporter would let the work go on."""
        return self.days.rule == retention_periods.RESTING


def kept_until(complaint: Complaint, case: Case, *, has_body: bool, today: date) -> KeptUntil | None:
    """Return what the reporter of a report is told of its erasure; None while somebody works on it; two queries."""
    status, is_inquiry = Status(case.status), case.is_inquiry
    days = days_of(status, since=case.status_on, is_inquiry=is_inquiry, was_forwarded=has_body)
    if days is None:
        return None
    put_off = complaint.pk in erasure_decisions.held([complaint.pk])
    return KeptUntil(days, put_off, has_body, is_late=not put_off and days.is_late(today))


def if_withdrawn(today: date) -> ErasureDays:
    """Return the days of a report that its reporter withdraws today."""
    due_on = last_day_of(retention_periods.WITHDRAWN, today)
    erased_by = last_day_of(CARRIED_OUT, due_on)
    return ErasureDays(retention_periods.WITHDRAWN, due_on, erased_by, gone_by(erased_by))


def latest_start(rule: str, today: date) -> date:
    """Return the latest day on which a limit can have begun that has ended by ``today``."""
    start = today - timedelta(days=limit_rule(rule, reference_data.edition()).number or 0)
    while last_day_of(rule, start) > today:
        start -= timedelta(days=1)
    return start


def gone_by(erased_on: date) -> date:
    """Return by when no backup holds the keys of what was erased on a day, as long as a backup is made each night."""
    return retention_periods.gone_by(erased_on, settings.BACKUP_KEEP_DAYS)


def answer_by(requested_on: date) -> date:
    """Return the day by which a request for erasure is answered."""
    return last_day_of(REQUEST, requested_on)
