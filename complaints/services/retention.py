"""What is thrown away: ended sessions with their drafts, and stored objects that no row speaks of."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from datetime import date, timedelta

from django.db import transaction

from complaints.models.evidence import DraftFile, EvidenceObject
from complaints.models.session import SealedSession
from complaints.services.evidence import storage

logger = logging.getLogger(__name__)
# A younger object may belong to an upload that is still running.
ORPHAN_DAYS = 2


@transaction.atomic
def _drop_sessions(today: date) -> list[str]:
    SealedSession.objects.expired(today).delete()
    live = SealedSession.objects.values("pk")
    gone = DraftFile.objects.filter(day__lt=today).exclude(session__in=live)
    # The segments of a file that never came whole can be named by its session alone; they are orphans from now on.
    names = [name for name in gone.values_list("object_name", flat=True) if name]
    gone.delete()
    return names


def sweep(*, today: date) -> int:
    """Drop ended sessions and their drafts' files, then orphans; return how many objects were deleted.

    Rows whose object is missing are counted in the log and kept; ``manage.py evidence_check`` names them.

    Rows go first: an object without a row is found again by the next sweep, a row without its object is a loss.
    """
    names = _drop_sessions(today)
    for name in names:
        storage.delete_object(name)
    dropped = len(names) + _drop_orphans(today)
    if lost := missing_objects():
        logger.error("Rows that name an object which the evidence storage does not have: %d", len(lost))
    return dropped


def _drop_orphans(today: date) -> int:
    until = today - timedelta(days=ORPHAN_DAYS)
    # Listed before the rows are read: what is stored meanwhile has no place in the list, and its row is not needed.
    old = [item.name for item in storage.storage().present() if item.day <= until]
    orphans = set(old) - storage.referenced_objects()
    for name in orphans:
        storage.delete_object(name)
    return len(orphans) + storage.storage().abandoned(until=until)


def missing_objects() -> list[str]:
    """Return the names of objects that a row speaks of and the storage does not have; nothing is deleted.

    Raises:
        OSError: the storage does not answer.
    """
    # Rows first: what is sent and stored meanwhile must not look lost.
    referenced = storage.referenced_objects()
    lost = referenced - {item.name for item in storage.storage().present()}
    # A draft's file that was thrown away between the two looks is none.
    return sorted(lost & storage.referenced_objects())


def damaged_objects() -> Iterator[tuple[str, str]]:
    """Read every stored object of sent evidence; yield (name, why) of those that are gone or not what was stored."""
    for name, expected in EvidenceObject.objects.order_by("pk").values_list("object_name", "object_digest").iterator():
        try:
            with storage.storage().open(name, "rb") as stored:
                digest = hashlib.sha256()
                for piece in stored.chunks():
                    digest.update(piece)
        except OSError:
            yield name, "cannot be read"
            continue
        if digest.digest() != bytes(expected):
            yield name, "was altered"
