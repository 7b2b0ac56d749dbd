"""Removing passages and parts of files without scripts: nothing typed is lost, nothing is kept unasked."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from complaints.adapters import sandbox
from complaints.domain.redaction import Reason
from complaints.domain.retaliation import Retaliation, RetaliationKind
from complaints.domain.workflow import Action
from complaints.models.complaint import Message
from complaints.models.evidence import Evidence, EvidenceObject
from complaints.models.redaction import Redaction
from complaints.services import follow_up, redactions
from complaints.services.keyring import Actor
from tests.adapters import samples
from tests.adapters.test_redaction import film, text_pdf
from tests.admin.test_custody import words_of
from tests.cases import act, complaint_of, in_review
from tests.services.test_redactions import RED_BOX, marks, released, screenshot, with_files
from tests.world import Cast, Sent, SignedIn, sealed_upload

STORY = (
    "Saya Rahmawati. Di Subbag Keuangan hanya saya yang mencatat.\r\n"
    "Pak Budi Santosa memanggil saya berdua pada Senin pukul 09.30.\r\n"
    "Kepala dinas meminta kami mendukung calon nomor dua."
)


def text_page(sent: Sent, target: str = "answer-story") -> str:
    return reverse("admin:complaints_case_redact_text", args=[sent.case.pk, complaint_of(sent).pk, target])


def shown(client: Client, address: str, **fields: Any) -> tuple[str, str, int]:
    """Post a form; return the page, its hidden marks and the status."""
    response = client.post(address, fields)
    page = response.content.decode()
    found = re.search(r'name="(?:marks|areas)" value="([^"]*)"', page)
    return page, found[1] if found else "", response.status_code


def test_sentences_proposals_and_words_become_marks_and_are_kept(cast: Cast, signed_in: SignedIn) -> None:
    sent, vera = in_review(cast, story=STORY, accused_position="Atasan Rahmawati"), signed_in("vera")
    address = text_page(sent)
    page = vera.get(address).content.decode()
    proposed = dict(re.findall(r'name="proposal" value="([\d-]+)".*?<span class="name">(.*?)</span>', page, re.S))
    assert {"Pak Budi Santosa", "hanya saya", "Subbag Keuangan", "pukul 09.30"} <= set(proposed.values())
    assert 'name="proposal" value="' in page
    assert "checked" not in page.replace("unchecked", ""), "nothing is ticked for the officer"
    # Without a reason nothing is taken, and everything that was chosen stands.
    alone = next(value for value, words in proposed.items() if words == "hanya saya")
    page, marked, status = shown(vera, address, proposal=alone, words="Rahmawati", do="mark", seen="0")
    assert (status, marked) == (400, "")
    assert re.search(rf'value="{alone}"[^>]*checked', page)
    assert ">Rahmawati</textarea>" in page
    # With one they are marks; words that stand nowhere stay in their field.
    page, marked, status = shown(
        vera, address, proposal=alone, words="Rahmawati\nSetiawati", reason="identity", do="mark", seen="0"
    )
    assert status == 400
    assert ">Setiawati</textarea>" in page
    assert "Saya [dihilangkan: identitas]. Di Subbag" in page
    assert "Rahmawati" in page.split("leaks")[1], "it still stands in another field"
    start, end = STORY.index("Pak Budi"), STORY.index("memanggil") - 1
    shift = STORY[:start].count("\r")
    page, marked, status = shown(
        vera, address, marks=marked, selection=f"{start - shift}-{end - shift}", reason="third", do="mark", seen="0"
    )
    assert (status, len(marked.split())) == (200, 3)
    assert not Redaction.objects.exists()
    response = vera.post(address, {"marks": marked, "do": "keep", "seen": "0"})
    assert response.status_code == 302
    counted = redactions.of_report(keyring=cast.ring("vera"), complaint=complaint_of(sent))
    read = redactions.released_text(counted, "answer-story", STORY)
    assert read == (
        "Saya [dihilangkan: identitas]. Di Subbag Keuangan [dihilangkan: identitas] yang mencatat.\r\n"
        "[dihilangkan: pihak ketiga] memanggil saya berdua pada Senin pukul 09.30.\r\n"
        "Kepala dinas meminta kami mendukung calon nomor dua."
    )
    assert redactions.passages(counted, "answer-story", STORY) == {Reason.IDENTITY: 2, Reason.THIRD_PERSON: 1}
    listed = vera.get(reverse("admin:complaints_case_redact", args=[sent.case.pk, complaint_of(sent).pk]))
    assert "dihilangkan: pihak ketiga" in listed.content.decode()
    refused_ones(cast, vera, address, marked)


def refused_ones(cast: Cast, vera: Client, address: str, marked: str) -> None:
    """A text of which nothing is left, and one that a colleague has redacted meanwhile: said, and nothing lost."""
    page, kept, status = shown(vera, address, marks=f"0-{len(STORY)}-identity", do="keep", seen="0")
    assert (status, kept) == (400, f"0-{len(STORY)}-identity")
    assert Redaction.objects.count() == 1
    page, kept, status = shown(vera, address, marks=marked, do="keep", seen="0")
    assert (status, kept) == (409, marked)
    again = re.search(r'name="seen" value="(\d+)"', page)
    assert again
    last = marked.split()[-1]
    response = vera.post(address, {"marks": marked, "drop": last, "do": "keep", "seen": again[1]})
    assert response.status_code == 302
    newest = Redaction.objects.order_by("-sequence").first()
    assert newest
    complaint = newest.complaint
    spans = redactions.of_report(keyring=cast.ring("vera"), complaint=complaint).by_target["answer-story"].spans
    assert len(spans) == 2
    odd = {"marks": "1-2-odd 9-3-identity 0-999999-identity x", "selection": "7-3", "reason": "odd", "do": "mark"}
    assert shown(vera, address, **odd)[1:] == ("", 400)


def test_boxes_and_spans_are_added_and_the_copy_is_made(
    cast: Cast, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent, vera = in_review(cast), signed_in("vera")
    picture, sound, archive = with_files(
        sent,
        (screenshot(), "a.png"),
        (samples.SAMPLES["wav"][1](), "b.wav"),
        (samples.packed({"a.txt": b"Isi."}), "c.zip"),
    )

    def address(item: Any) -> str:
        return reverse("admin:complaints_case_redact_file", args=[sent.case.pk, item.pk])

    assert vera.get(address(picture)).content.decode().count("<rect") == 0
    box = {"page": "1", "left": "30", "top": "20", "width": "45", "height": "", "reason": "third"}
    page, marked, status = shown(vera, address(picture), do="keep", seen="0", **box)
    assert (status, marked) == (400, "")
    assert 'value="45"' in page, "what was typed stands"
    box |= {"height": "40", "page": "2"}
    assert shown(vera, address(picture), do="keep", seen="0", **box)[2] == 400, "a picture has one page"
    box["page"] = "1"
    page, marked, status = shown(vera, address(picture), do="mark", seen="0", **box)
    assert (status, marked, page.count("<rect")) == (200, "b-1-3000-2000-4500-4000-third", 1)

    def away(*args: Any, **kwargs: Any) -> None:
        raise sandbox.Unavailable("busy")

    with monkeypatch.context() as patched:
        patched.setattr(sandbox, "run", away)
        page, kept, status = shown(vera, address(picture), areas=marked, do="keep", seen="0")
        assert (status, kept) == (503, marked)
    assert vera.post(address(picture), {"areas": marked, "do": "keep", "seen": "0"}).status_code == 302
    made = EvidenceObject.objects.get(variant="redacted")
    page = vera.get(address(picture)).content.decode()
    assert reverse("admin:complaints_case_shown", args=[sent.case.pk, picture.pk, made.pk]) in page
    copy = vera.post(reverse("admin:complaints_case_file", args=[sent.case.pk, made.pk]))
    assert b"".join(copy).startswith(b"\x89PNG")
    for whole in ("b-1-0-0-10000-10000-identity",):
        page, kept, status = shown(vera, address(picture), areas=whole, do="keep", seen="9")
        assert (status, kept) == (400, whole)
    span = {"start": "0", "end": "0.1", "reason": "identity"}
    page, marked, status = shown(vera, address(sound), do="mark", seen="0", **span)
    assert (status, marked) == (200, "m-0-100-identity")
    assert vera.post(address(sound), {"areas": marked, "do": "keep", "seen": "0"}).status_code == 302
    assert "<form" not in vera.get(address(archive)).content.decode().split('id="content"')[1]
    assert vera.post(address(archive), {"areas": marked, "do": "keep"}).status_code == 200
    assert EvidenceObject.objects.filter(variant="redacted").count() == 2


def test_a_file_whose_copy_is_still_being_made_waits(cast: Cast, signed_in: SignedIn) -> None:
    sent, vera = in_review(cast), signed_in("vera")
    uploads = [sealed_upload(screenshot(), "a.png")]
    follow_up.add_message(ticket=sent.ticket, text="", files=uploads, today=timezone.localdate())
    item = Evidence.objects.get(kind="file")
    listed = vera.get(reverse("admin:complaints_case_redact", args=[sent.case.pk, complaint_of(sent).pk]))
    assert "belum dapat dihitamkan: Salinan kerja sedang dibuat" in listed.content.decode()
    page = vera.get(reverse("admin:complaints_case_redact_file", args=[sent.case.pk, item.pk])).content.decode()
    assert "Berkas ini belum dapat dihitamkan" in page and "tidak dapat dihitamkan" not in page


def test_a_letter_to_another_authority_is_redacted_as_a_release(cast: Cast, signed_in: SignedIn) -> None:
    sent = in_review(cast, story=STORY)
    save: dict[str, Any] = {"complaint_id": complaint_of(sent).pk, "target": "answer-story"}
    redactions.save_text(actor=Actor(cast.ring("vera"), timezone.now()), spans=marks(STORY, "Budi"), **save)
    act(cast, "vera", sent, Action.PREPARE_REFERRAL, "Bawaslu yang berwenang.")
    fitri, address = signed_in("fitri"), reverse("admin:complaints_case_letter", args=[sent.case.pk])
    page = fitri.get(address).content.decode()
    assert "Pak [dihilangkan: identitas] Santosa" in page and "Budi" not in page
    form = {"to": "Bawaslu", "number": "07/2026", "day": timezone.localdate().isoformat(), "parts": ["1-story"]}
    paper = words_of(fitri.post(address, form).content)
    assert "dihilangkan:identitas" in paper and "Budi" not in paper


def test_a_letter_about_a_transfer_is_redacted_as_a_release(cast: Cast, signed_in: SignedIn) -> None:
    sent, words, today = in_review(cast), "Saya dipindahkan ke bidang Pak Budi Santosa.", timezone.localdate()
    told = Retaliation(RetaliationKind.MOVED, today)
    follow_up.add_message(ticket=sent.ticket, text=words, files=[], today=today, told=told)
    target = f"message-{Message.objects.get(complaint=complaint_of(sent)).pk}"
    save: dict[str, Any] = {"complaint_id": complaint_of(sent).pk, "target": target}
    redactions.save_text(actor=Actor(cast.ring("vera"), timezone.now()), spans=marks(words, "Budi"), **save)
    address = reverse("admin:complaints_case_transfer_letter", args=[sent.case.pk, complaint_of(sent).pk])
    page = signed_in("vera").get(address).content.decode()
    assert "Pak [dihilangkan: identitas] Santosa" in page and "Budi" not in page


def test_a_release_is_compared_on_request(cast: Cast, signed_in: SignedIn) -> None:
    sent = in_review(cast, story=STORY)
    (item,) = with_files(sent, (screenshot(), "a.png"))
    actor = Actor(cast.ring("vera"), timezone.now())
    save: dict[str, Any] = {"actor": actor, "complaint_id": complaint_of(sent).pk, "target": "answer-story"}
    row = redactions.save_text(spans=marks(STORY, "Budi"), **save)
    act(cast, "vera", sent, Action.VERIFY)
    page = signed_in("fitri").get(reverse("admin:complaints_case_forward", args=[sent.case.pk])).content.decode()
    assert "Pak [dihilangkan: identitas] Santosa" in page, "the page of forwarding shows what the body would read"
    assert "Budi" not in page
    # What may betray the reporter is counted beside the text, and of a picture it is asked from where it was taken.
    assert re.search(r"[1-9] hal yang mungkin menunjukkan siapa pelapor: periksa", page)
    assert "Dari mana gambar ini diambil, dan siapa yang dapat berada di sana?" in page
    redactions.save_file(actor=actor, evidence_id=item.pk, removal=RED_BOX)
    release = released(cast, sent, item)
    page = signed_in("kirana").get(reverse("admin:complaints_release_change", args=[release.pk])).content.decode()
    assert "salinan yang dihitamkan" in page
    assert "Budi" not in page
    vera = signed_in("vera")
    address = reverse("admin:complaints_case_release_compare", args=[sent.case.pk, release.pk])
    for page in (
        reverse("admin:complaints_case_redact", args=[sent.case.pk, complaint_of(sent).pk]),
        reverse("admin:complaints_case_change", args=[sent.case.pk]),
    ):
        assert address in vera.get(page).content.decode()
    assert "Tidak ada yang berbeda" in vera.post(address).content.decode()
    Redaction.objects.filter(pk=row.pk).delete()
    answer = vera.post(address).content.decode()
    where = reverse("admin:complaints_case_redact_text", args=[sent.case.pk, complaint_of(sent).pk, "answer-story"])
    assert "Laporan 1" in answer and f'<a href="{where}">Cerita pelapor</a>' in answer


def test_a_redacted_pdf_is_looked_at_page_by_page(cast: Cast, signed_in: SignedIn) -> None:
    """Office and body are shown the pictures of its pages, and nothing else of the file."""
    sent = in_review(cast, story=STORY)
    (item,) = with_files(sent, (text_pdf(2), "a.pdf"))
    actor = Actor(cast.ring("vera"), timezone.now())
    redactions.save_file(actor=actor, evidence_id=item.pk, removal=RED_BOX)
    release = released(cast, sent, item)
    file = release.files.get(stored__variant="redacted")
    vera, kirana = signed_in("vera"), signed_in("kirana")
    # The page of what was sent leads to the copy that was sent.
    again = vera.get(reverse("admin:complaints_case_release", args=[sent.case.pk, release.pk])).content.decode()
    (look,) = re.findall(r'href="([^"]*\?copy=[^"]*)"', again)
    assert look.endswith(str(file.stored_id))
    for client, page in (
        (vera, look),
        (vera, reverse("admin:complaints_case_redact_file", args=[sent.case.pk, item.pk])),
        (kirana, reverse("admin:complaints_release_view", args=[release.pk, file.pk])),
    ):
        urls = re.findall(r'src="([^"]*\?page=\d+)"', client.get(page).content.decode())
        assert [url.rpartition("=")[2] for url in urls] == ["1", "2"]
        pictures = []
        for url in urls:
            answer = client.get(url)
            assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/jpeg")
            pictures.append(Image.open(io.BytesIO(answer.getvalue())).convert("L"))
        # The box is on the first page only.
        places = [picture.getpixel((picture.width * 5 // 10, picture.height * 4 // 10)) for picture in pictures]
        assert places[0] == 0 and places[1] != 0
        for wrong in ("0", "3", "", "01", "-1"):
            assert client.get(f"{urls[0].rpartition('=')[0]}={wrong}").status_code == 404


def test_each_kind_of_file_says_why_nothing_is_removed_of_it_and_what_to_do(cast: Cast, signed_in: SignedIn) -> None:
    sent = in_review(cast, story=STORY)
    files = {
        "surat.rtf": (b"{\\rtf1\\ansi Jadwal rapat.}", "dokumen RTF"),
        "isi.zip": (samples.packed({"a.txt": b"Isi."}), "Bagian arsip"),
        "film.avi": (film("avi", "mpeg4", "libmp3lame"), "Bagian film jenis ini"),
        "rusak.jpg": (samples.jpeg()[:300], "berkas ini tidak memilikinya"),
    }
    items = with_files(sent, *((content, name) for name, (content, _words) in files.items()))
    vera = signed_in("vera")
    for item, (_content, words) in zip(items, files.values(), strict=True):
        page = vera.get(reverse("admin:complaints_case_redact_file", args=[sent.case.pk, item.pk])).content.decode()
        assert words in page and "Tandai dan lihat" not in page


def test_passages_of_a_document_are_marked_and_its_copy_is_made(cast: Cast, signed_in: SignedIn) -> None:
    sent, vera = in_review(cast, story=STORY), signed_in("vera")
    lines = "Dari: Pak Budi Santosa\nRahmawati mencatat.\nRapat hari Senin."
    document, plain = with_files(sent, (samples.docx(macros=False), "a.docx"), (lines.encode(), "b.txt"))
    address = reverse("admin:complaints_case_redact_file", args=[sent.case.pk, plain.pk])
    page = vera.get(address).content.decode()
    assert "Ini seluruh isi berkas" in page and "Pak Budi Santosa" in page and "checked" not in page
    page, marked, status = shown(vera, address, words="Rahmawati\nSetiawati", reason="identity", do="mark", seen="0")
    assert (status, len(marked.split())) == (400, 1)
    assert ">Setiawati</textarea>" in page and "[dihilangkan: identitas] mencatat." in page
    assert "rahmawati" in page.split("leaks")[1], "it still stands in the story"
    assert not Redaction.objects.exists()
    page, _marks, status = shown(vera, address, marks=f"0-{len(lines)}-identity", do="keep", seen="0")
    assert status == 400 and "berkasnya tidak bersisa" in page
    assert vera.post(address, {"marks": marked, "do": "keep", "seen": "0"}).status_code == 302
    made = EvidenceObject.objects.get(variant="redacted")
    page = vera.get(address).content.decode()
    copy = reverse("admin:complaints_case_file", args=[sent.case.pk, made.pk])
    assert copy in page
    assert b"".join(vera.post(copy)) == lines.replace("Rahmawati", "[dihilangkan: identitas]").encode()
    assert shown(vera, address, marks=marked, do="keep", seen="0")[2] == 409
    # An office document says what its copy lacks; one that cannot be read says why.
    address = reverse("admin:complaints_case_redact_file", args=[sent.case.pk, document.pk])
    page, marked, _status = shown(vera, address, words="tambahan", reason="third", do="mark", seen="0")
    assert "Gambar, diagram, komentar, rumus, dan tautan tidak ikut" in page
    assert vera.post(address, {"marks": marked, "do": "keep", "seen": "0"}).status_code == 302
    # Of the plain text the redacted copy goes in place of the only version there is.
    act(cast, "vera", sent, Action.VERIFY)
    page = signed_in("fitri").get(reverse("admin:complaints_case_forward", args=[sent.case.pk])).content.decode()
    original = EvidenceObject.objects.get(evidence=plain, variant="original")
    assert f'value="{original.pk}"' in page
    assert page.count("Yang diteruskan adalah salinannya yang dihitamkan") == 2


def test_a_film_is_cut_and_loses_its_sound(cast: Cast, signed_in: SignedIn) -> None:
    sent, vera = in_review(cast), signed_in("vera")
    (item,) = with_files(sent, (film("mp4", "libx264", "aac"), "a.mp4"))
    address = reverse("admin:complaints_case_redact_file", args=[sent.case.pk, item.pk])
    assert "<video" in vera.get(address).content.decode()
    assert shown(vera, address, silent="1", do="mark", seen="0")[1:] == ("", 400), "without a reason"
    page, marked, status = shown(vera, address, silent="1", start="1.1", end="1.9", reason="third", do="mark", seen="0")
    assert (status, marked) == (200, "m-0-86400001-third m-1100-1900-third")
    assert "seluruh suaranya" in page and "detik 1.1 sampai 1.9" in page
    assert vera.post(address, {"areas": marked, "do": "keep", "seen": "0"}).status_code == 302
    made = EvidenceObject.objects.get(variant="redacted")
    page = vera.get(address).content.decode()
    assert reverse("admin:complaints_case_shown", args=[sent.case.pk, item.pk, made.pk]) in page
