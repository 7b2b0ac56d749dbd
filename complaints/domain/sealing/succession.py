"""The succession of a team's keys: each key signs the one that follows it, and that one signs back.

Both signatures are needed. The old key's says whom the team trusts from now on; the new key's keeps a stranger from
putting a key of their own in front of a pinned one and speaking in the team's past.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from complaints.domain.sealing.keys import KeySet, fingerprint, same_fingerprint
from complaints.domain.sealing.primitives import SealError, verify


@dataclass(frozen=True)
class KeyLink:
    """One key as a row shows it: its number, its public halves, and the two signatures that tie it to the one before.

    The first key of a team has no signatures.
    """

    number: int
    public: bytes
    verify: bytes
    by_predecessor: bytes = b""
    by_itself: bytes = b""


def _statement(team: bytes, number: int, old: tuple[bytes, bytes], new: tuple[bytes, bytes]) -> bytes:
    return b"team key succession" + team + number.to_bytes(4, "big") + b"".join((*old, *new))


def sign_successor(*, team: bytes, number: int, old: KeySet, new: KeySet) -> KeyLink:
    """Return the link of ``new``, key ``number`` of ``team`` (16 bytes), which follows ``old``."""
    said = _statement(team, number, (old.box.public, old.sign.public), (new.box.public, new.sign.public))
    return KeyLink(number, new.box.public, new.sign.public, old.sign.sign(said), new.sign.sign(said))


def _follows(team: bytes, old: KeyLink, new: KeyLink) -> bool:
    if new.number != old.number + 1:
        return False
    said = _statement(team, new.number, (old.public, old.verify), (new.public, new.verify))
    try:
        verify(old.verify, said, new.by_predecessor)
        verify(new.verify, said, new.by_itself)
    except SealError:
        return False
    return True


def reachable_keys(*, team: bytes, links: Sequence[KeyLink], pin: str) -> list[KeyLink]:
    """Return the keys, in order, that hang together with the one whose fingerprint is ``pin``; none without it."""
    rows = sorted(links, key=lambda link: link.number)
    at = next((i for i, link in enumerate(rows) if same_fingerprint(fingerprint(link.public, link.verify), pin)), None)
    if at is None:
        return []
    first, last = at, at
    while last + 1 < len(rows) and _follows(team, rows[last], rows[last + 1]):
        last += 1
    while first > 0 and _follows(team, rows[first - 1], rows[first]):
        first -= 1
    return rows[first : last + 1]
