"""The keys of a team: the one that the environment pins, and its successors, each signed by its predecessor.

Services seal only to the newest key, and accept a team's signature only from a key of this succession.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings
from django.db import connection

from complaints.domain.sealing import keys as keysets
from complaints.domain.sealing import succession
from complaints.domain.sealing.primitives import Stored
from complaints.domain.sealing.succession import KeyLink
from complaints.models.team import Team, TeamKey


class UnpinnedKey(Exception):
    """A team's key in the database does not follow from the pinned one; services neither seal to it nor trust it."""


@dataclass
class _CachedSuccession:
    """The succession as this process last read it. Signatures stay valid, so it is read again only on a miss."""

    links: tuple[KeyLink, ...] = ()


@lru_cache(maxsize=64)
def _cached_succession(pin: str, slug: str) -> _CachedSuccession:
    return _CachedSuccession()


def _succession(slug: str, *, fresh: bool) -> tuple[KeyLink, ...]:
    pin = keysets.parse_pins(settings.TEAM_KEY_PINS).get(slug, "")
    cached = _cached_succession(pin, slug)
    if fresh:
        team = Team.objects.filter(slug=slug).first()
        links = succession.reachable_keys(team=team.pk.bytes, links=_stored_links(team), pin=pin) if team else ()
        cached.links = tuple(links)
    return cached.links


def _stored_links(team: Team) -> list[KeyLink]:
    rows = TeamKey.objects.filter(team=team).order_by("number")
    links = [
        KeyLink(
            row.number, bytes(row.public_key), bytes(row.verify_key), bytes(row.by_predecessor), bytes(row.by_itself)
        )
        for row in rows
    ]
    return links or [KeyLink(team.key_number, bytes(team.public_key), bytes(team.verify_key))]


def pinned_team(slug: str) -> Team:
    """Return a team to seal to; raises UnpinnedKey where its current key does not follow from the pinned one."""
    return pinned_teams(slug)[slug]


def pinned_teams(*slugs: str) -> dict[str, Team]:
    """Return teams by slug, read in one query; raises as :func:`pinned_team`.

    Within a transaction the rows are locked against a rotation until its end, so that nothing is sealed to a key that
    is deleted before the transaction commits.
    """
    # Every submission runs this query; building it with the ORM takes three times as long as answering it.
    placeholders = ", ".join("%s" for _ in slugs)
    lock = " FOR KEY SHARE" if connection.vendor == "postgresql" and connection.in_atomic_block else ""
    rows = Team.objects.raw(f"SELECT * FROM complaints_team WHERE slug IN ({placeholders}) ORDER BY slug{lock}", slugs)  # noqa: S608
    teams = {team.slug: team for team in rows}
    for slug in slugs:
        team = teams.get(slug)
        if team is None:
            raise UnpinnedKey(slug)
        current = (bytes(team.public_key), bytes(team.verify_key))
        newest = (link for fresh in (False, True) for link in _succession(slug, fresh=fresh)[-1:])
        if current not in ((link.public, link.verify) for link in newest):
            raise UnpinnedKey(slug)
    return teams


def trusted_signer(signer: Stored, slug: str) -> bytes:
    """Return ``signer`` if it is a signing key (Ed25519, 32 bytes), also a replaced one, of the pinned team ``slug``.

    What a replaced key signed while it was current remains valid. Raises UnpinnedKey for any other key.
    """
    signer = bytes(signer)
    for fresh in (False, True):
        if any(link.verify == signer for link in _succession(slug, fresh=fresh)):
            return signer
    raise UnpinnedKey("signer")


def signers(slug: str) -> Iterator[bytes]:
    """Yield the signing keys of a team, newest first; none where the team is not pinned."""
    yielded: set[bytes] = set()
    for fresh in (False, True):
        for link in reversed(_succession(slug, fresh=fresh)):
            if link.verify not in yielded:
                yielded.add(link.verify)
                yield link.verify


def office_signers() -> Iterator[bytes]:
    """Yield the signing keys of the teams that reports are sealed to: triage and the separate team."""
    for slug in (Team.Kind.TRIAGE, Team.Kind.SEPARATE):
        yield from signers(slug)


def writers_of_name(body: str | None) -> Iterator[bytes]:
    """Yield the keys that may write the place of a name: of the body that it is for, and :func:`office_signers`."""
    yield from signers(f"body-{body}")
    yield from office_signers()


def pinned_slugs() -> list[str]:
    """Return the slugs of the teams that the environment pins, sorted."""
    return sorted(keysets.parse_pins(settings.TEAM_KEY_PINS))


def team_fingerprint(team: Team) -> str:
    """Return the fingerprint of the public halves of a team's current key."""
    return keysets.fingerprint(team.public_key, team.verify_key)


def is_pinned(team: Team) -> bool:
    """Whether the team's current key follows from the pinned one."""
    try:
        pinned_team(team.slug)
    except UnpinnedKey:
        return False
    return True


def is_pinned_itself(team: Team) -> bool:
    """Whether the environment pins the team's current key, not a predecessor of it."""
    pin = keysets.parse_pins(settings.TEAM_KEY_PINS).get(team.slug, "")
    return keysets.same_fingerprint(team_fingerprint(team), pin)
