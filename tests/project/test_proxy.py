"""The shipped nginx file: held against the table of bodies, then run in front of the portal and walked through."""

from __future__ import annotations

import datetime
import gzip
import http.client
import json
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp
from django.urls import get_resolver, reverse
from django.urls.resolvers import URLPattern, URLResolver

from bench.client import connected
from bench.proxy import CONFIGURATION, NAME, Authority, Proxy, nginx_path, proxied
from complaints.domain.workflow import Action
from portal import bodies
from tests.project.test_tooling import needs_proc
from tests.webserver import WebServer, Wire, get, head_of_post, serving

MIB = 1024 * 1024
UNITS = {"k": 1024, "m": MIB}
LOCATION = re.compile(r"^ {8}location ~ (\S+) \{\n((?: {12}.*\n)+)", re.M)
MOST_FROM_ONE_ADDRESS = 128
STORY = "/lapor/cerita/"
LARGE = 300_000
SHIPPED = CONFIGURATION.read_text(encoding="utf-8")

needs_nginx = pytest.mark.skipif(nginx_path() is None, reason="SKIPPED: no nginx here; .ci/nginx installs it")


def form(path: str, length: int | None) -> str:
    """The head of a form that the portal believes to come from a page of its own, so that it reads the body."""
    return head_of_post(path, length, host=NAME, more=f"Origin: https://{NAME}\r\n")


def size(text: str) -> int:
    """The largest body that a block of the file names, in bytes."""
    found = re.search(r"client_max_body_size (\d+)([km]);", text)
    assert found
    return int(found[1]) * UNITS[found[2]]


# --- Against the table


def largest_through(path: str) -> int:
    for pattern, block in LOCATION.findall(SHIPPED):
        if re.search(pattern, path):
            return size(block)
    return size(SHIPPED)


def paths(resolver: URLResolver, before: str = "") -> Iterator[str]:
    """Every address of the portal, with a word in the place of each argument."""
    for entry in resolver.url_patterns:
        route = before + str(entry.pattern)
        if isinstance(entry, URLPattern):
            yield "/" + re.sub(r"<[^>]*>|\(\?P<.*\)", "x", route).strip("^$")
        else:
            yield from paths(entry, route)


def test_the_file_lets_through_what_the_table_takes() -> None:
    assert size(SHIPPED) == bodies.SMALL_BYTES
    for path in bodies.file_paths():
        assert largest_through(path) == bodies.largest_body(path), path
    for action in Action:
        path = reverse("admin:complaints_release_step", args=[uuid.uuid4(), action.value])
        assert largest_through(path) == bodies.largest_body(path), path


def test_the_file_keeps_every_other_address_small() -> None:
    others = [path for path in paths(get_resolver()) if path not in bodies.file_paths()]
    assert len(others) > 100
    assert [path for path in others if largest_through(path) != bodies.SMALL_BYTES] == []


def test_the_file_takes_a_small_body_whole_into_memory() -> None:
    buffer = re.search(r"client_body_buffer_size (\d+)k;", SHIPPED)
    assert buffer
    assert int(buffer[1]) * 1024 > bodies.SMALL_BYTES
    pattern = re.search(r'map \$http_content_length \$is_small \{\s+default 0;\s+"~(\S+)" 1;', SHIPPED)
    assert pattern
    for length in (0, 9, 99_999, 100_000, 129_999, 130_000, 131_000, 131_069, 131_070, bodies.SMALL_BYTES):
        assert re.search(pattern[1], str(length)), length
    for text in ("", str(bodies.SMALL_BYTES + 1), "131080", "132000", "200000", "1000000", "-1", "1 0"):
        assert not re.search(pattern[1], text), text
    assert SHIPPED.count("proxy_request_buffering off;") == 1
    assert "proxy_request_buffering on" not in SHIPPED


def test_the_file_waits_no_longer_than_the_table() -> None:
    assert f"client_header_timeout {bodies.HEAD_SECONDS}s;" in SHIPPED
    assert f"client_body_timeout {bodies.PAUSE_SECONDS}s;" in SHIPPED


