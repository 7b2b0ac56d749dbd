"""Opens and seals with the private keys of staff, and ties public keys to their rows by signature.

No other module uses private keys, except services.evidence.worker_key for the job worker's pair and the reporter's own
keys in services.follow_up. A key ring lives as long as a request; it comes from a session that is sealed under its
cookie.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.base import SessionBase
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from complaints import access
from complaints.domain.errors import SealError
from complaints.domain.sealing.keys import KeySet, report_statement
from complaints.domain.sealing.primitives import BoxPair, SignPair, Stored, blake2b, verify
from complaints.domain.sealing.records import (
    JSON,
    KEY_SIZES,
    TEXT_SIZES,
    Context,
    open_record,
    open_record_of,
    seal_record,
)
from complaints.models.case import Case, CaseKind
from complaints.models.complaint import Complaint, KeyGrant, Message
from complaints.models.oversight import Release, ReleasedReport
from complaints.models.team import Staff, Team, TeamKey, TeamMembership
from complaints.services import team_key_history
from complaints.services.audit import log, recorded_accounts
from complaints.services.team_key_history import pinned_teams, team_fingerprint

SESSION_KEY = "staff_key"


class Locked(Exception):
    """The person holds no key for what they asked for. The message is a slug or a kind, never content."""


def pepper() -> bytes:
    """Return the pepper from the environment (32 bytes); raises ImproperlyConfigured without one."""
    if not settings.PASSWORD_PEPPER:
        raise ImproperlyConfigured("PASSWORD_PEPPER is not set")
    return bytes.fromhex(settings.PASSWORD_PEPPER)


def peppered(password: str) -> str:
    """Return the digest (hexadecimal) of a password under the pepper, for Django's own hash.

    Without the pepper a stolen database does not allow passwords to be guessed.
    """
    return blake2b(password.encode(), person=b"password-hash", key=pepper()).hex()


@dataclass
class Keyring:
    """What a signed-in member of staff can open: with their key the keys of their teams, with those the grants."""

    staff: Staff | None
    keys: KeySet | None
    _teams: dict[uuid.UUID, KeySet] = field(default_factory=dict, repr=False)
    _rows: dict[uuid.UUID, Team] = field(default_factory=dict, repr=False)
    _older: dict[uuid.UUID, dict[int, KeySet]] = field(default_factory=dict, repr=False)
    _boxes: dict[uuid.UUID, BoxPair] = field(default_factory=dict, repr=False)
    _loaded: bool = False
    _conflicted: set[uuid.UUID] | None = field(default=None, repr=False)

    def has_conflict(self, case_id: uuid.UUID) -> bool:
        """Whether the person has a conflict of interest in a case, which then does not exist for them."""
        if self._conflicted is None:
            rows = access.conflicted_cases(self.staff).values_list("case", flat=True)
            self._conflicted = set(rows) if access.may_have_conflicts(self.staff) else set()
        return case_id in self._conflicted

    def forget_conflicts(self) -> None:
        """Read the person's conflicts again at the next use; called after a conflict was written."""
        access.clear_cache(self.staff)
        self._conflicted = None

    @property
    def unlocked(self) -> bool:
        """Whether the password has opened the person's key in this session."""
        return self.keys is not None

    @property
    def signer(self) -> SignPair | None:
        """The person's Ed25519 pair, which signs audit entries; None where they hold none."""
        return self.keys.sign if self.keys else None

    def _load_teams(self) -> dict[uuid.UUID, KeySet]:
        if not self._loaded and self.keys and self.staff:
            for membership in access.access_facts(self.staff).memberships:
                self._teams[membership.team_id] = open_membership(membership, self.keys)
                self._rows[membership.team_id] = membership.team
        self._loaded = True
        return self._teams

    def forget(self) -> None:
        """Read the teams' keys again at the next use; called after a team's key changed."""
        self._teams, self._rows, self._older, self._loaded = {}, {}, {}, False
        access.clear_cache(self.staff)

    def team(self, team: Team) -> KeySet:
        """Return the current key set of a team.

        Raises:
            Locked: the person was not admitted, or their key is not unlocked.
        """
        try:
            return self._load_teams()[team.pk]
        except KeyError:
            raise Locked(team.slug) from None

    def row_of(self, slug: str) -> Team:
        """Return the row of a team whose key this ring holds, without a query; what opens has to be signed by a pin."""
        self._load_teams()
        try:
            return next(row for row in self._rows.values() if row.slug == slug)
        except StopIteration:
            raise Locked(slug) from None

    def keys_of(self, slug: str) -> KeySet:
        """Return the current key set of a pinned team by its slug; raises as :meth:`team`, and UnpinnedKey."""
        return self.team(pinned_teams(slug)[slug])

    @property
    def report_team(self) -> Team.Kind:
        """The team whose reports concern the person (``access.report_team``); it is the slug of its key as well."""
        return access.report_team(self.staff)

    def team_at(self, team_id: uuid.UUID, number: int) -> KeySet:
        """Return key ``number`` of a team: the current one, or an older one while it is kept.

        A negative number names the same key: rows that could not be sealed again carry it so.

        Raises:
            Locked: the person was not admitted, or that key was deleted.
            SealError: an older key does not open.
        """
        teams = self._load_teams()
        if team_id not in teams:
            raise Locked("team")
        if abs(number) == self._rows[team_id].key_number:
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

    def seal_for_team(
        self, team: Team, context: Context, body: object, *, sizes: tuple[int, ...] = TEXT_SIZES
    ) -> bytes:
        """Seal ``body`` (JSON) to a team whose key this ring holds, signed with the team's key; raises Locked.

        The row keeps ``team.key_number`` as ``sealed_number`` and is registered in services.resealing_registry, so that
        it is sealed again when the team's key changes. ``team`` comes from :func:`pinned_team`.
        """
        return seal_record(bytes(team.public_key), context, body, self.team(team).sign, sizes=sizes)

    @property
    def team_ids(self) -> list[uuid.UUID]:
        """The ids of the teams whose key this ring holds."""
        return list(self._load_teams())

    def complaint(self, complaint: Complaint, grants: Sequence[KeyGrant] | None = None) -> BoxPair:
        """Return the X25519 pair of a complaint.

        Every path to a complaint's content passes here, so this check enforces the conflict lock: the team holds the
        key, but it is not used for a person with a conflict of interest in the case.

        Services call this before they seal to the complaint or its reporter: a pair that opens and matches the row
        shows that none of the row's public keys was replaced.

        Raises:
            Locked: the person has a conflict of interest in the case, or none of their teams has a grant.
            SealError: a public key in the row is not the one that was signed.
        """
        if self.has_conflict(complaint.case_id):
            raise Locked("conflict")
        return self._pair_of(complaint, signer_of(complaint), grants)

    def release(self, release: Release, grants: Sequence[KeyGrant] | None = None) -> BoxPair:
        """Return the X25519 pair of a release; raises as :meth:`complaint`, and UnpinnedKey for a foreign signer."""
        if self.has_conflict(release.case_id):
            raise Locked("conflict")
        return self._pair_of(release, signer_of(release), grants)

    def _pair_of(self, owner: Complaint | Release, signer: bytes, grants: Sequence[KeyGrant] | None = None) -> BoxPair:
        check_keys(owner, signer)
        if owner.pk not in self._boxes:
            teams = self._load_teams()
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
        """Open a grant as ``signer`` first sealed it, or as the team sealed it again; raises Locked, SealError."""
        box = self.team_at(grant.team_id, grant.sealed_number).box
        if grant.first_digest is None:
            context = Context("grant", str(owner.pk), str(grant.team_id))
            return BoxPair.from_private(bytes.fromhex(open_record(box, grant.sealed, context, signer, sizes=KEY_SIZES)))
        context = Context("regrant", str(owner.pk), str(grant.team_id))
        team_signers = team_key_history.signers(self._rows[grant.team_id].slug)
        content = open_record_of(box, grant.sealed, context, team_signers, sizes=KEY_SIZES)
        # The team signs for the same public keys and the same first signer as the original grant did.
        if content["keys"] != keys_digest(owner, signer):
            raise SealError("grant")
        return BoxPair.from_private(bytes.fromhex(content["key"]))


