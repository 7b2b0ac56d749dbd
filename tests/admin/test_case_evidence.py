"""Evidence looked at in the admin: recorded once, in pieces after that, and never as anything that could run."""

from __future__ import annotations

import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from complaints.adapters import sandbox
from complaints.admin.base import FILE_POLICY
from complaints.admin.file_responses import RANGE_BYTES, requested_range
from complaints.domain.workflow import Action
from complaints.models.audit import AuditEntry
from complaints.models.evidence import Evidence, EvidenceObject
from complaints.models.oversight import OversightBody, Release, ReleasedFile
from complaints.services import file_viewing, follow_up
from complaints.services.audit import verify
from complaints.services.evidence import processing, storage
from complaints.services.forwarding.contents import whole
from complaints.services.forwarding.release import forward
from complaints.services.keyring import Actor
from tests.adapters import samples
from tests.cases import act, in_review
from tests.runner import only_due, run_all_due
from tests.world import Cast, Sent, SignedIn, sealed_upload


def with_file(sent: Sent, content: bytes, name: str) -> Evidence:
    upload = sealed_upload(content, name)
    follow_up.add_message(ticket=sent.ticket, text="", files=[upload], today=timezone.localdate())
    processing.process_pending()
    return Evidence.objects.filter(complaint__case=sent.case).latest("sequence")


def page(sent: Sent, item: Evidence) -> str:
    return reverse("admin:complaints_case_view", args=[sent.case.pk, item.pk])


def shown(sent: Sent, item: Evidence, variant: str, number: int = 0) -> str:
    stored = item.objects_stored.get(variant=variant, number=number)
    return reverse("admin:complaints_case_shown", args=[sent.case.pk, item.pk, stored.pk])


def body_of(response: Any) -> bytes:
    return b"".join(response.streaming_content)


def looks() -> int:
    return AuditEntry.objects.filter(event="object.opened").count()


UNOPENED = "server tidak memiliki perlindungan untuk membuka berkas berbahaya"


def unconfined(*args: Any, **kwargs: Any) -> None:
    raise sandbox.Unconfined("walls")


def run_evidence_job(monkeypatch: pytest.MonkeyPatch) -> None:
    only_due("process_evidence")
    run_all_due(monkeypatch)


