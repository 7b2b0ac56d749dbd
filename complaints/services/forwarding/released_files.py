"""Opens the files of a release for the body that holds it, and records each opening."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

from django.db import transaction
from django.db.models import QuerySet

from complaints import access
from complaints.models.evidence import EvidenceObject
from complaints.models.oversight import ReleasedFile
from complaints.services.evidence import storage
from complaints.services.forwarding.contents import ReleasedItem
from complaints.services.forwarding.reading import open_released
from complaints.services.keyring import Actor, Keyring, signer_of

Variant = EvidenceObject.Variant


@transaction.atomic
def open_file(*, actor: Actor, file_id: uuid.UUID, knowing: bool = False) -> tuple[storage.FileInfo, Iterator[bytes]]:
    """Return a released file and its plaintext in pieces, for a liaison of the body; audited before the first byte.

    Raises ReleasedFile.DoesNotExist, Locked, and storage.InfectedFile unless the person is ``knowing`` of the warning.
    """
    item = _files_for(actor.keyring).get(pk=file_id)
    pair, signer = actor.keyring.release(item.release), signer_of(item.release)
    info = open_released(item, pair, signer).info
    if info.threat and not knowing:
        raise storage.InfectedFile(info.threat)
    _record_opening(actor, item)
    return info, storage.stream(item.stored, info)


def _record_opening(actor: Actor, item: ReleasedFile) -> None:
    facts = {"object": str(item.stored_id), "variant": item.stored.variant, "release": str(item.release_id)}
    actor.record("object.opened", case=item.release.case_id, facts=facts)


# --- Viewing files of a release: the opening is recorded once, copies and pages are then read without an entry --------


def _files_for(keyring: Keyring) -> QuerySet[ReleasedFile]:
    files = ReleasedFile.objects.filter(release__in=access.releases_for(keyring.staff))
    return files.select_related("release", "stored")


@transaction.atomic
def view_file(*, actor: Actor, file_id: uuid.UUID) -> tuple[ReleasedItem, list[ReleasedItem]]:
    """Return a released file with its pages for the viewer, and audit it; raises ReleasedFile.DoesNotExist, Locked.

    Nothing is audited for an original, because the viewer shows no content of it.
    """
    item = _files_for(actor.keyring).exclude(stored__variant=Variant.PAGE).get(pk=file_id)
    pair, signer = actor.keyring.release(item.release), signer_of(item.release)
    pages: list[ReleasedFile] = []
    if item.stored.variant != Variant.ORIGINAL:
        _record_opening(actor, item)
        siblings = item.release.files.filter(stored__evidence=item.stored.evidence_id, stored__variant=Variant.PAGE)
        pages = list(siblings.select_related("stored").order_by("stored__number"))
    return open_released(item, pair, signer), [open_released(page, pair, signer) for page in pages]


def open_copy(*, keyring: Keyring, file_id: uuid.UUID) -> tuple[EvidenceObject, storage.FileInfo]:
    """Return a released copy or page, no original, with what opens it; raises ReleasedFile.DoesNotExist, Locked.

    The caller ensures that the opening was recorded.
    """
    item = _files_for(keyring).exclude(stored__variant=Variant.ORIGINAL).get(pk=file_id)
    pair, signer = keyring.release(item.release), signer_of(item.release)
    return item.stored, open_released(item, pair, signer).info
