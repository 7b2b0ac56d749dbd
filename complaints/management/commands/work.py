"""``manage.py work``: run the job cluster under a watchdog outside it, once on each worker node; ``serve`` runs it too.

A cluster whose idle worker was killed can hold the lock of its queue for ever while its processes run (django-q2 issue
23), so only finished jobs count as a sign of life. Ending the command ends the whole cluster.
"""

import contextlib
import logging
import os
import sys
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError, connections
from django.utils import timezone
from django_q.cluster import Cluster

from complaints.adapters import stop_request
from complaints.adapters.confinement import keep_memory_private
from complaints.management.processes import Child, StopRequest
from complaints.models.job import JobRun
from complaints.models.session import Heartbeat
from complaints.queue import watched

logger = logging.getLogger(__name__)

WATCH_SECONDS = 5
LONGEST_PAUSE_SECONDS = 30


@dataclass(slots=True)
class Watch:
    """Decides whether the cluster still finishes jobs; the caller passes in the clock and the state of the database.

    A new heartbeat is a sign of life. So is any run that ended: a heartbeat may wait behind other jobs, and killing a
    busy cluster would make them wait longer.
    """

    limit: timedelta
    alive_at: datetime
    beat_at: datetime | None = None
    waiting: frozenset[Hashable] = frozenset()

    def look(self, *, now: datetime, beat_at: datetime | None, waiting: frozenset[Hashable]) -> None:
        """Record the last heartbeat and which runs wait or are under way as of ``now``."""
        if beat_at != self.beat_at or self.waiting - waiting:
            self.alive_at = now
        self.beat_at, self.waiting = beat_at, waiting

    def restart(self, now: datetime) -> None:
        """Count from ``now``: a cluster was started, or the database could not be read."""
        self.alive_at = now

    def stalled(self, now: datetime) -> bool:
        """Tell whether the last sign of life is longer ago than the limit."""
        return now - self.alive_at > self.limit


class Command(BaseCommand):
    """Ends on SIGINT or SIGTERM, after the grace period for running jobs."""

    help = "Run background jobs; restart the cluster whenever it stands still."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--grace", type=float, default=30, help="seconds a running job gets at the end")
        parser.add_argument(
            "--stale",
            type=float,
            default=float(watched()),
            help="seconds without a job done after which the cluster is killed and started again",
        )
        parser.add_argument(
            "--unwatched", action="store_true", help="run the cluster alone, without the watchdog, which starts it so"
        )
        parser.add_argument("--until", type=int, help="descriptor of a pipe; its end asks the jobs under way to end")

    def handle(
        self, *args: object, grace: float, stale: float, unwatched: bool, until: int | None, **options: object
    ) -> None:
        keep_memory_private()
        if unwatched:
            if until is not None:
                stop_request.THIS_PROCESS.watch(until)  # and the workers that are forked from it
            Cluster().start()
            return
        stop = StopRequest()
        watch = Watch(limit=timedelta(seconds=stale), alive_at=timezone.now())
        pause = 1.0
        while not stop:
            watch.restart(timezone.now())
            with started() as (cluster, ask_jobs_to_end):
                follow(cluster, watch=watch, stop=stop)
                if stop:
                    ask_jobs_to_end()
                    cluster.ask_to_end()
                    cluster.end(within=grace)
                    return
                cluster.kill()
            # The pause doubles while clusters end soon, so that a broken one is not restarted hundreds of times.
            pause = 1.0 if cluster.age > 2 * LONGEST_PAUSE_SECONDS else min(pause * 2, LONGEST_PAUSE_SECONDS)
            stop.sleep(pause)


@contextlib.contextmanager
def started() -> Iterator[tuple[Child, Callable[[], None]]]:
    """Start a cluster; give it, and what asks its jobs to end. They are asked too where this process is killed."""
    folder = Path(settings.BASE_DIR)
    until, held = os.pipe()
    with contextlib.ExitStack() as ends:
        ends.callback(os.close, held)
        try:
            command = [sys.executable, str(folder / "manage.py"), "work", "--unwatched", "--until", str(until)]
            cluster = Child(command, cwd=str(folder), pass_fds=(until,))
        finally:
            os.close(until)
        yield cluster, ends.close


def follow(cluster: Child, *, watch: Watch, stop: StopRequest) -> None:
    """Return when the cluster ended, has stalled, or a stop was requested."""
    while not stop:
        if not cluster.running():
            logger.error("The job cluster ended by itself; it is started again.")
            return
        observe(watch)
        if watch.stalled(timezone.now()):
            logger.error("The job cluster stands still; it is killed and started again.")
            return
        stop.sleep(WATCH_SECONDS)


def observe(watch: Watch) -> None:
    """Pass the state of the database to the watch; an unreachable one tells nothing about the cluster."""
    try:
        beat_at = Heartbeat.objects.filter(pk=1).values_list("beat_at", flat=True).first()
        # Each run that went through moves its row to another hour; one that failed proves nothing.
        waiting = frozenset(JobRun.objects.filter(failures=0).values_list("name", "due_at"))
    except DatabaseError:
        watch.restart(timezone.now())
    else:
        watch.look(now=timezone.now(), beat_at=beat_at, waiting=waiting)
    finally:
        # A new connection each time, so that a database that came back is reached.
        connections.close_all()
