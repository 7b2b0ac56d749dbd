"""Writes and opens the search documents of reports, in sessions of triage; the server compares nothing.

A document is written at the first look. It is out of date once its report has a text, a file or an assessment that came
later, which ``next_sequence`` of both tells, and is written anew by the next session that opens the case or searches.
Documents are encrypted under a random key that is sealed to the team. Each key of the team has a search key of its own,
and documents follow it in slices, as everything that is sealed to the team does.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from typing import Final

from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet

from complaints.domain.errors import SealError
from complaints.domain.sealing.primitives import Stored, decrypt, encrypt, pad, random_bytes, unpad
from complaints.domain.sealing.records import KEY_SIZES, Context
from complaints.domain.search_document import SIZES, SearchDocument
from complaints.models.complaint import Complaint
from complaints.models.search_document import SearchDoc, SearchKey
from complaints.models.team import Team
from complaints.services import resealing_registry, search_texts
from complaints.services.audit import recorded_acts
from complaints.services.keyring import Keyring, Locked
from complaints.services.team_key_history import UnpinnedKey, pinned_team

logger = logging.getLogger(__name__)
_PREFIX: Final = b"search document 1"
# Reports whose documents one transaction writes anew.
SLICE: Final = 50
# The row of a document in the order of the columns that open it.
COLUMNS: Final = ("version", "next_sequence", "sealed_number", "sealed")


class DocumentKeys:
    """The search keys that a member of the team can open, each opened once; for one request."""

    def __init__(self, keyring: Keyring, team: Team) -> None:
        """Take the pinned ``team``, whose key the ring has to hold when a key is asked for."""
        self._keyring, self._team = keyring, team
        # None where one did not open: each document under it would ask again.
        self._keys: dict[int, bytes | None] = {}

    def open(self, complaint: uuid.UUID, version: int, following: int, number: int, sealed: Stored) -> bytes:
        """Open the document of a report by its columns, in the order of COLUMNS; raises Locked, SealError."""
        return unpad(decrypt(self.key(number), bytes(sealed), self._bound_to(complaint, version, following)), SIZES)

    def seal(self, row: SearchDoc, document: SearchDocument) -> None:
        """Put a document into its row, under the search key of the team's key of today; raises Locked, SealError."""
        row.sealed_number = self._team.key_number
        self._seal(row, document.encode())

    def reseal(self, row: SearchDoc) -> None:
        """Seal what a row holds anew, as the next version; raises as :meth:`open`."""
        content = self.open(row.complaint_id, row.version, row.next_sequence, row.sealed_number, row.sealed)
        row.version, row.sealed_number = row.version + 1, self._team.key_number
        self._seal(row, content)

    def _seal(self, row: SearchDoc, content: bytes) -> None:
        bound_to = self._bound_to(row.complaint_id, row.version, row.next_sequence)
        row.sealed = encrypt(self.key(row.sealed_number), pad(content, SIZES), bound_to)

    def _bound_to(self, complaint: uuid.UUID, version: int, following: int) -> bytes:
        numbers = version.to_bytes(4, "big") + following.to_bytes(4, "big")
        return _PREFIX + complaint.bytes + self._team.pk.bytes + numbers

    def key(self, number: int) -> bytes:
        """Return the search key (32 bytes) of key ``number`` of the team, drawn at first use.

        Raises Locked, and SealError where it does not open, which is logged once.
        """
        number = abs(number)
        if number not in self._keys:
            self._keys[number] = None
            try:
                self._keys[number] = self._open_key(number)
            except (SealError, Locked):
                logger.error("A search key does not open; documents under it are not compared")
                raise
        key = self._keys[number]
        if key is None:
            raise SealError("search key")
        return key

    def _open_key(self, number: int) -> bytes:
        row = SearchKey.objects.filter(team=self._team, number=number).first() or self._draw(number)
        secret = self._keyring.read_for_team(
            self._team, row.sealed, _context(row), number=row.sealed_number, sizes=KEY_SIZES
        )
        return bytes.fromhex(str(secret))

    def _draw(self, number: int) -> SearchKey:
        if number != self._team.key_number:
            raise SealError("search key")
        row = SearchKey(team=self._team, number=number, sealed_number=number)
        row.sealed = self._keyring.seal_for_team(self._team, _context(row), random_bytes(32).hex(), sizes=KEY_SIZES)
        try:
            with transaction.atomic():
                row.save(force_insert=True)
        except IntegrityError:  # another member drew it first
            return SearchKey.objects.get(team=self._team, number=number)
        return row


