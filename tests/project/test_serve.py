"""`serve` from outside: it serves, runs jobs, says how to get in, refuses a taken port, and leaves no process
behind. It runs in processes of its own, under the portal's real settings."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import override_settings

from complaints.management.commands.serve import _commands as served_commands
from tests.installation import installed, processes
from tests.project.test_tooling import needs_proc, wait_for

ROOT = Path(__file__).resolve().parents[2]
ACCOUNT = {"username": "contoh", "password": "contoh sandi", "role": "verifier"}
SAMPLE = json.dumps({"accounts": [ACCOUNT], "ticket": "T"})


pytestmark = [needs_proc, pytest.mark.processes]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A new installation in a folder of its own: secrets and an empty, migrated database."""
    return installed(tmp_path_factory.mktemp("installation"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def serve(environment: dict[str, str], port: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "manage.py", "serve", "--port", str(port)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.fixture
def served(environment: dict[str, str]) -> Iterator[tuple[subprocess.Popen[str], int]]:
    Path(environment["PORTAL_VAR"], "sample.json").write_text(SAMPLE, encoding="utf-8")
    port = free_port()
    process = serve(environment, port)
    yield process, port
    for pid in processes(environment):
        os.kill(pid, signal.SIGKILL)
    process.communicate()


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def test_all_of_it_ends_within_seconds(environment: dict[str, str], served: tuple[subprocess.Popen[str], int]) -> None:
    process, port = served
    wait_for(lambda: answers(port))
    # serve, gunicorn with two workers, the watchdog, the cluster, its sentinel and at least a worker.
    wait_for(lambda: len(processes(environment)) >= 8)
    asked = time.monotonic()
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 0, output
    assert time.monotonic() - asked < 12
    assert processes(environment) == []
    for expected in (f"http://localhost:{port}/", "/en/", "/kantor/", "contoh sandi", "Sample ticket code"):
        assert expected in output


def test_a_taken_port_is_refused_at_once(environment: dict[str, str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        process = serve(environment, taken.getsockname()[1])
        output, _ = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "PORT=" in output
    assert processes(environment) == []


def test_the_onions_listener_is_served_too() -> None:
    with override_settings(ONION_BIND="127.0.0.1:8001"):
        assert "--bind=127.0.0.1:8001" in served_commands("127.0.0.1", 8000)["The web server"]
    assert [word for word in served_commands("127.0.0.1", 8000)["The web server"] if "bind" in word] == [
        "--bind=127.0.0.1:8000"
    ]
