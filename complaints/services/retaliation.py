"""What reports tell of retaliation, what was done about it, and what the office has to do next.

The days of check-ins and of remedies follow from the rules of the law (services.rule_book). Nothing is stored here but
what ``case_actions`` writes: notes and messages with marks (domain.retaliation).
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Final

from django.db import transaction
from django.db.models import Subquery
from django.utils import timezone

from complaints import access
from complaints.domain.deadlines import last_day_of
from complaints.domain.errors import SealError
from complaints.domain.law.rules import LimitRule
from complaints.domain.law.vocabulary import LimitUnit, Mark
from complaints.domain.retaliation import (
    ACT,
    CHECK_IN,
    CHECK_INS,
    TOLD,
    MarkedRecord,
    Matter,
    Retaliation,
    matter_of,
    working_day_from,
)
from complaints.domain.workflow import Unit
from complaints.models.case import Case
from complaints.models.complaint import Complaint
from complaints.models.oversight import Release
from complaints.models.team import Staff
from complaints.services import case_actions, reference_data, rule_book, urgent_register
from complaints.services.case_file import CaseFile, ComplaintFile
from complaints.services.forwarding.reading import sources_of
from complaints.services.keyring import Actor, Keyring, Locked
from complaints.services.letters import LegalLine
from complaints.services.team_key_history import UnpinnedKey
from complaints.services.transitions import CaseVersion

logger = logging.getLogger(__name__)
# Lines of the desk; the number beyond them is told.
LINES_AT_MOST: Final = 30
OBJECTION: Final = "objection"
CLAIM: Final = "ptun-claim"
READ: Final = "retaliation-read"


# --- Days -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Remedy:
    """A way of the law with its limit; ``last_day`` is None where the day of the decision is not known."""

    rule: LimitRule
    last_day: date | None


def remedy(code: str, since: date | None) -> Remedy:
    """Return the remedy with the limit of this code for a decision of the day ``since``."""
    rule = rule_book.limit_rule(code, reference_data.edition())
    return Remedy(rule, _last_day(rule, since) if since else None)


def read_by(told_on: date) -> date | None:
    """Return by when the office reads what was told on a day; None where the rules have no number for it."""
    return _last_day(rule_book.limit_rule(READ, reference_data.edition()), told_on)


@cache
def legal_lines() -> dict[str, list[LegalLine]]:
    """Return the lines of law on ways without a limit, by the code of the way ("lpsk", "bkn")."""
    rows = json.loads((rule_book.DATA / "remedies.json").read_text(encoding="utf-8"))
    return {code: [LegalLine(line["words"], Mark(line["mark"])) for line in lines] for code, lines in rows.items()}


def check_in_days(told_on: date) -> dict[str, date]:
    """Return by its limit the day of each check-in, on which offices work."""
    days = {}
    for code in CHECK_INS:
        day = _last_day(rule_book.limit_rule(code, reference_data.edition()), told_on)
        if day is not None:
            days[code] = working_day_from(day, reference_data.calendar(day.year).closed)
    return days


def _last_day(rule: LimitRule, since: date) -> date | None:
    if rule.number is None or rule.unit not in {LimitUnit.WORKING_DAYS, LimitUnit.CALENDAR_DAYS, LimitUnit.HOURS}:
        return None
    return last_day_of(since, rule.number, Unit(rule.unit), reference_data.calendar(since.year))


# --- One case ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ToldMessage:
    """What the reporter told on a day, with the text; ``passed_on`` are bodies (short name) and days."""

    message_id: uuid.UUID
    day: date
    told: Retaliation
    text: str
    passed_on: list[tuple[str, date]]


@dataclass(frozen=True)
class RecordedAct:
    """What an officer recorded: an act, or with ``check_in`` alone that a check-in was skipped, and the words."""

    day: date
    author: Staff
    act: str
    check_in: str
    words: str


@dataclass(frozen=True)
class CheckIn:
    """One check-in: its limit and day; ``done_on`` when it was made or ``is_skipped``, None while it is to be made.

    ``is_next`` for the first that is to be made.
    """

    code: str
    due_on: date
    done_on: date | None
    is_skipped: bool
    is_due: bool
    is_next: bool


@dataclass(frozen=True)
class ReportRetaliation:
    """What one report tells of retaliation; ``needs_act`` until the office recorded what it did about the newest."""

    complaint: Complaint
    told: list[ToldMessage]
    acts: list[RecordedAct]
    check_ins: list[CheckIn]
    needs_act: bool


def of_case(*, keyring: Keyring, opened: CaseFile, today: date) -> dict[uuid.UUID, ReportRetaliation]:
    """Return by report what the opened reports of a case tell of retaliation; those that tell nothing are left out."""
    telling = [file for file in opened.complaints if any(TOLD in entry.marks for entry in file.thread)]
    sent = _sources(keyring, opened.releases) if telling else {}
    return {file.complaint.pk: _of_report(file, opened, sent, today) for file in telling}


def _sources(keyring: Keyring, releases: Sequence[Release]) -> Mapping[uuid.UUID, list[tuple[str, date]]]:
    """Return by the id of a row to which bodies, and when, a part that was made of it went."""
    sources: dict[uuid.UUID, list[tuple[str, date]]] = {}
    for release in releases:
        if release.state == Release.State.RECALLED:
            continue
        for source in sources_of(keyring, release):
            sources.setdefault(source, []).append((release.body.short_name, timezone.localdate(release.at)))
    return sources


def _of_report(
    file: ComplaintFile, opened: CaseFile, sent: Mapping[uuid.UUID, list[tuple[str, date]]], today: date
) -> ReportRetaliation:
    told = [
        ToldMessage(
            entry.message.pk,
            entry.message.day,
            Retaliation.from_mark(entry.marks[TOLD]),
            entry.text,
            sent.get(entry.message.pk, []),
        )
        for entry in file.thread
        if TOLD in entry.marks
    ]
    notes = [note for note in opened.notes if note.row.complaint_id == file.complaint.pk and note.marks]
    records = [MarkedRecord(entry.message.sequence, entry.message.day, entry.marks) for entry in file.thread]
    records += [MarkedRecord(note.row.sequence, timezone.localdate(note.row.at), note.marks) for note in notes]
    matter = matter_of(records)
    acts = [
        RecordedAct(
            timezone.localdate(note.row.at),
            note.row.author,
            str(note.marks.get(ACT, "")),
            str(note.marks.get(CHECK_IN, "")),
            note.text,
        )
        for note in notes
    ]
    return ReportRetaliation(
        complaint=file.complaint,
        told=told,
        acts=acts,
        check_ins=_check_ins(matter, records, today) if matter else [],
        needs_act=matter is not None and not matter.is_acted_on and not told[-1].passed_on,
    )


def _check_ins(matter: Matter, records: Iterable[MarkedRecord], today: date) -> list[CheckIn]:
    done = {
        str(record.marks[CHECK_IN]): record
        for record in records
        if record.sequence > matter.sequence and CHECK_IN in record.marks
    }
    days = check_in_days(matter.told_on)
    following = next((code for code in days if code not in done), "")
    return [
        CheckIn(
            code=code,
            due_on=due_on,
            done_on=done[code].day if code in done else None,
            is_skipped=code in done and bool(done[code].marks.get("skipped")),
            is_due=code not in done and due_on <= today,
            is_next=code == following,
        )
        for code, due_on in days.items()
    ]


@transaction.atomic
def record_act(
    *, actor: Actor, complaint: Complaint, act: str, words: str, reply: str = "", seen: CaseVersion | None = None
) -> None:
    """Record what the office did, with words for the team alone, and send the reporter ``reply`` ("": nothing).

    Raises as ``case_actions.write_case_note``.
    """
    case_actions.write_case_note(actor=actor, complaint_id=complaint.pk, text=words, seen=seen, marks={ACT: act})
    if reply and complaint.has_reporter:
        case_actions.reply_to_reporter(actor=actor, complaint_id=complaint.pk, text=reply)


# --- The desk ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class UrgentLine:
    """A report that needs something: an act (``needs_act``), or the check-in of the day ``check_in_on``."""

    case: Case
    told_on: date
    needs_act: bool
    check_in_on: date | None


@dataclass(frozen=True)
class UrgentWork:
    """What the desk shows: lines, how many more there are, and whether the register was damaged.

    ``begun_on`` is the day on which a damaged register was begun anew, ``is_damaged`` until that happened.
    """

    lines: list[UrgentLine]
    more: int
    begun_on: date | None = None
    is_damaged: bool = False


NOTHING: Final = UrgentWork([], 0)


def urgent_columns(keyring: Keyring) -> dict[str, Subquery]:
    """Return what the query of the desk reads for :func:`urgent_work`; nothing for a person without a team's key."""
    try:
        return urgent_register.columns(keyring)
    except (Locked, SealError):
        return {}


