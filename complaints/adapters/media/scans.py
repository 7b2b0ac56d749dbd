"""TIFF files of scanners and fax machines: one page becomes a PNG, several become a PDF with a picture on each page.

For the sandbox only. Reduced copies of a page are left out; raw files of cameras, which are TIFF too, are not read.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from typing import BinaryIO, Final

from pikepdf import Dictionary, Name, Pdf
from PIL import Image, ImageFile

from complaints.adapters.media import images
from complaints.adapters.media.refusal import Unreadable, refusal

MAX_PAGES: Final = 500
_PAGES_INSPECTED: Final = 20
_TYPE: Final = "image/tiff"
# Tags of TIFF 6.0 and of DNG.
_SUBFILE, _REDUCED, _DNG_VERSION = 254, 1, 50706
_POINTS_PER_INCH: Final = 72
# What a page is drawn at whose file does not say how many pixels an inch has.
_USUAL_DPI: Final = 150
_DPI: Final = range(50, 2401)


def _pages(image: ImageFile.ImageFile) -> Iterator[ImageFile.ImageFile]:
    """Step through the pages, at most one more than MAX_PAGES."""
    tags = getattr(image, "tag_v2", {})
    if _DNG_VERSION in tags:
        raise Unreadable("unsupported")
    for number in range(MAX_PAGES + 1):
        try:
            image.seek(number)
        except EOFError:
            return
        if not int(getattr(image, "tag_v2", {}).get(_SUBFILE, 0)) & _REDUCED:
            yield image


def _held(source: BinaryIO) -> io.BytesIO:
    """Return the file in memory: libtiff would open a descriptor of its own, which the sandbox forbids."""
    source.seek(0)
    return io.BytesIO(source.read())


def clean(source: BinaryIO, out: BinaryIO, media_type: str, losses: set[str] | None = None) -> str:
    """Write all pages without any metadata; return the media type of the copy.

    Raises Unreadable: damaged, with too many pages or pixels, or of a camera.
    """
    with images.opened(_held(source), _TYPE) as image:
        count = sum(1 for _ in _pages(image))
        if not 0 < count <= MAX_PAGES:
            raise Unreadable("bomb" if count else "unsupported")
        if count == 1:
            page = next(_pages(image))
            images.refuse_bombs(page)
            images.write(images.bare(page, opaque=False), out, "PNG")
            return "image/png"
        with Pdf.new() as document:
            for page in _pages(image):
                images.refuse_bombs(page)
                _add(document, page)
            try:
                document.save(out, deterministic_id=True)
            except RuntimeError as error:
                raise refusal(error) from error
    return "application/pdf"


def _add(document: Pdf, page: ImageFile.ImageFile) -> None:
    dpi = _dpi(page)
    page.load()  # turns it upright
    if page.mode == "1":  # a fax or letter: a bit a dot, where colours would take 32
        size, data, form, depth, colours = page.size, zlib.compress(page.tobytes()), "/FlateDecode", 1, "/DeviceGray"
    else:
        picture, packed = images.bare(page, opaque=True), io.BytesIO()
        images.write(picture, packed, "JPEG")
        size, data, form, depth, colours = picture.size, packed.getvalue(), "/DCTDecode", 8, "/DeviceRGB"
    width, height = (side * _POINTS_PER_INCH / dpi for side in size)
    drawn = document.make_stream(
        data,
        Type=Name.XObject,
        Subtype=Name.Image,
        Width=size[0],
        Height=size[1],
        ColorSpace=Name(colours),
        BitsPerComponent=depth,
        Filter=Name(form),
    )
    added = document.add_blank_page(page_size=(width, height))
    added.Resources = Dictionary(XObject=Dictionary(Page=drawn))
    added.Contents = document.make_stream(f"q {width:.2f} 0 0 {height:.2f} 0 0 cm /Page Do Q".encode())


def _dpi(page: Image.Image) -> float:
    try:
        dpi = round(float(page.info["dpi"][0]))
    except (KeyError, IndexError, TypeError, ValueError, ArithmeticError):
        return _USUAL_DPI
    return dpi if dpi in _DPI else _USUAL_DPI


def inspect(source: BinaryIO, media_type: str) -> set[str]:
    """Return the codes of ``hints.CODES`` that apply to the first pages; raises Unreadable."""
    codes: set[str] = set()
    with images.opened(_held(source), _TYPE) as image:
        for number, page in enumerate(_pages(image)):
            if number == _PAGES_INSPECTED:
                break
            codes |= images.codes_of(page)
    # What is a preview in other kinds is the next page here.
    return codes - {"thumbnail"}
