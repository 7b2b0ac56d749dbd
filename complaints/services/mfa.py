"""The second factor of staff: secrets encrypted under the pepper and bound to their owner, codes accepted once.

The tables are django-allauth's. TOTP is RFC 6238, so HMAC-SHA1 (docs/adr/0017-second-factor.md).
"""

from __future__ import annotations

import uuid
from datetime import datetime

from allauth.core.internal.cryptokit import compare_user_code
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import format_hotp_value, generate_totp_secret, hotp_value
from django.db import transaction

from complaints.domain.errors import SealError
from complaints.domain.sealing.primitives import SignPair, blake2b, decrypt, encrypt
from complaints.models.team import Staff
from complaints.services import sessions
from complaints.services.audit import log
from complaints.services.keyring import pepper

PERIOD = 30
# Time steps before and after the present one: phone clocks are often off by half a minute.
TOLERANCE = 1
TOTP, CODES, WEBAUTHN = Authenticator.Type.TOTP, Authenticator.Type.RECOVERY_CODES, Authenticator.Type.WEBAUTHN
PRIMARY = (TOTP, WEBAUTHN)


def _key() -> bytes:
    return blake2b(b"second factor", person=b"factor-secret", key=pepper())


def seal_secret(owner: uuid.UUID, text: str) -> str:
    """Encrypt a factor's secret for the database; the result (text) names its owner and opens for no other."""
    return f"{owner}:{encrypt(_key(), text.encode(), owner.bytes).hex()}"


def open_secret(sealed: str) -> str:
    """Decrypt what :func:`seal_secret` returned; raises SealError where it was altered."""
    owner, _colon, content = sealed.partition(":")
    try:
        return decrypt(_key(), bytes.fromhex(content), uuid.UUID(owner).bytes).decode()
    except ValueError as error:
        raise SealError("factor") from error


def _sealed_secret(row: Authenticator, name: str) -> str:
    """Return the encrypted secret ``name`` of a row; raises SealError where it was copied from another person."""
    sealed = str(row.data[name])
    if sealed.partition(":")[0] != str(row.user_id):
        raise SealError("factor")
    return sealed


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
def use_code(*, staff: Staff, code: str, now: float) -> Authenticator | None:
    """Accept a person's TOTP or recovery code once; return its row, or None for a wrong or used code.

    A code is refused once a code of its time step or of a later one was accepted. The row is locked, so that one of two
    simultaneous requests succeeds.
    """
    rows = Authenticator.objects.select_for_update().filter(user=staff, type__in=(TOTP, CODES)).order_by("-type")
    return next((row for row in rows if _accepts(row, code, now)), None)


def _accepts(row: Authenticator, code: str, now: float) -> bool:
    if row.type == CODES:
        _sealed_secret(row, "seed")
        return bool(RecoveryCodes(row).validate_code(code))
    step = matching_step(open_secret(_sealed_secret(row, "secret")), code, now)
    if step is None or step <= row.data.get("step", -1):
        return False
    row.data["step"] = step
    row.save(update_fields=["data"])
    return True


def enrol_totp(*, staff: Staff, secret: str = "", step: int = -1) -> str:
    """Replace a person's authenticator app; return the secret of the new one (base32).

    Args:
        step: the time step of the code that confirmed the app; no code up to it is accepted again.
    """
    secret = secret or str(generate_totp_secret())
    data = {"secret": seal_secret(staff.pk, secret), "step": step}
    with transaction.atomic():
        Authenticator.objects.filter(user=staff, type=TOTP).delete()
        Authenticator.objects.create(user=staff, type=TOTP, data=data)
    return secret


def practice_code(*, staff: Staff, now: float) -> str:
    """Return the code that a sample account can use now; "" while there is none, and for every other account."""
    row = Authenticator.objects.filter(user=staff, type=TOTP).first() if staff.is_sample else None
    if row is None:
        return ""
    present = int(now) // PERIOD
    step = max(present, row.data.get("step", -1) + 1)
    return _code(open_secret(_sealed_secret(row, "secret")), step) if step <= present + TOLERANCE else ""


def record(*, event: str, staff: Staff, kind: str, now: datetime, signer: SignPair | None) -> None:
    """Record that a person has added, removed or renewed a factor of their own; ``event`` is a ``factor.`` event."""
    log.append(event=event, now=now, actor=staff, signer=signer, facts={"staff": str(staff.pk), "kind": kind})


@transaction.atomic
def reset(*, staff: Staff, by: Staff, signer: SignPair | None, now: datetime) -> None:
    """Delete every factor of a person who lost theirs and end their sessions; they enrol again at the next sign-in."""
    Authenticator.objects.filter(user=staff).delete()
    log.append(event="factor.reset", now=now, actor=by, signer=signer, facts={"staff": str(staff.pk)})
    sessions.end_sessions(staff=staff, by=by, signer=signer, now=now)
