"""The arithmetic of the audit chain and of the daily Merkle root over what reporters sent.

It guards promise 7, nothing is altered unseen. The audit service and the verifying command call it. Digests
are of ciphertext and of clear coarse facts, never of plaintext; signatures are the caller's.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from nacl.encoding import RawEncoder
from nacl.hash import blake2b

DIGEST_BYTES: Final = 32


class NotCanonical(TypeError):  # noqa: N818  named after what the entry is
    """An entry that has no single spelling in bytes; it never carries the entry."""


class ChainLink(NamedTuple):
    """One stored entry of the chain: the digest before it, its canonical bytes, its own digest."""

    previous: bytes
    payload: bytes
    digest: bytes


def _digest(data: bytes, person: bytes) -> bytes:
    return blake2b(data, digest_size=DIGEST_BYTES, person=person, encoder=RawEncoder)


GENESIS: Final = _digest(b"", b"kn-audit-genesis")


def canonical(entry: Mapping[str, object]) -> bytes:
    """Return the one spelling of an entry: JSON in UTF-8, keys sorted by code point, no spaces.

    Text, integers, booleans, null, lists and mappings with text keys are known. Raises NotCanonical for all
    else: floats have several spellings, other keys would turn into text and could collide.
    """
    try:
        plain = _plain(entry)
        return json.dumps(plain, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        raise NotCanonical("text that is not Unicode") from None


def next_digest(prev: bytes, payload: bytes) -> bytes:
    """Return the 32 bytes that bind ``payload`` to all that came before; ``prev`` is GENESIS for the first.

    Raises ValueError if ``prev`` is not 32 bytes: its length is what keeps the two parts apart.
    """
    if len(prev) != DIGEST_BYTES:
        raise ValueError("previous digest has a wrong length")
    # drivers of some databases hand out memoryviews, which do not add up
    return _digest(bytes(prev) + bytes(payload), b"kn-audit")


def merkle_root(digests: Iterable[bytes]) -> bytes:
    """Return one digest (32 bytes) of a set of digests, whatever their order; an empty set has its own.

    Leaves and nodes are hashed apart, and a node without a partner goes up as it is, so that no other set of
    digests, nor one of them taken twice, has the same root.
    """
    level = [_digest(leaf, b"kn-leaf") for leaf in sorted(map(bytes, digests))]
    if not level:
        return _digest(b"", b"kn-empty")
    while len(level) > 1:
        pairs = [_digest(level[i] + level[i + 1], b"kn-node") for i in range(0, len(level) - 1, 2)]
        level = pairs + level[len(pairs) * 2 :]
    return level[0]


def verify_run(entries: Iterable[ChainLink], *, start: bytes = GENESIS, head: bytes | None = None) -> int | None:
    """Return the index of the first entry that does not follow from the one before, None if all do.

    ``start`` is the digest before the run. A run cut off at its end is whole in itself: only ``head``, a
    digest kept elsewhere, shows it, and the index is then the number of entries.
    """
    before = start
    count = 0
    for count, entry in enumerate(entries, start=1):
        if entry.previous != before or entry.digest != next_digest(before, entry.payload):
            return count - 1
        before = entry.digest
    return count if head is not None and head != before else None


def _plain(value: object) -> object:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise NotCanonical("a key that is not text")
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    raise NotCanonical("a value without a single spelling")
