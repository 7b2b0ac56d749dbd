"""Sealed records: every text, key and answer that is stored, bound to the row it belongs to and to who wrote it.

A record is a version byte and a libsodium sealed box of the padded inner part. Inside stand format, kind, row,
complaint, sequence number, signer and recipient, signed with Ed25519: a record moved to another row, forged, or
put back from an earlier day does not open.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from complaints.domain.sealing.primitives import (
    BoxPair,
    SealError,
    SignPair,
    Stored,
    pad,
    seal,
    unpad,
    unseal,
    verify,
)

VERSION = b"\x01"
TEXT_SIZES = (4096, 16384, 65536)
KEY_SIZES = (512,)
SIGNATURE_BYTES = 64


@dataclass(frozen=True)
class Context:
    """What a record belongs to: its kind, its row, the complaint (or other owner) and its place in the order."""

    kind: str
    row: str
    owner: str
    sequence: int = 0


def seal_record(
    recipient: bytes, context: Context, body: Any, signer: SignPair, *, sizes: tuple[int, ...] = TEXT_SIZES
) -> bytes:
    """Seal ``body`` (JSON) to the X25519 key ``recipient`` for the row that ``context`` names, signed by ``signer``."""
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
    return VERSION + seal(recipient, pad(signer.sign(inner) + inner, sizes))


def open_record(
    pair: BoxPair, sealed: Stored, context: Context, signer: bytes, *, sizes: tuple[int, ...] = TEXT_SIZES
) -> Any:
    """Open a record and check everything in it; return its body.

    Args:
        signer: the Ed25519 public key that must have signed it.

    Raises:
        SealError: other version, other key, other row, order or signer, or altered bytes.
    """
    raw = bytes(sealed)
    if raw[:1] != VERSION:
        raise SealError("version")
    plain = unpad(unseal(pair, raw[1:]), sizes)
    signature, inner = plain[:SIGNATURE_BYTES], plain[SIGNATURE_BYTES:]
    verify(signer, inner, signature)
    expected = (
        1,
        context.kind,
        context.row,
        context.owner,
        context.sequence,
        signer.hex(),
        pair.public.hex(),
    )
    try:
        content = json.loads(inner)
        found, body = tuple(content[name] for name in "fkronst"), content["b"]
    except (ValueError, LookupError, TypeError) as error:
        # Signed by the right key, but as something else: links of the audit chain are signed with people's keys too.
        raise SealError("content") from error
    if found != expected:
        raise SealError("context")
    return body


def open_record_of(
    pair: BoxPair, sealed: Stored, context: Context, signers: Iterable[bytes], *, sizes: tuple[int, ...] = TEXT_SIZES
) -> Any:
    """Open a record that one of several keys must have signed, tried in this order; raises as :func:`open_record`."""
    refused = SealError("signer")
    for signer in signers:
        try:
            return open_record(pair, sealed, context, signer, sizes=sizes)
        except SealError as error:
            refused = error
    raise refused
