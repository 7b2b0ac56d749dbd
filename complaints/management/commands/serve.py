"""``manage.py serve``: the web server and the job cluster with its watchdog on one machine, ended together.

For trial and small installations; ``make run`` calls it. Larger ones run gunicorn and ``work`` on separate nodes.
"""

import json
import socket
import sys
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from complaints.adapters.confinement import keep_memory_private
from complaints.management.processes import Child, StopRequest

GRACE_SECONDS = 4
# After its cluster's grace ``work`` needs time to kill what is left of it.
LAST_SECONDS = GRACE_SECONDS + 3
READY_SECONDS = 60
# A process that fails sooner than this is not restarted, because that would hide the cause.
EARLY_SECONDS = 15


class Command(BaseCommand):
    """Ends with an error where the port is taken or a process fails at once."""

    help = "Serve the portal and run its jobs until Ctrl-C."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)

    def handle(self, *args: object, host: str, port: int, **options: object) -> None:
        keep_memory_private()
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
            # All are asked first, so that their grace periods overlap.
            for child in children.values():
                child.ask_to_end()
            for child in children.values():
                child.end(within=LAST_SECONDS)

    def _keep_running(self, children: dict[str, Child], *, commands: dict[str, list[str]], stop: StopRequest) -> None:
        while not stop:
            for name, child in list(children.items()):
                if child.running():
                    continue
                status = child.kill()
                # A killed process is restarted at any age; one that exits with an error early would do so again.
                if status > 0 and child.age < EARLY_SECONDS:
                    raise CommandError(f"{name} ended at once with status {status}; see its lines above.")
                self.stderr.write(f"{name} ended with status {status}; it is started again.")
                children[name] = Child(commands[name], cwd=str(settings.BASE_DIR))
            stop.sleep(1)


def _commands(host: str, port: int) -> dict[str, list[str]]:
    folder = Path(settings.BASE_DIR)
    server = [sys.executable, "-m", "gunicorn", f"--config={folder / 'deploy' / 'gunicorn.conf.py'}", "portal.wsgi"]
    server += [f"--bind={host}:{port}", f"--graceful-timeout={GRACE_SECONDS}", "--no-control-socket"]
    server += [f"--bind={place}" for place in (settings.ONION_BIND, settings.METRICS_BIND) if place]
    runner = [sys.executable, str(folder / "manage.py"), "work", f"--grace={GRACE_SECONDS}"]
    commands = {"The web server": server, "The job runner": runner}
    # Nobody is to be told of a sample portal.
    return commands if settings.SAMPLE_MODE else commands | {"The watch": [*runner[:2], "watch"]}


def _refuse_taken(host: str, port: int) -> None:
    """Raise CommandError where the port is taken, which gunicorn would only log after retries."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CommandError(
                f"Port {port} cannot be used ({error.strerror}). Choose another: make run PORT=8010"
            ) from None


def _wait_until_served(host: str, port: int, *, children: dict[str, Child], stop: StopRequest) -> bool:
    """Wait until the web server answers; False where a process ended, the time is over or a stop was requested."""
    seconds = 0.0
    while seconds < READY_SECONDS and not stop and all(child.running() for child in children.values()):
        try:
            with socket.create_connection((host, port), timeout=1):
                return True
        except OSError:
            stop.sleep(0.2)
            seconds += 0.2
    return False


def banner(host: str, port: int) -> str:
    """Return the lines to print: the addresses, and the sample accounts where there are any."""
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
    # These passwords may be printed, as they protect fictional data only.
    try:
        sample = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    people = sample["accounts"]
    width = max((len(person["role"]) for person in people), default=0)
    accounts = [f"    {person['role']:<{width}}  {person['username']:<14} {person['password']}" for person in people]
    note = "  The second factor's code stands on the page that asks for it, for sample accounts only."
    return ["  Sample staff (role, name, password):", *accounts, note, f"  Sample ticket code  {sample['ticket']}"]
