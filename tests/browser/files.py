"""Small real files as reporters send them; everything that they betray is invented."""

from __future__ import annotations

import io
from dataclasses import dataclass

from PIL import Image
from playwright.sync_api import FilePayload

CAMERA = "PonselPelapor"
AUTHOR = "PenulisPelapor"


@dataclass(frozen=True)
class Upload:
    """A file on the reporter's device."""

    name: str
    media_type: str
    content: bytes

    def given(self) -> FilePayload:
        """Return it as a file input takes it."""
        return {"name": self.name, "mimeType": self.media_type, "buffer": self.content}


def photo(name: str) -> Upload:
    """A JPEG that tells where and when it was taken, and with what."""
    exif = Image.Exif()
    exif[0x010F] = CAMERA
    exif[0x8769] = {0x9003: "2026:11:02 07:15:00"}
    exif[0x8825] = {1: "S", 2: (6.0, 10.0, 30.0), 3: "E", 4: (106.0, 49.0, 30.0)}
    out = io.BytesIO()
    Image.new("RGB", (320, 240), "teal").save(out, "JPEG", exif=exif)
    return Upload(name, "image/jpeg", out.getvalue())


def letter(name: str) -> Upload:
    """A PDF of one page that names its author."""
    text = b"BT /F1 24 Tf 72 720 Td (Undangan) Tj ET"
    parts = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(text), text),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Author (%s) >>" % AUTHOR.encode(),
    ]
    content, places = b"%PDF-1.4\n", []
    for number, part in enumerate(parts, 1):
        places.append(len(content))
        content += b"%d 0 obj\n%s\nendobj\n" % (number, part)
    rows = b"".join(b"%010d 00000 n \n" % place for place in places)
    start, size = len(content), len(parts) + 1
    content += b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, rows)
    content += b"trailer\n<< /Size %d /Root 1 0 R /Info 6 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, start)
    return Upload(name, "application/pdf", content)
