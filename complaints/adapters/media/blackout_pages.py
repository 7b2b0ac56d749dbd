"""A PDF with boxes drawn over its pages: made of pictures of the pages alone, without text. In the sandbox only."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import BinaryIO, Final

import pikepdf
from PIL import Image

from complaints.adapters.media import blackout, pages
from complaints.adapters.media.instructions import boxes_of
from complaints.adapters.media.refusal import Unreadable

# The longer side of A4 at 190 dots an inch: small print stays readable.
SIDE: Final = 2_200
# The longer side of A4 in points.
_POINTS: Final = 842


def redact(source: BinaryIO, out: BinaryIO, media_type: str, options: Mapping[str, int]) -> tuple[str, int]:
    """Write the first pages, at most ``limit``, as pictures with boxes; return the media type and the number of all.

    Raises as :func:`pages.draw`.
    """
    boxes, total = boxes_of(options), pages.count(source)
    with pikepdf.new() as made:
        for number, picture in enumerate(pages.each(source, 0, options.get("limit", 20), SIDE), start=1):
            blackout.draw_boxes(picture, [box for box in boxes if box.page == number])
            _add_page(made, picture)
        if not made.pages:
            raise Unreadable
        written = io.BytesIO()
        made.save(written, deterministic_id=True)
    out.write(written.getvalue())
    return "application/pdf", total


def _add_page(made: pikepdf.Pdf, picture: Image.Image) -> None:
    packed = io.BytesIO()
    picture.save(packed, "JPEG", quality=85)
    scale = _POINTS / max(picture.size)
    width, height = picture.width * scale, picture.height * scale
    image = made.make_stream(
        packed.getvalue(),
        Type=pikepdf.Name.XObject,
        Subtype=pikepdf.Name.Image,
        Width=picture.width,
        Height=picture.height,
        ColorSpace=pikepdf.Name.DeviceRGB,
        BitsPerComponent=8,
        Filter=pikepdf.Name.DCTDecode,
    )
    page = made.add_blank_page(page_size=(width, height))
    page.obj.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(Page=image))
    page.obj.Contents = made.make_stream(f"q {width:.2f} 0 0 {height:.2f} 0 0 cm /Page Do Q".encode())