def _context(row: SearchKey) -> Context:
    return Context("search-key", str(row.pk), str(row.team_id), row.number)


def keys_of_team(keyring: Keyring) -> DocumentKeys:
    """Return the search keys of the person's team; raises UnpinnedKey, and Locked for a person outside triage."""
    team = pinned_team(keyring.report_team)
    keyring.team(team)
    return DocumentKeys(keyring, team)


def write_missing(*, keyring: Keyring, complaints: Collection[Complaint]) -> None:
    """Write the documents of reports that have none, in the caller's transaction, in which the reports are locked.

    A report that does not open gets none: opening its case reports the error. Raises Locked, UnpinnedKey, SealError
    where the search key does not open.
    """
    team = pinned_team(keyring.report_team)
    written = set(SearchDoc.objects.filter(team=team, complaint__in=complaints).values_list("complaint", flat=True))
    missing = [complaint for complaint in complaints if complaint.pk not in written]
    if missing:
        _write(keys_of_team(keyring), team, list(search_texts.documents(keyring, missing, {})), {})


def _write(
    keys: DocumentKeys,
    team: Team,
    documents: Collection[tuple[Complaint, SearchDocument]],
    versions: Mapping[uuid.UUID, int],
) -> int:
    """Write documents, over those that still have these ``versions`` where there are any; return how many."""
    new, written = list[SearchDoc](), 0
    for complaint, document in documents:
        row = SearchDoc(complaint=complaint, team=team, next_sequence=complaint.next_sequence)
        row.evidence = document.evidence
        row.version = versions.get(complaint.pk, 0) + 1
        keys.seal(row, document)
        if row.version == 1:
            new.append(row)
            continue
        values = {name: getattr(row, name) for name in COLUMNS}
        earlier = SearchDoc.objects.filter(complaint=complaint, team=team, version=row.version - 1)
        written += earlier.update(**values)
    # Another session may have written one meanwhile.
    SearchDoc.objects.bulk_create(new, ignore_conflicts=True)
    return written + len(new)


def outdated(case_id: uuid.UUID) -> QuerySet[SearchDoc, uuid.UUID]:
    """Return those reports of a case whose documents lack what was written last."""
    rows = SearchDoc.objects.filter(complaint__case=case_id, complaint__next_sequence__gt=F("next_sequence"))
    return rows.values_list("complaint", flat=True)


def catch_up(*, keyring: Keyring, complaints: Iterable[uuid.UUID]) -> int:
    """Write the documents of these reports anew, in slices; return how many were written.

    Reports in which the person has a conflict of interest, or that the chain does not say were compared, are left
    out. Raises as :func:`write_missing`.
    """
    ids, written = sorted(complaints), 0
    keys, team = keys_of_team(keyring), pinned_team(keyring.report_team)
    for start in range(0, len(ids), SLICE):
        known = Complaint.objects.filter(pk__in=ids[start : start + SLICE], case__held_by=team.kind)
        known = known.annotate(has_index=recorded_acts.HAS_INDEX).filter(has_index=True)
        reports = [row for row in known.prefetch_related("grants") if not keyring.has_conflict(row.case_id)]
        rows = list(SearchDoc.objects.filter(team=team, complaint__in=reports))
        versions, first = ({row.complaint_id: getattr(row, name) for row in rows} for name in ("version", "evidence"))
        # Read before the lock: a text that comes meanwhile leaves the document out of date.
        documents = list(search_texts.documents(keyring, reports, first))
        with transaction.atomic():
            live = Complaint.objects.select_for_update(of=("self",)).filter(pk__in=[row.pk for row in reports])
            locked = set(live.order_by("pk").values_list("pk", flat=True))
            written += _write(keys, team, [entry for entry in documents if entry[0].pk in locked], versions)
    return written


def catch_up_case(*, keyring: Keyring, case_id: uuid.UUID) -> None:
    """Write those of a case's documents anew that are out of date, as far as the search key opens."""
    with suppress(SealError, UnpinnedKey):
        catch_up(keyring=keyring, complaints=outdated(case_id))


# --- When the team's key changes --------------------------------------------------------------------------------------


def _reseal(row: SearchDoc, keyring: Keyring, team: Team) -> None:
    DocumentKeys(keyring, team).reseal(row)


resealing_registry.register(
    resealing_registry.SealedTable(
        "search_doc",
        rows=lambda team: SearchDoc.objects.filter(team=team),
        reseal=_reseal,
        columns=("version", "sealed"),
    )
)
resealing_registry.register_records(
    "search_key", rows=lambda team: SearchKey.objects.filter(team=team), context=_context, sizes=KEY_SIZES
)
