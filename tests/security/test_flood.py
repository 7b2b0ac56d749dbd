"""The short form of the attack lane_lost: three patterns of junk, and real reports among them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.attack import flood
from bench.attack.catalogue import ATTACKS
from complaints.domain import lane
from complaints.services import lane as lane_service
from tests.security.attacks.portal import TestPortal
from tests.world import Cast


@pytest.fixture
def target(cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TestPortal:
    return TestPortal(tmp_path, None, monkeypatch)


def test_no_real_report_comes_into_the_lane_and_the_junk_is_closed(target: TestPortal) -> None:
    result = target.flood()
    junk = {"junk: equal": 31, "junk: handful": 31}
    assert result.in_lane == result.ended == junk
    assert (result.acts, result.sampled) == (2, 5)
    assert flood.lane_lost(_Told(result)) <= ATTACKS[flood.lane_lost]


def test_a_portal_that_ignores_whom_a_copy_names_is_found(target: TestPortal, monkeypatch: pytest.MonkeyPatch) -> None:
    # In both places: else a last slice of reports that all name somebody would not be compared at all.
    for module in (lane, lane_service):
        monkeypatch.setattr(module, "may_be_junk", lambda document: True)
    target.patterns = ("handful",)
    assert flood.lane_lost(_Told(target.flood())) >= 31


def test_junk_that_takes_many_acts_is_counted() -> None:
    result = flood.FloodResult({"junk: equal": 450}, {"junk: equal": 450}, acts=13, sampled=23)
    assert flood.lane_lost(_Told(result)) == 3


def test_a_flood_that_nobody_notices_is_no_success() -> None:
    with pytest.raises(RuntimeError, match="No report"):
        flood.lane_lost(_Told(flood.FloodResult({}, {}, 1, 0)))


class _Told(TestPortal):
    """A portal of which the result is known."""

    def __init__(self, result: flood.FloodResult) -> None:
        self.result = result

    def flood(self) -> flood.FloodResult:
        return self.result
