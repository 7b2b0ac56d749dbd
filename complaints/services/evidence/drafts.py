"""Files before they are sent, of an unfinished report or an open ticket: one row each, sealed to the session.

A row without an object is a file that still arrives in segments; ``resume`` writes those.
"""

from __future__ import annotations

import json
import logging
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from django.conf import settings
from django.core.cache import cache

from complaints.domain.sealing.primitives import blake2b, decrypt, encrypt, pad, unpad
from complaints.domain.sealing.segments import SEGMENT_BYTES
from complaints.models.evidence import DraftFile, Evidence
from complaints.services.evidence.metadata_check import check_object
from complaints.services.evidence.storage import Attachable, FileInfo, delete_object, storage

SIZES = (1024, 4096)
# So long one page looks into files; the next page goes on.
PATIENCE_SECONDS = 20


@dataclass
class DraftFileInfo:
    """A file of an unfinished report, as its own reporter sees it."""

    id: str
    info: FileInfo
    object_name: str
    object_digest: bytes
    claimed: bool = False
    # It has a row, which goes when the file is sent.
    drafted: bool = False
    refused: str = ""

    @property
    def name(self) -> str:
        """The file's name."""
        return self.info.name

    @property
    def size(self) -> int:
        """Its length in bytes."""
        return self.info.length

    @property
    def type_label(self) -> str:
        """Its kind in short."""
        return self.info.label

    @property
    def betrays(self) -> list[str]:
        """What it says about its origin, in codes of ``adapters.media.hints``."""
        return self.info.betrays

    @property
    def looked(self) -> bool:
        """Whether it could be read for that."""
        return self.info.looked == "read"


@dataclass
class PartialFile:
    """A file that arrives in segments: what it said it would be, and how far it has come.

    ``mark`` is what the browser tells one file from another by, so that the same one chosen again goes on.
    """

    key: str
    name: str
    size: int
    mark: str
    type: str = ""
    next: int = 0

    @property
    def count(self) -> int:
        """How many segments it has."""
        return max(1, -(-self.size // SEGMENT_BYTES))

    def length_of(self, index: int) -> int:
        """Return the length of a segment's plaintext in bytes."""
        return SEGMENT_BYTES if index < self.count - 1 else self.size - (self.count - 1) * SEGMENT_BYTES

    def part_name(self, index: int) -> str:
        """Return the name of a segment's object: nobody without the key sees which belong together."""
        return blake2b(index.to_bytes(8, "big"), person=b"part-name", key=bytes.fromhex(self.key), size=16).hex()

    def parts(self) -> Iterator[str]:
        """Yield the names of all objects that may be stored of it."""
        # One more than the row counts: it may have been stored while the row was not written any more.
        yield from map(self.part_name, range(min(self.next + 1, self.count)))


def _seal(session: Any, identifier: uuid.UUID, content: FileInfo | PartialFile, purpose: bytes) -> bytes:
    return encrypt(session.file_key, pad(json.dumps(asdict(content)).encode(), SIZES), purpose + identifier.bytes)


def _open(session: Any, row: DraftFile, purpose: bytes) -> Any:
    return json.loads(unpad(decrypt(session.file_key, bytes(row.sealed), purpose + row.pk.bytes), SIZES))


def seal_info(session: Any, identifier: uuid.UUID, info: FileInfo) -> bytes:
    """Return what stands in the row of a whole file."""
    return _seal(session, identifier, info, b"file")


def seal_partial(session: Any, identifier: uuid.UUID, partial: PartialFile) -> bytes:
    """Return what stands in the row of a file that still arrives."""
    return _seal(session, identifier, partial, b"part")


def open_partial(session: Any, row: DraftFile) -> PartialFile:
    """Open the row of a file that still arrives; raises SealError for another's."""
    return PartialFile(**_open(session, row, b"part"))


def open_row(session: Any, row: DraftFile) -> DraftFileInfo:
    """Open the row of a whole file; raises SealError for another's."""
    info = FileInfo(**_open(session, row, b"file"))
    return DraftFileInfo(str(row.pk), info, row.object_name or "", bytes(row.object_digest), drafted=True)


def keep_uploads(*, session: Any, uploads: Iterable[Attachable], today: date) -> None:
    """Make good uploads part of the unfinished report behind ``session``."""
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
                sealed=seal_info(session, identifier, upload.info),
                day=today,
            )
        )
        upload.claimed = True
    DraftFile.objects.bulk_create(rows)
    session.keeps_files = session.keeps_files or bool(rows)


def find_row(session: Any, file_id: str) -> DraftFile | None:
    """Return the row of a file of this session; None for an unknown or malformed id, or another session's."""
    try:
        identifier = uuid.UUID(file_id)
    except ValueError:
        return None
    if not session.exists:
        return None
    return DraftFile.objects.filter(session=session.session_id, pk=identifier).first()


