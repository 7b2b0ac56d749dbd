"""The second factor of staff: its secrets sealed under the pepper and bound to their owner, and a code that works once.

The tables are django-allauth's. TOTP is RFC 6238, so HMAC-SHA1 (docs/adr/0017-second-factor.md).
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from allauth.core.internal.cryptokit import compare_user_code
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import format_hotp_value, generate_totp_secret, hotp_value
from django.db import transaction

from complaints.domain.sealing.primitives import SealError, SignPair, blake2b, decrypt, encrypt
from complaints.models.team import Staff
from complaints.services import sessions
from complaints.services.audit import log
from complaints.services.keyring import pepper

PERIOD = 30
# Clocks of phones go wrong by half a minute.
TOLERANCE = 1
TOTP, CODES, WEBAUTHN = Authenticator.Type.TOTP, Authenticator.Type.RECOVERY_CODES, Authenticator.Type.WEBAUTHN
PRIMARY = (TOTP, WEBAUTHN)


def _key() -> bytes:
    return blake2b(b"second factor", person=b"factor-secret", key=pepper())


def seal_secret(owner: uuid.UUID, text: str) -> str:
    """Seal a factor's secret for the database, bound to the person whose it is."""
    return f"{owner}:{encrypt(_key(), text.encode(), owner.bytes).hex()}"


def open_secret(sealed: str) -> str:
    """Undo :func:`seal_secret`. Raises SealError where it was altered."""
    owner, _colon, content = sealed.partition(":")
    try:
        return decrypt(_key(), bytes.fromhex(content), uuid.UUID(owner).bytes).decode()
    except ValueError as error:
        raise SealError("factor") from error


def _own(row: Authenticator, name: str) -> str:
    """Return the sealed secret ``name`` of a row; raises SealError where it is another person's."""
    sealed = str(row.data[name])
    if sealed.partition(":")[0] != str(row.user_id):
        raise SealError("factor")
    return sealed


def has_factor(staff: Any) -> bool:
    """Whether a person can be asked for a second factor; recovery codes alone are none."""
    return bool(Authenticator.objects.filter(user=staff, type__in=PRIMARY).exists())


def matching_step(secret: str, code: str, now: float) -> int | None:
    """Return the time step for which ``code`` is right, within the tolerance around ``now`` (seconds)."""
    present = int(now) // PERIOD
    steps = range(present - TOLERANCE, present + TOLERANCE + 1)
    fitting = [step for step in steps if compare_user_code(actual=code, expected=_code(secret, step))]
    return fitting[0] if fitting else None


def _code(secret: str, step: int) -> str:
    return str(format_hotp_value(hotp_value(secret, step)))


@transaction.atomic
def use_code(*, staff: Staff, code: str, now: float) -> Authenticator | None:
    """Accept a person's TOTP or recovery code once; None where it is wrong or was used.

    A code of a step is refused as soon as one of that step or of a later one was accepted, so the whole window counts.
    The row is locked: of two posts at once one succeeds.
    """
    rows = Authenticator.objects.select_for_update().filter(user=staff, type__in=(TOTP, CODES)).order_by("-type")
    return next((row for row in rows if _accepts(row, code, now)), None)


def _accepts(row: Authenticator, code: str, now: float) -> bool:
    if row.type == CODES:
        _own(row, "seed")
        return bool(RecoveryCodes(row).validate_code(code))
    step = matching_step(open_secret(_own(row, "secret")), code, now)
    if step is None or step <= row.data.get("step", -1):
        return False
    row.data["step"] = step
    row.save(update_fields=["data"])
    return True


def enrol_totp(*, staff: Staff, secret: str = "", step: int = -1) -> str:
    """Give a person an authenticator app in place of the one they had; return its secret (base32).

    Args:
        step: the time step whose code proved the app; no code up to it is accepted again.
    """
    secret = secret or str(generate_totp_secret())
    data = {"secret": seal_secret(staff.pk, secret), "step": step}
    with transaction.atomic():
        Authenticator.objects.filter(user=staff, type=TOTP).delete()
        Authenticator.objects.create(user=staff, type=TOTP, data=data)
    return secret


def practice_code(*, staff: Staff, now: float) -> str:
    """Return the code that a sample account can use now; empty while there is none, or for anybody else."""
    row = Authenticator.objects.filter(user=staff, type=TOTP).first() if staff.is_sample else None
    if row is None:
        return ""
    present = int(now) // PERIOD
    step = max(present, row.data.get("step", -1) + 1)
    return _code(open_secret(_own(row, "secret")), step) if step <= present + TOLERANCE else ""


def record(*, event: str, staff: Staff, kind: str, now: datetime, signer: SignPair | None) -> None:
    """Write into the chain that a person's own factor was added, removed or renewed."""
    log.append(event=event, now=now, actor=staff, signer=signer, facts={"staff": str(staff.pk), "kind": kind})


@transaction.atomic
def reset(*, staff: Staff, by: Staff, signer: SignPair | None, now: datetime) -> None:
    """Take every factor from a person who has lost theirs and end their sessions; they enrol at the next sign-in."""
    Authenticator.objects.filter(user=staff).delete()
    log.append(event="factor.reset", now=now, actor=by, signer=signer, facts={"staff": str(staff.pk)})
    sessions.end_sessions(staff=staff, by=by, signer=signer, now=now)
