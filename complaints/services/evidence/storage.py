"""Stored objects and the rows whose sealed keys open them: attaching evidence, reading it and its file report."""

from __future__ import annotations

import contextlib
import logging
import secrets
import uuid
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import BinaryIO, Protocol, cast

from django.conf import settings
from django.core.files.storage import storages

from complaints.adapters.media import kinds
from complaints.adapters.store import EvidenceStore
from complaints.domain.errors import SealError
from complaints.domain.sealing.primitives import BoxPair, SignPair
from complaints.domain.sealing.records import Context, open_record_of, seal_record
from complaints.domain.sealing.segments import DigestMismatch, compared, read_range
from complaints.models.complaint import Complaint
from complaints.models.evidence import DraftFile, Evidence, EvidenceObject
from complaints.models.oversight import DecisionCopy
from complaints.services import team_key_history
from complaints.services.audit import log
from complaints.services.evidence import worker_key

logger = logging.getLogger(__name__)


def storage() -> EvidenceStore:
    """Return the storage of sealed objects."""
    return cast(EvidenceStore, storages["evidence"])


def new_object_name() -> str:
    """Draw a random object name (32 hexadecimal digits)."""
    return secrets.token_hex(16)


@dataclass
class FileInfo:
    """What is sealed beside an object: its key (hexadecimal) and the name, type, length and digest of the file."""

    key: str
    name: str
    type: str
    length: int
    sha256: str
    betrays: list[str] = field(default_factory=list)
    # The metadata check before sending: "read", "unreadable", "locked" (by a password), or "" (not checked). The worker
    # repeats it.
    looked: str = ""
    # The scanner's result in a released file; a body cannot open the worker's file report.
    threat: str = ""
    # What a released working copy lacks or hides, for the same reason.
    losses: list[str] = field(default_factory=list)
    # Of a redacted PDF, where the picture of each page begins and ends, in bytes: a page is one JPEG.
    pictures: list[list[int]] = field(default_factory=list)

    @property
    def label(self) -> str:
        return kinds.ALLOWED.get(self.type, self.type)


@dataclass
class FileReport:
    """The worker's result for a file, sealed beside it; codes only, for which the screens have the text.

    ``scan`` is "off" or a state of adapters.malware, ``threat`` its name. ``disagrees`` says that name and content have
    different types, ``betrays`` what metadata reveals, ``looked`` whether it could be read ("read", "unreadable", "":
    nothing looks into such files), ``no_copy`` why there is no copy ("": there is one), ``losses`` what the copy lacks
    or hides.
    """

    scan: str = "off"
    threat: str = ""
    disagrees: bool = False
    betrays: list[str] = field(default_factory=list)
    no_copy: str = ""
    pages: int = 0
    losses: list[str] = field(default_factory=list)
    looked: str = ""


class InfectedFile(Exception):
    """The scanner reported an original, and the person has not confirmed that they know; ``threat`` is its name."""

    def __init__(self, threat: str) -> None:
        super().__init__()
        self.threat = threat


class Attachable(Protocol):
    """A stored object that can become evidence: an upload, or a file of an unfinished report."""

    object_name: str
    object_digest: bytes
    claimed: bool

    @property
    def id(self) -> uuid.UUID | str:
        """The id to which the object's segments are bound."""

    @property
    def info(self) -> FileInfo | None:
        """What is to be sealed beside it; None where it was refused."""


def delete_object(name: str) -> None:
    """Delete a stored object, if it exists; where the storage fails, the retention job deletes it later."""
    try:
        storage().delete(name)
    except OSError:
        logger.exception("The evidence storage refused a deletion")


def delete_objects(names: Sequence[str]) -> bool:
    """Delete stored objects, those that exist; return False where the storage failed, and so some may be left.

    An object of a report that was sent stays: the row of an unfinished file that names one was written by somebody
    else, who could so have the portal destroy evidence for which the database holds no right.
    """
    sent = set(EvidenceObject.objects.filter(object_name__in=names).values_list("object_name", flat=True))
    if sent:
        logger.error("Rows of unfinished files name %d objects of sent evidence, which stay", len(sent))
    try:
        storage().delete_all([name for name in names if name not in sent])
    except OSError:
        logger.exception("The evidence storage refused a deletion")
        return False
    return True


# So many others, chosen by chance, are asked for until one is there.
_OTHERS_ASKED = 25


def gives_other_objects(evidence: Evidence) -> bool:
    """Return whether the storage has an object of another piece of evidence, and so is there and answers.

    A folder that is not mounted is empty, and a bucket that is gone has no object: each lacks every file. Raises
    OSError.
    """
    others = EvidenceObject.objects.exclude(evidence=evidence).order_by("pk")  # ids are random
    for name in others.values_list("object_name", flat=True)[:_OTHERS_ASKED]:
        with contextlib.suppress(FileNotFoundError), storage().open(name, "rb"):
            return True
    return False


def object_context(item: EvidenceObject | uuid.UUID, evidence: Evidence, *, kind: str = "object") -> Context:
    """Return the context of what is sealed beside an object; ``kind`` "worker" is the worker's grant."""
    identifier = item.pk if isinstance(item, EvidenceObject) else item
    return Context(kind, str(identifier), str(evidence.complaint_id), evidence.sequence)


