"""Sealed objects and the rows that open them: what is beside an object, making it evidence, streaming it out."""

from __future__ import annotations

import logging
import secrets
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import BinaryIO, Protocol, cast

from django.core.files.storage import storages

from complaints.adapters import media
from complaints.adapters.store import EvidenceStore
from complaints.domain.sealing.primitives import BoxPair, SignPair
from complaints.domain.sealing.records import Context, open_record, seal_record
from complaints.domain.sealing.segments import read_range
from complaints.models.complaint import Complaint
from complaints.models.evidence import DraftFile, Evidence, EvidenceObject
from complaints.services.audit import log
from complaints.services.evidence import worker_key

logger = logging.getLogger(__name__)


def storage() -> EvidenceStore:
    """Return the storage of sealed objects."""
    return cast(EvidenceStore, storages["evidence"])


def new_object_name() -> str:
    """Draw the name of an object."""
    return secrets.token_hex(16)


@dataclass
class FileInfo:
    """What is sealed beside an object: its key and what the file was."""

    key: str
    name: str
    type: str
    length: int
    sha256: str
    betrays: list[str] = field(default_factory=list)
    # Before it was sent: "read", "unreadable", or nobody has looked yet. The worker looks again.
    looked: str = ""
    # What the scanner found in a file that goes to a body, which never holds the worker's findings.
    threat: str = ""

    @property
    def label(self) -> str:
        """The short name of the type."""
        return media.ALLOWED.get(self.type, self.type)


class InfectedFile(Exception):  # noqa: N818
    """The scanner found something in an original, and nobody said that they know; ``threat`` is its name."""

    def __init__(self, threat: str) -> None:
        super().__init__()
        self.threat = threat


class Attachable(Protocol):
    """Something sealed and stored that can become evidence: an upload, or a file of an unfinished report."""

    object_name: str
    object_digest: bytes
    claimed: bool

    @property
    def id(self) -> uuid.UUID | str:
        """The id that the object's segments are bound to."""

    @property
    def info(self) -> FileInfo | None:
        """What is sealed beside it; None where it was refused."""


def delete_object(name: str) -> None:
    """Delete a stored object; an absent one is no error, a dead store leaves it to the sweeper."""
    try:
        storage().delete(name)
    except OSError:
        logger.exception("The evidence storage refused a deletion")


def object_context(item: EvidenceObject | uuid.UUID, evidence: Evidence, *, kind: str = "object") -> Context:
    """The context that the sealed key of a stored object is bound to."""
    identifier = item.pk if isinstance(item, EvidenceObject) else item
    return Context(kind, str(identifier), str(evidence.complaint_id), evidence.sequence)


def attach(
    *,
    complaint: Complaint,
    signer: SignPair,
    files: Iterable[Attachable],
    first: int,
    today: date,
) -> int:
    """Make stored objects evidence of ``complaint``, their keys sealed to it and to the worker.

    Returns:
        the next free sequence number.
    """
    files = list(files)
    gone = _gone(files)
    to_worker = worker_key.public()
    sequence = first
    for item in files:
        info = item.info
        if info is None:
            raise ValueError("refused")
        if str(item.id) in gone:
            sequence += 1
            continue
        object_id = uuid.UUID(str(item.id))
        evidence = Evidence(complaint=complaint, sequence=sequence, day=today)
        body = asdict(info)
        context = object_context(object_id, evidence, kind="worker")
        evidence.worker_grant = seal_record(to_worker, context, body, signer)
        evidence.save(force_insert=True)
        EvidenceObject.objects.create(
            pk=object_id,
            evidence=evidence,
            variant=EvidenceObject.Variant.ORIGINAL,
            object_name=item.object_name,
            object_digest=item.object_digest,
            sealed=seal_record(bytes(complaint.public_key), object_context(object_id, evidence), body, signer),
        )
        sequence += 1
        item.claimed = True
    DraftFile.objects.filter(pk__in=[item.id for item in files]).delete()
    return sequence


def _gone(files: Iterable[Attachable]) -> set[str]:
    """Return the ids of files that waited to be sent and do no more: removed, or sent, from another window."""
    kept = {str(item.id) for item in files if getattr(item, "drafted", False)}
    if not kept:
        return kept
    here = DraftFile.objects.select_for_update().filter(pk__in=kept).values_list("pk", flat=True)
    return kept - set(map(str, here))


def read_info(pair: BoxPair, item: EvidenceObject, evidence: Evidence, complaint: Complaint) -> FileInfo:
    """Open what is sealed beside an object with the complaint's pair; the reporter or the worker must have signed."""
    derived = item.variant != EvidenceObject.Variant.ORIGINAL
    signer = log.server_signer().public if derived else bytes(complaint.reporter_verify_key)
    return FileInfo(**open_record(pair, item.sealed, object_context(item, evidence), signer))


def stream(item: EvidenceObject, info: FileInfo, start: int = 0, end: int | None = None) -> Iterator[bytes]:
    """Yield the plaintext bytes ``start`` to ``end`` (exclusive) of an object; raises SealError on a damaged one."""
    with storage().open(item.object_name, "rb") as stored:
        yield from read_range(cast(BinaryIO, stored), bytes.fromhex(info.key), item.pk.bytes, info.length, start, end)


def referenced_objects() -> set[str]:
    """Return the names of all objects that a row speaks of."""
    # Drafts first: what is sent between the two looks is then seen twice, the other way round not at all.
    names = set(DraftFile.objects.exclude(object_name=None).values_list("object_name", flat=True))
    return {name for name in names if name} | set(EvidenceObject.objects.values_list("object_name", flat=True))
