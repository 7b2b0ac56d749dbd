"""The nightly verification: goes on from a record that the server signed, in bounded memory, and resumes after a kill.

A night verifies all new entries, then the rows of a scope: what has new entries, what is open, and a part of the rest.
Once a week, and when an administrator asks for it, it verifies everything, from the first entry on.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import Q

from complaints.domain import hashchain
from complaints.domain.errors import SealError
from complaints.domain.sealing.primitives import verify
from complaints.models.audit import AuditEntry, ChainHead
from complaints.models.job import JobName
from complaints.models.verification import VerificationFault, VerificationState
from complaints.services.audit import latest_head, log, named_faults, node_files
from complaints.services.audit.entries import ChainPosition, EntryVerifier, chunks
from complaints.services.audit.faults import PARTS, STATE_CHARS, Fault, RowCheck, Scope
from complaints.services.audit.log import Head, parse_heads, server_keys, server_signer
from complaints.services.audit.structure import structure_faults
from complaints.services.audit.verify import ROW_CHECKS, key_chunks

WHOLE_EVERY: Final = timedelta(days=7)
_STATEMENT: Final = b"kanal-netral verification 1"
# The step of a run in which entries are verified, before the checks of rows.
ENTRIES: Final = "entries"


@dataclass
class Record:
    """How far verification has come.

    Attributes:
        position: the last verified entry.
        rows_to: the number of the last entry whose rows are verified; None before the first run.
        finished_on: the day of the last finished run; ``whole_on`` that of the last one over everything.
        named: how many faults were stored when the record was written.
        left_out: how many faults of this run were only counted.
        saves: how often a record was stored, which the node remembers as well.
        cursor: the run under way, None between two runs.
    """

    position: ChainPosition = field(default_factory=ChainPosition)
    rows_to: int | None = None
    finished_on: date | None = None
    whole_on: date | None = None
    named: int = 0
    left_out: int = 0
    saves: int = 0
    cursor: Cursor | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the record as JSON holds it."""
        return {
            "era": 1,
            **self.position.to_json(),
            "rows_to": self.rows_to,
            "finished_on": self.finished_on.isoformat() if self.finished_on else "",
            "whole_on": self.whole_on.isoformat() if self.whole_on else "",
            "named": self.named,
            "left_out": self.left_out,
            "saves": self.saves,
            "cursor": dict(vars(self.cursor)) if self.cursor else None,
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Record:
        """Return the record that :meth:`to_json` wrote."""
        days = {
            name: date.fromisoformat(content[name]) if content[name] else None for name in ("finished_on", "whole_on")
        }
        return cls(
            position=ChainPosition.from_json(content),
            rows_to=content["rows_to"],
            named=content["named"],
            left_out=content["left_out"],
            saves=content["saves"],
            cursor=Cursor(**content["cursor"]) if content["cursor"] else None,
            **days,
        )


@dataclass
class Cursor:
    """Where a run stands.

    Attributes:
        since, part: the scope of its rows.
        end: the number of the last entry when it began.
        step: ENTRIES, or the name of the check of rows.
        after: the last primary key that the check has verified, "" before the first.
    """

    since: int | None
    part: int
    end: int
    step: str = ENTRIES
    after: str = ""

    @property
    def scope(self) -> Scope:
        """The scope of the run's rows."""
        return Scope(self.since, self.part)


def is_finished(*, today: date) -> bool:
    """Whether ``today`` has its finished run, as the record says; False where the record cannot be read."""
    try:
        with transaction.atomic():
            return _Run(today).is_finished
    except DatabaseError:
        return False  # what keeps it from being read is for the run to name


def is_late(*, today: date) -> bool:
    """Whether no verification has finished yesterday or today, although the chain is old enough to have had one.

    A job that somebody keeps from running names nothing, so that its silence has to be told.
    """
    finished_on = last_finished_on()
    return not _is_new(today) if finished_on is None else today - finished_on > timedelta(days=1)


def last_finished_on() -> date | None:
    """Return the day of the last finished run, None where the server has signed no record of one."""
    row = VerificationState.objects.filter(pk=1).first()
    record = _signed_record(row) if row else None
    return record.finished_on if record else None


def _signed_record(row: VerificationState) -> Record | None:
    """Return the record that a row holds, None where it is not as the server signed it."""
    try:
        verify(server_signer().public, _statement(row.record), bytes(row.signature))
        return Record.from_json(row.record)
    except (SealError, hashchain.NotCanonical, KeyError, TypeError, ValueError):
        return None


def _is_by_earlier_key(row: VerificationState) -> bool:
    for key in server_keys()[1:]:
        with suppress(SealError, hashchain.NotCanonical, TypeError, ValueError):
            verify(key, _statement(row.record), bytes(row.signature))
            return True
    return False


def _is_new(today: date) -> bool:
    began_on = log.began_on()
    return began_on is None or today - began_on < timedelta(days=2)


class _Overtaken(Exception):
    """A run in another process has moved the record."""


def run(*, today: date, seconds: float) -> bool:
    """Verify for about ``seconds``, from where the last run stopped; return whether ``today`` has its finished run.

    Faults are stored with the record in one transaction for each chunk, so that a kill at any place loses none. They
    are read again at the end. The structure of the database is compared before a row is read, and again when all is
    done.

    Raises:
        FaultsNotStored: the database refuses faults or does not give them back, or refuses the run where its structure
            is altered.
    """
    end_at = time.monotonic() + seconds
    altered = structure_faults()
    try:
        nightly = _Run(today)
        nightly.begin(altered)
        for _chunk in nightly.chunks():
            if time.monotonic() >= end_at:
                break
        nightly.read_back()
    except _Overtaken:
        return False
    except DatabaseError as error:
        if altered:
            raise named_faults.FaultsNotStored(altered) from error
        raise
    return nightly.is_finished


class _Run:
    """A run: the record, moved and stored with each chunk."""

    def __init__(self, today: date) -> None:
        self._today = today
        self._stored: bytes | None = None
        self._remembered = node_files.read_memory()
        self._met: dict[uuid.UUID, Fault] = {}
        self.record, self._found = self._load()
        self._asked = self._is_asked_again()

    def begin(self, altered: Sequence[Fault]) -> None:
        """Store what is known before a row is verified: the altered structure, and what was done to faults and record.

        Raises as :meth:`_save`.
        """
        with transaction.atomic():
            faults = [*altered, *self._found, *self._gone_faults()]
        if faults:
            self._save(faults)

    def _gone_faults(self) -> list[Fault]:
        """Return the faults of this node that the database has lost, and one that says so."""
        day = self._today.isoformat()
        if gone := named_faults.without_row(self._remembered.faults):
            return [*gone, Fault(None, "faults.gone", f"{len(gone)} faults", day)]
        if VerificationFault.objects.count() < self.record.named:
            return [Fault(None, "faults.gone", state=f"{day}.{self.record.named}")]
        return []

    @property
    def is_finished(self) -> bool:
        """Whether this day has its finished run."""
        return self.record.finished_on == self._today and not self._asked

    def _is_asked_again(self) -> bool:
        """Whether an administrator or auditor has asked for a run since the last verified entry."""
        is_by_administrator = Q(event="job.asked", facts={"job": JobName.VERIFY_CHAIN.value})
        asked = AuditEntry.objects.filter(is_by_administrator | Q(event="verification.asked"))
        return asked.filter(sequence__gt=self.record.position.sequence).exists()

    def chunks(self) -> Iterator[None]:
        """Verify chunk after chunk, beginning a run where none is under way; yield after each stored one."""
        if self.is_finished:
            return
        cursor = self.record.cursor or self._begin()
        if cursor.step == ENTRIES:
            yield from self._entries()
            cursor.step, cursor.after = ROW_CHECKS[0].name, ""
        yield from self._rows(cursor)
        self._finish(cursor)
        yield

    def _begin(self) -> Cursor:
        record = self.record
        is_due = record.whole_on is None or self._today - record.whole_on >= WHOLE_EVERY
        is_whole = is_due or self._asked
        if is_whole or record.rows_to is None:
            record.position, record.rows_to = ChainPosition(), None
        # A run that was asked for goes on after a kill, though this day had its finished run before.
        record.left_out, record.finished_on, self._asked = 0, None, False
        end = ChainHead.objects.get(pk=1).sequence
        record.cursor = Cursor(record.rows_to, self._today.toordinal() % PARTS, end)
        return record.cursor

    def _entries(self) -> Iterator[None]:
        position = self.record.position
        end = ChainHead.objects.get(pk=1)
        verifier = EntryVerifier(position, _heads_of_this_node())
        for chunk in chunks(position.sequence, end.sequence):
            self._save([fault for number, entry in chunk for fault in verifier.faults(number, entry)])
            yield
        self._save([*verifier.end_faults(end), *_count_faults(end)])
        # What lies behind the end is new to the next run.
        position.sequence, position.digest = end.sequence, bytes(end.digest)

    def _rows(self, cursor: Cursor) -> Iterator[None]:
        names = [check.name for check in ROW_CHECKS]
        # A check that a new version of the portal no longer has: begin again with the first.
        place = names.index(cursor.step) if cursor.step in names else 0
        for check in ROW_CHECKS[place:]:
            if cursor.step != check.name:
                cursor.step, cursor.after = check.name, ""
            for keys in key_chunks(check, cursor.scope, cursor.after or None):
                cursor.after = str(keys[-1])
                self._save(_faults_of(check, keys))
                yield

    def _finish(self, cursor: Cursor) -> None:
        record = self.record
        record.finished_on, record.rows_to, record.cursor = self._today, cursor.end, None
        if cursor.since is None:
            record.whole_on = self._today
        faults = structure_faults()
        if record.left_out:
            faults.append(Fault(None, named_faults.MORE, f"{record.left_out} faults", self._today.isoformat()))
        self._save(faults)

    def read_back(self) -> None:
        """Read the faults of this run again, and let the node remember those that other nodes have stored.

        Raises FaultsNotStored for those that are not there.
        """
        lost = named_faults.lost(self._met)
        stored = named_faults.stored_faults(limit=node_files.FAULTS_AT_MOST)
        with node_files.changing_memory() as memory:
            memory.learn(stored)
        if lost:
            raise named_faults.FaultsNotStored(lost)

    def _load(self) -> tuple[Record, list[Fault]]:
        """Return the stored record, and a fault where it is gone or not as signed: then all begins anew."""
        row = VerificationState.objects.filter(pk=1).first()
        remembered = self._remembered.saves
        if row is None and not remembered and _is_new(self._today):
            return Record(), []
        self._stored = bytes(row.signature) if row else None
        record = _signed_record(row) if row else None
        if record is None and row is not None and _is_by_earlier_key(row):
            # The key was changed since: all is verified anew, which is no fault.
            return Record(saves=remembered), []
        if record is None:
            return Record(saves=remembered), [Fault(None, "record.altered", state=self._today.isoformat())]
        if record.saves < remembered:
            older = Fault(None, "record.older", state=f"{record.saves}.{remembered}")
            return Record(saves=remembered), [older]
        return record, []

    def _save(self, faults: Sequence[Fault]) -> None:
        """Store the faults and the record.

        Raises _Overtaken where another process has stored one meanwhile, FaultsNotStored where the database refuses.
        """
        try:
            stored = self._store(faults)
        except DatabaseError as error:
            if faults:
                raise named_faults.FaultsNotStored(faults) from error
            raise
        self._met |= stored
        with node_files.changing_memory() as memory:
            memory.remember(stored)
            # With each chunk: else a record from earlier in this run could be put back.
            memory.saves = max(memory.saves, self.record.saves)

    @transaction.atomic
    def _store(self, faults: Sequence[Fault]) -> dict[uuid.UUID, Fault]:
        record = self.record
        stored = named_faults.store(faults, today=self._today)
        record.left_out += stored.left_out
        record.saves += 1
        record.named = VerificationFault.objects.count()
        content = record.to_json()
        signature = server_signer().sign(_statement(content))
        rows = VerificationState.objects.filter(pk=1)
        if self._stored is None:
            _row, created = rows.get_or_create(pk=1, defaults={"record": content, "signature": signature})
            if not created:
                raise _Overtaken
        elif not rows.filter(signature=self._stored).update(record=content, signature=signature):
            raise _Overtaken
        self._stored = signature
        return stored.faults


def _heads_of_this_node() -> list[Head]:
    """Return the heads that this node has exported: its file lies outside of the database, and remembers its end."""
    path = settings.AUDIT_HEADS_FILE
    lines = path.read_text(encoding="ascii", errors="replace").splitlines() if path.exists() else []
    heads: list[Head] = []
    for line in lines:
        with suppress(ValueError):  # a line that was cut off by a full disk
            heads += parse_heads(line)
    return [*heads, *latest_head.read()]


def _count_faults(end: ChainHead) -> Iterator[Fault]:
    """Yield a fault where entries up to ``end`` are missing: a night reads only those behind the last one's end."""
    count = AuditEntry.objects.filter(sequence__gte=1, sequence__lte=end.sequence).count()
    if count != end.sequence:
        yield Fault(None, "entry.missing", state=f"{count}.{end.sequence}")


def _faults_of(check: RowCheck, keys: Sequence[Any]) -> list[Fault]:
    """Return the faults of a chunk; what no check can read is a fault too, and hides nothing that comes after it."""
    try:
        with transaction.atomic():
            return list(check.faults(keys))
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        return [Fault(None, "rows.unreadable", check.name, f"{type(error).__name__}.{keys[0]}"[:STATE_CHARS])]


def _statement(content: dict[str, Any]) -> bytes:
    return _STATEMENT + hashchain.canonical(content)
