"""Rows that are inserted together are those that saving one by one would have made."""

from __future__ import annotations

import uuid
from datetime import date

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from complaints.fast_sql import insert
from complaints.models.case import Case
from complaints.models.complaint import Complaint
from tests.world import Cast

DAY = date(2026, 11, 20)


def new_rows(reference: str) -> tuple[Case, Complaint]:
    """A case and its complaint, not stored yet; keys and seals are mere bytes."""
    case = Case(
        reference=reference, category_id="A1", accused_kind_id="superior", received_on=DAY, status_on=DAY, due_on=None
    )
    keys = {"reporter_key": b"\x00\xff'\\", "reporter_verify_key": b"%s", "public_key": b"", "key_signature": b"\x01"}
    sealed = {"commitment": bytes(32), "sealed_answers": bytes(range(256)), "sealed_summary": b";", "sealed_days": b""}
    return case, Complaint(case=case, lookup=uuid.uuid4().bytes, day=DAY, batch=1, **keys, **sealed)


def columns(row: Case | Complaint) -> dict[str, object]:
    """What the database holds of a row, without its own keys and marks."""
    stored = type(row).objects.values().get(pk=row.pk)
    shared_columns = {"id", "case_id", "lookup", "reference", "salt"}
    return {
        name: bytes(value) if isinstance(value, memoryview) else value
        for name, value in stored.items()
        if name not in shared_columns
    }


def test_inserted_rows_are_those_that_saving_would_make(cast: Cast) -> None:
    together, apart = new_rows("KN-26-AAAAAA"), new_rows("KN-26-BBBBBB")
    insert(*together)
    for row in apart:
        row.save(force_insert=True)
    for inserted, saved in zip(together, apart, strict=True):
        assert columns(inserted) == columns(saved)
        assert not inserted._state.adding
    together[0].status_on = date(2026, 11, 21)
    together[0].save()
    assert Case.objects.get(reference="KN-26-AAAAAA").status_on == date(2026, 11, 21)


def test_one_refused_row_refuses_all(cast: Cast) -> None:
    insert(*new_rows("KN-26-AAAAAA"))
    case, complaint = new_rows("KN-26-AAAAAA")
    with pytest.raises(IntegrityError), transaction.atomic():
        insert(case, complaint)
    assert not Complaint.objects.filter(pk=complaint.pk).exists()


@pytest.mark.skipif(connection.vendor != "postgresql", reason="elsewhere each row is a statement")
def test_postgresql_is_asked_once(cast: Cast) -> None:
    with CaptureQueriesContext(connection) as asked:
        insert(*new_rows("KN-26-AAAAAA"))
    assert len(asked) == 1
