"""Which keys are a team's: those that hang together with the one that the environment pins.

A pin names one key; later ones are signed by those before them. Nothing is sealed to any but the newest, and nobody
speaks for a team but with a key of its succession.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from django.conf import settings
from django.db import connection

from complaints.domain.sealing import keys as keysets
from complaints.domain.sealing import succession
from complaints.domain.sealing.primitives import Stored
from complaints.domain.sealing.succession import KeyLink
from complaints.models.team import Team, TeamKey


class UnpinnedKey(Exception):  # noqa: N818
    """A team's key in the database does not follow from the one that the environment names; nothing is sealed to it."""


@dataclass
class _Known:
    """The succession as this process last saw it; signatures stay true, so it is only read again if it falls short."""

    links: tuple[KeyLink, ...] = ()


@lru_cache(maxsize=64)
def _known(pin: str, slug: str) -> _Known:
    return _Known()


_NONE: Final = KeyLink(0, b"", b"")


def _succession(slug: str, *, fresh: bool) -> tuple[KeyLink, ...]:
    pin = keysets.parse_pins(settings.TEAM_KEY_PINS).get(slug, "")
    known = _known(pin, slug)
    if fresh:
        team = Team.objects.filter(slug=slug).first()
        known.links = tuple(succession.reachable_keys(team=team.pk.bytes, links=_rows(team), pin=pin)) if team else ()
    return known.links


def _rows(team: Team) -> list[KeyLink]:
    rows = TeamKey.objects.filter(team=team).order_by("number")
    found = [
        KeyLink(
            row.number, bytes(row.public_key), bytes(row.verify_key), bytes(row.by_predecessor), bytes(row.by_itself)
        )
        for row in rows
    ]
    return found or [KeyLink(team.key_number, bytes(team.public_key), bytes(team.verify_key))]


def _is_newest(team: Team, links: tuple[KeyLink, ...]) -> bool:
    newest = links[-1] if links else _NONE
    return (newest.public, newest.verify) == (bytes(team.public_key), bytes(team.verify_key))


def pinned_team(slug: str) -> Team:
    """Return a team to seal to.

    Raises:
        UnpinnedKey: there is none, or its key does not follow from the pinned one.
    """
    return pinned_teams(slug)[slug]


def pinned_teams(*slugs: str) -> dict[str, Team]:
    """Return several teams by slug in one query; raises as :func:`pinned_team`.

    In a transaction their keys stay what they are until its end: a rotation waits for it, so that nothing is sealed
    to a key that is forgotten before the transaction is done.
    """
    # Every report asks, and building this query through the ORM costs three times what it takes to answer it.
    places = ", ".join("%s" for _ in slugs)
    hold = " FOR KEY SHARE" if connection.vendor == "postgresql" and connection.in_atomic_block else ""
    rows = Team.objects.raw(f"SELECT * FROM complaints_team WHERE slug IN ({places}) ORDER BY slug{hold}", slugs)  # noqa: S608
    teams = {team.slug: team for team in rows}
    for slug in slugs:
        team = teams.get(slug)
        if team is None:
            raise UnpinnedKey(slug)
        if not any(_is_newest(team, _succession(slug, fresh=fresh)) for fresh in (False, True)):
            raise UnpinnedKey(slug)
    return teams


def trusted_signer(signer: Stored, slug: str) -> bytes:
    """Return ``signer`` where it is a signing key of the pinned team ``slug``, in whose name something is said.

    Keys that were replaced count: what they signed while they were the team's is still the team's word.

    Raises:
        UnpinnedKey: whoever can write to the database, or sits in another team, could have signed with it.
    """
    wanted = bytes(signer)
    for fresh in (False, True):
        if any(link.verify == wanted for link in _succession(slug, fresh=fresh)):
            return wanted
    raise UnpinnedKey("signer")


def signers(slug: str) -> Iterator[bytes]:
    """Yield the signing keys of a team, newest first; none where the team is not pinned."""
    tried: set[bytes] = set()
    for fresh in (False, True):
        for link in reversed(_succession(slug, fresh=fresh)):
            if link.verify not in tried:
                tried.add(link.verify)
                yield link.verify


def pinned_slugs() -> list[str]:
    """Return the teams that the environment pins."""
    return sorted(keysets.parse_pins(settings.TEAM_KEY_PINS))


def team_fingerprint(team: Team) -> str:
    """Return the fingerprint of the public halves of a team's key of today."""
    return keysets.fingerprint(team.public_key, team.verify_key)


def is_pinned_itself(team: Team) -> bool:
    """Whether the environment names the team's key of today, not one before it."""
    pin = keysets.parse_pins(settings.TEAM_KEY_PINS).get(team.slug, "")
    return keysets.same_fingerprint(team_fingerprint(team), pin)
