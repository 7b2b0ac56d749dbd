"""The jobs of the clock: closing batches, exporting heads, verifying the chain, and mail to teams with work."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Sequence
from datetime import date, datetime
from pathlib import Path

from django.conf import settings
from django.utils import timezone
from django.utils.functional import Promise, lazy
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from complaints import access
from complaints.adapters import mail, private_file
from complaints.models.session import Heartbeat
from complaints.models.team import Staff
from complaints.models.verification import FAULTS
from complaints.services import alarms, case_deadlines, login_throttle, signin_counts
from complaints.services.audit import (
    batches,
    latest_head,
    log,
    named_faults,
    nightly_run,
    node_files,
    open_batch,
    recorded_restorations,
    rewritten_entries,
    verify_cases,
    verify_erasures,
    verify_states,
)
from complaints.services.audit.faults import Fault
from complaints.services.audit.structure import structure_faults
from complaints.services.erasure import listed
from complaints.services.evidence import worker_key

logger = logging.getLogger(__name__)

# Number of recent heads that are checked again, in case one could not be exported when its batch was closed.
HEADS_KEPT = 60
# A run of the verification ends well within the time limit of a job; the next one goes on.
VERIFY_SECONDS = 200.0
# Mails to staff: subject and text, the same for everybody.
UNTOLD_MAIL = (
    _("The portal's database does not keep what the verification names"),
    _(
        "The nightly verification has named something that is not as it was recorded, and the database did not keep"
        " it: {faults}. The desk may show nothing of it. The file audit-faults.txt on the node that runs jobs names the"
        " place."
    ),
)
FILE_MAIL = (
    _("The verification of the portal cannot write its files"),
    _(
        "The node that runs jobs cannot write beside AUDIT_HEADS_FILE. Until it can, nothing outside of the database"
        " remembers which faults were named and where the audit chain ended."
    ),
)
WORK_MAIL = (
    _("There is work in the portal"),
    _("There is work waiting for your team. Please sign in at the usual address."),
)


def close_batch(*, now: datetime) -> None:
    """Close the open batch where its day is over, then export every head that is not in AUDIT_HEADS_FILE yet.

    Clocks that differ become a fault, which the desk and the mail of :func:`verify_chain` tell. So do rows of the open
    batch that are gone since the last look, what alters the structure of the database by day alone, rules and
    reference data that are not as recorded, reports that stand among the inquiries or as erased, entries written again,
    and backups that were restored.
    """
    today = timezone.localdate(now)
    faults = [
        *structure_faults(),
        *open_batch.look(),
        *verify_states.reference_faults(),
        *verify_cases.kind_faults(),
        *verify_erasures.report_faults(),
        *recorded_restorations.faults(),
    ]
    _keep([*faults, *rewritten_entries.keep(whole=True)], today)
    fault = batches.close_due(now=now)
    if fault is not None:
        _keep([fault], today)
    _export_heads()


def _export_heads() -> None:
    """Append the heads and erasures that have not left yet to AUDIT_HEADS_FILE, then mail them.

    A dead mail server stops no file.

    What could not be mailed waits in a file beside it for the next run, which goes on with the oldest.
    """
    path = settings.AUDIT_HEADS_FILE
    unmailed = path.with_name(f"{path.stem}-unmailed.txt")
    exported = {listed.unsigned(line) for line in _lines(path)}
    # A backup that is restored is erased anew by the list that is kept with the heads.
    lines = [*map(str, reversed(log.heads(limit=HEADS_KEPT))), *listed.exported()]
    new = [line for line in lines if listed.unsigned(line) not in exported]
    # Noted before the head leaves by file: whatever ends this run, no mail is left out.
    waiting = list(dict.fromkeys([*_lines(unmailed), *new])) if settings.AUDIT_HEADS_MAIL else []
    if new and waiting:
        private_file.write(unmailed, "".join(f"{line}\n" for line in waiting))
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="ascii") as file:
        file.write("".join(f"{line}\n" for line in new))
        file.flush()
        os.fsync(file.fileno())
    while waiting and mail.send([settings.AUDIT_HEADS_MAIL], "Audit head", waiting[0]):
        waiting.pop(0)
    if waiting:
        private_file.write(unmailed, "".join(f"{line}\n" for line in waiting))
    else:
        unmailed.unlink(missing_ok=True)


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="ascii").splitlines() if path.exists() else []


def verify_chain(*, today: date, seconds: float = VERIFY_SECONDS) -> None:
    """Go on with the verification of ``today``; once it is finished, mail auditors and administrators if faults wait.

    The text is always the same. A day that has its finished verification is left alone.
    """
    try:
        if nightly_run.is_finished(today=today) or not nightly_run.run(today=today, seconds=seconds):
            return
        waiting = named_faults.waiting()
    except named_faults.FaultsNotStored as error:
        _tell_unstored(error, today)
        raise
    if waiting:
        alarms.tell("faults", today=today)
    if not node_files.is_writable():
        _mail_reviewers(*FILE_MAIL)


def _keep(faults: Sequence[Fault], today: date) -> None:
    """Keep faults that a job has met beside the nightly run; the job goes on, whatever becomes of them."""
    try:
        named_faults.keep(faults, today=today)
    except named_faults.FaultsNotStored as error:
        _tell_unstored(error, today)


def _tell_unstored(error: named_faults.FaultsNotStored, today: date) -> None:
    """Tell faults that the database does not hold: by the log, by a file, and once a day by mail."""
    logger.error("The verification of %s named faults that the database did not keep: %s", today, error)
    is_kept = node_files.write_faults(error.faults, today=today)
    with node_files.changing_memory() as memory:
        is_told = memory.told_on == today.isoformat()
        memory.told_on = today.isoformat()
    if is_told:
        return
    subject, text = UNTOLD_MAIL
    _mail_reviewers(subject, format_lazy(text, faults=_in_words(sorted({fault.code for fault in error.faults}))))
    if not is_kept:
        _mail_reviewers(*FILE_MAIL)


def _in_words(codes: Collection[str]) -> str:
    """Return the words of faults, lazily: each reader has their own language."""
    return lazy(lambda: "; ".join(str(FAULTS[code]) for code in codes), str)()


def _mail_reviewers(subject: Promise, text: Promise) -> None:
    """Mail AUDIT_HEADS_MAIL, whose address stands outside of the database, then every auditor and administrator."""
    if settings.AUDIT_HEADS_MAIL:
        mail.send([settings.AUDIT_HEADS_MAIL], str(subject), str(text))
    mail.send_each(access.reviewers(), subject, text)


def send_staff_mail(*, today: date) -> int:
    """Send one mail to each member of a team with work waiting; return the number of mails sent.

    Auditors and administrators are told where the verification is late: one that never runs tells nothing itself.

    The text is always the same: it reveals neither number nor kind nor time of the reports.
    """
    if nightly_run.is_late(today=today):
        alarms.tell("verification", today=today)
    sent = 0
    for kind, has_work in case_deadlines.work_waiting(today=today).items():
        if has_work:
            people = (person for person in _members(kind) if _may_see_work(person, kind, today))
            sent += mail.send_each(people, *WORK_MAIL)
    return sent


def _may_see_work(person: Staff, kind: str, today: date) -> bool:
    """Whether the conflict lock leaves a person some of the work; for people without a conflict in one query."""
    if not access.conflicted_cases(person).exists():
        return True
    return case_deadlines.work_waiting(today=today, person=person)[kind]


def _members(kind: str) -> list[Staff]:
    people = Staff.objects.filter(is_active=True, memberships__team__kind=kind, memberships__sealed_key__isnull=False)
    return [person for person in people.distinct().order_by("pk") if person.email]


def report_signin_counts(*, today: date, now: datetime) -> None:
    """Mail administrators about accounts with many refused sign-ins, then append the counts of past days."""
    signin_counts.tell_administrators(today=today, now=now)
    signin_counts.record_days(today=today, now=now)


# --- The heartbeat of the job cluster ---------------------------------------------------------------------------------


def record_heartbeat(*, now: datetime) -> None:
    """Record that a job has run, delete the login delays of sources that have ended, and keep the chain's last entry.

    The sign of life comes before the chain: one that was cut off is a fault, and the jobs go on.
    """
    login_throttle.purge(now=now)
    worker_key.compare()
    Heartbeat.objects.update_or_create(pk=1, defaults={"beat_at": now, "worker_key": worker_key.public()})
    _keep([*latest_head.keep(), *rewritten_entries.keep(whole=False)], timezone.localdate(now))
