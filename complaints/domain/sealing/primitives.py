"""The libsodium primitives that all sealed data is built from; they know nothing of the data."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from nacl import bindings, utils
from nacl._sodium import ffi, lib
from nacl.exceptions import CryptoError

from complaints.domain.errors import SealError

# The types in which database drivers return a binary column.
Stored = bytes | memoryview
KEY_BYTES = 32
NONCE_BYTES = bindings.crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
TAG_BYTES = bindings.crypto_aead_xchacha20poly1305_ietf_ABYTES


# So many bytes from the operating system's generator.
random_bytes = utils.random


def unknown_version(byte: bytes) -> SealError:
    """Return the error of an opener that does not read this version; ``byte`` is empty where even that is missing."""
    return SealError(f"unknown version {byte[0]}" if byte else "unknown version: none")


def blake2b(data: bytes, *, person: bytes, key: bytes = b"", size: int = 32) -> bytes:
    """Return the BLAKE2b digest of ``data`` (``size`` bytes), apart from other uses by ``person`` (<= 16 bytes)."""
    # The same function as libsodium's, in a seventh of the time of PyNaCl's call; each request needs several.
    return hashlib.blake2b(data, digest_size=size, key=key, person=person).digest()


@dataclass(frozen=True)
class BoxPair:
    """An X25519 pair: anyone may seal to ``public``, only ``private`` opens."""

    private: bytes = field(repr=False)
    public: bytes

    @classmethod
    def new(cls) -> BoxPair:
        return cls.from_private(random_bytes(KEY_BYTES))

    @classmethod
    def from_private(cls, private: bytes) -> BoxPair:
        return cls(private, bindings.crypto_scalarmult_base(private))


@dataclass(frozen=True)
class SignPair:
    """An Ed25519 pair, kept as its 32-byte seed."""

    seed: bytes = field(repr=False)
    public: bytes

    @classmethod
    def from_seed(cls, seed: bytes) -> SignPair:
        return cls(seed, bindings.crypto_sign_seed_keypair(seed)[0])

    def sign(self, message: bytes) -> bytes:
        """Return the detached 64-byte signature of ``message``."""
        return bindings.crypto_sign(message, self.seed + self.public)[: bindings.crypto_sign_BYTES]


def verify(public: bytes, message: bytes, signature: bytes) -> None:
    """Check a detached Ed25519 signature; raises SealError where it does not hold."""
    try:
        bindings.crypto_sign_open(signature + message, public)
    except (CryptoError, ValueError) as error:
        raise SealError("signature") from error


def seal(public: bytes, data: bytes) -> bytes:
    """Seal ``data`` to an X25519 key (48 bytes longer); the sender keeps nothing that opens it. Raises SealError."""
    try:
        return bindings.crypto_box_seal(data, public)
    except (CryptoError, ValueError, TypeError) as error:
        raise SealError("key") from error


def unseal(pair: BoxPair, sealed: bytes) -> bytes:
    """Open what was sealed to ``pair``; raises SealError for what was sealed to another key, or altered."""
    try:
        return bindings.crypto_box_seal_open(sealed, pair.public, pair.private)
    except (CryptoError, ValueError, TypeError) as error:
        raise SealError("box") from error


def encrypt(key: bytes, data: bytes, associated: bytes) -> bytes:
    """Encrypt with XChaCha20-Poly1305 under a random nonce, bound to ``associated``; the nonce comes first."""
    nonce = random_bytes(NONCE_BYTES)
    return nonce + bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(data, associated, nonce, key)


def encrypt_apart(key: bytes, data: bytes, associated: bytes) -> tuple[bytes, bytes]:
    """Encrypt like :func:`encrypt`, but return nonce and ciphertext apart, which saves a copy."""
    nonce = random_bytes(NONCE_BYTES)
    return nonce, bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(data, associated, nonce, key)


def encrypt_in_place(key: bytes, space: memoryview, associated: bytes) -> None:
    """Encrypt like :func:`encrypt` what lies in ``space`` between room for the nonce and room for the tag.

    PyNaCl's function allocates a buffer, clears it and copies out of it; at 1 MiB that takes a fifth of the time.
    """
    length = len(space) - NONCE_BYTES - TAG_BYTES
    if len(key) != KEY_BYTES or length < 0:
        raise ValueError("space")
    nonce = random_bytes(NONCE_BYTES)
    space[:NONCE_BYTES] = nonce
    body = ffi.from_buffer("unsigned char[]", space[NONCE_BYTES:], require_writable=True)
    lib.crypto_aead_xchacha20poly1305_ietf_encrypt(
        body, ffi.NULL, body, length, associated, len(associated), ffi.NULL, nonce, key
    )


def decrypt(key: bytes, sealed: bytes, associated: bytes) -> bytes:
    """Undo :func:`encrypt`; raises SealError for a wrong key, another context, or altered bytes."""
    if len(sealed) < NONCE_BYTES + TAG_BYTES:
        raise SealError("short")
    try:
        return bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(
            sealed[NONCE_BYTES:], associated, sealed[:NONCE_BYTES], key
        )
    except (CryptoError, ValueError) as error:
        raise SealError("aead") from error


def pad(data: bytes, sizes: tuple[int, ...]) -> bytes:
    """Pad to the first of ``sizes`` (bytes) that holds it, beyond them to a multiple of the last."""
    block = next((size for size in sizes if len(data) < size), sizes[-1])
    return bindings.sodium_pad(data, block)


def unpad(data: bytes, sizes: tuple[int, ...]) -> bytes:
    """Undo :func:`pad`; raises SealError where the padding is malformed."""
    block = len(data) if len(data) in sizes else sizes[-1]
    try:
        return bindings.sodium_unpad(data, block)
    except (CryptoError, ValueError, TypeError) as error:
        raise SealError("padding") from error
