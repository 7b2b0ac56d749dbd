"""Codes of what a working copy lacks, or holds where nobody sees it at first; the interface labels them.

What a copy lacks tells of the content: the codes are sealed with the file report.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

LACKING: Final = (
    "frames",  # all pictures of an animation but the first
    "full-size",  # of a photo with very many pixels, which is copied at half its width and height
    "pages",  # of a damaged document, whose content cannot be read
    "pictures",  # of a kind that cannot be kept, or that lie elsewhere
    "media",  # films and sounds inside of a document
    "embedded-page",  # a page of another format inside of a document
    "embedded-files",  # other documents and programs inside of a document
    "form-values",  # check boxes and fields of forms
    "formulas",  # formulas that do more than calculate; their last values are there
    "macros",  # programs
    "earlier-revisions",  # what a file held before its last changes
)
HIDDEN: Final = (
    "hidden-sheets",  # sheets, rows and columns
    "hidden-slides",
    "hidden-text",
    "layers",  # that are switched off
    "tracked-changes",  # deleted and inserted text
)
# What the original lacks already.
BROKEN: Final = ("cut",)  # its end
CODES: Final = (*LACKING, *HIDDEN, *BROKEN)


def ordered(codes: Iterable[str]) -> list[str]:
    """Return the known codes among ``codes``, each once, in the order of :data:`CODES`."""
    present = set(codes)
    return [code for code in CODES if code in present]
