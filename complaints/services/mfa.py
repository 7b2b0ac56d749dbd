"""The second factor of staff: secrets sealed to the key that the password opens, codes accepted once.

The tables are django-allauth's. TOTP is RFC 6238, so HMAC-SHA1 (docs/adr/0017-second-factor.md). Without the password
nobody reads a secret, not even with the database and the environment (docs/adr/0033-guessing-the-second-factor.md).
"""

from __future__ import annotations

import hmac
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from hashlib import sha1

from allauth.core.internal.cryptokit import compare_user_code
from allauth.mfa import app_settings
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import format_hotp_value, generate_totp_secret, hotp_value
from django.db import transaction
from django.utils import timezone

from complaints.domain.errors import SealError
from complaints.domain.sealing.keys import KeySet
from complaints.domain.sealing.primitives import SignPair
from complaints.domain.sealing.records import KEY_SIZES, Context, open_record, seal_record
from complaints.models.sign_in import SigninCount
from complaints.models.team import Staff
from complaints.services import account_confirmation, sessions, signin_counts
from complaints.services.audit import log, recorded_codes
from complaints.services.audit.state import change_facts, locked_state

PERIOD = 30
# Time steps before and after the present one: phone clocks are often off by half a minute.
TOLERANCE = 1
TOTP, CODES, WEBAUTHN = Authenticator.Type.TOTP, Authenticator.Type.RECOVERY_CODES, Authenticator.Type.WEBAUTHN
PRIMARY = (TOTP, WEBAUTHN)
# The field of an authenticator's data that holds its sealed secret, and the kind of the sealed record.
SECRETS = {TOTP: "secret", CODES: "seed"}
CHANGES = {
    "factor.added": SigninCount.Kind.FACTOR_ADDED,
    "factor.removed": SigninCount.Kind.FACTOR_REMOVED,
    "factor.codes_made": SigninCount.Kind.CODES_MADE,
}


class NoKey(Exception):
    """A secret can be neither sealed nor opened, because the person's key is not open in this session."""


def _context(owner: uuid.UUID, kind: str) -> Context:
    return Context(f"factor-{kind}", str(owner), str(owner))


def seal_secret(keys: KeySet | None, owner: uuid.UUID, text: str, kind: str = CODES) -> str:
    """Seal the secret of a factor to its owner's own key; return the record in hexadecimal. Raises NoKey."""
    if keys is None:
        raise NoKey
    return seal_record(keys.box.public, _context(owner, kind), text, keys.sign, sizes=KEY_SIZES).hex()


def open_secret(keys: KeySet | None, owner: uuid.UUID, sealed: str, kind: str = CODES) -> str:
    """Open what :func:`seal_secret` returned.

    Raises:
        NoKey: the owner's key is not open.
        SealError: it was sealed for another person or kind, or altered.
    """
    if keys is None:
        raise NoKey
    try:
        raw = bytes.fromhex(sealed)
    except ValueError as error:
        raise SealError("factor") from error
    return str(open_record(keys.box, raw, _context(owner, kind), keys.sign.public, sizes=KEY_SIZES))


def _secret_of(row: Authenticator, keys: KeySet | None) -> str:
    return open_secret(keys, row.user_id, str(row.data[SECRETS[row.type]]), row.type)


