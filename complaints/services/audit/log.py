"""Writes the audit chain: an entry for each act of staff or system, one for each batch of what reporters sent."""

from __future__ import annotations

import json
import re
import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Final, NamedTuple

from django.conf import settings
from django.db import models, transaction
from django.db.models import Max
from django.utils import timezone

from complaints import fast_sql
from complaints.domain import hashchain
from complaints.domain.errors import SealError
from complaints.domain.sealing.primitives import SignPair, Stored, blake2b, random_bytes, verify
from complaints.models.audit import EVENTS, AuditEntry, ChainHead
from complaints.models.case import CaseStep
from complaints.models.complaint import Complaint
from complaints.models.oversight import Decision
from complaints.models.team import Staff
from complaints.services.audit.coverage import COVERAGE

_FACT = re.compile(r"[0-9A-Za-z_.:+-]{0,200}")
_HEAD = re.compile(r"(\d{1,5}) (\d{1,9}) (\d{4}-\d\d-\d\d) (\d{1,18}) ([0-9a-f]{64})", re.ASCII)

KEY_BYTES: Final = 32
# Begins each line of the list of erasures (services.erasure.listed).
ERASED: Final = "erased"
# Begins each line that says up to which number and which entry the list goes.
LISTED_UNTIL: Final = "erasures"


class AuditError(Exception):
    """The entry is refused: unknown event, or a fact that is no id, code or digest."""


def digest_of(ciphertext: Stored) -> str:
    """Return the digest (hexadecimal) of a stored ciphertext, as facts hold it."""
    return blake2b(bytes(ciphertext), person=b"ciphertext").hex()


def server_signer() -> SignPair:
    """Return the server's Ed25519 pair, which signs entries of jobs and of people without a key."""
    return _pair_of(settings.SERVER_SIGNING_KEY)


@lru_cache(maxsize=1)
def _pair_of(seed: str) -> SignPair:
    return SignPair.from_seed(bytes.fromhex(seed))


def new_server_key() -> tuple[str, str]:
    """Return a new seed of the server's signing key and its public key, both in hexadecimal."""
    seed = random_bytes(KEY_BYTES)
    return seed.hex(), SignPair.from_seed(seed).public.hex()


def server_keys(sequence: int = 0) -> tuple[bytes, ...]:
    """Return the public keys (Ed25519, 32 bytes) that count as the server's for the entry of this number.

    Today's comes first. An earlier key counts up to the entry with which it was replaced, and for what has no number.
    """
    earlier = _earlier_keys(settings.SERVER_VERIFY_KEYS_OLD)
    return server_signer().public, *(key.public for key in earlier if sequence <= key.last_entry)


def server_keys_of_batch(number: int | None) -> tuple[bytes, ...]:
    """Return the public keys that count as the server's for what was worked on in the batch of this number.

    Today's comes first. An earlier key counts up to the batch that was open when it was replaced: the root of each such
    batch binds what it signed. Without a number today's counts alone.
    """
    earlier = _earlier_keys(settings.SERVER_VERIFY_KEYS_OLD)
    return server_signer().public, *(key.public for key in earlier if number and number <= key.last_batch)


class _EarlierKey(NamedTuple):
    """A public key (Ed25519, 32 bytes) and the numbers of the last entry and of the last batch that it signed in."""

    last_entry: int
    last_batch: int
    public: bytes


@lru_cache(maxsize=1)
def _earlier_keys(text: str) -> tuple[_EarlierKey, ...]:
    """Read ``entry:batch=key`` separated by commas, two numbers and a public key in hexadecimal; raises ValueError."""
    keys = []
    for item in filter(None, (item.strip() for item in text.split(","))):
        numbers, _sign, key = item.partition("=")
        entry, _colon, batch = numbers.partition(":")
        keys.append(_EarlierKey(int(entry), int(batch), bytes.fromhex(key)))
    if any(key.last_entry < 1 or key.last_batch < 0 or len(key.public) != KEY_BYTES for key in keys):
        raise ValueError("SERVER_VERIFY_KEYS_OLD")
    return tuple(keys)


