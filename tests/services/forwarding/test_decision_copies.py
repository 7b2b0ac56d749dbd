"""The copy of a decision goes the way of evidence: scanned, sealed to the release, opened by body and office alone."""

from __future__ import annotations

import zipfile
from io import BytesIO
from typing import Any

import pytest
from django.utils import timezone

from complaints.adapters import malware, sample_files
from complaints.domain.errors import SealError
from complaints.domain.workflow import Action
from complaints.models.audit import AuditEntry
from complaints.models.oversight import DecisionCopy, Release
from complaints.services import retention
from complaints.services.audit import verify
from complaints.services.evidence import storage
from complaints.services.forwarding import decision_copies, dossier, reading
from complaints.services.forwarding.decision_copies import CopyRefused, prepare
from complaints.services.keyring import Actor
from tests.cases import body_act, forwarded
from tests.images import photo
from tests.world import Cast, sealed_upload

DECISION = sample_files.document(["Keputusan Bupati Rawa Kemuning", "Nomor 800/118"])


@pytest.fixture
def release(cast: Cast) -> Release:
    _sent, row = forwarded(cast)
    for action in (Action.TAKE_UP, Action.SUBSTANTIATE, Action.AWAIT_AGENCY):
        body_act(cast, "kirana", row, action)
    return row


def actor(cast: Cast, name: str) -> Actor:
    return Actor(cast.ring(name), timezone.now())


def opened_copies(cast: Cast, release: Release) -> list[decision_copies.CopyLine]:
    """The copies of all decisions, as the body's page opens them."""
    opened = reading.open_release(actor=actor(cast, "kirana"), release_id=release.pk)
    pair = cast.ring("kirana").release(opened.release)
    found = decision_copies.of_decisions(release=opened.release, pair=pair, entries=opened.decisions)
    return [line for lines in found.values() for line in lines]


def test_both_sides_open_it_and_each_opening_is_recorded(cast: Cast, release: Release) -> None:
    copy = prepare(sealed_upload(DECISION, "SK Bupati.pdf"))
    body_act(cast, "kirana", release, Action.SANCTION, copy=copy)
    assert [(line.row.variant, line.info.type) for line in opened_copies(cast, release)] == [
        ("original", "application/pdf"),
        ("working", "application/pdf"),
    ]
    original = DecisionCopy.objects.get(variant="original")
    with storage.storage().open(original.object_name, "rb") as stored:
        assert b"%PDF" not in stored.read()
    for name in ("kresna", "vera"):
        person = actor(cast, name)
        info, stream = decision_copies.open_copy(actor=person, release=release, file_id=original.pk)
        assert (info.name, b"".join(stream)) == ("SK Bupati.pdf", DECISION)
        assert AuditEntry.objects.filter(event="decision.opened", actor=person.staff.pk).count() == 1
    zipped = dossier.open_dossier(actor=actor(cast, "kirana"), release_id=release.pk, knowing=False)
    packed = b"".join(dossier.pieces_of_zip(zipped, []))
    with zipfile.ZipFile(BytesIO(packed)) as archive:
        assert archive.read("Putusan-1/putusan-asli.pdf") == DECISION
        assert "Putusan-1/putusan.pdf" in archive.namelist()
    assert not list(retention.damaged_objects()) and not retention.missing_objects()
    assert {row.object_name for row in DecisionCopy.objects.all()} <= storage.referenced_objects()
    assert verify.verify_chain().whole
    DecisionCopy.objects.filter(pk=original.pk).update(object_digest=b"x" * 32)
    assert [fault.code for fault in verify.verify_chain().faults] == ["row.altered"]


@pytest.mark.parametrize("change", ["delete", "swap", "plant", "variant"])
def test_a_copy_that_is_not_as_recorded_opens_nothing_and_is_named(cast: Cast, release: Release, change: str) -> None:
    body_act(cast, "kirana", release, Action.SANCTION, copy=prepare(sealed_upload(DECISION, "SK.pdf")))
    working = DecisionCopy.objects.get(variant="working")
    if change == "swap":
        DecisionCopy.objects.filter(pk=working.pk).update(sealed=DecisionCopy.objects.get(variant="original").sealed)
    elif change == "variant":
        # The original, with all that it tells of who made it, would pass for the copy without metadata.
        DecisionCopy.objects.filter(variant="original").delete()
        DecisionCopy.objects.filter(pk=working.pk).update(variant="original")
    elif change == "delete":
        working.delete()
    else:
        body_act(cast, "kirana", release, Action.CORRECT, reply="Salah ketik.")
        later = working.sanction.release.sanctions.latest("at")
        planted = {"variant": "working", "object_name": "b" * 32, "object_digest": b"", "sealed": b""}
        DecisionCopy.objects.create(sanction=later, **planted)
    with pytest.raises(SealError):
        opened_copies(cast, release)
    codes = {"delete": "row.gone", "swap": "row.altered", "plant": "row.unrecorded", "variant": "row.altered"}
    assert codes[change] in {fault.code for fault in verify.verify_chain().faults}


def test_what_is_no_readable_copy_is_refused_with_a_code(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    for content, name, code in (
        (b"Keputusan.\n" * 40, "keputusan.txt", "type"),
        (b"%PDF-1.7\n" + b"rusak " * 400, "rusak.pdf", "unreadable"),
    ):
        with pytest.raises(CopyRefused) as refused:
            prepare(sealed_upload(content, name))
        assert refused.value.code == code
    settings.CLAMD_SOCKET = "/nowhere"
    for verdict, code in (
        (malware.Verdict("infected", "Eicar"), "infected"),
        (malware.Verdict("not_scanned", reason="down"), "scanner"),
    ):
        monkeypatch.setattr(malware, "scan", lambda *_args, verdict=verdict, **_kwargs: verdict)
        with pytest.raises(CopyRefused) as refused:
            prepare(sealed_upload(photo(), "foto.jpg"))
        assert refused.value.code == code