@dataclass(frozen=True)
class Actor:
    """A member of staff in one request; ``now`` is an aware datetime and the same throughout the request."""

    keyring: Keyring
    now: datetime

    @property
    def staff(self) -> Staff:
        """The signed-in person; raises Locked where nobody is signed in."""
        if self.keyring.staff is None:
            raise Locked("staff")
        return self.keyring.staff

    @property
    def today(self) -> date:
        """The day of ``now`` in the portal's time zone."""
        return timezone.localdate(self.now)

    def record(
        self,
        event: str,
        *,
        case: uuid.UUID | None = None,
        subject: uuid.UUID | None = None,
        facts: Mapping[str, object] | None = None,
    ) -> None:
        """Append an entry to the audit chain, signed with the person's key; arguments and errors as ``log.append``."""
        signer = self.keyring.signer
        log.append(event=event, now=self.now, actor=self.staff, signer=signer, case=case, subject=subject, facts=facts)


def _older_keys(team: Team, current: KeySet) -> dict[int, KeySet]:
    """Return by number the team's keys that are still kept; each is sealed to its successor."""
    keys = {team.key_number: current}
    for row in TeamKey.objects.filter(team=team, sealed_previous__isnull=False).order_by("-number"):
        successor = keys.get(row.number)
        if successor is not None:
            sealed, context = row.sealed_previous or b"", previous_context(row)
            secret = open_record(successor.box, sealed, context, successor.sign.public, sizes=KEY_SIZES)
            keys[row.number - 1] = KeySet.from_bytes(bytes.fromhex(secret))
    return keys


