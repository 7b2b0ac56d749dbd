"""Creates teams with their recovery halves, and admits members: a member gives the team's key to another person."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Min

from complaints import access
from complaints.domain.errors import Refused, SealError
from complaints.domain.sealing import keys as keysets
from complaints.domain.sealing.keys import KeySet
from complaints.domain.sealing.primitives import KEY_BYTES, blake2b, verify
from complaints.domain.sealing.records import KEY_SIZES, Context, seal_record
from complaints.models.oversight import OversightBody
from complaints.models.team import Staff, Team, TeamKey, TeamMembership
from complaints.services.audit import log, recorded_accounts
from complaints.services.audit.state import change_facts, state_of
from complaints.services.keyring import Actor, Keyring, Locked, seal_membership
from complaints.services.team_key_history import team_fingerprint
from complaints.services.team_keys import personal


class AdmissionRefused(Refused):
    """An admission, or its end, is refused; ``code`` is the reason.

    no_key, fingerprint, role, self, admitted, members, elsewhere (holds a key of another team), last (nobody else holds
    the team's key), changed (the team's key was changed in between), record (the account is not as the chain records
    it), gone (the person is not a member any more). Of a request to remove somebody: asked (there is one), decided (it
    does not wait any more), second (this person may not judge it), asked_by (somebody else asked), asker (who asked is
    no member any more), waits (the alarm is not over). Of a recovery: team, person (there is none of this name),
    keepers (the team has no recovery halves), answers (they do not give its key).
    """


@transaction.atomic
def make_team(
    *,
    slug: str,
    kind: str,
    members: Sequence[Staff],
    recovery: tuple[bytes, bytes],
    now: datetime,
    body: OversightBody | None = None,
) -> Team:
    """Create a team: draw its key, seal it to at least two first members, and split it over two recovery public keys.

    ``recovery`` are two X25519 public keys (32 bytes each), whose holders can restore the team's key together. Raises
    AdmissionRefused(members, no_key, role).
    """
    if len({member.pk for member in members}) < 2:
        raise AdmissionRefused("members")
    if not all(member.has_key for member in members):
        raise AdmissionRefused("no_key")
    if not all(access.may_join(member, Team(slug=slug, kind=kind, body=body)) for member in members):
        raise AdmissionRefused("role")
    if any(belongs_elsewhere(member, Team(slug=slug)) for member in members):
        raise AdmissionRefused("elsewhere")
    keys = KeySet.new()
    team = Team(slug=slug, kind=kind, body=body, public_key=keys.box.public, verify_key=keys.sign.public)
    store_recovery(team, keys, recovery)
    team.save(force_insert=True)
    TeamKey(team=team, number=1, public_key=keys.box.public, verify_key=keys.sign.public, made_at=now).save(
        force_insert=True
    )
    facts = {"team": slug, "key": keys.fingerprint.replace(" ", ""), "recovery": recovery_digest(team)}
    facts |= change_facts(team, "team", before="")
    log.append(event="team.made", now=now, subject=team.pk, facts=facts)
    for member in members:
        membership = TeamMembership(team=team, staff=member, admitted_at=now)
        before = state_of(team, "team")
        seal_membership(membership, keys, keys.sign)
        membership.save(force_insert=True)
        facts = {"team": slug, "staff": str(member.pk), **change_facts(team, "team", before=before)}
        log.append(event="team.admitted", now=now, subject=team.pk, facts=facts)
    return team


@transaction.atomic
def ask_admission(*, staff: Staff, team: Team, by: Staff, actor: Actor) -> TeamMembership:
    """Create a membership that a member of the team has to admit; raises AdmissionRefused(role, elsewhere)."""
    # Lock order of every change of a team's key: the team before the audit chain.
    team = Team.objects.select_for_update(of=("self",)).select_related("body").get(pk=team.pk)
    if not access.may_join(staff, team):
        raise AdmissionRefused("role")
    if belongs_elsewhere(staff, team):
        raise AdmissionRefused("elsewhere")
    before = state_of(team, "team")
    membership, created = TeamMembership.objects.get_or_create(team=team, staff=staff, left_at=None)
    if created:
        signer = actor.keyring.signer
        personal.record_waiting(staff=staff, team=team, before=before, now=actor.now, by=by, signer=signer)
    return membership


@transaction.atomic
def admit(*, actor: Actor, membership_id: uuid.UUID, fingerprint: str) -> None:
    """Seal the team's key to a person whose fingerprint the admitting member has compared in person and entered.

    Raises AdmissionRefused, and Locked where the admitting person does not hold the team's key.
    """
    team = Team.objects.select_for_update().get(memberships=membership_id)
    membership = (
        TeamMembership.objects.select_for_update(of=("self",)).select_related("staff", "team").get(pk=membership_id)
    )
    person = membership.staff
    if actor.keyring.signer is None:
        raise Locked(membership.team.slug)
    _check_admission(membership, actor.staff)
    if not keysets.same_fingerprint(
        fingerprint, keysets.fingerprint(person.public_key or b"", person.verify_key or b"")
    ):
        raise AdmissionRefused("fingerprint")
    if not recorded_accounts.account_is_recorded(person.pk):
        raise AdmissionRefused("record")
    team_keys, before = current_keys(actor.keyring, team), state_of(team, "team")
    seal_membership(membership, team_keys, actor.keyring.signer)
    membership.admitted_by, membership.admitted_at = actor.staff, actor.now
    membership.save()
    facts = {"team": team.slug, "staff": str(person.pk), **change_facts(team, "team", before=before)}
    actor.record("team.admitted", subject=team.pk, facts=facts)


def _check_admission(membership: TeamMembership, by: Staff) -> None:
    person, team = membership.staff, membership.team
    if membership.sealed_key:
        raise AdmissionRefused("admitted")
    if person.pk == by.pk:
        raise AdmissionRefused("self")
    if not person.has_key:
        raise AdmissionRefused("no_key")
    if membership.left_at or not access.may_join(person, team):
        raise AdmissionRefused("role")
    if holds_elsewhere(person, team):
        raise AdmissionRefused("elsewhere")


def current_keys(keyring: Keyring, team: Team) -> KeySet:
    """Return the key set of a team whose row is locked; raises Locked, and AdmissionRefused(changed).

    The latter says that another member changed the key after this key ring was read.
    """
    keys = keyring.team(team)
    if keys.fingerprint != team_fingerprint(team):
        raise AdmissionRefused("changed")
    return keys


def holds_elsewhere(staff: Staff, team: Team) -> bool:
    """Whether a person holds, or may have copied, a key of another team that still opens a row.

    Nobody may hold the keys of two teams: triage must not open what the separate team holds, nor the other way round,
    and releasing a reporter's name takes two people of two teams.
    """
    others = TeamMembership.objects.filter(staff=staff, key_number__isnull=False).exclude(team=team)
    return any((row.key_number or 0) >= oldest_kept(row.team) for row in others.select_related("team"))


def belongs_elsewhere(staff: Staff, team: Team) -> bool:
    """Whether a person is in another team, waits for its admission, or is as :func:`holds_elsewhere` says."""
    current = TeamMembership.objects.filter(staff=staff, left_at=None).exclude(team=team.pk)
    return current.exists() or holds_elsewhere(staff, team)


def oldest_kept(team: Team) -> int:
    """Return the number of the oldest key of a team to which a row may still be sealed."""
    oldest = team.keys.filter(sealed_previous__isnull=False).aggregate(oldest=Min("number"))["oldest"]
    return (oldest - 1) if oldest else team.key_number


def store_recovery(team: Team, keys: KeySet, recovery: tuple[bytes, bytes]) -> None:
    """Split a team's key over two recovery public keys, and sign these for the next rotation; the team is not saved."""
    halves = keysets.split(keys.to_bytes())
    context = Context("recovery", str(team.pk), str(team.pk), team.key_number - 1)
    team.recovery_a, team.recovery_b = (
        seal_record(public, context, half.hex(), keys.sign, sizes=KEY_SIZES)
        for public, half in zip(recovery, halves, strict=True)
    )
    team.recovery_keys = b"".join(recovery)
    team.recovery_signature = keys.sign.sign(_recovery_statement(team))


def renew_recovery(team: Team, old: KeySet, new: KeySet) -> bool:
    """Split a new team key over the same recovery public keys.

    Return False, and the team then has no recovery, where ``old`` has not signed the stored recovery keys.
    """
    public_keys = bytes(team.recovery_keys or b"")
    try:
        verify(old.sign.public, _recovery_statement(team), bytes(team.recovery_signature or b""))
    except SealError:
        public_keys = b""
    if len(public_keys) != 2 * KEY_BYTES:
        team.recovery_a = team.recovery_b = team.recovery_keys = team.recovery_signature = None
        return False
    store_recovery(team, new, (public_keys[:KEY_BYTES], public_keys[KEY_BYTES:]))
    return True


def _recovery_statement(team: Team) -> bytes:
    return b"recovery keys" + team.pk.bytes + bytes(team.recovery_keys or b"")


def recovery_digest(team: Team) -> str:
    """Return a digest (hexadecimal) of the two recovery public keys, for the audit chain; "" where there are none."""
    return blake2b(bytes(team.recovery_keys), person=b"fingerprint", size=16).hex() if team.recovery_keys else ""