def attach(
    *,
    complaint: Complaint,
    signer: SignPair,
    files: Iterable[Attachable],
    first: int,
    today: date,
    batch: int,
    act: uuid.UUID | None = None,
) -> int:
    """Make stored objects evidence of ``complaint``, their keys sealed to it and to the worker.

    Return the next free sequence number, counted from ``first``. A file that was removed or sent in another window
    leaves a gap. ``batch`` is the open batch, ``act`` the id of the first row, by default a random one.
    """
    files = list(files)
    removed = _removed_ids(files)
    worker_public = worker_key.public()
    sequence = first
    for item in files:
        info = item.info
        if info is None:
            raise ValueError("refused")
        if str(item.id) in removed:
            sequence += 1
            continue
        object_id = uuid.UUID(str(item.id))
        evidence = Evidence(id=act or uuid.uuid4(), complaint=complaint, sequence=sequence, day=today, batch=batch)
        act, body = None, asdict(info)
        context = object_context(object_id, evidence, kind="worker")
        evidence.worker_grant = seal_record(worker_public, context, body, signer)
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


def _removed_ids(files: Iterable[Attachable]) -> set[str]:
    """Return the ids of draft files whose row is gone: they were removed, or sent, in another window."""
    drafted = {str(item.id) for item in files if getattr(item, "drafted", False)}
    if not drafted:
        return drafted
    stored = DraftFile.objects.select_for_update().filter(pk__in=drafted).values_list("pk", flat=True)
    return drafted - set(map(str, stored))


def read_info(pair: BoxPair, item: EvidenceObject, evidence: Evidence, complaint: Complaint) -> FileInfo:
    """Open what is sealed beside an object with the complaint's pair.

    Raises SealError where the reporter has not signed it, the server where it is a copy that the worker made, or the
    team that holds reports where it is redacted.
    """
    signers = _signers(item, evidence, complaint)
    return FileInfo(**open_record_of(pair, item.sealed, object_context(item, evidence), signers))


def _signers(item: EvidenceObject, evidence: Evidence, complaint: Complaint) -> Collection[bytes]:
    if item.variant == EvidenceObject.Variant.ORIGINAL:
        return (bytes(complaint.reporter_verify_key),)
    if item.variant == EvidenceObject.Variant.REDACTED:
        return tuple(team_key_history.office_signers())
    return log.server_keys_of_batch(evidence.worked_batch)


def report_context(evidence: Evidence) -> Context:
    """Return the context of a file report."""
    return Context("findings", str(evidence.pk), str(evidence.complaint_id), evidence.sequence)


def read_file_report(pair: BoxPair, evidence: Evidence) -> FileReport | None:
    """Open a file report with the complaint's pair; None where the worker has not finished, or gave up.

    Raises:
        SealError: it was altered or removed, so that a warning cannot be suppressed in the database.
    """
    if evidence.sealed_report is None and evidence.state not in {Evidence.State.READY, Evidence.State.NO_COPY}:
        if any(stored.variant != EvidenceObject.Variant.ORIGINAL for stored in evidence.objects_stored.all()):
            raise SealError("findings")  # copies are stored together with the report
        return None
    sealed = evidence.sealed_report or b""
    signers = log.server_keys_of_batch(evidence.worked_batch)
    return FileReport(**open_record_of(pair, sealed, report_context(evidence), signers))


def threat_in(report: FileReport | None) -> str:
    """Return the name of the threat that the scanner found, "?" where its result is pending, "" where there is none."""
    if report is None:
        return "?" if settings.CLAMD_SOCKET else ""
    return (report.threat or "?") if report.scan == "infected" else ""


def stream(item: EvidenceObject, info: FileInfo, start: int = 0, end: int | None = None) -> Iterator[bytes]:
    """Yield the plaintext bytes ``start`` to ``end`` (exclusive) of an object; raises SealError, and OSError.

    Of a file that is read whole the SHA-256 is compared with the sealed one, and its last piece is kept back until
    then. A part of a file cannot be compared: each of its segments is authenticated by itself.
    """
    is_whole = start == 0 and (end is None or end >= info.length)
    with storage().open(item.object_name, "rb") as stored:
        key, source = bytes.fromhex(info.key), cast(BinaryIO, stored)
        pieces = read_range(source, key, item.pk.bytes, info.length, start, end)
        try:
            yield from compared(pieces, info.sha256) if is_whole else pieces
        except DigestMismatch:
            logger.error("A stored file opens to another content than the one sealed beside it; it was not given out")
            raise


def referenced_objects() -> set[str]:
    """Return the names of all objects that a row refers to."""
    # Drafts are read first: a file that is sent in between is then counted twice, otherwise not at all.
    names = set(DraftFile.objects.exclude(object_name=None).values_list("object_name", flat=True))
    names |= set(DecisionCopy.objects.values_list("object_name", flat=True))
    return {name for name in names if name} | set(EvidenceObject.objects.values_list("object_name", flat=True))
