"""Hands django-q2 its work: names of the closed list, claimed in a table of ours, and nothing else.

django-q2 is the pool of processes. Its scheduler is off, and its app is not installed: its tables of schedules, queued
packages and results do not exist, and where old ones do, nothing reads them. They would name functions and hold
pickles, so that whoever writes a row would run code here (docs/adr/0029-names-of-jobs-from-a-closed-list.md).
"""

from __future__ import annotations

import logging
import uuid
from datetime import datetime
from time import sleep
from typing import NoReturn

from django.core.cache.backends.dummy import DummyCache
from django.db import close_old_connections, connections
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.brokers import Broker
from django_q.conf import Conf
from django_q.exceptions import TimeoutException
from django_q.signing import SignedPackage

from complaints.adapters import stop_request
from complaints.queue import BY_NAME
from complaints.services import job_runs
from complaints.services.audit import batches
from complaints.services.job_runs import Claim

logger = logging.getLogger(__name__)


class JobBroker(Broker):  # type: ignore[misc]
    """The broker of the job cluster; the runner itself records what became of a job, so that nothing is acknowledged.

    A package goes from here to the pusher of the same process and on through pipes to a worker. No store holds it.
    """

    def dequeue(self) -> list[tuple[str, str]] | None:
        """Return the job that is due, claimed, as django-q2's package; after a second None where none is due."""
        close_old_connections()
        claim = job_runs.claim_due_job(now=batches.database_now())
        if claim is None:
            sleep(Conf.POLL)
            return None
        return [(claim.name, SignedPackage.dumps(_package(claim)))]

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


def _package(claim: Claim) -> dict[str, object]:
    return {
        "id": uuid.uuid4().hex,
        "name": claim.name,
        "func": f"{__name__}.run",
        "args": (claim.name, claim.until.isoformat()),
        "kwargs": {},
        "started": timezone.now(),
        # "Cached" results go to the cache above, which keeps nothing. Others are looked up among the rows of old
        # results, whose columns are pickles, whenever a job fails.
        "cached": 1,
        "save": False,
    }


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
    except Exception:
        # The claim ends by itself, and the job comes again.
        logger.exception("What became of a job could not be recorded")


def _run(waiting: Claim) -> None:
    claim = job_runs.begin(waiting, now=batches.database_now())
    if claim is None:
        return
    try:
        import_string(BY_NAME[claim.name].path)()
    except (Exception, TimeoutException) as error:
        logger.exception("A job broke: %s", claim.name)
        _renew_connections(error)
        job_runs.record_failure(claim, error_type=type(error).__qualname__, now=batches.database_now())
        if isinstance(error, TimeoutException):
            raise
    else:
        job_runs.finish(claim, now=batches.database_now())


def _renew_connections(error: BaseException) -> None:
    # A timeout comes from a signal, perhaps in the middle of a statement, after which a connection is of no use.
    if isinstance(error, TimeoutException):
        connections.close_all()
    close_old_connections()
