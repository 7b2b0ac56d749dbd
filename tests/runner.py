"""The job runner in the test's own process: what its processes do once, one after the other."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import timedelta
from queue import Queue
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest
from django_q.brokers import get_broker
from django_q.conf import Conf
from django_q.monitor import monitor
from django_q.pusher import pusher
from django_q.scheduler import scheduler
from django_q.worker import worker

from complaints.models.job import JobRun
from complaints.queue import JOBS
from complaints.services.job_runs import database_now


def only_due(*names: str) -> None:
    """Let these jobs be due and no other."""
    now = database_now()
    JobRun.objects.all().delete()
    for job in JOBS:
        due_at = now - timedelta(hours=1) if job.name in names else job.next_after(now)
        JobRun.objects.create(name=job.name, due_at=due_at)


def run_round(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Let scheduler, pusher, worker and monitor each do what they do once; return the tasks that were run."""
    monkeypatch.setattr(Conf, "POLL", 0)
    # The test's transaction is on the connection that they would close.
    for module in ("django.db", "complaints.broker"):
        monkeypatch.setattr(f"{module}.close_old_connections", lambda: None)
    broker, todo, done, ended = get_broker(), Queue[Any](), Queue[Any](), Event()
    if Conf.SCHEDULER:
        scheduler(broker=broker)
    ended.set()
    pusher(todo, ended, broker)
    todo.put("STOP")
    worker(todo, done, SimpleNamespace(value=-1, get_lock=nullcontext))
    tasks = [done.get() for _ in range(done.qsize())]
    for message in (*tasks, "STOP"):
        done.put(message)
    monitor(done, broker)
    return tasks


def run_all_due(monkeypatch: pytest.MonkeyPatch) -> int:
    """Let the runner take jobs until none is due; return how many ran."""
    rounds = 0
    while run_round(monkeypatch):
        rounds += 1
        assert rounds < 50, "the runner never comes to rest"
    return rounds
