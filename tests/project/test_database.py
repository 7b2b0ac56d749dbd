"""A test that breaks off, as one that times out does, leaves the next one a connection that works and the same rows."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
from django.db import OperationalError, connection, transaction

from complaints.models.audit import AuditEntry, ChainHead
from complaints.models.team import Staff
from tests import database
from tests.world import PEOPLE, Cast

postgresql_only = pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite runs in this process")


class Interrupted(BaseException):
    """What the signal handler raises; like pytest's own, psycopg does not know it."""


@contextmanager
def interrupted_after(seconds: float) -> Iterator[None]:
    """Raise :class:`Interrupted` in the middle of what stands inside, as pytest-timeout does."""

    def interrupt(number: int, frame: object) -> None:
        raise Interrupted

    handler = signal.signal(signal.SIGALRM, interrupt)
    left, _interval = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        with pytest.raises(Interrupted):
            yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, left)
        signal.signal(signal.SIGALRM, handler)


def wait_in_the_server() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(60)")


@postgresql_only
def test_an_interrupted_statement_leaves_the_connection_usable(live_cast: Cast) -> None:
    with interrupted_after(0.2):
        wait_in_the_server()
    database.recover()
    assert Staff.objects.count() == len(PEOPLE)


@postgresql_only
def test_interrupted_statement_rolls_back_its_savepoint_only(cast: Cast) -> None:
    Staff.objects.filter(username="vera").update(first_name="Lain")
    with transaction.atomic():
        with interrupted_after(0.2):
            wait_in_the_server()
        database.recover()
    assert Staff.objects.get(username="vera").first_name == "Lain"


def test_rows_come_back_after_a_test_that_commits(live_cast: Cast) -> None:
    before = AuditEntry.objects.count()
    Staff.objects.update(first_name="Lain")
    database.restore()
    assert not Staff.objects.filter(first_name="Lain").exists()
    assert AuditEntry.objects.count() == before == ChainHead.objects.get().sequence


@postgresql_only
@pytest.mark.parametrize(
    "write",
    [
        lambda: Staff.objects.update(first_name="Lain"),
        lambda: Staff.objects.create(username="lain", first_name="Lain"),
    ],
    ids=["changed row", "new row"],
)
def test_rows_come_back_although_another_connection_has_not_committed(
    live_cast: Cast, monkeypatch: pytest.MonkeyPatch, write: Callable[[], object]
) -> None:
    monkeypatch.setattr(database, "LOCK_TIMEOUT_MS", 200)
    locked, finished = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with suppress(OperationalError), transaction.atomic():
                write()
                locked.set()
                finished.wait(30)
        finally:
            connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    assert locked.wait(30)
    database.restore()
    finished.set()
    thread.join()
    assert not Staff.objects.filter(first_name="Lain").exists()
