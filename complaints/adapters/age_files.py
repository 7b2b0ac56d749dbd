"""Files encrypted to offline keys in the format of age (https://age-encryption.org/v1), which its stock tool opens."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator, Sequence
from io import BufferedReader
from pathlib import Path
from typing import IO

import pyrage
from pyrage.x25519 import Identity, Recipient

from complaints.adapters.private_file import open_private, sync_folder

__all__ = [
    "AgeError",
    "Identity",
    "Recipient",
    "decrypt",
    "encrypt",
    "identities",
    "open_regular",
    "recipients",
]


class AgeError(Exception):
    """A key cannot be read, or a file does not open: it is for another key, was cut or was altered."""


def recipients(text: str) -> list[Recipient]:
    """Return the public keys (``age1…``) that stand in ``text`` with commas or spaces between them; raises AgeError."""
    try:
        return [Recipient.from_str(word) for word in text.replace(",", " ").split()]
    except pyrage.RecipientError as error:
        raise AgeError("This is no public key of age: it begins with age1.") from error


def identities(path: Path) -> list[Identity]:
    """Return the private keys of a file as ``age-keygen`` writes it; raises AgeError and OSError."""
    lines = path.read_text(encoding="utf-8").splitlines()
    words = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    try:
        keys = [Identity.from_str(word) for word in words]
    except pyrage.IdentityError as error:
        raise AgeError(f"{path} holds something else than private keys of age.") from error
    if not keys:
        raise AgeError(f"{path} holds no private key of age.")
    return keys


@contextlib.contextmanager
def encrypt(path: Path, keys: Sequence[Recipient]) -> Iterator[_Encrypting]:
    """Give what encrypts a stream into ``path``: there whole and durable once the context ends, or not at all."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with open(draft, "xb", opener=open_private) as file:
            yield _Encrypting(file, keys)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(path.parent)


class _Encrypting:
    """A file that is being written."""

    def __init__(self, file: IO[bytes], keys: Sequence[Recipient]) -> None:
        self._file, self._keys = file, keys

    def take(self, source: IO[bytes]) -> None:
        """Encrypt all of ``source``, in constant memory; raises OSError."""
        try:
            pyrage.encrypt_io(source, self._file, self._keys)
        except pyrage.EncryptError as error:
            raise OSError("encryption failed") from error


def decrypt(path: Path, keys: Sequence[Identity], target: IO[bytes]) -> None:
    """Decrypt a file into ``target`` in constant memory; raises AgeError and OSError.

    What was written before an AgeError is genuine, but not all.
    """
    with open_regular(path) as file:
        try:
            pyrage.decrypt_io(file, target, keys)
        except pyrage.DecryptError as error:
            raise AgeError(f"{path.name} does not open with this key, or was altered.") from error


def open_regular(path: Path) -> BufferedReader:
    """Open a file for reading; raises OSError also for a link, a device or a pipe, which a strange archive may hold."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(f"{path.name} is no regular file")
    return os.fdopen(handle, "rb")
