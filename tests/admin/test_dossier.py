"""The button "download all": for whom it exists, and the ZIP as it leaves."""

from __future__ import annotations

import io
import json
import zipfile

import pypdfium2
from django.http import StreamingHttpResponse
from django.urls import reverse
from django.utils import timezone

from complaints.domain.workflow import Action
from complaints.models.audit import AuditEntry
from complaints.models.oversight import Release
from complaints.services import case_actions, follow_up
from complaints.services.keyring import Actor
from tests.cases import act, body_act, body_asks, complaint_of, forwarded
from tests.world import Cast, SignedIn


def address(release: Release) -> str:
    return reverse("admin:complaints_release_download", args=[release.pk])


def words_of(paper: bytes) -> str:
    document = pypdfium2.PdfDocument(paper)
    return " ".join(" ".join(page.get_textpage().get_text_bounded().split()) for page in document)


def test_page_and_paper_say_what_the_release_page_says(signed_in: SignedIn, cast: Cast) -> None:
    sent, release = forwarded(cast, files=True, story="Pada rapat pagi #panic() <b>tebal</b> & kami diarahkan.")
    to = {"actor": Actor(cast.ring("vera"), timezone.now()), "complaint_id": complaint_of(sent).pk}
    case_actions.write_case_note(text="Rahasia.", **to)
    body_act(cast, "kirana", release, Action.TAKE_UP)
    body_asks(cast, release, "Siapa saksinya?")
    follow_up.add_message(ticket=sent.ticket, text="Dua rekan.", files=[], today=timezone.localdate())
    client = signed_in("kirana")
    page = client.get(reverse("admin:complaints_release_change", args=[release.pk])).content.decode()
    assert "1 laporan" in page and address(release) in page
    response = client.post(address(release))
    assert isinstance(response, StreamingHttpResponse)
    # The entry is there before the first byte is.
    assert AuditEntry.objects.filter(event="release.downloaded", actor=cast["kirana"].pk).count() == 1
    content = b"".join(response.streaming_content)  # type: ignore[arg-type]
    assert response.headers["Content-Type"] == "application/zip"
    assert response.headers["Content-Disposition"].endswith(f'filename="{sent.case.reference}-penerusan-1.zip"')
    assert "no-store" in response.headers["Cache-Control"] and response.headers["X-Content-Type-Options"] == "nosniff"
    found = zipfile.ZipFile(io.BytesIO(content))
    html = found.read("berkas-penerusan.html").decode()
    paper = words_of(found.read("berkas-penerusan.pdf"))
    for words in (sent.case.reference, "Mohon ditindaklanjuti.", "Ini fotonya.", "Siapa saksinya?", "Dua rekan."):
        assert words in html and words in paper
    assert "#panic() &lt;b&gt;tebal&lt;/b&gt; &amp; kami" in html and "#panic() <b>tebal</b> & kami" in paper
    custody = words_of(found.read("berita-acara.pdf"))
    (file,) = (line for line in json.loads(found.read("manifest.json"))["files"] if "report" in line)
    for words in ("Laporan-1/bukti-1.jpg", file["sha256"][:30]):
        assert words in html and words in custody
    assert cast["kirana"].get_full_name() in custody
    complaint = complaint_of(sent)
    for text in (html, paper, custody, found.read("manifest.json").decode()):
        for secret in ("Rahasia.", "foto.jpg", "Vera", "Fitri", str(complaint.pk), str(sent.case.pk)):
            assert secret not in text
        assert bytes(complaint.reporter_verify_key).hex() not in text


def test_it_exists_for_the_liaisons_of_the_body_while_it_has_the_release(signed_in: SignedIn, cast: Cast) -> None:
    sent, release = forwarded(cast, files=True)
    for name in ("bima", "vera", "fitri", "super", "audi", "adi", "luar"):
        assert signed_in(name).post(address(release)).status_code == 404, name
    kirana = signed_in("kirana")
    assert kirana.get(address(release)).status_code == 405
    act(cast, "fitri", sent, Action.RECALL, "Salah alamat.")
    assert kirana.post(address(release)).status_code == 404
    assert not AuditEntry.objects.filter(event="release.downloaded").exists()


def test_the_custody_sheet_of_the_office_names_who_downloaded_all(signed_in: SignedIn, cast: Cast) -> None:
    sent, release = forwarded(cast, files=True)
    b"".join(signed_in("kirana").post(address(release)).streaming_content)  # type: ignore[attr-defined]
    sheet = signed_in("vera").get(reverse("admin:complaints_case_custody", args=[sent.case.pk])).content.decode()
    first = sheet[sheet.index('id="item-1"') : sheet.index("</section>")]
    assert "semua berkas penerusan diunduh" in first and cast["kirana"].get_full_name() in first
