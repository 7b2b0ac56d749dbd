"""Draws pages of a PDF as pictures, with PDFium, which runs no scripts in this build. For the sandbox only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, Final, TypeAlias

import pypdfium2  # type: ignore[import-untyped]
from PIL import Image

from complaints.adapters.media import images
from complaints.adapters.media.refusal import Unreadable, refusal

# pypdfium2 has no types.
Document: TypeAlias = Any
# About twice the resolution of a screen; small pages such as receipts are not enlarged beyond it.
MAX_SCALE: Final = 3.0
_FAILURES: Final = (pypdfium2.PdfiumError, OSError, ValueError, TypeError, LookupError, RuntimeError, MemoryError)


@contextmanager
def _opened(source: BinaryIO) -> Iterator[Document]:
    source.seek(0)
    try:
        document = pypdfium2.PdfDocument(source, autoclose=False)
    except pypdfium2.PdfiumError as error:
        raise Unreadable("encrypted" if "assword" in str(error) else "damaged") from error
    except _FAILURES as error:
        raise refusal(error) from error
    try:
        yield document
    finally:
        document.close()


def count(source: BinaryIO) -> int:
    """Return the number of pages; raises Unreadable."""
    with _opened(source) as document:
        return len(document)


def draw(source: BinaryIO, index: int, side: int) -> Image.Image:
    """Return page ``index`` (from 0) as a picture whose longer side is at most ``side`` pixels.

    Raises Unreadable: damaged, under a password, or without such a page.
    """
    with _opened(source) as document:
        try:
            page = document[index]
            longer = max(page.get_size())
            if longer <= 0:
                raise Unreadable
            scale = min(MAX_SCALE, side / longer)
            picture: Image.Image = page.render(scale=scale, may_draw_forms=False).to_pil().convert("RGB")
        except _FAILURES as error:
            raise refusal(error) from error
        return picture


def preview(source: BinaryIO, out: BinaryIO, media_type: str, side: int) -> str:
    """Write the first page as JPEG; return its media type. Raises as :func:`draw`."""
    images.save_preview(draw(source, 0, side), out, side)
    return "image/jpeg"


def each(source: BinaryIO, first: int, limit: int, side: int) -> Iterator[Image.Image]:
    """Yield the pages from ``first`` (from 0), at most ``limit`` of them, as pictures; raises as :func:`draw`."""
    for index in range(first, min(first + limit, count(source))):
        yield draw(source, index, side)
