"""Bawaslu's days: how they follow from elections, and that the sealed record of them tells a thief nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from django.core import serializers
from django.db import connection

from complaints.domain.errors import SealError
from complaints.domain.sealing.keys import reporter_keys
from complaints.models.complaint import Complaint
from complaints.models.reference_data import Election
from complaints.services import bawaslu, follow_up, reference_data
from complaints.services.reporter_reading import BawasluWindow, OwnReport, read_sent
from tests.cases import complaint_of
from tests.world import Cast, send_report

pytestmark = pytest.mark.django_db
TODAY = date(2026, 12, 2)
ANSWERS = {"category": "A2", "accused_kind": "regional_head", "event_from": "2026-12-01", "learnt_on": "2026-12-01"}


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let elections of some kinds run all the time, and no other."""

    def run(*kinds: str) -> None:
        whole = {"starts_on": date.min, "ends_on": date.max, "voting_on": date(2027, 1, 27)}
        rows = [Election(kind=kind, **whole) for kind in kinds]
        monkeypatch.setattr(reference_data, "elections", lambda: rows)

    return run


@pytest.mark.parametrize(
    ("kinds", "window"),
    [
        (("pilkada",), {"safe": "2026-12-07", "last": "2026-12-08"}),
        # Seven working days; the safe day is the shortest reading, in which the day of knowing counts.
        (("pemilu",), {"safe": "2026-12-09", "last": "2026-12-10"}),
        # Two last days: only the earlier safe one is told.
        (("pemilu", "pilkada"), {"safe": "2026-12-07", "last": ""}),
        ((), None),
    ],
)
def test_days_follow_from_the_elections_of_the_day(
    cast: Cast, runs: Callable[..., None], kinds: tuple[str, ...], window: BawasluWindow | None
) -> None:
    runs(*kinds)
    assert bawaslu.window(ANSWERS, TODAY) == window


def test_the_safe_day_is_never_after_the_last_nor_a_closed_one(cast: Cast, runs: Callable[..., None]) -> None:
    for kind in ("pemilu", "pilkada"):
        runs(kind)
        for shift in range(60):
            known = date(2026, 12, 1) + timedelta(days=shift)
            window = bawaslu.window(ANSWERS | {"learnt_on": known.isoformat()}, known)
            assert window is not None
            assert window["safe"] <= window["last"]
            assert reference_data.calendar(known.year).is_open_day(date.fromisoformat(window["safe"]))


@pytest.mark.parametrize(
    "told",
    [
        {"event_from": "", "learnt_on": ""},
        {"event_from": "kemarin", "learnt_on": ""},
        {"event_from": "0001-01-01", "learnt_on": ""},
        {"event_from": "2031-01-01", "learnt_on": "2031-01-01"},
    ],
)
def test_a_day_that_is_not_told_or_not_valid_gives_no_window(cast: Cast, told: dict[str, str]) -> None:
    assert bawaslu.window(ANSWERS | told, TODAY) is None
    assert bawaslu.limits(ANSWERS | told, TODAY), "the limits are told all the same"


@pytest.mark.parametrize(
    ("day", "last", "state", "left"),
    [
        (2, "2026-12-08", "open", 5),
        (7, "2026-12-08", "open", 0),
        (8, "2026-12-08", "last", -1),
        (9, "2026-12-08", "past", -2),
        (9, "2026-12-10", "late", -2),
        (7, "", "open", 0),
        (9, "", "unsure", -2),
        # Both days on one.
        (7, "2026-12-07", "last", 0),
    ],
)
def test_what_a_day_makes_of_the_window(day: int, last: str, state: str, left: int) -> None:
    own = OwnReport.on(date(2026, 12, day), {"safe": "2026-12-07", "last": last})
    assert own is not None
    assert (own.state, own.left) == (state, left)


def test_every_report_has_a_record_of_one_size_and_the_same_rows(cast: Cast) -> None:
    counts, sizes = set(), set()
    for changes in ({"event_from": "2026-12-01"}, {"event_from": "", "learnt_on": ""}, {"event_from": "2020-01-01"}):
        before = _rows()
        sent = send_report(today=TODAY, **changes)
        counts.add(tuple(after - earlier for after, earlier in zip(_rows(), before, strict=True)))
        sizes.add(len(bytes(complaint_of(sent).sealed_days)))
    assert len(counts) == 1
    assert sizes == {1 + 48 + 512}


def _rows() -> list[int]:
    tables = sorted(connection.introspection.table_names())
    with connection.cursor() as cursor:
        counts = []
        for table in tables:
            cursor.execute(f"SELECT count(*) FROM {connection.ops.quote_name(table)}")
            counts.append(cursor.fetchone()[0])
    return counts


def test_no_byte_of_the_days_lies_in_the_database(cast: Cast) -> None:
    sent = send_report(today=TODAY, accused_kind="regional_head", event_from="2026-12-01", learnt_on="2026-12-01")
    complaint = complaint_of(sent)
    own = OwnReport.on(TODAY, read_sent(complaint, reporter_keys(sent.code)))
    assert own == OwnReport(date(2026, 12, 7), date(2026, 12, 8), "open", 5)
    assert follow_up.status_page(ticket=sent.ticket, today=TODAY).own_report == own
    dump = serializers.serialize("json", [complaint, complaint.case, *complaint.grants.all()])
    raw = bytes(complaint.sealed_days) + bytes(complaint.sealed_answers)
    for day in ("2026-12-07", "2026-12-08"):
        assert day not in dump
        assert day.encode() not in raw


def test_the_days_of_another_report_do_not_open(cast: Cast) -> None:
    first, second = send_report(today=TODAY, event_from="2026-12-01"), send_report(today=TODAY)
    taken = complaint_of(first).sealed_days
    Complaint.objects.filter(pk=complaint_of(second).pk).update(sealed_days=taken)
    with pytest.raises(SealError):
        read_sent(complaint_of(second), reporter_keys(second.code))