def previous_context(row: TeamKey) -> Context:
    """Return the context of the team's older key that is sealed to key ``row``."""
    return Context("previous-key", str(row.pk), str(row.team_id), row.number)


def open_membership(membership: TeamMembership, keys: KeySet) -> KeySet:
    """Open a team's private key with a member's; raises SealError where it was not sealed for this person."""
    context = Context("membership", str(membership.pk), str(membership.team_id))
    signer = bytes(membership.admitted_key or b"")
    secret = open_record(keys.box, membership.sealed_key or b"", context, signer, sizes=KEY_SIZES)
    team_keys = KeySet.from_bytes(bytes.fromhex(secret))
    # Any key could have signed the admission; only the team's true key inside it proves it.
    if team_keys.fingerprint != team_fingerprint(membership.team):
        raise SealError("membership")
    return team_keys


def seal_membership(membership: TeamMembership, team_keys: KeySet, signer: SignPair) -> None:
    """Seal a team's private key to the public key of the person of ``membership``, signed by the admitting person.

    The team's key signs that public key as well, so that a rotation seals the next team key to no other one.
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
    owner_field = {"complaint": owner} if isinstance(owner, Complaint) else {"release": owner}
    return KeyGrant(team=team, sealed=sealed, sealed_number=team.key_number, **owner_field)


def keyring_of(user: Staff | AnonymousUser, session: SessionBase) -> Keyring:
    """Return the key ring of a signed-in person from their sealed session; an empty one for everybody else."""
    if not isinstance(user, Staff):
        return Keyring(None, None)
    secret = session.get(SESSION_KEY)
    if not secret:
        return Keyring(user, None)
    keys = KeySet.from_bytes(bytes.fromhex(secret))
    # A retired or replaced key must not sign in a session that is older than the change.
    if bytes(user.public_key or b"") != keys.box.public:
        return Keyring(user, None)
    return Keyring(user, keys)


def keys_from(secret: str) -> KeySet | None:
    """Return the key set whose private bytes a sealed session holds in hexadecimal; None for ""."""
    return KeySet.from_bytes(bytes.fromhex(secret)) if secret else None


def store_keys(session: SessionBase, keys: KeySet | None) -> None:
    """Store an unlocked key in the person's sealed session; None removes it."""
    if keys is None:
        session.pop(SESSION_KEY, None)
    else:
        session[SESSION_KEY] = keys.to_bytes().hex()


def message_context(message: Message, *, kind: str = "message") -> Context:
    """Return the context of a copy of a message; ``kind`` names the copy (message, to-reporter, to-release).

    A body signs a question before the office passes it on, and its place in the thread is known only then.
    """
    is_question = message.direction == Message.Direction.BODY_QUESTION
    return Context(kind, str(message.pk), str(message.complaint_id), 0 if is_question else message.sequence)


def team_of(message: Message, holder: str) -> str:
    """Return the slug of the team that must have signed a message: no team can write in another's name.

    ``holder`` is the slug of the team that holds the report.
    """
    if message.direction == Message.Direction.TO_REPORTER:
        return holder
    if message.release is None:
        raise team_key_history.UnpinnedKey("release")
    return f"body-{message.release.body_id}"


def read_answers(pair: BoxPair, complaint: Complaint) -> dict[str, JSON]:
    """Return the answers of a report as its reporter sent and signed them; raises SealError."""
    context = Context("answers", str(complaint.pk), str(complaint.pk))
    return dict(open_record(pair, complaint.sealed_answers, context, bytes(complaint.reporter_verify_key)))


