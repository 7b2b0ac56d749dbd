"""Second factors that somebody added, deleted or exchanged in the database let nobody in, and are named."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from complaints.domain import hashchain
from complaints.models.audit import AuditEntry
from complaints.services import account_confirmation, mfa
from complaints.services.account_record import Difference
from complaints.services.audit import log, recorded_accounts, verify
from complaints.services.audit.state import change_facts, state_of
from portal.accounts import step_up
from portal.accounts.sessions import PENDING
from tests.world import APPS, PASSWORD, Cast, SignedIn, app_code, enrol, next_code, sign_in

LOGIN, FACTOR, CONFIRM = "account_login", "mfa_authenticate", "account_reauthenticate"
CREDENTIAL = {"name": "1", "credential": {"id": "AAAA", "clientExtensionResults": {"credProps": {"rk": None}}}}


def add_key(name: str = "vera") -> None:
    owner = Authenticator.objects.get(user__username=name, type=mfa.TOTP).user
    Authenticator.objects.create(user=owner, type=mfa.WEBAUTHN, data=CREDENTIAL)


def delete_app() -> None:
    Authenticator.objects.filter(user__username="vera").delete()


def exchange_app() -> None:
    next_code("vino")
    other = Authenticator.objects.get(user__username="vino")
    Authenticator.objects.filter(user__username="vera").update(data=other.data)


ALTERATIONS = (add_key, delete_app, exchange_app)


def give_password(client: Client, name: str = "vera") -> Any:
    return client.post(reverse(LOGIN), {"login": name, "password": PASSWORD})


def is_refused(answer: Any) -> bool:
    """Whether somebody was sent back to the password with the sentence that says why."""
    told = [str(message) for message in get_messages(answer.wsgi_request)]
    return answer.headers.get("Location") == reverse(LOGIN) and told == [str(step_up.DIFFERENCES[Difference.FACTORS])]


def faults() -> set[tuple[str, str]]:
    return {(fault.code, fault.subject) for fault in verify.verify_chain().faults}


@pytest.mark.parametrize("alter", ALTERATIONS)
def test_the_right_password_leads_nowhere(
    cast: Cast, alter: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    next_code("vera")
    assert faults() == set()
    alter()
    client = Client()
    with caplog.at_level(logging.ERROR):
        assert is_refused(give_password(client))
    assert "_auth_user_id" not in client.session and PENDING not in client.session
    (line,) = [record.getMessage() for record in caplog.records if "second factors" in record.getMessage()]
    assert "vera" not in line and str(cast["vera"].pk) not in line
    vera = cast["vera"].pk
    assert faults() == {("state.altered", f"factors of staff {vera}"), ("signin.refused", f"staff {vera}")}


def test_the_sentence_stands_on_the_page(cast: Cast) -> None:
    next_code("vera")
    delete_app()
    client = Client()
    give_password(client)
    assert "Hubungi admin" in client.get(reverse(LOGIN)).content.decode()
    assert "Hubungi admin" not in Client().get(reverse(LOGIN)).content.decode()


def test_others_sign_in_meanwhile(cast: Cast) -> None:
    next_code("vera")
    add_key()
    sign_in(Client(), "vino")


def test_a_key_added_between_password_and_code_ends_the_sign_in(cast: Cast) -> None:
    code, client = next_code("vera"), Client()
    assert give_password(client).headers["Location"] == reverse(FACTOR)
    add_key()
    assert is_refused(client.post(reverse(FACTOR), {"code": code}))
    assert "_auth_user_id" not in client.session and PENDING not in client.session


def test_an_altered_factor_confirms_nothing(cast: Cast, signed_in: SignedIn) -> None:
    client = signed_in("vera")
    code = next_code("vera")
    exchange_app()
    page = client.post(reverse(CONFIRM), {"password": PASSWORD, "code": code})
    assert page.status_code == 200
    errors = [str(error) for error in page.context["form"].non_field_errors()]
    assert str(step_up.DIFFERENCES[Difference.FACTORS]) in errors


def test_a_change_by_the_person_does_not_make_an_alteration_theirs(cast: Cast, signed_in: SignedIn) -> None:
    client = signed_in("vera")
    add_key()
    assert client.post(reverse("mfa_generate_recovery_codes")).status_code == 302
    assert is_refused(give_password(Client()))
    vera = cast["vera"].pk
    assert faults() == {("state.between", f"factors of staff {vera}"), ("signin.refused", f"staff {vera}")}


def test_an_entry_that_somebody_else_signed_records_nothing(cast: Cast) -> None:
    """Whoever writes to the database appends an entry for their row too, by a key that they hold."""
    next_code("vera")
    vera, before = cast["vera"], state_of(cast["vera"], "factors")
    add_key()
    facts = {"staff": str(vera.pk), "kind": "webauthn", **change_facts(vera, "factors", before=before)}
    signer = cast.ring("luar").signer
    log.append(event="factor.added", now=timezone.now(), actor=vera, signer=signer, subject=vera.pk, facts=facts)
    assert not recorded_accounts.factors_are_recorded(vera.pk)
    assert is_refused(give_password(Client()))


def test_a_reset_by_an_administrator_begins_anew(cast: Cast) -> None:
    next_code("vera")
    add_key()
    now = timezone.now()
    mfa.reset(staff=cast["vera"], by=cast["adi"], signer=cast.ring("adi").signer, now=now)
    do = {"by": cast["super"], "signer": cast.ring("super").signer, "now": now}
    code = account_confirmation.confirm(staff=cast["vera"], **do)
    client = Client()
    assert not is_refused(give_password(client))
    client.post(reverse("account_confirmation"), {"code": code})
    enrol(client)
    assert faults() == {("state.between", f"factors of staff {cast['vera'].pk}")}, "what was is still named"
    other = Client()
    with_code = {"code": app_code(APPS["vera"], 1)}
    assert give_password(other).headers["Location"] == reverse(FACTOR)
    assert other.post(reverse(FACTOR), with_code).status_code == 302
    assert "_auth_user_id" in other.session


def test_use_and_marks_of_use_are_no_alteration(cast: Cast, signed_in: SignedIn) -> None:
    client = signed_in("vera")
    client.post(reverse("mfa_generate_recovery_codes"))
    codes = client.get(reverse("mfa_view_recovery_codes")).context["unused_codes"]
    for code in (codes[0], next_code("vera")):
        other = Client()
        give_password(other)
        assert other.post(reverse(FACTOR), {"code": code}).status_code == 302
    assert faults() == set()


def test_a_new_password_ends_the_app_with_an_entry(cast: Cast) -> None:
    next_code("vera")
    now = timezone.now()
    mfa.forget_sealed(staff=cast["vera"], now=now)
    mfa.forget_sealed(staff=cast["vera"], now=now)
    assert AuditEntry.objects.filter(event="factor.ended", subject=cast["vera"].pk).count() == 1
    assert recorded_accounts.factors_are_recorded(cast["vera"].pk)


def test_data_without_a_canonical_form_is_named_too(cast: Cast) -> None:
    next_code("vera")
    Authenticator.objects.filter(user__username="vera").update(data=[1.5, {"x": None}])
    with pytest.raises(hashchain.NotCanonical):
        hashchain.canonical({"x": 1.5})
    assert faults() == {("state.altered", f"factors of staff {cast['vera'].pk}")}


def test_a_wrong_password_costs_no_look_at_factors(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[uuid.UUID] = []
    monkeypatch.setattr(recorded_accounts, "factors_are_recorded", looks.append)
    for name in ("vera", "tidakada"):
        Client().post(reverse(LOGIN), {"login": name, "password": "salah"})
    assert looks == []
