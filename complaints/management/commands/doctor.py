"""``manage.py doctor``: what is wrong with this installation, and how to mend it.

It runs the checks of ``check --deploy``, then asks what only a running installation can tell: whether database, store,
scanner, Redis and mail server answer, and which alarms are due. It changes nothing and prints no secret.
"""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from smtplib import SMTPException
from typing import Final

from django.conf import settings
from django.core import checks
from django.core.cache import caches
from django.core.mail import get_connection
from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone, translation

from complaints.adapters import malware
from complaints.adapters.certificate import Certificate
from complaints.services import alarms, measurement
from complaints.services.evidence import storage
from complaints.services.measurement import Watched

# Nobody takes this text for a file, and every scanner with signatures names it (eicar.org). Put together here, so that
# no scanner names this file.
TEST_SIGNATURE: Final = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STAND" + b"ARD-ANTIVIRUS-TEST-FILE!$H+H*"
SIGNATURES_AGE: Final = timedelta(days=7)
_PIECE: Final = bytes(1024 * 1024)
# systemd-timesyncd makes the folder when it runs and the file once the clock is set.
_TIMESYNC: Final = Path("/run/systemd/timesync")
_NOT_BEFORE: Final = "Looked at nothing further: the database has to answer first."
_IN_ORDER, _WEIGH, _WRONG = "in order", "weigh", "wrong"


@dataclass(frozen=True)
class Finding:
    """One line: "in order", "weigh" (for a person to decide) or "wrong"; an id, what it is, and how to mend it."""

    state: str
    id: str
    text: str
    hint: str = ""


class Command(BaseCommand):
    """Exit status 0: nothing is wrong; 1: something is, and each line says how to mend it."""

    help = (
        "Says what is wrong with this installation and how to mend it. Run it as the user of the portal, with the "
        "environment of its units. Ends with status 1 where something is wrong."
    )
    # The checks run below, and are told as findings.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON list of findings")

    def handle(self, *args: object, **options: object) -> None:
        # What a check logs while something is away would stand between the lines.
        logging.disable(logging.ERROR)
        try:
            with translation.override("en"):
                findings = list(examine(now=timezone.now()))
        finally:
            logging.disable(logging.NOTSET)
        if options["json"]:
            self.stdout.write(json.dumps([asdict(finding) for finding in findings], indent=2))
        else:
            self._write(findings)
        if any(finding.state == _WRONG for finding in findings):
            raise SystemExit(1)

    def _write(self, findings: list[Finding]) -> None:
        for state in (_WRONG, _WEIGH, _IN_ORDER):
            for finding in (finding for finding in findings if finding.state == state):
                self.stdout.write(f"{state:8} {finding.id}: {finding.text}")
                if finding.hint:
                    self.stdout.write(f"         {finding.hint}")
        numbers = {state: sum(finding.state == state for finding in findings) for state in (_WRONG, _WEIGH)}
        self.stdout.write(f"{numbers[_WRONG]} wrong, {numbers[_WEIGH]} to weigh.")


def examine(*, now: datetime) -> Iterator[Finding]:
    """Yield what is wrong, what is to be weighed and what is in order, each with a hint where there is one to give."""
    yield from _deployment()
    for look in (_store, _scanner, _redis, _mail, _time):
        yield from look()
    yield from _database(now)


def _deployment() -> Iterator[Finding]:
    messages = checks.run_checks(include_deployment_checks=True)
    for message in messages:
        if not message.is_silenced():
            state = _WRONG if message.level >= checks.ERROR else _WEIGH
            yield Finding(state, str(message.id), str(message.msg), str(message.hint or ""))
    if not messages:
        yield Finding(_IN_ORDER, "settings", "check --deploy has nothing to say.")


def _store() -> Iterator[Finding]:
    name, content = storage.new_object_name(), secrets.token_bytes(32)
    try:
        storage.storage().put(name, content)
        is_same = storage.storage().get(name) == content
        storage.storage().delete(name)
    except OSError as error:
        hint = "Is EVIDENCE_DIR mounted and the portal's own, or the bucket there and its key right? Is there space?"
        yield Finding(_WRONG, "store", f"The evidence storage cannot be written ({type(error).__name__}).", hint)
        return
    if is_same:
        yield Finding(_IN_ORDER, "store", "The evidence storage takes an object, gives it back and deletes it.")
    else:
        yield Finding(_WRONG, "store", "The evidence storage gave back something else.", "Look at its disk.")


def _scanner() -> Iterator[Finding]:
    path = settings.CLAMD_SOCKET
    if not path:  # the check W010 says so
        return
    verdict = malware.scan([TEST_SIGNATURE], socket_path=path, timeout_seconds=30)
    if verdict.state != "infected":
        hint = "Start clamav-daemon, let the portal's user open its socket, and let freshclam fetch signatures."
        text = "clamd does not answer." if verdict.reason == "down" else "clamd does not know the test signature."
        yield Finding(_WRONG, "clamd", text, hint)
        return
    yield Finding(_IN_ORDER, "clamd", "clamd answers and names the test signature.")
    largest = settings.EVIDENCE_MAX_FILE_BYTES
    zeros = (_PIECE[: min(len(_PIECE), largest - at)] for at in range(0, largest, len(_PIECE)))
    if malware.scan(zeros, socket_path=path, timeout_seconds=120).state != "clean":
        hint = "Raise StreamMaxLength, MaxFileSize and MaxScanSize in clamd.conf above EVIDENCE_MAX_FILE_BYTES."
        yield Finding(_WRONG, "clamd", "clamd does not take a file of the largest size.", hint)
    made_on = malware.signatures_of(socket_path=path)
    if made_on is None or timezone.now() - made_on > SIGNATURES_AGE:
        hint = "Start clamav-freshclam; without a way to the internet bring the files of signatures by hand."
        yield Finding(_WEIGH, "clamd", "The signatures of clamd are older than a week.", hint)


