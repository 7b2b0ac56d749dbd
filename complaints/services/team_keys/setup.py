"""Founding teams: their first members at once, their recovery, and the pins that the environment must hold.

Called by ``setup_keys`` alone, on the machine itself: there is nobody yet who could admit anybody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction

from complaints import access
from complaints.domain.sealing import keys as keysets
from complaints.domain.sealing.primitives import KEY_BYTES, BoxPair, SealError, seal
from complaints.models.oversight import OversightBody
from complaints.models.team import Staff, Team
from complaints.services.team_key_history import team_fingerprint
from complaints.services.team_keys import membership

BODY_PREFIX = "body-"


class SetupRefused(Exception):  # noqa: N818
    """Teams that must not be made as asked; ``problems`` are sentences for whoever sits at the terminal."""

    def __init__(self, problems: Sequence[str]) -> None:
        """Keep every problem, so that one run shows them all."""
        self.problems = list(problems)
        super().__init__("; ".join(self.problems))


@dataclass(frozen=True)
class SetupRequest:
    """What somebody asks for: usernames and two recovery public keys (hexadecimal), each by the team's slug."""

    bodies: Sequence[str]
    members: Mapping[str, Sequence[str]]
    recovery: Mapping[str, tuple[str, str]]


@dataclass(frozen=True)
class TeamPlan:
    """A team that may be made."""

    slug: str
    kind: Team.Kind
    body: OversightBody | None
    members: tuple[Staff, ...]
    recovery: tuple[bytes, bytes]


def check_request(asked: SetupRequest) -> list[TeamPlan]:
    """Check everything that was asked for; nothing is written.

    Triage and custodians are made with the first run; later runs add bodies.

    Raises:
        FoundingRefused: with every reason there is.
    """
    slugs = _slugs(asked)
    problems = [f"{slug}: this team exists already." for slug in _existing() & set(slugs)]
    problems += _shared_recovery(asked.recovery)
    plans = [_plan_one(slug, asked, problems) for slug in slugs]
    if not slugs:
        problems.append("Every team asked for exists; name a body by --body to add its team.")
    if problems:
        raise SetupRefused(sorted(problems))
    return [plan for plan in plans if plan is not None]


def _existing() -> set[str]:
    return set(Team.objects.values_list("slug", flat=True))


def _slugs(asked: SetupRequest) -> list[str]:
    named = {*asked.members, *asked.recovery}
    missing = {Team.Kind.TRIAGE.value, Team.Kind.CUSTODIAN.value} - _existing()
    return sorted(named | missing | {f"{BODY_PREFIX}{code}" for code in asked.bodies})


def _shared_recovery(recovery: Mapping[str, tuple[str, str]]) -> list[str]:
    count = Counter(key.lower() for pair in recovery.values() for key in pair)
    if max(count.values(), default=0) < 2:
        return []
    return ["A recovery key is named twice; each keeper holds one of their own."]


def _plan_one(slug: str, asked: SetupRequest, problems: list[str]) -> TeamPlan | None:
    kind, body = _kind(slug)
    if kind is None:
        problems.append(f"{slug}: no such team; it is triage, custodian or body-CODE of a known body.")
        return None
    team = Team(slug=slug, kind=kind, body=body)
    members = _members(team, asked.members.get(slug, ()), problems)
    recovery = _recovery(slug, asked.recovery.get(slug), problems)
    return TeamPlan(slug, kind, body, members, recovery) if recovery else None


def _kind(slug: str) -> tuple[Team.Kind | None, OversightBody | None]:
    if slug.startswith(BODY_PREFIX):
        body = OversightBody.objects.filter(pk=slug.removeprefix(BODY_PREFIX)).first()
        return (Team.Kind.BODY, body) if body else (None, None)
    return (Team.Kind(slug), None) if slug in (Team.Kind.TRIAGE, Team.Kind.CUSTODIAN) else (None, None)


def _members(team: Team, usernames: Iterable[str], problems: list[str]) -> tuple[Staff, ...]:
    wanted = list(dict.fromkeys(usernames))
    people = {person.username: person for person in Staff.objects.filter(username__in=wanted)}
    if len(wanted) < 2:
        problems.append(f"{team.slug}: name at least two first members (--member {team.slug}:USERNAME).")
    for name in wanted:
        person = people.get(name)
        if person is None or not person.is_active:
            problems.append(f"{team.slug}: there is no active account {name}.")
        elif not access.may_join(person, team):
            role = "superuser" if person.is_superuser else person.role
            problems.append(f"{team.slug}: {name} cannot belong to it ({role}).")
    return tuple(people[name] for name in wanted if name in people)


def _recovery(slug: str, pair: tuple[str, str] | None, problems: list[str]) -> tuple[bytes, bytes] | None:
    if pair is None:
        problems.append(f"{slug}: name two recovery public keys (--recovery {slug}:HEX:HEX); see --make-recovery-key.")
        return None
    one, other = (_public_key(text) for text in pair)
    if one and other:
        return one, other
    problems.append(f"{slug}: a recovery public key is {2 * KEY_BYTES} hexadecimal digits, and a key.")
    return None


def _public_key(text: str) -> bytes | None:
    try:
        key = bytes.fromhex(text)
        seal(key, b"")  # refuses a wrong length, and points that would make a seal that anybody opens
    except (SealError, ValueError):
        return None
    return key


def without_key(plans: Iterable[TeamPlan]) -> list[Staff]:
    """Return the first members who have not chosen a password of their own yet."""
    people = {person.pk: person for plan in plans for person in plan.members if not person.has_key}
    return sorted(people.values(), key=lambda person: person.username)


@transaction.atomic
def create_teams(plans: Iterable[TeamPlan], *, now: datetime) -> list[Team]:
    """Make every planned team or none.

    Raises:
        AdmissionRefused: see services.team_keys.make_team.
    """
    return [
        membership.make_team(
            slug=plan.slug,
            kind=plan.kind,
            body=plan.body,
            members=[Staff.objects.get(pk=person.pk) for person in plan.members],
            recovery=plan.recovery,
            now=now,
        )
        for plan in plans
    ]


def pins(teams: Iterable[Team]) -> str:
    """Return the value of TEAM_KEY_PINS: what the environment pins now, and ``teams``.

    A team that merely stands in the database is not added: whoever can write there could have put it there.
    """
    pinned = dict(keysets.parse_pins(settings.TEAM_KEY_PINS))
    pinned |= {team.slug: team_fingerprint(team) for team in teams}
    return ",".join(f"{slug}={fingerprint.replace(' ', '')}" for slug, fingerprint in sorted(pinned.items()))


def recovery_pair() -> tuple[str, str]:
    """Draw a keeper's X25519 pair; return (public, private) in hexadecimal. Meant for a machine without network."""
    pair = BoxPair.new()
    return pair.public.hex(), pair.private.hex()
