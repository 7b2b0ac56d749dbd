"""Password and second factor: what an intruder with one of them, with a cookie, or with a code seen before can do."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from complaints.models.audit import AuditEntry
from complaints.models.session import SealedSession
from complaints.services import account_confirmation, mfa
from portal.accounts import sessions
from portal.accounts.sessions import PENDING, SessionStore
from tests.security.addresses.expected import BEFORE_LOGIN, STAFF_GETS
from tests.world import APPS, PASSWORD, Cast, SignedIn, app_code, change_account, enrol, next_code, send_report, sign_in

LOGIN, FACTOR, CONFIRM = "account_login", "mfa_authenticate", "account_reauthenticate"
CHANGES = (
    "mfa_activate_totp",
    "mfa_deactivate_totp",
    "mfa_add_webauthn",
    "mfa_generate_recovery_codes",
    "mfa_picture",
    "account_change_password",
)


def password_only(client: Client, name: str = "vera") -> Client:
    """Give the password, and no factor."""
    next_code(name)
    answer = client.post(reverse(LOGIN), {"login": name, "password": PASSWORD})
    assert answer.headers["Location"] == reverse(FACTOR)
    return client


def give(client: Client, code: str) -> bool:
    """Post a code at the second factor; tell whether it let the person in."""
    return client.post(reverse(FACTOR), {"code": code}).status_code == 302


def to(answer: Any) -> str:
    return str(answer.headers.get("Location", "")).partition("?")[0]


def cookie_of(client: Client) -> str:
    return client.cookies[settings.SESSION_COOKIE_NAME].value


def with_cookie(value: str) -> Client:
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = value
    return client


def staff_addresses() -> list[str]:
    """Every address of the staff's door, filled with ids that need not exist."""
    some = {"uuid": "0" * 8 + "-0000-4000-8000-" + "0" * 12}
    addresses = []
    for name in set(STAFF_GETS) - set(BEFORE_LOGIN) - {"admin:catch-all"}:
        for arguments in ([], [some["uuid"]], [some["uuid"]] * 2, [some["uuid"]] * 3, ["x"], [some["uuid"], "x"], [1]):
            try:
                addresses.append(reverse(name, args=arguments))
                break
            except Exception as error:  # noqa: BLE001
                assert type(error).__name__ == "NoReverseMatch"
    return [*addresses, "/kantor/tidak-ada/"]


# --- Before the second factor


def test_the_password_alone_shows_nothing_at_any_address(cast: Cast) -> None:
    send_report()
    client = password_only(Client(raise_request_exception=False))
    addresses = staff_addresses()
    assert len(addresses) > 50
    for address in addresses:
        answer = client.get(address)
        assert answer.status_code == 302, address
        assert to(answer) in {reverse(LOGIN), reverse("admin:login"), reverse("admin:index")}, address


def test_without_a_factor_every_address_leads_to_setting_one_up(cast: Cast) -> None:
    client = Client(raise_request_exception=False)
    client.post(reverse(LOGIN), {"login": "vera", "password": PASSWORD})
    own_addresses = {
        reverse(name) for name in ("mfa_index", "mfa_activate_totp", "mfa_add_webauthn", CONFIRM, "mfa_picture")
    }
    for address in staff_addresses():
        if address not in own_addresses:
            answer = client.get(address)
            assert (answer.status_code, to(answer)) == (302, reverse("mfa_index")), address
            assert client.post(address).status_code == 302, address
    assert "staff_key" not in client.session
    enrol(client)
    assert client.session["staff_key"]
    assert client.get(reverse("admin:complaints_case_changelist")).status_code == 200


def test_the_key_waits_and_is_gone_when_the_login_lapses(cast: Cast) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        client = password_only(Client())
        assert client.session[PENDING]["key"] and "staff_key" not in client.session
        cookie, code = cookie_of(client), next_code("vera")
        clock.shift(timedelta(seconds=settings.ACCOUNT_LOGIN_TIMEOUT - 1))
        assert client.get(reverse(FACTOR)).status_code == 200
        clock.shift(timedelta(seconds=1))
        assert SessionStore(cookie).load() == {}
        assert not SealedSession.objects.filter(pk=sessions.row_id(cookie)).exists()
        assert to(client.post(reverse(FACTOR), {"code": code})) == reverse(LOGIN)


