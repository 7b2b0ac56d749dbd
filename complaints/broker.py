"""Hands django-q2 its work: names of the closed list, claimed in a table of ours, and nothing else.

django-q2 is the pool of processes. Its scheduler is off, and its app is not installed: its tables of schedules, queued
packages and results do not exist, and where old ones do, nothing reads them. They would name functions and hold
pickles, so that whoever writes a row would run code here (docs/adr/0029-names-of-jobs-from-a-closed-list.md).
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
import uuid
from collections.abc import Iterator
from datetime import datetime
from time import monotonic, sleep
from typing import Final, NoReturn

from django.conf import settings
from django.core.cache.backends.dummy import DummyCache
from django.db import (
    DatabaseError,
    InterfaceError,
    OperationalError,
    close_old_connections,
    connection,
    connections,
)
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.brokers import Broker
from django_q.conf import Conf
from django_q.exceptions import TimeoutException
from django_q.signing import SignedPackage

from complaints.adapters import beats, stop_request
from complaints.queue import BY_NAME, hangs_after, renewed_every, waits_at_most
from complaints.services import job_runs
from complaints.services.audit import batches
from complaints.services.job_runs import Claim, Run

logger = logging.getLogger(__name__)

# Seconds between two questions whether a database that does not answer does so again.
ASKED_AGAIN_AFTER: Final = 3.0
# Seconds that a job which hangs gets to be recorded as failed, before its process is killed.
LAST_SECONDS: Final = 10.0


class JobBroker(Broker):  # type: ignore[misc]
    """The broker of the job cluster; the runner itself records what became of a job, so that nothing is acknowledged.

    A package goes from here to the pusher of the same process and on through pipes to a worker. No store holds it.
    """

    def __init__(self, list_key: str | None = None) -> None:
        super().__init__(list_key)
        self._beat_at = 0.0
        self._asked_since: float | None = None
        self._is_away = False

    def dequeue(self) -> list[tuple[str, str]] | None:
        """Return the job that is due, claimed, as django-q2's package; after a second None where none is due.

        Now and then it is a beat, which proves that what is handed out reaches a worker. A database that does not
        answer is asked again and again, and told once.
        """
        if self._is_beat_due():
            return [("beat", SignedPackage.dumps(_package("beat", f"{__name__}.beat")))]
        claim = self._claim()
        if claim is None:
            sleep(ASKED_AGAIN_AFTER if self._is_away else Conf.POLL)
            return None
        package = _package(claim.name, f"{__name__}.run", claim.name, claim.until.isoformat())
        return [(claim.name, SignedPackage.dumps(package))]

    def _claim(self) -> Claim | None:
        self._asked_since = monotonic()
        try:
            close_old_connections()
            claim = job_runs.claim_due_job(now=batches.database_now())
        except DatabaseError as error:
            if not self._is_away:
                logger.error("The database cannot be used (%s); the jobs wait for it", type(error).__name__)
            self._is_away = True
            return None
        finally:
            self._asked_since = None
        if self._is_away:
            logger.warning("The database can be used again; the jobs go on")
            self._is_away = False
        return claim

    # --- Signs of life, where somebody watches

    def _is_beat_due(self) -> bool:
        if not beats.THIS_CLUSTER.are_watched or monotonic() - self._beat_at < settings.JOB_BEAT_SECONDS:
            return False
        if not self._beat_at:
            threading.Thread(target=self._beat, daemon=True).start()
        self._beat_at = monotonic()
        return True

    def _beat(self) -> NoReturn:
        """Beat for the pusher, from a thread of its own: it may wait for a worker, or for the database."""
        while True:
            since = self._asked_since
            seconds = monotonic() - since if since is not None else 0.0
            if seconds < waits_at_most():
                waits = seconds > settings.JOB_BEAT_SECONDS
                beats.THIS_CLUSTER.give(beats.WAITS_FOR_DATABASE if waits else beats.PUSHER)
            sleep(settings.JOB_BEAT_SECONDS)

    def set_stat(self, key: str, value: str, timeout: int) -> None:
        """Beat for the sentinel, which tells its state twice a second; nobody keeps what it tells."""
        beats.THIS_CLUSTER.give(beats.SENTINEL)

    def enqueue(self, task: object) -> NoReturn:
        """Raise RuntimeError: nobody puts a job into a queue."""
        raise RuntimeError("jobs come from the closed list")

    def ping(self) -> bool:
        """Return True: dequeue finds out whether the database answers."""
        return True

    @staticmethod
    def get_cache() -> DummyCache:
        """Return a cache that keeps nothing: django-q2 puts pickles into it."""
        return DummyCache("jobs", {})


def _package(name: str, function: str, *arguments: str) -> dict[str, object]:
    return {
        "id": uuid.uuid4().hex,
        "name": name,
        "func": function,
        "args": arguments,
        "kwargs": {},
        "started": timezone.now(),
        # "Cached" results go to the cache above, which keeps nothing. Others are looked up among the rows of old
        # results, whose columns are pickles, whenever a job fails.
        "cached": 1,
        "save": False,
    }


def beat() -> None:
    """Show that what the pusher hands out reaches a worker."""
    beats.THIS_CLUSTER.give(beats.WORKER)


def run(name: str, until: str) -> None:
    """Run a claimed job in a worker process; ``until`` is the end of its claim in ISO format.

    A job that fails is recorded and does not raise. Raises TimeoutException alone, without any other error behind it:
    django-q2 then ends the process. A request to end waits until what became of the job is recorded; a long job asks
    for it (``adapters.stop_request``).
    """
    try:
        with stop_request.THIS_PROCESS.deferred():
            _run(Claim(name, datetime.fromisoformat(until)))
    except TimeoutException:
        raise TimeoutException from None
    except DatabaseError as error:
        # The lease ends by itself, and the job comes again.
        logger.error("What became of a job could not be recorded: %s (%s)", name, type(error).__name__)
    except Exception:
        logger.exception("What became of a job could not be recorded")


def _run(waiting: Claim) -> None:
    run = job_runs.begin(waiting, now=batches.database_now())
    if run is None:
        return
    try:
        with _upkeep(run):
            import_string(BY_NAME[run.name].path)()
    except (Exception, TimeoutException) as error:
        # A database that goes away fails every job that is under way, and where they were says nothing.
        is_away = isinstance(error, (OperationalError, InterfaceError))
        logger.error("A job broke: %s", run.name, exc_info=None if is_away else error)
        _renew_connections(error)
        job_runs.record_failure(run, error_type=type(error).__qualname__, now=batches.database_now())
        if isinstance(error, TimeoutException):
            raise
    else:
        job_runs.finish(run, now=batches.database_now())


def _renew_connections(error: BaseException) -> None:
    # A timeout comes from a signal, perhaps in the middle of a statement, after which a connection is of no use.
    if isinstance(error, TimeoutException):
        connections.close_all()
    close_old_connections()


# --- While a job is under way


@contextlib.contextmanager
def _upkeep(run: Run) -> Iterator[None]:
    """Beat, and renew the lease of a run, until the block ends; does nothing where nobody watches the cluster."""
    if not beats.THIS_CLUSTER.are_watched:
        yield
        return
    ended = threading.Event()
    keeper = threading.Thread(target=_keep, args=(run, beats.Working(), ended), daemon=True)
    keeper.start()
    try:
        yield
    finally:
        ended.set()


def _keep(run: Run, working: beats.Working, ended: threading.Event) -> None:
    """Renew the lease of a run, end a run that hangs, and kill the process where the job has become another's.

    The last comes about where this process was stopped, or the machine: what it would still do is done already.
    """
    renewed_at = interrupted_at = 0.0
    while not ended.wait(settings.JOB_BEAT_SECONDS):
        beats.THIS_CLUSTER.give(beats.WORKER)
        if monotonic() - renewed_at >= renewed_every():
            is_ours = _renewed(run)
            if not is_ours and not ended.is_set():
                logger.error("A job has become another worker's; its process is killed: %s", run.name)
                os.kill(os.getpid(), signal.SIGKILL)
            renewed_at = monotonic()
        if interrupted_at and monotonic() - interrupted_at > LAST_SECONDS:
            os.kill(os.getpid(), signal.SIGKILL)
        if not interrupted_at and working.silent_seconds() > hangs_after():
            interrupted_at = monotonic()
            # As at the end of its time: django-q2 raises TimeoutException in the thread of the job.
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGALRM)


def _renewed(run: Run) -> bool:
    """Renew the lease; also true where the database does not answer, which says nothing of the job."""
    try:
        return job_runs.renew(run, now=batches.database_now())
    except DatabaseError:
        return True
    finally:
        connection.close()
