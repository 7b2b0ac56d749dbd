"""`work` from outside: it waits for its database, and whatever of it freezes or hangs is replaced, with nothing twice.

It runs in processes of its own. Times are a fifth of the shipped ones, and no test depends on them.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.conf import settings

from complaints.adapters import beats
from complaints.adapters.beats import PUSHER, SENTINEL, WAITS_FOR_DATABASE, WORKER, Watch
from complaints.management.commands.work import LONGEST_PAUSE_SECONDS, WATCH_SECONDS
from complaints.queue import PICKED_UP_WITHIN, hangs_after, lease, stalled_after
from tests.installation import ROOT, installed, processes
from tests.project.test_tooling import needs_proc, wait_for

pytestmark = [needs_proc, pytest.mark.processes]
PATIENCE = 120


@dataclass
class Runner:
    """A running `work` of an installation of its own."""

    environment: dict[str, str]
    process: subprocess.Popen[bytes]

    @property
    def folder(self) -> Path:
        return Path(self.environment["PORTAL_VAR"])

    def query(self, statement: str) -> list[tuple[object, ...]]:
        with contextlib.closing(sqlite3.connect(self.folder / "portal.sqlite3", timeout=20)) as database, database:
            return database.execute(statement).fetchall()

    def heartbeats(self) -> object:
        return self.query("SELECT beat_at FROM complaints_heartbeat")

    def let_run(self, name: str) -> None:
        """Make a job due, also where it waits for its hour."""
        self.query(f"UPDATE complaints_jobrun SET due_at = '2026-01-01 00:00:00' WHERE name = '{name}'")

    def failures(self) -> list[tuple[object, ...]]:
        return self.query("SELECT name, type FROM complaints_jobfailure ORDER BY name, type")

    def marks(self, name: str) -> int:
        path = self.folder / f"odd-{name}"
        return path.stat().st_size if path.exists() else 0

    def cluster(self) -> set[int]:
        """The processes of the cluster, whose first is the child of `work`."""
        return set(processes(self.environment)) - {self.process.pid}

    def log(self) -> str:
        return (self.folder / "work.log").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return installed(tmp_path_factory.mktemp("installation"), "tests.odd_runner")


@contextlib.contextmanager
def working(environment: dict[str, str]) -> Iterator[Runner]:
    folder = Path(environment["PORTAL_VAR"])
    with (folder / "work.log").open("wb") as log:
        command = [sys.executable, "manage.py", "work", "--grace", "1"]
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        yield Runner(environment, process)
    finally:
        for pid in processes(environment):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()


@pytest.fixture(scope="module")
def first_runner(installation: dict[str, str]) -> Iterator[Runner]:
    with working(installation) as runner:
        wait_for(lambda: has_ended(runner, "sweep"), PATIENCE)
        yield runner


@pytest.fixture
def runner(first_runner: Runner) -> Runner:
    """A runner whose cluster runs jobs, the odd one waiting for its hour; the same one, whatever befell its cluster."""
    first_runner.query("DELETE FROM complaints_jobfailure")
    goes_on(first_runner)
    return first_runner


def has_ended(runner: Runner, name: str) -> bool:
    with contextlib.suppress(sqlite3.OperationalError):
        rows = runner.query(f"SELECT begun_at, due_at > datetime('now') FROM complaints_jobrun WHERE name = '{name}'")
        return rows == [(None, 1)]
    return False


def goes_on(runner: Runner) -> None:
    """Wait until another heartbeat has run."""
    before = runner.heartbeats()
    runner.let_run("heartbeat")
    wait_for(lambda: runner.heartbeats() != before, PATIENCE)


def children(pid: int) -> set[int]:
    return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


def everything(runner: Runner) -> set[int]:
    return runner.cluster()


def sentinel(runner: Runner) -> set[int]:
    return {child for pid in children(runner.process.pid) for child in children(pid)}


def its_children(runner: Runner) -> set[int]:
    return {child for pid in sentinel(runner) for child in children(pid)}


def test_it_waits_for_its_database_and_says_so_once(installation: dict[str, str]) -> None:
    database = Path(installation["PORTAL_VAR"], "portal.sqlite3")
    away = database.with_name("away.sqlite3")
    database.rename(away)
    database.mkdir()
    with working(installation) as runner:
        wait_for(lambda: "cannot be used" in runner.log(), PATIENCE)
        cluster = runner.cluster()
        database.rmdir()
        away.rename(database)
        goes_on(runner)
        assert cluster <= runner.cluster(), "nothing was started again"
        assert runner.process.poll() is None
        assert runner.log().count("\n") == 2, runner.log()
        assert "can be used again" in runner.log()


@pytest.mark.parametrize("frozen", [everything, sentinel, its_children])
def test_a_frozen_cluster_is_replaced(runner: Runner, frozen: Callable[[Runner], set[int]]) -> None:
    stopped = frozen(runner)
    assert stopped
    restarts = runner.log().count("stands still")
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    wait_for(lambda: not stopped & runner.cluster(), PATIENCE)
    goes_on(runner)
    assert runner.log().count("stands still") > restarts


def test_the_job_of_a_frozen_worker_is_done_by_another_and_once(runner: Runner) -> None:
    already = runner.marks("ended")
    (runner.folder / "odd-hangs").write_text("works")
    before = runner.marks("begun")
    runner.let_run("sweep")
    wait_for(lambda: runner.marks("begun") == before + 1, PATIENCE)
    busy = int((runner.folder / "odd-worker").read_text())
    os.kill(busy, signal.SIGSTOP)
    wait_for(lambda: runner.marks("begun") == before + 2, PATIENCE)
    os.kill(busy, signal.SIGCONT)
    wait_for(lambda: not Path(f"/proc/{busy}").exists(), PATIENCE)
    (runner.folder / "odd-hangs").unlink()
    wait_for(lambda: has_ended(runner, "sweep"), PATIENCE)
    assert runner.marks("ended") == already + 1
    assert ("sweep", "Killed") in runner.failures()


def test_a_job_that_hangs_is_ended_and_its_worker_replaced(runner: Runner) -> None:
    (runner.folder / "odd-hangs").write_text("for ever")
    runner.let_run("sweep")
    wait_for(lambda: ("sweep", "TimeoutException") in runner.failures(), PATIENCE)
    (runner.folder / "odd-hangs").unlink()
    runner.let_run("sweep")
    wait_for(lambda: has_ended(runner, "sweep"), PATIENCE)


# --- The watch


class Pipe:
    """A pipe of beats and the watch at its other end, with a clock of the test's own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(beats.time, "monotonic", lambda: self.now)
        read, self.write = os.pipe()
        self.watch = Watch(read, limit=30, start_seconds=60)

    def after(self, seconds: float, signs: bytes = b"") -> bool:
        """Let time pass, a second at a time, the beats each time; return whether the cluster counts as stalled."""
        for _ in range(int(seconds)):
            self.now += 1
            os.write(self.write, signs)
            stalled = self.watch.is_stalled()
        return stalled


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Pipe:
    return Pipe(monkeypatch)


