"""Files of an unfinished report or an open ticket that are not sent yet: a row each, encrypted under the session's key.

A row without an object is a file that arrives in segments; services.evidence.resumable writes those.
"""

from __future__ import annotations

import json
import logging
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import TypeVar

from django.conf import settings
from django.core.cache import cache

from complaints.domain.sealing.primitives import blake2b, decrypt, encrypt, pad, unpad
from complaints.domain.sealing.segments import SEGMENT_BYTES
from complaints.models.evidence import DraftFile, Evidence
from complaints.reporter_session import ReporterSession
from complaints.services.evidence.metadata_check import check_object
from complaints.services.evidence.storage import Attachable, FileInfo, delete_object, storage

F = TypeVar("F", bound="FileInfo | PartialFile")
SIZES = (1024, 4096)
# How long one request checks metadata of files; the next request continues.
CHECK_SECONDS = 20


@dataclass
class DraftFileInfo:
    """A whole file that is not sent yet, as its reporter sees it."""

    id: str
    info: FileInfo
    object_name: str
    object_digest: bytes
    claimed: bool = False
    # Whether it has a DraftFile row, which is deleted when the file is sent.
    drafted: bool = False
    refused: str = ""

    @property
    def name(self) -> str:
        return self.info.name

    @property
    def size(self) -> int:
        return self.info.length

    @property
    def type_label(self) -> str:
        return self.info.label

    @property
    def betrays(self) -> list[str]:
        """What its metadata reveals about its origin, as codes of ``adapters.media.hints``."""
        return self.info.betrays

    @property
    def looked(self) -> bool:
        """Whether its metadata could be read."""
        return self.info.looked == "read"


