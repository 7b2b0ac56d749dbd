"""Plays the planned sample cases day by day, as reporters, officers, liaisons and the clock would have done."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Final

from django.db import transaction
from django.utils import timezone

from complaints.adapters import private_file
from complaints.domain import codes
from complaints.models.case import Case
from complaints.models.complaint import Complaint
from complaints.models.team import Staff
from complaints.services import case_deadlines, scheduled
from complaints.services.evidence import processing
from complaints.services.keyring import Keyring
from complaints.services.samples.desk import Desk, Open
from complaints.services.samples.people import PEOPLE, SamplesRefused, refuse_outside_sample_mode
from complaints.services.samples.schedule import schedule
from complaints.services.samples.stories import planned
from complaints.services.team_keys import personal

# Which report's ticket code is shown first: its status page has an open question.
SHOWN: Final = "needs_information"


def load(*, now: datetime, into: Path) -> int:
    """Make the sample reports and write accounts and ticket codes to ``into``; return how many, 0 if there are any.

    Raises:
        SamplesRefused: not in sample mode, or the sample staff are not there.
    """
    refuse_outside_sample_mode()
    today = timezone.localdate(now)
    made = 0
    if not Complaint.objects.exists():
        with transaction.atomic():
            tickets = _play(today)
            made = len(planned())
            _write(into, tickets)
    first = Complaint.objects.order_by("day").values_list("day", flat=True).first()
    if first is not None:
        # After the commit: a head that left the machine cannot be taken back.
        scheduled.close_days(days=_days(first, today), now=now)
    return made


def _days(first: date, end: date) -> Iterable[date]:
    return (first + timedelta(days=after) for after in range((end - first).days))


@dataclass
class _Move:
    day: date
    place: int
    case: Open
    step: str


def _play(today: date) -> dict[str, list[str]]:
    """Take every step of every case in the order of days; return the ticket codes by the state that was reached."""
    desk = Desk(_rings())
    cases = [Open(plan) for plan in planned()]
    moves = [
        _Move(day, place, case, step)
        for case in cases
        for place, (step, day) in enumerate(
            schedule(status=case.plan.status, age=case.plan.age, number=case.plan.number, today=today)
        )
    ]
    first = min(move.day for move in moves)
    for day in [*_days(first, today), today]:
        case_deadlines.run_deadlines(now=_at(day, time(0, 5)))
        todays = sorted(
            (move for move in moves if move.day == day), key=lambda move: (move.place, move.case.plan.number)
        )
        for minute, move in enumerate(todays):
            desk.take(move.step, move.case, _at(day, time(9)) + timedelta(minutes=3 * minute))
        while processing.process_pending():
            pass
    return _tickets(cases)


def _turn(move: _Move) -> tuple[int, int]:
    return move.place, move.case.plan.number


def _at(day: date, hour: time) -> datetime:
    return timezone.make_aware(datetime.combine(day, hour))


def _rings() -> dict[str, Keyring]:
    staff = {person.username: person for person in Staff.objects.filter(is_sample=True)}
    rings = {}
    for person in PEOPLE:
        if person.team:
            known = staff.get(person.username)
            unlocked = personal.unlock(staff=known, password=person.password) if known else None
            if unlocked is None:
                raise SamplesRefused(f"The sample account {person.username} is missing or was changed; run setup_keys.")
            rings[person.username] = Keyring(known, unlocked)
    return rings


def _tickets(cases: list[Open]) -> dict[str, list[str]]:
    status = dict(Case.objects.values_list("pk", "status"))
    tickets: dict[str, list[str]] = {}
    for case in cases:
        tickets.setdefault(status[case.case_id], []).append(codes.grouped(case.code))
    return tickets


def _write(path: Path, tickets: dict[str, list[str]]) -> None:
    accounts = [
        {"username": person.username, "role": str(person.role.label), "password": person.password} for person in PEOPLE
    ]
    content = {"accounts": accounts, "ticket": tickets[SHOWN][0], "tickets": tickets}
    private_file.write(path, json.dumps(content, ensure_ascii=False, indent=2) + "\n")
