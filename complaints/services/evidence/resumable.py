"""Files that arrive in segments, each encrypted and durable before it is acknowledged (docs/adr/0010).

The row of the file records which segments have arrived, so that an upload continues after a lost connection and at
another node. Each segment is an object of its own; when all have arrived they are verified, hashed and joined.
"""

from __future__ import annotations

import hashlib
import logging
import uuid
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from django.db import IntegrityError

from complaints.adapters.media import kinds
from complaints.domain.errors import SealError
from complaints.domain.sealing.primitives import NONCE_BYTES, TAG_BYTES, random_bytes
from complaints.domain.sealing.segments import (
    SEGMENT_BYTES,
    header,
    object_bytes,
    open_segment,
    padding,
    part_bytes,
    seal_segment,
)
from complaints.models.evidence import DraftFile
from complaints.reporter_session import ReporterSession
from complaints.services.evidence.drafts import (
    JOIN_NAMES,
    DraftFileInfo,
    PartialFile,
    discard_draft_file,
    find_row,
    joined_name,
    open_partial,
    open_row,
    part_name,
    partial_files,
    seal_content,
)
from complaints.services.evidence.intake import short_name, why_not_stored
from complaints.services.evidence.limits import draft_refusal, room_for
from complaints.services.evidence.storage import FileInfo, delete_object, delete_objects, storage

logger = logging.getLogger(__name__)
MARK_CHARS = 64


class UnknownFileError(LookupError):
    """The session has no such file, or no longer."""


class BadSegmentError(ValueError):
    """A segment does not have the length that its index requires."""


# Another request may count its own attempt to join the same file in between.
FINISH_ATTEMPTS: Final = 3


@dataclass(frozen=True)
class Progress:
    """The state of an upload: the next expected segment, the code of a refusal, or the whole file.

    ``passing`` says that the refusal is temporary: the same segment can be sent again.
    """

    id: str
    next: int = 0
    refused: str = ""
    passing: bool = False
    whole: DraftFileInfo | None = None


def begin(*, session: ReporterSession, name: str, size: int, mark: str, today: date) -> Progress:
    """Begin a file of ``size`` bytes, or continue an incomplete one of the same name, size and mark."""
    name, mark = short_name(name.replace("\\", "/").rpartition("/")[2]) or "-", mark[:MARK_CHARS]
    for identifier, partial in partial_files(session=session).items():
        if (partial.name, partial.size, partial.mark) == (name, size, mark):
            return Progress(identifier, partial.next)
    # Joining the segments briefly needs twice the space.
    room = room_for(session=session, announced=2 * size)
    if refused := room.refused or ("empty" if size <= 0 else room.too_small_for(size)):
        return Progress("", refused=refused)
    if not session.hold_files():
        return Progress("", refused="no_session")
    row = DraftFile(draft_id=session.draft_keys.id, day=today, object_digest=b"")
    row.sealed = seal_content(session, row.pk, PartialFile(random_bytes(32).hex(), name, size, mark))
    try:
        row.save(force_insert=True)
    except IntegrityError:  # left in another window meanwhile
        return Progress("", refused="no_session")
    session.keeps_files = True
    return Progress(str(row.pk))


def progress(*, session: ReporterSession, file_id: str) -> Progress:
    """Return the state of an upload; raises UnknownFileError."""
    row = _row(session, file_id)
    if row.object_name:
        return Progress(file_id, whole=open_row(session, row))
    return Progress(file_id, open_partial(session, row).next)


def _row(session: ReporterSession, file_id: str) -> DraftFile:
    row = find_row(session, file_id)
    if row is None:
        raise UnknownFileError
    return row


def receive_segment(*, session: ReporterSession, file_id: str, index: int, data: bytes) -> Progress:
    """Encrypt and store segment ``index``; any other than the next changes nothing, and the result names the next.

    Raises UnknownFileError where the file was cancelled or its session ended, and BadSegmentError.
    """
    row = _row(session, file_id)
    if row.object_name:
        return progress(session=session, file_id=file_id)
    partial = open_partial(session, row)
    if index != partial.next or index >= partial.count:
        return Progress(file_id, partial.next)
    if len(data) != partial.length_of(index):
        raise BadSegmentError
    if index == 0:
        partial.type = kinds.recognise(data[: kinds.HEAD_BYTES])
        if partial.type not in kinds.ALLOWED:
            discard_draft_file(session=session, file_id=file_id)
            return Progress(file_id, refused="type")
    # Here and not only at the beginning: an announced file takes nothing until it comes.
    if "draft" in session and (refused := draft_refusal(len(data), is_parked=session.is_parked)):
        return Progress(file_id, partial.next, refused=refused)
    name = part_name(session.draft_keys.names, row.pk, index)
    try:
        _store_segment(partial, row.pk, name, data)
    except OSError as error:
        return Progress(file_id, partial.next, refused=why_not_stored(error), passing=True)
    return _advance(session, row, partial, name, part_bytes(len(data)))


