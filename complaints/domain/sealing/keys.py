"""Keys of reporters, drafts, staff and teams: derivation, wrapping under a password, fingerprints, split secrets."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Protocol

from nacl.exceptions import CryptoError
from nacl.pwhash import argon2id

from complaints.domain import codes
from complaints.domain.errors import SealError
from complaints.domain.sealing.primitives import (
    KEY_BYTES,
    BoxPair,
    SignPair,
    Stored,
    blake2b,
    decrypt,
    encrypt,
    random_bytes,
    unknown_version,
)

# The highest cost parameters accepted on unwrapping: a changed row must not keep a login busy for hours.
MAX_OPSLIMIT, MAX_MEMLIMIT = 16, 1024**3


@dataclass(frozen=True)
class KeySet:
    """The X25519 and Ed25519 pairs of one holder: a reporter, a member of staff, a team."""

    box: BoxPair
    sign: SignPair

    @classmethod
    def new(cls) -> KeySet:
        return cls.from_bytes(random_bytes(2 * KEY_BYTES))

    @classmethod
    def from_bytes(cls, secret: bytes) -> KeySet:
        """Rebuild from the 64 private bytes of :meth:`to_bytes`."""
        if len(secret) != 2 * KEY_BYTES:
            raise SealError("key")
        return cls(BoxPair.from_private(secret[:KEY_BYTES]), SignPair.from_seed(secret[KEY_BYTES:]))

    def to_bytes(self) -> bytes:
        return self.box.private + self.sign.seed

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.box.public, self.sign.public)


def reporter_keys(code: str) -> KeySet:
    """Derive the reporter's key set from a normalised ticket code; the code itself need not be kept."""
    return KeySet(BoxPair.from_private(codes.reporter_seed(code)), SignPair.from_seed(codes.sign_seed(code)))


class SentKeys(Protocol):
    """The row of a report or an inquiry, as far as its sender signs it; the keys have 32 bytes each."""

    pk: uuid.UUID
    channel: str

    @property
    def public_key(self) -> Stored: ...
    @property
    def reporter_key(self) -> Stored: ...
    @property
    def reporter_verify_key(self) -> Stored: ...


def report_statement(report: SentKeys) -> bytes:
    """Return what a sender signs: place, channel, which says whether a report was sent or something asked, and keys."""
    channel = report.channel.encode()
    place = report.pk.bytes + len(channel).to_bytes(1, "big") + channel
    publics = (report.public_key, report.reporter_key, report.reporter_verify_key)
    return b"keys of a complaint 2" + place + b"".join(bytes(public) for public in publics)


@dataclass(frozen=True)
class DraftKeys:
    """What follows from a draft's secret: its id (64 hexadecimal digits) and three keys of 32 bytes.

    ``content`` opens the row, ``files`` the keys of its files. From ``names`` come the names of stored segments, so
    that the worker, who learns it with the end, can delete them and open nothing.
    """

    id: str
    content: bytes = field(repr=False)
    files: bytes = field(repr=False)
    names: bytes = field(repr=False)

    @classmethod
    def of(cls, secret: str) -> DraftKeys:
        """Derive all four from a secret of 32 random bytes in any ASCII writing."""
        text = secret.encode()
        identifier = blake2b(text, person=b"draft-id").hex()
        keys = (blake2b(text, person=person) for person in (b"draft-key", b"draft-files", b"draft-names"))
        return cls(identifier, *keys)


def fingerprint(public: Stored, verify_key: Stored) -> str:
    """Return 32 hexadecimal digits in groups of four, which people compare and the environment pins."""
    digits = blake2b(bytes(public) + bytes(verify_key), person=b"fingerprint", size=16).hex()
    return " ".join(digits[i : i + 4] for i in range(0, len(digits), 4))


def same_fingerprint(first: str, second: str) -> bool:
    """Compare two fingerprints as people type them: spaces and case do not count."""
    plain = [text.replace(" ", "").casefold() for text in (first, second)]
    return bool(plain[0]) and plain[0] == plain[1]


@cache
def parse_pins(text: str) -> Mapping[str, str]:
    """Read ``slug=fingerprint`` pairs separated by commas."""
    pairs = (item.split("=", 1) for item in text.split(",") if "=" in item)
    return {slug.strip(): value.strip() for slug, value in pairs}


def _password_key(password: str, pepper: bytes, salt: bytes, opslimit: int, memlimit: int) -> bytes:
    stretched = argon2id.kdf(KEY_BYTES, password.encode(), salt, opslimit=opslimit, memlimit=memlimit)
    return blake2b(stretched, person=b"staff-wrap", key=pepper)


def wrap(secret: bytes, *, password: str, pepper: bytes, owner: bytes, opslimit: int, memlimit: int) -> bytes:
    """Wrap ``secret`` under a password (Argon2id, new salt) and the pepper (32 bytes), bound to ``owner``.

    The cost parameters (``memlimit`` in bytes) are stored in front, so that they may be raised later.
    """
    salt = random_bytes(argon2id.SALTBYTES)
    head = b"\x01" + opslimit.to_bytes(4, "big") + memlimit.to_bytes(8, "big") + salt
    return head + encrypt(_password_key(password, pepper, salt, opslimit, memlimit), secret, head + owner)


def unwrap(wrapped: Stored, *, password: str, pepper: bytes, owner: bytes) -> bytes:
    """Undo :func:`wrap`; raises SealError for a wrong password, pepper or owner, and for altered bytes."""
    size = 13 + argon2id.SALTBYTES
    head, body = bytes(wrapped)[:size], bytes(wrapped)[size:]
    if head[:1] != b"\x01":
        raise unknown_version(head[:1])
    if len(head) != size:
        raise SealError("short")
    opslimit, memlimit = int.from_bytes(head[1:5], "big"), int.from_bytes(head[5:13], "big")
    if opslimit > MAX_OPSLIMIT or memlimit > MAX_MEMLIMIT:
        raise SealError("parameters")
    try:
        key = _password_key(password, pepper, head[13:], opslimit, memlimit)
    except (CryptoError, ValueError) as error:
        raise SealError("parameters") from error
    return decrypt(key, body, head + owner)


def split(secret: bytes) -> tuple[bytes, bytes]:
    """Split by XOR into two halves; each alone is random noise."""
    half = random_bytes(len(secret))
    return half, join(half, secret)


def join(first: bytes, second: bytes) -> bytes:
    """Join two halves by XOR; raises SealError where they differ in length."""
    if len(first) != len(second):
        raise SealError("halves")
    return bytes(a ^ b for a, b in zip(first, second, strict=True))
