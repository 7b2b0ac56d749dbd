"""Downloads: by POST, after an entry in the chain, as an attachment that nothing will run."""

from __future__ import annotations

import hashlib
import uuid

import pytest
from django.http import StreamingHttpResponse
from django.urls import reverse
from django.utils import timezone

from complaints.admin.base import FILE_POLICY
from complaints.models.audit import AuditEntry
from complaints.models.case import InternalNote
from complaints.models.evidence import EvidenceObject
from complaints.models.oversight import ReleasedFile
from complaints.services import follow_up
from complaints.services.evidence import storage
from tests.cases import forwarded, in_review, with_photo
from tests.images import photo
from tests.world import Cast, Sent, SignedIn, sealed_upload


def url(sent: Sent, stored: uuid.UUID) -> str:
    return reverse("admin:complaints_case_file", args=[sent.case.pk, stored])


def test_a_working_copy_leaves_as_an_attachment(signed_in: SignedIn, cast: Cast) -> None:
    sent = in_review(cast)
    stored, client = with_photo(sent), signed_in("vera")
    assert client.get(url(sent, stored["working"])).status_code == 405
    assert client.head(url(sent, stored["working"])).status_code == 405
    response = client.post(url(sent, stored["working"]))
    assert isinstance(response, StreamingHttpResponse)
    body = b"".join(response.streaming_content)  # type: ignore[arg-type]
    assert body.startswith(b"\xff\xd8")
    assert b"KameraRahasia" not in body
    headers = response.headers
    assert headers["Content-Type"] == "application/octet-stream"
    assert headers["Content-Length"] == str(len(body))
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"] == FILE_POLICY
    assert "no-store" in headers["Cache-Control"]
    assert headers["Content-Disposition"].startswith(f'attachment; filename="{sent.case.reference}-')
    assert headers["Content-Disposition"].endswith('.jpg"')
    assert "foto" not in headers["Content-Disposition"]
    entry = AuditEntry.objects.get(event="object.opened")
    assert entry.facts == {"object": str(stored["working"]), "variant": "working"}
    assert entry.actor == cast["vera"].pk


def test_an_original_needs_a_reason_that_becomes_a_note(signed_in: SignedIn, cast: Cast) -> None:
    sent = in_review(cast)
    stored, client = with_photo(sent), signed_in("vera")
    refused = client.post(url(sent, stored["original"]), {"reason": "   "})
    assert refused.status_code == 302
    assert not AuditEntry.objects.filter(event="object.opened").exists()
    response = client.post(url(sent, stored["original"]), {"reason": "Asal foto diragukan."})
    body = b"".join(response.streaming_content)  # type: ignore[attr-defined]
    assert hashlib.sha256(body).hexdigest() == hashlib.sha256(photo()).hexdigest()
    assert InternalNote.objects.count() == 1


@pytest.mark.parametrize("name", ["bukti\r\nX-Evil: 1.jpg", 'a".html', "../../etc/passwd", "‮gpj.exe"])
def test_a_reporters_file_name_never_reaches_a_header(signed_in: SignedIn, cast: Cast, name: str) -> None:
    sent = in_review(cast)
    upload = sealed_upload(photo(), name=name)
    follow_up.add_message(ticket=sent.ticket, text="", files=[upload], today=timezone.localdate())
    stored = EvidenceObject.objects.get()
    response = signed_in("vera").post(url(sent, stored.pk), {"reason": "Perlu."})
    disposition = response.headers["Content-Disposition"]
    assert disposition.isascii()
    assert disposition.endswith('.jpg"')
    assert "X-Evil" not in response.headers
    b"".join(response.streaming_content)  # type: ignore[attr-defined]


def test_a_file_belongs_to_its_case_and_to_triage(signed_in: SignedIn, cast: Cast) -> None:
    sent, other = in_review(cast), in_review(cast)
    stored = with_photo(sent)["working"]
    assert signed_in("vera").post(url(other, stored)).status_code == 404
    assert signed_in("vera").post(url(sent, uuid.uuid4())).status_code == 404
    for name in ("luar", "kirana", "audi", "adi", "super"):
        assert signed_in(name).post(url(sent, stored)).status_code == 404, name
    assert not AuditEntry.objects.filter(event="object.opened").exists()


def test_a_damaged_object_is_an_error_page_and_no_file(signed_in: SignedIn, cast: Cast) -> None:
    sent = in_review(cast)
    stored = EvidenceObject.objects.get(pk=with_photo(sent)["working"])
    place = storage.storage()
    content = bytearray(place.open(stored.object_name).read())
    content[40] ^= 1
    place.delete(stored.object_name)
    with place.open(stored.object_name, "wb") as out:
        out.write(bytes(content))
    response = signed_in("vera").post(url(sent, stored.pk))
    assert response.status_code == 409
    assert "Content-Disposition" not in response.headers
    place.delete(stored.object_name)
    assert signed_in("vera").post(url(sent, stored.pk)).status_code == 302


def test_a_liaison_gets_released_files_under_neutral_names(signed_in: SignedIn, cast: Cast) -> None:
    sent, release = forwarded(cast, files=True)
    released = ReleasedFile.objects.get()
    address = reverse("admin:complaints_release_file", args=[release.pk, released.pk])
    response = signed_in("kirana").post(address)
    body = b"".join(response.streaming_content)  # type: ignore[attr-defined]
    assert body.startswith(b"\xff\xd8")
    assert response.headers["Content-Disposition"] == f'attachment; filename="{sent.case.reference}-bukti-1.jpg"'
    assert response.headers["Content-Security-Policy"] == FILE_POLICY
    assert AuditEntry.objects.filter(event="object.opened", actor=cast["kirana"].pk).count() == 1
    assert signed_in("bima").post(address).status_code == 404
    assert signed_in("vera").post(address).status_code == 404
    assert signed_in("kirana").get(address).status_code == 405
