"""Writes and opens the search documents of reports, in sessions of triage; the server compares nothing.

Documents are encrypted under a random key that is sealed to the team. Each key of the team has a search key of its own,
and documents follow it in slices, as everything that is sealed to the team does.
"""

from __future__ import annotations

import logging
import uuid
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Final

from django.db import IntegrityError, transaction

from complaints.domain import normalization, search_document
from complaints.domain.errors import SealError
from complaints.domain.sealing.primitives import Stored, decrypt, encrypt, pad, random_bytes, unpad
from complaints.domain.sealing.records import KEY_SIZES, Context
from complaints.domain.search_document import SearchDocument
from complaints.models.complaint import Complaint
from complaints.models.evidence import Evidence, EvidenceObject
from complaints.models.search_document import SearchDoc, SearchKey
from complaints.models.team import Team
from complaints.services import resealing_registry
from complaints.services.evidence import storage
from complaints.services.keyring import Keyring, Locked, read_answers
from complaints.services.team_key_history import pinned_team

logger = logging.getLogger(__name__)
_PREFIX: Final = b"search document 1"
# What a document takes before it is encrypted; above the last, a multiple of it. It tells nothing else of its length.
SIZES: Final = (1024, 4096, 16384)
# What names an accused person in the answers, each with the rule that tells a name from "I do not know".
_NAMING: Final = {
    "accused_name": normalization.name,
    "accused_nip": normalization.nip,
    "accused_position": normalization.office,
    "agency": normalization.office,
}


class DocumentKeys:
    """The search keys that a member of the team can open, each opened once; for one request."""

    def __init__(self, keyring: Keyring, team: Team) -> None:
        """Take the pinned ``team``, whose key the ring has to hold when a key is asked for."""
        self._keyring, self._team = keyring, team
        # None where one did not open: each document under it would ask again.
        self._keys: dict[int, bytes | None] = {}

    def open(self, complaint: uuid.UUID, version: int, number: int, sealed: Stored) -> SearchDocument:
        """Open the document of a report by its columns; raises Locked, SealError."""
        plain = decrypt(self.key(number), bytes(sealed), self._bound_to(complaint, version))
        return SearchDocument.decode(unpad(plain, SIZES))

    def seal(self, row: SearchDoc, document: SearchDocument) -> None:
        """Put a document into its row, under the search key of the team's key of today; raises Locked, SealError."""
        row.sealed_number = self._team.key_number
        bound_to = self._bound_to(row.complaint_id, row.version)
        row.sealed = encrypt(self.key(row.sealed_number), pad(document.encode(), SIZES), bound_to)

    def _bound_to(self, complaint: uuid.UUID, version: int) -> bytes:
        return _PREFIX + complaint.bytes + self._team.pk.bytes + version.to_bytes(4, "big")

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
    if not missing:
        return
    keys, originals, evidence = keys_of_team(keyring), _originals(missing), _evidence_kinds(missing)
    rows = []
    for complaint in missing:
        with suppress(Locked, SealError):
            document = _document_of(keyring, complaint, originals[complaint.pk], evidence[complaint.pk])
            row = SearchDoc(complaint=complaint, team=team, evidence=document.evidence)
            keys.seal(row, document)
            rows.append(row)
    SearchDoc.objects.bulk_create(rows)


def _originals(complaints: Sequence[Complaint]) -> Mapping[uuid.UUID, list[EvidenceObject]]:
    """Return the files of reports as they were sent, by report."""
    stored = EvidenceObject.objects.filter(
        evidence__complaint__in=complaints, variant=EvidenceObject.Variant.ORIGINAL
    ).select_related("evidence")
    by_complaint: dict[uuid.UUID, list[EvidenceObject]] = defaultdict(list)
    for item in stored.order_by("evidence__sequence"):
        by_complaint[item.evidence.complaint_id].append(item)
    return by_complaint


def _evidence_kinds(complaints: Sequence[Complaint]) -> Mapping[uuid.UUID, list[str]]:
    kinds: dict[uuid.UUID, list[str]] = defaultdict(list)
    for complaint, kind in Evidence.objects.filter(complaint__in=complaints).values_list("complaint", "kind"):
        kinds[complaint].append(kind)
    return kinds


def _document_of(
    keyring: Keyring, complaint: Complaint, originals: Sequence[EvidenceObject], evidence: Sequence[str]
) -> SearchDocument:
    pair = keyring.complaint(complaint)
    answers = read_answers(pair, complaint)
    story = str(answers.get("story") or "")
    named = any(normalise(str(answers.get(field) or "")) for field, normalise in _NAMING.items())
    return search_document.of_story(
        story,
        files=[storage.read_info(pair, item, item.evidence, complaint).sha256 for item in originals],
        evidence=len(evidence),
        # A post on social media leads to whoever wrote it.
        names=named or Evidence.Kind.POST in evidence or search_document.names_somebody(story),
    )


# --- When the team's key changes --------------------------------------------------------------------------------------


def _reseal(row: SearchDoc, keyring: Keyring, team: Team) -> None:
    keys = DocumentKeys(keyring, team)
    document = keys.open(row.complaint_id, row.version, row.sealed_number, row.sealed)
    row.version += 1
    keys.seal(row, document)


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
