"""What an attack is given, the same on a served portal (:mod:`bench.attack.served`) and in the suite's short form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from redis import Redis

from bench.attack.drip import Visits
from bench.client import Browser, Page

if TYPE_CHECKING:
    from bench.attack.flood import FloodResult


@dataclass(frozen=True)
class Account:
    """An account of the office and all that its owner knows; ``secret`` is that of the app (base32)."""

    username: str
    password: str
    secret: str


class Skipped(Exception):
    """An attack cannot be made on this machine; the text says why."""


class Target(Protocol):
    """A portal under attack, with the sample or the test's staff in it."""

    # An empty folder, in which whatever an attack gets to run leaves a file.
    folder: Path
    secret_key: str
    # The portal's cache; None where no Redis can be started here.
    cache: Redis | None

    def execute(self, statement: str, values: Sequence[object] = ()) -> None:
        """Run SQL as somebody who can write to the database; placeholders are %s, moments are texts in UTC."""

    def run_jobs(self) -> None:
        """Return once every job that is due has had its turn."""

    def upload_file(self) -> None:
        """Send a small file as a reporter."""

    def send_reports(self, number: int) -> None:
        """Send whole reports, after which every worker has loaded and cached what it needs."""

    def at_story(self) -> Browser:
        """Return the browser of a reporter who has come to page 3, where files are added."""

    def at_once(self, requests: Sequence[Callable[[], Page]]) -> list[Page]:
        """Make requests at the same time, where the portal can take that; return their answers in order."""

    def resident_mib(self) -> dict[int, float]:
        """Return the resident memory of each worker of the web server in MiB, by its process id; {} in the suite."""

    def browser(self) -> Browser:
        """Return a browser without cookies, whose ``source`` the portal believes."""

    def account(self) -> Account:
        """Return an account with a new app, whose codes nobody has given yet."""

    def draft_seconds(self) -> int:
        """Return how long an unfinished report is kept."""

    def draft_traces(self) -> set[str]:
        """Return the ids of all unfinished reports and of their files, and the names of all stored objects."""

    def moment(self) -> float:
        """Return the present moment in seconds."""

    def wait(self, seconds: float) -> None:
        """Let time pass, and with it the jobs."""

    def draft_free_seconds(self) -> float:
        """Return the seconds from the end of an unfinished report until nothing of it is left."""

    def blind_columns(self) -> list[str]:
        """Alter each deciding column alone, undo it, and return the alterations that verification did not name.

        Those for which there is no row are among them, because nothing was tried.
        """

    def told_lines(self) -> list[str]:
        """Alter each column that a list shows alone, undo it, and return those that a list would have told."""

    def sent_objects(self) -> set[str]:
        """Return the names of the objects of sent evidence that the storage has."""

    def beside_slow_connections(self) -> tuple[list[Visits], list[Visits]]:
        """Return how reporters fare through the proxy, and visitors of the server itself, beside slow connections.

        Measured once for each kind of body, a small one and one with files. Raises Skipped where there is no proxy.
        """

    def flood(self) -> FloodResult:
        """Let a flood come in and two members handle it; return what became of it."""

    def escapes(self) -> list[str]:
        """Try each escape from the sandbox of this portal, and return those that were not refused."""


class Marks:
    """Files that planted code would leave behind; an attack counts them."""

    def __init__(self, target: Target, name: str) -> None:
        self._folder = target.folder / name
        self._folder.mkdir()
        self._planted = 0

    def new(self) -> str:
        """Return the path of a file that does not exist yet."""
        self._planted += 1
        return str(self._folder / str(self._planted))

    def count(self) -> int:
        """Return how many of the files exist."""
        return len(list(self._folder.iterdir()))
