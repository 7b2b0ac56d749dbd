"""All headers of every kind of answer, word for word: one that changes or disappears is seen here first."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path, reverse
from pytest_django import Settings

from complaints.domain.workflow import Action
from complaints.models.evidence import EvidenceObject
from complaints.services import case_actions, follow_up
from complaints.services.evidence import processing
from complaints.services.keyring import Actor
from portal import urls
from tests.images import photo
from tests.views.walk import send
from tests.world import Cast, at, sealed_upload, send_report, sign_in

DAY = date(2026, 11, 9)
NONCE = re.compile(r"'nonce-([\w-]{22})'")
POLICY = {
    "default-src": "'none'",
    "script-src": "'none'",
    "style-src": "'self'",
    "img-src": "'self'",
    "media-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "object-src": "'none'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
# What every answer carries that a browser is to show.
PAGE = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noarchive",
    # Other sites get nothing; "no-referrer" would make browsers post with "Origin: null", which CSRF must refuse.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()",
    "Content-Language": "id",
}
# A page with scripts of ours names the nonce that they bear; ``policy`` takes its value out.
WITH_SCRIPTS = PAGE | {"Content-Security-Policy": POLICY | {"script-src": "'nonce-'"}}
# Length and validators say nothing about protection; what a page varies by is for caches, and there are none.
BESIDE = {"Content-Length", "Vary", "Expires", "Last-Modified", "ETag", "Date", "Server"}
DOWNLOAD = {
    "Content-Type": "application/octet-stream",
    "Content-Security-Policy": {
        "sandbox": "",
        "default-src": "'none'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    },
}


def policy(text: str) -> dict[str, str]:
    """A policy without the order of its parts."""
    parts = (part.strip().partition(" ") for part in text.split(";"))
    return {name: NONCE.sub("'nonce-'", sources.strip()) for name, _, sources in parts}


def headers(answer: HttpResponse) -> dict[str, Any]:
    shown: dict[str, Any] = {name: value for name, value in answer.headers.items() if name not in BESIDE}
    if "Content-Security-Policy" in shown:
        shown["Content-Security-Policy"] = policy(shown["Content-Security-Policy"])
    return shown


def broken(request: HttpRequest) -> HttpResponse:
    """A view that breaks."""
    raise RuntimeError


class Urls:
    """The portal's own addresses and one that breaks."""

    urlpatterns = [path("rusak/", broken), *urls.urlpatterns]


@pytest.fixture
def client(cast: Cast) -> Client:
    cache.clear()
    return Client(raise_request_exception=False)


@pytest.mark.parametrize(
    "address", ["/", "/lapor/", "/lapor/ditekan/", "/cek/", "/lapor/pintu-lain/sp4n/", "/lapor/siapa/", "/cek/laporan/"]
)
def test_headers_of_a_public_page(client: Client, address: str) -> None:
    answer = client.get(address)
    # A page has the script of the quick exit.
    expected = PAGE | {"Location": answer.headers["Location"]} if answer.status_code == 302 else WITH_SCRIPTS
    assert headers(answer) == expected
    english = client.get(f"/en{address}")
    assert {**headers(english), "Location": ""} == {**expected, "Content-Language": "en", "Location": ""}


def test_the_pages_that_show_something(client: Client) -> None:
    sent = send(client)
    assert headers(sent) == PAGE | {"Location": "/lapor/kode/"}
    assert headers(client.get("/lapor/kode/")) == WITH_SCRIPTS
    client.post("/cek/", {"code": send_report().code})
    assert headers(client.get("/cek/laporan/")) == WITH_SCRIPTS


def test_each_answer_has_a_nonce_of_its_own_and_every_script_bears_it(client: Client) -> None:
    """Also where the page comes from the cache of pages: the nonce of one visitor is nobody else's."""
    client.post("/cek/", {"code": send_report().code})
    sign_in(client, "vera")
    drawn = []
    for address in ("/cek/laporan/", "/cek/laporan/", "/kantor/", "/kantor/complaints/case/"):
        answer = client.get(address)
        nonce = NONCE.search(answer.headers["Content-Security-Policy"])
        scripts = re.findall(r"<script([^>]*) src=([^>]*)>", answer.content.decode())
        assert nonce and scripts, address
        assert [tag for tag in scripts if f'nonce="{nonce[1]}"' not in "".join(tag)] == []
        drawn.append(nonce[1])
    assert len(set(drawn)) == len(drawn)


