"""Deletes ended sessions with the files of their drafts, stored objects that no row refers to, old failures of jobs."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from datetime import date, timedelta

from django.db import transaction

from complaints.models.evidence import DraftFile, EvidenceObject
from complaints.models.job import JobFailure
from complaints.models.session import SealedSession
from complaints.services.evidence import storage

logger = logging.getLogger(__name__)
# Age in days; a younger object may belong to an upload that is not finished.
ORPHAN_DAYS = 2


@transaction.atomic
def _delete_ended_sessions(today: date) -> list[str]:
    SealedSession.objects.expired(today).delete()
    live = SealedSession.objects.values("pk")
    files = DraftFile.objects.filter(day__lt=today).exclude(session__in=live)
    # Only the session knew the names of the segments of an incomplete file; those objects are orphans from now on.
    names = [name for name in files.values_list("object_name", flat=True) if name]
    files.delete()
    return names


def sweep(*, today: date) -> int:
    """Delete ended sessions with their drafts' files, then orphaned objects; return the number of deleted objects.

    Rows are deleted before their objects: the next sweep finds an object without a row, but a row without its object
    is a loss. Rows whose object is missing are kept and counted in the log; ``manage.py evidence_check`` names them.
    Raises OSError.
    """
    JobFailure.objects.expired(today).delete()
    names = _delete_ended_sessions(today)
    for name in names:
        storage.delete_object(name)
    deleted = len(names) + _delete_orphans(today)
    if lost := missing_objects():
        logger.error("Rows that name an object which the evidence storage does not have: %d", len(lost))
    return deleted


def _delete_orphans(today: date) -> int:
    until = today - timedelta(days=ORPHAN_DAYS)
    # Objects are listed before rows are read: an object that is stored in between is not in the list.
    old = [item.name for item in storage.storage().present() if item.day <= until]
    orphans = set(old) - storage.referenced_objects()
    for name in orphans:
        storage.delete_object(name)
    return len(orphans) + storage.storage().abandoned(until=until)


def missing_objects() -> list[str]:
    """Return the names of objects that a row refers to and the storage does not have; raises OSError."""
    # Rows are read before objects are listed: what is stored in between must not appear lost.
    referenced = storage.referenced_objects()
    lost = referenced - {item.name for item in storage.storage().present()}
    # A second reading of the rows leaves out files that were deleted in between.
    return sorted(lost & storage.referenced_objects())


def damaged_objects() -> Iterator[tuple[str, str]]:
    """Read every stored object of sent evidence; yield (name, reason) of those that are missing or altered."""
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
