"""Opening and sealing for a holder: a member of staff with an unlocked key, or a reporter's ticket.

Nothing else in the house touches private keys, but for the job worker's own (services.evidence.worker_key). A key ring
lives as long as a request; the session it comes from is sealed under the member's cookie.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from complaints import access
from complaints.domain.sealing.keys import KeySet
from complaints.domain.sealing.primitives import BoxPair, SealError, SignPair, Stored, blake2b, verify
from complaints.domain.sealing.records import (
    KEY_SIZES,
    TEXT_SIZES,
    Context,
    open_record,
    open_record_of,
    seal_record,
)
from complaints.models.complaint import Complaint, KeyGrant, Message
from complaints.models.oversight import Release
from complaints.models.team import Staff, Team, TeamKey, TeamMembership
from complaints.services import team_key_history
from complaints.services.team_key_history import team_fingerprint

SESSION_KEY = "staff_key"


class Locked(Exception):  # noqa: N818
    """The person holds no key for this. Carries no content."""


def pepper() -> bytes:
    """Return the pepper from the environment (32 bytes)."""
    if not settings.PASSWORD_PEPPER:
        raise ImproperlyConfigured("PASSWORD_PEPPER is not set")
    return bytes.fromhex(settings.PASSWORD_PEPPER)


def peppered(password: str) -> str:
    """Return a keyed digest of a password for Django's own hash, so that a stolen database cannot be searched."""
    return blake2b(password.encode(), person=b"password-hash", key=pepper()).hex()


@dataclass
class Keyring:
    """What a logged-in member of staff can open: their own key, the teams that admitted them, and from there on."""

    staff: Staff | None
    keys: KeySet | None
    _teams: dict[uuid.UUID, KeySet] = field(default_factory=dict, repr=False)
    _rows: dict[uuid.UUID, Team] = field(default_factory=dict, repr=False)
    _older: dict[uuid.UUID, dict[int, KeySet]] = field(default_factory=dict, repr=False)
    _boxes: dict[uuid.UUID, BoxPair] = field(default_factory=dict, repr=False)
    _loaded: bool = False
    _conflicted: set[uuid.UUID] | None = field(default=None, repr=False)

    def has_conflict(self, case_id: uuid.UUID) -> bool:
        """Whether the person stands in a case themselves, so that it does not exist for them."""
        if self._conflicted is None:
            rows = access.conflicted_cases(self.staff).values_list("complaint__case", flat=True)
            self._conflicted = set(rows) if access.may_have_conflicts(self.staff) else set()
        return case_id in self._conflicted

    def forget_conflicts(self) -> None:
        """Ask again who stands in what; after a conflict was written."""
        access.clear_cache(self.staff)
        self._conflicted = None

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
            for membership in access.memberships_of(self.staff):
                self._teams[membership.team_id] = open_membership(membership, self.keys)
                self._rows[membership.team_id] = membership.team
        self._loaded = True
        return self._teams

    def forget(self) -> None:
        """Read the teams' keys again when they are next asked for: one has just changed."""
        self._teams, self._rows, self._older, self._loaded = {}, {}, {}, False
        access.clear_cache(self.staff)

    def team(self, team: Team) -> KeySet:
        """Return the key set of a team.

        Raises:
            Locked: the person was not admitted, or their key is not unlocked.
        """
        try:
            return self._load()[team.pk]
        except KeyError:
            raise Locked(team.slug) from None

    def team_at(self, team_id: uuid.UUID, number: int) -> KeySet:
        """Return key ``number`` of a team (negative counts alike): the one of today, or an older one while it is kept.

        Raises:
            Locked: the person was not admitted, or that key is forgotten.
            SealError: an older key does not open.
        """
        teams = self._load()
        if team_id not in teams:
            raise Locked("team")
        today = self._rows[team_id].key_number
        if abs(number) == today:
            return teams[team_id]
        if team_id not in self._older:
            self._older[team_id] = _older_keys(self._rows[team_id], teams[team_id])
        try:
            return self._older[team_id][abs(number)]
        except KeyError:
            raise Locked("key") from None

    def read_for_team(
        self, team: Team, sealed: Stored, context: Context, *, number: int, sizes: tuple[int, ...] = TEXT_SIZES
    ) -> Any:
        """Open what :func:`seal_for_team` sealed, with key ``number`` of the team; raises Locked, SealError."""
        pair = self.team_at(team.pk, number).box
        return open_record_of(pair, sealed, context, team_key_history.signers(team.slug), sizes=sizes)

    def seal_for_team(self, team: Team, context: Context, body: Any, *, sizes: tuple[int, ...] = TEXT_SIZES) -> bytes:
        """Seal to a team that this ring holds, in the team's own name.

        The row keeps ``team.key_number`` beside it as ``sealed_number``, and is registered in services.resealing_registry so
        that it is sealed again when the team's key changes. ``team`` comes from :func:`pinned_team`.
        """
        return seal_record(bytes(team.public_key), context, body, self.team(team).sign, sizes=sizes)

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
        if self.has_conflict(complaint.case_id):
            raise Locked("conflict")
        return self._granted(complaint, signer_of(complaint), grants)

    def release(self, release: Release, grants: Sequence[KeyGrant] | None = None) -> BoxPair:
        """Return a release's pair; raises :class:`Locked` without a grant to one of the person's teams."""
        if self.has_conflict(release.case_id):
            raise Locked("conflict")
        return self._granted(release, signer_of(release), grants)

    def _granted(self, owner: Complaint | Release, signer: bytes, grants: Sequence[KeyGrant] | None = None) -> BoxPair:
        check_keys(owner, signer)
        if owner.pk not in self._boxes:
            teams = self._load()
            grant = next(
                (grant for grant in (owner.grants.all() if grants is None else grants) if grant.team_id in teams), None
            )
            if grant is None:
                raise Locked("grant")
            self._boxes[owner.pk] = self.granted(grant, owner, signer)
        pair = self._boxes[owner.pk]
        if pair.public != bytes(owner.public_key):
            raise SealError("grant")
        return pair

    def granted(self, grant: KeyGrant, owner: Complaint | Release, signer: bytes) -> BoxPair:
        """Open one grant: as ``signer`` signed it at first, or as the team sealed it again for the same keys."""
        box = self.team_at(grant.team_id, grant.sealed_number).box
        if grant.first_digest is None:
            context = Context("grant", str(owner.pk), str(grant.team_id))
            return BoxPair.from_private(bytes.fromhex(open_record(box, grant.sealed, context, signer, sizes=KEY_SIZES)))
        context = Context("regrant", str(owner.pk), str(grant.team_id))
        known = team_key_history.signers(self._rows[grant.team_id].slug)
        content = open_record_of(box, grant.sealed, context, known, sizes=KEY_SIZES)
        # What the first signature tied together stays together: the pair, the row's other keys, and whose they are.
        if content["keys"] != keys_digest(owner, signer):
            raise SealError("grant")
        return BoxPair.from_private(bytes.fromhex(content["key"]))


