"""Somebody who has a password guesses the second factor: from many addresses, at once, for days; and nobody is locked
out by it, nor left without a word."""

from __future__ import annotations

import os
import re
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from bench.attack.factor import factor_tries
from complaints.models.audit import AuditEntry
from complaints.models.session import LoginDelay, SealedSession
from complaints.models.sign_in import UNKNOWN_ACCOUNT, SigninCount
from complaints.models.team import Role, Staff
from complaints.models.verification import VerificationFault
from complaints.services import account_confirmation, mfa, signin_counts, signin_floors
from complaints.services.signin_counts import SINGLE_CODES, Kind
from complaints.services.team_keys import personal
from portal.accounts import sessions, step_up
from portal.accounts.step_up import MOST_WRONG_CODES
from tests.accounts.test_second_factor import CONFIRM, FACTOR, LOGIN, cookie_of, password_only, to
from tests.security.attacks.factor import guess, mass_guess
from tests.security.attacks.portal import TestPortal
from tests.world import (
    APPS,
    PASSWORD,
    Cast,
    SignedIn,
    app_code,
    at,
    change_account,
    enrol,
    next_code,
    sign_in,
    start_session,
)

NEW = "empat kata yang tidak serumpun"
# FACTOR_TRIES=10000 makes as many guesses as the long form of the attack: about two minutes.
TRIES = int(os.environ.get("FACTOR_TRIES", "200"))


@pytest.fixture
def noon() -> Any:
    """Noon: no test goes past midnight, when the count begins anew."""
    with time_machine.travel(at(timezone.localdate(), 12), tick=False) as clock:
        yield clock


def many_wrong_codes(name: str = "vera", number: int = SINGLE_CODES) -> None:
    staff = Staff.objects.get(username=name)
    for _code in range(number):
        signin_counts.count(kind=Kind.CODE, account=staff.pk, day=timezone.localdate())


def give(client: Client, code: str) -> Any:
    return client.post(reverse(FACTOR), {"code": code})


def wrong_codes() -> int:
    return sum(SigninCount.objects.filter(kind=Kind.CODE).values_list("n", flat=True))


# --- Five wrong codes


def test_five_wrong_codes_lead_back_to_the_password(cast: Cast, noon: Any) -> None:
    client = password_only(Client())
    row = sessions.row_id(cookie_of(client))
    for _code in range(MOST_WRONG_CODES - 1):
        assert give(client, "salah").status_code == 200
        noon.shift(20)
    answer = give(client, "salah")
    assert to(answer) == reverse(LOGIN)
    assert not SealedSession.objects.filter(pk=row).exists(), "and the key that waited is gone"
    page = client.get(reverse(LOGIN)).content.decode()
    assert "Beberapa kode salah" in page
    noon.shift(400)
    assert to(give(client, next_code("vera"))) == reverse(LOGIN)
    sign_in(client, "vera")


def test_a_right_password_begins_the_five_anew(cast: Cast, noon: Any) -> None:
    client = password_only(Client())
    for _code in range(MOST_WRONG_CODES - 1):
        give(client, "salah")
        noon.shift(20)
    client.post(reverse("account_logout"))
    password_only(client)
    assert give(client, "salah").status_code == 200


def test_a_security_key_is_never_counted(cast: Cast, noon: Any) -> None:
    client = password_only(Client())
    for _try in range(2 * MOST_WRONG_CODES):
        assert client.post(reverse(FACTOR), {"credential": "{}"}).status_code == 200
        noon.shift(301)
        password_only(client)
    assert wrong_codes() == 0


@pytest.mark.parametrize("wrong", ["code", "password"])
def test_five_wrong_answers_to_a_confirmation_end_the_session(signed_in: SignedIn, noon: Any, wrong: str) -> None:
    """Whoever has only the cookie could otherwise try both for ten hours."""
    client = signed_in("vera")
    row = sessions.row_id(cookie_of(client))
    answer = {"password": PASSWORD, "code": "salah"} if wrong == "code" else {"password": "salah", "code": "1"}
    for _answer in range(MOST_WRONG_CODES - 1):
        page = client.post(reverse(CONFIRM), answer)
        assert page.status_code == 200
        assert "Kata sandi atau faktor kedua salah." in page.content.decode(), "whichever was wrong"
        noon.shift(20)
    counted = SigninCount.objects.get().n
    assert to(client.post(reverse(CONFIRM), answer)) == reverse(LOGIN)
    assert SigninCount.objects.get().n == counted + 1 == MOST_WRONG_CODES, "like codes and passwords of a sign-in"
    assert not SealedSession.objects.filter(pk=row).exists()
    assert "Beberapa jawaban salah" in client.get(reverse(LOGIN)).content.decode()