def test_cancelling_deletes_the_waiting_key(cast: Cast) -> None:
    client = password_only(Client())
    row = sessions.row_id(cookie_of(client))
    client.post(reverse("account_logout"))
    assert not SealedSession.objects.filter(pk=row).exists()


def test_a_new_password_ends_a_login_that_waits(cast: Cast, signed_in: SignedIn) -> None:
    thief = password_only(Client())
    owner = signed_in("vera")
    new = "sandi lain yang panjang"
    form = {"oldpassword": PASSWORD, "password1": new, "password2": new}
    assert owner.post(reverse("account_change_password"), form).status_code == 302
    assert to(thief.post(reverse(FACTOR), {"code": next_code("vera")})) == reverse(LOGIN)
    assert owner.get(reverse("admin:index")).status_code == 200


# --- Codes


def test_a_replayed_code_does_not_work(cast: Cast) -> None:
    first, second = password_only(Client()), password_only(Client())
    code = next_code("vera")
    assert give(first, code)
    assert not give(second, code)
    assert "_auth_user_id" not in second.session


def test_a_recovery_code_gets_in_once(cast: Cast, signed_in: SignedIn) -> None:
    client = signed_in("vera")
    assert client.post(reverse("mfa_generate_recovery_codes")).headers["Location"] == reverse("mfa_view_recovery_codes")
    codes = client.get(reverse("mfa_view_recovery_codes")).context["unused_codes"]
    assert len(codes) == 10
    again = client.get(reverse("mfa_view_recovery_codes")).content.decode()
    assert not any(code in again for code in codes), "shown once"
    assert give(password_only(Client()), codes[0])
    assert not give(password_only(Client()), codes[0])


def test_wrong_codes_are_slowed(cast: Cast) -> None:
    client = password_only(Client())
    with time_machine.travel(timezone.now(), tick=False):
        for _ in range(3):
            assert client.post(reverse(FACTOR), {"code": "salah"}).status_code == 200
        answer = client.post(reverse(FACTOR), {"code": next_code("vera")})
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "2"
    assert "_auth_user_id" not in client.session


# --- Delays at the password


def test_an_attacker_is_slowed_and_the_true_person_is_not(cast: Cast) -> None:
    attacker = Client(REMOTE_ADDR="203.0.113.77")
    with time_machine.travel(timezone.now(), tick=False):
        codes = [
            attacker.post(reverse(LOGIN), {"login": "vera", "password": f"salah {number}"}).status_code
            for number in range(100)
        ]
        assert codes == [200] * 3 + [429] * 97
        sign_in(Client(REMOTE_ADDR="198.51.100.9"), "vera")


