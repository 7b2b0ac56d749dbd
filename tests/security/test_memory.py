"""The short form of the attacks on memory, without a server: the requests are made, and growth is counted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from bench.attack import memory
from bench.attack.catalogue import ATTACKS
from complaints import uploads
from tests.security.attacks.portal import TestPortal
from tests.world import Cast

MEASURED = [memory.multipart_rss_mib, memory.signin_rss_mib]


@pytest.fixture
def target(cast: Cast, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> TestPortal:
    settings.BEHIND_PROXY = True
    monkeypatch.setattr(memory, "SETTLE_SECONDS", 0.0)
    monkeypatch.setattr(memory, "SIGN_INS", 4)
    monkeypatch.setattr(memory, "PARTS", (30, 130))
    return TestPortal(tmp_path, None, monkeypatch)


def test_the_attacks_are_made(target: TestPortal) -> None:
    for attack in (*MEASURED, memory.parts_s):
        assert attack(target) >= 0
        assert attack in ATTACKS


def test_growth_of_the_worker_that_grew_most_is_counted(target: TestPortal, monkeypatch: pytest.MonkeyPatch) -> None:
    for attack in MEASURED:
        sizes: Iterator[dict[int, float]] = iter([{1: 50.0, 2: 50.0}, {1: 51.0, 2: 90.5}] * 2)
        monkeypatch.setattr(target, "resident_mib", lambda sizes=sizes: next(sizes))
        assert attack(target) == 40.5 > ATTACKS[attack]


def test_a_worker_that_ended_is_no_growth(target: TestPortal, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = iter([{1: 50.0}, {2: 10.0}])
    monkeypatch.setattr(target, "resident_mib", lambda: next(sizes))
    with pytest.raises(RuntimeError, match="ended"):
        memory.signin_rss_mib(target)


def test_the_attack_says_where_nothing_was_tried(target: TestPortal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "REPORTER_VIEWS", frozenset())
    with pytest.raises(RuntimeError, match="nothing was tried"):
        memory.multipart_rss_mib(target)