def append(
    *,
    event: str,
    now: datetime,
    actor: Staff | None = None,
    signer: SignPair | None = None,
    case: uuid.UUID | None = None,
    subject: uuid.UUID | None = None,
    facts: Mapping[str, object] | None = None,
    era: int | None = None,
) -> AuditEntry:
    """Append an entry in the caller's transaction; concurrent appends wait for its end.

    ``signer`` is the acting person's key; the server's where None. The server signs every entry beside them, with a key
    that no database holds: an entry that somebody has only written into the table is not genuine. ``subject`` is the
    row that the entry speaks of, by which its newest entry is found. ``era`` begins a new era, after a restoration.

    Raises AuditError for an unknown event, or a fact that is no id, code or digest.
    """
    content = dict(facts or {})
    if event not in EVENTS or not all(
        isinstance(value, int) or (isinstance(value, str) and _FACT.fullmatch(value)) for value in content.values()
    ):
        raise AuditError(event)
    if actor is not None and actor.practising:
        content["practice"] = 1
    server = _pair_of(settings.SERVER_SIGNING_KEY)
    signer = signer or server
    with transaction.atomic(savepoint=False):
        head = ChainHead.objects.select_for_update().get(pk=1)
        entry = AuditEntry(
            sequence=head.sequence + 1,
            at=now,
            event=event,
            actor=actor.pk if actor else None,
            case=case,
            subject=subject,
            era=era or head.era,
            facts=content,
            rights=actor.rights if actor else "",
            signer=signer.public,
            previous=bytes(head.digest),
        )
        entry.digest = hashchain.next_digest(bytes(entry.previous), payload(entry))
        entry.signature = signer.sign(entry.digest)
        entry.countersignature = server.sign(entry.digest)
        # A trigger of the database updates the chain head: complaints.models.triggers.
        entry.save(force_insert=True)
    return entry


def lock_head() -> None:
    """Wait for the appends of others, and let none pass until the caller's transaction ends; it then appends itself."""
    ChainHead.objects.select_for_update().get(pk=1)


def payload(entry: AuditEntry) -> bytes:
    """Return the canonical bytes of an entry that its digest is computed from."""
    return hashchain.canonical(
        {
            "sequence": entry.sequence,
            "at": entry.at.astimezone(UTC).isoformat(),
            "event": entry.event,
            "actor": str(entry.actor) if entry.actor else "",
            "case": str(entry.case) if entry.case else "",
            "subject": str(entry.subject) if entry.subject else "",
            "era": entry.era,
            "facts": entry.facts,
            "rights": entry.rights,
            "signer": bytes(entry.signer).hex(),
        }
    )


def is_genuine(entry: AuditEntry) -> bool:
    """Whether the portal has appended this entry: its digest is that of its columns, and the server has signed it.

    The links between entries are not looked at. Nor is the signature of the person who acted, which the portal made.
    """
    try:
        digest = hashchain.next_digest(bytes(entry.previous), payload(entry))
        stored, signature = bytes(entry.digest), bytes(entry.countersignature)
    except (AttributeError, TypeError, ValueError):
        return False
    return digest == stored and any(_has_signed(key, digest, signature) for key in server_keys(entry.sequence))


@lru_cache(maxsize=4096)
def _has_signed(key: bytes, digest: bytes, signature: bytes) -> bool:
    # The answer depends on these alone; a list that is looked at again verifies 200 signatures once.
    try:
        verify(key, digest, signature)
    except SealError:
        return False
    return True


def is_signed(entry: AuditEntry, signer: bytes) -> bool:
    """Whether the portal has appended an entry, and the key ``signer`` has signed it."""
    return is_genuine(entry) and _has_signed(signer, bytes(entry.digest), bytes(entry.signature))


def is_signed_by_server(entry: AuditEntry) -> bool:
    """Whether the portal has appended an entry, and the server has signed it in place of a person."""
    signer = bytes(entry.signer)
    return signer in server_keys(entry.sequence) and is_signed(entry, signer)


class StepColumns(NamedTuple):
    """The columns of a step that its entry holds, where the rest of the row is not read."""

    sequence: int
    action: str
    source: str
    target: str
    due_on: date | None
    body_id: str | None
    stage: int
    was_late: bool | None


def step_facts(step: CaseStep | StepColumns) -> dict[str, object]:
    """Return the facts of the entry of a step of staff, of a body or of the system."""
    facts: dict[str, object] = {"action": step.action, "from": step.source, "to": step.target, "step": step.sequence}
    late = "" if step.was_late is None else int(step.was_late)
    return facts | {"due": str(step.due_on or ""), "body": step.body_id or "", "stage": step.stage, "late": late}


def opening_facts(shown: Collection[Complaint], reports: Collection[object]) -> dict[str, str]:
    """Return the facts of the entry of an opening that showed some of a case's reports; none where it showed all.

    The first and the last are named by their places: a report that joins the case later shifts the numbers.
    """
    places = sorted(place_of(report) for report in shown)
    return {"first": places[0], "last": places[-1]} if len(places) < len(reports) else {}


