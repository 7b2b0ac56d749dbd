"""Looking at the files of a release, for a liaison of its body: recorded once, read in pieces after that."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from complaints import access
from complaints.models.evidence import EvidenceObject
from complaints.models.oversight import ReleasedFile
from complaints.services import audit, evidence
from complaints.services.forwarding.reading import ReleasedItem, open_released
from complaints.services.vault import Keyring

Variant = EvidenceObject.Variant


def _mine(keyring: Keyring) -> QuerySet[ReleasedFile]:
    files = ReleasedFile.objects.filter(release__in=access.releases_for(keyring.staff))
    return files.select_related("release", "stored")


@transaction.atomic
def view_file(*, keyring: Keyring, file_id: uuid.UUID, now: datetime) -> tuple[ReleasedItem, list[ReleasedItem]]:
    """Open a released file to look at, with its pages; written into the chain once. An original is never looked at.

    Raises:
        ReleasedFile.DoesNotExist, Locked: nothing for this person.
    """
    item = _mine(keyring).exclude(stored__variant=Variant.PAGE).get(pk=file_id)
    pair, signer = keyring.release(item.release), bytes(item.release.signer)
    pages: list[ReleasedFile] = []
    if item.stored.variant != Variant.ORIGINAL:
        facts = {"object": str(item.stored_id), "variant": item.stored.variant, "release": str(item.release_id)}
        audit.append(
            event="object.opened",
            now=now,
            actor=keyring.staff,
            signer=keyring.signer,
            case=item.release.case_id,
            facts=facts,
        )
        siblings = item.release.files.filter(stored__evidence=item.stored.evidence_id, stored__variant=Variant.PAGE)
        pages = list(siblings.select_related("stored").order_by("stored__number"))
    return open_released(item, pair, signer), [open_released(page, pair, signer) for page in pages]


def open_copy(*, keyring: Keyring, file_id: uuid.UUID) -> tuple[EvidenceObject, evidence.FileInfo]:
    """Return a released copy or page with what opens it; the caller has made sure that the looking is recorded.

    Raises:
        ReleasedFile.DoesNotExist, Locked: nothing for this person; originals are never given out here.
    """
    item = _mine(keyring).exclude(stored__variant=Variant.ORIGINAL).get(pk=file_id)
    pair, signer = keyring.release(item.release), bytes(item.release.signer)
    return item.stored, open_released(item, pair, signer).info
