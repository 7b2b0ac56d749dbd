"""The copy of a decision that a body recorded: scanned and read in the sandbox, sealed to the release, opened again.

It takes the way of evidence: encrypted as it arrives, plaintext in memory only. Kept are the file as it was sent and a
copy without metadata. The sealed record of the decision names both, and each has an entry in the chain.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from django.db import transaction

from complaints.adapters import sandbox
from complaints.domain.errors import SealError
from complaints.domain.sealing.primitives import BoxPair, SignPair
from complaints.domain.sealing.records import Context, open_record, seal_record
from complaints.models.evidence import EvidenceObject
from complaints.models.oversight import DecisionCopy, Release, Sanction
from complaints.services.audit import log
from complaints.services.audit.log import row_digest
from complaints.services.evidence import copies, storage
from complaints.services.evidence.copies import Derived, ScannerDown
from complaints.services.evidence.intake import SealedUpload
from complaints.services.evidence.storage import FileInfo
from complaints.services.forwarding.reading import DecisionEntry
from complaints.services.keyring import Actor
from complaints.services.team_key_history import trusted_signer

TYPES: Final = frozenset({"application/pdf", "image/jpeg", "image/png", "image/webp"})
Variant = DecisionCopy.Variant


class CopyRefused(Exception):
    """A copy that is not taken; ``code`` is "type", "infected", "unreadable", "locked", "scanner", "store" or one of
    the refusals of an upload.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class PreparedCopy:
    """A copy that is stored, encrypted, and that no row names yet: the original, and the copy without metadata."""

    uploads: tuple[tuple[str, SealedUpload], ...]

    @property
    def ids(self) -> list[str]:
        """The ids of the objects, as the sealed record of the decision names them."""
        return sorted(str(upload.id) for _variant, upload in self.uploads)

    def discard(self) -> None:
        """Delete the objects that were made here; the upload itself is deleted with its request."""
        for variant, upload in self.uploads:
            if variant != Variant.ORIGINAL:
                storage.delete_object(upload.object_name)


@dataclass(frozen=True)
class CopyLine:
    """A stored copy of a decision with what is sealed beside it."""

    row: DecisionCopy
    info: FileInfo


def prepare(upload: SealedUpload) -> PreparedCopy:
    """Scan an uploaded copy, read it in the sandbox and store a copy without metadata; raises CopyRefused.

    The caller has checked everything else of the step: this costs the time of a scan.
    """
    if upload.refused or upload.info is None:
        raise CopyRefused(upload.refused or "empty")
    if upload.info.type not in TYPES:
        raise CopyRefused("type")
    original = EvidenceObject(pk=upload.id, object_name=upload.object_name)
    try:
        made = copies.Work(original, upload.info).run()
    except (ScannerDown, sandbox.Unavailable):
        raise CopyRefused("scanner") from None
    except (OSError, SealError):
        raise CopyRefused("store") from None
    working = _working_copy(made)
    if working is None:
        made.discard()
        reasons = {"infected": "infected", "encrypted": "locked"}
        raise CopyRefused(reasons.get(made.report.no_copy, "unreadable"))
    # The scanner's result travels with the file; "" where it is clean, or where this portal has no scanner.
    upload.info.threat = made.report.threat
    return PreparedCopy(((Variant.ORIGINAL.value, upload), (Variant.WORKING.value, working)))


def _working_copy(made: copies.FileCopies) -> SealedUpload | None:
    """Return the copy without metadata; delete the preview and the pages, which nothing shows."""
    kept: list[Derived] = []
    for item in made.stored:
        if item.variant == EvidenceObject.Variant.WORKING:
            kept.append(item)
        else:
            storage.delete_object(item.upload.object_name)
    made.stored[:] = kept
    return kept[0].upload if kept else None


def store(*, actor: Actor, release: Release, sanction: Sanction, copy: PreparedCopy, signer: SignPair) -> None:
    """Write the rows of a copy with the record that names it; in the caller's transaction."""
    for variant, upload in copy.uploads:
        if upload.info is None:
            raise ValueError("refused")
        row = DecisionCopy(
            pk=upload.id,
            sanction=sanction,
            variant=variant,
            object_name=upload.object_name,
            object_digest=upload.object_digest,
        )
        content = {"variant": variant, "info": asdict(upload.info)}
        row.sealed = seal_record(bytes(release.public_key), _context(row, release), content, signer)
        row.save(force_insert=True)
        facts = {"file": str(row.pk), "decision": str(sanction.pk), "variant": variant}
        facts |= {"digest": log.digest_of(row.sealed), "row": row_digest(row)}
        actor.record("decision.filed", case=release.case_id, facts=facts)
        upload.claimed = True


def _context(row: DecisionCopy, release: Release) -> Context:
    return Context("decision-copy", str(row.pk), str(release.pk))


def of_decisions(
    *, release: Release, pair: BoxPair, entries: Sequence[DecisionEntry]
) -> dict[uuid.UUID, list[CopyLine]]:
    """Return the copies of a release's decisions by decision, the original first.

    Raises SealError where a row is missing, was added or altered: the record of each decision names its copies.
    """
    named = {entry.id: list(entry.content.get("copies", [])) for entry in entries if entry.kind == "sanction"}
    copies: dict[uuid.UUID, list[CopyLine]] = {identifier: [] for identifier in named}
    if not named:
        return copies
    rows = DecisionCopy.objects.filter(sanction__in=named).select_related("sanction").order_by("variant")
    for row in rows:
        copies[row.sanction_id].append(CopyLine(row, _open_info(pair, row, release)))
    for identifier, ids in named.items():
        if sorted(str(line.row.pk) for line in copies[identifier]) != ids:
            raise SealError("decision-copy")
    return copies


@transaction.atomic
def open_copy(*, actor: Actor, release: Release, file_id: uuid.UUID) -> tuple[FileInfo, Iterator[bytes]]:
    """Return a copy and its plaintext in pieces, audited before the first byte.

    ``release`` is one that the caller's person may read: of the body or, for triage, of the case.

    Raises DecisionCopy.DoesNotExist, Locked, SealError.
    """
    row = DecisionCopy.objects.select_related("sanction").get(pk=file_id, sanction__release=release)
    info = _open_info(actor.keyring.release(release), row, release)
    facts = {"file": str(row.pk), "decision": str(row.sanction_id), "variant": row.variant}
    actor.record("decision.opened", case=release.case_id, facts=facts | {"release": str(release.pk)})
    return info, stream(row, info)


def _open_info(pair: BoxPair, row: DecisionCopy, release: Release) -> FileInfo:
    """Return what is sealed beside a copy; raises SealError where the row names another variant than was stored."""
    signer = trusted_signer(row.sanction.signer, f"body-{release.body_id}")
    content = open_record(pair, row.sealed, _context(row, release), signer)
    if content["variant"] != row.variant:
        raise SealError("decision-copy")
    return FileInfo(**content["info"])


def stream(row: DecisionCopy, info: FileInfo) -> Iterator[bytes]:
    """Yield the plaintext of a copy; raises SealError, OSError."""
    return storage.stream(EvidenceObject(pk=row.pk, object_name=row.object_name), info)
