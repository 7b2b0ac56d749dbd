"""How the installation stands, in words, for administrators: what is watched, what is wrong, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from django.http import HttpResponse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from complaints import access
from complaints.adapters.certificate import Certificate
from complaints.admin.base import StaffRequest, render, staff_page
from complaints.models.verification import FAULTS
from complaints.services import alarms, measurement
from complaints.services.alarms import Alarm
from complaints.services.measurement import WAIT_STEP, Watched


@dataclass(frozen=True)
class Line:
    """A line of the page: a matter, what is known of it, and its alarms that are due."""

    label: str
    words: str
    alarms: list[Alarm]


@staff_page("GET", opens_for=access.may_administer)
def operation(request: StaffRequest) -> HttpResponse:
    """Show what is watched."""
    watched = measurement.watched(now=timezone.now())
    due = {alarm.code: alarm for alarm in alarms.due(watched)}
    lines = [
        Line(label, words, [due[code] for code in codes if code in due]) for label, words, codes in _matters(watched)
    ]
    context = {"title": _("Operation"), "lines": lines, "alarms": len(due), "measured": watched.measured}
    return render(request, "admin/operation.html", context)


def _matters(watched: Watched) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield each matter: its label, what is known of it, and the codes of its alarms."""
    yield _("Background jobs"), _waited(watched), ("jobs", "failing", "file_jobs", "figures")
    faults = _("%(number)s wait for two auditors.") % {"number": watched.faults}
    yield _("Faults in the records"), faults if watched.faults else _("None waits for auditors."), ("faults",)
    yield _("Last break of the audit chain"), _last_fault(watched), ()
    yield _("Last verification that finished"), _day(watched.verified_on), ("verification",)
    yield _("Last day closed in the audit chain"), _day(watched.head_on), ("heads", "clock")
    yield _("Last backup"), _day(watched.backups.made_on), ("backup",)
    yield _("Last rehearsed restoration"), _day(watched.backups.rehearsed_on), ("rehearsal",)
    if watched.certificates:
        yield _("Certificate"), " ".join(map(_of_certificate, watched.certificates)), ("certificate",)
    if watched.team_keys:
        made = (
            _("%(team)s: made on %(day)s.") % {"team": key.name, "day": _day(key.made_on)} for key in watched.team_keys
        )
        yield _("Keys of the teams"), " ".join(made), ()
    if measured := watched.measured:
        yield _("Worker's key"), _replaced(measured.worker_key_on), ("worker_key",)
        yield _("Free space"), _space(measured.store_free, measured.disk_free), ("space",)
        files = {"waiting": measured.files_waiting, "failed": measured.files_failed}
        words = _("About %(waiting)s wait for their working copy, about %(failed)s could not be read.") % files
        yield _("Files of reports"), words, ("files",)
        words = _("They take %(share)s percent of their room.") % {"share": measured.drafts_used}
        yield _("Unfinished reports"), words, ("drafts",)


def _waited(watched: Watched) -> str:
    if watched.waited is None:
        return _("No job has run yet.")
    minutes = int((watched.waited + WAIT_STEP).total_seconds() / 60)
    return _("The job that is due longest has waited less than %(minutes)s minutes.") % {"minutes": minutes}


def _last_fault(watched: Watched) -> str:
    if watched.last_fault is None:
        return _("None was ever named.")
    return f"{FAULTS[watched.last_fault.fault.code]} ({_day(watched.last_fault.day)})"


def _day(day: date | None) -> str:
    return _("There was none yet.") if day is None else date_format(day, "l, j M Y")


def _replaced(day: date | None) -> str:
    return _("Nobody knows when it was replaced.") if day is None else _("Replaced on %(day)s.") % {"day": _day(day)}


def _space(store: int | None, disk: int | None) -> str:
    shares = [(_("Store of files: %(share)s percent."), store), (_("Disk of the portal: %(share)s percent."), disk)]
    known = [words % {"share": share} for words, share in shares if share is not None]
    return " ".join(known) or _("The store does not tell.")


def _of_certificate(shown: Certificate) -> str:
    if shown.ends:
        return _("%(name)s: ends on %(day)s.") % {"name": shown.name, "day": _day(timezone.localdate(shown.ends))}
    if shown.problem == "refused":
        return _("%(name)s: browsers refuse it.") % {"name": shown.name}
    return _("%(name)s: the proxy does not answer.") % {"name": shown.name}
