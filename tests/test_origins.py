"""Three origins, kept apart: which pages each serves, whose forms it takes, what its cookies and headers are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client, override_settings

from portal.origins import ONION_LISTENER
from tests.webserver import ONION_HOST
from tests.world import Cast, send_report, sign_in

ONION, PUBLIC, STAFF = f"http://{ONION_HOST}", "https://lapor.example.go.id", "https://kantor.example.go.id"
PUBLIC_HOST, STAFF_HOST = "lapor.example.go.id", "kantor.example.go.id"
SECRET = "ab" * 32
# As portal/settings.py makes them for such a PORTAL_ORIGIN behind a proxy.
SETTINGS: dict[str, Any] = {
    "PUBLIC_ORIGIN": PUBLIC,
    "ONION_ORIGIN": ONION,
    "STAFF_ORIGIN": "",
    "ALLOWED_HOSTS": [PUBLIC_HOST, ONION_HOST, STAFF_HOST],
    "CSRF_TRUSTED_ORIGINS": [PUBLIC],
    "SECURE": True,
    "SECURE_SSL_REDIRECT": True,
    "SECURE_HSTS_SECONDS": 63072000,
    "SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https"),
    "BEHIND_PROXY": True,
    "SESSION_COOKIE_SECURE": True,
    "CSRF_COOKIE_SECURE": True,
    "CSRF_COOKIE_NAME": "__Host-csrf",
    "REPORTER_COOKIE_NAME": "__Host-lapor",
}


@pytest.fixture(autouse=True)
def _origins(settings: Any) -> None:
    middleware = [name.replace("django.middleware.security.", "portal.origins.") for name in settings.MIDDLEWARE]
    for name, value in {**SETTINGS, "MIDDLEWARE": middleware}.items():
        setattr(settings, name, value)


def public(**more: Any) -> Client:
    return Client(HTTP_HOST=PUBLIC_HOST, HTTP_X_FORWARDED_PROTO="https", **more)


def staff(**more: Any) -> Client:
    return Client(HTTP_HOST=STAFF_HOST, HTTP_X_FORWARDED_PROTO="https", **more)


def onion(host: str = ONION_HOST, **more: Any) -> Client:
    return Client(**{ONION_LISTENER: True, "HTTP_HOST": host, **more})


# --- The onion


def test_the_onion_neither_leads_to_https_nor_asks_browsers_to_remember_it(cast: Cast) -> None:
    answer = onion().get("/cek/")
    assert answer.status_code == 200
    assert "Strict-Transport-Security" not in answer.headers
    assert "Onion-Location" not in answer.headers
    plain = Client(HTTP_HOST=PUBLIC_HOST).get("/cek/")
    assert (plain.status_code, plain.headers["Location"]) == (301, f"{PUBLIC}/cek/")
    assert public().get("/cek/").headers["Strict-Transport-Security"].startswith("max-age=63072000")


def test_a_host_belongs_to_its_listener(cast: Cast) -> None:
    assert onion(ONION_HOST.upper()).get("/cek/").status_code == 200
    assert onion(f"{ONION_HOST}:80").get("/cek/").status_code == 200
    for host in (PUBLIC_HOST, STAFF_HOST, "localhost", f"{ONION_HOST}:8000", f"x.{ONION_HOST}", "", "a b"):
        assert onion(host).get("/cek/").status_code == 400, host
    for host in (ONION_HOST, ONION_HOST.upper(), f"{ONION_HOST}.", f"x.{ONION_HOST}", "evil.example"):
        assert public(HTTP_FORWARDED="x").get("/cek/", headers={"host": host}).status_code == 400, host


def test_a_foreign_host_writes_no_line(cast: Cast, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("ERROR"):
        onion("evil.example").get("/cek/")
    assert caplog.records == []


def test_the_staffs_pages_are_not_on_the_onion(cast: Cast) -> None:
    for path in ("/kantor/", "/kantor", "/kantor/masuk/", "/kantor/complaints/case/", "/%6bantor/"):
        assert onion().get(path).status_code == 404, path
    assert public().get("/kantor/masuk/").status_code == 200


def cookies(answer: HttpResponse) -> dict[str, bool]:
    """Names of the cookies that an answer sets, and whether they ask for https."""
    return {name: bool(cookie["secure"]) for name, cookie in answer.cookies.items()}


def begin(client: Client) -> HttpResponse:
    """Answer the first page of a report."""
    return client.post(
        "/lapor/",
        {"door": "witnessed", "accused_kind": "colleague", "category": "campaigning", "csrfmiddlewaretoken": "x"},
    )


def test_cookies_of_the_onion_need_no_https_and_those_of_the_public_origin_do(cast: Cast) -> None:
    assert cookies(onion().get("/cek/")) == {"csrf": False}
    assert cookies(public().get("/cek/")) == {"__Host-csrf": True}
    sent = send_report()
    for client, expected in ((onion(), {"lapor": False}), (public(), {"__Host-lapor": True})):
        answer = client.post("/cek/", {"code": sent.code})
        assert (answer.status_code, cookies(answer)) == (302, expected)
        cookie = next(iter(answer.cookies.values()))
        assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Strict", "/")
        assert client.get("/cek/laporan/").status_code == 200
        client.post("/cek/keluar/")
        assert client.get("/cek/laporan/").status_code == 302


def test_a_cookie_with_the_public_name_opens_nothing_on_the_onion(cast: Cast) -> None:
    client = public()
    client.post("/cek/", {"code": send_report().code})
    stolen = onion(HTTP_COOKIE=f"__Host-lapor={client.cookies['__Host-lapor'].value}")
    assert stolen.get("/cek/laporan/").status_code == 302


# --- Forms


def posted(client: Client, name: str, **headers: str) -> int:
    """The status of a ticket code posted with the page's token, and the headers that a browser would send."""
    client.handler.enforce_csrf_checks = True
    client.get("/cek/")
    values = {"code": "x", "csrfmiddlewaretoken": client.cookies[name].value}
    return client.post("/cek/", values, **headers).status_code


