"""Every job has a body and every body a job: a name that stands for nothing would only fail at night."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections import Counter
from importlib import import_module
from pathlib import Path

import pytest
from croniter import croniter
from django_q.signals import post_spawn

from complaints import queue, tasks
from complaints.models.job import JobName

ROOT = Path(__file__).resolve().parent.parent.parent


def bodies() -> set[str]:
    functions = inspect.getmembers(tasks, inspect.isfunction)
    return {f"{tasks.__name__}.{name}" for name, function in functions if function.__module__ == tasks.__name__}


def test_jobs_and_their_bodies_belong_together_one_to_one() -> None:
    paths = Counter(job.path for job in queue.JOBS)
    assert set(paths.values()) == {1}
    assert set(paths) == bodies()
    assert [job.name for job in queue.JOBS] == list(JobName)


@pytest.mark.parametrize("job", queue.JOBS, ids=lambda job: job.name)
def test_a_job_resolves_takes_nothing_and_has_an_hour(job: queue.Job) -> None:
    module, _, name = job.path.rpartition(".")
    function = getattr(import_module(module), name)
    assert not inspect.signature(function).parameters, "an argument would stand in the queue"
    assert name == job.name
    assert croniter.is_valid(job.cron)


def test_a_job_process_freezes_what_it_has_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[None] = []
    monkeypatch.setattr("complaints.apps.freeze_loaded_objects", lambda: calls.append(None))
    post_spawn.send(sender="django_q", proc_name="Process-1:1")
    assert calls == [None]


def test_a_web_process_freezes_what_it_has_loaded() -> None:
    """In a process of its own: importing the entry freezes the objects of the process that imports it."""
    script = "import gc, sys, portal.wsgi; print(gc.get_freeze_count(), 'complaints.admin.site' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    frozen, admin_is_loaded = done.stdout.split()
    assert int(frozen) > 50_000
    assert admin_is_loaded == "True"
