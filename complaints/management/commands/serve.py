"""Serves the portal on one machine: the web server and the job cluster with its watchdog, in one process tree
that ends as a whole. Meant for trying out and for small installations; `make run` calls it. Larger ones start
gunicorn and `work` on their own nodes."""

import json
import socket
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from complaints.management.processes import Child, StopRequest

GRACE_SECONDS = 4
# work needs a moment of its own after its cluster's grace, to kill what is left of it.
LAST_SECONDS = GRACE_SECONDS + 3
READY_SECONDS = 60
# A part that dies sooner than this was never fine, and starting it again would hide why.
EARLY_SECONDS = 15


class Command(BaseCommand):
    """`manage.py serve`"""

    help = "Serve the portal and run its jobs until Ctrl-C."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)

    def handle(self, *args: Any, host: str, port: int, **options: Any) -> None:
        """Start both parts, say where they are, keep them running. Raises CommandError when one cannot."""
        stop = StopRequest()
        _refuse_taken(host, port)
        commands = _commands(host, port)
        children: dict[str, Child] = {}
        try:
            for name, command in commands.items():
                children[name] = Child(command, cwd=str(settings.BASE_DIR))
            if _wait_until_served(host, port, children=children, stop=stop):
                self.stdout.write(banner(host, port))
                self.stdout.flush()
            self._keep_running(children, commands=commands, stop=stop)
        finally:
            _end_all(list(children.values()))

    def _keep_running(self, children: dict[str, Child], *, commands: dict[str, list[str]], stop: StopRequest) -> None:
        while not stop:
            for name, child in list(children.items()):
                if child.running():
                    continue
                status = child.kill()
                # One that was killed is started again at any age; one that gave up by itself would again.
                if status > 0 and child.age < EARLY_SECONDS:
                    raise CommandError(f"{name} ended at once with status {status}; see its lines above.")
                self.stderr.write(f"{name} ended with status {status}; it is started again.")
                children[name] = Child(commands[name], cwd=str(settings.BASE_DIR))
            stop.sleep(1)


def _commands(host: str, port: int) -> dict[str, list[str]]:
    folder = Path(settings.BASE_DIR)
    gunicorn = [sys.executable, "-m", "gunicorn", "--config", str(folder / "deploy" / "gunicorn.conf.py")]
    return {
        "The web server": [
            *gunicorn,
            "--no-control-socket",
            *("--bind", f"{host}:{port}", "--graceful-timeout", str(GRACE_SECONDS), "portal.wsgi"),
        ],
        "The job runner": [sys.executable, str(folder / "manage.py"), "work", "--grace", str(GRACE_SECONDS)],
    }


def _refuse_taken(host: str, port: int) -> None:
    """Raise CommandError when the port is taken; gunicorn would retry and then only log it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CommandError(
                f"Port {port} cannot be used ({error.strerror}). Choose another: make run PORT=8010"
            ) from None


def _wait_until_served(host: str, port: int, *, children: dict[str, Child], stop: StopRequest) -> bool:
    """Wait until the web server answers; false when a part ended, or somebody lost patience, before."""
    waited = 0.0
    while waited < READY_SECONDS and not stop and all(child.running() for child in children.values()):
        try:
            with socket.create_connection((host, port), timeout=1):
                return True
        except OSError:
            stop.sleep(0.2)
            waited += 0.2
    return False


def _end_all(children: list[Child]) -> None:
    """Ask every part at once, so that their times to end overlap, then make sure."""
    for child in children:
        child.ask_to_end()
    for child in children:
        child.end(within=LAST_SECONDS)


def banner(host: str, port: int) -> str:
    """What to open and how to get in: the addresses, and the sample accounts if there are any."""
    # Browsers refuse security keys on an address of numbers (WebAuthn: a relying party is a domain).
    root = f"http://{'localhost' if host == '127.0.0.1' else host}:{port}/"
    lines = [
        "",
        "Kanal Netral is served. Ctrl-C ends all of it.",
        f"  Reporters  {root}   (in English: {root}en/)",
        f"  Staff      {root}{settings.ADMIN_PATH}",
    ]
    return "\n".join([*lines, *_sample_lines(settings.VAR_DIR / "sample.json"), ""])


def _sample_lines(path: Path) -> list[str]:
    """Lines about the sample data, none when there are none. Their passwords protect nothing real."""
    try:
        sample = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    people = sample["accounts"]
    width = max((len(person["role"]) for person in people), default=0)
    accounts = [f"    {person['role']:<{width}}  {person['username']:<14} {person['password']}" for person in people]
    note = "  The second factor's code stands on the page that asks for it, for sample accounts only."
    return ["  Sample staff (role, name, password):", *accounts, note, f"  Sample ticket code  {sample['ticket']}"]
