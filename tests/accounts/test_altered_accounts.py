"""A role, a mark or a password that somebody wrote into the database opens no door, and is named when it is gone."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from complaints.domain.sealing.primitives import SignPair
from complaints.models import triggers
from complaints.models.audit import AuditEntry, ChainHead
from complaints.models.team import Role, Staff
from complaints.services import account_confirmation, account_record, mfa
from complaints.services.account_confirmation import Cause
from complaints.services.account_record import Difference
from complaints.services.audit import log, recorded_accounts, verify
from complaints.services.audit.state import change_facts, state_of
from complaints.services.keyring import Actor
from complaints.services.team_keys import membership, personal
from complaints.services.team_keys.membership import AdmissionRefused
from portal.accounts import step_up
from portal.accounts.sessions import PENDING
from tests.accounts.test_altered_factors import add_key, give_password
from tests.database import editor
from tests.services.audit.test_planted_entries import without_the_servers_key
from tests.world import Cast, SignedIn, change_account, next_code, sign_in

FACTOR, LOGIN = "mfa_authenticate", "account_login"
ALTERATIONS: list[dict[str, Any]] = [
    {"is_superuser": True},
    {"role": Role.ADMIN},
    {"role": Role.FORWARDER},
    {"nip": "197001011990031001"},
    {"must_change_password": True},
]


def alter(name: str = "vera", **values: Any) -> None:
    assert Staff.objects.filter(username=name).update(**values) == 1


def is_refused(answer: Any) -> bool:
    told = [str(message) for message in get_messages(answer.wsgi_request)]
    why = str(step_up.DIFFERENCES[Difference.ACCOUNT])
    return answer.headers.get("Location") == reverse(LOGIN) and told == [why]


def codes() -> list[str]:
    return [fault.code for fault in verify.verify_chain().faults]


@contextmanager
def without_triggers() -> Iterator[None]:
    triggers.remove_append_only(editor())
    yield
    triggers.install_append_only(editor())


def plant_entry(name: str, before: str, signer: SignPair | None) -> AuditEntry:
    """Append an entry that makes an alteration of an account look like an act, without the server's key."""
    person = Staff.objects.get(username=name)
    facts = {"staff": str(person.pk), "change": "changed", **change_facts(person, "staff", before=before)}
    do = {"now": timezone.now(), "actor": person, "signer": signer, "subject": person.pk, "facts": facts}
    with without_the_servers_key():
        return log.append(event="staff.changed", **do)


def cut(entry: AuditEntry) -> None:
    """Take the last entry off again."""
    before = AuditEntry.objects.get(pk=entry.pk - 1)
    with without_triggers():
        AuditEntry.objects.filter(pk=entry.pk).delete()
        ChainHead.objects.update(sequence=before.pk, digest=before.digest)


