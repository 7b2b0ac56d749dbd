"""Places for passwords: two Argon2id computations at once, one place kept for browsers that have signed in before."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password
from django.core.signing import Signer
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from complaints.models.session import LoginDelay
from complaints.models.sign_in import SigninCount
from complaints.models.team import Staff
from complaints.services import password_hashing
from complaints.services.password_hashing import Busy, known_browser, place
from complaints.services.team_keys import personal
from portal.accounts import browser_mark
from portal.accounts.hashers import PepperedArgon2PasswordHasher
from tests.world import PASSWORD, Cast, SignedIn, enrol, sign_in

LOGIN, MARK = reverse("account_login"), settings.BROWSER_MARK_COOKIE_NAME
NEW = "empat kata yang tidak serumpun"


@contextmanager
def taken(*, by_known: int = 0, by_strangers: int = 0) -> Iterator[None]:
    """Let other threads hold places while the block runs."""
    leave = threading.Event()

    def hold(is_known: bool, entered: threading.Event) -> None:
        with known_browser(is_known=is_known), place():
            entered.set()
            leave.wait(60)

    with ExitStack() as threads:
        threads.callback(leave.set)
        for is_known in [True] * by_known + [False] * by_strangers:
            entered = threading.Event()
            thread = threading.Thread(target=hold, args=(is_known, entered))
            thread.start()
            threads.callback(thread.join)
            threads.callback(leave.set)
            assert entered.wait(60)
        yield


@pytest.fixture(autouse=True)
def _no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(password_hashing, "WAIT_SECONDS", 0.0)


def may_enter(*, is_known: bool) -> bool:
    try:
        with known_browser(is_known=is_known), place():
            return True
    except Busy:
        return False


@pytest.mark.parametrize(
    ("by_known", "by_strangers", "known_may", "stranger_may"),
    [(0, 0, True, True), (0, 1, True, False), (1, 0, True, True), (1, 1, False, False), (2, 0, False, False)],
)
def test_two_places_one_of_them_kept(by_known: int, by_strangers: int, known_may: bool, stranger_may: bool) -> None:
    with taken(by_known=by_known, by_strangers=by_strangers):
        assert (may_enter(is_known=True), may_enter(is_known=False)) == (known_may, stranger_may)
    assert may_enter(is_known=True)
    assert may_enter(is_known=False)


def test_a_refused_stranger_takes_nothing_from_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    with taken(by_known=2):
        assert not may_enter(is_known=False)
    with taken(by_strangers=1):
        assert may_enter(is_known=True)


def test_a_place_holds_for_what_is_done_inside_it() -> None:
    with place(), place(), taken(by_known=1):
        assert not may_enter_elsewhere()
        with place():
            pass
    with pytest.raises(ZeroDivisionError), place():
        raise ZeroDivisionError
    assert may_enter(is_known=False)


def may_enter_elsewhere() -> bool:
    found: list[bool] = []
    thread = threading.Thread(target=lambda: found.append(may_enter(is_known=True)))
    thread.start()
    thread.join()
    return found[0]


def test_of_many_at_once_no_more_than_the_places_are_hashed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Setting and checking a password alike; the others are refused, and nobody waits for long."""
    now, most, refused = [0], [0], []
    lock, begin = threading.Lock(), threading.Barrier(64)
    monkeypatch.setattr(password_hashing, "WAIT_SECONDS", 0.05)

    def work(*arguments: object) -> Any:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.2)
        with lock:
            now[0] -= 1
        return "peppered_argon2$x" if len(arguments) == 3 else True

    stored = make_password("x")
    monkeypatch.setattr(PepperedArgon2PasswordHasher.__mro__[1], "verify", work)
    monkeypatch.setattr(PepperedArgon2PasswordHasher.__mro__[1], "encode", work)

    def one(number: int) -> None:
        begin.wait(60)
        try:
            with known_browser(is_known=number % 2 == 0):
                check_password("x", stored) if number % 3 else make_password("x")
        except Busy:
            refused.append(number)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert most[0] == 2
    assert refused


# --- The pages


def post(client: Client, name: str = "vera", password: str = PASSWORD) -> HttpResponse:
    return client.post(LOGIN, {"login": name, "password": password})


@pytest.mark.parametrize("name", ["vera", "tidakada"])
def test_who_finds_no_place_is_told_to_wait_and_has_not_guessed(cast: Cast, name: str) -> None:
    client = Client()
    with taken(by_strangers=1):
        page = post(client, name)
    assert (page.status_code, page.headers["Retry-After"]) == (429, "5")
    text = page.content.decode()
    assert "kata sandi ini belum diperiksa" in text and f'value="{name}"' in text
    assert not SigninCount.objects.exists() and not LoginDelay.objects.exists()
    assert "_auth_user_id" not in client.session
    assert post(client).status_code == 302


