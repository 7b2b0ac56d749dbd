"""Files of an unfinished report or an open ticket that are not sent yet: a row each, encrypted under the draft's key.

A row without an object is a file that arrives in segments; services.evidence.resumable writes those.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date
from typing import TypeVar

from django.conf import settings
from django.db import IntegrityError

from complaints.domain.sealing.primitives import blake2b, decrypt, encrypt, pad, unpad
from complaints.domain.sealing.segments import SEGMENT_BYTES, object_bytes
from complaints.models.evidence import DraftFile
from complaints.reporter_session import ReporterSession
from complaints.services.evidence.metadata_check import check_object
from complaints.services.evidence.storage import Attachable, FileInfo, delete_objects

F = TypeVar("F", bound="FileInfo | PartialFile")
SIZES = (1024, 4096)
# So many refused files stay listed; what is refused beyond them is told once.
MOST_REFUSED = 20
# How long one request checks metadata of files; the next request continues.
CHECK_SECONDS = 20
# So many threads of a process check, or wait for a place in the sandbox, of the sixteen that answer everybody.
CHECKING_AT_MOST = 5
_checking = threading.BoundedSemaphore(CHECKING_AT_MOST)


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


@dataclass
class PartialFile:
    """A file that arrives in segments: its announced name and size, its key (hexadecimal), and the next segment.

    ``mark`` is the browser's identifier of the file, so that an upload of the same file continues. ``joins`` counts how
    often its segments were begun to be joined, modulo JOIN_NAMES.

    One that was ``refused`` (a key of ``forms.fields.REFUSALS``) holds nothing: its row stays until it is dismissed.
    """

    key: str
    name: str
    size: int
    mark: str
    type: str = ""
    next: int = 0
    joins: int = 0
    refused: str = ""

    @property
    def count(self) -> int:
        return max(1, -(-self.size // SEGMENT_BYTES))

    def length_of(self, index: int) -> int:
        """Return the length of a segment's plaintext in bytes."""
        return SEGMENT_BYTES if index < self.count - 1 else self.size - (self.count - 1) * SEGMENT_BYTES


def seal_content(session: ReporterSession, identifier: uuid.UUID, content: FileInfo | PartialFile) -> bytes:
    """Return the encrypted content of the row of a whole or an incomplete file."""
    purpose = b"file" if isinstance(content, FileInfo) else b"part"
    return encrypt(
        session.draft_keys.files, pad(json.dumps(asdict(content)).encode(), SIZES), purpose + identifier.bytes
    )


def _open(session: ReporterSession, row: DraftFile, purpose: bytes, kind: type[F]) -> F:
    return kind(
        **json.loads(unpad(decrypt(session.draft_keys.files, bytes(row.sealed), purpose + row.pk.bytes), SIZES))
    )


def open_partial(session: ReporterSession, row: DraftFile) -> PartialFile:
    """Decrypt the row of an incomplete file; raises SealError for a row of another session."""
    return _open(session, row, b"part", PartialFile)


def open_row(session: ReporterSession, row: DraftFile) -> DraftFileInfo:
    """Decrypt the row of a whole file; raises SealError for a row of another session."""
    info = _open(session, row, b"file", FileInfo)
    return DraftFileInfo(str(row.pk), info, row.object_name or "", bytes(row.object_digest), drafted=True)


# The segments of a file are joined to an object of one of so many names, at each attempt another.
JOIN_NAMES = 8


def part_name(names: bytes, file_id: uuid.UUID, index: int) -> str:
    """Return the object name of a segment, by the draft's key of names.

    Without the key nobody can tell which segments belong together.
    """
    return _object_name(names, file_id.bytes + b"part" + index.to_bytes(8, "big"))


def joined_name(names: bytes, file_id: uuid.UUID, attempt: int) -> str:
    """Return the name of the object to which the segments are joined, at each attempt another."""
    return _object_name(names, file_id.bytes + b"join" + attempt.to_bytes(8, "big"))


def _object_name(names: bytes, what: bytes) -> str:
    return blake2b(what, person=b"part-name", key=names, size=16).hex()


def stored_names(row: DraftFile, names: bytes | None) -> list[str]:
    """Return the names of all objects that may be stored for a file; without the key of names only the whole one's."""
    stored = [row.object_name] if row.object_name else []
    if names is None:
        return stored
    # More than the row counts: the last segment is shorter, and one may have been stored without the row being updated.
    # No file is larger than twice what may be sent, whatever the row says.
    most = min(row.stored_size, 2 * settings.EVIDENCE_MAX_FILE_BYTES) // SEGMENT_BYTES + 3
    stored += [part_name(names, row.pk, index) for index in range(most)]
    return stored + [joined_name(names, row.pk, attempt) for attempt in range(JOIN_NAMES)]


