"""The staff's own address behind the shipped nginx: client certificates, and no way to claim one."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
from django.urls import reverse

from bench.proxy import NAME, STAFF_CONFIGURATION, STAFF_NAME, Proxy, certify_self, proxied
from portal import bodies
from portal.origins import CERTIFICATE_HEADER
from tests.project.test_proxy import Echo, assert_silent, largest_through, needs_nginx, size
from tests.project.test_tooling import needs_proc
from tests.webserver import HOST, PATIENCE, ROOT, Answer, Wire, get, serving

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


@contextlib.contextmanager
def echo_behind_nginx() -> Iterator[Proxy]:
    """Give nginx in front of a server that tells the headers that came."""
    with ThreadingHTTPServer((HOST, 0), Echo) as echo:
        threading.Thread(target=echo.serve_forever, daemon=True).start()
        with proxied(echo.server_address[1], staff_secret=SECRET) as running:
            yield running
            assert_silent(running)
        echo.shutdown()


@pytest.fixture(scope="module")
def echoing() -> Iterator[Proxy]:
    """nginx for all tests that leave its files as they are."""
    with echo_behind_nginx() as running:
        yield running


@pytest.fixture
def echoing_alone() -> Iterator[Proxy]:
    """nginx for one test."""
    with echo_behind_nginx() as running:
        yield running


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


# --- Sessions of TLS, and certificates that were revoked

TLS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


class Device:
    """A browser with one version of TLS, which takes up its last session wherever the server lets it."""

    def __init__(self, version: ssl.TLSVersion, certificate: Path | None = None, key: Path | None = None) -> None:
        self.context = ssl.create_default_context()
        self.context.check_hostname, self.context.verify_mode = False, ssl.CERT_NONE
        self.context.minimum_version = self.context.maximum_version = version
        if certificate:
            self.context.load_cert_chain(certificate, key)
        self.session: ssl.SSLSession | None = None
        self.was_taken_up: bool | None = None

    def ask(self, proxy: Proxy, name: str) -> Answer:
        """Ask on a new connection."""
        with (
            socket.create_connection((HOST, proxy.https_port), timeout=PATIENCE) as plain,
            self.context.wrap_socket(plain, server_hostname=name, session=self.session) as sock,
        ):
            answer = Wire(sock).send(staff_page(host=name)).answer()
            self.session, self.was_taken_up = sock.session, sock.session_reused
            return answer


@needs_proc
@needs_nginx
@pytest.mark.parametrize("version", TLS)
def test_no_session_is_taken_up_at_either_name(echoing: Proxy, version: ssl.TLSVersion) -> None:
    staff = Device(version, *(echoing.folder / file for file in CLIENT))
    public = Device(version)
    for _connection in range(3):
        assert told(staff.ask(echoing, STAFF_NAME)) == SECRET
        assert told(public.ask(echoing, NAME)) == ""
        assert (staff.was_taken_up, public.was_taken_up) == (False, False)
    assert public.ask(echoing, STAFF_NAME).status == 400
    assert not public.was_taken_up


def steps(begin: str, end: str) -> str:
    """Return the commands of the manual between two of its sentences, without the one that asks for a password."""
    manual = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```\n(.*?)^```", manual[manual.index(begin) : manual.index(end)], re.M | re.S)
    return "".join(line for line in "".join(blocks).splitlines(keepends=True) if "pkcs12" not in line)


def load(proxy: Proxy, file: Path) -> None:
    """Put a file of the staff's authority where nginx reads it, and have nginx read it."""
    shutil.copy(file, proxy.folder)
    os.kill(int((proxy.folder / "nginx.pid").read_text(encoding="ascii")), signal.SIGHUP)


def until_answered(proxy: Proxy, device: tuple[Path, Path], status: int) -> None:
    """Wait until only processes that have read the files answer. Raises AssertionError where it takes too long."""
    end = time.monotonic() + PATIENCE
    while [Device(version, *device).ask(proxy, STAFF_NAME).status for version in 4 * TLS] != 8 * [status]:
        assert time.monotonic() < end
        time.sleep(0.1)


@needs_proc
@needs_nginx
@pytest.mark.skipif(shutil.which("openssl") is None, reason="SKIPPED: no openssl here")
def test_a_certificate_revoked_by_the_manual_gets_in_no_more(echoing_alone: Proxy, tmp_path: Path) -> None:
    proxy = echoing_alone
    begin, lost, health = "The same file demands", "Where a device is lost", "Health:"
    issue, revoke = steps(begin, lost), steps(lost, health)
    assert (issue.count("openssl"), revoke.count("openssl")) == (3, 2)
    others = "".join(line for line in issue.splitlines(keepends=True) if "laptop1" in line).replace(
        "laptop1", "laptop2"
    )

    def run(script: str) -> None:
        subprocess.run(["sh", "-e"], input=script, text=True, cwd=tmp_path, check=True, capture_output=True)

    run(issue + others)
    one, two = ((tmp_path / f"laptop{number}.pem", tmp_path / f"laptop{number}.key") for number in (1, 2))
    load(proxy, tmp_path / "staff-ca.pem")
    until_answered(proxy, one, 200)
    devices = [Device(version, *one) for version in TLS]
    assert [told(device.ask(proxy, STAFF_NAME)) for device in devices] == 2 * [SECRET]

    run(revoke)
    staff = proxy.folder / "nginx-staff.conf"
    staff.write_text(staff.read_text(encoding="utf-8").replace("# ssl_crl", "ssl_crl"), encoding="utf-8")
    load(proxy, tmp_path / "staff-revoked.pem")
    until_answered(proxy, one, 400)
    # They come back with the session that the certificate has opened.
    assert [device.ask(proxy, STAFF_NAME).status for device in devices] == [400, 400]
    assert [Device(version, *two).ask(proxy, STAFF_NAME).status for version in TLS] == [200, 200]


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
    decision = reverse("admin:complaints_release_step", args=[uuid.uuid4(), "sanction"])
    blocks = re.findall(r"^ {4}location ~ (\S+) \{\n((?: {8}.*\n)+)", SHIPPED, re.M)
    for path in ("/kantor/complaints/case/temuan/", "/kantor/complaints/case/temuan/tabel/", decision):
        [block] = [block for pattern, block in blocks if re.search(pattern, path)]
        assert size(block) == bodies.largest_body(path) == largest_through(path)
    assert SHIPPED.count("ssl_verify_client on;") == 1
