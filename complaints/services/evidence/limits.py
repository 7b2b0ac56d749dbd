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
from typing import Final

from django.conf import settings
from django.core.cache import cache
from django.db.models import Sum
from django.db.models.functions import Greatest, Length

from complaints.models.draft import Draft
from complaints.models.evidence import DraftFile, Evidence
from complaints.reporter_session import ReporterSession, stored_size
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
# The row of a draft at the last step, in bytes: each draft may have it at any time.
STEP_BYTES: Final = 4096
# A draft may wait while all together take less than so many quarters of DRAFT_TEXT_BYTES, by how long its text is: long
# ones, of which few fill the room, stop first.
PARKED_QUARTERS: Final = {200_000: 2, 15_000: 3, 3_500: 4}
# Counting very many rows costs more than all else that a page does: a large sum is counted once in so many seconds. In
# them at most some hundred MiB come in.
LARGE_TEXT_BYTES, TEXT_SECONDS = 64 * 1024**2, 10


@dataclass(frozen=True)
class TextOfAll:
    """What the rows of all drafts and their files take in bytes; and what they may take with each at the last step."""

    taken: int
    reserved: int


# The last sum, and until when it counts by the monotonic clock.
_last_sum: list[tuple[TextOfAll, float]] = []


class DraftsFull(Exception):
    """The rows of drafts take as much of the database as they may; none is begun until some have ended."""


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
    refused = draft_refusal(min(announced, left), is_parked=session.is_parked)
    return StorageRoom(left, refused, too_much)


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


def draft_refusal(announced: int, *, is_parked: bool = False) -> str:
    """Return the code of the refusal of ``announced`` more bytes of an unfinished report's files, or "".

    Whoever comes with a ticket code has sent a report, so that only the whole storage limits what is added to it. Those
    that wait for 72 hours (``is_parked``) take half at most of what all drafts may, so that the other half is left to
    those that are written and sent at once.
    """
    if refused := _storage_refusal(announced):
        return refused
    try:
        used = drafts_bytes()
        if (1 + is_parked) * (used + announced) > _draft_budget(used):
            logger.error("Files of unfinished reports have used up their share of the evidence storage")
            return "drafts"
    except OSError:
        logger.exception("The evidence storage does not answer")
        return "store"
    return ""


def parking_refusal(session: ReporterSession) -> str:
    """Return why the draft of a session cannot wait for 72 hours, or "": its files ("size"), no room ("room").

    One without files asks for no room in the storage, so that others' files never keep it from waiting.
    """
    sizes = files_bytes(session)
    if sum(sizes) > settings.EVIDENCE_PARKED_BYTES:
        return "size"
    if not _may_text_wait(stored_size(session["draft"])):
        logger.error("The text of unfinished reports has used up the part of DRAFT_TEXT_BYTES for those that wait")
        return "room"
    return "room" if sizes and draft_refusal(0, is_parked=True) else ""


def _may_text_wait(size: int) -> bool:
    quarters = next((share for most, share in reversed(PARKED_QUARTERS.items()) if size <= most), 0)
    return 4 * _text_of_all().reserved < quarters * settings.DRAFT_TEXT_BYTES


def files_bytes(session: ReporterSession) -> list[int]:
    """Return the sizes in bytes of all files that belong to a session, those that are still arriving among them."""
    sizes = [item.size for item in draft_files(session=session)]
    return sizes + [partial.size for partial in partial_files(session=session).values()]


def drafts_bytes() -> int:
    """Return what all drafts take together, their files and their text, in bytes."""
    sizes = (rows.objects.aggregate(size=Sum("stored_size"))["size"] for rows in (DraftFile, Draft))
    return int(sum(size or 0 for size in sizes))


def count_text() -> TextOfAll:
    """Return what the rows of all drafts take in the database, with those of files, refused and announced ones too."""
    files = DraftFile.objects.aggregate(size=Sum(Length("sealed")))["size"] or 0
    sums = Draft.objects.aggregate(taken=Sum("stored_size"), reserved=Sum(Greatest("stored_size", STEP_BYTES)))
    return TextOfAll(files + (sums["taken"] or 0), files + (sums["reserved"] or 0))


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


def text_limit(size: int, present: int, *, is_parked: bool = False) -> int:
    """Return how long the text of one draft may be, in bytes, that has ``present`` and would have ``size``.

    The more the text of all drafts takes, the less a single one may have, so that the others find room: one of
    TEXT_STEPS for each DRAFT_TEXT_BYTES that are taken. The last is always taken, and so is what a draft that lies
    there has, rounded up to a step. One that waits (``is_parked``) grows as it might begin to wait.
    """
    reached = next((step for step in reversed(TEXT_STEPS) if present <= step), TEXT_STEPS[0])
    if size <= reached:
        return reached
    used = (_text_of_all().taken + size) // max(1, settings.DRAFT_TEXT_BYTES)
    allowed = TEXT_STEPS[min(used, len(TEXT_STEPS) - 1)]
    if is_parked:
        allowed = min(allowed, max((most for most in PARKED_QUARTERS if _may_text_wait(most)), default=0))
    return max(reached, allowed)


def refuse_when_full() -> None:
    """Raise DraftsFull where no further draft is begun.

    What is left of the database then is for reports that are sent and for the work on them. Drafts that were begun are
    written and sent.
    """
    if _text_of_all(is_roughly=True).reserved >= settings.DRAFT_MAX_BYTES:
        raise DraftsFull


def _text_of_all(*, is_roughly: bool = False) -> TextOfAll:
    """Return :func:`count_text`, of this process's memory where it was large and counted within TEXT_SECONDS.

    With ``is_roughly`` also where it was not large.
    """
    now = time.monotonic()
    for last, until in _last_sum:
        if now < until and (is_roughly or last.reserved >= LARGE_TEXT_BYTES):
            return last
    counted = count_text()
    if counted.taken >= settings.DRAFT_TEXT_BYTES:
        logger.error("The text of unfinished reports takes more than DRAFT_TEXT_BYTES")
    if counted.reserved >= settings.DRAFT_MAX_BYTES:
        logger.error("Unfinished reports take DRAFT_MAX_BYTES of the database: none is begun until some have ended")
    _last_sum[:] = [(counted, now + TEXT_SECONDS)]
    return counted


def used_bytes() -> int:
    """Return the number of bytes in the storage, counted at most every ten minutes; raises OSError."""
    cached = cache.get(USED_CACHE)
    # Others may write to a cache on another machine: what is no number of bytes counts as absent.
    if type(cached) is int and cached >= 0:
        return cached
    used = sum(item.size for item in storage().present())
    cache.set(USED_CACHE, used, USED_CACHE_SECONDS)
    return used
