"""No administrator enters another person's account alone: who asked cannot confirm, and the code goes to the other."""

from __future__ import annotations

from datetime import date, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from complaints import checks
from complaints.models.audit import AuditEntry
from complaints.models.sign_in import AccountConfirmation
from complaints.models.team import Staff
from complaints.services import account_confirmation, mfa
from complaints.services.account_confirmation import Cause, ConfirmationRefused
from complaints.services.audit import verify
from complaints.services.team_keys import personal
from tests.world import Cast, at

NOW = at(date(2026, 11, 9))


def ask(cast: Cast, by: str | None = "adi", cause: Cause = Cause.FACTOR) -> None:
    asking, signer = (cast[by], cast.ring(by).signer) if by else (None, None)
    account_confirmation.ask(staff=cast["vera"], cause=cause, by=asking, signer=signer, now=NOW)


def confirm(cast: Cast, by: str | None = "super") -> str:
    confirming, signer = (cast[by], cast.ring(by).signer) if by else (None, None)
    return account_confirmation.confirm(staff=cast["vera"], by=confirming, signer=signer, now=NOW)


def opens(cast: Cast, code: str) -> bool:
    return account_confirmation.open_account(staff=cast["vera"], code=code, now=NOW)


def test_two_administrators_and_the_code_open_the_account_once(cast: Cast) -> None:
    ask(cast)
    assert cast["vera"].awaits_confirmation
    assert not opens(cast, ""), "no code yet"
    code = confirm(cast)
    assert not opens(cast, code[:-1]) and not opens(cast, "") and cast["vera"].awaits_confirmation
    assert opens(cast, f" {code.lower().replace('-', ' ')} ")
    assert not cast["vera"].awaits_confirmation
    assert not opens(cast, code)
    events = AuditEntry.objects.filter(event__startswith="confirmation.").order_by("sequence")
    acts = [(entry.event, entry.actor, entry.subject) for entry in events]
    vera = cast["vera"].pk
    assert acts == [
        ("confirmation.asked", cast["adi"].pk, vera),
        ("confirmation.given", cast["super"].pk, vera),
        ("confirmation.used", vera, vera),
    ]
    assert verify.verify_chain().whole


@pytest.mark.parametrize(("by", "code"), [("adi", "asker"), ("vera", "self")])
def test_who_asked_and_who_is_concerned_cannot_confirm(cast: Cast, by: str, code: str) -> None:
    ask(cast)
    with pytest.raises(ConfirmationRefused) as refused:
        confirm(cast, by)
    assert refused.value.code == code


def test_nothing_waits_nothing_is_confirmed(cast: Cast) -> None:
    with pytest.raises(ConfirmationRefused):
        confirm(cast)


def test_whoever_knows_the_password_does_not_get_the_code_by_anothers_reset(cast: Cast) -> None:
    """The first gives a password that they know; the second resets the factor; the first must not confirm that."""
    ask(cast, "adi", Cause.PASSWORD)
    ask(cast, "super", Cause.FACTOR)
    for name in ("adi", "super"):
        with pytest.raises(ConfirmationRefused):
            confirm(cast, name)
    assert opens(cast, confirm(cast, None)), "a third one, or the operator"


def test_a_change_after_the_confirmation_ends_its_code(cast: Cast) -> None:
    ask(cast)
    code = confirm(cast)
    ask(cast)
    assert not opens(cast, code) and cast["vera"].awaits_confirmation
    assert opens(cast, confirm(cast))


def test_a_newer_confirmation_ends_the_code_before(cast: Cast) -> None:
    ask(cast)
    first, second = confirm(cast), confirm(cast)
    assert not opens(cast, first) and opens(cast, second)


def test_the_code_is_stored_nowhere(cast: Cast) -> None:
    ask(cast)
    code = confirm(cast)
    stored = AccountConfirmation.objects.get()
    assert code.replace("-", "").encode() not in bytes(stored.code_digest or b"")
    assert code not in str(list(AuditEntry.objects.values_list("facts", flat=True)))


def test_a_new_password_takes_app_and_codes_and_closes_the_account(cast: Cast) -> None:
    mfa.enrol_totp(staff=cast["vera"], keys=cast.ring("vera").keys)
    Staff.objects.filter(username="vera").update(last_login=timezone.now())
    personal.set_initial_password(staff=cast["vera"], password="dari orang lain 1", by=cast["adi"], now=NOW)
    vera = cast["vera"]
    assert not mfa.has_factor(vera) and vera.awaits_confirmation
    waiting = account_confirmation.waiting_for(vera)
    assert waiting and waiting.askers == [str(cast["adi"].pk)]


