"""What an attack is given, the same on a served portal (:mod:`bench.attack.served`) and in the suite's short form."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from redis import Redis


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
