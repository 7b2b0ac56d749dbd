"""Renders a working copy anew without the areas or spans that go, in the sandbox; the result is stored and sealed.

It runs in a request of triage: the worker's grant of a file ended with its first work. Limits are those of the copies.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from django.conf import settings

from complaints.adapters import sandbox
from complaints.adapters.media import instructions
from complaints.domain import redaction
from complaints.domain.redaction import Box, Span
from complaints.models.evidence import EvidenceObject
from complaints.services.evidence.copies import MAX_PAGES, checked_parts, seal_part
from complaints.services.evidence.intake import SealedUpload
from complaints.services.evidence.storage import FileInfo, stream

JOB: Final = "redact"
# Of a longer document these pages are shown to the officer; what nobody looked at is not released.
LATER_PAGES: Final = "later-pages"
PICTURES: Final = frozenset({"image/jpeg", "image/png", "image/webp"})
PDF: Final = "application/pdf"
_PICTURE: Final = re.compile(rb"<<[^<>]*/Filter /DCTDecode [^<>]*/Length (\d{1,9}) [^<>]*>>\nstream\n")


@dataclass(frozen=True)
class Removal:
    """What of a file goes: boxes of a picture or of pages, or spans of a sound in milliseconds."""

    boxes: tuple[Box, ...] = ()
    mutes: tuple[Span, ...] = ()

    def __bool__(self) -> bool:
        """Whether anything goes."""
        return bool(self.boxes or self.mutes)


def manner(media_type: str) -> str:
    """Return how a file of this type is redacted: "picture", "pages" or "sound"; "" where it cannot be."""
    if media_type in PICTURES:
        return "picture"
    if media_type == PDF:
        return "pages"
    return "sound" if media_type.startswith("audio/") else ""


def render(working: EvidenceObject, info: FileInfo, removal: Removal, *, number: int) -> SealedUpload:
    """Write a working copy without what goes, encrypt and store it under a key of its own; return the upload.

    Raises:
        redaction.NothingLeft: nothing would be heard or seen any more; nothing is stored.
        sandbox.JobFailed: the file cannot be written anew; its code is one of refusal.CODES.
        sandbox.Unavailable, OSError, SealError: nothing was stored, another try may succeed.
    """
    options = instructions.packed_boxes(removal.boxes) | instructions.packed_mutes(removal.mutes)
    with sandbox.hold(stream(working, info), settings.EVIDENCE_CLEAN_MAX_BYTES * 2) as held:
        limits = sandbox.limits_of(held, jobs=2)
        with sandbox.run(JOB, held, info.type, limits=limits, limit=MAX_PAGES, **options) as result:
            (part,) = checked_parts(result, _written_types(info.type), 1)
            if removal.mutes:
                redaction.audible(result.pages * 100, removal.mutes)
            else:
                redaction.visible(min(result.pages, MAX_PAGES) or 1, removal.boxes)
            upload = seal_part(EvidenceObject.Variant.REDACTED, number, part).upload
            if upload.info and info.type == PDF:
                upload.info.losses = [LATER_PAGES] if result.pages > MAX_PAGES else []
                upload.info.pictures = page_pictures(b"".join(part.chunks()), min(result.pages, MAX_PAGES))
            return upload


def page_pictures(pdf: bytes, pages: int) -> list[list[int]]:
    """Return where the JPEG of each page stands in a PDF of ``blackout_pages``, which writes them in order.

    The document is not parsed as a PDF: only bytes between two marks of a JPEG are ever shown. Returns nothing where
    there are not as many as ``pages``; such a copy can be downloaded all the same.
    """
    places, place = list[list[int]](), 0
    while match := _PICTURE.search(pdf, place):
        place = match.end() + int(match[1])
        picture = pdf[match.end() : place]
        if picture.startswith(b"\xff\xd8") and picture.endswith(b"\xff\xd9"):
            places.append([match.end(), place])
    return places if len(places) == pages else []


def _written_types(media_type: str) -> Collection[str]:
    return frozenset({"audio/flac"} if manner(media_type) == "sound" else {media_type})