# --- Walked


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebServer]:
    with serving(tmp_path_factory.mktemp("portal")) as running:
        yield running


@pytest.fixture(scope="module")
def proxy(server: WebServer) -> Iterator[Proxy]:
    """nginx in front of the portal; whatever a test did, nothing of it may be logged."""
    with proxied(server.port) as running:
        yield running
    assert_silent(running)


def assert_silent(proxy: Proxy) -> None:
    written = proxy.logged()
    assert re.findall(r"127\.0\.0\.|cek|lapor|GET|POST|\d\d:\d\d", written) == [], written


def wire(stack: ExitStack, proxy: Proxy, data: str = "", source: str = "127.0.0.1") -> Wire:
    sock = connected(NAME, proxy.https_port, tls=True, source=source)
    return Wire(stack.enter_context(sock)).send(data)


def ask(proxy: Proxy, request: str) -> tuple[int, str, str]:
    with ExitStack() as stack:
        answer = wire(stack, proxy, request.replace("Host: 127.0.0.1", f"Host: {NAME}")).answer()
    return answer.status, answer.head.lower(), answer.text


@needs_proc
@needs_nginx
def test_pages_pass_as_they_are(tmp_path: Path) -> None:
    environment = {"PORTAL_ORIGIN": f"https://{NAME}"}
    with serving(tmp_path, environment=environment) as server, proxied(server.port) as proxy:
        status, head, text = ask(proxy, get("/cek/", "Accept-Encoding: gzip\r\n"))
    assert (status, "content-encoding" in head) == (200, False)
    assert "strict-transport-security: max-age=63072000; includesubdomains; preload" in head
    cookies = re.findall(r"^set-cookie: (.*)$", head, re.M)
    assert cookies
    assert [cookie for cookie in cookies if not cookie.startswith("__host-") or "; secure" not in cookie] == []
    assert "</html>" in text
    with pytest.raises(OSError):
        gzip.decompress(text.encode())


@needs_proc
@needs_nginx
def test_plain_http_leads_to_https_and_other_names_lead_nowhere(proxy: Proxy) -> None:
    plain = http.client.HTTPConnection("127.0.0.1", proxy.http_port, timeout=60)
    plain.request("GET", "/cek/", headers={"Host": NAME})
    answer = plain.getresponse()
    assert (answer.status, answer.headers["Location"]) == (301, f"https://{NAME}/cek/")
    other = http.client.HTTPConnection("127.0.0.1", proxy.http_port, timeout=60)
    other.request("GET", "/cek/")
    with pytest.raises(ConnectionError):
        other.getresponse()
    with pytest.raises(ssl.SSLError):
        connected("127.0.0.1", proxy.https_port, tls=True)


@needs_proc
@needs_nginx
def test_old_tls_is_refused(proxy: Proxy) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.deprecated_call():
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with socket.create_connection((NAME, proxy.https_port), timeout=60) as plain, pytest.raises(ssl.SSLError):
        context.wrap_socket(plain, server_hostname=NAME)


@needs_proc
@needs_nginx
def test_a_form_or_a_program_is_not_led_from_http_to_https(proxy: Proxy) -> None:
    """It has sent what it sent in clear; a redirect would let that pass unseen."""
    for method, path in [("POST", "/cek/"), ("PUT", "/"), ("GET", "/healthz"), ("GET", "/en/lapor/berkas/mulai/")]:
        plain = http.client.HTTPConnection("127.0.0.1", proxy.http_port, timeout=60)
        plain.request(method, path, headers={"Host": NAME})
        assert plain.getresponse().status == 403, (method, path)


