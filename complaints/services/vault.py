"""Opening and sealing for a holder: a member of staff with an unlocked key, the job worker, a reporter's ticket.

Nothing else in the house touches private keys. A key ring lives as long as a request; the session it comes from is
sealed under the member's cookie.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from complaints import access
from complaints.domain.sealing import keys as keysets
from complaints.domain.sealing.keys import KeySet
from complaints.domain.sealing.primitives import BoxPair, SealError, SignPair, Stored, blake2b, verify
from complaints.domain.sealing.records import KEY_SIZES, Context, open_record, seal_record
from complaints.models.complaint import Complaint, KeyGrant, Message
from complaints.models.oversight import Release
from complaints.models.team import Staff, Team, TeamMembership

SESSION_KEY = "staff_key"


class Locked(Exception):  # noqa: N818
    """The person holds no key for this. Carries no content."""


class UnpinnedKey(Exception):  # noqa: N818
    """A team's key in the database is not the one that the environment names; nothing is sealed to it."""


def pepper() -> bytes:
    """Return the pepper from the environment (32 bytes)."""
    if not settings.PASSWORD_PEPPER:
        raise ImproperlyConfigured("PASSWORD_PEPPER is not set")
    return bytes.fromhex(settings.PASSWORD_PEPPER)


def peppered(password: str) -> str:
    """Return a keyed digest of a password for Django's own hash, so that a stolen database cannot be searched."""
    return blake2b(password.encode(), person=b"password-hash", key=pepper()).hex()


def worker_pair() -> BoxPair:
    """Return the job worker's pair; its private half stands in the environment only."""
    return worker_pairs()[0]


def worker_pairs() -> list[BoxPair]:
    """Return the worker's pair and those before it whose week is not over, newest first."""
    keys = [settings.WORKER_PRIVATE_KEY, *settings.WORKER_PREVIOUS_KEYS]
    return [BoxPair.from_private(bytes.fromhex(key)) for key in keys]


def new_worker_key() -> str:
    """Draw a private key for the worker, as the environment holds it."""
    return BoxPair.new().private.hex()


def pinned_team(slug: str) -> Team:
    """Return a team to seal to.

    Raises:
        UnpinnedKey: there is none, or its key is not the pinned one.
    """
    return pinned_teams(slug)[slug]


def pinned_teams(*slugs: str) -> dict[str, Team]:
    """Return several teams by slug in one query; raises as :func:`pinned_team`."""
    pins = keysets.parse_pins(settings.TEAM_KEY_PINS)
    # Every report asks, and building this query through the ORM costs three times what it takes to answer it.
    places = ", ".join("%s" for _ in slugs)
    rows = Team.objects.raw(f"SELECT * FROM complaints_team WHERE slug IN ({places})", slugs)  # noqa: S608
    teams = {team.slug: team for team in rows}
    for slug in slugs:
        team = teams.get(slug)
        if team is None or not keysets.same_fingerprint(team_fingerprint(team), pins.get(slug, "")):
            raise UnpinnedKey(slug)
    return teams


def trusted(signer: Stored, slug: str) -> bytes:
    """Return ``signer`` where it is the signing key of the pinned team ``slug``, in whose name something is said.

    Raises:
        UnpinnedKey: whoever can write to the database, or sits in another team, could have signed with it.
    """
    if _pinned_signer(settings.TEAM_KEY_PINS, slug) != bytes(signer):
        raise UnpinnedKey("signer")
    return bytes(signer)


@lru_cache(maxsize=64)
def _pinned_signer(pins: str, slug: str) -> bytes:
    """Return a team's signing key; a pin knows one key only, so it is asked once and not for every message."""
    return bytes(pinned_team(slug).verify_key)


def _keys_of(owner: Complaint | Release) -> bytes:
    if isinstance(owner, Complaint):
        publics = (owner.public_key, owner.reporter_key, owner.reporter_verify_key)
        return b"keys of a complaint" + owner.pk.bytes + b"".join(bytes(public) for public in publics)
    return b"keys of a release" + owner.pk.bytes + owner.case_id.bytes + bytes(owner.public_key)


def bind_keys(owner: Complaint | Release, signer: SignPair) -> None:
    """Sign the public keys of ``owner`` to its row."""
    owner.key_signature = signer.sign(_keys_of(owner))


def check_keys(owner: Complaint | Release, signer: Stored) -> None:
    """Make sure that the keys in the row of ``owner`` are those that ``signer`` put there; before sealing to them.

    Raises:
        SealError: somebody has put in another.
    """
    verify(bytes(signer), _keys_of(owner), bytes(owner.key_signature))


def team_fingerprint(team: Team) -> str:
    """Return the fingerprint of a team's public halves."""
    return keysets.fingerprint(team.public_key, team.verify_key)