def _older_keys(team: Team, today: KeySet) -> dict[int, KeySet]:
    """Return the older keys that are still kept, each sealed to the one after it."""
    found = {team.key_number: today}
    for row in TeamKey.objects.filter(team=team, sealed_previous__isnull=False).order_by("-number"):
        after = found.get(row.number)
        if after is not None:
            context = previous_context(row)
            opened = open_record(after.box, row.sealed_previous or b"", context, after.sign.public, sizes=KEY_SIZES)
            found[row.number - 1] = KeySet.from_bytes(bytes.fromhex(opened))
    return found


def previous_context(row: TeamKey) -> Context:
    """The context that a team's older key, kept under key ``row``, is bound to."""
    return Context("previous-key", str(row.pk), str(row.team_id), row.number)


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
    """Seal a team's private key to the person of ``membership`` (their public key), signed by who admits.

    The team signs for that public key as well: once its own key changes, the new one is sealed to no other.
    """
    context = Context("membership", str(membership.pk), str(membership.team_id))
    public = bytes(membership.staff.public_key or b"")
    membership.sealed_key = seal_record(public, context, team_keys.to_bytes().hex(), signer, sizes=KEY_SIZES)
    membership.admitted_key = signer.public
    membership.certificate = team_keys.sign.sign(membership_statement(membership))
    membership.key_number = membership.team.key_number


def grant_key(*, owner: Complaint | Release, box: BoxPair, team: Team, signer: SignPair) -> KeyGrant:
    """Return an unsaved grant of ``box`` (the pair of ``owner``) to ``team``."""
    context = Context("grant", str(owner.pk), str(team.pk))
    sealed = seal_record(bytes(team.public_key), context, box.private.hex(), signer, sizes=KEY_SIZES)
    place = {"complaint": owner} if isinstance(owner, Complaint) else {"release": owner}
    return KeyGrant(team=team, sealed=sealed, sealed_number=team.key_number, **place)


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


def store_keys(session: Any, keys: KeySet | None) -> None:
    """Keep an unlocked key in the person's sealed session."""
    if keys is None:
        session.pop(SESSION_KEY, None)
    else:
        session[SESSION_KEY] = keys.to_bytes().hex()


def message_context(message: Message, *, kind: str = "message") -> Context:
    """The context that every copy of a message is bound to."""
    return Context(kind, str(message.pk), str(message.complaint_id), message.sequence)


# Public keys tied to their rows by signature, so that whoever writes to the database can put none of their own there.
#
# Holds no private key but what it is given to sign with.


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


def keys_digest(owner: Complaint | Release, signer: bytes) -> str:
    """Return a digest of the public keys in the row of ``owner`` and of who signed them."""
    return blake2b(_keys_of(owner) + signer, person=b"granted keys").hex()


def signer_of(owner: Complaint | Release) -> bytes:
    """Return who must have signed the keys of ``owner``: the reporter, or triage for a release; raises UnpinnedKey."""
    if isinstance(owner, Complaint):
        return bytes(owner.reporter_verify_key)
    return team_key_history.trusted_signer(owner.signer, Team.Kind.TRIAGE)


def membership_statement(membership: TeamMembership) -> bytes:
    """Return what a team signs when it admits a person: whose keys, and for which membership."""
    person = membership.staff
    publics = bytes(person.public_key or b"") + bytes(person.verify_key or b"")
    return b"member" + membership.pk.bytes + membership.team_id.bytes + person.pk.bytes + publics


def is_certified(membership: TeamMembership, team_keys: KeySet) -> bool:
    """Whether the person's public keys are those that the team admitted."""
    try:
        verify(team_keys.sign.public, membership_statement(membership), bytes(membership.certificate or b""))
    except SealError:
        return False
    return True
