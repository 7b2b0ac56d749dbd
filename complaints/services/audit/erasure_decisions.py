"""Decisions on erasures, holds and requests as the chain records them; a row that says otherwise decides nothing.

A hold counts where the chain or its row says that it is in force: deleting the row lets nobody erase the report. Of a
request no table says anything.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Final, NamedTuple

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from complaints.domain.sealing.primitives import blake2b
from complaints.models.audit import AuditEntry, ChainHead
from complaints.models.complaint import Complaint
from complaints.models.erasure import Erasure, LegalHold
from complaints.services.audit import log
from complaints.services.audit.entitlement import is_entitled
from complaints.services.audit.faults import Fault, RowCheck, Rows, Scope, once
from complaints.services.audit.recorded_erasures import CONFIRMED, PROPOSED, REFUSED, UNREADABLE

_OF_ERASURES: Final = (PROPOSED, REFUSED, CONFIRMED, UNREADABLE)
HOLD_SET: Final = "hold.set"
LIFT_ASKED: Final = "hold.lift_asked"
HOLD_LIFTED: Final = "hold.lifted"
_OF_HOLDS: Final = (HOLD_SET, LIFT_ASKED, HOLD_LIFTED)
REQUESTED: Final = "erasure.requested"
DECLINED: Final = "erasure.declined"
_OF_REQUESTS: Final = (REQUESTED, DECLINED)
_State = Erasure.State


# --- Erasures ---------------------------------------------------------------------------------------------------------


class ErasureColumns(NamedTuple):
    """The columns of an erasure that its entries lead to; ``state`` is "" for a begun one, whose steps say where."""

    complaint: uuid.UUID
    ground: str
    rule: str
    state: str
    proposed: tuple[uuid.UUID | None, date]
    confirmed: tuple[uuid.UUID | None, date | None]
    refused: tuple[uuid.UUID | None, date | None]


def is_recorded(row: Erasure) -> bool:
    """Whether a proposal or a confirmed erasure is as genuine entries of entitled people say; asked before each act."""
    entries = AuditEntry.objects.filter(subject=row.pk, event__in=_OF_ERASURES).order_by("sequence")
    genuine = [entry for entry in entries if is_entitled(entry) and log.is_genuine(entry)]
    return _led_to(genuine) == _columns_of(row)


def _led_to(entries: Sequence[AuditEntry]) -> ErasureColumns | None:
    """Return what the entries of one erasure lead to; None where they begin with no proposal."""
    columns: ErasureColumns | None = None
    for entry in entries:
        by = entry.actor, timezone.localdate(entry.at)
        if columns is None and entry.event == PROPOSED:
            complaint = uuid.UUID(str(entry.facts["complaint"]))
            ground, rule = str(entry.facts["ground"]), str(entry.facts["rule"])
            columns = ErasureColumns(complaint, ground, rule, _State.PROPOSED.value, by, (None, None), (None, None))
        elif columns is None:
            return None
        elif entry.event == CONFIRMED:
            columns = columns._replace(state=_State.CONFIRMED.value, confirmed=by)
        elif entry.event == REFUSED:
            columns = columns._replace(state=_State.REFUSED.value, refused=by)
        elif entry.event == UNREADABLE:
            columns = columns._replace(state="")
    return columns


def _columns_of(row: Erasure) -> ErasureColumns:
    return ErasureColumns(
        row.complaint_id,
        row.ground,
        row.rule,
        "" if row.state in Erasure.BEGUN else row.state,
        (row.proposed_by_id, row.proposed_on or date.min),
        (row.confirmed_by_id, row.confirmed_on),
        (row.refused_by_id, row.refused_on),
    )


def _erasures(_scope: Scope) -> Rows:
    return Erasure.objects.exclude(ground=Erasure.Ground.LISTED)


def _erasure_faults(keys: Sequence[uuid.UUID]) -> Iterator[Fault]:
    """Yield the erasures that are not as their entries lead to, and those that one person alone brought about."""
    with transaction.atomic():
        ChainHead.objects.select_for_update().get(pk=1)
        rows = list(Erasure.objects.filter(pk__in=keys))
        entries: dict[uuid.UUID | None, list[AuditEntry]] = {row.pk: [] for row in rows}
        for entry in AuditEntry.objects.filter(subject__in=keys, event__in=_OF_ERASURES).order_by("sequence"):
            entries[entry.subject].append(entry)
        for row in rows:
            of_row = entries[row.pk]
            if _led_to(of_row) != _columns_of(row):
                code = "state.altered" if of_row else "state.unrecorded"
                yield Fault(of_row[-1].sequence if of_row else None, code, f"erasure {row.pk}", _digest(row))
            yield from _one_person(of_row)


def _one_person(entries: Sequence[AuditEntry]) -> Iterator[Fault]:
    proposed_by = {entry.actor for entry in entries if entry.event == PROPOSED}
    for entry in entries:
        if entry.event == CONFIRMED and entry.actor in proposed_by:
            yield Fault(entry.sequence, "entry.same_person")
        elif entry.event == CONFIRMED and not proposed_by:
            yield Fault(entry.sequence, "entry.no_proposal")


def _digest(row: Erasure | LegalHold) -> str:
    columns = [str(getattr(row, field.attname)) for field in row._meta.concrete_fields if field.attname != "root"]
    return blake2b(repr(columns).encode(), person=b"erasure columns", size=16).hex()


def _gone(_head: Sequence[object]) -> Iterator[Fault]:
    """Yield the erasures that were proposed and the holds that were set and whose row is gone."""
    stored = Erasure.objects.filter(pk=OuterRef("subject"))
    entries = AuditEntry.objects.filter(~Exists(stored), event=PROPOSED).order_by("sequence")
    for sequence, subject in entries.values_list("sequence", "subject"):
        yield Fault(sequence, "state.gone", f"erasure {subject}")
    holds = {str(pk) for pk in LegalHold.objects.values_list("pk", flat=True)}
    set_holds = AuditEntry.objects.filter(event=HOLD_SET).order_by("sequence").values_list("sequence", "facts__hold")
    for sequence, hold in set_holds:
        if hold not in holds:
            yield Fault(sequence, "state.gone", f"legal hold {hold}")


# --- Legal holds ------------------------------------------------------------------------------------------------------


def held(complaints: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Return the reports with a legal hold in force, by its row or by the chain; two queries."""
    rows = LegalHold.objects.filter(complaint__in=complaints, lifted_on=None)
    reports = set(rows.values_list("complaint", flat=True))
    in_force: set[uuid.UUID | None] = set()
    for entry in filter(log.is_genuine, _entries_of_holds(complaints)):
        if entry.event == HOLD_SET:
            in_force.add(entry.subject)
        elif entry.event == HOLD_LIFTED:
            in_force.discard(entry.subject)
    return reports | {report for report in in_force if report}