@dataclass
class Keyring:
    """What a logged-in member of staff can open: their own key, the teams that admitted them, and from there on."""

    staff: Staff | None
    keys: KeySet | None
    _teams: dict[uuid.UUID, KeySet] = field(default_factory=dict, repr=False)
    _boxes: dict[uuid.UUID, BoxPair] = field(default_factory=dict, repr=False)
    _loaded: bool = False
    _concerned: set[uuid.UUID] | None = field(default=None, repr=False)

    def concerned(self, case_id: uuid.UUID) -> bool:
        """Whether the person stands in a case themselves, so that it does not exist for them."""
        if self._concerned is None:
            rows = access.concerned_cases(self.staff).values_list("complaint__case", flat=True)
            self._concerned = set(rows) if access.may_be_concerned(self.staff) else set()
        return case_id in self._concerned

    def forget_conflicts(self) -> None:
        """Ask again who stands in what; after a conflict was written."""
        access.forget(self.staff)
        self._concerned = None

    @property
    def unlocked(self) -> bool:
        """Whether the password has opened the person's key in this session."""
        return self.keys is not None

    @property
    def signer(self) -> SignPair | None:
        """The person's signing key, for the audit chain; None where they hold none."""
        return self.keys.sign if self.keys else None

    def _load(self) -> dict[uuid.UUID, KeySet]:
        if not self._loaded and self.keys and self.staff:
            entitled = access.teams_of(self.staff)
            for membership in self.staff.memberships.filter(sealed_key__isnull=False, team__in=entitled).select_related(
                "team"
            ):
                self._teams[membership.team_id] = open_membership(membership, self.keys)
        self._loaded = True
        return self._teams

    def team(self, team: Team) -> KeySet:
        """Return the key set of a team.

        Raises:
            Locked: the person was not admitted, or their key is not unlocked.
        """
        try:
            return self._load()[team.pk]
        except KeyError:
            raise Locked(team.slug) from None

    @property
    def team_ids(self) -> list[uuid.UUID]:
        """The teams whose key this ring holds."""
        return list(self._load())

    def complaint(self, complaint: Complaint, grants: Sequence[KeyGrant] | None = None) -> BoxPair:
        """Return a complaint's pair; raises :class:`Locked` without a grant to one of the person's teams.

        The conflict lock ends here, whatever the way: the person's team holds the key, and the house does not use it
        for somebody who stands in the case.

        Whoever seals to the complaint or its reporter opens it first: that the pair opens, and is that of the row,
        shows that no key of it was replaced.
        """
        if self.concerned(complaint.case_id):
            raise Locked("conflict")
        return self._granted(complaint, bytes(complaint.reporter_verify_key), grants)

    def release(self, release: Release, grants: Sequence[KeyGrant] | None = None) -> BoxPair:
        """Return a release's pair; raises :class:`Locked` without a grant to one of the person's teams."""
        if self.concerned(release.case_id):
            raise Locked("conflict")
        return self._granted(release, trusted(release.signer, Team.Kind.TRIAGE), grants)

    def _granted(self, owner: Complaint | Release, signer: bytes, grants: Sequence[KeyGrant] | None = None) -> BoxPair:
        check_keys(owner, signer)
        if owner.pk not in self._boxes:
            teams = self._load()
            grant = next(
                (grant for grant in (owner.grants.all() if grants is None else grants) if grant.team_id in teams), None
            )
            if grant is None:
                raise Locked("grant")
            context = Context("grant", str(owner.pk), str(grant.team_id))
            opened = open_record(teams[grant.team_id].box, grant.sealed, context, signer, sizes=KEY_SIZES)
            self._boxes[owner.pk] = BoxPair.from_private(bytes.fromhex(opened))
        pair = self._boxes[owner.pk]
        if pair.public != bytes(owner.public_key):
            raise SealError("grant")
        return pair


def open_membership(membership: TeamMembership, keys: KeySet) -> KeySet:
    """Open a team's private key with a member's; raises SealError where it was not admitted for this person."""
    context = Context("membership", str(membership.pk), str(membership.team_id))
    signer = bytes(membership.admitted_key or b"")
    opened = open_record(keys.box, membership.sealed_key or b"", context, signer, sizes=KEY_SIZES)
    team = KeySet.from_bytes(bytes.fromhex(opened))
    # Anybody can sign an admission with a key of their own; what counts is that it gives the team's true key.
    if team.fingerprint != team_fingerprint(membership.team):
        raise SealError("membership")
    return team


def seal_membership(membership: TeamMembership, team_keys: KeySet, signer: SignPair) -> None:
    """Seal a team's private key to the person of ``membership`` (their public key), signed by who admits."""
    context = Context("membership", str(membership.pk), str(membership.team_id))
    public = bytes(membership.staff.public_key or b"")
    membership.sealed_key = seal_record(public, context, team_keys.to_bytes().hex(), signer, sizes=KEY_SIZES)
    membership.admitted_key = signer.public


def grant(*, owner: Complaint | Release, box: BoxPair, team: Team, signer: SignPair) -> KeyGrant:
    """Return an unsaved grant of ``box`` (the pair of ``owner``) to ``team``."""
    context = Context("grant", str(owner.pk), str(team.pk))
    sealed = seal_record(bytes(team.public_key), context, box.private.hex(), signer, sizes=KEY_SIZES)
    place = {"complaint": owner} if isinstance(owner, Complaint) else {"release": owner}
    return KeyGrant(team=team, sealed=sealed, **place)


def keyring_of(user: Any, session: Any) -> Keyring:
    """Return the key ring of a signed-in person from their sealed session; an empty one for anybody else."""
    secret = session.get(SESSION_KEY) if user.is_authenticated else None
    if not secret:
        return Keyring(user if user.is_authenticated else None, None)
    keys = KeySet.from_bytes(bytes.fromhex(secret))
    # A retired or replaced key must not act in a session that is older than the change.
    if bytes(user.public_key or b"") != keys.box.public:
        return Keyring(user, None)
    return Keyring(user, keys)


def remember(session: Any, keys: KeySet | None) -> None:
    """Keep an unlocked key in the person's sealed session."""
    if keys is None:
        session.pop(SESSION_KEY, None)
    else:
        session[SESSION_KEY] = keys.to_bytes().hex()


def message_context(message: Message, *, kind: str = "message") -> Context:
    """The context that every copy of a message is bound to."""
    return Context(kind, str(message.pk), str(message.complaint_id), message.sequence)