def test_every_cookie_is_strict_short_and_out_of_reach_of_scripts(client: Client) -> None:
    client.get("/cek/")
    client.post("/cek/", {"code": send_report().code})
    sign_in(client, "vera")
    assert {"lapor", "csrf", "kantor", "kantor-peramban"} <= set(client.cookies)
    for name, cookie in client.cookies.items():
        if cookie.value:
            # A report bears no cookie that tells who on the staff has sent it.
            path = "/kantor/" if name.startswith("kantor") else "/"
            marks = (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["domain"])
            assert marks == (True, "Strict", path, ""), name
            assert len(name) + len(cookie.value) <= 4096


def test_leaving_empties_what_the_browser_keeps(client: Client) -> None:
    client.post("/cek/", {"code": send_report().code})
    sign_in(client, "vera")
    for address in ("/cek/keluar/", "/kantor/keluar/"):
        assert client.post(address, secure=True).headers["Clear-Site-Data"] == '"cache", "storage"'


def test_the_code_as_a_file(client: Client) -> None:
    send(client)
    asked = {"Content-Type": "text/plain; charset=utf-8", "Content-Disposition": 'attachment; filename="catatan.txt"'}
    assert headers(client.post("/lapor/kode/unduh/")) == PAGE | asked


def test_the_answer_for_load_balancers(client: Client) -> None:
    assert headers(client.get("/healthz")) == PAGE | {"Content-Type": "text/plain"}


def test_a_page_that_is_not_there(client: Client) -> None:
    answer = client.get("/tidak-ada/")
    assert (answer.status_code, headers(answer)) == (404, PAGE)


def test_a_form_without_its_token() -> None:
    answer = Client(enforce_csrf_checks=True).post("/cek/", {"code": "x"})
    assert (answer.status_code, headers(answer)) == (403, PAGE)


def test_an_act_that_was_asked_by_get(client: Client) -> None:
    answer = client.get("/cek/keluar/")
    assert (answer.status_code, headers(answer)) == (405, PAGE | {"Allow": "POST"})


def test_a_host_that_is_not_ours(client: Client) -> None:
    answer = client.get("/", headers={"host": "lain.invalid"})
    assert answer.status_code == 400
    assert {name: value for name, value in headers(answer).items() if name != "Content-Language"} == {
        name: value for name, value in PAGE.items() if name != "Content-Language"
    }


def test_a_page_that_broke(client: Client, settings: Settings) -> None:
    settings.ROOT_URLCONF = Urls
    answer = client.get("/rusak/")
    assert (answer.status_code, headers(answer)) == (500, PAGE)


@pytest.fixture
def static_file() -> Iterator[str]:
    place = settings.STATIC_ROOT / "kepala.css"
    place.write_text("body { color: teal }", encoding="ascii")
    yield "/static/kepala.css"
    place.unlink()


def test_a_static_file(static_file: str, monkeypatch: pytest.MonkeyPatch, db: None) -> None:
    monkeypatch.setattr("whitenoise.middleware.WhiteNoiseMiddleware.autorefresh", True, raising=False)
    answer = Client().get(static_file)
    assert answer.status_code == 200
    shown = headers(answer)
    assert shown.pop("Cache-Control").startswith("max-age=")
    kind = {"Content-Type": 'text/css; charset="utf-8"'}
    expected = {name: value for name, value in PAGE.items() if name not in {"Cache-Control", "Content-Language"}}
    # Own files may be loaded by the own pages alone; whitenoise would let any page of the world.
    assert shown == expected | kind


# --- The staff's door