def keep_uploads(*, session: ReporterSession, uploads: Iterable[Attachable], today: date) -> None:
    """Keep uploads with the draft, except refused ones, and mark them as claimed.

    Where the draft was deleted meanwhile, by leaving in another window, nothing is kept.
    """
    accepted = [(upload, upload.info) for upload in uploads if upload.info is not None]
    if not accepted or not session.hold_files():
        return
    rows = []
    for upload, info in accepted:
        identifier = uuid.UUID(str(upload.id))
        rows.append(
            DraftFile(
                pk=identifier,
                draft_id=session.draft_keys.id,
                object_name=upload.object_name,
                object_digest=upload.object_digest,
                sealed=seal_content(session, identifier, info),
                stored_size=object_bytes(info.length),
                day=today,
            )
        )
    try:
        DraftFile.objects.bulk_create(rows)
    except IntegrityError:
        return
    for upload, _info in accepted:
        upload.claimed = True
    session.keeps_files = True


def keep_refusals(*, session: ReporterSession, refused: Iterable[tuple[str, str]], today: date) -> str:
    """List files (name, code of the refusal) that were not taken until they are dismissed, each name once.

    Return the id of the last one's row; "" where nothing belongs to the cookie, or where too many are listed.
    """
    refused = list(refused)
    if not refused or not ("draft" in session or "ticket" in session) or not session.hold_files():
        return ""
    unfinished = unfinished_files(session=session).items()
    known = {file.name: identifier for identifier, file in unfinished if file.refused}
    identifier = ""
    for name, code in refused:
        identifier = known.get(name, "")
        if identifier or len(known) >= MOST_REFUSED:
            continue
        row = DraftFile(draft_id=session.draft_keys.id, day=today, object_digest=b"")
        row.sealed = seal_content(session, row.pk, PartialFile("", name, 0, "", refused=code))
        try:
            row.save(force_insert=True)
        except IntegrityError:  # left in another window meanwhile
            return ""
        identifier = known[name] = str(row.pk)
        session.keeps_files = True
    return identifier


def find_row(session: ReporterSession, file_id: str) -> DraftFile | None:
    """Return the row of a file of this session; None for a malformed or unknown id, or one of another session."""
    try:
        identifier = uuid.UUID(file_id)
    except ValueError:
        return None
    if not session.exists:
        return None
    return DraftFile.objects.filter(draft=session.draft_keys.id, pk=identifier).first()


def _rows(session: ReporterSession, *, whole: bool) -> list[DraftFile]:
    if not session.keeps_files:
        return []
    rows = DraftFile.objects.filter(draft=session.draft_keys.id, object_name__isnull=not whole)
    return list(rows.order_by("day", "pk"))


def draft_files(*, session: ReporterSession) -> list[DraftFileInfo]:
    """Return the whole files of a session in a stable order."""
    return [open_row(session, row) for row in _rows(session, whole=True)]


def check_metadata(*, session: ReporterSession, files: Iterable[DraftFileInfo]) -> None:
    """Check the metadata of the files that were not checked yet, and store the result in their rows.

    Where CHECKING_AT_MOST requests do so already, they stay unchecked until the page is opened again: slow files of
    one visitor must not hold all threads.
    """
    unchecked = [file for file in files if not file.info.looked]
    if not unchecked or not _checking.acquire(blocking=False):
        return
    try:
        _check(session, unchecked)
    finally:
        _checking.release()


def _check(session: ReporterSession, files: Iterable[DraftFileInfo]) -> None:
    deadline = time.monotonic() + CHECK_SECONDS
    for file in files:
        if time.monotonic() > deadline:
            return
        identifier = uuid.UUID(file.id)
        check_object(file.info, object_name=file.object_name, identifier=identifier)
        if file.info.looked:
            row = DraftFile.objects.filter(pk=identifier, draft=session.draft_keys.id)
            row.update(sealed=seal_content(session, identifier, file.info))


def unfinished_files(*, session: ReporterSession) -> dict[str, PartialFile]:
    """Return the incomplete and the refused files of a session by id."""
    return {str(row.pk): open_partial(session, row) for row in _rows(session, whole=False)}


def partial_files(*, session: ReporterSession) -> dict[str, PartialFile]:
    """Return the incomplete files of a session by id."""
    return {identifier: file for identifier, file in unfinished_files(session=session).items() if not file.refused}


def discard_draft_file(*, session: ReporterSession, file_id: str) -> None:
    """Delete a whole or incomplete file of a session with its objects; an unknown id does nothing."""
    row = find_row(session, file_id)
    if row is None:
        return
    names = stored_names(row, session.draft_keys.names)
    row.delete()
    delete_objects(names)


def discard_draft(*, session: ReporterSession) -> None:
    """Delete every file of a session that is not sent yet."""
    if not session.keeps_files:
        return
    for pk in list(DraftFile.objects.filter(draft=session.draft_keys.id).values_list("pk", flat=True)):
        discard_draft_file(session=session, file_id=str(pk))
