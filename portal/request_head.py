"""What the worker's loop reads of a head before a thread sees the request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_HEAD_END: Final = b"\r\n\r\n"


@dataclass(frozen=True)
class Head:
    """What the loop reads of a head: the path, the length of the body (None: chunked), and where the body begins.

    gunicorn's parser reads the head again and refuses what is malformed; here that counts as a request without a body.
    """

    path: str
    length: int | None
    begins: int
    awaits_go: bool


def read_head(received: bytearray) -> Head | None:
    """Return the head of what was received so far, None while it is not whole."""
    end = received.find(_HEAD_END)
    if end < 0:
        return None
    first, *lines = bytes(received[:end]).split(b"\r\n")
    words = first.split(b" ")
    target = words[1].decode("latin-1") if len(words) > 1 else ""
    length: int | None = 0
    awaits_go = False
    for line in lines:
        name, _, value = line.partition(b":")
        match name.lower():
            case b"transfer-encoding":
                length = None
            case b"content-length" if length is not None and value.strip().isdigit():
                length = int(value.strip()[:20])
            case b"expect":
                awaits_go = True
    return Head(target.partition("?")[0], length, end + len(_HEAD_END), awaits_go)
