"""What lies in the database or in Redis is data: no row and no cached value runs code, whoever put it there.

Each planted thing would make a file. django-q2's tables do not exist on a fresh portal; here they are made, as an
earlier installation or an attacker may have.
"""

from __future__ import annotations

import ast
import json
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as portal
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_q.exceptions import TimeoutException
from django_q.models import OrmQ, Schedule, Task
from django_q.signals import pre_execute
from django_q.signing import SignedPackage
from pytest_django import Settings
from redis import Redis

from bench.attack import runner_tables
from bench.attack.catalogue import ATTACKS, Attack
from bench.attack.stores import CACHED_SUM, foreign_job_ran, pickle_ran
from bench.server import redis_server
from complaints import broker
from complaints.models.job import JobFailure, JobName
from complaints.services.evidence import limits
from tests.runner import only_due, run_all_due, run_round
from tests.security.attacks.portal import TestPortal
from tests.world import Cast

ROOT = Path(__file__).resolve().parents[2]
# Modules of the standard library and others that make objects out of bytes.
UNPICKLERS = {"pickle", "cPickle", "_pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "jsonpickle"}


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    with redis_server() as address:
        yield address


@pytest.fixture
def redis(redis_url: str, monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Redis:
    """A Redis of our own, as the cache that the portal's settings make of it."""
    if not redis_url:
        pytest.skip("SKIPPED: no redis-server here; install redis")
    monkeypatch.setenv("REDIS_URL", redis_url)
    settings.CACHES = runpy.run_path(str(ROOT / "portal" / "settings.py"))["CACHES"]
    settings.EVIDENCE_MAX_STORE_BYTES = 2**40
    client = Redis.from_url(redis_url)
    client.flushall()
    return client


@pytest.fixture
def target(db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TestPortal:
    """The portal with the runner's tables made, and no job due."""
    target = TestPortal(tmp_path, None, monkeypatch)
    runner_tables.create(target)
    only_due()
    return target


def files(target: TestPortal) -> list[Path]:
    return list(target.folder.iterdir())


def test_the_plants_would_make_files(tmp_path: Path) -> None:
    """Against a test that finds nothing because it plants nothing."""
    SignedPackage.loads(runner_tables.signed(runner_tables.hostile(str(tmp_path / "a")), portal.SECRET_KEY))
    assert (tmp_path / "a").exists()


def test_a_fresh_portal_has_no_tables_of_the_runner(db: None) -> None:
    assert not [name for name in connection.introspection.table_names() if name.startswith("django_q")]


def test_a_planted_schedule_does_not_run(target: TestPortal, monkeypatch: pytest.MonkeyPatch) -> None:
    runner_tables.plant_schedule(target, 1, str(target.folder / "schedule"))
    run_all_due(monkeypatch)
    run_all_due(monkeypatch)
    assert files(target) == []
    assert Schedule.objects.count() == 1, "not even looked at"


@pytest.mark.parametrize("key", [portal.SECRET_KEY, "somebody else's" * 4], ids=["signed", "unsigned"])
@pytest.mark.parametrize("what", ["function", "pickle"])
def test_a_planted_package_is_not_read(
    target: TestPortal, monkeypatch: pytest.MonkeyPatch, key: str, what: str
) -> None:
    path = str(target.folder / "package")
    package = runner_tables.package("x", runner_tables.LEAVE_A_FILE, path, "w")
    content = package if what == "function" else runner_tables.hostile(path)
    runner_tables.plant_package(target, 1, runner_tables.signed(content, key))
    run_all_due(monkeypatch)
    assert files(target) == []
    assert OrmQ.objects.count() == 1, "not even looked at"


@pytest.mark.parametrize("error", [OSError, TimeoutException])
def test_a_planted_result_of_a_job_that_fails_is_not_read(
    target: TestPortal, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    """The row is planted while the job runs, under the very id and name that the runner gave it."""

    def burst() -> None:
        raise error

    def plant(task: dict[str, Any], **_signal: object) -> None:
        runner_tables.plant_result(target, task["id"], task["name"], str(target.folder / task["id"]))

    monkeypatch.setattr("complaints.tasks.sweep", burst)
    # The test's own transaction is on the connection that a timeout would close.
    monkeypatch.setattr(broker, "_renew_connections", lambda error: None)
    only_due("sweep")
    pre_execute.connect(plant)
    try:
        with CaptureQueriesContext(connection) as queries:
            assert [task["name"] for task in run_round(monkeypatch)] == ["sweep"]
    finally:
        pre_execute.disconnect(plant)
    assert files(target) == []
    assert [query["sql"] for query in queries if "django_q" in query["sql"] and "INSERT" not in query["sql"]] == []
    assert JobFailure.objects.values_list("name", "type").get() == ("sweep", error.__qualname__)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM django_q_task")
        assert cursor.fetchone() == (1,), "nothing of ours is written there"


def test_what_ran_leaves_nothing_in_the_runners_tables(
    target: TestPortal, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    only_due(*JobName.values)
    assert run_all_due(monkeypatch) == len(JobName)
    assert (Task.objects.count(), OrmQ.objects.count(), Schedule.objects.count()) == (0, 0, 0)
    assert not JobFailure.objects.exists()


def test_nobody_can_put_a_job_into_the_queue(db: None) -> None:
    with pytest.raises(RuntimeError):
        broker.JobBroker().enqueue("anything")


def test_a_planted_pickle_in_the_cache_is_not_read(redis: Redis, tmp_path: Path, db: None) -> None:
    planted = runner_tables.pickled(str(tmp_path / "cached"))
    redis.set(CACHED_SUM, planted)
    assert limits.used_bytes() == 0
    assert list(tmp_path.iterdir()) == []
    value, _until, digest = json.loads(str(redis.get(CACHED_SUM), "ascii"))
    assert (value, len(digest)) == (0, 64), "counted anew, and kept as JSON with a digest"


@pytest.mark.parametrize("value", ["a text", -1, 1.5, True, None, [1], {"a": 1}])
def test_a_cached_sum_of_another_type_counts_as_absent(db: None, value: object) -> None:
    cache.set(limits.USED_CACHE, value)
    assert limits.used_bytes() == 0


def test_no_module_of_the_product_reads_pickles() -> None:
    imported = {
        (str(path.relative_to(ROOT)), name)
        for folder in ("complaints", "portal", "deploy")
        for path in (ROOT / folder).rglob("*.py")
        for name in imports(path)
    }
    assert {(path, name) for path, name in imported if name in UNPICKLERS} == set()
    # Packages of the runner are pickles; they are made and read in the memory of the job cluster alone.
    assert {path for path, name in imported if name == "django_q"} == {
        "complaints/apps.py",
        "complaints/broker.py",
        "complaints/management/commands/work.py",
    }


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


# --- The short form of `make attack`: without a server, without waiting


@pytest.mark.parametrize("attack", [foreign_job_ran, pickle_ran])
def test_the_portal_withstands(
    attack: Attack, redis: Redis, cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert attack(TestPortal(tmp_path, redis, monkeypatch)) <= ATTACKS[attack]
