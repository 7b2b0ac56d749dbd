"""What ``make attack`` returns: a skipped attack is none that was withstood."""

from __future__ import annotations

import json

import pytest

from bench.attack import __main__ as command
from bench.attack.catalogue import ATTACKS

NAMES = [attack.__name__ for attack in ATTACKS]
WITHSTOOD: dict[str, int | None] = dict.fromkeys(NAMES, 0)


@pytest.fixture(autouse=True)
def _strict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALLOW_SKIPS", raising=False)


@pytest.mark.parametrize(("allowed", "code"), [("", 2), ("1", 0), ("no", 2)])
def test_without_postgresql_it_fails_unless_asked_not_to(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], allowed: str, code: int
) -> None:
    monkeypatch.setattr(command, "without_postgresql", lambda: "no PostgreSQL")
    monkeypatch.setattr("sys.argv", ["attack"])
    monkeypatch.setenv("ALLOW_SKIPS", allowed)
    assert command.main() == code
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("!! SKIPPED: every attack")
    assert json.loads(lines[-1]) == dict.fromkeys(NAMES, None)


@pytest.mark.parametrize(
    ("numbers", "allowed", "code"),
    [
        (WITHSTOOD, "", 0),
        (WITHSTOOD | {"pickle_ran": None}, "", 2),
        (WITHSTOOD | {"pickle_ran": None}, "1", 0),
        (WITHSTOOD | {"pickle_ran": None, "factor_tries": 1}, "1", 1),
        (WITHSTOOD | {"factor_tries": 1}, "", 1),
    ],
)
def test_the_exit_code_tells_skipped_from_withstood(
    monkeypatch: pytest.MonkeyPatch, numbers: dict[str, int | None], allowed: str, code: int
) -> None:
    monkeypatch.setenv("ALLOW_SKIPS", allowed)
    assert command.end(numbers) == code
