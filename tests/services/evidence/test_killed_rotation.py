"""The worker's key is being replaced, and something is killed: the command, or the job runner over a file."""

from __future__ import annotations

from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from pytest_django import Settings

from complaints.adapters import private_file
from complaints.models.evidence import Evidence
from complaints.services.evidence import processing
from tests.adapters import samples
from tests.world import Cast, sealed_upload, send_report

DAY = date(2026, 11, 9)


class Killed(BaseException):
    """The process ends here."""


def send_file() -> None:
    send_report(today=DAY, files=[sealed_upload(samples.jpeg(), "a.jpg")])


def restart(settings: Settings) -> None:
    """Read the environment file anew, as a restart does."""
    lines = dict(line.split("=", 1) for line in settings.ENV_FILE.read_text().splitlines() if line)
    settings.WORKER_PRIVATE_KEY, settings.WORKER_PUBLIC_KEY = lines["WORKER_PRIVATE_KEY"], lines["WORKER_PUBLIC_KEY"]
    settings.WORKER_PREVIOUS_KEYS = lines.get("WORKER_PREVIOUS_KEYS", "").split(",")


@pytest.fixture
def installed(cast: Cast, settings: Settings, tmp_path: Path) -> None:
    settings.ENV_FILE = tmp_path / "portal.env"
    key = settings.WORKER_PRIVATE_KEY
    settings.ENV_FILE.write_text(f"WORKER_PRIVATE_KEY={key}\n")
    call_command("rotate_worker_key", stdout=StringIO())
    restart(settings)


@pytest.mark.parametrize("ends_at", range(3))
def test_a_rotation_that_was_killed_loses_no_file(
    installed: None, settings: Settings, monkeypatch: pytest.MonkeyPatch, ends_at: int
) -> None:
    put, calls = private_file.put, []

    def dies(*args: Any) -> None:
        if len(calls) == ends_at:
            raise Killed
        calls.append(put(*args))

    send_file()
    with monkeypatch.context() as patch:
        patch.setattr(private_file, "put", dies)
        with pytest.raises(Killed):
            call_command("rotate_worker_key", stdout=StringIO())
    restart(settings)
    send_file()
    call_command("rotate_worker_key", stdout=StringIO())
    restart(settings)
    send_file()
    while processing.process_pending():
        pass
    assert list(Evidence.objects.values_list("state", flat=True)) == [Evidence.State.READY] * 3


def test_a_runner_that_is_killed_over_a_file_goes_on_with_the_next_key(
    installed: None, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    send_file()
    with monkeypatch.context() as patch:
        patch.setattr(processing._Run, "_end", dying)
        with pytest.raises(Killed):
            processing.process_pending()
    assert Evidence.objects.get().state == Evidence.State.PENDING
    call_command("rotate_worker_key", stdout=StringIO())
    restart(settings)
    while processing.process_pending():
        pass
    assert Evidence.objects.get().state == Evidence.State.READY


def dying(*args: Any) -> None:
    raise Killed
