"""Uploads through a form: a sink encrypts each file as it arrives, or refuses it with a code."""

from __future__ import annotations

import errno
import logging
import os
import uuid
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from django.conf import settings
from django.http import HttpRequest

from complaints import access
from complaints.adapters.media import kinds
from complaints.adapters.store import NewObject
from complaints.domain.sealing.primitives import random_bytes
from complaints.domain.sealing.segments import Piece, SegmentWriter
from complaints.services.evidence.limits import StorageRoom, room_for, room_for_officer
from complaints.services.evidence.storage import FileInfo, delete_object, new_object_name, storage

# One segment is encrypted and stored while the next arrives; libsodium and hashlib release the interpreter lock.
_sealers: ThreadPoolExecutor


def _start_sealers() -> None:
    global _sealers
    _sealers = ThreadPoolExecutor(max_workers=16, thread_name_prefix="sealer")


_start_sealers()
# A forked process has no threads of its parent, and the pool does not notice that.
os.register_at_fork(after_in_child=_start_sealers)
logger = logging.getLogger(__name__)
NAME_CHARS = 120
# So many files above EVIDENCE_MAX_FILES are refused one by one; the last of them stands for those that follow.
REFUSED_BY_NAME = 5


@dataclass
class SealedUpload:
    """What the upload handler returns in place of a file: encrypted and stored, or refused with a code."""

    name: str
    refused: str = ""
    id: uuid.UUID = field(default_factory=uuid.uuid4)
    object_name: str = ""
    object_digest: bytes = b""
    info: FileInfo | None = None
    claimed: bool = False
    # Django's multipart parser sets and reads these on what a handler returns.
    field_name: str | None = None
    charset: str | None = None

    @property
    def size(self) -> int:
        """Length of the plaintext in bytes."""
        return self.info.length if self.info else 0

    def close(self) -> None:
        """Do nothing: no file is open. Django calls this at the end of a request."""


class Sink:
    """Takes the plaintext of an upload and writes ciphertext to the storage, within the limits of ``room``."""

    def __init__(self, name: str, room: StorageRoom | None = None) -> None:
        """Begin a file under a random key of its own; without ``room`` only the limit of a single file applies."""
        self.room = room or StorageRoom(settings.EVIDENCE_MAX_FILE_BYTES)
        self.upload = SealedUpload(name=short_name(name), refused=self.room.refused)
        self._key = random_bytes(32)
        # Made once the file is recognised, and dropped with its end or its refusal: a request may keep many sinks.
        self._writer: SegmentWriter | None = None
        self._head = bytearray()
        self._file: NewObject | None = None
        self._sealing: Future[None] | None = None
        self._type = ""
        self._discarded_bytes = 0

    @property
    def hopeless(self) -> bool:
        """Whether so much of a refused file was discarded that reading on would only help an attacker.

        Up to then a refused file is read to its end, because a browser shows a response only after it has sent all.
        """
        return self._discarded_bytes > most_discarded()

    def write(self, data: bytes) -> None:
        """Take plaintext. A refusal is stored in ``upload.refused`` and never raised."""
        if self.upload.refused:
            self._discarded_bytes += len(data)
            return
        if not self._type:
            self._head += data
            if len(self._head) < kinds.HEAD_BYTES:
                return
            data = bytes(self._head)
            del self._head[kinds.HEAD_BYTES :]
            if not self._recognise(data):
                return
        self._store(data)

    def _recognise(self, data: bytes) -> bool:
        self._type = kinds.recognise(data)
        if self._type not in kinds.ALLOWED:
            self._refuse("type")
            return False
        return True

    def _refuse(self, code: str) -> None:
        self.abort()
        self.upload.refused = code

    def _store(self, data: bytes) -> None:
        writer = self._writer = self._writer or SegmentWriter(self._key, self.upload.id.bytes)
        if code := self.room.too_small_for(writer.length + len(data)):
            self._refuse(code)
            return
        try:
            for segment in writer.gather(data):
                self._await_sealing()
                self._sealing = _sealers.submit(self._put, writer.seal(segment))
        except OSError as error:
            self._refuse(why_not_stored(error))

    def _await_sealing(self) -> None:
        """Wait until the previous segment is stored; raises OSError where that failed."""
        sealing, self._sealing = self._sealing, None
        if sealing is not None:
            sealing.result()

    def _put(self, pieces: Iterable[Piece]) -> None:
        if self._file is None:
            self.upload.object_name = new_object_name()
            self._file = storage().open(self.upload.object_name, "wb")
        for piece in pieces:
            self._file.write(piece)

    def finish(self) -> SealedUpload:
        """End the file: its object is durable, or the upload is refused and nothing of it is kept."""
        upload = self.upload
        if not upload.refused and not self._type:
            if not self._head:
                upload.refused = "empty"
            elif self._recognise(bytes(self._head)):
                self._store(bytes(self._head))
        writer = self._writer
        if upload.refused or writer is None:
            return upload
        try:
            self._await_sealing()
            self._put(writer.finish())
            if self._file is not None:
                self._file.close()
        except OSError as error:
            self._refuse(why_not_stored(error))
            return upload
        self._file = self._writer = None
        upload.object_digest = writer.object_digest
        upload.info = FileInfo(self._key.hex(), upload.name, self._type, writer.length, writer.sha256)
        return upload

    def abort(self) -> None:
        """Delete what was written, and drop what is held in memory."""
        if self._sealing is not None:
            wait([self._sealing])
            self._sealing = None
        self._writer = None
        self._head.clear()
        file, self._file = self._file, None
        name, self.upload.object_name = self.upload.object_name, ""
        if file is not None:
            file.abandon()
        if name:
            delete_object(name)


