"""Creates the planned sample cases day by day, as reporters, staff, liaisons and the jobs of the clock would.

Some cases belong to an election of 2023/24, with the body of those days. They bear the days and the law of then. The
audit chain does not: it binds them on the day on which the samples are loaded.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
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
from complaints.services.samples.inquiries import planned_inquiries, tickets_of
from complaints.services.samples.people import PEOPLE, SamplesRefused, refuse_outside_sample_mode
from complaints.services.samples.schedule import schedule
from complaints.services.samples.stories import planned
from complaints.services.team_keys import personal

# The status whose ticket code is shown first: its status page has an open question.
FEATURED_STATUS: Final = "needs_information"


def load(*, now: datetime, into: Path) -> int:
    """Create the sample reports unless there are reports; return their number.

    Args:
        into: the JSON file for the accounts and the ticket codes by status.

    Raises:
        SamplesRefused: not in sample mode, or the sample staff are missing.
    """
    refuse_outside_sample_mode()
    today = timezone.localdate(now)
    count = 0
    if not Complaint.objects.exists():
        with transaction.atomic():
            tickets = _play(today)
            count = len(planned())
            _write(into, tickets)
    first = Complaint.objects.order_by("day").values_list("day", flat=True).first()
    if first is not None:
        # After the commit: an exported head cannot be taken back.
        scheduled.close_batch(now=now)
    return count


def _days(first: date, end: date) -> Iterable[date]:
    return (first + timedelta(days=after) for after in range((end - first).days))


def _play(today: date) -> dict[str, list[str]]:
    """Perform all steps of all cases in the order of days; return the ticket codes by the status reached.

    Days of the earlier election are played where a step is taken on them, later ones all: the clock moves open cases.
    """
    keyrings = _keyrings()
    desk, inquiries = Desk(keyrings), planned_inquiries()
    cases = [Open(plan) for plan in planned()]
    # By day: the place of a step among those of its case, and the step; a day's steps are taken in this order.
    steps: dict[date, list[tuple[int, str, Open]]] = defaultdict(list)
    for case in cases:
        plan = case.plan
        until = plan.as_of or today
        planned_steps = schedule(status=plan.status, age=plan.age, number=plan.number, today=until)
        for place, (step, day) in enumerate(planned_steps):
            steps[day].append((place, step, case))
    first = min(case.plan.received(today) for case in cases if case.plan.as_of is None)
    for day in sorted({*steps, *_days(first, today), today}):
        case_deadlines.run_deadlines(now=_at(day, time(0, 5)))
        steps_of_day = sorted(steps[day], key=lambda entry: (entry[0], entry[2].plan.number))
        for number, (_place, step, case) in enumerate(steps_of_day):
            desk.take(step, case, _at(day, time(9)) + timedelta(minutes=3 * number))
        for number, inquiry in enumerate(inquiries):
            inquiry.play(day, today, keyrings["verifikator1"], _at(day, time(15)) + timedelta(minutes=3 * number))
        while processing.process_pending():
            pass
    return _tickets(cases) | tickets_of(inquiries)


def _at(day: date, hour: time) -> datetime:
    return timezone.make_aware(datetime.combine(day, hour))


def _keyrings() -> dict[str, Keyring]:
    staff = {person.username: person for person in Staff.objects.filter(is_sample=True)}
    keyrings = {}
    for person in PEOPLE:
        if person.team:
            account = staff.get(person.username)
            keys = personal.unlock(staff=account, password=person.password) if account else None
            if keys is None:
                raise SamplesRefused(f"The sample account {person.username} is missing or was changed; run setup_keys.")
            keyrings[person.username] = Keyring(account, keys)
    return keyrings


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
    content = {"accounts": accounts, "ticket": tickets[FEATURED_STATUS][0], "tickets": tickets}
    private_file.write(path, json.dumps(content, ensure_ascii=False, indent=2) + "\n")
