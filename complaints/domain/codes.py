"""Ticket codes: the only secret that a reporter keeps, and what is derived from it.

A code is the only access to a report without an account. It is never stored, logged or put into an error: the
database holds its lookup digest, which cannot be searched through at 120 bits.

A code is written in six groups of five symbols: four that were drawn, and a check symbol. The weighted sum of a group
over GF(32) is zero. The weights differ and none is zero, so that every wrong symbol and every swap of two neighbours
within a group is noticed before anything is looked up. Keys are derived from the 24 drawn symbols alone.

A code has no symbol for a version: the derivation has one. Another derivation has another lookup digest, so the row
that a code finds tells how its keys are derived (docs/adr/0038-who-wrote-a-row-and-what-a-count-was.md).
"""

import re
from typing import Final

from nacl.encoding import RawEncoder
from nacl.hash import blake2b
from nacl.utils import random

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
GROUPS: Final = 6
GROUP: Final = 5
LENGTH: Final = GROUPS * GROUP

_DRAWN = GROUP - 1
_RANDOM_BYTES = 15
# x^5 + x^2 + 1, and the weights of the five symbols of a group; that of the check symbol is 1.
_POLYNOMIAL = 0b100101
_WEIGHTS = (2, 4, 8, 16)
# Far longer than a code that was pasted twice with words around it; longer text is refused before it is parsed.
_LONGEST_INPUT = 256
_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_SYMBOLS = {
    **{symbol: symbol for symbol in ALPHABET},
    **{symbol.lower(): symbol for symbol in ALPHABET},
    **dict.fromkeys("Oo", "0"),
    **dict.fromkeys("IiLl", "1"),
}
# Words that people note before a code; all their letters but U, which no code has, would be read as symbols.
_LEADING_WORDS = re.compile(r"(?:[\W_]*\b(?:kode|tiket|code|ticket)\b){1,9}", re.IGNORECASE)


class MalformedCode(ValueError):
    """Text that cannot be a ticket code; the error never carries the text.

    ``length`` is the number of symbols that were read, ``group`` the first group (1 to 6) that has a mistake, or None
    where only the length is wrong.
    """

    def __init__(self, length: int = 0, group: int | None = None) -> None:
        super().__init__("malformed code")
        self.length, self.group = length, group


def new_code() -> str:
    """Draw a code: 24 symbols of Crockford's base 32 (120 bits from libsodium's generator) with 6 check symbols."""
    number = int.from_bytes(random(_RANDOM_BYTES), "big")
    drawn = "".join(ALPHABET[number >> 5 * place & 31] for place in reversed(range(GROUPS * _DRAWN)))
    groups = (drawn[start : start + _DRAWN] for start in range(0, len(drawn), _DRAWN))
    return "".join(group + check_symbol(group) for group in groups)


def check_symbol(drawn: str) -> str:
    """Return the check symbol of the four drawn symbols of a group."""
    total = 0
    for weight, symbol in zip(_WEIGHTS, drawn, strict=True):
        total ^= _times(weight, ALPHABET.index(symbol))
    return ALPHABET[total]


def normalise(text: str) -> str:
    """Return the canonical spelling of a code that a reporter typed or pasted: 30 symbols without separators.

    Case and whatever is outside of the alphabet do not count; O is read as 0, I and L as 1, as Crockford's base 32
    provides. A leading word "kode" or "kode tiket" and a code that was pasted several times are forgiven.

    Raises MalformedCode for another length, and for a group whose check symbol does not fit.
    """
    if len(text) > _LONGEST_INPUT:
        raise MalformedCode
    refusal = MalformedCode()
    # A group may spell one of the words, so that the text is read as it is where it is no code without them.
    for candidate in dict.fromkeys((_LEADING_WORDS.sub("", text, count=1) if _starts_with_word(text) else text, text)):
        try:
            return _checked(_once(symbols(candidate)))
        except MalformedCode as malformed:
            refusal = refusal if refusal.length else malformed
    raise MalformedCode(refusal.length, refusal.group)


def symbols(text: str) -> str:
    """Return the symbols of a code that ``text`` holds, without whatever is outside of the alphabet."""
    return "".join(_SYMBOLS.get(character, "") for character in text.translate(_FULL_WIDTH))


def grouped(code: str) -> str:
    """Return a canonical code in six groups of five symbols with hyphens, as reporters see it."""
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


def door_id(code: str) -> str:
    """Return the id, 64 hexadecimal digits, of the row that leads to an unfinished report. Raises like the others."""
    return _derive(code, b"draft-door").hex()


def door_key(code: str) -> bytes:
    """Return the 32-byte key of that row. Raises MalformedCode unless canonical."""
    return _derive(code, b"draft-door-key")


def _times(first: int, second: int) -> int:
    """Return the product of two elements of GF(32)."""
    product = 0
    while second:
        product ^= first if second & 1 else 0
        second >>= 1
        first <<= 1
        first ^= _POLYNOMIAL if first & 32 else 0
    return product


def _starts_with_word(text: str) -> bool:
    return _LEADING_WORDS.match(text) is not None


def _once(typed: str) -> str:
    """Return the symbols of a code that was pasted several times only once."""
    times, rest = divmod(len(typed), LENGTH)
    return typed[:LENGTH] if times and not rest and typed == typed[:LENGTH] * times else typed


def _checked(code: str) -> str:
    groups = [code[start : start + GROUP] for start in range(0, len(code), GROUP)]
    fits = (len(group) == GROUP and check_symbol(group[:_DRAWN]) == group[_DRAWN] for group in groups[:GROUPS])
    wrong = next((place for place, is_right in enumerate(fits, start=1) if not is_right), None)
    if wrong or len(code) != LENGTH:
        raise MalformedCode(len(code), wrong)
    return code


def _derive(code: str, person: bytes) -> bytes:
    # A code in any other spelling would silently derive other keys, and the report would not be found.
    if not set(ALPHABET).issuperset(code):
        raise MalformedCode
    _checked(code)
    drawn = "".join(code[start : start + _DRAWN] for start in range(0, LENGTH, GROUP))
    return blake2b(drawn.encode("ascii"), digest_size=32, person=person, encoder=RawEncoder)