def test_an_empty_answer_and_a_right_one_do_not_end_the_session(signed_in: SignedIn, noon: Any) -> None:
    client = signed_in("vera")
    for _round in range(2):
        for _answer in range(MOST_WRONG_CODES - 1):
            client.post(reverse(CONFIRM), {"password": PASSWORD, "code": "salah"})
            client.post(reverse(CONFIRM), {})
            noon.shift(20)
        noon.shift(60)
        right = {"password": PASSWORD, "code": app_code(APPS["vera"])}
        SigninCount.objects.all().delete()
        signin_floors.forget_all()
        assert to(client.post(reverse(CONFIRM), right)) == reverse("mfa_index")


# --- Two codes


def test_from_the_tenth_wrong_code_two_successive_codes_are_asked_for(cast: Cast, noon: Any) -> None:
    client = password_only(Client())
    many_wrong_codes()
    assert "dua kode" in client.get(reverse(FACTOR)).content.decode()
    page = give(client, app_code(APPS["vera"]))
    assert page.status_code == 200 and page.context["asks_next"]
    assert "_auth_user_id" not in client.session and wrong_codes() == SINGLE_CODES
    assert "kode berikutnya" in page.content.decode()
    noon.shift(30)
    assert to(give(client, app_code(APPS["vera"]))) == reverse("admin:index")
    assert "_auth_user_id" in client.session
    assert wrong_codes() == SINGLE_CODES, "what was right is taken back"


@pytest.mark.parametrize("which", ["first", "second", "both"])
def test_the_answer_is_the_same_whichever_code_was_wrong(cast: Cast, noon: Any, which: str) -> None:
    client = password_only(Client())
    many_wrong_codes()
    asked = give(client, app_code(APPS["vera"]) if which == "second" else "000000")
    noon.shift(30)
    answer = give(client, app_code(APPS["vera"]) if which == "first" else "000000")
    assert asked.context["asks_next"] and not answer.context["asks_next"]
    assert (answer.status_code, wrong_codes()) == (200, SINGLE_CODES + 1)
    assert answer.context["form"].errors["code"]
    assert "_auth_user_id" not in client.session


def test_the_first_code_waits_two_minutes(cast: Cast, noon: Any) -> None:
    client = password_only(Client())
    many_wrong_codes()
    give(client, app_code(APPS["vera"]))
    noon.shift(120)
    assert give(client, app_code(APPS["vera"])).context["asks_next"], "it is the first one again"
    noon.shift(30)
    assert to(give(client, app_code(APPS["vera"]))) == reverse("admin:index")


def test_of_posts_at_once_no_more_than_ten_are_judged_alone(cast: Cast, noon: Any) -> None:
    """As if others had been counted between the question and the count."""
    client = password_only(Client())
    many_wrong_codes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(signin_counts, "needs_two_codes", lambda **_account: False)
        assert give(client, app_code(APPS["vera"])).status_code == 200
    assert "_auth_user_id" not in client.session


def test_whoever_deletes_the_counts_guesses_no_more(cast: Cast, noon: Any) -> None:
    """With a right password, and a right to write to the database."""
    judged = 0
    with pytest.MonkeyPatch.context() as patch:
        use_code = mfa.use_code

        def spy(**given: Any) -> Any:
            nonlocal judged
            judged += given["code_before"] is None
            return use_code(**given)

        patch.setattr(mfa, "use_code", spy)
        for number in range(2 * SINGLE_CODES):
            client = password_only(Client(REMOTE_ADDR=f"203.0.113.{number}"))
            SigninCount.objects.all().delete()
            give(client, "000000")
    assert judged == SINGLE_CODES
    fault = VerificationFault.objects.get()
    assert (fault.code, fault.subject) == ("signin.fell", f"staff {cast['vera'].pk}")