@needs_proc
@needs_nginx
@pytest.mark.parametrize(
    ("request_", "expected"),
    [("TRACE / HTTP/1.1\r\n", 405), ("GET / HTTP/1.1\r\nX: " + "a" * 9000 + "\r\n", 400), (form("/cek/", None), 413)],
    ids=["method", "head", "length"],
)
def test_pages_of_the_proxy_itself_have_the_headers(proxy: Proxy, request_: str, expected: int) -> None:
    host = "" if "Host:" in request_ else f"Host: {NAME}\r\n\r\n"
    status, head, text = ask(proxy, request_ + host)
    assert status == expected
    assert "nginx" not in text
    for line in (
        "strict-transport-security: max-age=63072000; includesubdomains; preload",
        "x-content-type-options: nosniff",
        "frame-ancestors 'none'",
        "cache-control: no-store",
        "cross-origin-opener-policy: same-origin",
    ):
        assert line in head, line
    assert re.findall(r"server: nginx/|x-powered-by", head) == []


@needs_proc
@needs_nginx
@pytest.mark.parametrize(
    "path",
    ["/static/", "/static/css/", "/static/admin/css/vendor/select2/LICENSE-SELECT2.md", "/static/x.txt", "/.git/config",
     "/static/../portal/settings.py", "/static/%2e%2e/%2e%2e/portal.env", "/manage.py", "/portal.env", "/debug/"],
)  # fmt: skip
def test_nothing_is_served_but_pages_and_what_they_use(proxy: Proxy, path: str) -> None:
    status, head, text = ask(proxy, f"GET {path} HTTP/1.1\r\nHost: {NAME}\r\n\r\n")
    assert status in (400, 404)
    assert "text/html" in head
    assert not re.search(r"SECRET_KEY|Index of|MIT|repositoryformat", text)


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """A frame of HTTP/2 (RFC 9113, 4.1)."""
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def literal(name: bytes, value: bytes) -> bytes:
    """A header field of HPACK in plain (RFC 7541, 6.2.2); both shorter than 127 bytes."""
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


def ask_http2(proxy: Proxy, *more: tuple[bytes, bytes]) -> bytes:
    """Send a request with further header fields; return the status of the answer, b"" where the stream was reset."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    fields = [(b":method", b"GET"), (b":scheme", b"https"), (b":path", b"/healthz"), (b":authority", NAME.encode())]
    block = b"".join(literal(*field) for field in [*fields, *more])
    with (
        socket.create_connection((NAME, proxy.https_port), timeout=60) as plain,
        context.wrap_socket(plain, server_hostname=NAME) as line,
    ):
        line.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b"") + frame(1, 5, 1, block))
        received = b""
        while piece := line.recv(65536):
            received += piece
            while len(received) >= 9 and len(received) >= 9 + int.from_bytes(received[:3], "big"):
                size, kind = int.from_bytes(received[:3], "big"), received[3]
                payload, received = received[9 : 9 + size], received[9 + size :]
                if kind == 1:
                    # 200 and 400 have numbers of their own in HPACK's table; nginx sends others as text.
                    return {0x88: b"200", 0x8C: b"400"}.get(payload[0], payload[:5])
                if kind in (3, 7):
                    return b""
    return b""


@needs_proc
@needs_nginx
def test_http2_takes_no_header_that_could_split_a_message(proxy: Proxy) -> None:
    assert ask_http2(proxy, (b"accept", b"*/*")) == b"200"
    for field in [(b"x", b"a\r\nHost: b"), (b"x", b"a\nb"), (b"x\r\ny", b"a"), (b"X", b"a")]:
        assert ask_http2(proxy, field) in (b"400", b""), field
    for field in [(b"transfer-encoding", b"chunked"), (b"content-length", b"10"), (b"connection", b"close")]:
        assert ask_http2(proxy, field) != b"200", field


@needs_proc
@needs_nginx
def test_two_lengths_of_a_body_are_refused(proxy: Proxy) -> None:
    for lines in ("Content-Length: 3\r\nContent-Length: 4\r\n", "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"):
        request = f"POST /cek/ HTTP/1.1\r\nHost: {NAME}\r\n{lines}\r\na=b"
        assert ask(proxy, request)[0] in (400, 413)


class Responder(BaseHTTPRequestHandler):
    """Answers that the certificate is good, as its authority."""

    authority: Authority | None = None

    def do_POST(self) -> None:
        issuer = self.authority
        assert issuer
        now = datetime.datetime.now(datetime.UTC)
        good, until = ocsp.OCSPCertStatus.GOOD, now + datetime.timedelta(1)
        # OpenSSL names a certificate by SHA-1 when it asks.
        named = (issuer.issued, issuer.certificate, hashes.SHA1())  # noqa: S303
        built = ocsp.OCSPResponseBuilder().add_response(*named, good, now, until, None, None)
        built = built.responder_id(ocsp.OCSPResponderEncoding.HASH, issuer.certificate)
        told = built.sign(issuer.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
        self.send_response(200)
        self.send_header("Content-Type", "application/ocsp-response")
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def do_GET(self) -> None:
        self.do_POST()

    def log_message(self, format: str, *args: object) -> None:
        """Write nothing."""


@needs_proc
@needs_nginx
@pytest.mark.skipif(shutil.which("openssl") is None, reason="SKIPPED: no openssl here")
def test_the_state_of_the_certificate_comes_with_the_handshake() -> None:
    """nginx asks the responder at the first handshake, and answers the next ones by itself."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Responder) as responder:
        threading.Thread(target=responder.serve_forever, daemon=True).start()
        with proxied(9, responder=f"http://127.0.0.1:{responder.server_address[1]}/") as running:
            Responder.authority = running.authority
            command = ["openssl", "s_client", "-connect", f"127.0.0.1:{running.https_port}", "-servername", NAME]
            told = ""
            for _try in range(50):
                done = subprocess.run([*command, "-status"], input=b"", capture_output=True, check=False, timeout=60)
                told = done.stdout.decode(errors="replace")
                if "OCSP Response Status: successful" in told:
                    break
                time.sleep(0.1)
        responder.shutdown()
    assert "OCSP Response Status: successful" in told
    assert "Cert Status: good" in told