def urgent_work(*, actor: Actor, values: Mapping[str, object]) -> UrgentWork:
    """Return what of the team's urgent matters needs something today, the person's own cases first.

    ``values`` are those of :func:`urgent_columns`. As for lines of the queue, no entry says that they were read.
    """
    if "register_version" not in values:
        return NOTHING
    try:
        register = urgent_register.read_columns(actor.keyring, values)
    except (Locked, UnpinnedKey):
        return NOTHING
    except SealError:
        logger.error("The register of urgent matters is not as recorded; the desk lists nothing of it")
        return UrgentWork([], 0, is_damaged=True)
    needing = {key: need for key, matter in register.matters.items() if (need := _need(matter, actor.today))}
    cases = _cases_of(actor, needing)
    lines = [UrgentLine(cases[key], needing[key][0], *needing[key][1:]) for key in needing if key in cases]
    person = actor.staff.pk
    lines.sort(
        key=lambda line: (line.case.assignee_id != person, not line.needs_act, line.told_on, line.case.reference)
    )
    return UrgentWork(lines[:LINES_AT_MOST], max(0, len(lines) - LINES_AT_MOST), register.begun_on)


def _need(matter: Matter, today: date) -> tuple[date, bool, date | None] | None:
    """Return the day, whether an act is missing, and the day of the first check-in that is due; None for nothing."""
    due = [day for code, day in check_in_days(matter.told_on).items() if code not in matter.checked and day <= today]
    if matter.is_acted_on and not due:
        return None
    return matter.told_on, not matter.is_acted_on, min(due, default=None)


def _cases_of(actor: Actor, reports: Collection[uuid.UUID]) -> dict[uuid.UUID, Case]:
    """Return the cases of reports that the person may see, by report; two queries."""
    if not reports:
        return {}
    rows = Complaint.objects.filter(pk__in=list(reports), case__in=access.cases_for(actor.staff))
    return {row.pk: row.case for row in rows.select_related("case__lead_body", "case__category")}
