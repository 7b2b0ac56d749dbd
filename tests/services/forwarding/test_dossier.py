"""The dossier of a release as one ZIP: what is in it, what never is, and how it breaks off."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import zipfile
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from complaints.domain.errors import SealError
from complaints.domain.workflow import Action
from complaints.models.audit import AuditEntry
from complaints.models.evidence import EvidenceObject
from complaints.models.oversight import OversightBody, Release
from complaints.services import custody, follow_up
from complaints.services.audit import verify
from complaints.services.evidence import processing, storage
from complaints.services.forwarding import dossier, release
from complaints.services.forwarding.contents import whole
from complaints.services.forwarding.dossier import Document, Dossier
from complaints.services.keyring import Actor
from tests.cases import act, body_act, complaint_of, forwarded, in_review, with_photo
from tests.images import photo
from tests.world import Cast, Sent, sealed_upload

WORDS = [Document("berkas-penerusan.html", b"<p>Isi.</p>")]


def actor(cast: Cast, name: str) -> Actor:
    return Actor(cast.ring(name), timezone.now())


def opened(cast: Cast, row: Release, *, name: str = "kirana", knowing: bool = False) -> Dossier:
    return dossier.open_dossier(actor=actor(cast, name), release_id=row.pk, knowing=knowing)


def unzipped(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as found:
        assert found.testzip() is None
        assert {entry.compress_type for entry in found.infolist()} == {zipfile.ZIP_STORED}
        return {entry.filename: found.read(entry) for entry in found.infolist()}


def replace(stored: EvidenceObject, content: bytes | None) -> None:
    place = storage.storage()
    place.delete(stored.object_name)
    if content is not None:
        with place.open(stored.object_name, "wb") as out:
            out.write(content)


def with_supplement(cast: Cast) -> tuple[Sent, Release]:
    """A release with a working copy, and a supplement with the original of the same file and one more file."""
    sent, first = forwarded(cast, files=True)
    body_act(cast, "kirana", first, Action.TAKE_UP)
    upload = sealed_upload(b"Jadwal rapat 3 November.", "jadwal.txt")
    follow_up.add_message(ticket=sent.ticket, text="Jadwalnya.", files=[upload], today=timezone.localdate())
    processing.process_pending()
    originals = EvidenceObject.objects.filter(evidence__complaint__case=sent.case, variant="original")
    choice = whole(sent.case.pk, objects=list(originals.values_list("pk", flat=True)))
    release.supplement(actor=actor(cast, "fitri"), first=first, choice=choice)
    return sent, first


def test_it_holds_every_file_under_its_neutral_name(
    cast: Cast, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    sent, row = with_supplement(cast)
    held = opened(cast, row)
    with django_assert_num_queries(0):
        content = b"".join(dossier.pieces_of_zip(held, WORDS))
    found = unzipped(content)
    manifest = json.loads(found.pop(dossier.MANIFEST))
    assert list(found) == [
        "berkas-penerusan.html",
        "Laporan-1/bukti-1.jpg",
        "Penerusan-2/Laporan-1/bukti-1-asli.jpg",
        "Penerusan-2/Laporan-1/bukti-2-asli.txt",
    ]
    assert found["Penerusan-2/Laporan-1/bukti-1-asli.jpg"] == photo()
    assert found["Penerusan-2/Laporan-1/bukti-2-asli.txt"] == b"Jadwal rapat 3 November."
    assert [line["name"] for line in manifest["files"]] == list(found)
    sealed = {file.name: file.item.info.sha256 for file in held.files}
    for line in manifest["files"]:
        written = found[line["name"]]
        digest = hashlib.sha256(written).hexdigest()
        assert (line["bytes"], line["sha256"]) == (len(written), digest)
        assert sealed.get(line["name"], digest) == digest
    assert (manifest["reference"], manifest["body"]) == (sent.case.reference, "BKN")
    for line in manifest["releases"]:
        entry = AuditEntry.objects.get(event="release.made", facts__number=line["number"])
        assert (line["entry"], line["entry_digest"]) == (entry.sequence, bytes(entry.digest).hex())
    complaint = complaint_of(sent)
    for key in (bytes(complaint.public_key), bytes(complaint.reporter_key), bytes(complaint.reporter_verify_key)):
        assert key not in content and key.hex().encode() not in content
    for identifier in (complaint.pk, sent.case.pk):
        assert str(identifier).encode() not in content and identifier.bytes not in content
    assert b"foto.jpg" not in content and b"jadwal.txt" not in content


def test_it_is_one_entry_and_an_opening_of_each_file_on_the_custody_sheet(cast: Cast) -> None:
    sent, row = with_supplement(cast)
    supplement = Release.objects.get(first=row)
    opened(cast, row)
    (entry,) = AuditEntry.objects.filter(event="release.downloaded")
    assert entry.actor == cast["kirana"].pk
    assert entry.facts == {"release": str(row.pk), "newest": 2, "files": 3, "knowing": 0}
    sheet = custody.custody_sheet(actor=actor(cast, "vera"), case_id=sent.case.pk)
    lines = [[(line.entry.sequence, line.person) for line in item.openings] for item in sheet.items]
    download = (entry.sequence, cast["kirana"])
    # The first file was in it twice: as the copy of the release, and as the original of the supplement.
    assert [line.count(download) for line in lines] == [2, 1]
    assert entry.sequence in [line.entry.sequence for line in sheet.others]
    assert verify.verify_chain().whole
    assert supplement.number == 2


def test_a_release_that_no_entry_records_is_not_downloaded(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    _sent, row = forwarded(cast)
    monkeypatch.setattr(dossier, "_EVENTS", dossier._EVENTS - {"release.made"})
    with pytest.raises(SealError, match="release"):
        opened(cast, row)


def test_what_came_after_a_download_was_not_opened_by_it(cast: Cast) -> None:
    sent, row = forwarded(cast, files=True)
    body_act(cast, "kirana", row, Action.TAKE_UP)
    opened(cast, row)
    upload = sealed_upload(b"Susulan.", "susulan.txt")
    follow_up.add_message(ticket=sent.ticket, text="Lagi.", files=[upload], today=timezone.localdate())
    processing.process_pending()
    late = EvidenceObject.objects.filter(evidence__complaint__case=sent.case, variant="original").latest(
        "evidence__sequence"
    )
    choice = whole(sent.case.pk, objects=[late.pk])
    second = release.supplement(actor=actor(cast, "fitri"), first=row, choice=choice)
    release.recall(actor=actor(cast, "fitri"), release_id=second.pk)
    third = release.supplement(actor=actor(cast, "fitri"), first=row, choice=whole(sent.case.pk))
    assert third.number == 3
    assert [file.name for file in opened(cast, row).files] == ["Laporan-1/bukti-1.jpg"]
    sheet = custody.custody_sheet(actor=actor(cast, "vera"), case_id=sent.case.pk)
    downloads = [[line.entry.event for line in item.openings].count("release.downloaded") for item in sheet.items]
    # Neither the download before the supplement nor that after its recall.
    assert downloads == [2, 0]


@pytest.mark.parametrize("fault", ["missing", "another", "altered"])
def test_a_damaged_file_leaves_a_zip_without_an_end(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    _sent, row = forwarded(cast, files=True)
    held = opened(cast, row)
    (file,) = held.files
    with storage.storage().open(file.stored.object_name, "rb") as stored:
        content = bytearray(stored.read())
    if fault == "another":
        file.item.info.sha256 = hashlib.sha256(b"lain").hexdigest()
    else:
        content[60] ^= 1
        replace(file.stored, bytes(content) if fault == "altered" else None)
    pieces, came = dossier.pieces_of_zip(held, WORDS), io.BytesIO()
    with caplog.at_level(logging.ERROR), pytest.raises(dossier.DownloadBroken) as broken:
        came.writelines(pieces)
    assert b"<p>Isi.</p>" in came.getvalue()
    assert b"PK\x05\x06" not in came.getvalue() and dossier.MANIFEST.encode() not in came.getvalue()
    assert not zipfile.is_zipfile(came)
    assert "broke off" in caplog.text
    for secret in (file.name, file.stored.object_name, str(file.stored.pk)):
        assert secret not in caplog.text and secret not in str(broken.value)


def test_what_the_scanner_warned_of_is_left_out_and_named(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    def scan(original: object, info: object, findings: storage.FileReport) -> None:
        findings.scan, findings.threat = "infected", "Uji.Contoh"

    sent, today = in_review(cast), timezone.localdate()
    follow_up.add_message(ticket=sent.ticket, text="Bersih.", files=[sealed_upload(b"Jadwal.", "a.txt")], today=today)
    processing.process_pending()
    monkeypatch.setattr("complaints.services.evidence.copies._scan", scan)
    with_photo(sent)
    act(cast, "vera", sent, Action.VERIFY)
    originals = EvidenceObject.objects.filter(evidence__complaint__case=sent.case, variant="original")
    choice = whole(sent.case.pk, objects=list(originals.values_list("pk", flat=True)))
    body = OversightBody.objects.get(pk="bkn")
    row = release.forward(actor=actor(cast, "fitri"), case_id=sent.case.pk, body=body, choice=choice)
    held = opened(cast, row)
    found = unzipped(b"".join(dossier.pieces_of_zip(held, WORDS)))
    name = "Laporan-1/bukti-2-asli.jpg"
    assert name not in found and "Laporan-1/bukti-1-asli.txt" in found
    (left,) = json.loads(found[dossier.MANIFEST])["left_out"]
    assert (left["name"], left["reason"]) == (name, "malware_warning")

    def downloads() -> list[int]:
        sheet = custody.custody_sheet(actor=actor(cast, "vera"), case_id=sent.case.pk)
        return [[line.entry.event for line in item.openings].count("release.downloaded") for item in sheet.items]

    assert downloads() == [1, 0]
    held = opened(cast, row, knowing=True)
    assert unzipped(b"".join(dossier.pieces_of_zip(held, WORDS)))[name] == photo()
    assert not held.left_out
    assert downloads() == [2, 1]


def test_from_four_gib_on_it_is_zip64(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is lowered to where the test can reach it: the header of the entry then has 64-bit lengths."""
    _sent, row = forwarded(cast, files=True)
    held = opened(cast, row)
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 100)
    content = b"".join(dossier.pieces_of_zip(held, WORDS))
    assert b"PK\x06\x06" in content
    assert "Laporan-1/bukti-1.jpg" in unzipped(content)


def test_a_visitor_holds_no_connection_and_leaves_no_open_file(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    _sent, row = forwarded(cast, files=True)
    closed: list[object] = []

    def stream(stored: EvidenceObject, info: storage.FileInfo) -> Iterator[bytes]:
        try:
            yield b"x" * 10
            yield b"y" * (info.length - 10)
        finally:
            closed.append(stored.pk)

    monkeypatch.setattr(storage, "stream", stream)
    held = opened(cast, row)
    database = SimpleNamespace(in_atomic_block=False, close=lambda: closed.append("connection"))
    monkeypatch.setattr(dossier, "connection", database)
    pieces = dossier.pieces_of_zip(held, WORDS)
    assert next(pieces) and closed == ["connection"]
    assert next(pieces) and next(pieces)
    pieces.close()  # type: ignore[attr-defined]
    assert closed == ["connection", held.files[0].stored.pk]
