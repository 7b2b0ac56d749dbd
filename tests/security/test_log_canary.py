"""A report and much that goes wrong, through the shipped proxy, gunicorn and the job runner: no log tells of anybody.

What is looked for is typed, claimed or asked for on the way: an agent, an address, paths, a ticket code; and any hour.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

import pytest
from django.db import connection

from bench.client import Browser, Page, UnexpectedAnswer, connected
from bench.intake import START, STORY, WHO, report
from bench.proxy import NAME, Proxy, nginx_path, proxied
from complaints.models.job import JobName, JobRun
from tests.images import photo
from tests.project.test_tooling import needs_proc
from tests.project.test_units import service
from tests.webserver import ROOT, WebServer, serving
from tests.world import Cast

MARK = "KenariLog4be1"
ADDRESS = "203.0.113.77"
# Where Debian's own configuration, or what is compiled into nginx, would write.
SYSTEM_LOGS = (Path("/var/log/nginx/access.log"), Path("/var/log/nginx/error.log"))


class MarkedBrowser(Browser):
    """A browser that names itself, where it comes from, and an address, as a proxy before it might."""

    def request(
        self, method: str, path: str, body: bytes = b"", content_type: str = "", headers: Mapping[str, str] = {}
    ) -> Page:
        claimed = {"User-Agent": MARK, "Referer": f"https://{NAME}/{MARK}", "X-Real-IP": ADDRESS, **headers}
        return super().request(method, path, body, content_type, claimed)


def test_the_unit_starts_what_is_started_here() -> None:
    """Nothing on the command line or in the unit sends a log elsewhere than to the journal."""
    unit = service("web")
    assert unit["ExecStart"].endswith("""bin/gunicorn" --config deploy/gunicorn.conf.py portal.wsgi'""")
    for name in ("web", "jobs"):
        assert {"StandardOutput", "StandardError", "SyslogIdentifier"} & set(service(name)) == set()


def database_url() -> str:
    place = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{place['NAME']}"
    who = f"{quote(str(place['USER']))}:{quote(str(place['PASSWORD']))}"
    host = quote(str(place["HOST"] or "/var/run/postgresql"), safe="")
    return f"postgres://{who}@{host}:{place['PORT'] or 5432}/{place['NAME']}"


@contextlib.contextmanager
def working(environment: Mapping[str, str], log: Path) -> Iterator[None]:
    """Run the job runner as its unit does."""
    assert service("jobs")["ExecStart"].endswith("python manage.py work")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "work", "--grace", "1"],
            cwd=ROOT,
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", "TEST_ENVIRONMENT": json.dumps(environment)},
            stdout=output,
            stderr=output,
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=60)


def walk(proxy: Proxy) -> str:
    """Send a report, look at it, and ask for what there is not; return the ticket code."""
    browser = MarkedBrowser(NAME, proxy.https_port, has_assets=True, tls=True, source=ADDRESS)
    code = report(browser).code
    page = browser.open("/cek/")
    browser.send(page, {"code": code})
    for path in (f"/{MARK}/", f"/cek/{code}/", f"/cek/?kode={code}", f"/kantor/{MARK}/", f"/static/{MARK}.css"):
        assert browser.request("GET", path).status in (200, 301, 302, 404)
    assert browser.post_to(f"/cek/?{MARK}", {"code": MARK}).status == 403
    return code


def breaks_a_file(proxy: Proxy) -> None:
    """Send a file for which there is no storage: the portal meets an error, and writes a line."""
    browser = MarkedBrowser(NAME, proxy.https_port, has_assets=True, tls=True, source=ADDRESS)
    page = browser.send(browser.send(browser.open("/lapor/ditekan/"), START), WHO)
    with contextlib.suppress(UnexpectedAnswer):
        browser.post(page, STORY, files={"evidence": (f"{MARK}.jpg", photo(MARK))})


def is_malformed(proxy: Proxy, portal: WebServer) -> None:
    """Say what neither nginx nor gunicorn can read, ask for other names, and come in clear."""
    for text in (
        f"GET /{MARK} HTTP/9.9\r\n\r\n",
        f"G\x01T /{MARK}\r\n\r\n",
        f"GET /{MARK} HTTP/1.1\r\n: {MARK}\r\n\r\n",
    ):
        with connected(NAME, proxy.https_port, tls=True) as line, contextlib.suppress(OSError):
            line.sendall(text.encode())
            line.recv(65536)
        assert portal.ask(text).status in (0, 400, 404, 505)
    for host in (NAME, f"{MARK}.example"):
        with socket.create_connection(("127.0.0.1", proxy.http_port), timeout=60) as line:
            line.sendall(f"GET /{MARK} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {MARK}\r\n\r\n".encode())
            with contextlib.suppress(OSError):
                line.recv(65536)


def sizes() -> list[int]:
    return [path.stat().st_size if path.exists() else 0 for path in SYSTEM_LOGS]


def jobs_ran() -> bool:
    return JobRun.objects.filter(name=JobName.HEARTBEAT, claimed_until=None).exists()


@needs_proc
@pytest.mark.processes
@pytest.mark.skipif(nginx_path() is None, reason="SKIPPED: no nginx here; .ci/nginx installs it")
def test_no_log_holds_an_address_a_path_an_agent_or_an_hour(live_cast: Cast, tmp_path: Path) -> None:
    (tmp_path / "none").touch()
    environment = {
        "DATABASE_URL": database_url(),
        "PORTAL_ORIGIN": f"https://{NAME}",
        "TEAM_KEY_PINS": live_cast.pins,
        "EVIDENCE_DIR": str(tmp_path / "none" / "evidence"),
    }
    before = sizes()
    with working(environment, tmp_path / "jobs.log"):
        with serving(tmp_path, environment=environment) as portal, proxied(portal.port) as proxy:
            code = walk(proxy)
            breaks_a_file(proxy)
            is_malformed(proxy, portal)
            of_nginx = proxy.logged()
        until = time.monotonic() + 120
        while not jobs_ran():
            assert time.monotonic() < until, (tmp_path / "jobs.log").read_text(encoding="utf-8")
            time.sleep(0.5)
    assert sizes() == before
    assert "127.0.0.1" not in of_nginx
    logs = {name: (tmp_path / f"{name}.log").read_text(encoding="utf-8") for name in ("web", "jobs")} | {
        "nginx": of_nginx
    }
    assert "ERROR" in logs["web"], "something broke, so that there was something to write"
    for name, written in logs.items():
        for text in (MARK, MARK.lower(), ADDRESS, code, code.replace("-", ""), "/cek", "/lapor", "/kantor", "Mozilla"):
            assert text not in written, f"{text} in the log of {name}"
        assert re.findall(r"\d\d:\d\d", written) == [], f"an hour in the log of {name}"