ALL = SENTINEL + PUSHER + WORKER


def test_a_cluster_that_beats_is_alive(pipe: Pipe) -> None:
    assert not pipe.after(600, ALL)


@pytest.mark.parametrize("silent", [SENTINEL, PUSHER, WORKER])
def test_each_of_the_three_has_to_beat(pipe: Pipe, silent: bytes) -> None:
    pipe.after(1, ALL)
    assert not pipe.after(30, ALL.replace(silent, b""))
    assert pipe.after(1, ALL.replace(silent, b""))


def test_a_cluster_that_starts_has_longer(pipe: Pipe) -> None:
    assert not pipe.after(90)
    assert pipe.after(1)


def test_who_waits_for_the_database_does_not_stand_still(pipe: Pipe) -> None:
    pipe.after(1, ALL)
    assert not pipe.after(600, SENTINEL + WAITS_FOR_DATABASE)
    assert pipe.after(31, WAITS_FOR_DATABASE), "the sentinel needs no database"


def test_a_watch_that_was_stopped_itself_judges_nobody_by_it(pipe: Pipe) -> None:
    pipe.after(1, ALL)
    pipe.now += 3600
    assert not pipe.after(1)
    assert pipe.after(31)


def test_a_runner_is_back_within_a_minute() -> None:
    assert stalled_after() + 2 * WATCH_SECONDS < LONGEST_PAUSE_SECONDS + 5
    assert max(stalled_after(), lease().total_seconds(), PICKED_UP_WITHIN.total_seconds()) + 10 < 60
    assert hangs_after() + settings.JOB_BEAT_SECONDS < 60
