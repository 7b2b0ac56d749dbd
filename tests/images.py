"""Small real images; what their metadata says is up to the test."""

import io

from PIL import Image


def photo(maker: str = "KameraRahasia", *, form: str = "JPEG", size: tuple[int, int] = (64, 48)) -> bytes:
    """An image whose metadata names ``maker`` as its camera."""
    exif = Image.Exif()
    exif[0x010F] = maker
    out = io.BytesIO()
    Image.new("RGB", size, "teal").save(out, form, exif=exif)
    return out.getvalue()
