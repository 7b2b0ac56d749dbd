"""The pool of database connections of a web server's process: shared, checked, given back, and full."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from typing import Any

import pytest
from django.db import DEFAULT_DB_ALIAS, OperationalError, connection, connections

from complaints import database_checks
from complaints.services.evidence import pooled_connection
from complaints.services.evidence.pooled_connection import give_back_connection
from portal import errors
from portal.postgresql import pool

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no connections to share"),
]


@pytest.fixture
def pooled(settings: Any) -> Iterator[Any]:
    """Give a function that returns a wrapper of Django's for a thread; all of them share two connections."""
    own = deepcopy(connections.settings[DEFAULT_DB_ALIAS])
    own |= {"NAME": connection.settings_dict["NAME"], "CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": True}
    own["OPTIONS"] = {"pool": {"min_size": 1, "max_size": 2, "timeout": 2}}
    made: list[Any] = []

    def make() -> Any:
        made.append(type(connections[DEFAULT_DB_ALIAS])(deepcopy(own), alias="pooled"))
        return made[-1]

    yield make
    for wrapper in made:
        wrapper.close()
    made[0].close_pool()


def process_of(wrapper: Any) -> int:
    with wrapper.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def test_requests_in_turn_share_one_connection(pooled: Any) -> None:
    seen = set()
    pooled().pool.open(wait=True)
    for _request in range(5):
        wrapper = pooled()
        seen.add(process_of(wrapper))
        wrapper.close()
    assert len(seen) == 1


def test_a_full_pool_says_so_soon_and_recovers(pooled: Any) -> None:
    first, second, third = (pooled() for _thread in range(3))
    assert process_of(first) != process_of(second)
    with pytest.raises(OperationalError):
        process_of(third)
    second.close()
    assert process_of(third)


def test_connection_that_died_meanwhile_is_replaced_unseen(pooled: Any) -> None:
    wrapper = pooled()
    died = process_of(wrapper)
    wrapper.close()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 2000)", [died])
    assert process_of(pooled()) != died


def test_a_waiting_thread_holds_no_connection_outside_of_a_transaction(
    pooled: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting, others = pooled(), [pooled(), pooled()]
    monkeypatch.setattr(pooled_connection, "connection", waiting)
    process_of(waiting)
    give_back_connection()
    assert all(process_of(wrapper) for wrapper in others)
    for wrapper in others:
        wrapper.close()
    waiting.ensure_connection()
    waiting.in_atomic_block = True
    give_back_connection()
    assert waiting.connection is not None
    waiting.in_atomic_block = False


def test_whoever_comes_again_as_told_finds_a_server_that_has_room_again() -> None:
    # The intervals double: the last one is at most half of the time, so the next attempt begins before they come.
    assert pool.RECONNECT_SECONDS < errors.RETRY_SECONDS


def test_many_threads_take_turns(pooled: Any) -> None:
    wrappers = [pooled() for _thread in range(8)]

    def work(wrapper: Any) -> set[int]:
        wrapper.inc_thread_sharing()
        seen = set()
        for _request in range(5):
            seen.add(process_of(wrapper))
            wrapper.close()
        return seen

    with ThreadPoolExecutor(len(wrappers)) as threads:
        assert len(set().union(*threads.map(work, wrappers))) <= 2


def test_without_a_pool_the_connection_is_kept() -> None:
    process = process_of(connection)
    give_back_connection()
    assert process_of(connection) == process


@pytest.mark.parametrize(("nodes", "is_named"), [(1, False), (100, True)])
def test_more_connections_than_the_server_admits_are_named(settings: Any, nodes: int, is_named: bool) -> None:
    settings.WEB_NODES = nodes
    assert any(message.id == "portal.E050" for message in database_checks.check_database(None)) is is_named
