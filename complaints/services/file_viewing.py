"""Opens one file of a case for an admitted member of triage, to display a copy of it.

Originals are not displayed: they leave only as attachments, by ``case_actions.open_object``.
"""

from __future__ import annotations

import uuid

from django.db import transaction

from complaints.models.evidence import Evidence, EvidenceObject
from complaints.services.case_file import EvidenceItem, open_item
from complaints.services.evidence import storage
from complaints.services.keyring import Actor, Keyring


@transaction.atomic
def view_item(*, actor: Actor, evidence_id: uuid.UUID, copy_id: str = "") -> EvidenceItem:
    """Open one file to display its working copy, or the redacted copy ``copy_id``; recorded where there is one.

    Raises Evidence.DoesNotExist, Locked.
    """
    row = Evidence.objects.filter(kind=Evidence.Kind.FILE).select_related("complaint").get(pk=evidence_id)
    pair = actor.keyring.complaint(row.complaint)
    item = open_item(complaint=row.complaint, pair=pair, row=row, number=row.file_number())
    shown = next((copy for copy in item.redacted if str(copy.id) == copy_id), item.working)
    if shown:
        facts = {"object": str(shown.id), "variant": shown.variant}
        actor.record("object.opened", case=row.complaint.case_id, facts=facts)
    return item


def open_copy(*, keyring: Keyring, object_id: uuid.UUID) -> tuple[EvidenceObject, storage.FileInfo]:
    """Return a working copy, preview or page with the description that decrypts it; the caller has audited the item.

    Raises EvidenceObject.DoesNotExist, also for an original, and Locked.
    """
    copies = EvidenceObject.objects.exclude(variant=EvidenceObject.Variant.ORIGINAL)
    stored = copies.select_related("evidence__complaint").get(pk=object_id)
    complaint = stored.evidence.complaint
    return stored, storage.read_info(keyring.complaint(complaint), stored, stored.evidence, complaint)