def test_officers_are_told_where_no_file_is_opened(
    signed_in: SignedIn, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the desk, on the case page and at the file, until the job goes through."""
    sent = in_review(cast)
    upload = sealed_upload(samples.jpeg(), "a.jpg")
    follow_up.add_message(ticket=sent.ticket, text="", files=[upload], today=timezone.localdate())
    client, item = signed_in("vera"), Evidence.objects.get(complaint__case=sent.case)
    pages = (reverse("admin:index"), reverse("admin:complaints_case_change", args=[sent.case.pk]), page(sent, item))

    def told() -> list[bool]:
        return [UNOPENED in " ".join(client.get(url).content.decode().split()) for url in pages]

    assert told() == [False, False, False]
    monkeypatch.setattr(sandbox, "run_steps", unconfined)
    run_evidence_job(monkeypatch)
    assert told() == [True, True, True]
    item.refresh_from_db()
    assert (item.state, item.attempts) == (Evidence.State.PENDING, 0)
    monkeypatch.setattr(sandbox, "run_steps", sandbox.DEFAULT.run_steps)
    run_evidence_job(monkeypatch)
    assert told() == [False, False, False]
    item.refresh_from_db()
    assert item.state == Evidence.State.READY


def test_an_officer_reads_why_a_file_was_not_opened(
    signed_in: SignedIn, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = in_review(cast)
    upload = sealed_upload(samples.jpeg(), "a.jpg")
    follow_up.add_message(ticket=sent.ticket, text="", files=[upload], today=timezone.localdate())
    item, client = Evidence.objects.get(complaint__case=sent.case), signed_in("vera")
    processing.end_grants(today=timezone.localdate() + timedelta(days=8))
    monkeypatch.setattr(sandbox, "run_steps", unconfined)
    address = reverse("admin:complaints_case_work", args=[sent.case.pk, item.pk])
    assert UNOPENED in client.post(address, follow=True).content.decode()
    item.refresh_from_db()
    assert item.state == Evidence.State.OFFICER


def test_a_photo_is_shown_once_its_look_is_recorded(signed_in: SignedIn, cast: Cast) -> None:
    sent = in_review(cast)
    item, client = with_file(sent, samples.jpeg(), "a.jpg"), signed_in("vera")
    address = shown(sent, item, "working")
    assert client.get(address).status_code == 404
    text = client.get(page(sent, item)).content.decode()
    assert f'<img src="{address}"' in text
    assert looks() == 1
    response = client.get(address)
    headers = response.headers
    assert body_of(response).startswith(b"\xff\xd8")
    assert headers["Content-Type"] == "image/jpeg"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"] == FILE_POLICY
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Content-Disposition"] == 'inline; filename="bukti.jpeg"'
    assert "no-store" in headers["Cache-Control"]
    body_of(client.get(address))
    assert looks() == 1
    entry = AuditEntry.objects.get(event="object.opened")
    assert (entry.actor, entry.facts["variant"]) == (cast["vera"].pk, "working")
    assert verify.verify_chain().whole


def test_the_permission_ends(signed_in: SignedIn, cast: Cast) -> None:
    sent = in_review(cast)
    item, client = with_file(sent, samples.jpeg(), "a.jpg"), signed_in("vera")
    client.get(page(sent, item))
    session = client.session
    session["viewing"] = {name: until - 3601 for name, until in session["viewing"].items()}
    session.save()
    assert client.get(shown(sent, item, "working")).status_code == 404


@pytest.mark.parametrize("name", ["luar", "kirana", "audi", "adi", "super"])
def test_for_everybody_else_it_does_not_exist(signed_in: SignedIn, cast: Cast, name: str) -> None:
    sent, other = in_review(cast), in_review(cast)
    item = with_file(sent, samples.jpeg(), "a.jpg")
    client = signed_in(name)
    for address in (page(sent, item), shown(sent, item, "working")):
        assert client.get(address).status_code == 404
    work = reverse("admin:complaints_case_work", args=[sent.case.pk, item.pk])
    assert client.post(work).status_code == 404
    assert signed_in("vera").get(page(other, item)).status_code == 404
    assert looks() == 0


def test_viewer_permission_covers_one_item_and_no_original(signed_in: SignedIn, cast: Cast) -> None:
    sent = in_review(cast)
    first, second = (with_file(sent, samples.jpeg(), name) for name in ("a.jpg", "b.jpg"))
    client = signed_in("vera")
    text = client.get(page(sent, first)).content.decode()
    assert f'rel="next" href="{page(sent, second)}"' in text
    assert 'rel="prev"' not in text
    assert client.get(shown(sent, second, "working")).status_code == 404
    assert client.get(shown(sent, first, "original")).status_code == 404
    stored = first.objects_stored.get(variant="working")
    mixed = reverse("admin:complaints_case_shown", args=[sent.case.pk, second.pk, stored.pk])
    assert client.get(mixed).status_code == 404


def test_a_pdf_is_shown_as_pictures_of_its_pages(signed_in: SignedIn, cast: Cast) -> None:
    sent = in_review(cast)
    item, client = with_file(sent, samples.pdf(pages=2), "surat.pdf"), signed_in("vera")
    text = client.get(page(sent, item)).content.decode()
    for number in (1, 2):
        address = shown(sent, item, "page", number)
        assert f'<img src="{address}"' in text
        assert client.get(address).headers["Content-Type"].startswith("image/")
    assert client.get(shown(sent, item, "working")).status_code == 404


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"<!DOCTYPE html><script>alert(1)</script>" * 9, "foto.jpg"),
        (b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>' * 9, "foto.svg"),
        (b"catatan biasa\n" * 30, "chat.txt"),
    ],
)
def test_markup_never_reaches_the_page(signed_in: SignedIn, cast: Cast, content: bytes, name: str) -> None:
    upload = sealed_upload(content, name)
    if upload.refused:
        return  # turned away at the door: nothing that could be shown
    sent = in_review(cast)
    item, client = with_file(sent, content, name), signed_in("vera")
    text = client.get(page(sent, item)).content.decode()
    assert 'class="stage"' not in text
    assert {stored.variant for stored in item.objects_stored.all()} == {"original"}
    assert client.get(shown(sent, item, "original")).status_code == 404


def test_ranges_are_slices_of_the_whole(signed_in: SignedIn, cast: Cast) -> None:
    sent = in_review(cast)
    item, client = with_file(sent, samples.mp3(), "suara.mp3"), signed_in("vera")
    text = client.get(page(sent, item)).content.decode()
    address = shown(sent, item, "working")
    assert f'<audio controls preload="metadata" src="{address}"' in text
    response = client.get(address)
    whole, size = body_of(response), int(response.headers["Content-Length"])
    assert (response.status_code, len(whole), response.headers["Accept-Ranges"]) == (200, size, "bytes")
    for asked, start, end in (("0-9", 0, 10), ("5-", 5, size), ("-7", size - 7, size), (f"3-{size * 2}", 3, size)):
        part = client.get(address, headers={"range": f"bytes={asked}"})
        assert part.status_code == 206
        assert part.headers["Content-Range"] == f"bytes {start}-{end - 1}/{size}"
        assert body_of(part) == whole[start:end]
    beyond = client.get(address, headers={"range": f"bytes={size}-"})
    assert (beyond.status_code, beyond.headers["Content-Range"]) == (416, f"bytes */{size}")


@pytest.mark.parametrize("header", ["", "items=0-1", "bytes=0-1,3-4", "bytes=9-3", "bytes=-", "bytes=a-b"])
def test_what_is_no_single_range_gets_the_whole(header: str) -> None:
    assert requested_range(header, 100) is None


def test_an_answer_to_a_range_is_a_piece() -> None:
    size = RANGE_BYTES * 3
    assert requested_range("bytes=0-", size) == (0, RANGE_BYTES)
    assert requested_range(f"bytes={RANGE_BYTES}-", size) == (RANGE_BYTES, RANGE_BYTES * 2)
    for outside in (f"bytes={size}-", "bytes=-0"):
        with pytest.raises(ValueError, match=str(size)):
            requested_range(outside, size)


def test_a_range_reaches_over_segments(cast: Cast) -> None:
    sent = in_review(cast)
    upload = sealed_upload(b"obrolan\n" + b"teks biasa saja\n" * 140_000, "chat.txt")
    follow_up.add_message(ticket=sent.ticket, text="", files=[upload], today=timezone.localdate())
    assert upload.info is not None
    stored = EvidenceObject.objects.get()
    whole = b"".join(storage.stream(stored, upload.info))
    edge = 1024 * 1024
    for start, end in ((edge - 3, edge + 3), (edge, edge + 1), (edge * 2 - 1, edge * 2 + 5)):
        assert b"".join(storage.stream(stored, upload.info, start, end)) == whole[start:end]
    assert len(whole) > edge * 2


def test_a_damaged_copy_is_an_error_and_no_picture(signed_in: SignedIn, cast: Cast) -> None:
    sent = in_review(cast)
    item, client = with_file(sent, samples.jpeg(), "a.jpg"), signed_in("vera")
    client.get(page(sent, item))
    place, stored = storage.storage(), item.objects_stored.get(variant="working")
    content = bytearray(place.open(stored.object_name).read())
    content[40] ^= 1
    place.delete(stored.object_name)
    with place.open(stored.object_name, "wb") as out:
        out.write(bytes(content))
    response = client.get(shown(sent, item, "working"))
    assert (response.status_code, response.headers["Content-Type"]) == (409, "text/html; charset=utf-8")
    place.delete(stored.object_name)
    assert client.get(shown(sent, item, "working")).status_code == 503


def test_the_case_page_tells_what_was_found(signed_in: SignedIn, cast: Cast) -> None:
    sent = in_review(cast)
    photo, letter = with_file(sent, samples.jpeg(), "a.pdf"), with_file(sent, samples.pdf(pages=2), "surat.pdf")
    chat, client = with_file(sent, b"obrolan\n" * 40, "chat.txt"), signed_in("vera")
    text = client.get(reverse("admin:complaints_case_change", args=[sent.case.pk])).content.decode()
    for words in (
        "tidak sesuai dengan isinya",
        "tempat",
        "2 halaman",
        "disimpan apa adanya",
        "pemindai belum dipasang",
        "data tersembunyi sudah diperiksa, yang tampak di gambar belum",
        "data tersembunyi sudah diperiksa, tulisan dan gambar dokumen belum",
        "nama, nomor, alamat, dan jam sudah dicari di teks; tidak ada salinan bersih",
        "bukti-2",
        "Nama asal",
    ):
        assert words in text
    preview = shown(sent, photo, "preview")
    assert preview in text
    assert body_of(client.get(preview)).startswith(b"\xff\xd8")
    assert looks() == 0
    for address in (shown(sent, photo, "working"), shown(sent, letter, "page", 1)):
        assert client.get(address).status_code == 404
    assert "/olah/" not in text
    client.get(page(sent, chat))
    assert looks() == 0


def test_officer_and_body_read_what_a_copy_lacks(signed_in: SignedIn, cast: Cast) -> None:
    """It is a state of its own, which the clear state of the file does not tell."""
    sent = in_review(cast)
    table, photo = with_file(sent, samples.xlsx(), "data.xlsx"), with_file(sent, samples.jpeg(), "a.jpg")
    assert {table.state, photo.state} == {Evidence.State.READY}
    words, lossy = "Yang tidak ada: rumus (nilai terakhirnya tetap ada).", "alinan kerja, isinya tidak lengkap"
    client = signed_in("vera")
    case = client.get(reverse("admin:complaints_case_change", args=[sent.case.pk])).content.decode()
    assert case.count(words) == case.count("Salinan kerja siap, isinya tidak lengkap") == 1
    assert case.count("Salinan kerja siap") == 2
    assert words in client.get(page(sent, table)).content.decode()
    sheet = client.get(reverse("admin:complaints_case_custody", args=[sent.case.pk])).content.decode()
    assert sheet.count(words) == sheet.count(lossy) == 1
    release = released(cast, sent, table, photo)
    kirana = signed_in("kirana")
    text = kirana.get(reverse("admin:complaints_release_change", args=[release.pk])).content.decode()
    assert text.count(words) == text.count(lossy) == 1
    file = release.files.get(stored__evidence=table)
    viewer = kirana.get(reverse("admin:complaints_release_view", args=[release.pk, file.pk])).content.decode()
    assert viewer.count(words) == viewer.count(lossy) == 1


def test_an_officer_does_the_workers_work(signed_in: SignedIn, cast: Cast) -> None:
    sent, today = in_review(cast), timezone.localdate()
    follow_up.add_message(ticket=sent.ticket, text="", files=[sealed_upload(samples.jpeg())], today=today)
    processing.end_grants(today=today + timedelta(days=9))
    item, client = Evidence.objects.get(), signed_in("vera")
    case = reverse("admin:complaints_case_change", args=[sent.case.pk])
    work = reverse("admin:complaints_case_work", args=[sent.case.pk, item.pk])
    assert work in client.get(case).content.decode()
    assert client.get(work).status_code == 405
    assert client.post(work).status_code == 302
    item.refresh_from_db()
    assert item.state == Evidence.State.READY
    assert work not in client.get(case).content.decode()
    assert AuditEntry.objects.filter(event="object.worked", actor=cast["vera"].pk).count() == 1
    client.post(work)
    assert AuditEntry.objects.filter(event="object.worked").count() == 1


@pytest.mark.parametrize("behind", [b"<html><script>alert(1)</script></html>", samples.docx(), samples.pdf()])
def test_a_polyglot_is_shown_as_a_picture_and_nothing_else(signed_in: SignedIn, cast: Cast, behind: bytes) -> None:
    sent, client = in_review(cast), signed_in("vera")
    item = with_file(sent, samples.jpeg() + behind, "foto.html")
    client.get(page(sent, item))
    response = client.get(shown(sent, item, "working"))
    assert response.headers["Content-Type"] == "image/jpeg"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert behind not in body_of(response)
    original = reverse(
        "admin:complaints_case_file", args=[sent.case.pk, item.objects_stored.get(variant="original").pk]
    )
    response = client.post(original, {"reason": "Asal foto."})
    assert response.headers["Content-Type"] == "application/octet-stream"
    assert response.headers["Content-Disposition"].startswith("attachment")
    assert "sandbox" in response.headers["Content-Security-Policy"]
    assert ".html" not in response.headers["Content-Disposition"]
    assert body_of(response) == samples.jpeg() + behind


@pytest.fixture
def infecting(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scanner that finds something in everything."""

    def scan(original: Any, info: Any, findings: storage.FileReport) -> None:
        findings.scan, findings.threat = "infected", "Uji.Contoh"

    monkeypatch.setattr("complaints.services.evidence.copies._scan", scan)


@pytest.mark.usefixtures("infecting")
def test_an_infected_original_asks_twice(signed_in: SignedIn, cast: Cast) -> None:
    sent = in_review(cast)
    item, client = with_file(sent, samples.jpeg(), "a.jpg"), signed_in("vera")
    text = client.get(page(sent, item)).content.decode()
    assert "Uji.Contoh" in text
    assert 'name="knowing"' in text
    original = item.objects_stored.get(variant="original")
    address = reverse("admin:complaints_case_file", args=[sent.case.pk, original.pk])
    assert client.post(address, {"reason": "Perlu."}).status_code == 302
    assert client.post(address, {"knowing": "yes"}).status_code == 302
    assert looks() == 0
    response = client.post(address, {"reason": "Perlu.", "knowing": "yes"})
    assert body_of(response) == samples.jpeg()
    assert looks() == 1


def released(cast: Cast, sent: Sent, *items: Evidence, variant: str = "working") -> Release:
    act(cast, "vera", sent, Action.VERIFY)
    return forward(
        actor=Actor(cast.ring("fitri"), timezone.now()),
        case_id=sent.case.pk,
        body=OversightBody.objects.get(pk="bkn"),
        choice=whole(sent.case.pk, objects=[item.objects_stored.get(variant=variant).pk for item in items]),
    )


def look(client: Client, release: Release, file: ReleasedFile) -> Any:
    return client.get(reverse("admin:complaints_release_view", args=[release.pk, file.pk]))


def file_shown(release: Release, file: ReleasedFile, shown_file: ReleasedFile) -> str:
    return reverse("admin:complaints_release_shown", args=[release.pk, file.pk, shown_file.pk])


def test_a_liaison_looks_at_the_files_of_the_release_only(signed_in: SignedIn, cast: Cast) -> None:
    sent = in_review(cast)
    letter, photo = with_file(sent, samples.pdf(pages=2), "surat.pdf"), with_file(sent, samples.jpeg(), "a.jpg")
    not_released = with_file(sent, samples.png(), "b.png")
    release = released(cast, sent, letter, photo)
    files = {(file.stored.evidence_id, file.stored.variant, file.stored.number): file for file in release.files.all()}
    assert not_released.pk not in {key[0] for key in files}
    pdf, picture = files[letter.pk, "working", 0], files[photo.pk, "working", 0]
    client = signed_in("kirana")
    assert client.get(file_shown(release, picture, picture)).status_code == 404
    text = look(client, release, pdf).content.decode()
    for number in (1, 2):
        address = file_shown(release, pdf, files[letter.pk, "page", number])
        assert address in text
        assert client.get(address).headers["Content-Type"].startswith("image/")
    # The look at one file is no look at another.
    assert client.get(file_shown(release, pdf, picture)).status_code == 404
    assert client.get(file_shown(release, pdf, pdf)).status_code == 404
    assert look(client, release, files[letter.pk, "page", 1]).status_code == 404
    assert looks() == 1
    look(client, release, picture)
    assert body_of(client.get(file_shown(release, picture, picture))).startswith(b"\xff\xd8")
    assert looks() == 2
    for name in ("bima", "vera", "super", "audi"):
        stranger = signed_in(name)
        assert look(stranger, release, picture).status_code == 404
        assert stranger.get(file_shown(release, picture, picture)).status_code == 404
    listed = client.get(reverse("admin:complaints_release_change", args=[release.pk])).content.decode()
    assert listed.count("/bukti/") == 2


def test_a_released_original_is_not_shown_inline(signed_in: SignedIn, cast: Cast) -> None:
    sent = in_review(cast)
    item = with_file(sent, samples.jpeg(), "a.jpg")
    release = released(cast, sent, item, variant="original")
    file, client = release.files.get(), signed_in("kirana")
    assert 'class="stage"' not in look(client, release, file).content.decode()
    assert client.get(file_shown(release, file, file)).status_code == 404
    assert looks() == 0


@pytest.mark.usefixtures("infecting")
def test_a_body_is_asked_twice_as_well(signed_in: SignedIn, cast: Cast) -> None:
    """It cannot open the worker's findings; what they say comes with the release."""
    sent = in_review(cast)
    item = with_file(sent, samples.jpeg(), "a.jpg")
    release = released(cast, sent, item, variant="original")
    file, client = release.files.get(), signed_in("kirana")
    for address in (
        reverse("admin:complaints_release_change", args=[release.pk]),
        reverse("admin:complaints_release_view", args=[release.pk, file.pk]),
    ):
        text = client.get(address).content.decode()
        assert "Uji.Contoh" in text
        assert 'name="knowing"' in text
    download = reverse("admin:complaints_release_file", args=[release.pk, file.pk])
    assert client.post(download).status_code == 302
    assert looks() == 0
    assert body_of(client.post(download, {"knowing": "yes"})) == samples.jpeg()
    assert looks() == 1


@pytest.mark.usefixtures("infecting")
def test_a_warning_cannot_be_set_back_in_the_database(
    signed_in: SignedIn, cast: Cast, settings: Settings, tmp_path: Path
) -> None:
    sent = in_review(cast)
    item, client = with_file(sent, samples.jpeg(), "a.jpg"), signed_in("vera")
    rows, original = Evidence.objects.filter(pk=item.pk), item.objects_stored.get(variant="original")
    rows.update(state="pending", attempts=0)
    assert "Uji.Contoh" in client.get(page(sent, item)).content.decode()
    processing.process_pending()
    assert "Uji.Contoh" in client.get(page(sent, item)).content.decode()
    # Taken away together with the findings, it is a file that the scanner has not read: it asks for the word too.
    settings.CLAMD_SOCKET = str(tmp_path / "clamd")
    rows.update(state="officer", sealed_report=None)
    address = reverse("admin:complaints_case_file", args=[sent.case.pk, original.pk])
    assert 'name="knowing"' in client.get(page(sent, item)).content.decode()
    assert client.post(address, {"reason": "Perlu."}).status_code == 302
    assert looks() == 0


def test_missing_scan_report_beside_copies_is_an_error(signed_in: SignedIn, cast: Cast) -> None:
    sent = in_review(cast)
    item, client = with_file(sent, samples.jpeg(), "a.jpg"), signed_in("vera")
    Evidence.objects.filter(pk=item.pk).update(state="pending", sealed_report=None)
    assert client.get(page(sent, item)).status_code == 409


def test_open_copy_gives_no_original(cast: Cast) -> None:
    sent = in_review(cast)
    item = with_file(sent, samples.jpeg(), "a.jpg")
    for identifier in (item.objects_stored.get(variant="original").pk, uuid.uuid4()):
        with pytest.raises(EvidenceObject.DoesNotExist):
            file_viewing.open_copy(keyring=cast.ring("vera"), object_id=identifier)