def _rows(session: Any, *, whole: bool) -> list[DraftFile]:
    if not session.keeps_files:
        return []
    rows = DraftFile.objects.filter(session=session.session_id, object_name__isnull=not whole)
    return list(rows.order_by("day", "pk"))


def draft_files(*, session: Any) -> list[DraftFileInfo]:
    """Return the whole files of the unfinished report or open ticket behind ``session``, in a stable order."""
    return [open_row(session, row) for row in _rows(session, whole=True)]


def check_metadata(*, session: Any, files: Iterable[DraftFileInfo]) -> None:
    """Find out what files betray that nobody has looked into yet; once for each, kept with the rest of its row."""
    until = time.monotonic() + PATIENCE_SECONDS
    for file in files:
        if file.info.looked or time.monotonic() > until:
            continue
        identifier = uuid.UUID(file.id)
        check_object(file.info, object_name=file.object_name, identifier=identifier)
        if file.info.looked:
            row = DraftFile.objects.filter(pk=identifier, session=session.session_id)
            row.update(sealed=seal_info(session, identifier, file.info))


def partial_files(*, session: Any) -> dict[str, PartialFile]:
    """Return by their ids the files behind ``session`` that still arrive."""
    return {str(row.pk): open_partial(session, row) for row in _rows(session, whole=False)}


def discard_draft_file(*, session: Any, file_id: str) -> None:
    """Drop one file that is not sent yet, whole or partly here; an unknown id does nothing."""
    row = find_row(session, file_id)
    if row is None:
        return
    names = [row.object_name] if row.object_name else list(open_partial(session, row).parts())
    row.delete()
    for name in names:
        delete_object(name)


def discard_draft(*, session: Any) -> None:
    """Drop every file that is not sent yet."""
    if not session.keeps_files:
        return
    for pk in list(DraftFile.objects.filter(session=session.session_id).values_list("pk", flat=True)):
        discard_draft_file(session=session, file_id=str(pk))


# How much evidence is taken: by file, by sending, by report and in all, so that a full store never stops a report.
#
# Intake asks here before the first byte and while bytes arrive. Every refusal is a code that the forms put into words.


logger = logging.getLogger(__name__)
USED_CACHE = "evidence-used-bytes"
USED_CACHE_SECONDS = 600


@dataclass(frozen=True)
class StorageRoom:
    """What a new file may take: a code where nothing, else the bytes that are left for it."""

    left: int
    refused: str = ""

    def too_small_for(self, length: int) -> str:
        """Return the code of the refusal of a file of ``length`` bytes, or nothing."""
        if length > settings.EVIDENCE_MAX_FILE_BYTES:
            return "too_large"
        return "total" if length > self.left else ""


def room_for(*, session: Any, under_way: Sequence[int] = (), announced: int = 0) -> StorageRoom:
    """Return what a new file behind ``session`` may take.

    Args:
        under_way: the lengths of files that came in the same request.
        announced: how many bytes the request, or the file, says it will bring.
    """
    if session is None or not ("draft" in session or "ticket" in session):
        return StorageRoom(0, "no_session")
    sizes = [item.size for item in draft_files(session=session)]
    sizes += [partial.size for partial in partial_files(session=session).values()]
    sizes += under_way
    left = settings.EVIDENCE_MAX_TOTAL_BYTES - sum(sizes)
    if len(sizes) >= settings.EVIDENCE_MAX_FILES or left <= 0:
        return StorageRoom(0, "total")
    if "ticket" in session and _sent(session) + len(sizes) >= settings.EVIDENCE_MAX_REPORT_FILES:
        return StorageRoom(0, "report")
    return StorageRoom(left, _store_refuses(min(announced, left)))


def room_for_officer(*, under_way: Sequence[int] = (), announced: int = 0) -> StorageRoom:
    """Return what a new file in an officer's form may take; what is entered so is a report of its own."""
    left = settings.EVIDENCE_MAX_TOTAL_BYTES - sum(under_way)
    if len(under_way) >= settings.EVIDENCE_MAX_FILES or left <= 0:
        return StorageRoom(0, "total")
    return StorageRoom(left, _store_refuses(min(announced, left)))


def _sent(session: Any) -> int:
    return Evidence.objects.filter(complaint=session["ticket"]["complaint"]).count()


def _store_refuses(announced: int) -> str:
    try:
        free = storage().free_bytes()
        if free is not None and free - announced < settings.EVIDENCE_MIN_FREE_BYTES:
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
    """Return how many bytes the store holds, counted at most every ten minutes; raises OSError."""
    known = cache.get(USED_CACHE)
    if known is None:
        known = sum(item.size for item in storage().present())
        cache.set(USED_CACHE, known, USED_CACHE_SECONDS)
    return int(known)
