"""Deletes drafts that have ended, with their files; ended sessions, kept forms, objects without a row, job failures."""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import chain, islice

from django.conf import settings
from django.db.models import Q

from complaints.domain.sealing.primitives import Stored
from complaints.models.draft import Draft
from complaints.models.evidence import DraftFile, EvidenceObject
from complaints.models.job import JobFailure
from complaints.models.oversight import DecisionCopy
from complaints.models.session import SealedSession
from complaints.services import draft_rows, kept_forms, parked_drafts
from complaints.services.evidence import drafts, storage, worker_key

logger = logging.getLogger(__name__)
# Age in days; a younger object may belong to an upload that is not finished.
ORPHAN_DAYS = 2
# An upload that was not finished is deleted within these days after that; what is older was evidence.
RENAMED_DAYS = 7
# So many drafts are looked at together: in a flood most that end have no files, and go by one statement.
BATCH = 500


def end_drafts(*, now: datetime) -> int:
    """Delete every draft whose end has come, with its files and their segments; return how many.

    The worker's key opens the ends. A draft whose end no key opens is deleted once its last day is over, or where that
    is later than the portal writes any: by such rows somebody could use up what all drafts may take. Objects are
    deleted before the rows that name them, so that whatever kills this run, the next one goes on. Raises OSError where
    the storage kept an object; the other drafts are deleted all the same.
    """
    parked_drafts.delete_ended(now=now)
    pairs = worker_key.pairs()
    deleted, failed = 0, False
    rows = _rows_from_anywhere()
    while batch := list(islice(rows, BATCH)):
        ends = {identifier: draft_rows.open_end(pairs, identifier, sealed) for identifier, sealed, *_rest in batch}
        over = {
            identifier: sealed_end
            for identifier, sealed_end, is_marked, expires_on in batch
            if is_marked or draft_rows.is_over(ends[identifier], expires_on, now)
        }
        deleted += draft_rows.delete_ended_without_files(over)
        for identifier in Draft.objects.filter(pk__in=over).values_list("pk", flat=True):
            if not draft_rows.mark_ended(identifier, over[identifier]):
                continue
            end = ends[identifier]
            if _delete_files(identifier, end.names if end else None):
                deleted += draft_rows.delete_ended(identifier)
            else:
                failed = True
    if failed:
        raise OSError("Files of drafts that have ended could not be deleted")
    return deleted


def end_sessions(*, now: datetime) -> int:
    """Delete the sessions whose end has come, of staff those that are as old as one may get; return how many.

    What a reporter's row holds opens the report for whoever has the cookie too: it does not wait for the end of a day.
    """
    pairs, deleted = worker_key.pairs(), 0
    rows = SealedSession.objects.exclude(ends=None).values_list("pk", "ends").iterator()
    while batch := list(islice(rows, BATCH)):
        ends = [(pk, bytes(sealed or b""), draft_rows.open_end(pairs, pk, sealed or b"")) for pk, sealed in batch]
        over = {pk: sealed for pk, sealed, end in ends if end and end.until <= now.timestamp()}
        # One that was used meanwhile has another end.
        deleted += SealedSession.objects.filter(pk__in=over, ends__in=over.values()).delete()[0]
    oldest = now - timedelta(seconds=settings.SESSION_ABSOLUTE_AGE)
    return deleted + SealedSession.objects.filter(began_at__lt=oldest).delete()[0]


def _rows_from_anywhere() -> Iterator[tuple[str, Stored, bool, date]]:
    """Yield each draft once, beginning at a random id: a run that its limit ends reaches other rows than the last one.

    Ids are random, so that in a flood the same rows would otherwise be the last of every run, and stay.
    """
    begin = secrets.token_hex(32)
    rows = Draft.objects.annotate(is_marked=Q(data=None)).order_by("pk")
    for part in (rows.filter(pk__gte=begin), rows.filter(pk__lt=begin)):
        yield from part.values_list("pk", "ends", "is_marked", "expires_on").iterator()


def _delete_files(draft: str, names: bytes | None) -> bool:
    """Delete the files of an ended draft, objects first; return False where the storage kept one."""
    for row in DraftFile.objects.filter(draft=draft):
        if not storage.delete_objects(drafts.stored_names(row, names)):
            return False
        row.delete()
    return True


def sweep(*, today: date) -> int:
    """Delete ended sessions, kept forms and orphaned objects; return the number of deleted objects.

    Rows whose object is missing are kept and counted in the log; ``manage.py evidence_check`` names them. Raises
    OSError.
    """
    JobFailure.objects.expired(today).delete()
    SealedSession.objects.expired(today).delete()
    kept_forms.delete_expired(today)
    lost = missing_objects()
    if lost:
        logger.error("Rows that name an object which the evidence storage does not have: %d", len(lost))
    return _delete_orphans(today, may_be_renamed=bool(lost))


def _delete_orphans(today: date, *, may_be_renamed: bool) -> int:
    """Delete objects that no row names; where rows name others that are not there, no old ones.

    An old object without a row beside a row without an object may be one file whose row was altered: whoever writes to
    the database would have the portal destroy it.
    """
    until = today - timedelta(days=ORPHAN_DAYS)
    since = until - timedelta(days=RENAMED_DAYS) if may_be_renamed else date.min
    # Objects are listed before rows are read: an object that is stored in between is not in the list.
    old = [item.name for item in storage.storage().present() if since <= item.day <= until]
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
    """Read every stored object of sent evidence and of decisions; yield (name, reason) of the missing and altered."""
    kept = (model.objects.order_by("pk") for model in (EvidenceObject, DecisionCopy))
    rows = chain.from_iterable(objects.values_list("object_name", "object_digest").iterator() for objects in kept)
    for name, expected in rows:
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
