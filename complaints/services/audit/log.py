"""Writes the audit chain: an entry for each act of staff or system, one for each day of what reporters sent."""

from __future__ import annotations

import re
import uuid
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, TypeAlias

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, Max, OuterRef, QuerySet
from django.utils import timezone

from complaints.domain import hashchain
from complaints.domain.sealing.primitives import SignPair, Stored, blake2b
from complaints.domain.workflow import ActorKind
from complaints.models.audit import EVENTS, AuditEntry, ChainHead
from complaints.models.case import CaseStep
from complaints.models.case_links import CaseMove
from complaints.models.complaint import Complaint, KeyGrant, Message
from complaints.models.evidence import Evidence, EvidenceObject
from complaints.models.team import Staff

# The columns of a report that never change after it was sent.
COMPLAINT_COLUMNS = (
    "lookup", "reporter_key", "reporter_verify_key", "public_key", "key_signature", "commitment", "sealed_answers",
    "sealed_summary",
)  # fmt: skip
# Rows of any table, each as its id and its columns for :func:`_leaf`.
LeafRows: TypeAlias = "QuerySet[Any, tuple[Any, ...]]"
_FACT = re.compile(r"[0-9A-Za-z_.:+-]{0,200}")


class AuditError(Exception):
    """The entry is refused: unknown event, or a fact that is no id, code or digest."""


def digest_of(ciphertext: Stored) -> str:
    """Return the digest (hexadecimal) of a stored ciphertext, as facts hold it."""
    return blake2b(bytes(ciphertext), person=b"ciphertext").hex()


def server_signer() -> SignPair:
    """Return the server's Ed25519 pair, which signs entries of jobs and of people without a key."""
    return SignPair.from_seed(bytes.fromhex(settings.SERVER_SIGNING_KEY))


def append(
    *,
    event: str,
    now: datetime,
    actor: Staff | None = None,
    signer: SignPair | None = None,
    case: uuid.UUID | None = None,
    subject: uuid.UUID | None = None,
    facts: Mapping[str, object] | None = None,
) -> AuditEntry:
    """Append an entry in the caller's transaction; concurrent appends wait for its end.

    ``signer`` is the acting person's key; the server's where None. ``subject`` is the row that the entry speaks of, by
    which its newest entry is found. Raises AuditError for an unknown event, or a fact that is no id, code or digest.
    """
    content = dict(facts or {})
    if event not in EVENTS or not all(
        isinstance(value, int) or (isinstance(value, str) and _FACT.fullmatch(value)) for value in content.values()
    ):
        raise AuditError(event)
    if actor is not None and actor.practising:
        content["practice"] = 1
    signer = signer or server_signer()
    with transaction.atomic(savepoint=False):
        head = ChainHead.objects.select_for_update().get(pk=1)
        entry = AuditEntry(
            sequence=head.sequence + 1,
            at=now,
            event=event,
            actor=actor.pk if actor else None,
            case=case,
            subject=subject,
            facts=content,
            signer=signer.public,
            previous=bytes(head.digest),
        )
        entry.digest = hashchain.next_digest(bytes(entry.previous), payload(entry))
        entry.signature = signer.sign(entry.digest)
        # A trigger of the database updates the chain head: complaints.models.triggers.
        entry.save(force_insert=True)
    return entry


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
            "signer": bytes(entry.signer).hex(),
        }
    )


def _leaf(kind: str, row: uuid.UUID, *values: bytes | uuid.UUID | None) -> bytes:
    """Return the Merkle leaf of a row: its id and values, so that ciphertexts exchanged between rows do not match."""
    raw_values = (value.bytes if isinstance(value, uuid.UUID) else bytes(value or b"") for value in values)
    return _leaf_of(kind, row, *(blake2b(raw, person=b"ciphertext") for raw in raw_values))


def _leaf_of(kind: str, row: uuid.UUID, *digests: bytes) -> bytes:
    return blake2b(kind.encode() + b"\0" + row.bytes + b"".join(digests), person=b"day leaf")


def day_digests(day: date) -> Iterator[bytes]:
    """Yield a Merkle leaf for every row of ``day`` by reporters: reports, grants, messages, files, posts, steps."""
    sent = Complaint.objects.filter(day=day).values_list("pk", *COMPLAINT_COLUMNS)
    messages = Message.objects.from_reporter().filter(day=day)
    originals = EvidenceObject.objects.filter(evidence__day=day, variant=EvidenceObject.Variant.ORIGINAL)
    posts = Evidence.objects.filter(day=day, kind=Evidence.Kind.POST)
    rows: dict[str, LeafRows] = {
        "complaint": sent,
        "message": messages.values_list("pk", "complaint", "sealed", "sealed_for_release"),
        "object": originals.values_list("pk", "evidence__complaint", "sealed", "object_digest"),
        "post": posts.values_list("pk", "complaint", "sealed_post"),
    }
    for kind, queryset in rows.items():
        for row, *values in queryset.iterator():
            yield _leaf(kind, row, *values)
    yield from _grants(day)
    yield from _reporter_steps(day)
    yield from _reporter_moves(day)


