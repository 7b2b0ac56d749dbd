"""Creates teams with their first members and recovery, and returns the pins that the environment must hold.

Only ``setup_keys`` calls it, on the server itself, because a new team has no member who could admit the first ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction

from complaints import access
from complaints.domain.errors import SealError
from complaints.domain.sealing import keys as keysets
from complaints.domain.sealing.primitives import KEY_BYTES, BoxPair, seal
from complaints.models.oversight import OversightBody
from complaints.models.team import Staff, Team
from complaints.services.team_key_history import team_fingerprint
from complaints.services.team_keys import membership

BODY_PREFIX = "body-"
# The teams that every installation has; their slugs are their kinds.
OWN_TEAMS = frozenset({Team.Kind.TRIAGE.value, Team.Kind.SEPARATE.value})


class SetupRefused(Exception):
    """The request is refused; ``problems`` are sentences for the terminal."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = list(problems)
        super().__init__("; ".join(self.problems))


@dataclass(frozen=True)
class SetupRequest:
    """The options of the command: body codes, and by team slug the usernames and two recovery public keys (hex)."""

    bodies: Sequence[str]
    members: Mapping[str, Sequence[str]]
    recovery: Mapping[str, tuple[str, str]]


@dataclass(frozen=True)
class TeamPlan:
    """A team that can be created; ``recovery`` are two X25519 public keys."""

    slug: str
    kind: Team.Kind
    body: OversightBody | None
    members: tuple[Staff, ...]
    recovery: tuple[bytes, bytes]


def check_request(request: SetupRequest) -> list[TeamPlan]:
    """Return the teams of a request, after checking all of it; raises SetupRefused with every problem.

    The first run creates the teams of the portal itself; later runs add those that are missing, and teams of bodies.
    """
    slugs = _slugs(request)
    problems = [f"{slug}: this team exists already." for slug in _existing_slugs() & set(slugs)]
    problems += _shared_recovery(request.recovery) + _shared_members(request.members)
    plans = [_plan(slug, request, problems) for slug in slugs]
    if not slugs:
        problems.append("Every team asked for exists; name a body by --body to add its team.")
    if problems:
        raise SetupRefused(sorted(problems))
    return [plan for plan in plans if plan is not None]


def _existing_slugs() -> set[str]:
    return set(Team.objects.values_list("slug", flat=True))


def _slugs(request: SetupRequest) -> list[str]:
    named = {*request.members, *request.recovery}
    missing = OWN_TEAMS - _existing_slugs()
    return sorted(named | missing | {f"{BODY_PREFIX}{code}" for code in request.bodies})


def _shared_recovery(recovery: Mapping[str, tuple[str, str]]) -> list[str]:
    count = Counter(key.lower() for pair in recovery.values() for key in pair)
    if max(count.values(), default=0) < 2:
        return []
    return ["A recovery key is named twice; each keeper holds one of their own."]


def _shared_members(members: Mapping[str, Sequence[str]]) -> list[str]:
    count = Counter(name for names in members.values() for name in dict.fromkeys(names))
    twice = (name for name, times in count.items() if times > 1)
    return [f"{name} is named for two teams; nobody holds the keys of two." for name in twice]


def _plan(slug: str, request: SetupRequest, problems: list[str]) -> TeamPlan | None:
    kind, body = _kind(slug)
    if kind is None:
        problems.append(f"{slug}: no such team; it is triage, separate or body-CODE of a known body.")
        return None
    team = Team(slug=slug, kind=kind, body=body)
    members = _members(team, request.members.get(slug, ()), problems)
    recovery = _recovery(slug, request.recovery.get(slug), problems)
    return TeamPlan(slug, kind, body, members, recovery) if recovery else None


def _kind(slug: str) -> tuple[Team.Kind | None, OversightBody | None]:
    if slug.startswith(BODY_PREFIX):
        body = OversightBody.objects.filter(pk=slug.removeprefix(BODY_PREFIX)).first()
        return (Team.Kind.BODY, body) if body else (None, None)
    return (Team.Kind(slug), None) if slug in OWN_TEAMS else (None, None)


def _members(team: Team, usernames: Iterable[str], problems: list[str]) -> tuple[Staff, ...]:
    names = list(dict.fromkeys(usernames))
    people = {person.username: person for person in Staff.objects.filter(username__in=names)}
    if len(names) < 2:
        problems.append(f"{team.slug}: name at least two first members (--member {team.slug}:USERNAME).")
    for name in names:
        person = people.get(name)
        if person is None or not person.is_active:
            problems.append(f"{team.slug}: there is no active account {name}.")
        elif not access.may_join(person, team):
            role = "superuser" if person.is_superuser else person.role
            problems.append(f"{team.slug}: {name} cannot belong to it ({role}).")
        elif membership.belongs_elsewhere(person, team):
            problems.append(f"{team.slug}: {name} belongs to another team, whose key still opens something.")
    return tuple(people[name] for name in names if name in people)


def _recovery(slug: str, pair: tuple[str, str] | None, problems: list[str]) -> tuple[bytes, bytes] | None:
    if pair is None:
        problems.append(f"{slug}: name two recovery public keys (--recovery {slug}:HEX:HEX); see --make-recovery-key.")
        return None
    first, second = (_public_key(text) for text in pair)
    if first and second:
        return first, second
    problems.append(f"{slug}: a recovery public key is {2 * KEY_BYTES} hexadecimal digits, and a key.")
    return None


def _public_key(text: str) -> bytes | None:
    try:
        key = bytes.fromhex(text)
        seal(key, b"")  # refuses a wrong length, and points of small order, whose sealed boxes anybody can open
    except (SealError, ValueError):
        return None
    return key


def without_key(plans: Iterable[TeamPlan]) -> list[Staff]:
    """Return the planned members who have no key, because they have not set a password of their own yet."""
    people = {person.pk: person for plan in plans for person in plan.members if not person.has_key}
    return sorted(people.values(), key=lambda person: person.username)


@transaction.atomic
def create_teams(plans: Iterable[TeamPlan], *, now: datetime) -> list[Team]:
    """Create every planned team or none; raises AdmissionRefused as :func:`membership.make_team`."""
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
    """Return the value of TEAM_KEY_PINS: the present pins and those of ``teams``.

    Other teams of the database are not added, because write access to it is enough to add a team there.
    """
    pinned = dict(keysets.parse_pins(settings.TEAM_KEY_PINS))
    pinned |= {team.slug: team_fingerprint(team) for team in teams}
    return ",".join(f"{slug}={fingerprint.replace(' ', '')}" for slug, fingerprint in sorted(pinned.items()))


def recovery_pair() -> tuple[str, str]:
    """Draw a recovery X25519 pair; return (public, private) in hexadecimal. Meant for a machine without network."""
    pair = BoxPair.new()
    return pair.public.hex(), pair.private.hex()