@pytest.mark.parametrize("altered", ALTERATIONS, ids=str)
def test_an_altered_account_does_not_sign_in_and_stays_named(
    cast: Cast, altered: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Also where the row is put back before the night."""
    next_code("vera")
    before = Staff.objects.filter(username="vera").values(*altered).get()
    alter(**altered)
    client = Client()
    with caplog.at_level(logging.ERROR):
        assert is_refused(give_password(client))
        assert is_refused(give_password(Client()))
    assert "_auth_user_id" not in client.session and PENDING not in client.session
    assert not any("vera" in line or str(cast["vera"].pk) in line for line in caplog.messages)
    assert sorted(codes()) == ["signin.refused", "state.altered"], "an entry for each state, not for each attempt"
    alter(**before)
    assert codes() == ["signin.refused"]
    sign_in(client, "vera")
    assert client.get(reverse("admin:index")).status_code == 200


def test_an_account_that_was_opened_by_hand_stays_closed(cast: Cast) -> None:
    next_code("vera")
    do = {"by": cast["adi"], "signer": cast.ring("adi").signer, "now": timezone.now()}
    account_confirmation.ask(staff=cast["vera"], cause=Cause.FACTOR, **do)
    alter(awaits_confirmation=False)
    assert is_refused(give_password(Client()))
    alter(awaits_confirmation=True)
    assert codes() == ["signin.refused"]


def test_an_account_that_was_switched_on_by_hand_stays_closed(cast: Cast) -> None:
    next_code("vera")
    change_account("vera", is_active=False)
    alter(is_active=True)
    assert is_refused(give_password(Client()))


def test_the_sentence_stands_on_the_page(cast: Cast) -> None:
    next_code("vera")
    alter(is_superuser=True)
    client = Client()
    give_password(client)
    assert "Catatan akun ini sedang diperiksa" in client.get(reverse(LOGIN)).content.decode()


def test_a_role_that_comes_between_password_and_code_ends_the_sign_in(cast: Cast) -> None:
    code, client = next_code("vera"), Client()
    assert give_password(client).headers["Location"] == reverse(FACTOR)
    alter(role=Role.ADMIN)
    assert is_refused(client.post(reverse(FACTOR), {"code": code}))
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize("signs", [True, False])
def test_an_entry_planted_with_the_row_opens_nothing(cast: Cast, signs: bool) -> None:
    """The person's own key, with which they signed in until now, signs it: it needs the server's."""
    next_code("vera")
    signer = cast.ring("vera").signer if signs else None
    before = state_of(cast["vera"], "staff")
    alter(is_superuser=True)
    entry = plant_entry("vera", before, signer)
    assert is_refused(give_password(Client()))
    with without_triggers():
        AuditEntry.objects.filter(pk=entry.pk).delete()
    alter(is_superuser=False)
    assert "signin.refused" in codes() and "entry.missing" in codes()


def test_a_factor_planted_with_an_entry_by_its_owner_opens_nothing(cast: Cast) -> None:
    next_code("vera")
    vera, before = cast["vera"], state_of(cast["vera"], "factors")
    add_key()
    facts = {"staff": str(vera.pk), "kind": "webauthn", **change_facts(vera, "factors", before=before)}
    do = {"now": timezone.now(), "actor": vera, "subject": vera.pk, "facts": facts, "signer": cast.ring("vera").signer}
    with without_the_servers_key():
        log.append(event="factor.added", **do)
    assert not recorded_accounts.factors_are_recorded(vera.pk)
    assert account_record.difference(staff=vera, now=timezone.now()) is Difference.FACTORS


def test_a_row_and_entry_that_were_rolled_back_for_a_sign_in_are_named(cast: Cast) -> None:
    """The entry that took the role away goes, and comes back after the sign-in: nothing inside can tell before it."""
    next_code("vera")
    change_account("vera", role=Role.FORWARDER)
    entry = AuditEntry.objects.order_by("-sequence")[0]
    with without_triggers():
        AuditEntry.objects.filter(pk=entry.pk).delete()
    alter(role=Role.VERIFIER)
    client = Client()
    sign_in(client, "vera")
    assert client.get(reverse("admin:complaints_case_changelist")).status_code == 200
    with without_triggers():
        entry.save(force_insert=True)
        last = AuditEntry.objects.order_by("-sequence")[0]
        ChainHead.objects.update(sequence=last.pk, digest=last.digest)
    alter(role=Role.FORWARDER)
    named = codes()
    assert set(named) <= {"entry.rights", "signin.differs"} and named, named


def test_a_deleted_entry_that_made_a_factor_end_lets_it_in_but_is_named(cast: Cast) -> None:
    next_code("vera")
    app = Authenticator.objects.get(user__username="vera")
    mfa.forget_sealed(staff=cast["vera"], now=timezone.now())
    entry = AuditEntry.objects.get(event="factor.ended")
    log.append(event="queue.opened", now=timezone.now(), actor=cast["vino"], signer=cast.ring("vino").signer)
    with without_triggers():
        AuditEntry.objects.filter(pk=entry.pk).delete()
    app.save(force_insert=True)
    sign_in(Client(), "vera")
    with without_triggers():
        entry.save(force_insert=True)
        last = AuditEntry.objects.order_by("-sequence")[0]
        ChainHead.objects.update(sequence=last.pk, digest=last.digest)
    app.delete()
    assert codes() == ["signin.differs"]


# --- In a session that is under way -----------------------------------------------------------------------------------


def test_an_administrator_acts_with_nothing_that_was_altered(cast: Cast, signed_in: SignedIn) -> None:
    client = signed_in("adi")
    address = reverse("admin:complaints_staff_factor", args=[cast["vera"].pk])
    next_code("vera")
    alter("adi", nip="197001011990031001")
    assert client.get(address).status_code == 200, "reading goes on"
    assert is_refused(client.post(address))
    assert Authenticator.objects.filter(user=cast["vera"]).exists()
    assert "_auth_user_id" not in client.session
    alter("adi", nip="")
    assert codes() == ["signin.refused"]


def test_a_planted_role_ends_the_sessions_of_the_account(cast: Cast, signed_in: SignedIn) -> None:
    client = signed_in("vera")
    alter(role=Role.ADMIN)
    answer = client.get(reverse("admin:complaints_staff_changelist"))
    assert answer.headers["Location"].startswith(reverse("admin:login"))


def test_a_reset_by_an_administrator_of_whom_the_chain_knows_nothing_does_not_count(cast: Cast) -> None:
    """A mark that was there when the reset was made, and is gone since."""
    next_code("vino")
    signer = cast.ring("vera").signer
    alter(role=Role.ADMIN)
    mfa.reset(staff=cast["vino"], by=cast["vera"], signer=signer, now=timezone.now())
    alter(role=Role.VERIFIER)
    assert not recorded_accounts.factors_are_recorded(cast["vino"].pk)
    assert "entry.rights" in codes()


def test_a_confirmation_by_an_administrator_of_whom_the_chain_knows_nothing_opens_nothing(cast: Cast) -> None:
    do = {"staff": cast["vino"], "now": timezone.now()}
    account_confirmation.ask(cause=Cause.FACTOR, by=cast["adi"], signer=cast.ring("adi").signer, **do)
    alter(role=Role.ADMIN)
    code = account_confirmation.confirm(by=cast["vera"], signer=cast.ring("vera").signer, **do)
    alter(role=Role.VERIFIER)
    assert not account_confirmation.open_account(code=code, **do)
    code = account_confirmation.confirm(by=cast["super"], signer=cast.ring("super").signer, **do)
    assert account_confirmation.open_account(code=code, **do)


def test_nobody_is_admitted_whose_account_was_altered(cast: Cast) -> None:
    do = {"staff": cast["luar"], "team": membership.Team.objects.get(slug="triage")}
    actor = Actor(cast.ring("adi"), timezone.now())
    row = membership.ask_admission(by=cast["adi"], actor=actor, **do)
    alter("luar", nip="1")
    fingerprint = personal.fingerprint(cast["luar"])
    with pytest.raises(AdmissionRefused, match="record"):
        membership.admit(actor=Actor(cast.ring("vera"), timezone.now()), membership_id=row.pk, fingerprint=fingerprint)
    alter("luar", nip="")
    membership.admit(actor=Actor(cast.ring("vera"), timezone.now()), membership_id=row.pk, fingerprint=fingerprint)


def test_a_new_initial_password_by_an_administrator_begins_anew(cast: Cast) -> None:
    alter(nip="1")
    do = {"by": cast["adi"], "signer": cast.ring("adi").signer}
    personal.set_initial_password(staff=cast["vera"], password="sandi pertama yang lain", now=timezone.now(), **do)
    assert recorded_accounts.account_is_recorded(cast["vera"].pk)
    assert codes() == ["state.between"], "what was is still named"
