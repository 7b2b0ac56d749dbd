"""Personal keys of staff: drawn and wrapped with the password, retired when somebody else sets the password."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from complaints.domain.errors import SealError
from complaints.domain.sealing import keys as keysets
from complaints.domain.sealing.keys import KeySet
from complaints.domain.sealing.primitives import SignPair
from complaints.models.sign_in import SigninCount
from complaints.models.team import Staff, Team, TeamMembership
from complaints.services import account_confirmation, kept_forms, mfa, password_hashing, sessions, signin_counts
from complaints.services.account_confirmation import Cause
from complaints.services.audit import log
from complaints.services.audit.state import change_facts, locked_state, state_of
from complaints.services.keyring import Keyring, pepper


def fingerprint(staff: Staff) -> str:
    """Return the fingerprint of a person's public keys, to be compared in person; "" without a key."""
    if not staff.public_key or not staff.verify_key:
        return ""
    return keysets.fingerprint(staff.public_key, staff.verify_key)


def unlock(*, staff: Staff, password: str) -> KeySet | None:
    """Unwrap a person's key with their password; None where there is no key or the password does not open it.

    Raises password_hashing.Busy.
    """
    if not staff.wrapped_key:
        return None
    try:
        with password_hashing.place():
            secret = keysets.unwrap(staff.wrapped_key, password=password, pepper=pepper(), owner=staff.pk.bytes)
    except SealError:
        return None
    return KeySet.from_bytes(secret)


def _wrap(staff: Staff, keys: KeySet, password: str) -> None:
    with password_hashing.place():
        staff.wrapped_key = keysets.wrap(
            keys.to_bytes(),
            password=password,
            pepper=pepper(),
            owner=staff.pk.bytes,
            opslimit=settings.KEY_WRAP_OPSLIMIT,
            memlimit=settings.KEY_WRAP_MEMLIMIT,
        )


@transaction.atomic
def change_password(
    *, staff: Staff, password: str, keyring: Keyring | None = None, now: datetime | None = None
) -> None:
    """Set the password that a person chose.

    If ``keyring`` holds their unlocked key, this key is wrapped again and every admission stays. Otherwise the old key
    is retired and a new one drawn, and a member must admit the person again; no case is lost, since teams hold grants.
    Whoever has signed in before is told of it. Raises password_hashing.Busy.
    """
    now, before, was_used = now or timezone.now(), locked_state(staff, "staff"), _was_used(staff)
    staff.set_password(password)
    staff.must_change_password = False
    if keyring is not None and keyring.keys is not None and keyring.staff == staff:
        _wrap(staff, keyring.keys, password)
        staff.save()
        record_change(staff=staff, change="password", before=before, now=now, by=staff, signer=keyring.signer)
    else:
        _draw_key(staff, password, before=before, now=now)
    if was_used:
        signin_counts.note_change(staff=staff, kind=SigninCount.Kind.PASSWORD_CHANGED, now=now)


def _draw_key(staff: Staff, password: str, *, before: str, now: datetime) -> None:
    _retire(staff, now)
    keys = KeySet.new()
    staff.public_key, staff.verify_key = keys.box.public, keys.sign.public
    _wrap(staff, keys, password)
    staff.save()
    facts = {"staff": str(staff.pk), "verify_key": keys.sign.public.hex()}
    facts |= change_facts(staff, "staff", before=before)
    log.append(event="staff.key_made", now=now, actor=staff, subject=staff.pk, facts=facts)


def _was_used(staff: Staff) -> bool:
    """Whether somebody has signed in to an account or had a key there.

    The chain counts beside the columns: with ``last_login`` cleared in the database, a reset would need nobody else.
    """
    return staff.has_key or staff.last_login is not None or bool(log.last_entry_about(staff.pk, "staff.key_made"))


