"""The staff's own address behind the shipped nginx: client certificates, and no way to claim one."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from bench.proxy import NAME, STAFF_CONFIGURATION, STAFF_NAME, Proxy, certify_self, proxied
from portal import bodies
from portal.origins import CERTIFICATE_HEADER
from tests.project.test_proxy import Echo, assert_silent, largest_through, needs_nginx, size
from tests.project.test_tooling import needs_proc
from tests.webserver import HOST, PATIENCE, Answer, Wire, get, serving

SECRET = "".join(f"{number:02x}" for number in range(32))
SHIPPED = STAFF_CONFIGURATION.read_text(encoding="utf-8")
CLIENT = ("staff-ca.pem", "client-key.pem")


def ask(proxy: Proxy, request: str, *, name: str = STAFF_NAME, shown: tuple[str, str] | None = CLIENT) -> Answer:
    """Ask for ``name`` in TLS, and show a certificate of the proxy's folder."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if shown:
        context.load_cert_chain(*(proxy.folder / file for file in shown))
    with (
        socket.create_connection((HOST, proxy.https_port), timeout=PATIENCE) as plain,
        context.wrap_socket(plain, server_hostname=name) as sock,
    ):
        return Wire(sock).send(request).answer()


def staff_page(more: str = "", host: str = STAFF_NAME) -> str:
    return get("/kantor/masuk/", more, host=host)


# --- What reaches the portal


@pytest.fixture(scope="module")
def echoing() -> Iterator[Proxy]:
    """nginx in front of a server that tells the headers that came."""
    with ThreadingHTTPServer((HOST, 0), Echo) as echo:
        threading.Thread(target=echo.serve_forever, daemon=True).start()
        with proxied(echo.server_address[1], staff_secret=SECRET) as running:
            yield running
            assert_silent(running)
        echo.shutdown()


def told(answer: Answer) -> str:
    """What the portal learns of the certificate; "" where the header does not come."""
    assert answer.status == 200
    return str(json.loads(answer.text).get(CERTIFICATE_HEADER.lower(), ""))


@needs_proc
@needs_nginx
def test_the_proxy_tells_of_a_certificate_that_it_has_verified(echoing: Proxy) -> None:
    assert told(ask(echoing, staff_page())) == SECRET
    headers = json.loads(ask(echoing, staff_page("X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: http\r\n")).text)
    assert (headers["x-forwarded-for"], headers["x-forwarded-proto"], headers["host"]) == (HOST, "https", STAFF_NAME)


@needs_proc
@needs_nginx
def test_what_a_visitor_says_of_a_certificate_goes_no_further(echoing: Proxy) -> None:
    forged = f"{CERTIFICATE_HEADER}: {SECRET}\r\n"
    assert told(ask(echoing, get("/kantor/masuk/", forged, host=NAME), name=NAME)) == ""
    assert told(ask(echoing, get("/cek/", forged, host=NAME), name=NAME, shown=None)) == ""
    spelt = forged.replace("-", "_")
    assert told(ask(echoing, get("/cek/", spelt, host=NAME), name=NAME, shown=None)) == ""
    assert told(ask(echoing, staff_page(forged.replace(SECRET, "x")))) == SECRET


@needs_proc
@needs_nginx
def test_no_other_certificate_gets_in(echoing: Proxy) -> None:
    certify_self(echoing.folder, "petugas", certificate="stranger.pem", key="stranger-key.pem")
    for shown in (None, ("stranger.pem", "stranger-key.pem"), ("fullchain.pem", "privkey.pem")):
        answer = ask(echoing, staff_page(), shown=shown)
        assert answer.status in (0, 400), shown
        assert "user-agent" not in answer.text
    # The name in TLS is the public one, which asks for none, and the Host is the staff's.
    for shown in (None, CLIENT):
        assert ask(echoing, staff_page(), name=NAME, shown=shown).status in (0, 400, 421), shown


# --- With the portal behind it


@needs_proc
@needs_nginx
def test_the_portal_opens_to_verified_certificates_alone(tmp_path: Path) -> None:
    environment = {
        "PORTAL_ORIGIN": f"https://{NAME}",
        "STAFF_ORIGIN": f"https://{STAFF_NAME}",
        "STAFF_CLIENT_CERT": SECRET,
    }
    with serving(tmp_path, environment=environment) as portal, proxied(portal.port, staff_secret=SECRET) as proxy:
        assert 'name="password"' in ask(proxy, staff_page()).text
        assert ask(proxy, get("/cek/", host=STAFF_NAME)).status == 404
        assert ask(proxy, staff_page(host=NAME), name=NAME).status == 404
        assert ask(proxy, get("/cek/", host=NAME), name=NAME, shown=None).status == 200
        # Past the proxy, from a process of the same machine.
        for claimed in ("", "SUCCESS", SECRET[:-1]):
            more = f"X-Forwarded-Proto: https\r\n{CERTIFICATE_HEADER}: {claimed}\r\n"
            assert portal.ask(staff_page(more)).status == 403


# --- Against the other file and the table of bodies


def test_the_staffs_file_takes_what_the_table_takes() -> None:
    table = "/kantor/complaints/case/temuan/"
    block = SHIPPED[SHIPPED.index("location ~ ^/kantor") :]
    assert size(block) == bodies.largest_body(table) == largest_through(table)
    assert SHIPPED.count("ssl_verify_client on;") == 1