CIPHERS = ("AES128-GCM-SHA256", "AES256-SHA", "ECDHE-ECDSA-AES128-SHA256", "DHE-RSA-AES128-GCM-SHA256")


@needs_proc
@needs_nginx
def test_tls_is_taken_with_forward_secrecy_alone(proxy: Proxy) -> None:
    """The version 1.3 is taken first; in 1.2 no suite without an ephemeral key, and none without authentication."""
    with connected(NAME, proxy.https_port, tls=True) as newest:
        assert isinstance(newest, ssl.SSLSocket)
        assert newest.version() == "TLSv1.3"
    for suite in CIPHERS:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(f"{suite}:@SECLEVEL=0")
        with socket.create_connection((NAME, proxy.https_port), timeout=60) as plain, pytest.raises(ssl.SSLError):
            context.wrap_socket(plain, server_hostname=NAME)


@needs_proc
@needs_nginx
@pytest.mark.parametrize("begun", ["GET / HTTP/1.1\r\nX: ", form("/cek/", 1000) + "a"])
def test_pages_come_beside_many_slow_senders(proxy: Proxy, begun: str) -> None:
    with ExitStack() as stack:
        for number in range(60):
            wire(stack, proxy, begun, f"127.0.7.{number + 1}")
        assert ask(proxy, get())[0] == 200
        assert ask(proxy, form("/cek/", 3) + "a=b")[0] == 403


@needs_proc
@needs_nginx
def test_stories_come_beside_files_that_wait(proxy: Proxy) -> None:
    with ExitStack() as stack:
        for number in range(60):
            wire(stack, proxy, form(STORY, LARGE) + "a", f"127.0.7.{number + 1}")
        assert ask(proxy, get())[0] == 200
        assert ask(proxy, form(STORY, 100_000) + "a" * 100_000)[0] in (400, 403)
        status, _, text = ask(proxy, form(STORY, LARGE) + "a" * LARGE)
        assert (status, "Terlalu banyak berkas" in text) == (503, True)


