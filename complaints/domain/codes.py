"""Ticket codes: the only secret that a reporter keeps, and what is derived from it.

A code is the only access to a report without an account. It is never stored, logged or put into an error: the
database holds its lookup digest, which cannot be searched through at 120 bits.

A code has no symbol for a version: the derivation has one. Another derivation has another lookup digest, so the row
that a code finds tells how its keys are derived (docs/adr/0038-who-wrote-a-row-and-what-a-count-was.md).
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
# Far longer than any code with separators; longer text is refused before it is parsed.
_LONGEST_INPUT = 256
_SYMBOLS = {
    **{ord(symbol): symbol for symbol in ALPHABET},
    **{ord(symbol.lower()): symbol for symbol in ALPHABET},
    **{ord(letter): "0" for letter in "Oo"},
    **{ord(letter): "1" for letter in "IiLl"},
}
# Unicode counts the minus sign among the symbols of mathematics, tabs and line ends among control characters.
_SEPARATOR_CATEGORIES = frozenset({"Zs", "Zl", "Zp", "Pd", "Cf"})
_OTHER_SEPARATORS = frozenset("\t\n\r\v\f\u2212")


class MalformedCode(ValueError):
    """Text that cannot be a ticket code; the error never carries the text."""

    def __init__(self) -> None:
        super().__init__("malformed code")


def new_code() -> str:
    """Draw a code: 24 symbols of Crockford's base 32, 120 bits from libsodium's generator, no separators."""
    number = int.from_bytes(random(_RANDOM_BYTES), "big")
    return "".join(ALPHABET[number >> 5 * place & 31] for place in reversed(range(LENGTH)))


def normalise(text: str) -> str:
    """Return the canonical spelling of a code that a reporter typed or pasted.

    Case, spaces, hyphens and dashes of any script and invisible characters do not count; O is read as 0, I
    and L as 1, as Crockford's base 32 provides. Raises MalformedCode for all else and for any other length.
    """
    if len(text) > _LONGEST_INPUT:
        raise MalformedCode
    symbols = [_SYMBOLS.get(ord(character), "") for character in text if not _is_separator(character)]
    if len(symbols) != LENGTH or not all(symbols):
        raise MalformedCode
    return "".join(symbols)


def grouped(code: str) -> str:
    """Return a canonical code in six groups of four symbols with hyphens, as reporters see it."""
    return "-".join(code[start : start + GROUP] for start in range(0, len(code), GROUP))


def lookup_digest(code: str) -> bytes:
    """Return the 32 bytes that are stored to find the complaint. Raises MalformedCode unless canonical.

    A plain hash suffices for secrets of 112 bits and more (OWASP ASVS 6.5.2).
    """
    return _derive(code, b"lookup 1")


def reporter_seed(code: str) -> bytes:
    """Return the 32 bytes of the reporter's X25519 private key. Raises MalformedCode unless canonical."""
    return _derive(code, b"reporter 1")


def sign_seed(code: str) -> bytes:
    """Return the 32 bytes of the reporter's Ed25519 seed. Raises MalformedCode unless canonical."""
    return _derive(code, b"sign 1")


def _is_separator(character: str) -> bool:
    return unicodedata.category(character) in _SEPARATOR_CATEGORIES or character in _OTHER_SEPARATORS


def _derive(code: str, person: bytes) -> bytes:
    # A code in any other spelling would silently derive other keys, and the report would not be found.
    if len(code) != LENGTH or not set(ALPHABET).issuperset(code):
        raise MalformedCode
    return blake2b(code.encode("ascii"), digest_size=32, person=person, encoder=RawEncoder)