def _grants(day: date) -> Iterator[bytes]:
    """Yield a leaf for each grant as the reporter sealed it; a grant that was sealed again keeps its first digest."""
    grants = KeyGrant.objects.filter(complaint__day=day).values_list(
        "pk", "complaint", "team", "sealed", "first_digest"
    )
    for row, complaint, team, sealed, first_digest in grants.iterator():
        owners = [blake2b(owner.bytes, person=b"ciphertext") for owner in (complaint, team)]
        digest = bytes(first_digest) if first_digest else blake2b(bytes(sealed), person=b"ciphertext")
        yield _leaf_of("grant", row, *owners, digest)


def _reporter_steps(day: date) -> Iterator[bytes]:
    """Yield a leaf for each step of a reporter: it has no entry of its own, which would record its time."""
    steps = CaseStep.objects.filter(day=day, actor_kind=ActorKind.REPORTER.value)
    for row, case, *clear in steps.values_list("pk", "case", "sequence", "action", "source", "target").iterator():
        yield _leaf("step", row, case, hashchain.canonical({"step": clear}))


def _reporter_moves(day: date) -> Iterator[bytes]:
    """Yield a leaf for each move of a report that its reporter withdrew from a joint case."""
    clear = ("number", "source_steps", "target_steps")
    moves = CaseMove.objects.filter(day=day, actor__isnull=True).order_by("pk")
    for row, report, source, target, *numbers in moves.values_list("pk", "complaint", "source", "target", *clear):
        yield _leaf("move", row, report, source, target, hashchain.canonical({"move": numbers}))


def close_day(*, day: date, now: datetime) -> AuditEntry | None:
    """Append the Merkle root of all that reporters sent on ``day``; None where the day is closed already."""
    with transaction.atomic():
        ChainHead.objects.select_for_update().get(pk=1)
        if AuditEntry.objects.filter(event="day.closed", facts__day=day.isoformat()).exists():
            return None
        digests = list(day_digests(day))
        facts = {"day": day.isoformat(), "root": hashchain.merkle_root(digests).hex(), "count": len(digests)}
        return append(event="day.closed", now=now, facts=facts)


def heads(*, limit: int = 1) -> list[tuple[int, str, str]]:
    """Return the last ``limit`` day entries as (sequence, ISO day, digest in hexadecimal), newest first, for export."""
    rows = AuditEntry.objects.filter(event="day.closed").order_by("-sequence")[:limit]
    return [(row.sequence, row.facts["day"], bytes(row.digest).hex()) for row in rows]


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

    @classmethod
    def of(cls, row: AuditEntry) -> RecordedEntry:
        """Return the entry that ``row`` stores."""
        return cls(row.sequence, bytes(row.digest).hex(), row.at, row.event, row.actor, row.facts)


def entries_of_case(*, case: uuid.UUID, events: Collection[str]) -> list[RecordedEntry]:
    """Return the entries of a case with these events, in order."""
    return [
        RecordedEntry.of(row) for row in AuditEntry.objects.filter(case=case, event__in=events).order_by("sequence")
    ]


def recorded_today(event: str, actor: Staff | None, day: date, *, case: str = "pk") -> Exists:
    """Return the condition that ``actor`` caused ``event`` on ``day`` (portal time zone).

    ``case`` is the field of the outer query that holds the id of the case.
    """
    actor_id = actor.pk if actor else None
    return Exists(AuditEntry.objects.filter(case=OuterRef(case), event=event, actor=actor_id, at__date=day))


def last_entry(event: str) -> RecordedEntry | None:
    """Return the newest entry of an event, or None."""
    row = AuditEntry.objects.filter(event=event).order_by("-sequence").first()
    return RecordedEntry.of(row) if row else None


def last_entry_about(subject: uuid.UUID) -> RecordedEntry | None:
    """Return the newest entry that speaks of a row, or None."""
    row = AuditEntry.objects.filter(subject=subject).order_by("-sequence").first()
    return RecordedEntry.of(row) if row else None


def last_days(*, actors: Collection[uuid.UUID], events: Collection[str]) -> dict[uuid.UUID, date]:
    """Return by person the last day (portal time zone) with an entry of one of ``events``; without one left out."""
    rows = AuditEntry.objects.filter(actor__in=actors, event__in=events).order_by().values("actor")
    latest = rows.annotate(last=Max("at")).values_list("actor", "last")
    return {actor: timezone.localdate(last) for actor, last in latest if actor is not None}


def head() -> tuple[int, str]:
    """Return the number and the digest (hexadecimal) of the chain's last entry."""
    row = ChainHead.objects.get(pk=1)
    return row.sequence, bytes(row.digest).hex()
