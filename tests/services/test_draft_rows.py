"""Rows of unfinished reports: the reporter's secret alone opens them, and the worker learns their end and no more."""

from __future__ import annotations

import time
from typing import Any

import pytest
from pytest_django import Settings

from complaints.domain.sealing.keys import DraftKeys
from complaints.domain.sealing.primitives import BoxPair
from complaints.models.draft import Draft
from complaints.services import draft_rows
from complaints.services.evidence import worker_key

CONTENT = {"draft": {"story": "Kami diminta memilih satu calon."}}
MINE, THEIRS = DraftKeys.of("mine"), DraftKeys.of("theirs")


def written(keys: DraftKeys = MINE, content: dict[str, Any] | None = None, *, until: float = 0) -> Draft:
    content = CONTENT if content is None else content
    assert draft_rows.write_row(keys, content, until or time.time() + 60, version=1, seen=None)
    return Draft.objects.get(pk=keys.id)


def test_a_row_opens_with_its_own_secret_under_its_own_id_only(db: None) -> None:
    mine, theirs = written(), written(THEIRS, {"draft": {"story": "lain"}})
    stored = draft_rows.read_row(MINE)
    assert stored and (stored.content, stored.version) == (CONTENT, 1)
    Draft.objects.filter(pk=mine.pk).update(data=theirs.data, ends=theirs.ends)
    assert draft_rows.read_row(MINE) is None
    altered = bytearray(theirs.data)
    altered[60] ^= 1
    Draft.objects.filter(pk=theirs.pk).update(data=bytes(altered))
    assert draft_rows.read_row(THEIRS) is None


@pytest.mark.parametrize("left", [1, 0])
def test_a_row_opens_until_its_end(db: None, left: int, monkeypatch: pytest.MonkeyPatch) -> None:
    row = written(until=2_000_000_000)
    monkeypatch.setattr(time, "time", lambda: 2_000_000_000.0 - left)
    assert bool(draft_rows.open_row(MINE, row.data, row.ends)) is bool(left)


def test_a_row_tells_a_class_of_length_only(db: None) -> None:
    for number, length in enumerate((0, 1, 300, 1500, 3000, 30_000)):
        row = written(DraftKeys.of(str(number)), {"draft": {"story": "é" * length}})
        assert row.stored_size == len(row.data)
    assert {len(row.data) for row in Draft.objects.all()} == {size + 40 for size in (1024, 4096, 16384, 65536)}
    assert len({len(row.ends) for row in Draft.objects.all()}) == 1


def test_the_worker_learns_end_and_names_and_opens_nothing(db: None) -> None:
    row = written(until=time.time() + 60.5)
    end = draft_rows.open_end(worker_key.pairs(), row.pk, row.ends)
    assert end is not None
    assert 60 < end.until - time.time() < 62
    assert end.names == MINE.names
    assert MINE.names not in (MINE.content, MINE.files)
    assert draft_rows.open_end([BoxPair.new()], row.pk, row.ends) is None


def test_the_end_of_another_row_counts_for_none(db: None) -> None:
    """Whoever writes to the database could else give one reporter's end to another."""
    mine, theirs = written(), written(THEIRS)
    assert draft_rows.open_end(worker_key.pairs(), mine.pk, theirs.ends) is None


def test_an_end_opens_with_the_key_before_the_last_rotation(db: None, settings: Settings) -> None:
    row = written()
    settings.WORKER_PREVIOUS_KEYS = [settings.WORKER_PRIVATE_KEY]
    settings.WORKER_PRIVATE_KEY, settings.WORKER_PUBLIC_KEY = worker_key.new_keys()
    later = written(THEIRS)
    for stored in (row, later):
        assert draft_rows.open_end(worker_key.pairs(), stored.pk, stored.ends)


def test_a_node_without_jobs_writes_by_the_public_key_alone(db: None, settings: Settings) -> None:
    pairs = worker_key.pairs()
    settings.WORKER_PUBLIC_KEY, settings.WORKER_PRIVATE_KEY = pairs[0].public.hex(), ""
    row = written()
    assert worker_key.pairs() == []
    assert draft_rows.open_end(pairs, row.pk, row.ends)
    assert draft_rows.touch_row(MINE, time.time() + 90, seen=bytes(row.ends)) != bytes(row.ends)


def test_a_write_that_did_not_see_the_last_one_is_refused(db: None) -> None:
    row = written()
    seen = bytes(row.ends)
    assert draft_rows.write_row(MINE, CONTENT, time.time() + 60, version=2, seen=seen)
    assert draft_rows.write_row(MINE, CONTENT, time.time() + 60, version=2, seen=seen) is None
    assert draft_rows.write_row(MINE, CONTENT, time.time() + 60, version=2, seen=None) is None


def test_a_touch_moves_the_end_and_keeps_the_content(db: None) -> None:
    row = written()
    assert draft_rows.touch_row(MINE, time.time() + 999, seen=bytes(row.ends)) != bytes(row.ends)
    stored = draft_rows.read_row(MINE)
    assert stored and (stored.content, stored.version) == (CONTENT, 1)
    assert stored.until > time.time() + 900
