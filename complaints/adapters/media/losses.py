"""Codes of what a working copy lacks, or holds where nobody sees it at first; the interface labels them.

What a copy lacks tells of the content: the codes are sealed with the file report.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

LACKING: Final = (
    "full-size",  # of a photo with very many pixels, which is copied at half its width and height
    "pictures",  # of a kind that cannot be kept, or that lie elsewhere
    "animations",  # all pictures of an animation but the first
    "media",  # films and sounds inside of a document
    "captions",  # subtitles of a film, which are a track of text beside it
    "embedded-page",  # a page of another format inside of a document
    "embedded-files",  # other documents and programs inside of a document
    "form-values",  # check boxes and fields of forms
    "page-comments",  # texts of comments on the pages of a PDF
    "links",  # addresses behind words or places of a PDF, links of an office document to files
    "formulas",  # formulas that do more than calculate; their last values are there
    "macros",  # programs
    "fonts",  # that a document brings along
    "damaged-parts",  # of pages, which cannot be read
    "earlier-revisions",  # what a file held before its last changes
    "later-pages",  # of a redacted PDF, behind those that were looked at
    "text-only",  # of a redacted document: its pictures, diagrams, comments, formulas and links
)
HIDDEN: Final = (
    "hidden-sheets",  # sheets, rows, columns and cells
    "hidden-slides",
    "hidden-text",  # texts and shapes
    "undrawn-text",  # that a PDF holds without drawing it, as the recognised text behind a scanned page
    "layers",  # that are switched off
    "tracked-changes",  # deleted and inserted text
    "comments",  # of an office document, which a printed page does not show
    "speaker-notes",
)
# What the original lacks already.
BROKEN: Final = ("cut",)  # its end
CODES: Final = (*LACKING, *HIDDEN, *BROKEN)
# What no page shows; a reporter is told of it before sending, by the code "hidden" of ``hints``.
UNSEEN: Final = frozenset({"hidden-sheets", "hidden-slides", "hidden-text", "undrawn-text", "layers"})


def ordered(codes: Iterable[str]) -> list[str]:
    """Return the known codes among ``codes``, each once, in the order of :data:`CODES`."""
    present = set(codes)
    return [code for code in CODES if code in present]
