"""The register of urgent matters of a team: by it the desk shows them without opening every report.

It is written anew whenever a member reads a reporter's message for the first time, answers a reporter, writes a note,
makes a release or recalls one, whatever stands in it: that it was written tells of no retaliation. What it says follows
from messages and notes, which the chain binds. Once it was damaged, each case that is opened puts back what it has
lost, and each with a reporter's message writes it for as long as something lost could still be a matter.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final, Protocol

from django.db import transaction
from django.db.models import Subquery
from django.utils import timezone

from complaints.domain.errors import SealError
from complaints.domain.retaliation import CHECK_INS, TOLD, MarkedRecord, Marks, Matter, matter_of
from complaints.domain.sealing.records import JSON, Context
from complaints.models.case import InternalNote
from complaints.models.complaint import Complaint, Message
from complaints.models.team import Team
from complaints.models.urgent_register import UrgentRegister
from complaints.services import resealing_registry
from complaints.services.actor import Actor
from complaints.services.audit import log, verify_registers
from complaints.services.keyring import Keyring, Locked
from complaints.services.messages import NO_MARKS
from complaints.services.team_key_history import pinned_team

logger = logging.getLogger(__name__)
# A matter takes about 100 bytes. The size tells how many there are in these steps, and nothing of one.
SIZES: Final = (16_384, 65_536, 262_144, 1_048_576)
# What was told so long ago is no matter of the register any more, once all is done about it.
KEPT: Final = timedelta(days=200)
Matters = dict[uuid.UUID, Matter]


@dataclass(frozen=True)
class Register:
    """Urgent matters by report; ``begun_on`` is the day on which a damaged register was begun anew, mostly None."""

    matters: Matters
    begun_on: date | None = None


class ReadMessage(Protocol):
    """A message that was opened; ``is_new`` where nobody of the team had read it."""

    @property
    def message(self) -> Message: ...
    @property
    def is_new(self) -> bool: ...
    @property
    def marks(self) -> Marks: ...


class ReadNote(Protocol):
    """A note that was opened."""

    @property
    def row(self) -> InternalNote: ...
    @property
    def marks(self) -> Marks: ...


def columns(keyring: Keyring) -> dict[str, Subquery]:
    """Return what a query of any one row has to read for :func:`read_columns`; raises Locked.

    The dashboard reads it with its counts: its budget has no query left.
    """
    team = keyring.row_of(keyring.report_team)
    row = UrgentRegister.objects.filter(team=team.pk)
    stored = {f"register_{name}": Subquery(row.values(name)[:1]) for name in ("version", "sealed", "sealed_number")}
    return stored | verify_registers.last_entry(team.pk)


def read_columns(keyring: Keyring, values: Mapping[str, JSON]) -> Register:
    """Return the register of the person's team; raises Locked, and SealError where it is not as recorded."""
    team = keyring.row_of(keyring.report_team)
    version, recorded = values["register_version"], verify_registers.version_of(team.pk, values)
    if version is None and recorded is None:
        return Register({})
    if version is None or int(version) != recorded:
        raise SealError("register")
    row = UrgentRegister(team=team, version=int(version), sealed_number=values["register_sealed_number"])
    sealed = bytes(values["register_sealed"])
    return _decoded(keyring.read_for_team(team, sealed, _context(row), number=row.sealed_number, sizes=SIZES))


def read(keyring: Keyring) -> Register:
    """Return the register of the person's team in one query; raises as :func:`read_columns`."""
    values = Team.objects.filter(slug=keyring.report_team).values(**columns(keyring)).first()
    if values is None:
        raise Locked("team")
    return read_columns(keyring, values)


def note_reading(*, actor: Actor, entries: Collection[ReadMessage], notes: Collection[ReadNote]) -> None:
    """Take into the register what opened messages tell, a reporter's among them; called before the opening is recorded.

    Written anew where a message is read for the first time, and by each opening that shows a reporter's message while
    the register may have lost matters. Neither depends on what was told: the entry of a register stands in clear right
    before that of the opening, and whoever damages the row would read there which cases tell of retaliation.
    """
    if not any(entry.is_new for entry in entries) and not _may_have_lost(actor):
        return
    told = {entry.message.complaint_id for entry in entries if TOLD in entry.marks}
    matters = {report: matter for report in told if (matter := _matter(report, entries, notes))}
    _change(actor, lambda stored: stored | {key: item.joined(stored.get(key)) for key, item in matters.items()})