@pytest.mark.parametrize("address", ["/kantor/masuk/", "/kantor/", "/kantor/complaints/case/", "/kantor/tidak-ada/"])
def test_headers_of_staff_pages_without_a_session(client: Client, address: str) -> None:
    answer = client.get(address)
    shown = headers(answer)
    expected = PAGE | ({"Location": answer.headers["Location"]} if answer.status_code == 302 else {})
    assert "no-store" in shown.pop("Cache-Control")
    assert shown == {name: value for name, value in expected.items() if name != "Cache-Control"}


def test_the_staffs_pages(client: Client) -> None:
    sent = send_report()
    sign_in(client, "vera")
    case = reverse("admin:complaints_case_change", args=[sent.case.pk])
    for address in (reverse("admin:index"), reverse("admin:me"), reverse("admin:complaints_case_changelist"), case):
        shown = headers(client.get(address))
        assert "no-store" in shown.pop("Cache-Control")
        assert shown == {name: value for name, value in WITH_SCRIPTS.items() if name != "Cache-Control"}, address


@pytest.fixture
def stored(cast: Cast) -> dict[str, Any]:
    sent = send_report(today=DAY)
    follow_up.add_message(ticket=sent.ticket, text="", files=[sealed_upload(photo(), 'a"b\r\nX: 1;.jpg')], today=DAY)
    processing.process_pending()
    case_actions.act(actor=Actor(cast.ring("vera"), at(DAY)), case_id=sent.case.pk, action=Action.START_REVIEW)
    return {
        "case": sent.case,
        **{stored_object.variant: stored_object for stored_object in EvidenceObject.objects.all()},
    }


@pytest.mark.parametrize("variant", ["original", "working"])
def test_downloaded_file_headers(client: Client, stored: dict[str, Any], variant: str) -> None:
    """No browser runs it, guesses its kind, or keeps it, and the portal chooses its name."""
    sign_in(client, "vera")
    address = reverse("admin:complaints_case_file", args=[stored["case"].pk, stored[variant].pk])
    shown = headers(client.post(address, {"reason": "Cek."}))
    name = shown.pop("Content-Disposition")
    assert name.startswith('attachment; filename="')
    assert stored["case"].reference in name
    assert "X: 1" not in name
    assert "no-store" in shown.pop("Cache-Control")
    assert shown == {name: value for name, value in (PAGE | DOWNLOAD).items() if name != "Cache-Control"}


def test_a_copy_that_is_shown_inside_a_page(client: Client, stored: dict[str, Any]) -> None:
    """An image that the portal itself has written anew; should a browser take it for a page, nothing in it runs."""
    sign_in(client, "vera")
    item = stored["working"].evidence
    client.get(reverse("admin:complaints_case_view", args=[stored["case"].pk, item.pk]))
    address = reverse("admin:complaints_case_shown", args=[stored["case"].pk, item.pk, stored["working"].pk])
    shown = headers(client.get(address))
    assert shown["Content-Type"] == "image/jpeg"
    assert shown["X-Content-Type-Options"] == "nosniff"
    assert shown["Content-Security-Policy"] == DOWNLOAD["Content-Security-Policy"]
    assert "no-store" in shown["Cache-Control"]
    for name in ("X-Frame-Options", "Referrer-Policy", "Cross-Origin-Resource-Policy", "Cross-Origin-Opener-Policy"):
        assert shown[name] == PAGE[name]


def test_every_script_of_a_template_bears_the_nonce() -> None:
    """The policy blocks a script without it, and only a browser would notice."""
    tags = {
        (str(path.relative_to(settings.BASE_DIR)), tag)
        for path in (settings.BASE_DIR / "templates").rglob("*.html")
        for tag in re.findall(r"<script\b(?:\{\{.*?\}\}|\{%.*?%\}|[^>])*>", path.read_text(encoding="utf-8"))
    }
    loaded = {(name, tag) for name, tag in tags if re.search(r"\ssrc=", tag)}
    assert len(loaded) > 8
    assert [(name, tag) for name, tag in sorted(loaded) if "script_nonce }}" not in tag] == []
