"""The part of an attack that needs the portal's services. Prints one JSON value; run in a process of its own, because
Django reads its settings once, with a connection that may alter anything."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import django

django.setup()

from django.db import transaction
from django.utils import timezone

from bench.attack.columns import blind_columns
from bench.attack.escapes import not_refused
from bench.attack.flood import flood_reports
from bench.attack.flood_inside import Office, handle_flood
from bench.attack.lines import told_lines
from bench.attack.target import Account
from complaints import access
from complaints.models.team import Staff, TeamMembership
from complaints.services import conflicts, mfa, submission
from complaints.services.audit import batches
from complaints.services.keyring import Actor, Keyring
from complaints.services.samples.desk import files_of
from complaints.services.samples.people import PEOPLE
from complaints.services.samples.stories import planned
from complaints.services.team_keys import personal, removal

OFFICER, OTHER_OFFICER, LIAISON = "verifikator1", "verifikator2", "bkn2"


def keyring(username: str) -> Keyring:
    """Return the key ring of a sample officer. Raises LookupError for an altered one."""
    password = next(person.password for person in PEOPLE if person.username == username)
    staff = Staff.objects.get(username=username)
    keys = personal.unlock(staff=staff, password=password)
    if keys is None:
        raise LookupError(username)
    return Keyring(staff, keys)


def account(username: str = OFFICER) -> dict[str, str]:
    """Give a sample account a new app; return name, password and the app's secret."""
    staff = Staff.objects.get(username=username)
    secret = mfa.enrol_totp(staff=staff, keys=keyring(username).keys)
    password = next(person.password for person in PEOPLE if person.username == username)
    return asdict(Account(username, password, secret))


def columns() -> list[str]:
    """Return the alterations that nobody named, and those without a row.

    What the sample cases lack is made in a transaction that is undone, because the job runner beside it would work on
    the file: a conflict, a file that waits for the worker, two people with an app, an account without a factor that
    waits for its confirmation, and a request to remove a member.
    """
    missing: list[str] = []
    with transaction.atomic():
        _make_conflict()
        _send_file()
        _change_ways_in()
        _close_batch()
        blind = blind_columns(missing=missing)
        transaction.set_rollback(True)
    return blind + [f"{name} (no row)" for name in missing]


def _make_conflict() -> None:
    actor = Actor(keyring(OTHER_OFFICER), timezone.now())
    case = access.cases_for(actor.staff).filter(status="in_review").order_by("pk")[0]
    conflicts.declare_conflict(actor=actor, case_id=case.pk, reason="Saudara saya.")


def _change_ways_in() -> None:
    for username in (OFFICER, OTHER_OFFICER):
        mfa.enrol_totp(staff=Staff.objects.get(username=username), keys=keyring(username).keys)
    now = timezone.now()
    mfa.reset(staff=Staff.objects.get(username=LIAISON), by=None, signer=None, now=now)
    actor = Actor(keyring(OFFICER), now)
    row = TeamMembership.objects.get(staff__username=OTHER_OFFICER, left_at=None)
    removal.ask(actor=actor, team_id=row.team_id, membership_id=row.pk, reason="Pindah tugas.")


def _send_file() -> None:
    today = timezone.localdate()
    plan = next(plan for plan in planned() if plan.photo)
    draft = plan.draft(today)
    submission.start_code(draft)
    submission.submit(draft=draft, files=files_of(plan), today=today)


def flood() -> dict[str, object]:
    """Send 450 junk reports in nine patterns and 90 real ones, handle the junk, and return what became of them.

    In a transaction that is undone: the portal goes on beside it, with its own cases.
    """
    plan = next(plan for plan in planned() if plan.photo)
    office = Office(lambda: keyring(OFFICER), lambda: keyring(OTHER_OFFICER), _close_batch)
    base = plan.draft(timezone.localdate())
    base["links"], base["category"] = "", "A1"
    reports = flood_reports(each=50, copies=20, others=20, urgent=10, office=40)
    with transaction.atomic():
        result = handle_flood(reports, base=base, same_file=lambda: files_of(plan), office=office)
        transaction.set_rollback(True)
    return asdict(result)


def _close_batch() -> None:
    tomorrow = timezone.now() + timedelta(days=1)
    with patch.object(batches, "database_now", return_value=tomorrow):
        batches.close_due(now=tomorrow)


if __name__ == "__main__":
    commands: dict[str, Callable[[], object]] = {
        "columns": columns,
        "lines": told_lines,
        "account": lambda: account(*sys.argv[2:]),
        "flood": flood,
        "escapes": lambda: not_refused(Path(sys.argv[2])),
    }
    print(json.dumps(commands[sys.argv[1]]()))
