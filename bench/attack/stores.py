"""Attacks by whoever can write to the database and to Redis: rows and cached values that would run code."""

from __future__ import annotations

from pathlib import Path

from redis import Redis

from bench.attack import runner_tables
from bench.attack.runner_tables import LEAVE_A_FILE, package, signed
from bench.attack.target import Marks, Target

FOREIGN_KEY = "a key that is not the portal's" * 2
# Where Django's Redis cache keeps the sum of the evidence store: its prefix, its version, the key.
CACHED_SUM = ":1:evidence-used-bytes"


def foreign_job_ran(target: Target) -> int:
    """Return how many functions ran that rows of a schedule and of a queue name; with the portal's key, and without."""
    marks = Marks(target, "foreign_job")
    runner_tables.create(target)
    runner_tables.plant_schedule(target, 9001, marks.new())
    for number, key in enumerate((target.secret_key, FOREIGN_KEY)):
        content = package(f"foreign{number}", LEAVE_A_FILE, marks.new(), "w")
        runner_tables.plant_package(target, 9001 + number, signed(content, key))
    target.run_jobs()
    return marks.count()


def pickle_ran(target: Target) -> int:
    """Return how many pickles of the queue, of stored results and of the cache were read."""
    marks = Marks(target, "pickle")
    runner_tables.create(target)
    for number, key in enumerate((target.secret_key, FOREIGN_KEY)):
        payload = signed(runner_tables.hostile(marks.new()), key)
        runner_tables.plant_package(target, 9101 + number, payload)
    # A package that fails, because it names no function: the runner then looks its result up.
    runner_tables.plant_package(target, 9103, signed(package("failing", "no.function"), target.secret_key))
    runner_tables.plant_result(target, "failing", "failing", marks.new())
    target.run_jobs()
    if target.cache is not None:
        _plant_in_cache(target, target.cache, marks.new())
    return marks.count()


def _plant_in_cache(target: Target, cache: Redis, path: str) -> None:
    planted = runner_tables.pickled(path)
    cache.set(CACHED_SUM, planted)
    target.upload_file()
    if cache.get(CACHED_SUM) == planted and not Path(path).exists():
        raise RuntimeError("The portal did not look into its cache, so that nothing was tried.")
