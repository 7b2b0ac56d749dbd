"""An officer removes a passage and a part of a picture by hand; a session that ends in the middle loses nothing."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page

from complaints.adapters.media import kinds
from complaints.models.evidence import Evidence, EvidenceObject
from complaints.services import follow_up
from complaints.services.evidence import processing
from tests.adapters.test_office_copies import clean
from tests.adapters.test_redacted_documents import letter, nodes
from tests.adapters.test_redaction import film
from tests.browser.people import Officer
from tests.browser.window import Opener
from tests.cases import complaint_of
from tests.services.test_redactions import screenshot
from tests.world import Cast, Sent, sealed_upload, send_report, start_session

pytestmark = pytest.mark.django_db(transaction=True)
STORY = "Saya \U0001f642 Rahmawati mencatat.\r\nKepala dinas meminta dukungan.\r\nIbu Sari Dewi melihat saya di gudang."
SELECT = """(words) => {
    const text = document.querySelector("[data-text]");
    const nodes = document.createTreeWalker(text, NodeFilter.SHOW_TEXT);
    for (let node = nodes.nextNode(); node; node = nodes.nextNode()) {
        const place = node.data.indexOf(words);
        if (place < 0) continue;
        getSelection().setBaseAndExtent(node, place, node, place + words.length);
        return true;
    }
    return false;
}"""


def with_screenshot() -> tuple[Sent, Evidence]:
    sent = send_report(story=STORY)
    files = [sealed_upload(screenshot(), "layar.png")]
    follow_up.add_message(ticket=sent.ticket, text="", files=files, today=timezone.localdate())
    processing.process_pending()
    return sent, Evidence.objects.get(kind="file")


def marks_selection(page: Page, words: str) -> None:
    assert page.evaluate(SELECT, words)
    with page.expect_navigation():
        page.get_by_role("button", name="Hitamkan yang diblok").click()


def test_a_passage_and_a_box_are_marked_by_hand(window: Opener, live_cast: Cast) -> None:
    sent, item = with_screenshot()
    vera = Officer(window(), "vera")
    page = vera.page
    vera.opens("case", sent.case.reference)
    vera.window.press("Hitamkan bagian sebelum dibaca lembaga")
    vera.window.press("Cerita pelapor")
    page.get_by_label("menunjukkan siapa pelapor").check()
    # Behind a sign that takes two of UTF-16's units, and beyond the end of a line.
    marks_selection(page, "Rahmawati")
    page.get_by_label("pihak ketiga, yang tidak dilaporkan").check()
    marks_selection(page, "Sari Dewi")
    assert page.locator("#reads").inner_text().splitlines() == [
        "Saya \U0001f642 [dihilangkan: identitas] mencatat.",
        "Kepala dinas meminta dukungan.",
        "Ibu [dihilangkan: pihak ketiga] melihat saya di gudang.",
    ]
    ends_and_comes_back(vera, page)
    assert page.get_by_text("2 bagian dihitamkan").is_visible()

    vera.window.go(reverse("admin:complaints_case_redact_file", args=[sent.case.pk, item.pk]))
    drawing = page.locator(".boxes svg")
    frame = drawing.bounding_box()
    assert frame
    page.mouse.move(frame["x"] + frame["width"] * 0.3, frame["y"] + frame["height"] * 0.2)
    page.mouse.down()
    page.mouse.move(frame["x"] + frame["width"] * 0.75, frame["y"] + frame["height"] * 0.6, steps=4)
    page.mouse.up()
    typed = [float(page.locator(f"[name={name}]").input_value()) for name in ("left", "top", "width", "height")]
    assert typed == pytest.approx([30, 20, 45, 40], abs=1)
    page.get_by_label("menunjukkan siapa pelapor").check()
    vera.window.press("Tandai dan lihat")
    # With the numbers empty again, what is marked is still sent.
    vera.window.press("Buat salinan")
    page.wait_for_function("() => document.querySelector('img.made').naturalWidth > 0")
    assert EvidenceObject.objects.filter(variant="redacted").count() == 1


def ends_and_comes_back(vera: Officer, page: Page) -> None:
    """The session ends while the page stands open: it says so, and after a new sign-in the same page is sent."""
    vera.window.may_answer = {404}
    kept = page.locator("[name=marks]").input_value()
    vera.window.context.clear_cookies()
    page.get_by_role("button", name="Simpan tanda").click()
    over = page.get_by_text("Belum ada yang dikirim: sesi Anda sudah berakhir.")
    over.wait_for()
    assert page.locator("[name=marks]").input_value() == kept
    vera.window.context.set_offline(True)
    page.get_by_role("button", name="Simpan tanda").click()
    page.get_by_text("Belum ada yang dikirim: portal tidak menjawab.").wait_for()
    assert not over.is_visible()
    vera.window.context.set_offline(False)
    vera.window.complaints.clear()  # of the lost connection
    client = start_session("vera")
    # A page of the portal gives the new session its token.
    client.get(reverse("admin:me"))
    vera.window.takes_cookies(client)
    with page.expect_navigation():
        page.get_by_role("button", name="Simpan tanda").click()


def test_a_passage_is_removed_without_scripts(window: Opener, live_cast: Cast) -> None:
    sent, _item = with_screenshot()
    vera = Officer(window(script=False), "vera")
    page = vera.page
    vera.window.go(
        reverse("admin:complaints_case_redact_text", args=[sent.case.pk, complaint_of(sent).pk, "answer-story"])
    )
    assert not page.get_by_role("button", name="Hitamkan yang diblok").is_visible()
    page.locator("[name=words]").fill("Rahmawati")
    page.locator("summary", has_text="Pilih per kalimat").click()
    page.locator("#s-3").check()
    page.get_by_label("tidak terkait dengan laporan").check()
    vera.window.press("Tandai dan lihat")
    # The next key leads on from what the body will read, and not from the top of the page.
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.name") == "reason"
    assert page.locator("#reads").inner_text().splitlines() == [
        "Saya \U0001f642 [dihilangkan: tidak terkait] mencatat.",
        "Kepala dinas meminta dukungan.",
        "[dihilangkan: tidak terkait].",
    ]
    vera.window.press("Simpan tanda")
    assert page.get_by_text("2 bagian dihitamkan").is_visible()


def test_a_passage_of_a_document_and_a_part_of_a_film_are_marked_by_hand(window: Opener, live_cast: Cast) -> None:
    sent = send_report(story=STORY)
    files = [
        sealed_upload(clean(letter("Saya Rahmawati.", "Rapat hari Senin."), kinds.DOCX), "surat.docx"),
        sealed_upload(film("webm", "libvpx", "libopus"), "rapat.webm"),
    ]
    follow_up.add_message(ticket=sent.ticket, text="", files=files, today=timezone.localdate())
    processing.process_pending()
    vera = Officer(window(), "vera")
    page = vera.page
    vera.opens("case", sent.case.reference)
    vera.window.press("Hitamkan bagian sebelum dibaca lembaga")
    vera.window.press("bukti-1")
    assert "Gambar, diagram, komentar, rumus, dan tautan tidak ikut." in vera.window.words
    page.get_by_label("menunjukkan siapa pelapor").check()
    marks_selection(page, "Rahmawati.")
    assert "Saya [dihilangkan: identitas]." in page.locator("#reads").inner_text()
    vera.window.press("Buat salinan")
    assert "Salinan untuk lembaga" in vera.window.words
    with page.expect_download() as download:
        page.get_by_role("button", name="Unduh salinannya").click()
    copy = download.value.path().read_bytes()
    assert "Saya [dihilangkan: identitas]." in " ".join(nodes(copy))
    vera.window.press("Semua teks dan berkas")
    vera.window.press("bukti-2")
    page.locator("video").first.evaluate("player => { player.currentTime = 2.2; }")
    page.get_by_role("button", name="Mulai di sini").click()
    page.locator("[name=end]").fill("2.8")
    page.get_by_label("pihak ketiga, yang tidak dilaporkan").check()
    vera.window.press("Tandai dan lihat")
    assert "detik 2.2 sampai 2.8" in vera.window.words
    vera.window.press("Buat salinan")
    assert page.locator("video").count() == 2
    made = page.locator("video").nth(1)
    made.scroll_into_view_if_needed()
    page.wait_for_function("() => document.querySelectorAll('video')[1].duration > 0")
    assert 4.5 < float(made.evaluate("player => player.duration")) < 5.5