@needs_proc
@needs_nginx
def test_nothing_is_written_to_disk(proxy: Proxy) -> None:
    # What would be spooled fails in this proxy, whose temporary folders are closed to it.
    body = "--b\r\nContent-Disposition: form-data; name=a\r\n\r\n" + "a" * 4 * MIB + "\r\n--b--\r\n"
    small = "a=" + "a" * (bodies.SMALL_BYTES - 2)
    assert ask(proxy, form("/cek/", len(small)) + small)[0] == 403
    statuses = {ask(proxy, form(STORY, len(body)) + body)[0] for _try in range(3)}
    assert statuses <= {400, 403, 503}
    assert list((proxy.folder / "closed").glob("*/*")) == []


@needs_proc
@needs_nginx
def test_a_decision_of_a_body_brings_its_copy(proxy: Proxy) -> None:
    """What ends it is no session and no form, not its size."""
    path = f"/kantor/complaints/release/{uuid.uuid4()}/langkah/sanction/"
    body = "a=" + "a" * LARGE
    assert ask(proxy, form(path, len(body)) + body)[0] in {400, 403, 503}
    assert ask(proxy, form(path.replace("sanction", "take_up"), len(body)))[0] == 413


@needs_proc
@needs_nginx
@pytest.mark.parametrize(("path", "length"), [("/cek/", bodies.SMALL_BYTES + 1), (STORY, 5 * 10**9), ("/cek/", None)])
def test_what_is_too_large_gets_a_page_in_both_languages(proxy: Proxy, path: str, length: int | None) -> None:
    status, head, text = ask(proxy, form(path, length))
    assert status == 413
    assert "text/html; charset=utf-8" in head
    assert "Kiriman terlalu besar" in text
    assert "That is too large" in text


@needs_proc
@needs_nginx
def test_one_address_has_so_many_requests_under_way_and_others_go_on(proxy: Proxy) -> None:
    with ExitStack() as stack:
        begun = form("/cek/", 1000)
        for _number in range(MOST_FROM_ONE_ADDRESS):
            wire(stack, proxy, begun, "127.0.8.1")
        answer = wire(stack, proxy, begun, "127.0.8.1").answer()
        while answer.status != 503:  # until nginx has read the heads of all
            answer = wire(stack, proxy, begun, "127.0.8.1").answer()
        assert "Portal sedang tidak dapat melayani" in answer.text
        assert "retry-after: 10" in answer.head.lower()
        assert ask(proxy, get())[0] == 200


class Echo(BaseHTTPRequestHandler):
    """Answers with the headers that came."""

    def do_GET(self) -> None:
        told = json.dumps({name.lower(): value for name, value in self.headers.items()}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, format: str, *args: object) -> None:
        """Write nothing."""


@needs_proc
@needs_nginx
def test_only_the_staffs_address_reaches_the_portal() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as echo:
        threading.Thread(target=echo.serve_forever, daemon=True).start()
        with proxied(echo.server_address[1]) as running:
            forged = "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: http\r\n"
            told = json.loads(ask(running, get("/cek/", forged))[2])
            assert "x-forwarded-for" not in told
            assert told["x-forwarded-proto"] == "https"
            assert told["host"] == NAME
            assert json.loads(ask(running, get("/kantor/masuk/", forged))[2])["x-forwarded-for"] == "127.0.0.1"
            assert "127.0.0.1" not in json.dumps(json.loads(ask(running, get("/cek/kantor/"))[2]))
        echo.shutdown()


@needs_nginx
def test_the_portal_away_is_a_page_in_both_languages(tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with proxied(nobody.getsockname()[1]) as running:
            status, head, text = ask(running, get())
            assert (status, "retry-after: 10" in head) == (503, True)
            assert "beberapa detik lagi" in text
            assert "in a few seconds" in text
            assert_silent(running)
