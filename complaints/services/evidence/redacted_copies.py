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
from complaints.adapters.media import instructions, kinds
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
# Of an office document its texts and tables stay; pictures, diagrams, comments, formulas and links do not.
TEXT_ONLY: Final = "text-only"
PDF: Final = "application/pdf"
PLAIN: Final = "text/plain"
AVI: Final = "video/x-msvideo"
_PICTURE: Final = re.compile(rb"<<[^<>]*/Filter /DCTDecode [^<>]*/Length (\d{1,9}) [^<>]*>>\nstream\n")


@dataclass(frozen=True)
class Removal:
    """What of a file goes: boxes of a picture or of pages, spans of a sound or a film, passages of a document.

    Spans of sounds and films are in milliseconds: a sound is silent in ``mutes``, a film is cut at ``cuts``, and a mute
    of a film stands for all of its sound. Passages are in code points of :func:`read_text`.
    """

    boxes: tuple[Box, ...] = ()
    mutes: tuple[Span, ...] = ()
    cuts: tuple[Span, ...] = ()
    passages: tuple[Span, ...] = ()

    def __bool__(self) -> bool:
        """Whether anything goes."""
        return len(self) > 0

    def __len__(self) -> int:
        """How many things go."""
        return len(self.boxes) + len(self.mutes) + len(self.cuts) + len(self.passages)

    def fits(self, media_type: str) -> bool:
        """Whether all of it can go of a file of this type."""
        here = {"text": (self.passages,), "film": (self.cuts, self.mutes), "sound": (self.mutes,)}
        return sum(map(len, here.get(manner(media_type), (self.boxes,)))) == len(self)


def manner(media_type: str) -> str:
    """Return how a file of this type is redacted: "picture", "pages", "sound", "film" or "text"; "" where it cannot be.

    AVI tells when a picture is decoded, and not when it is shown.
    """
    if media_type in PICTURES:
        return "picture"
    if media_type == PDF:
        return "pages"
    if media_type == PLAIN or kinds.FAMILIES.get(media_type) in {"ooxml", "odf"}:
        return "text"
    if media_type.startswith("video/"):
        return "film" if media_type != AVI else ""
    return "sound" if media_type.startswith("audio/") else ""


def read_text(working: EvidenceObject, info: FileInfo) -> str:
    """Return the text of a document, by which its passages are counted: a paragraph or a line of a table a line.

    Raises JobFailed, "too_large" where nobody would read all of it, and as :func:`render`.
    """
    with sandbox.hold(stream(working, info), settings.EVIDENCE_CLEAN_MAX_BYTES * 2) as held:
        return _text_of(held, info)


def _text_of(held: sandbox.Held, info: FileInfo) -> str:
    with sandbox.run("read_text", held, info.type, limits=sandbox.limits_of(held)) as result:
        (part,) = checked_parts(result, {PLAIN}, 1)
        return part.read().decode()


def render(working: EvidenceObject, info: FileInfo, removal: Removal, *, number: int) -> SealedUpload:
    """Write a working copy without what goes, encrypt and store it under a key of its own; return the upload.

    Raises:
        redaction.NothingLeft: nothing would be heard or seen any more; nothing is stored.
        sandbox.JobFailed: the file cannot be written anew; its code is one of refusal.CODES.
        sandbox.Unavailable, OSError, SealError: nothing was stored, another try may succeed.
    """
    with sandbox.hold(stream(working, info), settings.EVIDENCE_CLEAN_MAX_BYTES * 2) as held:
        options = _instructions(held, info, removal)
        limits = sandbox.limits_of(held, jobs=2)
        with sandbox.run(JOB, held, info.type, limits=limits, limit=MAX_PAGES, **options) as result:
            (part,) = checked_parts(result, _written_types(info.type), 1)
            _refuse_nothing(info.type, result.pages, removal)
            upload = seal_part(EvidenceObject.Variant.REDACTED, number, part).upload
            if upload.info and info.type == PDF:
                upload.info.losses = [LATER_PAGES] if result.pages > MAX_PAGES else []
                upload.info.pictures = page_pictures(b"".join(part.chunks()), min(result.pages, MAX_PAGES))
            elif upload.info and manner(info.type) == "text":
                upload.info.losses = [TEXT_ONLY] if info.type != PLAIN else []
            return upload


def _instructions(held: sandbox.Held, info: FileInfo, removal: Removal) -> dict[str, int]:
    """Return what the job is told to remove; raises NothingLeft for a document of which no word would be left."""
    kind = manner(info.type)
    if kind == "text":
        text = _text_of(held, info)
        redaction.redact_cells(text, removal.passages)
        return instructions.packed_passages(redaction.removed_in_cells(text, removal.passages))
    if kind == "film":
        return instructions.packed_cuts(removal.cuts, is_silent=bool(removal.mutes))
    return instructions.packed_boxes(removal.boxes) | instructions.packed_mutes(removal.mutes)


def _refuse_nothing(media_type: str, pages: int, removal: Removal) -> None:
    """Raise NothingLeft where nothing would be heard or seen of what was written."""
    kind = manner(media_type)
    if kind == "sound":
        redaction.audible(pages * 100, removal.mutes)
    elif kind == "film" and not pages:
        raise redaction.NothingLeft
    elif kind in {"picture", "pages"}:
        redaction.visible(min(pages, MAX_PAGES) or 1, removal.boxes)


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
