"""What a load balancer is told: the process lives, and a report can be taken, within three seconds."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from django.db import OperationalError
from django.test import Client
from pytest_django import Settings

from portal import health
from tests.world import Cast


@pytest.fixture(autouse=True)
def _no_earlier_result(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_probe", health.Probe())


def raising(error: Exception) -> None:
    raise error


def break_part(monkeypatch: pytest.MonkeyPatch, part: str, error: Exception) -> None:
    parts = [(name, (lambda: raising(error)) if name == part else lambda: None) for name, _check in health._CHECKS]
    monkeypatch.setattr(health, "_CHECKS", tuple(parts))


def answer(path: str = "/readyz") -> tuple[int, bytes]:
    response = Client().get(path)
    return response.status_code, response.content


def test_a_portal_that_takes_reports_is_ready(live_cast: Cast) -> None:
    assert answer() == (200, b"ok\n")


def test_a_portal_whose_pins_are_wrong_is_not_ready(live_cast: Cast, settings: Settings) -> None:
    settings.TEAM_KEY_PINS = ""
    assert answer() == (503, b"pins\n")


@pytest.mark.parametrize(("part", "error"), [("database", OperationalError()), ("store", OSError())])
def test_the_missing_part_is_named(monkeypatch: pytest.MonkeyPatch, part: str, error: Exception) -> None:
    break_part(monkeypatch, part, error)
    assert answer() == (503, f"{part}\n".encode())
    assert answer("/healthz") == (200, b"ok\n"), "a watchdog would restart what a restart does not help"


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """A database that does not answer; gives how often it was asked."""
    asked: list[int] = []
    back = threading.Event()
    monkeypatch.setattr(health, "_CHECKS", (("database", lambda: (asked.append(1), back.wait(), None)[2]),))
    monkeypatch.setattr(health, "WAIT_SECONDS", 0.1)
    yield asked
    back.set()


def test_a_database_that_hangs_holds_one_thread_and_nobody_waits_for_it(hanging: list[int]) -> None:
    for _ in range(5):
        assert answer() == (503, b"time\n")
    assert hanging == [1]


def test_whoever_asks_often_costs_one_look(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(health, "_CHECKS", (("database", lambda: asked.append(1)),))
    for _ in range(20):
        assert answer() == (200, b"ok\n")
    assert asked == [1]
    monkeypatch.setattr(health, "COUNTS_SECONDS", -1.0)
    assert answer() == (200, b"ok\n")
    assert asked == [1, 1]
