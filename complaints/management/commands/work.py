"""``manage.py work``: run the job cluster under a watchdog outside it, once on each worker node; ``serve`` runs it too.

A cluster whose idle worker was killed can hold the lock of its queue for ever while its processes run (django-q2 issue
23), and a process can be stopped. So each kind of process has to beat, the workers through the queue. The command
itself needs no database, and tells systemd that it lives. Ending the command ends the whole cluster.
"""

import contextlib
import logging
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django_q.cluster import Cluster
from gunicorn.systemd import sd_notify

from complaints.adapters import stop_request
from complaints.adapters.beats import THIS_CLUSTER, Watch
from complaints.adapters.confinement import keep_memory_private
from complaints.management.processes import Child, StopRequest
from complaints.queue import stalled_after

logger = logging.getLogger(__name__)

WATCH_SECONDS = 1
# A new cluster loads the portal before it beats, on a busy machine for long.
START_SECONDS = 90
LONGEST_PAUSE_SECONDS = 30


class Command(BaseCommand):
    """Ends on SIGINT or SIGTERM, after the grace period for running jobs."""

    help = "Run background jobs; restart the cluster whenever it stands still."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--grace", type=float, default=30, help="seconds a running job gets at the end")
        parser.add_argument(
            "--unwatched", action="store_true", help="run the cluster alone, without the watchdog, which starts it so"
        )
        parser.add_argument("--beats", type=int, help="descriptor of a pipe that takes the beats of the cluster")
        parser.add_argument("--until", type=int, help="descriptor of a pipe; its end asks the jobs under way to end")

    def handle(
        self, *args: object, grace: float, unwatched: bool, beats: int | None, until: int | None, **options: object
    ) -> None:
        keep_memory_private()
        if unwatched:
            run_cluster(beats=beats, until=until)
            return
        stop = StopRequest()
        sd_notify("READY=1", logger)
        pause = 1.0
        while not stop:
            with started() as cluster:
                follow(cluster, stop=stop)
                if stop:
                    cluster.ask_jobs_to_end()
                    cluster.child.ask_to_end()
                    cluster.child.end(within=grace)
                    return
                cluster.child.kill()
            # The pause doubles while clusters end soon, so that a broken one is not restarted hundreds of times.
            pause = 1.0 if cluster.child.age > 2 * LONGEST_PAUSE_SECONDS else min(pause * 2, LONGEST_PAUSE_SECONDS)
            sd_notify("WATCHDOG=1", logger)
            stop.sleep(pause)


def run_cluster(*, beats: int | None, until: int | None) -> None:
    """Be the cluster; it writes its beats into a pipe, and the end of another asks its jobs to end."""
    if until is not None:
        stop_request.THIS_PROCESS.watch(until)  # and the workers that are forked from it
    if beats is not None:
        THIS_CLUSTER.write_to(beats)
    Cluster().start()


@dataclass(frozen=True)
class Started:
    """A cluster in processes of its own, what judges it, and what asks its jobs to end."""

    child: Child
    watch: Watch
    ask_jobs_to_end: Callable[[], None]


@contextlib.contextmanager
def started() -> Iterator[Started]:
    """Start a cluster. Its jobs are asked to end too where this process is killed."""
    folder = Path(settings.BASE_DIR)
    until, held = os.pipe()
    source, beats = os.pipe()
    with contextlib.ExitStack() as ends, os.fdopen(source, "rb", buffering=0) as read:
        ends.callback(os.close, held)
        try:
            command = [sys.executable, str(folder / "manage.py"), "work", "--unwatched"]
            command += [f"--until={until}", f"--beats={beats}"]
            child = Child(command, cwd=str(folder), pass_fds=(until, beats))
        finally:
            os.close(until)
            os.close(beats)
        yield Started(child, Watch(read.fileno(), limit=stalled_after(), start_seconds=START_SECONDS), ends.close)


def follow(cluster: Started, *, stop: StopRequest) -> None:
    """Return when the cluster ended, has stalled, or a stop was requested."""
    while not stop:
        sd_notify("WATCHDOG=1", logger)
        if not cluster.child.running():
            logger.error("The job cluster ended by itself; it is started again.")
            return
        if cluster.watch.is_stalled():
            logger.error("The job cluster stands still; it is killed and started again.")
            return
        stop.sleep(WATCH_SECONDS)
