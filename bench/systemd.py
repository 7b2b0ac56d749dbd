"""Stands in for systemd before the web server: holds its socket, starts servers as the unit says, tells who asks.

A program named systemctl passes on what it is asked for through two pipes, so that shipped scripts run as they are.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench.server import HOST, ROOT

SYSTEMCTL = """#!/bin/sh
echo "$*" > {folder}/asked
read status < {folder}/answered
[ "$1" != cat ] || cat {unit}
exit "$status"
"""
STOP_SECONDS = 360
# The first socket that systemd hands over has the number 3, and LISTEN_PID names the process that may take it.
START = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ["LISTEN_PID"] = str(os.getpid())
os.execv(sys.executable, [sys.executable, "-m", "gunicorn", "--config=deploy/gunicorn.conf.py", "portal.wsgi"])
"""


@dataclass
class Systemd:
    """A socket with a server or two behind it, by the names of their units."""

    folder: Path
    environment: Callable[[], dict[str, str]]
    listener: socket.socket
    servers: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    @property
    def port(self) -> int:
        return int(self.listener.getsockname()[1])

    def start(self, name: str) -> bool:
        """Start a server with the environment of now; return whether it said that it serves before it ended."""
        place = self.folder / f"{name}.notify"
        place.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified, (self.folder / "web.log").open("ab") as log:
            notified.bind(str(place))
            notified.settimeout(0.2)
            environment = self.environment() | {"LISTEN_FDS": "1", "NOTIFY_SOCKET": str(place)}
            process = subprocess.Popen(
                [sys.executable, "-c", START, str(self.listener.fileno())],
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=log,
                pass_fds=[self.listener.fileno()],
            )
            while process.poll() is None:
                with contextlib.suppress(TimeoutError):
                    assert notified.recv(100) == b"READY=1"
                    self.servers[name] = process
                    return True
        return False

    def stop(self, name: str) -> bool:
        """Ask a server to end, and wait for it."""
        process = self.servers.pop(name, None)
        if process is not None:
            process.terminate()
            process.wait(timeout=STOP_SECONDS)
        return True

    def serve_commands(self) -> None:
        """Do what systemctl is asked for, until it is asked to end."""
        while (command := (self.folder / "asked").read_text(encoding="ascii").strip()) != "end":
            self.asked.append(command)
            verb, _, name = command.partition(" ")
            name = name.removesuffix(".service")
            done = {
                "start": lambda name=name: self.start(name),
                "stop": lambda name=name: self.stop(name),
                "restart": lambda name=name: self.stop(name) and self.start(name),
            }.get(verb, lambda: True)()
            (self.folder / "answered").write_text(f"{int(not done)}\n", encoding="ascii")

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run a shipped script with this systemctl."""
        environment = {"PATH": f"{self.folder}:{os.environ['PATH']}", "UNITS_FOLDER": str(self.folder)}
        return subprocess.run([str(ROOT / script)], env=environment, capture_output=True, text=True, check=False)


@contextlib.contextmanager
def systemd(environment: Callable[[], dict[str, str]]) -> Iterator[Systemd]:
    """Give a socket without a server; all that was started is ended with the context."""
    with tempfile.TemporaryDirectory() as name, socket.create_server((HOST, 0), backlog=1024) as listener:
        folder = Path(name)
        for pipe in ("asked", "answered"):
            os.mkfifo(folder / pipe)
        program = folder / "systemctl"
        unit = ROOT / "deploy" / "kanal-web.service"
        program.write_text(SYSTEMCTL.format(folder=folder, unit=unit), encoding="ascii")
        program.chmod(0o755)
        manager = Systemd(folder, environment, listener)
        thread = threading.Thread(target=manager.serve_commands)
        thread.start()
        try:
            yield manager
        finally:
            (folder / "asked").write_text("end\n", encoding="ascii")
            thread.join()
            for unit_name in list(manager.servers):
                manager.stop(unit_name)
