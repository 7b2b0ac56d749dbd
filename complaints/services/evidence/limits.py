"""How much is taken: by file, by sending, by report, of all drafts together, and in all.

Limits are checked before the first byte and while bytes arrive, so that full storage refuses files but never a report.
A refusal is a code, for which the forms have the text. Drafts may take half of what is free above the reserve: the
other half is left to reports that are sent (docs/adr/0043).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.core.cache import cache
from django.db.models import Sum

from complaints.models.draft import Draft
from complaints.models.evidence import DraftFile, Evidence
from complaints.reporter_session import ReporterSession
from complaints.services.evidence.drafts import draft_files, partial_files
from complaints.services.evidence.storage import storage

logger = logging.getLogger(__name__)
USED_CACHE = "evidence-used-bytes"
USED_CACHE_SECONDS = 600
# For a store that does not tell what is free, where no setting says what drafts may take; check --deploy asks for one.
UNKNOWN_STORE_BYTES = 10 * 1024**3
# What the text of one draft may take in bytes, by how often the text of all takes DRAFT_TEXT_BYTES. In Latin letters
# every field at its limit takes 80,000, the longest account 20,000, a page of paper 3,000. Each but the first fits
# into a row of a smaller size.
TEXT_STEPS = (200_000, 60_000, 15_000, 3_500)
# What the choice of a name and the name itself may add to the last step: its row stays of the same size.
NAME_BYTES = 250
# Counting very many rows costs more than all else that a page does: a large sum is counted once in so many seconds. In
# them at most some hundred MiB come in.
LARGE_TEXT_BYTES, TEXT_SECONDS = 64 * 1024**2, 10
# The last large sum, and until when it counts by the monotonic clock.
_large_text: list[float] = [0, 0.0]


@dataclass(frozen=True)
class StorageRoom:
    """The space for a new file: the bytes left for it, or the code of a refusal; ``too_much`` is that of more bytes."""

    left: int
    refused: str = ""
    too_much: str = "total"

    def too_small_for(self, length: int) -> str:
        """Return the code of the refusal of a file of ``length`` bytes, or ""."""
        if length > settings.EVIDENCE_MAX_FILE_BYTES:
            return "too_large"
        return self.too_much if length > self.left else ""


def room_for(*, session: ReporterSession | None, under_way: Sequence[int] = (), announced: int = 0) -> StorageRoom:
    """Return the space for a new file of a reporter; refused without an unfinished report or an open ticket.

    ``under_way`` are the lengths of other files in the same request, ``announced`` that of the request or file, in
    bytes.
    """
    if session is None or not ("draft" in session or "ticket" in session):
        return StorageRoom(0, "no_session")
    sizes = [*files_bytes(session), *under_way]
    most, too_much = settings.EVIDENCE_MAX_TOTAL_BYTES, "total"
    if session.is_parked:
        most, too_much = settings.EVIDENCE_PARKED_BYTES, "parked"
    left = most - sum(sizes)
    if len(sizes) >= settings.EVIDENCE_MAX_FILES or left <= 0:
        return StorageRoom(0, too_much)
    if "ticket" in session:
        sent = Evidence.objects.filter(complaint=session["ticket"]["complaint"]).count()
        if sent + len(sizes) >= settings.EVIDENCE_MAX_REPORT_FILES:
            return StorageRoom(0, "report")
        return StorageRoom(left, _storage_refusal(min(announced, left)))
    return StorageRoom(left, draft_refusal(min(announced, left)), too_much)


def room_for_officer(*, under_way: Sequence[int] = (), announced: int = 0) -> StorageRoom:
    """Return the space for a new file that staff upload; arguments as for :func:`room_for`."""
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


def draft_refusal(announced: int) -> str:
    """Return the code of the refusal of ``announced`` more bytes of an unfinished report's files, or "".

    Whoever comes with a ticket code has sent a report, so that only the whole storage limits what is added to it.
    """
    if refused := _storage_refusal(announced):
        return refused
    try:
        used = drafts_bytes()
        if used + announced > _draft_budget(used):
            logger.error("Files of unfinished reports have used up their share of the evidence storage")
            return "drafts"
    except OSError:
        logger.exception("The evidence storage does not answer")
        return "store"
    return ""


def parking_refusal(session: ReporterSession) -> str:
    """Return why the draft of a session cannot wait for 72 hours, or "": its files ("size"), no room ("room").

    Drafts may wait while all drafts together take less than half of what they may, so that the other half is left to
    those that are written and sent at once.
    """
    if sum(files_bytes(session)) > settings.EVIDENCE_PARKED_BYTES:
        return "size"
    try:
        used = drafts_bytes()
        is_full = 2 * used > _draft_budget(used) or 2 * text_bytes() > settings.DRAFT_TEXT_BYTES
    except OSError:
        logger.exception("The evidence storage does not answer")
        return "room"
    if is_full:
        logger.error("Unfinished reports have used up the part of the storage that is left to those that wait")
    return "room" if is_full or _storage_refusal(0) else ""


def files_bytes(session: ReporterSession) -> list[int]:
    """Return the sizes in bytes of all files that belong to a session, those that are still arriving among them."""
    sizes = [item.size for item in draft_files(session=session)]
    return sizes + [partial.size for partial in partial_files(session=session).values()]


def drafts_bytes() -> int:
    """Return what all drafts take together, their files and their text, in bytes."""
    files = DraftFile.objects.aggregate(size=Sum("stored_size"))["size"] or 0
    return int(files + text_bytes())


def text_bytes() -> int:
    """Return what the text of all drafts takes in the database, in bytes."""
    return int(Draft.objects.aggregate(size=Sum("stored_size"))["size"] or 0)


def _draft_budget(used: int) -> int:
    """Return how many bytes all drafts may take that take ``used`` now: EVIDENCE_DRAFT_BYTES, else half of the rest."""
    if settings.EVIDENCE_DRAFT_BYTES:
        return int(settings.EVIDENCE_DRAFT_BYTES)
    rests = []
    if (free_bytes := storage().free_bytes()) is not None:
        rests.append(free_bytes - settings.EVIDENCE_MIN_FREE_BYTES)
    if settings.EVIDENCE_MAX_STORE_BYTES:
        rests.append(settings.EVIDENCE_MAX_STORE_BYTES - used_bytes())
    # What drafts take already is part of what would be free without them.
    return (min(rests) + used) // 2 if rests else UNKNOWN_STORE_BYTES


def text_limit(size: int, present: int) -> int:
    """Return how long the text of one draft may be, in bytes, that has ``present`` and would have ``size``.

    The more the text of all drafts takes, the less a single one may have, so that the others find room: one of
    TEXT_STEPS for each DRAFT_TEXT_BYTES that are taken. The last is always taken, and so is what a draft that lies
    there has, rounded up to a step.
    """
    reached = next((step for step in reversed(TEXT_STEPS) if present <= step), TEXT_STEPS[0])
    if size <= reached:
        return reached
    used = (_text_bytes_lately() + size) // max(1, settings.DRAFT_TEXT_BYTES)
    return max(reached, TEXT_STEPS[min(used, len(TEXT_STEPS) - 1)])


def _text_bytes_lately() -> int:
    """Return :func:`text_bytes`, of this process's memory where it was large and counted within TEXT_SECONDS."""
    counted, until = _large_text
    if time.monotonic() < until:
        return int(counted)
    used = text_bytes()
    if used >= settings.DRAFT_TEXT_BYTES:
        logger.error("The text of unfinished reports takes more than DRAFT_TEXT_BYTES")
    if used >= LARGE_TEXT_BYTES:
        _large_text[:] = used, time.monotonic() + TEXT_SECONDS
    return used


def used_bytes() -> int:
    """Return the number of bytes in the storage, counted at most every ten minutes; raises OSError."""
    cached = cache.get(USED_CACHE)
    # Others may write to a cache on another machine: what is no number of bytes counts as absent.
    if type(cached) is int and cached >= 0:
        return cached
    used = sum(item.size for item in storage().present())
    cache.set(USED_CACHE, used, USED_CACHE_SECONDS)
    return used