def place_of(report: Complaint) -> str:
    """Return the text by which the reports of a case are in order, as by day and key."""
    return f"{report.day.isoformat()}.{report.pk}"


# --- Heads, which leave the machine -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Head:
    """The entry of a closed batch, as it leaves the machine; the day is in ISO form, the digest in hexadecimal."""

    era: int
    batch: int
    day: str
    sequence: int
    digest: str

    def __str__(self) -> str:
        """Return the exported line."""
        return f"{self.era} {self.batch} {self.day} {self.sequence} {self.digest}"


def heads(*, limit: int = 1) -> list[Head]:
    """Return the heads of the last ``limit`` batches, newest first."""
    rows = AuditEntry.objects.filter(event="day.closed").order_by("-sequence")[:limit]
    return [Head(row.era, row.facts["batch"], row.facts["day"], row.sequence, bytes(row.digest).hex()) for row in rows]


def parse_heads(text: str) -> list[Head]:
    """Read lines of ``era batch day sequence digest``; raises ValueError(line number) for any other line.

    Lines of the list of erasures, which leaves with the heads, are passed over.
    """
    parsed = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith((ERASED, LISTED_UNTIL)):
            continue
        match = _HEAD.fullmatch(line.strip().lower())
        if match is None:
            raise ValueError(number)
        era, batch, day, sequence, digest = match.groups()
        parsed.append(Head(int(era), int(batch), day, int(sequence), digest))
    return parsed


# --- Reading entries, without verifying them --------------------------------------------------------------------------


@dataclass(frozen=True)
class RecordedEntry:
    """An entry of the chain; ``digest`` is in hexadecimal, ``actor`` and ``facts`` as recorded."""

    sequence: int
    digest: str
    at: datetime
    event: str
    actor: uuid.UUID | None
    facts: dict[str, str | int]
    case: uuid.UUID | None = None

    @classmethod
    def of(cls, row: AuditEntry) -> RecordedEntry:
        """Return the entry that ``row`` stores."""
        return cls(row.sequence, bytes(row.digest).hex(), row.at, row.event, row.actor, row.facts, row.case)


@dataclass(frozen=True)
class CaseHistory:
    """The steps of a case, each actor with a name and no other columns, and the entries of steps; both in order.

    ``of_rows`` are the other entries that were asked for.
    """

    steps: list[CaseStep]
    entries: list[AuditEntry]
    of_rows: list[AuditEntry] = field(default_factory=list)


_STEP_TAKEN: Final = "case.transition"
_NO_OTHERS: Final = models.Q(pk__in=())
# Columns of an entry, each with that of a step which has the same type.
_SHARED_WITH_STEP: Final = {
    "sequence": "sequence",
    "at": "at",
    "actor": "actor_id",
    "case": "case_id",
    "subject": "id",
    "event": "action",
    "rights": "source",
    "signature": "signature",
}


def read_history(
    case: uuid.UUID, *, subjects: Collection[uuid.UUID] = (), events: Collection[str] = (), also: models.Q = _NO_OTHERS
) -> CaseHistory:
    """Return the steps of a case and their entries, those of ``events`` about some rows, and ``also``, in one query."""
    wanted = models.Q(case=case, event=_STEP_TAKEN) | also
    if subjects:
        wanted |= models.Q(subject__in=subjects, event__in=events)
    read = read_steps_and_entries(CaseStep.objects.filter(case=case), AuditEntry.objects.filter(wanted))
    entries = [entry for entry in read.entries if entry.event == _STEP_TAKEN]
    return CaseHistory(read.steps, entries, [entry for entry in read.entries if entry.event != _STEP_TAKEN])


def read_steps_and_entries(steps: models.QuerySet[CaseStep], entries: models.QuerySet[AuditEntry]) -> CaseHistory:
    """Return steps and entries, each in order, in one query."""
    rows = fast_sql.read_both(entries, steps, shared=_SHARED_WITH_STEP, person="actor")
    in_order = sorted(rows[0], key=lambda entry: entry.sequence)
    return CaseHistory(sorted(rows[1], key=lambda step: step.sequence), in_order)


def entries_of_cases(*, cases: Collection[uuid.UUID], events: Collection[str]) -> list[RecordedEntry]:
    """Return the entries of cases with these events, in order."""
    rows = AuditEntry.objects.filter(case__in=cases, event__in=events).order_by("sequence")
    return [RecordedEntry.of(row) for row in rows]


