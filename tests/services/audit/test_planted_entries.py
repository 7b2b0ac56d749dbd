"""Whoever writes to the database, and holds a key of a person, plants no entry that counts."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta

import pytest
from allauth.mfa.models import Authenticator
from django.test import override_settings
from django.utils import timezone

from complaints.models.audit import AuditEntry
from complaints.models.team import Role, Staff
from complaints.services import account_confirmation, mfa
from complaints.services.audit import log, verify
from complaints.services.audit.entitlement import RecordedAccount, is_entitled
from complaints.services.audit.entries import ChainPosition, EntryVerifier, chunks
from complaints.services.team_keys import personal
from tests.cases import in_review
from tests.world import PASSWORD, Cast, at, change_account

DAY = date(2026, 11, 9)


@contextmanager
def without_the_servers_key() -> Iterator[None]:
    """Append as somebody who has all but the environment file: an own key stands for the server's."""
    with override_settings(SERVER_SIGNING_KEY=secrets.token_hex(32)):
        yield


def faults() -> list[tuple[str, int | None]]:
    return [(fault.code, fault.sequence) for fault in verify.verify_chain().faults]


@pytest.mark.parametrize("name", ["vera", None])
def test_an_entry_by_anybodys_key_is_not_the_portals(cast: Cast, name: str | None) -> None:
    """A person's own key, which they may have taken along, signs nothing into the chain by itself."""
    actor, signer = (cast[name], cast.ring(name).signer) if name else (None, None)
    with without_the_servers_key():
        entry = log.append(event="queue.opened", now=timezone.now(), actor=actor, signer=signer)
    assert not log.is_genuine(entry)
    assert faults() == [("entry.not_by_portal", entry.sequence)]


def test_a_countersignature_of_another_entry_does_not_count(cast: Cast) -> None:
    entry = AuditEntry.objects.order_by("-sequence")[0]
    assert log.is_genuine(entry)
    entry.countersignature = AuditEntry.objects.get(pk=entry.pk - 1).countersignature
    assert not log.is_genuine(entry)
    entry.countersignature = b""
    assert not log.is_genuine(entry)


# --- Rights that somebody gives themselves, uses, and takes away again ------------------------------------------------


def as_administrator(name: str) -> Staff:
    """Return the account as a request meets it whose row says so, and put the row back."""
    row = Staff.objects.filter(username=name)
    row.update(role=Role.ADMIN)
    met = row.get()
    row.update(role=Role.VERIFIER)
    return met


def test_an_act_with_a_planted_role_is_named_after_the_role_is_gone(cast: Cast) -> None:
    signer = cast.ring("vera").signer
    mfa.reset(staff=cast["vino"], by=as_administrator("vera"), signer=signer, now=timezone.now())
    named = dict(faults())
    assert set(named) == {"entry.rights"}
    assert AuditEntry.objects.filter(actor=cast["vera"].pk, event="factor.reset", rights="admin").exists()


def test_reading_with_a_planted_mark_is_named(cast: Cast) -> None:
    met = cast["vera"]
    met.is_superuser = True
    log.append(event="queue.opened", now=timezone.now(), actor=met, signer=cast.ring("vera").signer)
    assert [code for code, _number in faults()] == ["entry.rights"]


@pytest.mark.parametrize("event", ["factor.reset", "confirmation.given", "staff.changed", "team.asked", "team.left"])
def test_an_act_on_an_account_by_who_is_no_administrator_is_named(cast: Cast, event: str) -> None:
    log.append(
        event=event,
        now=timezone.now(),
        actor=cast["vera"],
        signer=cast.ring("vera").signer,
        subject=uuid.uuid4(),
        facts={"before": "", "state": ""},
    )
    assert "entry.not_entitled" in dict(faults())


def test_rules_are_proposed_by_administrators_and_decided_by_triage() -> None:
    allowed = {
        ("rule.proposed", "limits"): {"admin", "admin+superuser"},
        ("rule.confirmed", "limits"): {"verifier", "forwarder"},
        ("rule.declined", "routes"): {"verifier", "forwarder"},
        ("rule.compared", "routes"): {"verifier", "forwarder"},
        ("rule.confirmed", "closed_days"): {"verifier", "forwarder", "admin", "admin+superuser"},
        ("catalog.changed", "election"): {"verifier", "forwarder", "admin", "admin+superuser"},
        ("catalog.changed", "category"): {"admin", "admin+superuser"},
    }
    everybody = {"verifier", "forwarder", "overseer", "auditor", "admin", "admin+superuser"}
    for (event, table), names in allowed.items():
        entries = {rights: AuditEntry(event=event, rights=rights, facts={"table": table}) for rights in everybody}
        assert {rights for rights, entry in entries.items() if is_entitled(entry)} == names, (event, table)
        assert not is_entitled(AuditEntry(event=event, rights="admin+inactive", facts={"table": table}))