def most_discarded() -> int:
    """Return how many bytes of files that are not taken a request may still send."""
    return int(4 * settings.EVIDENCE_MAX_TOTAL_BYTES)


def end_early(request: HttpRequest) -> None:
    """Note that a body holds so many files that the fields behind them were not read."""
    request.__dict__["evidence_ended_early"] = True


def ended_early(request: HttpRequest) -> bool:
    """Whether fields of a body were not read, so that their absence says nothing."""
    return bool(request.__dict__.get("evidence_ended_early"))


def why_not_stored(error: OSError) -> str:
    """Log an error of the storage and return the code of the refusal: "full" or "store"."""
    full = error.errno in {errno.ENOSPC, errno.EDQUOT}
    logger.error("The evidence storage refused a write: %s", "full" if full else type(error).__name__)
    return "full" if full else "store"


def short_name(name: str) -> str:
    """Return the last NAME_CHARS printable characters of a file name, which include its extension."""
    return "".join(character for character in name if character.isprintable())[-NAME_CHARS:]


def open_sink(*, request: HttpRequest, name: str) -> Sink | None:
    """Begin an upload of a request; it is refused except for an unfinished report, an open ticket, and staff.

    Returns None for a file after so many refused ones that it is not even named.
    """
    sinks: list[Sink] = request.__dict__.setdefault("evidence_sinks", [])
    above = len(sinks) - settings.EVIDENCE_MAX_FILES
    if above >= REFUSED_BY_NAME:
        return None
    code = "rest" if above == REFUSED_BY_NAME - 1 else "total"
    sink = Sink(name, _room(request, sinks) if above < 0 else StorageRoom(0, code))
    sinks.append(sink)
    return sink


def _room(request: HttpRequest, sinks: list[Sink]) -> StorageRoom:
    under_way = [sink.upload.size for sink in sinks if not sink.upload.refused]
    announced = int(request.META.get("CONTENT_LENGTH") or 0)
    # Only staff requests have a user: triage enters monitoring reports with screenshots, a body copies of decisions.
    user = getattr(request, "user", None)
    if access.is_triage(user) or access.is_overseer(user):
        return room_for_officer(under_way=under_way, announced=announced)
    return room_for(session=getattr(request, "reporter", None), under_way=under_way, announced=announced)


def discard_unclaimed(request: HttpRequest) -> None:
    """Delete the uploads of a request that no view has claimed: after a refused form, an error, a lost connection."""
    for sink in getattr(request, "evidence_sinks", ()):
        if not sink.upload.claimed:
            sink.abort()