def _entries_of_holds(complaints: Collection[uuid.UUID]) -> QuerySet[AuditEntry]:
    return AuditEntry.objects.filter(subject__in=complaints, event__in=_OF_HOLDS).order_by("sequence")


def _hold_columns(row: LegalHold) -> tuple[object, ...]:
    by = row.set_by_id, row.set_on, row.lift_asked_by_id, row.lifted_by_id, row.lifted_on
    return row.complaint_id, row.ground, *by


def is_hold_recorded(row: LegalHold) -> bool:
    """Whether a hold is as its genuine entries say."""
    entries = filter(log.is_genuine, _entries_of_holds([row.complaint_id]))
    return _hold_led_to([entry for entry in entries if entry.facts["hold"] == str(row.pk)]) == _hold_columns(row)


def _hold_led_to(entries: Sequence[AuditEntry]) -> tuple[object, ...] | None:
    columns: tuple[object, ...] | None = None
    for entry in entries:
        if entry.event == HOLD_SET and columns is None:
            day = timezone.localdate(entry.at)
            columns = (entry.subject, entry.facts["ground"], entry.actor, day, None, None, None)
        elif columns is None:
            return None
        elif entry.event == LIFT_ASKED:
            columns = (*columns[:4], entry.actor, None, None)
        else:
            columns = (*columns[:5], entry.actor, timezone.localdate(entry.at))
    return columns


def _holds(_scope: Scope) -> Rows:
    return LegalHold.objects.all()


