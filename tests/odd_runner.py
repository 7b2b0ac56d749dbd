"""Settings of a job runner that beats five times as fast, with a job that hangs while the test wants it to."""

from __future__ import annotations

import os
import time
from pathlib import Path

from django.apps import AppConfig

from portal.settings import *  # noqa: F403
from portal.settings import INSTALLED_APPS, VAR_DIR

JOB_BEAT_SECONDS = 1.0
INSTALLED_APPS = [*INSTALLED_APPS, "tests.odd_runner.OddRunner"]
# While it is there the job hangs; each begun and each ended run of the job adds a byte to one of the others.
HANGS, BEGUN, ENDED = (Path(VAR_DIR, f"odd-{name}") for name in ("hangs", "begun", "ended"))


def hang() -> None:
    """Note that the job has begun, wait as long as it is to hang, note that it has ended."""
    Path(VAR_DIR, "odd-worker").write_text(str(os.getpid()))
    _add(BEGUN)
    while HANGS.exists() and HANGS.read_text() != "works":
        time.sleep(3600)
    while HANGS.exists():
        time.sleep(0.1)
    _add(ENDED)


def _add(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"x")


class OddRunner(AppConfig):
    """Puts the odd job in the place of the one that deletes after retention."""

    name = "tests.odd_runner"
    path = str(Path(__file__).parent)

    def ready(self) -> None:
        from complaints import tasks

        tasks.sweep = hang