@transaction.atomic
def set_initial_password(
    *,
    staff: Staff,
    password: str,
    now: datetime,
    change: str = "password",
    by: Staff | None = None,
    signer: SignPair | None = None,
) -> None:
    """Set a first or reset password that somebody else knows, end all sessions and retire the key; none is drawn.

    A new account is saved here. ``change``, ``by`` and ``signer`` are as for :func:`record_change`.

    App and recovery codes were sealed to that key and end with it. An account that was in use already stays closed
    until an administrator other than ``by`` has confirmed it; ``by`` is None for a command on the server. Raises
    password_hashing.Busy.
    """
    before = locked_state(staff, "staff")
    was_used = _was_used(staff)
    staff.set_password(password)
    staff.must_change_password = True
    _retire(staff, now)
    staff.save()
    record_change(staff=staff, change=change, before=before, now=now, by=by, signer=signer)
    if was_used:
        account_confirmation.ask(staff=staff, cause=Cause.PASSWORD, by=by, signer=signer, now=now)
        signin_counts.note_change(staff=staff, kind=SigninCount.Kind.PASSWORD_RESET, now=now)
    sessions.end_sessions(staff=staff, now=now)


@transaction.atomic
def create_account(staff: Staff, *, now: datetime) -> Staff:
    """Save a new account without a password, at the server's terminal, and record it."""
    staff.save(force_insert=True)
    record_change(staff=staff, change="made", before="", now=now)
    return staff


def record_change(
    *,
    staff: Staff,
    change: str,
    before: str,
    now: datetime,
    by: Staff | None = None,
    signer: SignPair | None = None,
) -> None:
    """Record what an account is after a change, in the transaction that saved it.

    Args:
        change: the code of what changed: made, changed, password, own_data.
        before: the state before the change, from ``locked_state``; "" for a new account.
        by: who changed it; None for the server's terminal, whose entry the server's key signs.
    """
    facts: dict[str, object] = {"staff": str(staff.pk), "role": staff.role, "active": int(staff.is_active)}
    facts |= {"change": change, **change_facts(staff, "staff", before=before)}
    log.append(event="staff.changed", now=now, actor=by, signer=signer, subject=staff.pk, facts=facts)


def _retire(staff: Staff, now: datetime) -> None:
    """Retire a person's key without saving the row: every admission waits again for a member of its team."""
    if staff.public_key:
        rows = TeamMembership.objects.filter(staff=staff, left_at=None)
        teams = [
            (team, locked_state(team, "team")) for team in Team.objects.filter(memberships__in=rows).order_by("pk")
        ]
        rows.update(sealed_key=None, admitted_by=None, admitted_key=None, admitted_at=None, certificate=None)
        log.append(event="staff.key_retired", now=now, actor=staff, facts={"staff": str(staff.pk)})
        for team, before in teams:
            record_waiting(staff=staff, team=team, before=before, now=now)
    # After the teams are locked, because its entry locks the audit chain.
    mfa.forget_sealed(staff=staff, now=now)
    kept_forms.forget_all(staff.pk)
    staff.public_key = staff.verify_key = staff.wrapped_key = None


def record_waiting(
    *, staff: Staff, team: Team, before: str, now: datetime, by: Staff | None = None, signer: SignPair | None = None
) -> None:
    """Record that a person waits for a member of a locked team to admit them; ``before`` is the team's state before."""
    facts = {"team": team.slug, "staff": str(staff.pk), **change_facts(team, "team", before=before)}
    log.append(event="team.asked", now=now, actor=by, signer=signer, subject=team.pk, facts=facts)


@transaction.atomic
def record_login(*, staff: Staff) -> None:
    """Record a sign-in in the audit chain, and the states of the account and of the factors that it relied on.

    A row that somebody alters for a sign-in and puts back afterwards is named by this entry.
    """
    facts = {"staff": str(staff.pk), "account": locked_state(staff, "staff"), "factors": state_of(staff, "factors")}
    log.append(event="staff.signed_in", now=timezone.now(), actor=staff, facts=facts)