def _advance(session: ReporterSession, row: DraftFile, partial: PartialFile, name: str, stored: int) -> Progress:
    """Count segment ``name`` of ``stored`` bytes, unless another request did."""
    partial.next += 1
    unchanged = DraftFile.objects.filter(pk=row.pk, object_name=None, sealed=bytes(row.sealed))
    if unchanged.update(sealed=seal_content(session, row.pk, partial), stored_size=row.stored_size + stored):
        return Progress(str(row.pk), partial.next)
    # Another request stored the same segment first, or the file was cancelled.
    try:
        state = progress(session=session, file_id=str(row.pk))
    except UnknownFileError:
        delete_object(name)
        raise
    if state.whole:  # the other request has joined the file and deleted its segments before this one was stored
        delete_object(name)
    return state


def _store_segment(partial: PartialFile, identifier: uuid.UUID, name: str, data: bytes) -> None:
    index = partial.next
    last = index == partial.count - 1
    nonce, sealed = seal_segment(bytes.fromhex(partial.key), identifier.bytes, index, data, last=last)
    stored = b"".join([nonce, sealed, *padding(len(nonce) + len(sealed))])
    storage().put(name, stored)


def finish(*, session: ReporterSession, file_id: str) -> Progress:
    """Join the segments to one object and hash the plaintext; a finished file is returned as it is.

    The file is read and written once more, because a SHA-256 state cannot be stored between requests. Raises
    UnknownFileError.
    """
    state = progress(session=session, file_id=file_id)
    for _attempt in range(FINISH_ATTEMPTS):
        row = _row(session, file_id)
        if row.object_name:
            return progress(session=session, file_id=file_id)
        partial = open_partial(session, row)
        if partial.next < partial.count:
            return Progress(file_id, partial.next)
        # Counted first, so that each attempt writes another object, of a name that whoever deletes the file knows.
        seen, partial.joins = bytes(row.sealed), (partial.joins + 1) % JOIN_NAMES
        row.sealed = seal_content(session, row.pk, partial)
        if DraftFile.objects.filter(pk=row.pk, object_name=None, sealed=seen).update(sealed=row.sealed):
            return _finish(session, row, partial)
    return replace(state, passing=True)


def _finish(session: ReporterSession, row: DraftFile, partial: PartialFile) -> Progress:
    file_id, names = str(row.pk), session.draft_keys.names
    name = joined_name(names, row.pk, partial.joins)
    delete_object(name)  # what an attempt left behind whose process was killed
    parts = [part_name(names, row.pk, index) for index in range(partial.count)]
    try:
        info, digest = _join(partial, row.pk, parts, name)
    except (SealError, FileNotFoundError):
        # Another request may have finished the file: it stores the object's name before it deletes the segments.
        if (state := progress(session=session, file_id=file_id)).whole:
            return state
        logger.error("Segments of an upload are gone or damaged; it has to be sent again")
        discard_draft_file(session=session, file_id=file_id)
        return Progress(file_id, refused="store")
    except OSError as error:
        return Progress(file_id, partial.next, refused=why_not_stored(error), passing=True)
    unfinished = DraftFile.objects.filter(pk=row.pk, object_name=None)
    whole = {"object_name": name, "object_digest": digest, "sealed": seal_content(session, row.pk, info)}
    if not unfinished.update(**whole, stored_size=object_bytes(info.length)):
        delete_object(name)
        return progress(session=session, file_id=file_id)
    delete_objects(parts)
    return progress(session=session, file_id=file_id)


def _join(partial: PartialFile, identifier: uuid.UUID, parts: list[str], name: str) -> tuple[FileInfo, bytes]:
    key = bytes.fromhex(partial.key)
    head = header(key, identifier.bytes)
    sha256, digest, stored = hashlib.sha256(), hashlib.sha256(head), len(head)
    file = storage().open(name, "wb")
    try:
        file.write(head)
        for index, part in enumerate(parts):
            size = partial.length_of(index) + NONCE_BYTES + TAG_BYTES
            sealed = storage().get(part)[:size]
            plain = open_segment(key, identifier.bytes, index, sealed, last=index == partial.count - 1)
            for hashed, data in ((sha256, plain), (digest, sealed)):
                hashed.update(data)
            file.write(sealed)
            stored += size
        for piece in padding(stored):
            digest.update(piece)
            file.write(piece)
        file.close()
    except BaseException:
        file.abandon()
        delete_object(name)
        raise
    return FileInfo(partial.key, partial.name, partial.type, partial.size, sha256.hexdigest()), digest.digest()


def segment_bytes() -> int:
    """Return the length of every segment but the last, in bytes."""
    return SEGMENT_BYTES