def test_two_recovery_codes_are_enough(cast: Cast, signed_in: SignedIn, noon: Any) -> None:
    owner = signed_in("vera")
    owner.post(reverse("mfa_generate_recovery_codes"))
    codes = owner.get(reverse("mfa_view_recovery_codes")).context["unused_codes"]
    keys = cast.ring("vera").keys
    row = mfa.Authenticator.objects.get(type=mfa.CODES)
    assert mfa.PersonalCodes(row, keys).generate_codes() == codes, "the page shows what the service accepts"
    client = password_only(Client())
    many_wrong_codes()
    assert give(client, codes[0]).context["asks_next"]
    assert to(give(client, codes[4])) == reverse("admin:index")


def test_confirming_asks_for_two_codes_as_well(signed_in: SignedIn, cast: Cast, noon: Any) -> None:
    client = signed_in("vera")
    many_wrong_codes()
    noon.shift(301)
    target = reverse("mfa_activate_totp")
    form = {"password": PASSWORD, "code": app_code(APPS["vera"]), "next": target}
    page = client.post(reverse(CONFIRM), form)
    assert page.status_code == 200 and page.context["asks_next"]
    assert to(client.get(target)) == reverse(CONFIRM)
    noon.shift(30)
    assert to(client.post(reverse(CONFIRM), form | {"code": app_code(APPS["vera"])})) == target


def test_a_sample_account_reads_the_following_code_off_the_page(cast: Cast, settings: Settings, noon: Any) -> None:
    client = password_only(Client())
    change_account("vera", is_sample=True)
    settings.SAMPLE_MODE = True
    many_wrong_codes()
    page = give(client, client.get(reverse(FACTOR)).context["practice_code"])
    assert page.context["asks_next"]
    assert to(give(client, page.context["practice_code"])) == reverse("admin:index")


def test_tries_from_many_sources_lead_nowhere_and_the_person_signs_in(cast: Cast) -> None:
    """The long form of the attack makes 10,000 of them; here too a thief has the right code now and then."""
    vera, keys, begun = cast["vera"], cast.ring("vera").keys, at(timezone.localdate(), 1)
    secret = APPS["vera"] = mfa.enrol_totp(staff=vera, keys=keys)
    assert keys is not None
    assert guess(staff=vera, keys=keys, secret=secret, begun=begun, tries=TRIES) == 0
    assert wrong_codes() == TRIES
    with time_machine.travel(begun + timedelta(hours=3), tick=False) as clock:
        client = Client(REMOTE_ADDR="198.51.100.9")
        client.post(reverse(LOGIN), {"login": "vera", "password": PASSWORD})
        give(client, app_code(secret))
        clock.shift(30)
        assert to(give(client, app_code(secret))) == reverse("admin:index"), "nobody is locked out"
        page = client.get(reverse("admin:index")).content.decode()
    assert f"{TRIES} kode salah" in page


def test_the_attack_gets_in_where_each_code_is_judged_alone(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signin_counts, "SINGLE_CODES", 1_000_000)
    assert mass_guess(tries=80) == 1, "the attack is none if nothing lets it in"
    assert not Staff.objects.filter(username__startswith="korban").exists()


