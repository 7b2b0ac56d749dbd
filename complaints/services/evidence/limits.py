"""How much evidence is taken: by file, by sending, by report and in all, so that a full store never stops a report.

Intake asks here before the first byte and while bytes arrive. Every refusal is a code that the forms put into words.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.cache import cache

from complaints.models.evidence import Evidence
from complaints.services.evidence.drafts import draft_files, partial_files
from complaints.services.evidence.stored import storage

logger = logging.getLogger(__name__)
USED_CACHE = "evidence-used-bytes"
USED_CACHE_SECONDS = 600


@dataclass(frozen=True)
class Room:
    """What a new file may take: a code where nothing, else the bytes that are left for it."""

    left: int
    refused: str = ""

    def too_small_for(self, length: int) -> str:
        """Return the code of the refusal of a file of ``length`` bytes, or nothing."""
        if length > settings.EVIDENCE_MAX_FILE_BYTES:
            return "too_large"
        return "total" if length > self.left else ""


def room_for(*, session: Any, under_way: Sequence[int] = (), announced: int = 0) -> Room:
    """Return what a new file behind ``session`` may take.

    Args:
        under_way: the lengths of files that came in the same request.
        announced: how many bytes the request, or the file, says it will bring.
    """
    if session is None or not ("draft" in session or "ticket" in session):
        return Room(0, "no_session")
    sizes = [item.size for item in draft_files(session=session)]
    sizes += [partial.size for partial in partial_files(session=session).values()]
    sizes += under_way
    left = settings.EVIDENCE_MAX_TOTAL_BYTES - sum(sizes)
    if len(sizes) >= settings.EVIDENCE_MAX_FILES or left <= 0:
        return Room(0, "total")
    if "ticket" in session and _sent(session) + len(sizes) >= settings.EVIDENCE_MAX_REPORT_FILES:
        return Room(0, "report")
    return Room(left, _store_refuses(min(announced, left)))


def room_for_officer(*, under_way: Sequence[int] = (), announced: int = 0) -> Room:
    """Return what a new file in an officer's form may take; what is entered so is a report of its own."""
    left = settings.EVIDENCE_MAX_TOTAL_BYTES - sum(under_way)
    if len(under_way) >= settings.EVIDENCE_MAX_FILES or left <= 0:
        return Room(0, "total")
    return Room(left, _store_refuses(min(announced, left)))


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
