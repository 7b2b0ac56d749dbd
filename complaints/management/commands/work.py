"""Runs the job cluster under a watchdog that lives outside of it. A cluster whose idle worker was killed can
hold its queue's lock for ever and still look alive (django-q2 issue 23), so only jobs that get done count as
life. Run one per worker node; `serve` starts it too. Ending it ends the whole cluster."""

import logging
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError, connections
from django.utils import timezone
from django_q.models import OrmQ

from complaints.management.processes import Child, StopRequest
from complaints.models.session import Heartbeat
from complaints.queue import install_schedules, watched

logger = logging.getLogger(__name__)

WATCH_SECONDS = 5
LONGEST_PAUSE_SECONDS = 30
WAITING_WATCHED = 200


@dataclass(slots=True)
class Watch:
    """Decides whether the cluster still gets jobs done; holds no clock and reads no database.

    A beat that moves on is life. So is a job that left the queue: a beat may wait behind a long queue, and
    killing a busy cluster for that would only make the queue longer.
    """

    limit: timedelta
    alive_at: datetime
    beat_at: datetime | None = None
    waiting: frozenset[int] = frozenset()

    def look(self, *, now: datetime, beat_at: datetime | None, waiting: frozenset[int]) -> None:
        """Take in the last beat and the oldest waiting jobs as they are `now`."""
        if beat_at != self.beat_at or self.waiting - waiting:
            self.alive_at = now
        self.beat_at, self.waiting = beat_at, waiting

    def restart(self, now: datetime) -> None:
        """Begin anew: a cluster was started, or nothing could be known."""
        self.alive_at = now

    def stalled(self, now: datetime) -> bool:
        """Tell whether there was no sign of life for longer than the limit."""
        return now - self.alive_at > self.limit


class Command(BaseCommand):
    """`manage.py work`"""

    help = "Run background jobs; restart the cluster whenever it stands still."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--grace", type=float, default=30, help="seconds a running job gets at the end")
        parser.add_argument(
            "--stale",
            type=float,
            default=float(watched()),
            help="seconds without a job done after which the cluster is killed and started again",
        )

    def handle(self, *args: Any, grace: float, stale: float, **options: Any) -> None:
        """Install the schedules, then keep one cluster running until asked to end."""
        stop = StopRequest()
        install_schedules()
        connections.close_all()
        watch = Watch(limit=timedelta(seconds=stale), alive_at=timezone.now())
        pause = 1.0
        while not stop:
            watch.restart(timezone.now())
            cluster = start_cluster()
            follow(cluster, watch=watch, stop=stop)
            if stop:
                cluster.ask_to_end()
                cluster.end(within=grace)
                return
            cluster.kill()
            # One that dies at once is not helped by being started hundreds of times.
            pause = 1.0 if cluster.age > 2 * LONGEST_PAUSE_SECONDS else min(pause * 2, LONGEST_PAUSE_SECONDS)
            stop.sleep(pause)


def start_cluster() -> Child:
    """Start django-q2's cluster as a group of processes of its own."""
    folder = Path(settings.BASE_DIR)
    return Child([sys.executable, str(folder / "manage.py"), "qcluster"], cwd=str(folder))


def follow(cluster: Child, *, watch: Watch, stop: StopRequest) -> None:
    """Return when the cluster ended, stands still, or `stop` was asked for."""
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
    """Show the watch the state of the database. An unreachable one says nothing about the cluster."""
    try:
        beat_at = Heartbeat.objects.filter(pk=1).values_list("beat_at", flat=True).first()
        waiting = frozenset(OrmQ.objects.order_by("pk").values_list("pk", flat=True)[:WAITING_WATCHED])
    except DatabaseError:
        watch.restart(timezone.now())
    else:
        watch.look(now=timezone.now(), beat_at=beat_at, waiting=waiting)
    finally:
        # Read again on a new connection each time, so that a database that came back is found.
        connections.close_all()
