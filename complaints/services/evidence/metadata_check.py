"""What a file would betray, found before it is sent: the reporter is told, and can drop it.

A stranger's bytes are read in the sandbox alone, also here. Whatever goes wrong with that is no fault of the report:
the file counts as one into which nobody looked, and the page says so.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Iterator
from itertools import chain
from typing import Final

from django.conf import settings

from complaints.adapters import media, sandbox
from complaints.domain.sealing.primitives import SealError
from complaints.models.evidence import EvidenceObject
from complaints.services.evidence.storage import FileInfo, stream

logger = logging.getLogger(__name__)
# A reporter waits for this; an officer's worker looks again, with more patience.
LIMITS: Final = sandbox.Limits(memory_bytes=512 * 1024 * 1024, cpu_seconds=6, wall_seconds=10, output_bytes=64 * 1024)
# Players keep what they tell at either end of a file, so that a film need not be held whole.
_END_BYTES: Final = 4 * 1024 * 1024
# Each holds a file in memory; whoever finds none free after a while sends without having been told.
_slots = threading.BoundedSemaphore(2)
_PATIENCE_SECONDS: Final = 8


def check_object(info: FileInfo, *, object_name: str, identifier: uuid.UUID) -> FileInfo:
    """Note in ``info`` what the stored file says about its origin and whether it could be read; never fails.

    Where no process or memory was to be had it stays as it was, to be tried again.
    """
    if info.type == "text/plain":
        info.looked = "read"
    elif media.no_copy_reason(info.type) and info.type != "application/zip":
        info.looked = "unreadable"
    elif _slots.acquire(timeout=_PATIENCE_SECONDS):
        try:
            info.betrays = _found(EvidenceObject(pk=identifier, object_name=object_name), info)
            info.looked = "read"
        except sandbox.JobFailed:  # damaged, too large or too slow; the worker says more
            info.looked = "unreadable"
        except sandbox.Unavailable:
            logger.warning("No process could be had to look into a file before it is sent")
        except (OSError, SealError):
            logger.exception("A file that waits to be sent could not be read again")
        finally:
            _slots.release()
    return info


def _found(stored: EvidenceObject, info: FileInfo) -> list[str]:
    with _held(stored, info) as held:
        kind = info.type
        if media.is_container(kind):
            with sandbox.run("recognise", held, limits=LIMITS, wait_seconds=_PATIENCE_SECONDS) as result:
                kind = result.type or kind
        with sandbox.run("inspect", held, kind, limits=LIMITS, wait_seconds=_PATIENCE_SECONDS) as result:
            return list(result.codes)


def _held(stored: EvidenceObject, info: FileInfo) -> sandbox.Held:
    limit = settings.EVIDENCE_LOOK_MAX_BYTES
    if info.length <= limit or not info.type.startswith(("audio/", "video/")):
        if info.length > limit:
            raise sandbox.JobFailed("too_large")
        return sandbox.hold(stream(stored, info), limit)

    def end(start: int, until: int) -> Iterator[tuple[int, bytes]]:
        for piece in stream(stored, info, start, until):
            yield start, piece
            start += len(piece)

    return sandbox.hold_pieces(chain(end(0, _END_BYTES), end(info.length - _END_BYTES, info.length)), info.length)