@pytest.mark.parametrize("name", ["vera", "tidakada"])
def test_the_words_are_the_same_for_known_and_unknown(cast: Cast, name: str) -> None:
    client = Client()
    with time_machine.travel(timezone.now(), tick=False):
        answers = [client.post(reverse(LOGIN), {"login": name, "password": "salah"}) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    text = answers[-1].content.decode()
    assert f'value="{name}"' in text and "2 detik" in text
    assert "Percobaan" not in text


def test_an_address_from_a_header_counts_only_behind_a_proxy(cast: Cast, settings: Settings) -> None:
    frozen = time_machine.travel(timezone.now(), tick=False)

    @frozen
    def guess(address: str) -> int:
        wrong = {"login": "vera", "password": "salah"}
        return Client(HTTP_X_FORWARDED_FOR=address).post(reverse(LOGIN), wrong).status_code

    assert [guess(f"198.51.100.{number}") for number in range(4)] == [200, 200, 200, 429]
    settings.BEHIND_PROXY = True
    assert guess("198.51.100.9") == 200
    # What stands before the proxy's own word, anybody can write.
    assert [guess(f"10.0.0.{number}, 198.51.100.10") for number in range(4)] == [200, 200, 200, 429]
    assert [guess(f"2001:db8::{number}") for number in range(4)] == [200, 200, 200, 429]


# --- A stolen session


def test_a_stolen_session_cannot_change_how_to_sign_in(signed_in: SignedIn, cast: Cast) -> None:
    owner = signed_in("vera")
    before = list(Authenticator.objects.values_list("pk", "data"))
    with time_machine.travel(timezone.now() + timedelta(seconds=301), tick=False):
        thief = with_cookie(cookie_of(owner))
        assert thief.get(reverse("admin:index")).status_code == 200
        for name in CHANGES:
            for method in (thief.get, thief.post):
                assert to(method(reverse(name))) == reverse(CONFIRM), name
        new = {"oldpassword": PASSWORD, "password1": "baru baru baru baru", "password2": "baru baru baru baru"}
        assert to(thief.post(reverse("account_change_password"), new)) == reverse(CONFIRM)
        assert list(Authenticator.objects.values_list("pk", "data")) == before
        assert cast["vera"].check_password(PASSWORD)


def test_both_password_and_factor_are_asked_for(signed_in: SignedIn, cast: Cast) -> None:
    client = signed_in("vera")
    with time_machine.travel(timezone.now() + timedelta(seconds=301), tick=False):
        wrong = [
            {"password": PASSWORD},
            {"password": PASSWORD, "code": "salah"},
            {"password": "salah", "code": next_code("vera")},
        ]
        for form in wrong:
            assert client.post(reverse(CONFIRM), form).status_code == 200
            assert to(client.get(reverse("mfa_activate_totp"))) == reverse(CONFIRM)
        good = {"password": PASSWORD, "code": next_code("vera"), "next": reverse("mfa_activate_totp")}
        assert to(client.post(reverse(CONFIRM), good)) == reverse("mfa_activate_totp")
        assert client.get(reverse("mfa_activate_totp")).status_code == 200


def test_confirming_changes_the_cookie(signed_in: SignedIn) -> None:
    client = signed_in("vera")
    before = cookie_of(client)
    client.post(reverse(CONFIRM), {"password": PASSWORD, "code": next_code("vera")})
    assert cookie_of(client) != before
    assert with_cookie(before).get(reverse("admin:me")).status_code == 302, "the cookie of before opens nothing"
    assert client.get(reverse("admin:index")).status_code == 200


def test_confirming_leads_nowhere_else(signed_in: SignedIn) -> None:
    form = {"password": PASSWORD, "code": next_code("vera"), "next": "https://lain.invalid/"}
    assert to(signed_in("vera").post(reverse(CONFIRM), {**form, "code": next_code("vera")})) == reverse("mfa_index")


def test_the_cookie_changes_with_password_and_with_factor(cast: Cast) -> None:
    client = Client()
    client.get(reverse(LOGIN))
    planted = SessionStore()
    planted["x"] = 1
    planted.create()
    client.cookies[settings.SESSION_COOKIE_NAME] = str(planted.session_key)
    password_only(client)
    waiting = cookie_of(client)
    assert give(client, next_code("vera"))
    inside = cookie_of(client)
    assert len({planted.session_key, waiting, inside}) == 3
    for old in (str(planted.session_key), waiting):
        assert SessionStore(old).load() == {}


# --- Changing factors


def test_a_new_phone_takes_the_place_of_the_old(signed_in: SignedIn, cast: Cast) -> None:
    client = signed_in("vera")
    old, keys = APPS["vera"], cast.ring("vera").keys
    with time_machine.travel(timezone.now(), tick=False):
        new = enrol(client)
        assert new != old
        # Not the code either that proved the new phone.
        for secret in (old, new):
            assert mfa.use_code(staff=cast["vera"], keys=keys, code=app_code(secret), now=time.time()) is None
    assert AuditEntry.objects.filter(event="factor.added", actor=cast["vera"].pk).exists()


def test_the_code_that_proved_a_phone_works_nowhere_else(cast: Cast) -> None:
    first, other = Client(), Client()
    with time_machine.travel(timezone.now(), tick=False):
        first.post(reverse(LOGIN), {"login": "vera", "password": PASSWORD})
        secret = enrol(first)
        other.post(reverse(LOGIN), {"login": "vera", "password": PASSWORD})
        assert not give(other, app_code(secret))


def test_the_last_factor_is_not_removed(signed_in: SignedIn) -> None:
    answer = signed_in("vera").post(reverse("mfa_deactivate_totp"))
    assert answer.status_code == 200
    assert Authenticator.objects.filter(type="totp").exists()


def test_an_administrator_resets_a_lost_factor(signed_in: SignedIn, cast: Cast) -> None:
    vera, admin = signed_in("vera"), signed_in("adi")
    address = reverse("admin:complaints_staff_factor", args=[cast["vera"].pk])
    assert admin.get(address).status_code == 200
    assert admin.post(address).status_code == 302
    assert to(vera.get(reverse("admin:index"))) == reverse("admin:login")
    entry = AuditEntry.objects.get(event="factor.reset")
    assert (entry.actor, entry.subject) == (cast["adi"].pk, cast["vera"].pk)
    again = Client()
    again.post(reverse(LOGIN), {"login": "vera", "password": PASSWORD})
    assert to(again.get(reverse("admin:index"))) == reverse("account_confirmation")
    do = {"by": cast["super"], "signer": cast.ring("super").signer, "now": timezone.now()}
    code = account_confirmation.confirm(staff=cast["vera"], **do)
    again.post(reverse("account_confirmation"), {"code": code})
    assert to(again.get(reverse("admin:index"))) == reverse("mfa_index")
    own_factor_url = reverse("admin:complaints_staff_factor", args=[cast["adi"].pk])
    assert admin.post(own_factor_url).status_code == 404
    assert signed_in("vino").post(address).status_code == 404


def test_a_session_from_before_the_factor_has_to_come_in_by_it(cast: Cast) -> None:
    early, late = Client(), Client()
    for client in (early, late):
        client.post(reverse(LOGIN), {"login": "vera", "password": PASSWORD})
    enrol(late)
    assert to(early.get(reverse("admin:index"))) == reverse(LOGIN)
    assert to(early.get(reverse("mfa_activate_totp"))) != reverse("mfa_index")
    assert "_auth_user_id" not in early.session


# --- What is off


@pytest.mark.parametrize(
    "address",
    [
        "daftar/", "signup/", "masuk/kode/", "login/code/", "sandi/reset/", "password/reset/", "faktor/percaya/",
        "mfa/trust/", "faktor/kunci/masuk/", "faktor/webauthn/login/", "faktor/webauthn/signup/", "faktor/kode/unduh/",
        "email/", "confirm-email/",
    ],
)  # fmt: skip
def test_disabled_features_have_no_address(signed_in: SignedIn, address: str) -> None:
    assert signed_in("vera").get(f"/{settings.ADMIN_PATH}{address}").status_code == 404


# --- The practice portal


def test_a_sample_account_reads_its_code_off_the_page(cast: Cast, settings: Settings) -> None:
    client = password_only(Client())
    settings.SAMPLE_MODE = True
    assert "practice-code" not in client.get(reverse(FACTOR)).content.decode()
    change_account("vera", is_sample=True)
    code = client.get(reverse(FACTOR)).context["practice_code"]
    settings.SAMPLE_MODE = False
    assert "practice-code" not in client.get(reverse(FACTOR)).content.decode()
    settings.SAMPLE_MODE = True
    assert give(client, code)
    other = Client()
    other.post(reverse(LOGIN), {"login": "vera", "password": PASSWORD})
    assert give(other, other.get(reverse(FACTOR)).context["practice_code"]), "the next one, while this one is used"
