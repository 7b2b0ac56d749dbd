"""Draws small photos and documents for sample reports, with fictional metadata that the portal must remove."""

from __future__ import annotations

import io

from PIL import ExifTags, Image, ImageDraw

# Open sea, far from any agency.
_LATITUDE, _LONGITUDE = (10.0, 30.0, 0.0), (104.0, 15.0, 0.0)


def photo(number: int) -> bytes:
    """Return a JPEG that differs by ``number``, with the place, time and device of the photo in its EXIF data."""
    image = Image.new("RGB", (480, 360), _colour(number, 90))
    draw = ImageDraw.Draw(image)
    for shape in range(5):
        left, top = (number * 61 + shape * 83) % 380, (number * 37 + shape * 59) % 280
        draw.rectangle((left, top, left + 90, top + 70), fill=_colour(number * 7 + shape, 150))
    draw.text((12, 336), f"CONTOH {number}", fill="white")
    out = io.BytesIO()
    image.save(out, "JPEG", quality=75, exif=_exif(number))
    return out.getvalue()


def _colour(number: int, base: int) -> tuple[int, int, int]:
    return (base + number * 29 % 100, base + number * 53 % 100, base + number * 71 % 100)


def _exif(number: int) -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "KameraContoh"
    exif[ExifTags.Base.Model] = f"Contoh {number % 4 + 1}"
    exif[ExifTags.Base.DateTime] = "2001:01:01 08:00:00"
    gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
    gps[ExifTags.GPS.GPSLatitudeRef], gps[ExifTags.GPS.GPSLatitude] = "S", _LATITUDE
    gps[ExifTags.GPS.GPSLongitudeRef], gps[ExifTags.GPS.GPSLongitude] = "E", _LONGITUDE
    return exif


def document(lines: list[str]) -> bytes:
    """Return a PDF of one page with ``lines`` of text in Latin-1."""
    operators = "".join(f"({_escaped(line)}) Tj T*\n" for line in lines)
    page = f"BT /F1 12 Tf 16 TL 56 780 Td\n{operators}ET".encode("latin-1")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(page), page),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    return _pdf(objects)


def _escaped(line: str) -> str:
    latin = line.encode("latin-1", "replace").decode("latin-1")
    return latin.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")


def _pdf(objects: list[bytes]) -> bytes:
    out = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    offsets = []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    start, size = len(out), len(objects) + 1
    out += b"xref\n0 %d\n0000000000 65535 f \n" % size
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, start)
    return bytes(out)
