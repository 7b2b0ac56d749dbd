"""Alarms of the installation: when each is due, its words, and its mail, at most once a day.

What no reporter's act can set off is told at once. The others follow from the rounded figures, which change at fixed
hours alone (``services.measurement``), or from a day.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from django.conf import settings
from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from complaints import access
from complaints.adapters import mail
from complaints.services.audit import node_files
from complaints.services.measurement import Watched, is_old

logger = logging.getLogger(__name__)

# A job on a large file takes five minutes at most, one that failed comes again after eleven.
SILENT_AFTER: Final = timedelta(minutes=30)
HEAD_EVERY: Final = timedelta(days=2)
# Replaced weekly by a timer; what is sealed to it waits for a week.
WORKER_KEY_EVERY: Final = timedelta(days=14)
FREE_AT_LEAST: Final = 10
DRAFTS_AT_MOST: Final = 50
FAILED_AT_MOST, WAITING_AT_MOST = 10, 50


@dataclass(frozen=True)
class Alarm:
    """An alarm: what is wrong, what to do, and when it is due.

    ``is_due`` is None for an alarm that no look at the database can tell; ``for_reviewers`` says that auditors are told
    too.
    """

    code: str
    words: Promise
    advice: Promise
    is_due: Callable[[Watched], bool] | None
    for_reviewers: bool = False


def _is_space_short(watched: Watched) -> bool:
    measured = watched.measured
    shares = (measured.store_free, measured.disk_free) if measured else ()
    return any(share is not None and share < FREE_AT_LEAST for share in shares)


def _are_files_left(watched: Watched) -> bool:
    measured = watched.measured
    return measured is not None and (
        measured.files_failed >= FAILED_AT_MOST or measured.files_waiting >= WAITING_AT_MOST
    )


def _is_worker_key_old(watched: Watched) -> bool:
    replaced_on = watched.measured.worker_key_on if watched.measured else None
    is_old_key = replaced_on is not None and watched.today - replaced_on > WORKER_KEY_EVERY
    return watched.is_worker_key_stale or is_old_key


def _is_certificate_bad(watched: Watched) -> bool:
    return any(shown.problem or shown.is_near_end(watched.now) for shown in watched.certificates)


ALARMS: Final = (
    Alarm(
        "database",
        _("The portal's database does not answer"),
        _("No report can be taken. Look at PostgreSQL and its disk; nothing else can be told until it answers."),
        None,
    ),
    Alarm(
        "jobs",
        _("The background jobs of the portal stand still"),
        _(
            "For more than half an hour no job was done: no deadline runs, no day is closed and no file is read. Start"
            " the job runner (kanal-jobs) and read its log."
        ),
        lambda watched: watched.waited is None or watched.waited >= SILENT_AFTER,
    ),
    Alarm(
        "failing",
        _("A background job of the portal fails"),
        _("It failed three times in a row. The page of background jobs names it, the log the line of code."),
        lambda watched: watched.jobs_given_up > 0,
    ),
    Alarm(
        "faults",
        _("Fault in the records of the portal"),
        _(
            "The nightly verification has named something that is not as it was recorded."
            " Please sign in at the usual address."
        ),
        lambda watched: watched.faults > 0,
        for_reviewers=True,
    ),
    Alarm(
        "verification",
        _("The verification of the portal's records is late"),
        _(
            "No verification of the records has finished since the day before yesterday. Somebody or something keeps it"
            " from running. Please look at the jobs of the portal."
        ),
        lambda watched: watched.is_verification_late,
        for_reviewers=True,
    ),
    Alarm(
        "heads",
        _("No day was closed in the audit chain for more than two days"),
        _("No head has left the portal since. Look at the job that closes the day, and at the clocks of both servers."),
        lambda watched: watched.head_on is not None and watched.today - watched.head_on > HEAD_EVERY,
    ),
    Alarm(
        "clock",
        _("The clocks of database and portal differ"),
        _("They differ by more than 15 minutes, so that no day is closed. Set both by NTP."),
        lambda watched: watched.do_clocks_differ,
    ),
    Alarm(
        "backup",
        _("No backup of the portal was made for more than two days"),
        _("Run manage.py backup by hand and read what it says, then look at the timer kanal-backup."),
        lambda watched: watched.backups.is_late,
    ),
    Alarm(
        "certificate",
        _("The certificate of the portal is near its end, or browsers refuse it"),
        _("Reporters will not reach the portal. Renew the certificate and reload nginx."),
        _is_certificate_bad,
    ),
    Alarm(
        "worker_key",
        _("The worker's key was not replaced, or not on every server"),
        _(
            "It is older than two weeks, or this server has another one than the job runner. Look at the timer"
            " kanal-rotate, and bring WORKER_PUBLIC_KEY to every server."
        ),
        _is_worker_key_old,
    ),
    Alarm(
        "figures",
        _("The rounded figures of the portal are old"),
        _("They are worked out every six hours. Look at the page of background jobs."),
        lambda watched: is_old(watched.measured, now=watched.now),
    ),
    Alarm(
        "space",
        _("The portal has little free space"),
        _("Less than a tenth is free in the store of files or on the disk. Enlarge it, and delete nothing by hand."),
        _is_space_short,
    ),
    Alarm(
        "files",
        _("Many files of reports wait or could not be read"),
        _("Look whether clamd and the sandbox work. Triage finds on its desk the cases with files that were not read."),
        _are_files_left,
    ),
    Alarm(
        "file_jobs",
        _("A background job on what reporters send fails"),
        _("It failed three times in a row. The page of background jobs names it, the log the line of code."),
        lambda watched: watched.measured is not None and watched.measured.jobs_failing > 0,
    ),
    Alarm(
        "drafts",
        _("Unfinished reports take half of their room in the database"),
        _("Somebody begins very many. Nothing has to be done unless it goes on; then limit requests at the proxy."),
        lambda watched: watched.measured is not None and watched.measured.drafts_used >= DRAFTS_AT_MOST,
    ),
    Alarm(
        "rehearsal",
        _("No backup was restored as a rehearsal for a quarter"),
        _("Restore the newest one on a machine that nobody reaches, and record it."),
        lambda watched: watched.backups.is_rehearsal_late,
    ),
)
BY_CODE: Final = {alarm.code: alarm for alarm in ALARMS}


def due(watched: Watched) -> Iterator[Alarm]:
    """Yield the alarms that are due, in their order."""
    yield from (alarm for alarm in ALARMS if alarm.is_due is not None and alarm.is_due(watched))


# What this process has told, by code: without it a node that cannot write its file would mail every ten minutes.
_told: dict[str, str] = {}


def tell(code: str, *, today: date) -> bool:
    """Mail an alarm to ALARM_MAIL and to administrators, some to auditors too; False where it was mailed today.

    Of a database that does not answer only ALARM_MAIL is told, which stands outside of it.
    """
    day, alarm = today.isoformat(), BY_CODE[code]
    with node_files.changing_memory() as memory:
        is_told = memory.alarms.get(code) == day or (_told.get(code) == day and not node_files.is_writable())
        memory.alarms[code] = _told[code] = day
    if is_told:
        return False
    logger.error("Alarm: %s", code)
    text = format_lazy("{words}\n\n{advice}", words=alarm.words, advice=alarm.advice)
    for address in _addresses(alarm):
        mail.send([address], str(alarm.words), str(text))
    if alarm.is_due is not None:
        mail.send_each(access.reviewers() if alarm.for_reviewers else access.administrators(), alarm.words, text)
    return True


def _addresses(alarm: Alarm) -> list[str]:
    """Return the addresses outside of the database, each once; auditors' heads go to one of them."""
    addresses = [settings.ALARM_MAIL, *([settings.AUDIT_HEADS_MAIL] if alarm.for_reviewers else [])]
    return list(dict.fromkeys(address for address in addresses if address))


def tell_due(watched: Watched) -> list[str]:
    """Mail the alarms that are due and were not mailed today; return their codes."""
    return [alarm.code for alarm in due(watched) if tell(alarm.code, today=watched.today)]
