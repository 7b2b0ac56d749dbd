"""Every address with every person: what is not for somebody does not exist for them, acts come by POST only, and no
POST is taken without the token of a page. A new address without an expectation fails here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoDbBlocker

from tests.database import built_once
from tests.security import traces
from tests.security.addresses.expected import AFTER_LOOKING, BEFORE_LOGIN, PUBLIC_GETS, STAFF_GETS
from tests.security.addresses.scene import STAFF, STRANGERS, AddressScenario, addresses, build
from tests.world import Cast

POST_ONLY = {name for name, codes in PUBLIC_GETS.items() if 405 in codes} | {
    name for name, (_who, code) in STAFF_GETS.items() if code == 405
}

# What a machine asks, and no person reads.
WITHOUT_LANGUAGE = {"healthz", "readyz"}


@pytest.fixture(scope="module")
def scene(shared_cast: Cast, django_db_blocker: DjangoDbBlocker) -> Iterator[AddressScenario]:
    with built_once(django_db_blocker), pytest.MonkeyPatch.context() as patch:
        patch.setattr("django.conf.settings.TEAM_KEY_PINS", shared_cast.pins)
        # On a busy machine the module may take longer than a password and a code count as fresh.
        patch.setattr("django.conf.settings.ACCOUNT_REAUTHENTICATION_TIMEOUT", 3600)
        yield build(shared_cast)


def ask(scene: AddressScenario, who: str, name: str, *, missing: bool = False) -> HttpResponse:
    """GET an address as somebody, after the look that some of them want first."""
    client = scene.browsers[who]
    if name in AFTER_LOOKING:
        client.get(scene.address(AFTER_LOOKING[name], missing=missing))
    return client.get(scene.address(name, missing=missing))


def look(scene: AddressScenario, who: str, name: str, prefix: str = "") -> HttpResponse:
    """GET a public page by a link of another site, by which the quick exit ends no session of the scene."""
    return scene.browsers[who].get(prefix + scene.address(name), headers={"Sec-Fetch-Site": "cross-site"})


def to_login(answer: HttpResponse) -> bool:
    """Whether somebody is sent to the login, by whatever way."""
    target = answer.headers.get("Location", "")
    ways = {reverse(name) for name in ("account_login", "admin:login", "admin:index")}
    return answer.status_code == 302 and target.partition("?")[0] in ways


def test_every_address_has_an_expectation() -> None:
    assert set(addresses()) == set(STAFF_GETS) | set(PUBLIC_GETS) | set(BEFORE_LOGIN)


@pytest.mark.parametrize("who", STAFF)
def test_staff_see_their_pages_and_others_look_missing(db: None, scene: AddressScenario, who: str) -> None:
    """What is forbidden answers exactly as the same page of something that never was."""
    wrong = {}
    for name, (allowed, code) in STAFF_GETS.items():
        page = ask(scene, who, name)
        expected = code if who in allowed else 404
        if page.status_code != expected:
            wrong[name] = f"{page.status_code}, not {expected}"
        # Where nothing in the address tells one case or person from another, there is no other page to compare with.
        if who not in allowed and scene.address(name) != scene.address(name, missing=True):
            missing_page = ask(scene, who, name, missing=True)
            if (page.status_code, page.content) != (missing_page.status_code, missing_page.content):
                wrong[f"{name} missing"] = f"{missing_page.status_code}, or another content"
    assert wrong == {}


@pytest.mark.parametrize("who", STRANGERS)
def test_without_a_session_every_page_leads_to_the_login(db: None, scene: AddressScenario, who: str) -> None:
    for name in set(STAFF_GETS) - set(BEFORE_LOGIN):
        for missing in (False, True):
            assert to_login(ask(scene, who, name, missing=missing)), name
    for name, code in BEFORE_LOGIN.items():
        assert ask(scene, who, name).status_code == code, name


@pytest.mark.parametrize("prefix", ["", "/en"])
def test_public_pages(db: None, scene: AddressScenario, prefix: str) -> None:
    wrong = {}
    for name, codes in PUBLIC_GETS.items():
        if prefix and name in WITHOUT_LANGUAGE:
            continue
        for who, expected in zip(STRANGERS, codes, strict=True):
            answer = look(scene, who, name, prefix)
            if answer.status_code != expected:
                wrong[f"{name} {who}"] = f"{answer.status_code}, not {expected}"
    assert wrong == {}


@pytest.mark.parametrize("who", STAFF)
def test_a_staff_session_changes_no_public_page(db: None, scene: AddressScenario, who: str) -> None:
    for name, codes in PUBLIC_GETS.items():
        assert look(scene, who, name).status_code == codes[0], name


def test_a_ticket_opens_with_its_own_cookie_only(db: None, scene: AddressScenario) -> None:
    reference = scene.sent.case.reference
    for who in (*STRANGERS, *STAFF):
        shown = any(reference in look(scene, who, name).content.decode() for name in PUBLIC_GETS)
        assert shown == (who == "reporter"), who


# --- Acts


@pytest.mark.parametrize("method", ["get", "head"])
def test_acts_come_by_post_only(db: None, scene: AddressScenario, method: str) -> None:
    before = everything()
    for name in POST_ONLY:
        people = STAFF_GETS[name][0] if name in STAFF_GETS else STRANGERS
        for who in people:
            assert getattr(scene.browsers[who], method)(scene.address(name)).status_code == 405, (name, who)
    assert everything() == before


@pytest.mark.parametrize("method", ["put", "patch", "delete", "options", "trace"])
def test_no_other_method_does_anything(db: None, scene: AddressScenario, method: str) -> None:
    before = everything()
    for who in ("reporter", "verifier"):
        client = Client(enforce_csrf_checks=True, raise_request_exception=False)
        client.cookies = scene.browsers[who].cookies
        for name in (*PUBLIC_GETS, *STAFF_GETS):
            answer = getattr(client, method)(scene.address(name))
            assert answer.status_code < 500, (name, who)
    assert everything() == before


def everything() -> list[Any]:
    """All rows but those of sessions, which prolong themselves, and what looking leaves in the chain."""
    passing = {"complaints_sealedsession", "complaints_auditentry", "complaints_chainhead"}
    counted = ("complaints_message.is_read", "complaints_staff.last_login")
    rows = [
        (place, content)
        for place, content in traces.tables()
        if place.split(".")[0] not in passing and place not in counted
    ]
    return sorted(rows)


FORM = {
    "code": "x",
    "text": "Palsu.",
    "reason": "Palsu.",
    "go": "next",
    "accused_kind": "superior",
    "category": "A1",
    "assignee": "",
    "seen": "forwarded",
    "language": "en",
    "reply": "Palsu.",
    "url": "https://contoh.invalid/palsu",
    "new_password": "palsu palsu palsu palsu",
}


@pytest.mark.parametrize("who", [*STAFF, *STRANGERS])
def test_a_post_without_csrf_token_is_refused(db: None, scene: AddressScenario, who: str) -> None:
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    client.cookies = scene.browsers[who].cookies
    before = everything()
    for name in (*PUBLIC_GETS, *STAFF_GETS, *BEFORE_LOGIN):
        # Before anything is looked up: neither page nor person matters.
        answer = client.post(scene.address(name), FORM | {"csrfmiddlewaretoken": "a" * 32})
        assert answer.status_code == 403, (name, answer.status_code)
    assert everything() == before


@pytest.mark.parametrize("who", [*STAFF, *STRANGERS])
def test_a_forbidden_post_changes_nothing(db: None, scene: AddressScenario, who: str) -> None:
    before = everything()
    for name, (allowed, _code) in STAFF_GETS.items():
        if who not in allowed and not name.startswith("account_"):
            answer = scene.browsers[who].post(scene.address(name), FORM)
            assert answer.status_code in {404, 405} or to_login(answer), (name, answer.status_code)
    assert everything() == before


def test_a_superuser_posts_to_a_case_in_vain(db: None, scene: AddressScenario) -> None:
    """The addresses are there for them, because they see that the case is; the acts are not."""
    before = everything()
    for name, (allowed, code) in STAFF_GETS.items():
        if name.startswith("admin:complaints_case") and "superuser" in allowed and code == 405:
            answer = scene.browsers["superuser"].post(scene.address(name), FORM)
            assert answer.status_code in {404, 409}, (name, answer.status_code)
    assert everything() == before


ODD = ["*", "//", "/en", "/en/", "/kantor", "/%00/", "/cek/%ff", "/en//cek/", "/" + "a" * 3000]


@pytest.mark.parametrize("path", ODD)
def test_odd_addresses_break_nothing(db: None, scene: AddressScenario, path: str) -> None:
    for method in ("GET", "POST", "OPTIONS"):
        answer = scene.browsers["anonymous"].generic(method, path)
        assert answer.status_code < 500, method