def last_entry(event: str) -> RecordedEntry | None:
    """Return the newest entry of an event, or None."""
    row = AuditEntry.objects.filter(event=event).order_by("-sequence").first()
    return RecordedEntry.of(row) if row else None


def last_entry_about(subject: uuid.UUID, event: str = "") -> RecordedEntry | None:
    """Return the newest entry that speaks of a row, with ``event`` of this event alone, or None."""
    rows = AuditEntry.objects.filter(subject=subject, **({"event": event} if event else {}))
    row = rows.order_by("-sequence").first()
    return RecordedEntry.of(row) if row else None


def was_release_opened(first: uuid.UUID, *, number: int) -> bool:
    """Whether a body has opened a forwarding when its release ``number``, it or a supplement to it, was there."""
    facts = {"facts__release": str(first), "facts__newest__gte": number}
    return AuditEntry.objects.filter(event="release.opened", **facts).exists()


def last_days(*, actors: Collection[uuid.UUID], events: Collection[str]) -> dict[uuid.UUID, date]:
    """Return by person the last day (portal time zone) with an entry of one of ``events``; without one left out."""
    rows = AuditEntry.objects.filter(actor__in=actors, event__in=events).order_by().values("actor")
    latest = rows.annotate(last=Max("at")).values_list("actor", "last")
    return {actor: timezone.localdate(last) for actor, last in latest if actor is not None}


def began_on() -> date | None:
    """Return the day (portal time zone) of the chain's first entry, None where there is none."""
    first = AuditEntry.objects.order_by("sequence").values_list("at", flat=True).first()
    return timezone.localdate(first) if first else None


def head() -> tuple[int, str]:
    """Return the number and the digest (hexadecimal) of the chain's last entry."""
    row = ChainHead.objects.get(pk=1)
    return row.sequence, bytes(row.digest).hex()


def era() -> int:
    """Return how often the portal was restored, and one: the era of the next entry."""
    return ChainHead.objects.values_list("era", flat=True).get(pk=1)


# --- Digests of the clear columns of rows, for the entries of their acts ----------------------------------------------


def is_decision_recorded(row: Decision) -> bool:
    """Whether a genuine entry of its author records a body's decision as it stands; one query."""
    entries = AuditEntry.objects.filter(event="decision.recorded", facts__decision=str(row.pk), actor=row.author_id)
    stored = (row_digest(row), digest_of(row.sealed))
    recorded = [entry for entry in entries if (entry.facts.get("row"), entry.facts.get("digest")) == stored]
    return any(is_genuine(entry) for entry in recorded)


def recorded_decisions(cases: Collection[uuid.UUID]) -> Mapping[str, set[tuple[uuid.UUID | None, str, str]]]:
    """Return by the id of a body's decision the author and both digests that genuine entries record; one query."""
    decisions: dict[str, set[tuple[uuid.UUID | None, str, str]]] = defaultdict(set)
    for entry in AuditEntry.objects.filter(case__in=cases, event="decision.recorded"):
        if is_genuine(entry):
            row, digest = str(entry.facts.get("row")), str(entry.facts.get("digest"))
            decisions[str(entry.facts.get("decision"))].add((entry.actor, row, digest))
    return decisions


def row_digest(row: models.Model) -> str:
    """Return the digest (hexadecimal) of the clear columns that the entry of an act records of a new row."""
    columns = COVERAGE[type(row).__name__].recorded
    return digest_of_columns(columns, [row.serializable_value(name) for name in columns])


def digest_of_columns(columns: Sequence[str], values: Iterable[object]) -> str:
    """Return the digest of :func:`row_digest` from the values of the ``recorded`` columns of a table."""
    return blake2b(hashchain.canonical(plain(zip(columns, values, strict=True))), person=b"clear columns").hex()


# What using a second factor leaves in its data: the last code's step, used recovery codes, when they were shown.
_MARKS_OF_USE: Final = frozenset({"step", "used_mask", "viewed_at"})


def plain(pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
    """Return columns and their values with values that JSON can hold."""
    return {name: _plain_value(value) for name, value in pairs}


def _plain_value(value: object) -> object:
    """Return a column's value in a form that has one canonical encoding, the same on both databases."""
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict):
        value = {name: value[name] for name in value.keys() - _MARKS_OF_USE}
    if isinstance(value, dict | list | float):
        # The data of a second factor. As text: whoever writes to the database can put a number with a fraction there.
        return json.dumps(value, sort_keys=True)
    return str(value) if isinstance(value, uuid.UUID) else value
