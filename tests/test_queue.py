"""Every job has a body and every body a job: a schedule that names nothing would only fail at night."""

from __future__ import annotations

import inspect
from collections import Counter
from importlib import import_module

import pytest
from croniter import croniter

from complaints import queue, tasks


def bodies() -> set[str]:
    functions = inspect.getmembers(tasks, inspect.isfunction)
    return {f"{tasks.__name__}.{name}" for name, function in functions if function.__module__ == tasks.__name__}


def test_jobs_and_their_bodies_belong_together_one_to_one() -> None:
    paths = Counter(job.path for job in queue.JOBS)
    assert set(paths.values()) == {1}
    assert set(paths) == bodies()
    assert len({job.name for job in queue.JOBS}) == len(queue.JOBS)


@pytest.mark.parametrize("job", queue.JOBS, ids=lambda job: job.name)
def test_a_job_resolves_takes_nothing_and_has_an_hour(job: queue.Job) -> None:
    module, _, name = job.path.rpartition(".")
    function = getattr(import_module(module), name)
    assert not inspect.signature(function).parameters, "an argument would stand in the queue"
    assert name == job.name
    assert croniter.is_valid(job.cron)


def test_schedules_become_what_the_code_says(db: None) -> None:
    from django_q.models import Schedule

    queue.install_schedules()
    Schedule.objects.filter(name="sweep").update(cron="* * * * *", func="somewhere.else")
    Schedule.objects.create(name="forgotten", func="complaints.tasks.gone")
    queue.install_schedules()
    stored = set(Schedule.objects.values_list("name", "func", "cron", "repeats"))
    assert stored == {(job.name, job.path, job.cron, -1) for job in queue.JOBS}
    assert not Schedule.objects.exclude(args=None, kwargs=None).exists()
