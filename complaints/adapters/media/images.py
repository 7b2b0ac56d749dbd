"""Photos and screenshots: codes of revealing metadata, a copy without metadata, and a small preview.

``inspect`` reads headers only; the other functions decode pixels and belong into the sandbox.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import BinaryIO, Final

from PIL import ExifTags, Image, ImageCms, ImageFile, IptcImagePlugin

from complaints.adapters.media import decoders, hints, pieces, tails
from complaints.adapters.media.refusal import MAX_PIXELS, Unreadable, refusal

FORMATS: Final = {
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/webp": "WEBP",
    "image/heic": "HEIF",
    "image/heif": "HEIF",
    "image/avif": "AVIF",
    "image/gif": "GIF",
    "image/bmp": "BMP",
    "image/tiff": "TIFF",
}
# What a copy is written as; of all others as PNG. Browsers show the three.
_WRITTEN: Final = {"JPEG": "JPEG", "WEBP": "WEBP", "HEIF": "JPEG", "AVIF": "JPEG"}
# Cameras of phones make photos of 200 million, of which JPEG can be decoded at half the width and height.
MAX_HALVED_PIXELS: Final = 240_000_000
# A JPEG file holds no more, libjpeg writes no more; a long screenshot of a chat is higher.
_JPEG_SIDE: Final = 65_500
_REFUSALS: Final = (
    OSError, ValueError, SyntaxError, EOFError, LookupError, TypeError, RuntimeError, MemoryError, ArithmeticError,
    AttributeError, AssertionError, struct.error, zlib.error,
)  # fmt: skip
# What the libraries fill up with where nothing of the pixels is there: zeros, and the grey of JPEG.
_NOTHING: Final = (((0, 0),) * 3, ((128, 128),) * 3)
# Datasets of IPTC's record 2.
_IPTC_CODES: Final = {
    **dict.fromkeys([(2, 80), (2, 85), (2, 110), (2, 116), (2, 122)], "author"),
    **dict.fromkeys([(2, 90), (2, 92), (2, 95), (2, 101)], "place"),
    **dict.fromkeys([(2, 55), (2, 62)], "time"),
    **dict.fromkeys([(2, 5), (2, 105), (2, 120)], "title"),
    (2, 65): "software",
}

_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# This module checks sizes before decoding: Pillow's check uses warnings, whose filters are shared by all threads.
Image.MAX_IMAGE_PIXELS = None


@contextmanager
def opened(source: BinaryIO, media_type: str) -> Iterator[ImageFile.ImageFile]:
    """Open an image, of which only the header is read; raises Unreadable, also for errors inside of the block."""
    if media_type not in FORMATS:
        raise Unreadable("unsupported")
    if FORMATS[media_type] in {"HEIF", "AVIF"}:
        decoders.load()
    try:
        with Image.open(source, formats=[FORMATS[media_type]]) as image:
            yield image
    except _REFUSALS as error:
        raise refusal(error) from error


@contextmanager
def _forgiving() -> Iterator[None]:
    """Let the library draw what there is of a file that breaks off, and pass over chunks with a wrong checksum."""
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = False


def _mended(source: BinaryIO, media_type: str) -> BinaryIO:
    """Return a JPEG with an end mark; without it the library draws nothing of one that comes in passes."""
    source.seek(0)
    return io.BytesIO(source.read() + b"\xff\xd9") if media_type == "image/jpeg" else source


def refuse_bombs(image: Image.Image) -> bool:
    """Refuse by declared size; return whether a JPEG above the limit will be decoded at half its size."""
    width, height = image.size
    if is_halved := image.format in {"JPEG", "MPO"} and MAX_PIXELS < width * height <= MAX_HALVED_PIXELS:
        image.draft("RGB", (width // 2, height // 2))
        width, height = image.size
    if width * height > MAX_PIXELS:
        raise Unreadable("bomb")
    return is_halved


def clean(source: BinaryIO, out: BinaryIO, media_type: str, losses: set[str] | None = None) -> str:
    """Write the image upright and without any metadata to ``out``; return its media type.

    Only the first frame is kept. Colours are moved to sRGB, because a colour profile names its device. Of a file that
    breaks off the copy shows what there is. ``losses`` gets the codes of :mod:`losses` that apply. Raises Unreadable:
    too many pixels, nothing to be seen, or not of ``media_type``.
    """
    lost: set[str] = set()
    try:
        form = _write_copy(source, out, media_type, lost)
    except Unreadable as refused:
        if refused.code != "damaged":
            raise
        out.seek(0)
        out.truncate()
        form = _write_rest(source, out, media_type, lost)
    if losses is not None:
        losses |= lost
    return f"image/{form.lower()}"


def _write_copy(source: BinaryIO, out: BinaryIO, media_type: str, losses: set[str]) -> str:
    with opened(source, media_type) as image:
        if refuse_bombs(image):
            losses.add("full-size")
        # Phones put a second picture with the range of brightness into a JPEG.
        if FORMATS[media_type] != "JPEG" and getattr(image, "is_animated", False):
            losses.add("animations")
        form = _WRITTEN.get(FORMATS[media_type], "PNG")
        if form == "JPEG" and max(image.size) > _JPEG_SIDE:
            form = "PNG"
        write(bare(image, opaque=form == "JPEG"), out, form)
    return form


def write(image: Image.Image, out: BinaryIO, form: str) -> None:
    """Write an image, which must hold no metadata, as "JPEG", "PNG" or "WEBP"."""
    # A higher compression level takes many times as long for a few percent.
    image.save(out, form, **({"compress_level": 3} if form == "PNG" else {"quality": 90}))


def _write_rest(source: BinaryIO, out: BinaryIO, media_type: str, losses: set[str]) -> str:
    """Write what there is of a damaged image; raises Unreadable where that is nothing."""
    source.seek(0)
    if media_type == "image/png" and (whole := pieces.png(source.read())):
        # All that draws is there: the damage is in a remark.
        with suppress(Unreadable):
            return _write_copy(io.BytesIO(whole), out, media_type, losses)
    with _forgiving():
        form = _write_copy(_mended(source, media_type), out, media_type, losses)
    out.seek(0)
    with Image.open(out, formats=[form]) as image:
        ranges = image.convert("RGB").getextrema()
    if ranges in _NOTHING:
        raise Unreadable
    losses.add("cut")
    return form


def preview(source: BinaryIO, out: BinaryIO, media_type: str, side: int) -> str:
    """Write a JPEG whose longer side is at most ``side`` pixels; return its media type. Raises as :func:`clean`."""
    with opened(source, media_type) as image:
        refuse_bombs(image)
        image.draft("RGB", (side, side))
        save_preview(bare(image, opaque=True), out, side)
    return "image/jpeg"


def save_preview(image: Image.Image, out: BinaryIO, side: int) -> None:
    """Write ``image``, which must hold no metadata, reduced to ``side`` pixels, as JPEG."""
    image.thumbnail((side, side), Image.Resampling.BICUBIC)
    image.convert("RGB").save(out, "JPEG", quality=85)


def bare(image: Image.Image, *, opaque: bool) -> Image.Image:
    """Return the pixels only: palettes and modes are flattened, ``info`` with all its chunks is dropped."""
    image.load()
    profile = image.info.get("icc_profile")
    upright = _upright(image)
    if upright.mode.startswith("I;16"):
        # Pillow's conversion clips 16 bits instead of scaling them.
        upright = upright.convert("I").point([value >> 8 for value in range(65536)], "L")
    with_alpha = "A" in upright.getbands() or "transparency" in upright.info
    mode = "RGBA" if with_alpha else "RGB"
    converted = _to_srgb(upright if upright.mode == mode else upright.convert(mode), profile)
    if with_alpha and opaque:
        background = Image.new("RGB", converted.size, "white")
        background.paste(converted, mask=converted.getchannel("A"))
        return background
    # A new image around the same pixels: another copy of a panorama would not fit.
    return Image.new(mode, (0, 0))._new(converted.im)


def _upright(image: Image.Image) -> Image.Image:
    try:
        turn = _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except _REFUSALS:
        return image  # unreadable EXIF data has no orientation
    return image if turn is None else image.transpose(turn)


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
    """Return the codes of ``hints.CODES`` that apply; raises Unreadable.

    Decodes pixels only where the format has notes behind them, as PNG. What cannot be read of the notes is passed over.
    """
    return _codes_of_notes(source, media_type) | tails.inspect(source, media_type)


def _codes_of_notes(source: BinaryIO, media_type: str) -> set[str]:
    try:
        with opened(source, media_type) as image:
            return _codes_unless_bomb(image)
    except Unreadable as refused:
        if refused.code != "damaged":
            raise
    source.seek(0)
    with _forgiving(), opened(source, media_type) as image:
        return _codes_unless_bomb(image)


def _codes_unless_bomb(image: ImageFile.ImageFile) -> set[str]:
    if image.format == "PNG":
        refuse_bombs(image)
    return codes_of(image)


def codes_of(image: ImageFile.ImageFile) -> set[str]:
    """Return the codes of an open image; "partly" where some of its notes cannot be read."""
    codes: set[str] = set()
    for read in (_codes_of_exif, _codes_of_xmp, _codes_of_iptc, _codes_of_texts):
        try:
            codes |= read(image)
        except _REFUSALS:
            codes.add("partly")
    return codes


def _codes_of_exif(image: ImageFile.ImageFile) -> set[str]:
    exif, codes = image.getexif(), set[str]()
    place, thumbnail = (_part_of(exif, part) for part in (ExifTags.IFD.GPSInfo, ExifTags.IFD.IFD1))
    for tags in (exif, _part_of(exif, ExifTags.IFD.Exif)):
        names = (ExifTags.TAGS.get(tag, "") for tag, value in tags.items() if _has_content(value))
        codes |= hints.codes_of(names)
    if not place:
        codes.discard("place")
    if thumbnail:
        codes.add("thumbnail")
    return codes


def _part_of(exif: Image.Exif, part: ExifTags.IFD) -> Mapping[int, object]:
    try:
        return exif.get_ifd(part)
    except _REFUSALS:
        return {}


def _codes_of_xmp(image: ImageFile.ImageFile) -> set[str]:
    xmp = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    return hints.codes_of_xmp(xmp.encode() if isinstance(xmp, str) else xmp)


def _codes_of_iptc(image: ImageFile.ImageFile) -> set[str]:
    fields = IptcImagePlugin.getiptcinfo(image) or {}
    return {_IPTC_CODES[field] for field in fields if field in _IPTC_CODES}


def _codes_of_texts(image: ImageFile.ImageFile) -> set[str]:
    texts = getattr(image, "text", None) or {}
    codes = hints.codes_of(key for key, value in texts.items() if str(value).strip())
    # The remark of a GIF or JPEG has no name.
    return codes | {"title"} if _has_content(image.info.get("comment", "")) else codes


def _has_content(value: object) -> bool:
    if isinstance(value, bytes):
        value = value.decode("latin-1").replace("ASCII", "").replace("UNICODE", "")
    return bool(str(value).strip(" \0"))