def test_each_origin_takes_its_own_forms_alone(cast: Cast) -> None:
    assert posted(onion(), "csrf", HTTP_ORIGIN=ONION) == 200
    assert posted(public(), "__Host-csrf", HTTP_ORIGIN=PUBLIC) == 200
    for foreign in (PUBLIC, STAFF, "null", "https://evil.example", f"https://{ONION_HOST}", f"{ONION}:8080"):
        assert posted(onion(), "csrf", HTTP_ORIGIN=foreign) == 403, foreign
    for foreign in (ONION, STAFF, "null", "https://evil.example", f"http://{PUBLIC_HOST}"):
        assert posted(public(), "__Host-csrf", HTTP_ORIGIN=foreign) == 403, foreign


def test_without_an_origin_the_referrer_counts(cast: Cast) -> None:
    assert posted(onion(), "csrf", HTTP_REFERER=f"{ONION}/cek/") == 200
    assert posted(onion(), "csrf", HTTP_REFERER=f"{PUBLIC}/cek/") == 403
    assert posted(public(), "__Host-csrf", HTTP_REFERER=f"{PUBLIC}/cek/") == 200
    assert posted(public(), "__Host-csrf", HTTP_REFERER=f"{ONION}/cek/") == 403
    assert posted(public(), "__Host-csrf", HTTP_REFERER="https://[") == 403


# --- What the public origin tells of the onion


@pytest.mark.parametrize("path", ["/", "/en/", "/cek/", "/lapor/ditekan/", "/en/lapor/pintu-lain/sp4n/"])
def test_public_pages_name_the_same_page_of_the_onion(cast: Cast, path: str) -> None:
    assert public().get(f"{path}?x=y").headers["Onion-Location"] == f"{ONION}{path}"


def test_nothing_else_names_the_onion(cast: Cast) -> None:
    for path in ("/kantor/masuk/", "/tidak-ada/", "/lapor/siapa/", "/healthz"):
        assert "Onion-Location" not in public().get(path).headers, path
    client = public()
    client.post("/cek/", {"code": send_report().code})
    for path in ("/cek/laporan/", "/", "/cek/"):
        # Going on there would lose what is open here.
        assert "Onion-Location" not in client.get(path).headers, path
    with override_settings(ONION_ORIGIN="", STAFF_ORIGIN=STAFF):
        assert "Onion-Location" not in public().get("/").headers


@pytest.mark.parametrize("path", ["/", "/en/"])
def test_the_front_page_names_the_onion_where_there_is_one(cast: Cast, path: str) -> None:
    for client in (public(), onion()):
        assert f"<code>{ONION}</code>" in client.get(path).content.decode()
    with override_settings(ONION_ORIGIN=""):
        assert "Tor" not in public().get(path).content.decode()


