"""The one way in which the modules of this package say no: an exception that carries a plain, closed code."""

from __future__ import annotations

import errno
from typing import Final

# What an officer can be told. "legacy" and "opaque" are no faults: such files never have a clean copy.
CODES: Final = frozenset(
    {
        "damaged",  # cut, malformed, or not of the type it was said to be
        "bomb",  # small outside, monstrous inside
        "encrypted",  # under a password that the reporter kept
        "unsupported",  # a variant that the libraries cannot write anew
        "too_large",  # above the limit for copies
        "legacy",  # doc, xls, ppt: a format that hides too much to be cleaned
        "opaque",  # zip, text: kept as it is
        "crashed",  # the reader broke down: a fault here, not of the file
    }
)


class Unreadable(Exception):  # noqa: N818
    """These bytes are not read or written anew; ``code`` (one of :data:`CODES`) tells why.

    The message never holds anything of the file, because messages reach logs.
    """

    def __init__(self, code: str = "damaged") -> None:
        """Take one of :data:`CODES`."""
        super().__init__(code)
        self.code = code if code in CODES else "damaged"


def refusal(error: BaseException) -> Unreadable:
    """Return the refusal that an error of a parsing library amounts to."""
    if isinstance(error, MemoryError):
        return Unreadable("bomb")
    if isinstance(error, OSError) and error.errno == errno.EFBIG:
        return Unreadable("too_large")
    if isinstance(error, OSError) and error.errno == errno.EMFILE:
        return Unreadable("crashed")  # a reader wanted to open something, which its process may not
    return Unreadable("damaged")
