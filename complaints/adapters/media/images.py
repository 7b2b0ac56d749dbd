"""Photos and screenshots: codes of revealing metadata, a copy without metadata, and a small preview.

``inspect`` reads headers only; the other functions decode pixels and belong into the sandbox.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from typing import BinaryIO, Final

from PIL import ExifTags, Image, ImageCms, ImageFile, ImageOps, IptcImagePlugin

from complaints.adapters.media import hints, tails
from complaints.adapters.media.refusal import Unreadable, refusal

CLEANABLE: Final = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}
FORMATS: Final = {**CLEANABLE, "image/heic": "HEIF", "image/heif": "HEIF"}
# A pixel takes four bytes of memory, and turning an image upright needs two copies.
MAX_PIXELS: Final = 60_000_000
MAX_SIDE: Final = 32_767
_REFUSALS: Final = (OSError, ValueError, SyntaxError, EOFError, LookupError, TypeError, RuntimeError, MemoryError)
# Datasets of IPTC's record 2.
_IPTC_CODES: Final = {
    **dict.fromkeys([(2, 80), (2, 85), (2, 110), (2, 116), (2, 122)], "author"),
    **dict.fromkeys([(2, 90), (2, 92), (2, 95), (2, 101)], "place"),
    **dict.fromkeys([(2, 55), (2, 62)], "time"),
    **dict.fromkeys([(2, 5), (2, 105), (2, 120)], "title"),
    (2, 65): "software",
}

# This module checks sizes before decoding: Pillow's check uses warnings, whose filters are shared by all threads.
Image.MAX_IMAGE_PIXELS = None


@cache
def load_heif() -> None:
    """Register the HEIF plug-in; separate, because processes that answer requests never need this decoder."""
    pillow_heif = import_module("pillow_heif")
    pillow_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)
    # All in the calling thread; libde265 starts one of its own all the same.
    pillow_heif.options.DECODE_THREADS = 0


@contextmanager
def _opened(source: BinaryIO, media_type: str) -> Iterator[ImageFile.ImageFile]:
    if media_type not in FORMATS:
        raise Unreadable("unsupported")
    if FORMATS[media_type] == "HEIF":
        load_heif()
    try:
        with Image.open(source, formats=[FORMATS[media_type]]) as image:
            yield image
    except _REFUSALS as error:
        raise refusal(error) from error


def _refuse_bombs(image: Image.Image) -> None:
    """Refuse by declared size; a JPEG above the limit is decoded at half its size, because phones make such photos."""
    width, height = image.size
    if image.format in {"JPEG", "MPO"} and MAX_PIXELS < width * height <= 4 * MAX_PIXELS:
        image.draft("RGB", (width // 2, height // 2))
        width, height = image.size
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        raise Unreadable("bomb")


def clean(source: BinaryIO, out: BinaryIO, media_type: str) -> str:
    """Write the image upright and without any metadata to ``out``; return its media type, JPEG for HEIC.

    Only the first frame is kept. Colours are moved to sRGB, because a colour profile names its device. Raises
    Unreadable: cut, too many pixels, or not of ``media_type``.
    """
    form = CLEANABLE.get(media_type, "JPEG")
    with _opened(source, media_type) as image:
        _refuse_bombs(image)
        bare = _bare(image, opaque=form == "JPEG")
        # A higher compression level takes many times as long for a few percent.
        bare.save(out, form, **({"compress_level": 3} if form == "PNG" else {"quality": 90}))
    return f"image/{form.lower()}"


def preview(source: BinaryIO, out: BinaryIO, media_type: str, side: int) -> str:
    """Write a JPEG whose longer side is at most ``side`` pixels; return its media type. Raises as :func:`clean`."""
    with _opened(source, media_type) as image:
        _refuse_bombs(image)
        image.draft("RGB", (side, side))
        save_preview(_bare(image, opaque=True), out, side)
    return "image/jpeg"


def save_preview(image: Image.Image, out: BinaryIO, side: int) -> None:
    """Write ``image``, which must hold no metadata, reduced to ``side`` pixels, as JPEG."""
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    image.convert("RGB").save(out, "JPEG", quality=85)


def _bare(image: Image.Image, *, opaque: bool) -> Image.Image:
    """Return the pixels only: palettes and modes are flattened, ``info`` with all its chunks is dropped."""
    image.load()
    profile = image.info.get("icc_profile")
    upright = _upright(image)
    if upright.mode.startswith("I;16"):
        # Pillow's conversion clips 16 bits instead of scaling them.
        upright = upright.convert("I").point([value >> 8 for value in range(65536)], "L")
    with_alpha = "A" in upright.getbands() or "transparency" in upright.info
    converted = _to_srgb(upright.convert("RGBA" if with_alpha else "RGB"), profile)
    if with_alpha and opaque:
        background = Image.new("RGB", converted.size, "white")
        background.paste(converted, mask=converted.getchannel("A"))
        return background
    converted.info = {}
    bare = Image.new(converted.mode, converted.size)
    bare.paste(converted)
    return bare


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except _REFUSALS:
        return image  # unreadable EXIF data has no orientation


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    if not profile:
        return image
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if source.profile.xcolor_space.strip() == "RGB":
            ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), inPlace=True)
    except (ImageCms.PyCMSError, OSError, ValueError):
        pass  # a broken profile: the pixels are taken as sRGB, as browsers do
    return image


def inspect(source: BinaryIO, media_type: str) -> set[str]:
    """Return the codes of ``hints.CODES`` that apply, without decoding pixels; raises Unreadable."""
    with _opened(source, media_type) as image:
        return _codes_of_image(image) | tails.inspect(source, media_type)


def _codes_of_image(image: ImageFile.ImageFile) -> set[str]:
    exif = image.getexif()
    codes: set[str] = set()
    for tags in (exif, exif.get_ifd(ExifTags.IFD.Exif)):
        names = (ExifTags.TAGS.get(tag, "") for tag, value in tags.items() if _has_content(value))
        codes |= hints.codes_of(names)
    if not exif.get_ifd(ExifTags.IFD.GPSInfo):
        codes.discard("place")
    if exif.get_ifd(ExifTags.IFD.IFD1):
        codes.add("thumbnail")
    xmp = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    codes |= hints.codes_of_xmp(xmp.encode() if isinstance(xmp, str) else xmp)
    for iptc in IptcImagePlugin.getiptcinfo(image) or {}:
        codes |= {_IPTC_CODES[iptc]} if iptc in _IPTC_CODES else set()
    texts = getattr(image, "text", None) or {}
    codes |= hints.codes_of(key for key, value in texts.items() if str(value).strip())
    return codes


def _has_content(value: object) -> bool:
    if isinstance(value, bytes):
        value = value.decode("latin-1").replace("ASCII", "").replace("UNICODE", "")
    return bool(str(value).strip(" \0"))
