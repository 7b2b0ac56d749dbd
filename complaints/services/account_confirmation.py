"""Two administrators for what would let one of them sign in as somebody else.

After a new initial password, a reset of the second factor or a first role as administrator, an account stays closed
until an administrator who did not ask for it has confirmed it. That administrator is shown a code and hands it to the
person: whoever knows the initial password does not know the code.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from complaints.domain.codes import ALPHABET
from complaints.domain.errors import Refused
from complaints.domain.sealing.primitives import SignPair, blake2b
from complaints.models.sign_in import AccountConfirmation
from complaints.models.team import Staff
from complaints.services.audit import log, recorded_accounts
from complaints.services.audit.state import change_facts, locked_state

Cause = AccountConfirmation.Cause
GROUPS, GROUP = 5, 5


class ConfirmationRefused(Refused):
    """The account cannot be confirmed: ``code`` is "nothing" (none waits), "self" or "asker"."""


def draw_code() -> str:
    """Draw 25 symbols, 125 bits, in groups that can be read out."""
    return "-".join("".join(secrets.choice(ALPHABET) for _symbol in range(GROUP)) for _group in range(GROUPS))


def _digest(staff: Staff, code: str) -> bytes:
    symbols = "".join(code.upper().split()).replace("-", "").replace("O", "0").replace("I", "1").replace("L", "1")
    return blake2b(staff.pk.bytes + symbols.encode(), person=b"confirm-code")


@transaction.atomic
def ask(*, staff: Staff, cause: Cause, by: Staff | None, signer: SignPair | None, now: datetime) -> None:
    """Close an account until it is confirmed; a code that was given before does not open it any more.

    ``by`` is None for a command on the server itself, which is a second person to every administrator.
    """
    waiting = AccountConfirmation.objects.select_for_update().filter(staff=staff).first()
    askers = set(waiting.askers if waiting else ()) | ({str(by.pk)} if by else set())
    values = {"cause": cause, "askers": sorted(askers), "asked_at": now}
    unconfirmed = {"confirmed_by": None, "confirmed_at": None, "code_digest": None}
    AccountConfirmation.objects.update_or_create(staff=staff, defaults=values | unconfirmed)
    before = locked_state(staff, "staff")
    staff.awaits_confirmation = True
    staff.save(update_fields=["awaits_confirmation"])
    facts = {"staff": str(staff.pk), "cause": cause.value, **change_facts(staff, "staff", before=before)}
    log.append(event="confirmation.asked", now=now, actor=by, signer=signer, subject=staff.pk, facts=facts)


def waiting_for(staff: Staff) -> AccountConfirmation | None:
    """Return what an account waits for; None where it is open."""
    return AccountConfirmation.objects.filter(staff=staff).first()


def waiting_accounts(accounts: Iterable[Staff]) -> dict[Staff, AccountConfirmation]:
    """Return by account the confirmations that are not given yet."""
    rows = AccountConfirmation.objects.filter(staff__in=list(accounts), confirmed_at=None).select_related("staff")
    return {row.staff: row for row in rows}


def asker_names(waiting: AccountConfirmation) -> str:
    """Return the user names of the administrators who asked, with commas; "" where it was a command on the server."""
    names = Staff.objects.filter(pk__in=waiting.askers).order_by("username").values_list("username", flat=True)
    return ", ".join(names)


def may_confirm(waiting: AccountConfirmation, person: Staff) -> bool:
    """Whether a person is somebody else than the account's owner and than all who asked."""
    return person.pk != waiting.staff_id and str(person.pk) not in waiting.askers


@transaction.atomic
def confirm(*, staff: Staff, by: Staff | None, signer: SignPair | None, now: datetime) -> str:
    """Confirm an account and return the code that opens it, the only time that it is known.

    ``by`` is None for a command on the server. Raises ConfirmationRefused.
    """
    waiting = AccountConfirmation.objects.select_for_update().filter(staff=staff).first()
    if waiting is None:
        raise ConfirmationRefused("nothing")
    if by is not None and not may_confirm(waiting, by):
        raise ConfirmationRefused("self" if by.pk == staff.pk else "asker")
    code = draw_code()
    waiting.confirmed_by, waiting.confirmed_at, waiting.code_digest = by, now, _digest(staff, code)
    waiting.save()
    facts = {"staff": str(staff.pk), "cause": waiting.cause, "code": _digest(staff, code).hex()}
    log.append(event="confirmation.given", now=now, actor=by, signer=signer, subject=staff.pk, facts=facts)
    return code


def is_open_code(waiting: AccountConfirmation, code: str) -> bool:
    """Whether a code that :func:`confirm` returned still opens the account: no later one has ended it."""
    return hmac.compare_digest(bytes(waiting.code_digest or b""), _digest(waiting.staff, code))


@transaction.atomic
def open_account(*, staff: Staff, code: str, now: datetime) -> bool:
    """Open an account with the code of its confirmation, which works once; return whether it was right."""
    waiting = AccountConfirmation.objects.select_for_update().filter(staff=staff).first()
    if waiting is None or not hmac.compare_digest(
        recorded_accounts.confirmation_code(staff.pk).encode(), _digest(staff, code).hex().encode()
    ):
        return False
    waiting.delete()
    before = locked_state(staff, "staff")
    staff.awaits_confirmation = False
    staff.save(update_fields=["awaits_confirmation"])
    facts = {"staff": str(staff.pk), **change_facts(staff, "staff", before=before)}
    log.append(event="confirmation.used", now=now, actor=staff, subject=staff.pk, facts=facts)
    return True