class PersonalCodes(RecoveryCodes):  # type: ignore[misc]
    """A person's recovery codes with the seed that their key opens; allauth would ask the request for it.

    A code of which an entry says that it was used is used, whatever its mark says.
    """

    def __init__(self, row: Authenticator, keys: KeySet | None) -> None:
        super().__init__(row)
        self.seed = _secret_of(row, keys)
        self.sealed_seed = str(row.data[SECRETS[CODES]])
        self.recorded = recorded_codes.used_codes(row.user_id, self.sealed_seed)

    def _is_code_used(self, i: int) -> bool:
        return bool(super()._is_code_used(i) or self.recorded & (1 << i))

    def generate_codes(self) -> list[str]:
        """Return all codes, the used ones too, as allauth's page shows them."""
        digits, codes = app_settings.RECOVERY_CODE_DIGITS, []
        running = hmac.new(self.seed.encode("ascii"), digestmod=sha1)
        for number in range(app_settings.RECOVERY_CODE_COUNT):
            running.update(f"{number:3},".encode())
            value = int.from_bytes(running.digest()[: min(digits // 2, running.digest_size)], "big")
            codes.append(str(value % 10**digits).zfill(digits))
        return codes


def has_factor(staff: Staff) -> bool:
    """Whether a person has a second factor; recovery codes alone do not count."""
    return bool(Authenticator.objects.filter(user=staff, type__in=PRIMARY).exists())


def matching_step(secret: str, code: str, now: float) -> int | None:
    """Return the time step for which ``code`` is right, within the tolerance around ``now`` (Unix time)."""
    present = int(now) // PERIOD
    steps = range(present - TOLERANCE, present + TOLERANCE + 1)
    # Every step is compared, so that the time taken tells nothing about which one matched.
    matches = [step for step in steps if compare_user_code(actual=code, expected=_code(secret, step))]
    return matches[0] if matches else None


def _code(secret: str, step: int) -> str:
    return str(format_hotp_value(hotp_value(secret, step)))


@transaction.atomic
def use_code(
    *, staff: Staff, keys: KeySet | None, code: str, now: float, code_before: str | None = None
) -> Authenticator | None:
    """Accept a person's TOTP or recovery code once; return its row, or None for a wrong or used code.

    A code is refused once a code of its time step or of a later one was accepted. The row is locked, so that one of two
    simultaneous requests succeeds.

    Args:
        keys: the person's own key, which their password has opened; None accepts no code.
        code_before: where one code is not enough, the one that was given before it. An app's codes have to be those of
            two successive steps, recovery codes two different ones; neither is said to be right or wrong by itself.
    """
    if keys is None:
        return None
    given = [code] if code_before is None else [code_before, code]
    rows = Authenticator.objects.select_for_update().filter(user=staff, type__in=(TOTP, CODES)).order_by("-type")
    return next((row for row in rows if _accepts(row, keys, given, now)), None)


def _accepts(row: Authenticator, keys: KeySet, given: list[str], now: float) -> bool:
    if row.type == CODES:
        return _accepts_recovery_codes(row, keys, given)
    secret = _secret_of(row, keys)
    step = matching_step(secret, given[-1], now)
    # Both are compared in any case, so that the time taken does not tell which of them was right.
    last_step = int(now) // PERIOD if step is None else step
    is_first_right = compare_user_code(actual=given[0], expected=_code(secret, last_step - len(given) + 1))
    if step is None or not is_first_right or step - len(given) < row.data.get("step", -1):
        return False
    row.data["step"] = step
    row.save(update_fields=["data"])
    return True


def _accepts_recovery_codes(row: Authenticator, keys: KeySet, given: list[str]) -> bool:
    codes = PersonalCodes(row, keys)
    unused = codes.get_unused_codes()
    # As they are known, not as they were typed: a code in two spellings is one code.
    known = {match for code in given for match in unused if compare_user_code(actual=code, expected=match)}
    if len(known) != len(given) or not all(codes.validate_code(code) for code in known):
        return False
    mask = sum(1 << number for number, code in enumerate(codes.generate_codes()) if code in known)
    recorded_codes.record_use(staff=row.user, seed=codes.sealed_seed, mask=mask, now=timezone.now())
    return True


def replace_totp(*, staff: Staff, keys: KeySet | None, secret: str, step: int) -> None:
    """Replace a person's authenticator app within :func:`recorded_change`. Raises NoKey.

    Args:
        secret: that of the new app (base32).
        step: the time step of the code that confirmed the app; no code up to it is accepted again.
    """
    data = {"secret": seal_secret(keys, staff.pk, secret, TOTP), "step": step}
    with transaction.atomic():
        Authenticator.objects.filter(user=staff, type=TOTP).delete()
        Authenticator.objects.create(user=staff, type=TOTP, data=data)


@transaction.atomic
def enrol_totp(*, staff: Staff, keys: KeySet | None) -> str:
    """Give an account an authenticator app at the server's terminal; return its secret (base32). Raises NoKey."""
    before, secret = locked_state(staff, "factors"), str(generate_totp_secret())
    replace_totp(staff=staff, keys=keys, secret=secret, step=-1)
    facts = {"staff": str(staff.pk), "kind": TOTP.value, **change_facts(staff, "factors", before=before)}
    log.append(event="factor.added", now=timezone.now(), actor=staff, subject=staff.pk, facts=facts)
    return secret


@transaction.atomic
def forget_sealed(*, staff: Staff, now: datetime) -> None:
    """Delete the app and the recovery codes of a person whose key was retired: nothing opens their secrets any more."""
    if not Authenticator.objects.filter(user=staff, type__in=(TOTP, CODES)).exists():
        return
    before = locked_state(staff, "factors")
    Authenticator.objects.filter(user=staff, type__in=(TOTP, CODES)).delete()
    facts = {"staff": str(staff.pk), **change_facts(staff, "factors", before=before)}
    log.append(event="factor.ended", now=now, subject=staff.pk, facts=facts)


def practice_code(*, staff: Staff, keys: KeySet | None, now: float, code_before: str | None = None) -> str:
    """Return the code that a sample account can use now, or the one that follows ``code_before``; else "".

    It is "" for every other account, and for a session in which the account's key is not open.
    """
    row = Authenticator.objects.filter(user=staff, type=TOTP).first() if staff.is_sample else None
    if row is None or keys is None:
        return ""
    secret, present = _secret_of(row, keys), int(now) // PERIOD
    before = matching_step(secret, code_before, now) if code_before else None
    step = before + 1 if before is not None else max(present, row.data.get("step", -1) + 1)
    return _code(secret, step) if step <= present + TOLERANCE else ""


@contextmanager
def recorded_change(*, event: str, staff: Staff, kind: str, now: datetime, signer: SignPair | None) -> Iterator[None]:
    """Record what a person adds, removes or renews among their factors in the block; ``event`` is a ``factor.`` event.

    The block and the entry are one transaction. They are told by mail and at the next sign-in, because it may have been
    somebody else.
    """
    with transaction.atomic():
        before = locked_state(staff, "factors")
        yield
        facts = {"staff": str(staff.pk), "kind": kind, **change_facts(staff, "factors", before=before)}
        log.append(event=event, now=now, actor=staff, signer=signer, subject=staff.pk, facts=facts)
        signin_counts.note_change(staff=staff, kind=CHANGES[event], now=now)


@transaction.atomic
def reset(*, staff: Staff, by: Staff | None, signer: SignPair | None, now: datetime) -> None:
    """Delete every factor of a person who lost theirs, end their sessions and close the account.

    They enrol again once another administrator has confirmed it; ``by`` is None for a command on the server.
    """
    before = locked_state(staff, "factors")
    Authenticator.objects.filter(user=staff).delete()
    facts = {"staff": str(staff.pk), **change_facts(staff, "factors", before=before)}
    log.append(event="factor.reset", now=now, actor=by, signer=signer, subject=staff.pk, facts=facts)
    account_confirmation.ask(staff=staff, cause=account_confirmation.Cause.FACTOR, by=by, signer=signer, now=now)
    signin_counts.note_change(staff=staff, kind=SigninCount.Kind.FACTOR_RESET, now=now)
    sessions.end_sessions(staff=staff, by=by, signer=signer, now=now)
