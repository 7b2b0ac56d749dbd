"""``manage.py watch``: mail the alarms of the installation, each once a day; on one node, beside the job runner.

A process of its own, so that it can tell of a job runner that is silent and of a database that does not answer.
"""

from __future__ import annotations

from datetime import datetime

from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError, connections
from django.utils import timezone

from complaints.adapters.confinement import keep_memory_private
from complaints.management.processes import StopRequest
from complaints.services import alarms, measurement

EVERY_SECONDS = 600
# A database that is restarted answers again within this time, and is no alarm.
AGAIN_SECONDS = 60


class Command(BaseCommand):
    """Ends on SIGINT or SIGTERM."""

    help = "Mail the alarms that are due, each at most once a day, until it is ended."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="look once and end")

    def handle(self, *args: object, once: bool, **options: object) -> None:
        keep_memory_private()
        stop = StopRequest()
        answers = look(now=timezone.now(), was_away=once)
        while not (stop or once):
            stop.sleep(EVERY_SECONDS if answers else AGAIN_SECONDS)
            if not stop:
                answers = look(now=timezone.now(), was_away=not answers)


def look(*, now: datetime, was_away: bool) -> bool:
    """Tell the alarms that are due; return whether the database answers. Its silence is told at the second look."""
    try:
        alarms.tell_due(measurement.watched(now=now))
    except DatabaseError:
        if was_away:
            alarms.tell("database", today=timezone.localdate(now))
        return False
    finally:
        # A new connection each time, so that a database that came back is reached.
        connections.close_all()
    return True