def test_without_an_onion_its_name_is_any_other(cast: Cast) -> None:
    with override_settings(ONION_ORIGIN="", ALLOWED_HOSTS=[PUBLIC_HOST]):
        assert Client(HTTP_HOST=ONION_HOST).get("/cek/").status_code == 400


# --- The staff's own origin


@pytest.fixture
def own_origin() -> Iterator[None]:
    with override_settings(STAFF_ORIGIN=STAFF):
        yield


@pytest.mark.usefixtures("own_origin")
def test_the_staffs_pages_are_on_their_own_origin_alone(cast: Cast) -> None:
    for client in (public(), onion()):
        for path in ("/kantor/", "/kantor", "/kantor/masuk/", "/kantor/tidak-ada/"):
            assert client.get(path).status_code == 404, path
        assert client.get("/cek/").status_code == 200
    for path in ("/cek/", "/en/", "/lapor/", "/healthz", "/kantorx/"):
        assert staff().get(path).status_code == 404, path
    assert staff().get("/kantor/masuk/").status_code == 200
    client = staff()
    sign_in(client, "vera")
    assert client.get("/kantor/complaints/case/").status_code == 200


@pytest.mark.usefixtures("own_origin")
def test_the_root_of_the_staffs_origin_leads_to_the_desk(cast: Cast) -> None:
    assert staff().get("/").headers["Location"] == "/kantor/"
    shown = staff().get("/cek/").content.decode()
    assert 'href="/kantor/"' in shown
    assert 'href="/cek/"' not in shown


@pytest.mark.usefixtures("own_origin")
def test_the_staffs_origin_takes_no_form_of_the_public_one(cast: Cast) -> None:
    def signed_in(**headers: str) -> int:
        client = staff(enforce_csrf_checks=True)
        client.get("/kantor/masuk/")
        values = {"login": "vera", "password": "x", "csrfmiddlewaretoken": client.cookies["__Host-csrf"].value}
        return client.post("/kantor/masuk/", values, **headers).status_code

    assert signed_in(HTTP_ORIGIN=STAFF) == 200
    for foreign in ({"HTTP_ORIGIN": PUBLIC}, {"HTTP_ORIGIN": ONION}, {"HTTP_REFERER": f"{PUBLIC}/kantor/masuk/"}):
        assert signed_in(**foreign) == 403, foreign


def test_a_port_makes_an_origin_too(cast: Cast) -> None:
    with override_settings(STAFF_ORIGIN=f"{PUBLIC}:8443"):
        assert public().get("/kantor/masuk/").status_code == 404
        assert public().get("/kantor/masuk/", headers={"host": f"{PUBLIC_HOST}:443"}).status_code == 404
        assert public().get("/kantor/masuk/", headers={"host": f"{PUBLIC_HOST}:8443"}).status_code == 200
        assert public().get("/cek/", headers={"host": f"{PUBLIC_HOST}:8443"}).status_code == 404


def test_a_security_key_belongs_to_the_staffs_host(cast: Cast) -> None:
    from allauth.core import context
    from allauth.mfa.adapter import get_adapter
    from django.test import RequestFactory

    with (
        override_settings(STAFF_ORIGIN=STAFF),
        context.request_context(RequestFactory().get("/", HTTP_HOST=STAFF_HOST)),
    ):
        assert get_adapter().get_public_key_credential_rp_entity()["id"] == STAFF_HOST


# --- Client certificates


@pytest.mark.usefixtures("own_origin")
def test_without_the_proxys_word_no_page_of_the_staff_opens(cast: Cast) -> None:
    with override_settings(STAFF_CLIENT_CERT=SECRET):
        for shown in ("", "SUCCESS", SECRET[:-1], SECRET + "0", "\xff", f"{SECRET},{SECRET}"):
            client = staff(HTTP_X_STAFF_CERTIFICATE=shown) if shown else staff()
            assert client.get("/kantor/masuk/").status_code == 403, shown
            assert client.post("/kantor/masuk/", {"login": "vera", "password": "x"}).status_code == 403
        assert staff(HTTP_X_STAFF_CERTIFICATE=SECRET).get("/kantor/masuk/").status_code == 200
        assert public().get("/cek/").status_code == 200


def test_certificates_without_an_own_origin_close_the_staffs_pages(cast: Cast) -> None:
    with override_settings(STAFF_CLIENT_CERT=SECRET, ONION_ORIGIN=""):
        assert public().get("/kantor/masuk/").status_code == 403
        assert public().get("/cek/").status_code == 200