@dataclass
class PartialFile:
    """A file that arrives in segments: its announced name and size, its key (hexadecimal), and the next segment.

    ``mark`` is the browser's identifier of the file, so that an upload of the same file continues.
    """

    key: str
    name: str
    size: int
    mark: str
    type: str = ""
    next: int = 0

    @property
    def count(self) -> int:
        return max(1, -(-self.size // SEGMENT_BYTES))

    def length_of(self, index: int) -> int:
        """Return the length of a segment's plaintext in bytes."""
        return SEGMENT_BYTES if index < self.count - 1 else self.size - (self.count - 1) * SEGMENT_BYTES

    def part_name(self, index: int) -> str:
        """Return the name of a segment's object; without the key nobody can tell which segments belong together."""
        return blake2b(index.to_bytes(8, "big"), person=b"part-name", key=bytes.fromhex(self.key), size=16).hex()

    def parts(self) -> Iterator[str]:
        """Yield the names of all its objects that may be stored."""
        # One more than the row counts: a segment may have been stored without the row being updated.
        yield from map(self.part_name, range(min(self.next + 1, self.count)))


def seal_content(session: ReporterSession, identifier: uuid.UUID, content: FileInfo | PartialFile) -> bytes:
    """Return the encrypted content of the row of a whole or an incomplete file."""
    purpose = b"file" if isinstance(content, FileInfo) else b"part"
    return encrypt(session.file_key, pad(json.dumps(asdict(content)).encode(), SIZES), purpose + identifier.bytes)


def _open(session: ReporterSession, row: DraftFile, purpose: bytes, kind: type[F]) -> F:
    return kind(**json.loads(unpad(decrypt(session.file_key, bytes(row.sealed), purpose + row.pk.bytes), SIZES)))


def open_partial(session: ReporterSession, row: DraftFile) -> PartialFile:
    """Decrypt the row of an incomplete file; raises SealError for a row of another session."""
    return _open(session, row, b"part", PartialFile)


def open_row(session: ReporterSession, row: DraftFile) -> DraftFileInfo:
    """Decrypt the row of a whole file; raises SealError for a row of another session."""
    info = _open(session, row, b"file", FileInfo)
    return DraftFileInfo(str(row.pk), info, row.object_name or "", bytes(row.object_digest), drafted=True)


def keep_uploads(*, session: ReporterSession, uploads: Iterable[Attachable], today: date) -> None:
    """Keep uploads with the session, except refused ones, and mark them as claimed."""
    rows = []
    for upload in uploads:
        if upload.info is None:
            continue
        identifier = uuid.UUID(str(upload.id))
        rows.append(
            DraftFile(
                pk=identifier,
                session=session.session_id,
                object_name=upload.object_name,
                object_digest=upload.object_digest,
                sealed=seal_content(session, identifier, upload.info),
                day=today,
            )
        )
        upload.claimed = True
    DraftFile.objects.bulk_create(rows)
    session.keeps_files = session.keeps_files or bool(rows)


def find_row(session: ReporterSession, file_id: str) -> DraftFile | None:
    """Return the row of a file of this session; None for a malformed or unknown id, or one of another session."""
    try:
        identifier = uuid.UUID(file_id)
    except ValueError:
        return None
    if not session.exists:
        return None
    return DraftFile.objects.filter(session=session.session_id, pk=identifier).first()


def _rows(session: ReporterSession, *, whole: bool) -> list[DraftFile]:
    if not session.keeps_files:
        return []
    rows = DraftFile.objects.filter(session=session.session_id, object_name__isnull=not whole)
    return list(rows.order_by("day", "pk"))


def draft_files(*, session: ReporterSession) -> list[DraftFileInfo]:
    """Return the whole files of a session in a stable order."""
    return [open_row(session, row) for row in _rows(session, whole=True)]


def check_metadata(*, session: ReporterSession, files: Iterable[DraftFileInfo]) -> None:
    """Check the metadata of the files that were not checked yet, and store the result in their rows."""
    deadline = time.monotonic() + CHECK_SECONDS
    for file in files:
        if file.info.looked or time.monotonic() > deadline:
            continue
        identifier = uuid.UUID(file.id)
        check_object(file.info, object_name=file.object_name, identifier=identifier)
        if file.info.looked:
            row = DraftFile.objects.filter(pk=identifier, session=session.session_id)
            row.update(sealed=seal_content(session, identifier, file.info))


def partial_files(*, session: ReporterSession) -> dict[str, PartialFile]:
    """Return the incomplete files of a session by id."""
    return {str(row.pk): open_partial(session, row) for row in _rows(session, whole=False)}


def discard_draft_file(*, session: ReporterSession, file_id: str) -> None:
    """Delete a whole or incomplete file of a session with its objects; an unknown id does nothing."""
    row = find_row(session, file_id)
    if row is None:
        return
    names = [row.object_name] if row.object_name else list(open_partial(session, row).parts())
    row.delete()
    for name in names:
        delete_object(name)


def discard_draft(*, session: ReporterSession) -> None:
    """Delete every file of a session that is not sent yet."""
    if not session.keeps_files:
        return
    for pk in list(DraftFile.objects.filter(session=session.session_id).values_list("pk", flat=True)):
        discard_draft_file(session=session, file_id=str(pk))


# --- Limits: by file, by sending, by report and in all ----------------------------------------------------------------
#
# They are checked before the first byte and while bytes arrive, so that full storage refuses files but never a report.
# A refusal is a code, for which the forms have the text.

logger = logging.getLogger(__name__)
USED_CACHE = "evidence-used-bytes"
USED_CACHE_SECONDS = 600


@dataclass(frozen=True)
class StorageRoom:
    """The space for a new file: the bytes left for it, or the code of a refusal."""

    left: int
    refused: str = ""

    def too_small_for(self, length: int) -> str:
        """Return the code of the refusal of a file of ``length`` bytes, or ""."""
        if length > settings.EVIDENCE_MAX_FILE_BYTES:
            return "too_large"
        return "total" if length > self.left else ""


def room_for(*, session: ReporterSession | None, under_way: Sequence[int] = (), announced: int = 0) -> StorageRoom:
    """Return the space for a new file of a reporter; refused without an unfinished report or an open ticket.

    ``under_way`` are the lengths of other files in the same request, ``announced`` that of the request or file, in
    bytes.
    """
    if session is None or not ("draft" in session or "ticket" in session):
        return StorageRoom(0, "no_session")
    sizes = [item.size for item in draft_files(session=session)]
    sizes += [partial.size for partial in partial_files(session=session).values()]
    sizes += under_way
    left = settings.EVIDENCE_MAX_TOTAL_BYTES - sum(sizes)
    if len(sizes) >= settings.EVIDENCE_MAX_FILES or left <= 0:
        return StorageRoom(0, "total")
    if "ticket" in session:
        sent = Evidence.objects.filter(complaint=session["ticket"]["complaint"]).count()
        if sent + len(sizes) >= settings.EVIDENCE_MAX_REPORT_FILES:
            return StorageRoom(0, "report")
    return StorageRoom(left, _storage_refusal(min(announced, left)))


def room_for_officer(*, under_way: Sequence[int] = (), announced: int = 0) -> StorageRoom:
    """Return the space for a new file of a monitoring report that staff enter; arguments as for :func:`room_for`."""
    left = settings.EVIDENCE_MAX_TOTAL_BYTES - sum(under_way)
    if len(under_way) >= settings.EVIDENCE_MAX_FILES or left <= 0:
        return StorageRoom(0, "total")
    return StorageRoom(left, _storage_refusal(min(announced, left)))


def _storage_refusal(announced: int) -> str:
    try:
        free_bytes = storage().free_bytes()
        if free_bytes is not None and free_bytes - announced < settings.EVIDENCE_MIN_FREE_BYTES:
            logger.error("The evidence storage has less space left than EVIDENCE_MIN_FREE_BYTES")
            return "full"
        limit = settings.EVIDENCE_MAX_STORE_BYTES
        if limit and used_bytes() + announced > limit:
            logger.error("The evidence storage holds as much as EVIDENCE_MAX_STORE_BYTES")
            return "full"
    except OSError:
        logger.exception("The evidence storage does not answer")
        return "store"
    return ""


def used_bytes() -> int:
    """Return the number of bytes in the storage, counted at most every ten minutes; raises OSError."""
    cached = cache.get(USED_CACHE)
    # Others may write to a cache on another machine: what is no number of bytes counts as absent.
    if type(cached) is int and cached >= 0:
        return cached
    used = sum(item.size for item in storage().present())
    cache.set(USED_CACHE, used, USED_CACHE_SECONDS)
    return used