def test_a_first_password_needs_nobody_else(cast: Cast) -> None:
    new = Staff.objects.create(username="baru", is_staff=True)
    for _time in range(2):
        personal.set_initial_password(staff=new, password="dari orang lain 1", by=cast["adi"], now=NOW)
        assert not new.awaits_confirmation


def test_the_operator_stands_in_for_a_second_administrator(cast: Cast) -> None:
    ask(cast)
    printed = StringIO()
    call_command("confirm_account", "vera", stdout=printed)
    assert opens(cast, printed.getvalue().split()[1])
    assert AuditEntry.objects.get(event="confirmation.given").actor is None
    with pytest.raises(CommandError, match="No administrator has asked"):
        call_command("confirm_account", "vera")
    with pytest.raises(CommandError, match="No account"):
        call_command("confirm_account", "tidakada")


def test_the_operator_helps_the_only_administrator(cast: Cast) -> None:
    printed = StringIO()
    call_command("confirm_account", "adi", new_password=True, reset_factor=True, stdout=printed)
    words = printed.getvalue().split()
    adi = Staff.objects.get(username="adi")
    assert adi.check_password(words[2]) and adi.must_change_password and adi.awaits_confirmation
    assert account_confirmation.open_account(staff=adi, code=words[4], now=NOW)
    events = set(AuditEntry.objects.filter(actor=None).values_list("event", flat=True))
    assert {"factor.reset", "confirmation.asked", "confirmation.given"} <= events


def test_a_closed_account_without_a_factor_is_no_fault_of_the_installation(cast: Cast) -> None:
    """Nobody enters it by the password alone, so ``check --deploy`` does not name it (E020)."""
    Staff.objects.filter(username="vera").update(last_login=timezone.now())
    assert [message.id for message in checks._accounts()] == ["portal.E020"]
    ask(cast)
    assert list(checks._accounts()) == []


def test_a_code_that_somebody_wrote_into_the_row_opens_nothing(cast: Cast) -> None:
    ask(cast)
    digest = account_confirmation._digest(cast["vera"], "K" * 20)
    AccountConfirmation.objects.update(code_digest=digest, confirmed_by=cast["super"], confirmed_at=NOW)
    assert not opens(cast, "K" * 20)
    assert cast["vera"].awaits_confirmation


def test_who_asked_opens_nothing_by_leaving_the_list_of_those_who_asked(cast: Cast) -> None:
    ask(cast)
    AccountConfirmation.objects.update(askers=[])
    assert not opens(cast, confirm(cast, "adi"))
    assert opens(cast, confirm(cast, "super"))


@pytest.mark.parametrize(
    "altered",
    [{"askers": []}, {"asked_at": NOW - timedelta(days=2)}, {"cause": Cause.ADMIN}, {"confirmed_by": None}, None],
    ids=str,
)
def test_what_an_administrator_is_told_of_a_waiting_account_is_compared(
    cast: Cast, altered: dict[str, object] | None
) -> None:
    known = set(verify.verify_chain().faults)
    ask(cast, "adi", Cause.PASSWORD)
    ask(cast)
    confirm(cast)
    assert set(verify.verify_chain().faults) == known
    rows = AccountConfirmation.objects.all()
    rows.update(**altered) if altered else rows.delete()
    (fault,) = set(verify.verify_chain().faults) - known
    assert (fault.code, fault.subject) == ("state.altered", f"confirmation of staff {cast['vera'].pk}")


def test_an_account_that_was_in_use_is_so_without_a_mark_of_its_sign_in(cast: Cast) -> None:
    """With the key retired and the mark cleared in the database, one administrator alone would reset it again."""
    by, password = cast["adi"], "dari orang lain 1"
    personal.set_initial_password(staff=cast["vera"], password=password, by=by, now=NOW)
    assert opens(cast, confirm(cast))
    Staff.objects.filter(username="vera").update(last_login=None)
    personal.set_initial_password(staff=cast["vera"], password=password, by=by, now=NOW)
    assert cast["vera"].awaits_confirmation