def _redis() -> Iterator[Finding]:
    if not str(settings.CACHES["default"]["BACKEND"]).endswith("RedisCache"):
        return
    key, value = f"doctor-{secrets.token_hex(8)}", secrets.token_hex(8)
    cache = caches["default"]
    cache.set(key, value, 10)
    if cache.get(key) == value:
        yield Finding(_IN_ORDER, "redis", "Redis answers.")
    else:
        hint = "Pages go on without it, and count anew. Start it, and look at REDIS_URL."
        yield Finding(_WRONG, "redis", "Redis does not answer, or does not keep what is put there.", hint)


def _mail() -> Iterator[Finding]:
    if settings.EMAIL_BACKEND.endswith("smtp.EmailBackend"):
        try:
            with get_connection():
                yield Finding(_IN_ORDER, "mail", "The mail server answers.")
        except (OSError, SMTPException) as error:
            hint = "Look at EMAIL_HOST, its port, user and password; heads and alarms wait until it answers."
            yield Finding(_WRONG, "mail", f"The mail server does not answer ({type(error).__name__}).", hint)
    unmailed = settings.AUDIT_HEADS_FILE.with_name(f"{settings.AUDIT_HEADS_FILE.stem}-unmailed.txt")
    if unmailed.exists():
        yield Finding(_WEIGH, "mail", "Heads of the audit chain wait for the mail server.", f"They are in {unmailed}.")


def _time() -> Iterator[Finding]:
    if _TIMESYNC.is_dir() and not (_TIMESYNC / "synchronized").exists():
        hint = "timedatectl timesync-status says which server was asked; let UDP 123 through, or name another server."
        yield Finding(_WRONG, "time", "The clock of this machine was not set by any server since it started.", hint)


def _database(now: datetime) -> Iterator[Finding]:
    try:
        connection.ensure_connection()
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            hint = "As the owner of the tables: manage.py migrate, then manage.py database_roles."
            yield Finding(_WRONG, "migrate", "Tables are not those of this version.", hint)
            return
        watched = measurement.watched(now=now)
    except DatabaseError as error:
        alarm = alarms.BY_CODE["database"]
        yield Finding(_WRONG, "database", f"{alarm.words} ({type(error).__name__}).", f"{alarm.advice} {_NOT_BEFORE}")
        return
    yield Finding(_IN_ORDER, "database", "The database answers.")
    facts = _facts(watched)
    for alarm in alarms.due(watched):
        yield Finding(_WRONG, alarm.code, f"{alarm.words}. {facts.pop(alarm.code, '')}".rstrip(), str(alarm.advice))
    yield from (Finding(_IN_ORDER, code, text) for code, text in facts.items())


def _facts(watched: Watched) -> dict[str, str]:
    """Return what is known of each matter, by the code of its alarm."""
    facts = {
        "failing": f"Jobs that failed three times in a row: {watched.jobs_given_up}.",
        "faults": f"Faults that wait for auditors: {watched.faults}.",
        "verification": f"Last finished verification: {watched.verified_on or 'none'}.",
        "heads": f"Last closed day: {watched.head_on or 'none'}.",
        "backup": f"Last backup: {watched.backups.made_on or 'none'}.",
        "rehearsal": f"Last rehearsed restoration: {watched.backups.rehearsed_on or 'none'}.",
    }
    if watched.waited is not None:
        minutes = int((watched.waited + measurement.WAIT_STEP).total_seconds() / 60)
        facts["jobs"] = f"The job that is due longest has waited less than {minutes} minutes."
    if watched.team_keys:
        made = ", ".join(f"{key.slug} of {key.made_on}" for key in watched.team_keys)
        facts["team_keys"] = f"Keys of the teams: {made}."
    if watched.certificates:
        facts["certificate"] = " ".join(map(_of_certificate, watched.certificates))
    if measured := watched.measured:
        facts["worker_key"] = f"The worker's key is of {measured.worker_key_on or 'an unknown day'}."
        facts["space"] = f"Free, in percent: store {_known(measured.store_free)}, disk {_known(measured.disk_free)}."
        facts["files"] = f"Files in tens: {measured.files_waiting} wait, {measured.files_failed} could not be read."
        facts["drafts"] = f"Unfinished reports take {measured.drafts_used} percent of their room."
    return facts


def _known(share: int | None) -> str:
    return "unknown" if share is None else str(share)


def _of_certificate(shown: Certificate) -> str:
    problems = {"away": "nobody shows one at PROXY_ADDRESS", "refused": "browsers refuse it"}
    state = f"ends on {shown.ends:%Y-%m-%d}" if shown.ends else problems[shown.problem]
    return f"Certificate of {shown.name}: {state}."
