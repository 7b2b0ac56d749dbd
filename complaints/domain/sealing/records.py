"""Sealed records: every stored text, key and answer, bound to its row and to its author.

A record is a version byte and a libsodium sealed box of the padded inner part. The inner part holds format, kind, row,
complaint, sequence number, signer and recipient, signed with Ed25519: a record that was moved to another row, forged,
or restored from an earlier state does not open.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from complaints.domain.errors import SealError
from complaints.domain.sealing.primitives import (
    BoxPair,
    SignPair,
    Stored,
    pad,
    seal,
    unknown_version,
    unpad,
    unseal,
    verify,
)

# New records have this version. Old ones stay readable: each version byte names what opens the box behind it.
VERSION = b"\x01"
_OPENERS: Final[Mapping[bytes, Callable[[BoxPair, bytes], bytes]]] = {b"\x01": unseal}
TEXT_SIZES = (4096, 16384, 65536)
KEY_SIZES = (512,)
SIGNATURE_BYTES = 64
# The content of a record, as ``json`` reads it. Its shape depends on the kind, so the service of that kind names it.
JSON: TypeAlias = Any


@dataclass(frozen=True)
class Context:
    """What a record is bound to: its kind, its row, the complaint (or other owner) and its sequence number."""

    kind: str
    row: str
    owner: str
    sequence: int = 0


def seal_record(
    recipient: bytes, context: Context, body: JSON, signer: SignPair, *, sizes: tuple[int, ...] = TEXT_SIZES
) -> bytes:
    """Seal ``body`` (JSON) to the X25519 key ``recipient`` for the row that ``context`` names, signed by ``signer``."""
    return seal_signed(recipient, sign_record(recipient, context, body, signer), sizes=sizes)


def sign_record(recipient: bytes, context: Context, body: JSON, signer: SignPair) -> bytes:
    """Return the signed inner part of a record for ``recipient``, which another may seal and nobody can alter."""
    inner = json.dumps(
        {
            "f": 1,
            "k": context.kind,
            "r": context.row,
            "o": context.owner,
            "n": context.sequence,
            "s": signer.public.hex(),
            "t": recipient.hex(),
            "b": body,
        },
        ensure_ascii=False,
        separators=(",", ":"),
    ).encode()
    return signer.sign(inner) + inner


def seal_signed(recipient: bytes, signed: bytes, *, sizes: tuple[int, ...] = TEXT_SIZES) -> bytes:
    """Return the record of an inner part that was signed for ``recipient``; see :func:`read_signed`."""
    return VERSION + seal(recipient, pad(signed, sizes))


def open_record(
    pair: BoxPair, sealed: Stored, context: Context, signer: bytes, *, sizes: tuple[int, ...] = TEXT_SIZES
) -> JSON:
    """Open a record, check all that it is bound to, and return its body.

    Args:
        signer: the Ed25519 public key that must have signed it.

    Raises:
        SealError: unknown version, other key, other row, order or signer, or altered bytes.
    """
    raw = bytes(sealed)
    opener = _OPENERS.get(raw[:1])
    if opener is None:
        raise unknown_version(raw[:1])
    return read_signed(unpad(opener(pair, raw[1:]), sizes), pair.public, context, signer)


def read_signed(signed: bytes, recipient: bytes, context: Context, signer: bytes) -> JSON:
    """Check the signed inner part of a record and all that it is bound to, and return its body; raises SealError."""
    signature, inner = signed[:SIGNATURE_BYTES], signed[SIGNATURE_BYTES:]
    verify(signer, inner, signature)
    expected = (1, context.kind, context.row, context.owner, context.sequence, signer.hex(), recipient.hex())
    try:
        content = json.loads(inner)
        bound_to, body = tuple(content[name] for name in "fkronst"), content["b"]
    except (ValueError, LookupError, TypeError) as error:
        # Signed by the right key, but no record: people's keys also sign entries of the audit chain.
        raise SealError("content") from error
    if bound_to != expected:
        raise SealError("context")
    return body


def open_record_of(
    pair: BoxPair, sealed: Stored, context: Context, signers: Iterable[bytes], *, sizes: tuple[int, ...] = TEXT_SIZES
) -> JSON:
    """Open a record that one of ``signers`` must have signed, tried in this order; raises as :func:`open_record`."""
    last_error = SealError("signer")
    for signer in signers:
        try:
            return open_record(pair, sealed, context, signer, sizes=sizes)
        except SealError as error:
            last_error = error
    raise last_error