def _hold_faults(keys: Sequence[uuid.UUID]) -> Iterator[Fault]:
    """Yield the holds that are not as their entries lead to, and those that one person alone lifted."""
    with transaction.atomic():
        ChainHead.objects.select_for_update().get(pk=1)
        rows = list(LegalHold.objects.filter(pk__in=keys))
        entries: dict[str, list[AuditEntry]] = {}
        for entry in _entries_of_holds({row.complaint_id for row in rows}):
            entries.setdefault(str(entry.facts.get("hold")), []).append(entry)
        for row in rows:
            of_row, asked_by = entries.get(str(row.pk), []), None
            if _hold_led_to(of_row) != _hold_columns(row):
                code = "state.altered" if of_row else "state.unrecorded"
                yield Fault(of_row[-1].sequence if of_row else None, code, f"legal hold {row.pk}", _digest(row))
            for entry in of_row:
                if entry.event == HOLD_LIFTED and entry.actor == asked_by:
                    yield Fault(entry.sequence, "entry.same_person")
                asked_by = entry.actor if entry.event == LIFT_ASKED else asked_by


# --- Requests for erasure ---------------------------------------------------------------------------------------------


class Asker(StrEnum):
    """Who asks that a report is erased."""

    REPORTER = "reporter"
    ACCUSED = "accused"
    OTHER = "other"


class Answer(StrEnum):
    """What became of a request: one that is granted becomes an erasure, which another person confirms."""

    OPEN = "open"
    GRANTED = "granted"
    DECLINED = "declined"


@dataclass(frozen=True)
class ErasureRequest:
    """A request to erase ``complaint``; ``number`` is that of its entry, ``note`` the internal note with its words."""

    number: int
    complaint: uuid.UUID
    asker: Asker
    asked_on: date
    answer_by: date
    note: uuid.UUID
    answer: Answer = Answer.OPEN


def requests_of(complaints: Collection[uuid.UUID]) -> dict[uuid.UUID, ErasureRequest]:
    """Return the newest request on each of some reports that has one; two queries."""
    newest: dict[uuid.UUID, ErasureRequest] = {}
    entries = AuditEntry.objects.filter(subject__in=complaints, event__in=_OF_REQUESTS).order_by("sequence")
    for entry in filter(log.is_genuine, filter(is_entitled, entries)):
        report = entry.subject
        if report is None:
            continue
        if entry.event == REQUESTED:
            newest[report] = _request(entry, report)
        elif report in newest and newest[report].answer is Answer.OPEN:
            newest[report] = replace(newest[report], answer=Answer.DECLINED)
    for report in _granted().filter(complaint_id__in=newest).values_list("complaint_id", flat=True):
        newest[report] = replace(newest[report], answer=Answer.GRANTED)
    return newest


def _granted() -> QuerySet[Erasure]:
    return Erasure.objects.filter(ground=Erasure.Ground.REQUEST, confirmed_by__isnull=False)


def _request(entry: AuditEntry, report: uuid.UUID) -> ErasureRequest:
    facts = {name: str(entry.facts[name]) for name in ("asker", "asked_on", "answer_by", "note")}
    return ErasureRequest(
        number=entry.sequence,
        complaint=report,
        asker=Asker(facts["asker"]),
        asked_on=date.fromisoformat(facts["asked_on"]),
        answer_by=date.fromisoformat(facts["answer_by"]),
        note=uuid.UUID(facts["note"]),
    )


def open_requests() -> QuerySet[Complaint]:
    """Return the reports with a request that nobody has answered, by the entries alone, for counts and lists."""
    later = AuditEntry.objects.filter(sequence__gt=OuterRef("sequence"))
    declined = later.filter(event=DECLINED, subject=OuterRef("subject"))
    asked = AuditEntry.objects.filter(~Exists(declined), event=REQUESTED)
    reports = Complaint.objects.filter(pk__in=asked.values("subject"))
    return reports.exclude(pk__in=_granted().values("complaint_id"))


CHECKS: Final = (
    RowCheck("erasure", _erasures, _erasure_faults),
    RowCheck("legal_hold", _holds, _hold_faults),
    RowCheck("erasure_gone", once, _gone),
)
