"""Every address, by every method, with content types that no page of the portal sends: each answer is ours, and none is
a 500. Nothing of it changes a row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import cycle, islice
from typing import Any, Final
from wsgiref.types import WSGIApplication
from wsgiref.util import setup_testing_defaults

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_started
from django.db import close_old_connections
from django.http import HttpResponse
from django.test import Client
from pytest_django import DjangoDbBlocker

from portal.content_type import with_readable_type
from portal.middleware import HEADERS
from tests.database import built_once
from tests.security.addresses.expected import BEFORE_LOGIN, PUBLIC_GETS, STAFF_GETS
from tests.security.addresses.scene import AddressScenario, build
from tests.security.addresses.test_url_matrix import everything
from tests.world import Cast

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get")
PART: Final = b'--a\r\nContent-Disposition: form-data; name="e"\r\n\r\nx\r\n--a--\r\n'
FILE: Final = b'--a\r\nContent-Disposition: form-data; name="evidence"; filename="a.pdf"\r\n\r\n%PDF-1.4\r\n--a--\r\n'
# Content type and body.
KINDS: Final = {
    "latin": ("application/x-www-form-urlencoded; charset=latin-1", b"code=%e9"),
    "utf8": ("application/x-www-form-urlencoded; charset=utf8", b"code=x"),
    "utf16": ("multipart/form-data; boundary=a; charset=utf-16", PART),
    "no text": ("multipart/form-data; boundary=a; charset=hex", PART),
    "parts": ("multipart/form-data; boundary=a", PART),
    "file": ("multipart/form-data; boundary=a", FILE),
    "cut": ("multipart/form-data; boundary=a", FILE[:80]),
    "no boundary": ("multipart/form-data", PART),
    "odd header": ("multipart/form-data; boundary=a", PART.replace(b'name="e"', b"name*=x; name*0=y")),
    "json": ("application/json", b'{"code": "\\ud800"}'),
    "fields": ("application/x-www-form-urlencoded", b"a=&" * 400),
    "nul": ("application/x-www-form-urlencoded", b"code=%00&text=%00&login=%00&token=%00&file=%00&post=%00"),
    "none": ("", b"\x00\xff"),
}
EVERY: Final = (*PUBLIC_GETS, *STAFF_GETS, *BEFORE_LOGIN)


@pytest.fixture(scope="module")
def scene(shared_cast: Cast, django_db_blocker: DjangoDbBlocker) -> Iterator[AddressScenario]:
    with built_once(django_db_blocker), pytest.MonkeyPatch.context() as patch:
        patch.setattr("django.conf.settings.TEAM_KEY_PINS", shared_cast.pins)
        yield build(shared_cast)


def wrong(answer: HttpResponse) -> str:
    """What is amiss with an answer; "" for one of ours."""
    if answer.status_code >= 500:
        return str(answer.status_code)
    missing = [name for name in (*HEADERS, "Content-Security-Policy", "Content-Language") if name not in answer.headers]
    return f"without {missing}" if missing or "no-store" not in answer.headers["Cache-Control"] else ""


def walk(
    client: Client, scene: AddressScenario, names: Iterable[str], methods: Iterable[str], *, kinds: int = len(KINDS)
) -> dict[str, str]:
    """Ask each address by each method with so many kinds, the next ones at each, and return what is amiss."""
    turn, found = cycle(KINDS), {}
    for name in names:
        for method in methods:
            for kind in islice(turn, kinds):
                content_type, body = KINDS[kind]
                if amiss := wrong(client.generic(method, scene.address(name), body, content_type)):
                    found[f"{method} {name} {kind}"] = amiss
    return found


def with_cookies(scene: AddressScenario, who: str) -> Client:
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    client.cookies = scene.browsers[who].cookies
    client.get("/cek/")
    return client


def test_every_address_with_every_odd_body(db: None, scene: AddressScenario) -> None:
    before = everything()
    assert walk(with_cookies(scene, "anonymous"), scene, EVERY, ["POST"]) == {}
    assert everything() == before


def test_every_address_by_every_method(db: None, scene: AddressScenario) -> None:
    """One odd body each, in turn: of all methods but POST none reads it."""
    before = everything()
    assert walk(with_cookies(scene, "anonymous"), scene, EVERY, METHODS, kinds=1) == {}
    assert everything() == before


@pytest.mark.parametrize("who", ["drafter", "reporter"])
def test_odd_bodies_behind_the_token_of_a_reporter(db: None, scene: AddressScenario, who: str) -> None:
    """As if the page's token had come with them: the views themselves meet the body."""
    assert walk(scene.browsers[who], scene, PUBLIC_GETS, ["POST"]) == {}


@pytest.mark.parametrize("who", ["verifier", "lead body", "admin"])
def test_odd_bodies_behind_the_token_of_staff(db: None, scene: AddressScenario, who: str) -> None:
    ending = {"account_logout", "admin:logout", "account_login"}
    names = [name for name, (allowed, _code) in STAFF_GETS.items() if who in allowed and name not in ending]
    assert walk(scene.browsers[who], scene, names, ["POST"], kinds=3) == {}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("kind", ["text/plain; a*=x; a*0=y", "text/plain; a*=x''y", "text/plain; charset*=\x00''b"])
def test_a_content_type_that_django_cannot_read_counts_as_none(db: None, method: str, kind: str) -> None:
    """Django reads it before a middleware could answer, so that only the server would."""
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def ask(application: WSGIApplication) -> None:
        environ: dict[str, Any] = {"REQUEST_METHOD": method, "PATH_INFO": "/cek/", "CONTENT_TYPE": kind}
        setup_testing_defaults(environ)
        # As Django's test client does: the handler would close the connection of the tests.
        request_started.disconnect(close_old_connections)
        try:
            application(environ, lambda status, headers: started.append((status, headers)))
        finally:
            request_started.connect(close_old_connections)

    django: WSGIApplication = WSGIHandler()
    with pytest.raises((TypeError, ValueError)):
        ask(django)
    ask(with_readable_type(django))
    [(status, headers)] = started
    assert status == ("200 OK" if method == "GET" else "403 Forbidden")
    assert set(HEADERS) < {name for name, _value in headers}


def test_the_content_types_of_browsers_stay(db: None) -> None:
    kinds = [
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW",
        "multipart/form-data; boundary=---------------------------9051914041544843365972754266",
        "text/plain;charset=UTF-8",
        "application/octet-stream",
    ]
    seen: list[str] = []
    readable = with_readable_type(lambda environ, start: seen.append(environ["CONTENT_TYPE"]) or [])
    for kind in kinds:
        readable({"CONTENT_TYPE": kind}, None)
    assert seen == kinds


def test_a_nul_reaches_no_row(db: None, scene: AddressScenario) -> None:
    """PostgreSQL takes it in no text."""
    admin = scene.browsers["admin"]
    assert admin.get("/kantor/complaints/category/%00/change/").status_code == 400
    assert admin.post("/kantor/sesi/", {"session": "\0"}).status_code == 404
    assert admin.post("/kantor/sesi/", {"session": "00"}).status_code == 302, "a session that has ended meanwhile"