def test_the_sign_in_leaves_a_mark_that_keeps_a_place(cast: Cast) -> None:
    client = Client()
    assert MARK not in client.cookies
    post(client)
    assert MARK not in client.cookies, "the password alone"
    client = sign_in(Client(), "vera")
    again, stranger = Client(), Client()
    again.cookies[MARK] = client.cookies[MARK].value
    with taken(by_strangers=1):
        assert post(stranger, "vino").status_code == 429
        answer = post(again)
    assert answer.headers["Location"] == reverse("mfa_authenticate"), "and replaces no factor"
    assert "_auth_user_id" not in again.session


def test_the_mark_names_nobody(cast: Cast) -> None:
    marks = []
    for name in ("vera", "vera", "vino"):
        cookie = sign_in(Client(), name).cookies[MARK]
        marks.append(cookie.value)
        assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == ("/kantor/", True, "Strict")
    parts = [mark.partition(":")[0].split(".") for mark in marks]
    assert len({random for random, _week in parts}) == 3
    assert {week for _random, week in parts} == {str(timezone.localdate().toordinal() // 7)}
    assert all(len(random) == 16 for random, _week in parts)


@pytest.mark.parametrize("mark", ["", "x", "00.1", "00.1:x", "é"])
def test_a_forged_mark_keeps_no_place(cast: Cast, mark: str) -> None:
    client = Client()
    client.cookies[MARK] = mark
    with taken(by_strangers=1):
        assert post(client).status_code == 429


def test_a_mark_signed_for_another_purpose_keeps_no_place() -> None:
    request = RequestFactory().get("/")
    for salt, expected in (("portal.accounts.browser_mark", True), ("another", False)):
        request.COOKIES[MARK] = Signer(salt=salt).sign(f"{'0' * 16}.{timezone.localdate().toordinal() // 7}")
        assert browser_mark.has_mark(request) is expected


def test_an_old_mark_keeps_no_place(cast: Cast) -> None:
    client = Client()
    client.cookies[MARK] = sign_in(Client(), "vera").cookies[MARK].value
    later = timezone.now() + timedelta(weeks=browser_mark.VALID_WEEKS + 1)
    with taken(by_strangers=1), time_machine.travel(later):
        assert post(client).status_code == 429


def test_setting_up_the_first_factor_leaves_a_mark_too(cast: Cast) -> None:
    client = Client()
    account = Staff(username="akar", role="admin", is_staff=True, is_superuser=True)
    person = personal.create_account(account, now=timezone.now())
    personal.change_password(staff=person, password=PASSWORD)
    post(client, "akar")
    assert MARK not in client.cookies
    enrol(client)
    assert MARK in client.cookies


def test_confirming_and_changing_a_password_take_a_place_too(
    signed_in: SignedIn, cast: Cast, settings: Settings
) -> None:
    client, before = signed_in("vera"), Staff.objects.get(username="vera").password
    change = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    with taken(by_known=1, by_strangers=1):
        confirmed = client.post(reverse("account_reauthenticate"), {"password": PASSWORD, "code": "000000"})
        changed = client.post(reverse("account_change_password"), change)
    for answer in (confirmed, changed):
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "5")
    assert "tidak ada yang diperiksa atau diubah" in changed.content.decode()
    assert Staff.objects.get(username="vera").password == before
    assert client.post(reverse("account_change_password"), change).status_code == 302


def test_a_new_initial_password_takes_a_place_too(signed_in: SignedIn, cast: Cast) -> None:
    client, vino = signed_in("adi"), cast["vino"]
    address = reverse("admin:complaints_staff_password", args=[vino.pk])
    form = {"username": "baru", "role": "verifier", "language": "id", "is_active": "on"}
    with taken(by_known=2):
        assert client.post(address).status_code == 429
        assert client.post(reverse("admin:complaints_staff_add"), form).status_code == 429
    assert Staff.objects.get(pk=vino.pk).has_key
    assert not Staff.objects.filter(username="baru").exists()


def test_opening_a_key_takes_a_place_too(cast: Cast) -> None:
    with taken(by_known=2), pytest.raises(Busy):
        personal.unlock(staff=cast["vera"], password=PASSWORD)
    assert personal.unlock(staff=cast["vera"], password=PASSWORD) is not None
