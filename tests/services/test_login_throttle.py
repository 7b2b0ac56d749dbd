"""Delays at the staff's door grow for whoever guesses, stay away from everybody else, and keep no address."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from complaints.models.session import LoginDelay
from complaints.models.verification import VerificationFault
from complaints.services import login_throttle, signin_floors
from complaints.services.login_throttle import Throttled
from tests.security.traces import hits, tables
from tests.world import at

NOW = at(date(2026, 11, 9))
HERE, THERE = "203.0.113.77", "198.51.100.9"


def fail(times: int, *, source: str = HERE, account: str = "vera") -> list[int]:
    """Guess as soon as it is allowed; return how long each guess had to wait."""
    now, waits = NOW, []
    for _guess in range(times):
        waited = 0
        while True:
            try:
                login_throttle.begin(kind="password", account=account, source=source, now=now)
                break
            except Throttled as slow:
                waited += slow.seconds
                now += timedelta(seconds=slow.seconds)
        waits.append(waited)
    return waits


def begin(*, source: str, account: str = "vera", kind: str = "password") -> None:
    login_throttle.begin(kind=kind, account=account, source=source, now=NOW)


def test_an_attacker_waits_longer_each_time(db: None) -> None:
    assert fail(14) == [0, 0, 0, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]


def test_the_true_person_from_another_source_does_not_wait(db: None) -> None:
    fail(14)
    for _typing_error in range(3):
        begin(source=THERE)
    with pytest.raises(Throttled) as slow:
        begin(source=THERE)
    assert slow.value.seconds <= 30


def test_names_known_or_not_and_however_spelt_count_alike(db: None) -> None:
    assert fail(5, account="tidakada") == [0, 0, 0, 2, 4]
    with pytest.raises(Throttled):
        begin(source=HERE, account="TidakAda")


def test_one_source_cannot_go_through_many_names(db: None) -> None:
    for number in range(30):
        begin(source=HERE, account=f"nama{number}")
    with pytest.raises(Throttled):
        begin(source=HERE, account="nama30")
    begin(source=THERE, account="nama30")


def test_what_came_too_early_is_not_counted(db: None) -> None:
    fail(3)
    for _ in range(50):
        with pytest.raises(Throttled) as slow:
            begin(source=HERE)
        assert slow.value.seconds == 2


def test_success_forgets_and_the_factor_counts_apart(db: None) -> None:
    fail(3)
    begin(source=HERE, kind="factor")
    login_throttle.succeeded(kind="password", account="vera", source=HERE, now=NOW)
    begin(source=HERE)


def test_a_source_is_kept_for_minutes_and_never_readable(db: None) -> None:
    fail(4)
    assert hits(HERE, tables()) == []
    login_throttle.purge(now=NOW + timedelta(minutes=15))
    assert LoginDelay.objects.exists()
    login_throttle.purge(now=NOW + timedelta(minutes=16))
    assert not LoginDelay.objects.exists()


# --- Whoever writes to the database


@pytest.mark.parametrize("how", ["deleted", "ended"])
def test_a_delay_that_was_set_back_goes_on_and_is_told(db: None, how: str) -> None:
    fail(3)
    if how == "deleted":
        LoginDelay.objects.all().delete()
    else:
        LoginDelay.objects.update(failures=0, until=NOW)
    with pytest.raises(Throttled) as slow:
        begin(source=HERE)
    assert slow.value.seconds == 2
    assert LoginDelay.objects.filter(failures=3, until=NOW + timedelta(seconds=2)).exists(), "for other processes too"
    fault = VerificationFault.objects.get()
    assert (fault.code, fault.subject, fault.state) == ("signin.fell", "login delay", "2026-11-09")


def test_delays_grow_on_however_often_their_rows_are_deleted(db: None) -> None:
    now, waits = NOW, []
    for _guess in range(8):
        waited = 0
        while True:
            LoginDelay.objects.all().delete()
            try:
                login_throttle.begin(kind="password", account="vera", source=HERE, now=now)
                break
            except Throttled as slow:
                waited += slow.seconds
                now += timedelta(seconds=slow.seconds)
        waits.append(waited)
    assert waits == [0, 0, 0, 2, 4, 8, 16, 32]


def test_no_act_of_the_portal_looks_like_a_delay_set_back(db: None) -> None:
    """Success, also of another process, and deletion of old rows: none is told, and success forgets."""
    fail(3)
    later = NOW + timedelta(seconds=2)
    login_throttle.begin(kind="password", account="vera", source=HERE, now=later)
    login_throttle.succeeded(kind="password", account="vera", source=HERE, now=later)
    for _typing_error in range(3):
        login_throttle.begin(kind="password", account="vera", source=HERE, now=later)
    signin_floors.forget_all()
    # The success of an attempt that another process began before this delay leaves the delay as it is.
    login_throttle.succeeded(kind="password", account="vera", source=HERE, now=later)
    with pytest.raises(Throttled):
        login_throttle.begin(kind="password", account="vera", source=HERE, now=later)
    much_later = later + timedelta(minutes=20)
    login_throttle.purge(now=much_later)
    login_throttle.begin(kind="password", account="vera", source=HERE, now=much_later)
    assert set(LoginDelay.objects.values_list("failures", flat=True)) == {1}
    assert not VerificationFault.objects.exists()


@pytest.mark.parametrize("values", [{"until": NOW + timedelta(days=9000)}, {"failures": 2**31 - 1}], ids=str)
def test_a_delay_longer_than_any_of_the_portal_keeps_nobody_out_and_is_told(db: None, values: dict[str, Any]) -> None:
    fail(1)
    LoginDelay.objects.update(**values)
    begin(source=HERE)
    assert VerificationFault.objects.get().code == "signin.fell"
    assert all(row.failures <= login_throttle.FAILURES_AT_MOST for row in LoginDelay.objects.all())
    # The next delays grow as before.
    assert sum(fail(12)) > 0
