"""The succession of a team's keys: each key signs the one that follows it, and that one signs back.

Both signatures are needed. The old key's names the next trusted key; the new key's keeps an attacker from inserting a
key in front of a pinned one and forging what the team signed earlier.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from complaints.domain.errors import SealError
from complaints.domain.sealing.keys import KeySet, fingerprint, same_fingerprint
from complaints.domain.sealing.primitives import verify


@dataclass(frozen=True)
class KeyLink:
    """One key as stored: its number, its public halves, and the two signatures that bind it to the key before.

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
    statement = _statement(team, number, (old.box.public, old.sign.public), (new.box.public, new.sign.public))
    return KeyLink(number, new.box.public, new.sign.public, old.sign.sign(statement), new.sign.sign(statement))


def _follows(team: bytes, old: KeyLink, new: KeyLink) -> bool:
    if new.number != old.number + 1:
        return False
    statement = _statement(team, new.number, (old.public, old.verify), (new.public, new.verify))
    try:
        verify(old.verify, statement, new.by_predecessor)
        verify(new.verify, statement, new.by_itself)
    except SealError:
        return False
    return True


def reachable_keys(*, team: bytes, links: Sequence[KeyLink], pin: str) -> list[KeyLink]:
    """Return the keys, in order, that signatures connect to the one with the fingerprint ``pin``; none without it."""
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
