"""Erases reports whose erasure two people have entered: first the keys, then the rows, then the objects, then the case.

Each step is one transaction that ends with its entry in the chain and tells by the erasure's state what comes next, so
that the work goes on after a kill wherever it was. It runs as a database role of its own (kanal_erase), the only one
that may delete what else is only added.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Collection
from datetime import date, datetime, timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone

from complaints.models.batch import KeptLeaf
from complaints.models.case import AgencyKind, Case
from complaints.models.case_links import CaseMove
from complaints.models.complaint import Complaint
from complaints.models.erasure import ErasedObject, Erasure
from complaints.models.oversight import Release
from complaints.models.session import KeptForms
from complaints.services.audit import leaves, log, recorded_erasures
from complaints.services.erasure import obstacles, remains
from complaints.services.erasure.remains import Remains
from complaints.services.evidence import storage

logger = logging.getLogger(__name__)
State = Erasure.State
# Rows, or objects, that one transaction deletes.
SLICE: Final = 200
# How long a code tells that its report was erased.
CODE_DAYS: Final = 365


def work(*, now: datetime) -> int:
    """Go on with every erasure that is confirmed and not done; return how many were done.

    One that something stops, a legal hold or an examining body, waits. One that fails does not keep back the others.

    Raises:
        OSError: the storage kept an object.
    """
    done, failed = 0, False
    for erasure in Erasure.objects.filter(state__in=Erasure.TO_DO).order_by("pk"):
        try:
            done += erase(erasure.pk, now=now)
        except OSError:
            failed = True
            logger.error("The evidence storage kept objects of a report that is being erased")
    forget_codes(today=timezone.localdate(now))
    if failed:
        raise OSError("Objects of erased reports could not be deleted")
    return done


def erase(erasure: uuid.UUID, *, now: datetime) -> bool:
    """Take one step after the other until an erasure is done; return False where something stops it."""
    while (state := Erasure.objects.values_list("state", flat=True).get(pk=erasure)) != State.DONE:
        if state == State.CONFIRMED:
            if not _make_unreadable(erasure, now):
                return False
        elif state == State.UNREADABLE:
            _delete_slice(erasure, now)
        elif state == State.ROWS_GONE:
            _delete_objects(erasure, now)
        elif state == State.OBJECTS_GONE:
            _finish(erasure, now)
        else:
            return False
    return True


def may_begin(erasure: Erasure, *, today: date) -> str | None:
    """Return why an erasure may not begin, None where it may; asked once more while its report is locked.

    "not_agreed": the chain has no entries of two people. Else the first obstacle of its report: a legal hold, an
    examining body, a case that was opened again.
    """
    recorded = recorded_erasures.recorded([erasure.pk])[erasure.pk]
    if not recorded.is_agreed or recorded.complaint != str(erasure.complaint_id):
        return "not_agreed"
    if recorded.is_listed:
        return None  # it was done before, and by then nothing stopped it
    reports = Complaint.objects.filter(pk=erasure.complaint_id).select_related("case")
    in_the_way = obstacles.of_reports(list(reports), today=today).get(erasure.complaint_id, ())
    return in_the_way[0].value if in_the_way else None


def is_stored(complaint: uuid.UUID) -> bool:
    """Whether a report is there and not erased."""
    return Complaint.objects.filter(pk=complaint).exists()


def forget_codes(*, today: date) -> int:
    """Forget the codes of reports that were erased a year ago; return how many.

    The key by which a code's holder signs stays where steps are signed with it: nothing else says who took them.
    """
    done = Erasure.objects.filter(state=State.DONE, done_on__lt=today - timedelta(days=CODE_DAYS))
    reports = Complaint.stored.filter(pk__in=done.values("complaint_id"), lookup__isnull=False)
    return reports.update(lookup=None)


# --- The steps --------------------------------------------------------------------------------------------------------


@transaction.atomic
def _make_unreadable(key: uuid.UUID, now: datetime) -> bool:
    """Delete, in one transaction, every grant and key of a report, and what other keys open of it."""
    erasure = _locked(key, State.CONFIRMED)
    if erasure is None:
        return True
    report = remains.report_of(erasure.complaint_id)
    if report is None:
        # Of a list: it came after the backup that was restored.
        erasure.done_on = erasure.done_on or timezone.localdate(now)
        return _record(erasure, State.OBJECTS_GONE, recorded_erasures.UNREADABLE, now)
    cases = _cases_of(report)
    _lock_cases_and_releases(report, cases)
    if may_begin(erasure, today=timezone.localdate(now)):
        return False
    all_of_it = remains.of_report(report.pk)
    remains.keep(erasure, remains.readable_leaves(all_of_it), remains.objects_of(all_of_it))
    for rows in remains.readable_rows(all_of_it):
        remains.delete(rows)
    remains.empty(all_of_it)
    # What an officer has begun to write about it, and nobody else can read.
    people = recorded_erasures.people_of(cases)
    remains.delete(KeptForms.objects.filter(pk__in=people))
    erasure.done_on = erasure.done_on or timezone.localdate(now)
    Complaint.stored.filter(pk=report.pk).update(erased_on=erasure.done_on, **remains.BLANK)
    return _record(erasure, State.UNREADABLE, recorded_erasures.UNREADABLE, now, case=report.case_id)


@transaction.atomic
def _delete_slice(key: uuid.UUID, now: datetime) -> None:
    """Delete the next rows that are sealed to keys which are gone; the last slice ends this state."""
    erasure = _locked(key, State.UNREADABLE)
    if erasure is None:
        return
    left = remains.begun(erasure)
    table, rows = _next_rows(left)
    if table is not None:
        remains.keep(erasure, remains.slice_leaves(table, rows), remains.slice_objects(table, rows))
        remains.delete(table.rows(left).filter(pk__in=rows))
    is_last = _next_rows(left)[0] is None
    _record(erasure, State.ROWS_GONE if is_last else State.UNREADABLE, recorded_erasures.SLICE, now)


def _next_rows(left: Remains) -> tuple[remains.Table | None, list[uuid.UUID]]:
    for table in remains.TABLES:
        if rows := list(table.rows(left).values_list("pk", flat=True)[:SLICE]):
            return table, rows
    return None, []


def _delete_objects(key: uuid.UUID, now: datetime) -> None:
    """Delete the next stored objects, then their names; raises OSError where the storage kept one."""
    names = list(ErasedObject.objects.filter(erasure=key).values_list("object_name", flat=True)[:SLICE])
    if not storage.delete_objects(names):
        raise OSError("erased object")
    with transaction.atomic():
        erasure = _locked(key, State.ROWS_GONE)
        if erasure is None:
            return
        remains.delete(ErasedObject.objects.filter(object_name__in=names))
        is_last = not erasure.objects_left.exists()
        _record(erasure, State.OBJECTS_GONE if is_last else State.ROWS_GONE, recorded_erasures.SLICE, now)


@transaction.atomic
def _finish(key: uuid.UUID, now: datetime) -> None:
    """Take place, kinds and salt out of the cases in which no report is left, and note that all is done."""
    erasure = _locked(key, State.OBJECTS_GONE)
    if erasure is None:
        return
    report = remains.report_of(erasure.complaint_id)
    cases = [report.case_id, report.pk] if report else []
    for case in Case.objects.select_for_update().filter(pk__in=cases).exclude(salt=b"").order_by("pk"):
        if not Complaint.objects.filter(case=case.pk).exists() and not Complaint.objects.filter(pk=case.pk).exists():
            _blank(erasure, case, now)
    _record(erasure, State.DONE, recorded_erasures.DONE, now, case=report.case_id if report else None)


def _blank(erasure: Erasure, case: Case, now: datetime) -> None:
    """Take out of a case what it says of its reports; the leaves of how it was filed are computed with its salt."""
    filed = leaves.filing_leaves_of(case.pk)
    kept = [KeptLeaf(kind=leaf.kind, row=leaf.row, batch=leaf.batch, digest=leaf.digest) for leaf in filed]
    remains.keep(erasure, kept, ())
    blank = {"category": None, "accused_kind": None, "province": None, "agency_kind": AgencyKind.UNKNOWN, "salt": b""}
    Case.objects.filter(pk=case.pk).update(**blank)
    facts = {"complaint": str(erasure.complaint_id)}
    log.append(event=recorded_erasures.CASE, now=now, case=case.pk, subject=erasure.pk, facts=facts)


def _locked(key: uuid.UUID, state: str) -> Erasure | None:
    """Lock an erasure; None where another process has brought it further meanwhile."""
    return Erasure.objects.select_for_update().filter(pk=key, state=state).first()


def _record(erasure: Erasure, state: str, event: str, now: datetime, *, case: uuid.UUID | None = None) -> bool:
    """Note how far an erasure has come, and enter the root of all leaves that it has kept; return True."""
    log.lock_head()
    root, count = recorded_erasures.stored_root(erasure.pk)
    erasure.state, erasure.root = state, bytes.fromhex(root)
    erasure.save(update_fields=["state", "root", "done_on"])
    facts: dict[str, object] = {"complaint": str(erasure.complaint_id), "root": root, "count": count}
    if event == recorded_erasures.UNREADABLE:
        # For the list that leaves the machine (services.erasure.listed): a gap in it is seen.
        facts |= {"number": recorded_erasures.next_number(), "day": str(erasure.done_on)}
    log.append(event=event, now=now, case=case, subject=erasure.pk, facts=facts)
    return True


def _cases_of(report: Complaint) -> set[uuid.UUID]:
    """Return the cases that a report is or was in, and the one it came with."""
    moves = CaseMove.objects.filter(complaint=report.pk).values_list("source", "target")
    return {report.case_id, report.pk, *(case for move in moves for case in move)}


def _lock_cases_and_releases(report: Complaint, cases: Collection[uuid.UUID]) -> None:
    list(Case.objects.select_for_update().filter(pk__in=cases).order_by("pk").values_list("pk"))
    held = report.released.values("release")
    list(Release.stored.select_for_update().filter(pk__in=held).order_by("pk").values_list("pk"))
