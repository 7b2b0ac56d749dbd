"""Ticket codes: the only thing that a reporter keeps, and what is derived from them.

It guards the way back to a report without an account. Services and the sealing keys may call it. A code is
never stored, logged or put into an error: what is stored is its lookup digest, which at 120 bits cannot be
searched.
"""

import unicodedata
from typing import Final

from nacl.encoding import RawEncoder
from nacl.hash import blake2b
from nacl.utils import random

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH: Final = 24
GROUP: Final = 4

_RANDOM_BYTES = 15
# Far longer than any code with separators; a longer paste is refused before it is looked at.
_LONGEST_INPUT = 256
_SYMBOLS = {
    **{ord(symbol): symbol for symbol in ALPHABET},
    **{ord(symbol.lower()): symbol for symbol in ALPHABET},
    **{ord(typed): "0" for typed in "Oo"},
    **{ord(typed): "1" for typed in "IiLl"},
}
# Unicode counts the minus sign among the symbols of mathematics, tabs and line ends among control characters.
_SEPARATOR_CATEGORIES = frozenset({"Zs", "Zl", "Zp", "Pd", "Cf"})
_OTHER_SEPARATORS = frozenset("\t\n\r\v\f\u2212")


class MalformedCode(ValueError):  # noqa: N818  said to a reporter, not a fault of the program
    """A text that cannot be a ticket code; it never carries the text."""

    def __init__(self) -> None:
        super().__init__("malformed code")


def new_code() -> str:
    """Draw a code: 24 symbols of Crockford's base 32, 120 bits from libsodium's generator, no separators."""
    number = int.from_bytes(random(_RANDOM_BYTES), "big")
    return "".join(ALPHABET[number >> 5 * place & 31] for place in reversed(range(LENGTH)))


def normalise(text: str) -> str:
    """Return the canonical code of what somebody typed or pasted.

    Case, spaces, hyphens and dashes of any script and invisible characters do not count; O is read as 0, I
    and L as 1, as Crockford's base 32 provides. Raises MalformedCode for all else and for any other length.
    """
    if len(text) > _LONGEST_INPUT:
        raise MalformedCode
    symbols = [_SYMBOLS.get(ord(typed), "") for typed in text if not _separates(typed)]
    if len(symbols) != LENGTH or not all(symbols):
        raise MalformedCode
    return "".join(symbols)


def grouped(code: str) -> str:
    """Return a canonical code as people copy it: six groups of four with hyphens."""
    return "-".join(code[start : start + GROUP] for start in range(0, len(code), GROUP))


def lookup_digest(code: str) -> bytes:
    """Return the 32 bytes that are stored to find the complaint. Raises MalformedCode unless canonical.

    A plain hash suffices for secrets of 112 bits and more (OWASP ASVS 6.5.2).
    """
    return _derive(code, b"lookup")


def reporter_seed(code: str) -> bytes:
    """Return the 32 bytes of the reporter's X25519 private key. Raises MalformedCode unless canonical."""
    return _derive(code, b"reporter")


def sign_seed(code: str) -> bytes:
    """Return the 32 bytes of the reporter's Ed25519 seed. Raises MalformedCode unless canonical."""
    return _derive(code, b"sign")


def _separates(character: str) -> bool:
    return unicodedata.category(character) in _SEPARATOR_CATEGORIES or character in _OTHER_SEPARATORS


def _derive(code: str, person: bytes) -> bytes:
    # A code in any other spelling would silently derive other keys and lose the report.
    if len(code) != LENGTH or not set(ALPHABET).issuperset(code):
        raise MalformedCode
    return blake2b(code.encode("ascii"), digest_size=32, person=person, encoder=RawEncoder)
