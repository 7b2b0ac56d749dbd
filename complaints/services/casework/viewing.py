"""Looking at evidence in the admin: an item opened once in the chain, its copies read in pieces after that.

Originals are never looked at here; they leave as attachments only (``acting.open_object``).
"""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db import transaction

from complaints.models.evidence import Evidence, EvidenceObject
from complaints.services import audit, evidence
from complaints.services.casework.reading import EvidenceItem, open_item
from complaints.services.vault import Keyring

ORIGINAL = EvidenceObject.Variant.ORIGINAL


def _found(evidence_id: uuid.UUID) -> Evidence:
    files = Evidence.objects.filter(kind=Evidence.Kind.FILE).select_related("complaint")
    return files.get(pk=evidence_id)


@transaction.atomic
def view_item(*, keyring: Keyring, evidence_id: uuid.UUID, now: datetime) -> EvidenceItem:
    """Open one item to look at; written into the chain once, where there is a copy to look at.

    Raises:
        Evidence.DoesNotExist, Locked: nothing for this person.
    """
    row = _found(evidence_id)
    item = open_item(complaint=row.complaint, pair=keyring.complaint(row.complaint), row=row)
    if item.working:
        facts = {"object": str(item.working.id), "variant": item.working.variant}
        audit.append(
            event="object.opened",
            now=now,
            actor=keyring.staff,
            signer=keyring.signer,
            case=row.complaint.case_id,
            facts=facts,
        )
    return item


def open_copy(*, keyring: Keyring, object_id: uuid.UUID) -> tuple[EvidenceObject, evidence.FileInfo]:
    """Return a working copy, preview or page with what opens it; the caller has made sure that the looking is recorded.

    Raises:
        EvidenceObject.DoesNotExist, Locked: nothing for this person; originals are never given out here.
    """
    stored = EvidenceObject.objects.exclude(variant=ORIGINAL).select_related("evidence__complaint").get(pk=object_id)
    complaint = stored.evidence.complaint
    return stored, evidence.read_info(keyring.complaint(complaint), stored, stored.evidence, complaint)


def work_on(*, keyring: Keyring, evidence_id: uuid.UUID, now: datetime) -> None:
    """Do the worker's work on an item that waits for an officer, in this session; written into the chain before.

    Raises:
        Evidence.DoesNotExist, Locked: nothing for this person, or nothing to do.
        evidence.ScannerDown, sandbox.Unavailable: nothing was decided about the file.
    """
    row = Evidence.objects.filter(state=Evidence.State.OFFICER).select_related("complaint").get(pk=evidence_id)
    pair, original = keyring.complaint(row.complaint), row.objects_stored.get(variant=ORIGINAL)
    audit.append(
        event="object.worked",
        now=now,
        actor=keyring.staff,
        signer=keyring.signer,
        case=row.complaint.case_id,
        facts={"object": str(original.pk)},
    )
    evidence.work_for_officer(pair=pair, evidence=row)