def test_a_member_of_another_team_with_a_role_of_triage_decides_on_no_rule(cast: Cast) -> None:
    """The separate team has the same roles; a hole in the page that asks for the team is named by the entry."""
    facts = {"table": "limits", "row": "check", "before": "", "state": ""}
    for name, expected in (("vera", []), ("sari", ["entry.not_entitled"])):
        signer = cast.ring(name).signer
        log.append(event="rule.confirmed", now=timezone.now(), actor=cast[name], signer=signer, facts=facts)
        assert [code for code, _number in faults()] == expected


def test_an_administrator_who_waits_for_a_second_one_confirms_nobody(cast: Cast) -> None:
    by, now = {"by": cast["super"], "signer": cast.ring("super").signer}, timezone.now()
    for name in ("adi", "vera"):
        account_confirmation.ask(staff=cast[name], cause=account_confirmation.Cause.FACTOR, now=now, **by)
    signer = cast.ring("adi").signer
    account_confirmation.confirm(staff=cast["vera"], by=cast["adi"], signer=signer, now=now)
    assert [code for code, _number in faults()] == ["entry.not_entitled"]


def test_a_request_that_began_before_its_rights_changed_is_no_fault(cast: Cast) -> None:
    met, ring = cast["vera"], cast.ring("vera")
    change_account("vera", role=Role.FORWARDER)
    change_account("vera", is_active=False)
    now = timezone.now()
    log.append(event="queue.opened", now=now, actor=met, signer=ring.signer)
    assert faults() == []
    log.append(event="queue.opened", now=now + timedelta(hours=1), actor=met, signer=ring.signer)
    assert [code for code, _number in faults()] == ["entry.rights"]


def test_who_has_left_is_no_fault_of_what_they_did_before(cast: Cast) -> None:
    in_review(cast)
    change_account("vera", is_active=False)
    assert faults() == []


def test_rights_are_kept_from_one_night_to_the_next() -> None:
    account = RecordedAccount()
    for minute, rights in enumerate(("verifier", "admin", "admin", "admin+unconfirmed")):
        account.gets(rights, at(DAY) + timedelta(seconds=minute))
    assert [rights for rights, _since in account.rights] == ["verifier", "admin", "admin+unconfirmed"]
    account.gets("admin", at(DAY) + timedelta(hours=1))
    assert [rights for rights, _since in account.rights] == ["admin+unconfirmed", "admin"]
    assert not account.had("verifier", at(DAY))


def test_a_position_is_read_as_it_was_written(cast: Cast) -> None:
    in_review(cast)
    position = ChainPosition()
    verifier = EntryVerifier(position)
    end = AuditEntry.objects.count()
    for chunk in chunks(0, end):
        assert [fault for number, entry in chunk for fault in verifier.faults(number, entry)] == []
    again = ChainPosition.from_json(position.to_json())
    assert again.to_json() == position.to_json()
    assert again.to_json()["accounts"][str(cast["vera"].pk)][0][0][0] == "verifier"


# --- What a sign-in relied on -----------------------------------------------------------------------------------------


def test_a_sign_in_with_a_row_that_was_put_back_is_named(cast: Cast) -> None:
    row = Staff.objects.filter(username="vera")
    row.update(is_superuser=True)
    personal.record_login(staff=cast["vera"])
    row.update(is_superuser=False)
    assert [code for code, _number in faults()] == ["entry.rights"]
    row.update(nip="1")
    personal.record_login(staff=cast["vera"])
    row.update(nip="")
    assert [code for code, _number in faults()] == ["entry.rights", "signin.differs"]


def test_a_removed_factor_that_came_back_for_a_sign_in_is_named(cast: Cast) -> None:
    """Its entry was taken out and put in again with it: the entry of the sign-in says what it met."""
    vera = cast["vera"]
    mfa.enrol_totp(staff=vera, keys=personal.unlock(staff=vera, password=PASSWORD))
    personal.record_login(staff=vera)
    removed = Authenticator.objects.get(user=vera)
    mfa.forget_sealed(staff=vera, now=timezone.now())
    personal.record_login(staff=vera)
    assert faults() == []
    removed.save(force_insert=True)
    personal.record_login(staff=vera)
    removed.delete()
    assert [code for code, _number in faults()] == ["signin.differs"]


def test_the_first_sign_in_of_somebody_without_a_factor_is_no_fault(cast: Cast) -> None:
    personal.record_login(staff=cast["luar"])
    assert faults() == []