@pytest.fixture
def target(cast: Cast, noon: Any, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> TestPortal:
    """The portal behind a proxy, which names the sender's address."""
    settings.BEHIND_PROXY = True
    return TestPortal(tmp_path, None, monkeypatch)


def test_the_portal_withstands_a_thief_of_the_password(target: TestPortal) -> None:
    """The short form of the attack: without a server."""
    assert factor_tries(target) == 0
    assert wrong_codes() > SINGLE_CODES


@pytest.mark.parametrize(
    ("module", "name", "value"), [(step_up, "MOST_WRONG_CODES", 50), (signin_counts, "SINGLE_CODES", 50)]
)
def test_the_attack_counts_what_lets_it_in(
    target: TestPortal, monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str, value: int
) -> None:
    monkeypatch.setattr(module, name, value)
    assert factor_tries(target) > 0


def test_the_attack_counts_an_owner_who_is_locked_out(target: TestPortal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mfa, "matching_step", lambda *_code: None)
    assert factor_tries(target) == 1


# --- What is counted, and told


def test_wrong_passwords_cost_and_count_the_same_for_any_name(cast: Cast) -> None:
    costs = {}
    for name in ("vera", "tidakada"):
        Client().get(reverse(LOGIN))
        with CaptureQueriesContext(connection) as queries:
            client = Client(REMOTE_ADDR=f"203.0.113.{len(costs) + 1}")
            assert client.post(reverse(LOGIN), {"login": name, "password": "salah"}).status_code == 200
        costs[name] = [query["sql"].split()[0] for query in queries]
    assert costs["vera"] == costs["tidakada"]
    assert dict(SigninCount.objects.values_list("account", "n")) == {cast["vera"].pk: 1, UNKNOWN_ACCOUNT: 1}


def test_attempts_during_a_delay_are_counted_apart(cast: Cast, noon: Any) -> None:
    client = Client()
    for _attempt in range(5):
        client.post(reverse(LOGIN), {"login": "vera", "password": "salah"})
    counts = dict(SigninCount.objects.values_list("kind", "n"))
    assert counts == {"password": 3, "address": 2}


def test_counts_hold_no_source_and_no_hour(cast: Cast) -> None:
    fields = {field.name for field in SigninCount._meta.concrete_fields}
    assert fields == {"id", "account", "day", "kind", "n", "notified", "recorded", "is_mailed"}
    assert LoginDelay.objects.count() == 0


@pytest.mark.parametrize(
    ("language", "words"), [("id", "3 kata sandi salah, 1 kode salah"), ("en", "3 wrong passwords, 1 wrong code")]
)
def test_the_person_is_told_at_the_next_sign_in(cast: Cast, noon: Any, language: str, words: str) -> None:
    Staff.objects.filter(username="vera").update(language=language)
    for number in range(3):
        other = Client(REMOTE_ADDR=f"203.0.113.{number}")
        other.post(reverse(LOGIN), {"login": "vera", "password": "salah"})
    give(password_only(Client(REMOTE_ADDR="203.0.113.9")), "salah")
    client = sign_in(Client(), "vera")
    for name in ("admin:index", "admin:sessions"):
        assert words in client.get(reverse(name)).content.decode()
    noon.shift(60)
    again = sign_in(Client(), "vera")
    assert words not in again.get(reverse("admin:index")).content.decode(), "once"
    assert words in again.get(reverse("admin:sessions")).content.decode(), "but by day for two weeks"


def test_an_administrator_sees_which_account(signed_in: SignedIn, cast: Cast) -> None:
    many_wrong_codes(number=12)
    signin_counts.count(kind=Kind.PASSWORD, account=UNKNOWN_ACCOUNT, day=timezone.localdate())
    adi = signed_in("adi")
    page = adi.get(reverse("admin:complaints_staff_changelist"))
    refused = {person.username: person.refused for person in page.context["cl"].result_list}
    assert refused["vera"] == 12 and refused["vino"] is None
    assert page.context["unknown_refused"] == 1
    account = adi.get(reverse("admin:complaints_staff_change", args=[cast["vera"].pk])).content.decode()
    assert "12 kode salah" in account


def test_a_changed_password_is_told(signed_in: SignedIn, cast: Cast, django_capture_on_commit_callbacks: Any) -> None:
    client = signed_in("vera")
    form = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    with django_capture_on_commit_callbacks(execute=True):
        assert client.post(reverse("account_change_password"), form).status_code == 302
    assert [letter.to for letter in mail.outbox] == [["vera@example.invalid"]]
    page = sign_in(Client(), "vera", NEW).get(reverse("admin:index")).content.decode()
    assert "kata sandi diganti" in page


# --- Two administrators


def reset(admin: Client, staff: Staff, page: str) -> None:
    assert admin.post(reverse(f"admin:complaints_staff_{page}", args=[staff.pk])).status_code == 302


def test_one_administrator_takes_over_no_account(signed_in: SignedIn, cast: Cast) -> None:
    adi, vera = signed_in("adi"), cast["vera"]
    sign_in(Client(), "vera")
    reset(adi, vera, "factor")
    personal_page = adi.get(reverse("admin:complaints_staff_confirm", args=[vera.pk]))
    assert personal_page.status_code == 409
    assert adi.post(reverse("admin:complaints_staff_confirm", args=[vera.pk])).status_code == 409
    form = reverse("admin:complaints_staff_change", args=[vera.pk])
    for admin, is_offered in ((adi, False), (signed_in("super"), True)):
        page = admin.get(form).content.decode()
        assert (reverse("admin:complaints_staff_confirm", args=[vera.pk]) in page) is is_offered
    thief = Client()
    thief.post(reverse(LOGIN), {"login": "vera", "password": PASSWORD})
    for name in ("admin:index", "mfa_activate_totp", "mfa_add_webauthn", "account_change_password", CONFIRM):
        assert to(thief.get(reverse(name))) == reverse("account_confirmation"), name
    for code in ("", "salah", "00000-00000-00000-00000"):
        answer = thief.post(reverse("account_confirmation"), {"code": code})
        assert answer.status_code == 200 and f'value="{code}"' in answer.content.decode()
    assert not mfa.has_factor(vera)


def test_two_administrators_let_a_person_back_in(signed_in: SignedIn, cast: Cast) -> None:
    adi, other, vera = signed_in("adi"), signed_in("super"), cast["vera"]
    sign_in(Client(), "vera")
    page = adi.post(reverse("admin:complaints_staff_password", args=[vera.pk]), follow=True).content.decode()
    initial = re.findall(r"[0-9A-Z]{5}(?:-[0-9A-Z]{5}){4}", page)[0]
    address = reverse("admin:complaints_staff_confirm", args=[vera.pk])
    assert "Diminta oleh adi pada" in other.get(address).content.decode()
    confirmed = other.post(address, follow=True)
    assert reverse("admin:complaints_staff_change", args=[vera.pk]) in confirmed.content.decode()
    code = confirmed.context["code"]
    assert code in confirmed.content.decode()
    assert code not in other.get(reverse("admin:complaints_staff_change", args=[vera.pk])).content.decode()
    assert other.get(address).context["code"] == code, "a reload draws no new one"
    assert not adi.get(address).context["code"]
    client = Client()
    client.post(reverse(LOGIN), {"login": "vera", "password": initial})
    form = {"oldpassword": initial, "password1": NEW, "password2": NEW}
    client.post(reverse("account_change_password"), form)
    assert to(client.get(reverse("admin:index"))) == reverse("account_confirmation")
    assert to(client.post(reverse("account_confirmation"), {"code": code})) == reverse("admin:index")
    assert to(client.get(reverse("admin:index"))) == reverse("mfa_index")
    enrol(client)
    assert client.get(reverse("admin:me")).status_code == 200
    # The sign-in that led to the confirmation showed no desk, so the next one tells of it.
    client = Client()
    sign_in(client, "vera", NEW)
    assert "admin memberi kata sandi awal baru" in client.get(reverse("admin:index")).content.decode()


def test_a_new_administrator_is_confirmed_by_a_second_one(signed_in: SignedIn, cast: Cast) -> None:
    adi = signed_in("adi")
    form = {"username": "boneka", "role": Role.ADMIN, "language": "id", "is_active": "on"}
    assert adi.post(reverse("admin:complaints_staff_add"), form).status_code == 302
    assert Staff.objects.get(username="boneka").awaits_confirmation
    verifier = form | {"username": "petugas", "role": Role.VERIFIER}
    assert adi.post(reverse("admin:complaints_staff_add"), verifier).status_code == 302
    person = Staff.objects.get(username="petugas")
    assert not person.awaits_confirmation
    change = reverse("admin:complaints_staff_change", args=[person.pk])
    assert adi.post(change, verifier | {"role": Role.ADMIN}).status_code == 302
    assert Staff.objects.get(username="petugas").awaits_confirmation
    waiting = account_confirmation.waiting_for(person)
    assert waiting and waiting.cause == "admin"


def test_an_account_without_a_key_chooses_a_password_before_a_factor(cast: Cast) -> None:
    """As createsuperuser makes it: the factor is sealed to the key, and the key is made with the password."""
    account = Staff(username="akar", is_staff=True, is_superuser=True)
    account.set_password(PASSWORD)
    root = personal.create_account(account, now=timezone.now())
    client = Client()
    client.post(reverse(LOGIN), {"login": "akar", "password": PASSWORD})
    assert to(client.get(reverse("mfa_activate_totp"))) == reverse("account_change_password")
    form = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    assert client.post(reverse("account_change_password"), form).status_code == 302
    assert Staff.objects.get(pk=root.pk).has_key
    enrol(client)
    assert client.get(reverse("admin:index")).status_code == 200


def test_a_session_without_the_open_key_adds_no_app(cast: Cast) -> None:
    client = start_session("vera")
    session = client.session
    session.pop("staff_key")
    session.save()
    before = AuditEntry.objects.filter(event="factor.added").count()
    page = client.get(reverse("mfa_activate_totp"))
    secret = "".join(page.context["groups"])
    answer = client.post(reverse("mfa_activate_totp"), {"code": app_code(secret)})
    assert to(answer) == reverse("admin:me")
    assert AuditEntry.objects.filter(event="factor.added").count() == before
