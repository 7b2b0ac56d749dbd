"""Hash chain of the audit log, and the Merkle root of a batch of what reporters sent.

It guards promise 7, that no alteration goes unnoticed. Digests cover ciphertext and coarse clear facts, never
plaintext; services.audit signs them.
"""

import json
import secrets
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Final, NamedTuple

from nacl.encoding import RawEncoder
from nacl.hash import blake2b

DIGEST_BYTES: Final = 32
SALT_BYTES: Final = 16


class NotCanonical(TypeError):
    """An entry that has no canonical encoding; the error never carries the entry."""


class ChainLink(NamedTuple):
    """One stored entry of the chain: the digest before it, its canonical bytes, its own digest."""

    previous: bytes
    payload: bytes
    digest: bytes


_digest = partial(blake2b, digest_size=DIGEST_BYTES, encoder=RawEncoder)


GENESIS: Final = _digest(b"", person=b"kn-audit-genesis")


def canonical(entry: Mapping[str, object]) -> bytes:
    """Return the canonical encoding of an entry: JSON in UTF-8, keys sorted by code point, no spaces.

    Text, integers, booleans, null, lists and mappings with text keys are allowed. Raises NotCanonical for all else:
    floats have several encodings, other keys would turn into text and could collide.
    """
    try:
        plain = _plain(entry)
        return json.dumps(plain, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        raise NotCanonical("text that is not Unicode") from None


def new_salt() -> bytes:
    """Draw the salt of a row (16 bytes), which keys the digests of the row's columns."""
    return secrets.token_bytes(SALT_BYTES)


def next_digest(prev: bytes, payload: bytes) -> bytes:
    """Return the 32 bytes that bind ``payload`` to all that came before; ``prev`` is GENESIS for the first.

    Raises ValueError if ``prev`` is not 32 bytes: its length is what keeps the two parts apart.
    """
    if len(prev) != DIGEST_BYTES:
        raise ValueError("previous digest has a wrong length")
    # Some database drivers return memoryviews, which cannot be concatenated.
    return _digest(bytes(prev) + bytes(payload), person=b"kn-audit")


def merkle_root(digests: Iterable[bytes]) -> bytes:
    """Return one digest (32 bytes) of a set of digests, whatever their order; an empty set has its own.

    Leaves and nodes are hashed apart, and a node without a sibling is promoted unchanged, so that no other set of
    digests, nor one of them taken twice, has the same root.
    """
    level = [_digest(leaf, person=b"kn-leaf") for leaf in sorted(map(bytes, digests))]
    if not level:
        return _digest(b"", person=b"kn-empty")
    while len(level) > 1:
        pairs = [_digest(level[i] + level[i + 1], person=b"kn-node") for i in range(0, len(level) - 1, 2)]
        level = pairs + level[len(pairs) * 2 :]
    return level[0]


def follows(link: ChainLink, previous: bytes) -> bool:
    """Return whether ``link`` is the entry that follows the one with the digest ``previous`` (32 bytes), unaltered."""
    return link.previous == previous and link.digest == next_digest(previous, link.payload)


def _plain(value: object) -> object:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise NotCanonical("a key that is not text")
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    raise NotCanonical("a value without a canonical encoding")
