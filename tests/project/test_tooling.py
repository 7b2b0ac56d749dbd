"""What the commands around the portal promise: secrets made once, a web server that logs nothing of a
request, children that end for certain."""

import contextlib
import importlib.util
import os
import re
import runpy
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.workers.gthread import ThreadWorker
from nacl.public import PrivateKey
from nacl.signing import SigningKey

from complaints.management.processes import Child
from portal.secrets import new_secrets, write_once

ROOT = Path(__file__).resolve().parents[2]


# --- Secrets


def secrets_in(path: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in path.read_text(encoding="ascii").splitlines())


def test_secrets_are_private_complete_and_usable(tmp_path: Path) -> None:
    path = tmp_path / "var" / "portal.env"
    previous = os.umask(0)
    try:
        assert write_once(path)
    finally:
        os.umask(previous)
    assert path.stat().st_mode & 0o777 == 0o600
    secrets = secrets_in(path)
    worker = ("WORKER_PRIVATE_KEY", "WORKER_PUBLIC_KEY")
    assert set(secrets) == {"SECRET_KEY", "PASSWORD_PEPPER", "SERVER_SIGNING_KEY", *worker}
    assert len(set(secrets.values())) == len(secrets)
    assert len(bytes.fromhex(secrets["PASSWORD_PEPPER"])) == 32
    pair = PrivateKey(bytes.fromhex(secrets["WORKER_PRIVATE_KEY"]))
    assert bytes(pair.public_key).hex() == secrets["WORKER_PUBLIC_KEY"]
    SigningKey(bytes.fromhex(secrets["SERVER_SIGNING_KEY"]))
    assert list(path.parent.iterdir()) == [path]


def test_secrets_are_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "portal.env"
    assert write_once(path)
    before = path.read_bytes(), path.stat().st_mtime_ns
    assert not write_once(path)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


def test_of_many_at_once_one_writes_the_secrets(tmp_path: Path) -> None:
    path = tmp_path / "portal.env"
    with ThreadPoolExecutor(8) as pool:
        written = list(pool.map(write_once, [path] * 16))
    assert sum(written) == 1
    assert len(secrets_in(path)) == len(new_secrets())
    assert list(tmp_path.iterdir()) == [path]