def told_context(row: ReleasedReport) -> Context:
    """Return the context of what a reporter is told of a release."""
    return Context("release-told", str(row.pk), str(row.complaint_id), row.number)


# --- Signatures over public keys: write access to the database does not allow a key to be replaced --------------------


def _key_statement(owner: Complaint | Release) -> bytes:
    if isinstance(owner, Complaint):
        return report_statement(owner)
    body = owner.body_id.encode()
    # The first epoch of the key, which closes nothing: a handover to another body would begin the next.
    epoch, closes = (1).to_bytes(4, "big"), bytes(32)
    place = owner.pk.bytes + owner.case_id.bytes + epoch + len(body).to_bytes(2, "big") + body
    return b"release key 2" + place + bytes(owner.public_key) + closes


def bind_keys(owner: Complaint | Release, signer: SignPair) -> None:
    """Sign the public keys in the row of ``owner``."""
    owner.key_signature = signer.sign(_key_statement(owner))


def check_keys(owner: Complaint | Release, signer: Stored) -> None:
    """Verify that ``signer`` signed the public keys in the row of ``owner``; called before anything is sealed to them.

    Raises:
        SealError: a key was replaced.
    """
    verify(bytes(signer), _key_statement(owner), bytes(owner.key_signature))


def is_kind_as_sent(complaint: Complaint, case: Case) -> bool:
    """Whether a case is an inquiry or a report by its row as its complaint is; the sender signed that, not the kind."""
    return (complaint.channel == Complaint.Channel.INQUIRY) == (case.kind == CaseKind.INQUIRY)


def keys_digest(owner: Complaint | Release, signer: bytes) -> str:
    """Return a digest (hexadecimal) of the public keys in the row of ``owner`` and of their signer."""
    return blake2b(_key_statement(owner) + signer, person=b"granted keys").hex()


def signer_of(owner: Complaint | Release) -> bytes:
    """Return the key that must have signed the keys of ``owner``: the reporter's, or for a release its team's.

    Raises:
        UnpinnedKey: a release names a signer that is no key of the team that holds its case.
    """
    if isinstance(owner, Complaint):
        return bytes(owner.reporter_verify_key)
    return team_key_history.trusted_signer(owner.signer, owner.case.held_by)


def membership_statement(membership: TeamMembership) -> bytes:
    """Return the bytes that a team signs when it admits a person: the membership, the person and their public keys."""
    person = membership.staff
    publics = bytes(person.public_key or b"") + bytes(person.verify_key or b"")
    return b"member" + membership.pk.bytes + membership.team_id.bytes + person.pk.bytes + publics


def require_admission(keyring: Keyring) -> None:
    """Make sure that a team that reports are sealed to has certified this person's keys; opens no key of the team.

    Raises Locked without an admission, UnpinnedKey for a team of somebody else's, SealError for a forged membership.
    """
    person = keyring.staff
    facts = access.access_facts(person) if person else None
    slug = facts.report_team if facts else Team.Kind.TRIAGE
    team, memberships = pinned_teams(slug)[slug], facts.memberships if facts else ()
    membership = next((row for row in memberships if row.team_id == team.pk), None)
    if membership is None or person is None:
        raise Locked(slug)
    membership.staff = person
    verify(bytes(team.verify_key), membership_statement(membership), bytes(membership.certificate or b""))


def is_key_of(person: uuid.UUID, signer: bytes) -> bool:
    """Whether ``signer`` is a person's key, certified by a pinned team; of somebody who left, as the server recorded.

    A membership that ended has no certificate any more, and a new key has another one.
    """
    rows = TeamMembership.objects.filter(staff=person, certificate__isnull=False, staff__verify_key=signer)
    for row in rows.select_related("staff", "team"):
        statement, certificate = membership_statement(row), bytes(row.certificate or b"")
        if any(_is_signed(by, statement, certificate) for by in team_key_history.signers(row.team.slug)):
            return True
    return recorded_accounts.was_key_of(person, signer)


def _is_signed(signer: bytes, statement: bytes, signature: bytes) -> bool:
    try:
        verify(signer, statement, signature)
    except SealError:
        return False
    return True


def is_certified(membership: TeamMembership, team_keys: KeySet) -> bool:
    """Whether the person's public keys are those that the team signed at the admission."""
    statement, certificate = membership_statement(membership), bytes(membership.certificate or b"")
    return _is_signed(team_keys.sign.public, statement, certificate)
