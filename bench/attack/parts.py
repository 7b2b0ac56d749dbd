"""The attack by a stranger who posts forms of very many small files, and by one who signs in very often at once."""

from __future__ import annotations

from collections.abc import Mapping

BOUNDARY = "parts"


def many_parts(number: int, fields: Mapping[str, str], content: bytes = b"x") -> tuple[str, bytes]:
    """Return content type and body of a form: its fields, then ``number`` files of ``content``."""
    start = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="'
    parts = [f'{start}{name}"\r\n\r\n{value}\r\n'.encode() for name, value in fields.items()]
    file = f'{start}evidence"; filename="a.pdf"\r\n\r\n'.encode() + content + b"\r\n"
    return f"multipart/form-data; boundary={BOUNDARY}", b"".join(
        [*parts, file * number, f"--{BOUNDARY}--\r\n".encode()]
    )