def test_secrets_as_a_command_print_none_of_them(tmp_path: Path) -> None:
    path = tmp_path / "portal.env"
    command = [sys.executable, "-m", "portal.secrets", str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert not any(value in done.stdout + done.stderr for value in secrets_in(path).values())


def test_git_ignores_what_is_secret_or_made() -> None:
    made = ["var/portal.env", "var/portal.sqlite3", "var/sample.json", "locale/id/LC_MESSAGES/django.mo"]
    if shutil.which("git") is None:
        pytest.skip("SKIPPED: no git here")
    command = ["git", "check-ignore", *made]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode == 128:
        pytest.skip("not a git checkout")
    assert done.stdout.split() == made


# --- The web server's log


@pytest.fixture
def web_log(tmp_path: Path) -> Iterator[Any]:
    """gunicorn's logger as the configuration sets it up, writing to a file."""
    spec = importlib.util.spec_from_file_location("gunicorn_conf", ROOT / "deploy" / "gunicorn.conf.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    config = Config()
    for name in ("accesslog", "control_socket_disable", "worker_class", "threads"):
        config.set(name, getattr(module, name))
    config.set("errorlog", str(tmp_path / "web.log"))
    wrapped = module.DayLogger(config)
    yield wrapped
    for handler in list(wrapped.error_log.handlers):
        wrapped.error_log.removeHandler(handler)
        handler.close()


def test_web_log_keeps_the_day_and_nothing_of_a_request(web_log: Any, tmp_path: Path) -> None:
    web_log.warning("Invalid request from ip=203.0.113.9: Invalid HTTP Header: 'Cookie lapor=abc'")
    try:
        raise ValueError("the reporter's words")
    except ValueError:
        web_log.exception("Error handling request %s %s", "POST", "/cek/?kode=ABCD")
    web_log.info("Booting worker with pid: %s", 7)
    written = (tmp_path / "web.log").read_text(encoding="utf-8")
    assert "Booting worker with pid: 7" in written
    assert "ValueError" in written
    assert "in test_web_log" in written
    for secret in ("203.0.113.9", "lapor", "/cek", "ABCD", "words"):
        assert secret not in written
    assert re.search(r"\d\d:\d\d", written) is None


def test_web_server_has_no_access_log_and_no_control_socket(web_log: Any) -> None:
    assert web_log.cfg.accesslog is None
    assert web_log.cfg.control_socket_disable is True
    assert issubclass(web_log.cfg.worker_class, ThreadWorker)
    assert web_log.cfg.threads >= 16
    assert not any(getattr(handler, "_gunicorn", False) for handler in web_log.access_log.handlers)


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        ({}, ["127.0.0.1:8000"]),
        ({"BIND": "127.0.0.1:8000,10.0.0.5:8000"}, ["127.0.0.1:8000", "10.0.0.5:8000"]),
        ({"BIND": "unix:/run/web.sock", "ONION_BIND": "[::1]:8001"}, ["unix:/run/web.sock", "[::1]:8001"]),
    ],
)
def test_web_server_listens_where_it_is_told_and_believes_no_proxy(
    monkeypatch: pytest.MonkeyPatch, places: dict[str, str], expected: list[str]
) -> None:
    for name in ("BIND", "ONION_BIND"):
        monkeypatch.delenv(name, raising=False)
    for name, value in places.items():
        monkeypatch.setenv(name, value)
    configured = runpy.run_path(str(ROOT / "deploy" / "gunicorn.conf.py"))
    assert configured["bind"] == expected
    # Django reads the header of the proxy, where BEHIND_PROXY says that there is one.
    assert (configured["secure_scheme_headers"], configured["forwarder_headers"]) == ({}, "")


# --- Children

STUBBORN = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if sys.argv[1:]:
    subprocess.Popen([sys.executable, "-c", os.environ["STUBBORN"]])
print(flush=True)
time.sleep(60)
"""


needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="SKIPPED: only Linux has /proc")


def members(group: int) -> list[int]:
    """Living processes of a process group, read from /proc because `ps` need not be installed."""
    pids = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            # The name in parentheses may hold blanks; state, parent and group follow it.
            state, _, pgid = path.read_text(encoding="utf-8").rpartition(")")[2].split()[:3]
            if int(pgid) == group and state != "Z":
                pids.append(int(path.parent.name))
    return pids


def wait_for(condition: Any, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.05)


@needs_proc
def test_a_stubborn_child_ends_with_its_own_children(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUBBORN", STUBBORN)
    child = Child([sys.executable, "-c", STUBBORN, "parent"], cwd=str(ROOT))
    # The second starts when the first has its signal handler, and inherits it.
    wait_for(lambda: len(members(child.pid)) == 2)
    child.ask_to_end()
    assert child.end(within=0.5) == -signal.SIGKILL
    wait_for(lambda: members(child.pid) == [])  # the killed grandchild is for init to reap
    assert not child.running()


def test_an_obedient_child_is_not_killed() -> None:
    child = Child([sys.executable, "-c", "raise SystemExit(3)"], cwd=str(ROOT))
    wait_for(lambda: not child.running())
    assert child.end(within=5) == 3
    child.ask_to_end()
    assert child.kill() == 3


@needs_proc
def test_children_end_when_their_parent_is_killed() -> None:
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time; from complaints.management.processes import Child;"
            "print(Child([sys.executable, '-c', 'import time; time.sleep(60)'], cwd='.').pid, flush=True);"
            "time.sleep(60)",
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    group = int(parent.stdout.readline())
    assert members(group)
    parent.kill()
    parent.communicate()
    wait_for(lambda: not members(group))
