"""Checks before a file is sent what it reveals about its origin or about people, so that the reporter can remove it.

Untrusted bytes are read in the sandbox only. A failure never stops a report: the file counts as not checked, and the
page says so.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from typing import Final

from django.conf import settings

from complaints.adapters import sandbox
from complaints.adapters.media import inspection, kinds
from complaints.domain.errors import SealError
from complaints.models.evidence import EvidenceObject
from complaints.services.evidence.pooled_connection import give_back_connection
from complaints.services.evidence.storage import FileInfo, stream

logger = logging.getLogger(__name__)
# A reporter waits for this check; the worker repeats it later with larger limits.
# Of processor time a file gets 2 seconds, and 1 for each MiB up to these 6.
LIMITS: Final = sandbox.Limits(memory_bytes=512 * 1024 * 1024, cpu_seconds=6, wall_seconds=10, output_bytes=64 * 1024)
_SMALL_FILE_CPU_SECONDS: Final = 2
# Media formats keep metadata at either end of a file, and of a text both ends are read, so that neither need be whole.
_END_BYTES: Final = 4 * 1024 * 1024
# Each slot holds a file in memory; where none is free in time, the file remains unchecked.
_slots = threading.BoundedSemaphore(2)
_WAIT_SECONDS: Final = 8


def check_object(info: FileInfo, *, object_name: str, identifier: uuid.UUID) -> FileInfo:
    """Set in ``info`` what a stored file reveals, whether it could be read, and of a zip its kind; return ``info``.

    A file under a password is "locked". Never raises. Where no process or memory was available, ``info`` is unchanged
    and the check can be repeated.
    """
    # A container of another kind may be an office document under a password.
    if not inspection.looks_into(info.type) and not kinds.is_container(info.type):
        info.looked = "unreadable"
        return info
    # In the time that a slow file takes, others need the connection to the database.
    give_back_connection()
    if _slots.acquire(timeout=_WAIT_SECONDS):
        try:
            info.betrays = _codes(EvidenceObject(pk=identifier, object_name=object_name), info)
            info.looked = "read"
        except sandbox.JobFailed as failure:  # damaged, too large or too slow; the worker reports the details
            info.looked = "locked" if failure.code == "encrypted" else "unreadable"
        except sandbox.Unavailable:
            logger.warning("No process could be had to look into a file before it is sent")
        except (OSError, SealError):
            logger.exception("A file that waits to be sent could not be read again")
        finally:
            _slots.release()
    return info


def _codes(stored: EvidenceObject, info: FileInfo) -> list[str]:
    """Return the codes of ``hints.CODES``; "partly" where not all of the file was held."""
    with _hold(stored, info) as held:
        seconds = min(LIMITS.cpu_seconds, _SMALL_FILE_CPU_SECONDS + held.size // (1024 * 1024))
        limits = replace(LIMITS, cpu_seconds=seconds)
        if kinds.is_container(info.type):
            with sandbox.run("recognise", held, limits=limits, wait_seconds=_WAIT_SECONDS) as result:
                info.type = result.type if result.type in kinds.ALLOWED else info.type
            if not inspection.looks_into(info.type):
                raise sandbox.JobFailed(kinds.no_copy_reason(info.type))
        with sandbox.run("inspect", held, info.type, limits=limits, wait_seconds=_WAIT_SECONDS) as result:
            codes: list[str] = list(result.codes)
    is_part = info.length > settings.EVIDENCE_LOOK_MAX_BYTES
    return codes if "partly" in codes or not is_part else [*codes, "partly"]


def _hold(stored: EvidenceObject, info: FileInfo) -> sandbox.Held:
    limit = settings.EVIDENCE_LOOK_MAX_BYTES
    if info.length <= limit or not (info.type.startswith(("audio/", "video/")) or info.type in inspection.TEXTS):
        if info.length > limit:
            raise sandbox.JobFailed("too_large")
        return sandbox.hold(stream(stored, info), limit)

    def pieces(start: int, end: int) -> Iterator[tuple[int, bytes]]:
        for piece in stream(stored, info, start, end):
            yield start, piece
            start += len(piece)

    both_ends = chain(pieces(0, _END_BYTES), pieces(info.length - _END_BYTES, info.length))
    return sandbox.Held(both_ends, info.length)
