"""The exception with which the modules of this package refuse a file; it carries one of a closed list of codes."""

from __future__ import annotations

import errno
from typing import Final

# The reasons that officers read. "legacy" and "opaque" are no faults: such files never have a clean copy.
CODES: Final = frozenset(
    {
        "damaged",  # cut, malformed, or not of the type that was recognised
        "bomb",  # a small file that unpacks to far too much
        "encrypted",  # protected by a password
        "unsupported",  # a variant that the libraries cannot write
        "too_large",  # above the limit for copies
        "legacy",  # doc, xls, ppt: a format that hides too much to be cleaned
        "opaque",  # zip, text: stored as it is
        "crashed",  # the reader crashed: a fault of the portal, not of the file
    }
)

# A picture with more pixels is a "bomb". A pixel takes four bytes of memory, and turning a picture upright needs two
# copies; panoramas of phones have 63 million.
MAX_PIXELS: Final = 80_000_000


class Unreadable(Exception):
    """A file is not read or copied; ``code`` (one of :data:`CODES`) is the reason.

    The message never holds content of the file, because messages are logged.
    """

    def __init__(self, code: str = "damaged") -> None:
        super().__init__(code)
        self.code = code if code in CODES else "damaged"


def refusal(error: BaseException) -> Unreadable:
    """Return the refusal for an error of a parsing library."""
    if isinstance(error, MemoryError):
        return Unreadable("bomb")
    if isinstance(error, OSError) and error.errno == errno.EFBIG:
        return Unreadable("too_large")
    if isinstance(error, OSError) and error.errno in {errno.EMFILE, errno.EPERM}:
        return Unreadable("crashed")  # the reader tried what the sandbox forbids, as opening a file
    return Unreadable("damaged")