def follow(*, actor: Actor, reports: Mapping[uuid.UUID, int], marks: Marks = NO_MARKS) -> None:
    """Write the register anew after an act of the office, with what its ``marks`` say.

    ``reports`` are those that it concerns, each with the place in it up to which the act knows what was told.
    """

    def alter(stored: Matters) -> Matters:
        known = {key for key, until in reports.items() if key in stored and stored[key].sequence <= until}
        return stored | {key: stored[key].followed_by(marks) for key in known}

    _change(actor, alter)


def follow_recall(*, actor: Actor, reports: Collection[uuid.UUID], held: Collection[uuid.UUID]) -> None:
    """Write the register anew after releases were recalled, whatever they held.

    ``reports`` are those of the case, ``held`` the messages and other rows of which bodies still hold a part.
    """
    places = set(Message.objects.filter(complaint__in=reports, pk__in=held).values_list("complaint", "sequence"))

    def alter(stored: Matters) -> Matters:
        known = {key: stored[key] for key in reports if key in stored}
        return stored | {key: replace(item, is_forwarded=(key, item.sequence) in places) for key, item in known.items()}

    _change(actor, alter)


def _matter(report: uuid.UUID, entries: Iterable[ReadMessage], notes: Iterable[ReadNote]) -> Matter | None:
    records = [
        MarkedRecord(entry.message.sequence, entry.message.day, entry.marks)
        for entry in entries
        if entry.message.complaint_id == report
    ]
    records += [
        MarkedRecord(note.row.sequence, timezone.localdate(note.row.at), note.marks)
        for note in notes
        if note.row.complaint_id == report
    ]
    return matter_of(records)


def _may_have_lost(actor: Actor) -> bool:
    """Whether the register does not open, or was begun anew so lately that what it lost could still be a matter."""
    try:
        begun_on = read(actor.keyring).begun_on
    except SealError:
        return True
    return begun_on is not None and begun_on > actor.today - KEPT


@transaction.atomic
def _change(actor: Actor, alter: Callable[[Matters], Matters]) -> None:
    """Write the register anew, in the transaction of the act.

    The head of the chain is locked first: it stands before the register in the order of locks.
    """
    log.lock_head()
    keyring, team = actor.keyring, pinned_team(actor.keyring.report_team)
    keyring.team(team)
    try:
        stored = read(keyring)
    except SealError:
        logger.error("The register of urgent matters is not as recorded; it is begun anew")
        stored = Register({}, actor.today)
    matters = {key: item for key, item in alter(stored.matters).items() if _stays(item, actor.today)}
    if matters:
        # Of a report that was erased since, the next writing leaves nothing.
        live = set(Complaint.objects.filter(pk__in=matters).values_list("pk", flat=True))
        matters = {key: item for key, item in matters.items() if key in live}
    row = UrgentRegister(team=team, sealed_number=team.key_number)
    row.version = verify_registers.recorded_version(team.pk) + 1
    row.sealed = keyring.seal_for_team(team, _context(row), _encoded(Register(matters, stored.begun_on)), sizes=SIZES)
    row.save()
    actor.record(verify_registers.SEALED, subject=team.pk, facts={"version": row.version})


def _stays(matter: Matter, today: date) -> bool:
    return not matter.is_finished or matter.told_on > today - KEPT


def _context(row: UrgentRegister) -> Context:
    return Context("urgent-register", str(row.team_id), str(row.team_id), row.version)


def _encoded(register: Register) -> JSON:
    rows = [
        [key.hex, item.told_on.isoformat(), item.sequence, item.has_act + 2 * item.is_forwarded, _checked_codes(item)]
        for key, item in register.matters.items()
    ]
    return {"matters": rows, "begun": register.begun_on.isoformat() if register.begun_on else ""}


def _checked_codes(matter: Matter) -> list[str]:
    return [code for code in CHECK_INS if code in matter.checked]


def _decoded(content: JSON) -> Register:
    matters = {
        uuid.UUID(key): Matter(date.fromisoformat(day), sequence, bool(done & 1), frozenset(checked), bool(done & 2))
        for key, day, sequence, done, checked in content["matters"]
    }
    return Register(matters, date.fromisoformat(content["begun"]) if content["begun"] else None)


resealing_registry.register_records(
    "urgent_register", rows=lambda team: UrgentRegister.objects.filter(team=team), context=_context, sizes=SIZES
)
