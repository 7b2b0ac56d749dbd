"""Who holds keys: people's own, teams' and their recovery, admission of a member by a member."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from complaints import access
from complaints.domain.sealing import keys as keysets
from complaints.domain.sealing.keys import KeySet
from complaints.domain.sealing.primitives import SealError
from complaints.domain.sealing.records import KEY_SIZES, Context, seal_record
from complaints.models.oversight import OversightBody
from complaints.models.team import Staff, Team, TeamMembership
from complaints.services import audit, vault
from complaints.services.vault import Keyring, Locked


class AdmissionRefused(Exception):  # noqa: N818
    """An admission that must not be; ``code`` says why: no_key, fingerprint, role, self, admitted."""

    def __init__(self, code: str) -> None:
        """Keep the code."""
        self.code = code
        super().__init__(code)


def fingerprint(staff: Staff) -> str:
    """Return the fingerprint of a person's key, to be compared in person; empty without a key."""
    if not staff.public_key or not staff.verify_key:
        return ""
    return keysets.fingerprint(staff.public_key, staff.verify_key)


def unlock(*, staff: Staff, password: str) -> KeySet | None:
    """Open a person's key with their password; None where there is no key or it was made under another."""
    if not staff.wrapped_key:
        return None
    try:
        secret = keysets.unwrap(staff.wrapped_key, password=password, pepper=vault.pepper(), owner=staff.pk.bytes)
    except SealError:
        return None
    return KeySet.from_bytes(secret)


def _wrap(staff: Staff, keys: KeySet, password: str) -> None:
    staff.wrapped_key = keysets.wrap(
        keys.to_bytes(),
        password=password,
        pepper=vault.pepper(),
        owner=staff.pk.bytes,
        opslimit=settings.KEY_WRAP_OPSLIMIT,
        memlimit=settings.KEY_WRAP_MEMLIMIT,
    )


@transaction.atomic
def change_password(
    *, staff: Staff, password: str, keyring: Keyring | None = None, now: datetime | None = None
) -> None:
    """Set a person's own password.

    With their key unlocked, the same key is wrapped anew and every admission stays. Without it a new key is made, the
    old one is retired, and another member must admit the person again; no case is lost.
    """
    now = now or timezone.now()
    staff.set_password(password)
    staff.must_change_password = False
    if keyring is not None and keyring.keys is not None and keyring.staff == staff:
        _wrap(staff, keyring.keys, password)
        staff.save()
        return
    _retire(staff, now)
    keys = KeySet.new()
    staff.public_key, staff.verify_key = keys.box.public, keys.sign.public
    _wrap(staff, keys, password)
    staff.save()
    facts = {"staff": str(staff.pk), "verify_key": keys.sign.public.hex()}
    audit.append(event="staff.key_made", now=now, actor=staff, facts=facts)


@transaction.atomic
def set_initial_password(*, staff: Staff, password: str, now: datetime) -> None:
    """Give a person a first or a reset password that somebody else knows: no key is made under it, the old one ends."""
    staff.set_password(password)
    staff.must_change_password = True
    _retire(staff, now)
    staff.save()


def _retire(staff: Staff, now: datetime) -> None:
    if staff.public_key:
        TeamMembership.objects.filter(staff=staff).update(
            sealed_key=None, admitted_by=None, admitted_key=None, admitted_at=None
        )
        audit.append(event="staff.key_retired", now=now, actor=staff, facts={"staff": str(staff.pk)})
    staff.public_key = staff.verify_key = staff.wrapped_key = None


def record_login(*, staff: Staff) -> None:
    """Write a sign-in into the chain."""
    audit.append(event="staff.signed_in", now=timezone.now(), actor=staff, facts={"staff": str(staff.pk)})


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
    """Make a team's key, give it to at least two first members, and its halves to two recovery public keys.

    Raises:
        AdmissionRefused: fewer than two members, a member without a key, or with another role.
    """
    if len({member.pk for member in members}) < 2:
        raise AdmissionRefused("members")
    if not all(member.has_key for member in members):
        raise AdmissionRefused("no_key")
    if not all(access.may_join(member, Team(slug=slug, kind=kind, body=body)) for member in members):
        raise AdmissionRefused("role")
    keys = KeySet.new()
    team = Team(slug=slug, kind=kind, body=body, public_key=keys.box.public, verify_key=keys.sign.public)
    halves = keysets.split(keys.to_bytes())
    context = Context("recovery", str(team.pk), str(team.pk))
    sealed = [
        seal_record(key, context, half.hex(), keys.sign, sizes=KEY_SIZES)
        for key, half in zip(recovery, halves, strict=True)
    ]
    team.recovery_a, team.recovery_b = sealed
    team.save(force_insert=True)
    audit.append(event="team.made", now=now, facts={"team": slug, "key": keys.fingerprint.replace(" ", "")})
    for member in members:
        membership = TeamMembership(team=team, staff=member, admitted_at=now)
        vault.seal_membership(membership, keys, keys.sign)
        membership.save(force_insert=True)
        facts = {"team": slug, "staff": str(member.pk)}
        audit.append(event="team.admitted", now=now, facts=facts)
    return team


@transaction.atomic
def ask_admission(*, staff: Staff, team: Team, by: Staff, keyring: Keyring, now: datetime) -> TeamMembership:
    """Put a person forward for a team; a member has to admit them. Raises AdmissionRefused(role)."""
    if not access.may_join(staff, team):
        raise AdmissionRefused("role")
    membership, created = TeamMembership.objects.get_or_create(team=team, staff=staff)
    if created:
        facts = {"team": team.slug, "staff": str(staff.pk)}
        audit.append(event="team.asked", now=now, actor=by, signer=keyring.signer, facts=facts)
    return membership


@transaction.atomic
def admit(*, keyring: Keyring, membership_id: uuid.UUID, fingerprint: str, now: datetime) -> None:
    """Give the team's key to a person whose fingerprint was compared in person, and typed here.

    Raises:
        AdmissionRefused: the person has no key yet, another fingerprint, another role, is the admitting one, or is in.
        Locked: the admitting person does not hold the team's key.
    """
    membership = (
        TeamMembership.objects.select_for_update(of=("self",)).select_related("staff", "team").get(pk=membership_id)
    )
    person = membership.staff
    if membership.sealed_key:
        raise AdmissionRefused("admitted")
    if keyring.staff is None or keyring.signer is None:
        raise Locked(membership.team.slug)
    if person.pk == keyring.staff.pk:
        raise AdmissionRefused("self")
    if not person.has_key:
        raise AdmissionRefused("no_key")
    if not access.may_join(person, membership.team):
        raise AdmissionRefused("role")
    if not keysets.same_fingerprint(
        fingerprint, keysets.fingerprint(person.public_key or b"", person.verify_key or b"")
    ):
        raise AdmissionRefused("fingerprint")
    team_keys = keyring.team(membership.team)
    vault.seal_membership(membership, team_keys, keyring.signer)
    membership.admitted_by, membership.admitted_at = keyring.staff, now
    membership.save()
    facts = {"team": membership.team.slug, "staff": str(person.pk)}
    audit.append(event="team.admitted", now=now, actor=keyring.staff, signer=keyring.signer, facts=facts)
