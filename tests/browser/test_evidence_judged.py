"""Files as phones and scanners make them, from a reporter's browser to an officer who judges them in the admin."""

from __future__ import annotations

import hashlib
import io

import pypdfium2
import pytest
from django.urls import reverse
from PIL import Image
from playwright.sync_api import Page

from complaints.models.case import Case
from complaints.models.evidence import Evidence
from complaints.services.evidence import processing
from tests.adapters import samples
from tests.browser.files import AUTHOR, Upload, photo
from tests.browser.people import Officer, on_page_3
from tests.browser.test_upload import wait_for
from tests.browser.test_viewer import all_drawn, seeks
from tests.browser.window import Opener, Window
from tests.world import Cast

pytestmark = pytest.mark.django_db(transaction=True)


def scan(name: str) -> Upload:
    """A page that somebody scanned, with their name in the file."""
    out = io.BytesIO()
    Image.effect_noise((620, 877), 60).convert("L").save(out, "PDF", author=AUTHOR, resolution=75)
    return Upload(name, "application/pdf", out.getvalue())


def screenshot(name: str) -> Upload:
    """What a messenger's screen looks like to a file: pixels without a word about them."""
    out = io.BytesIO()
    Image.effect_noise((360, 740), 30).convert("RGB").save(out, "PNG")
    return Upload(name, "image/png", out.getvalue())


def files() -> list[Upload]:
    """A film last; Chromium as it is tested here plays WebM only."""
    return [
        photo("IMG_2041.jpg"),
        screenshot("Screenshot_WhatsApp.png"),
        scan("undangan.pdf"),
        Upload("PTT-20261102.ogg", "audio/ogg", samples.track("ogg", "libopus", frames=60)),
        Upload("obrolan.txt", "text/plain", b"12/01/26, 10.11 - Pak Kadis: hadir semua, hubungi 0812-3456-7890\n"),
        Upload("apel.webm", "video/webm", samples.track("webm", "libvpx", "libopus", frames=60)),
    ]


def test_what_a_phone_sends_is_judged_without_leaving_the_admin(window: Opener, live_cast: Cast) -> None:
    sent = files()
    reporter = on_page_3(window)
    reporter.tells(sent)
    wait_for(reporter.page, *(file.name for file in sent))
    reporter.window.press("Lanjut")
    betrayals_are_told(reporter.page)
    reporter.window.press("Kirim laporan")
    assert reporter.window.heading == "Laporan Anda sudah kami terima."
    processing.process_pending()

    case, vera = Case.objects.get(), Officer(window(), "vera")
    vera.opens("case", case.reference)
    assert all_drawn(vera.page) >= 4
    items = list(Evidence.objects.filter(kind="file").order_by("sequence"))
    states = [Evidence.State.NO_COPY if file.name.endswith(".txt") else Evidence.State.READY for file in sent]
    assert sorted(item.state for item in items) == sorted(states)
    the_officer_reads_the_same(vera)
    by_name = {name: item for item in items for name in (name_of(vera, case, item),)}
    assert set(by_name) == {file.name for file in sent}
    judged(vera, case, by_name)
    hashes_are_the_senders(vera.window, case, sent)


def betrayals_are_told(page: Page) -> None:
    lines = {
        "IMG_2041.jpg": ("tempat", "ponsel atau komputer", "waktu"),
        "undangan.pdf": ("nama pembuat", "waktu"),
        "Screenshot_WhatsApp.png": ("tidak memuat lokasi", "Periksa sendiri yang tampak", "nama aplikasi"),
        "PTT-20261102.ogg": ("suara orang dapat dikenali", "Namanya memuat: tanggal"),
        "apel.webm": ("wajah, suara, dan tempat dapat dikenali",),
        "obrolan.txt": ("nama pengirim", "nomor telepon", "jam", "Petugas menerima teks ini apa adanya"),
    }
    for name, words in lines.items():
        line = page.locator(".files li", has_text=name).inner_text()
        assert [word for word in words if word not in line] == []


def the_officer_reads_the_same(vera: Officer) -> None:
    """What was checked and what was not, beside a neutral name and the one as sent."""
    lines = {
        "Screenshot_WhatsApp.png": ("bukti-", "yang tampak di gambar belum"),
        "obrolan.txt": ("nama pengirim atau kontak, nomor telepon, jam", "tidak ada salinan bersih"),
    }
    for name, words in lines.items():
        line = vera.page.locator(".evidence > li", has_text=name).inner_text()
        assert [word for word in words if word not in line] == []


def name_of(vera: Officer, case: Case, item: Evidence) -> str:
    vera.window.go(reverse("admin:complaints_case_view", args=[case.pk, item.pk]))
    return vera.page.locator(".name").first.inner_text()


def judged(vera: Officer, case: Case, by_name: dict[str, Evidence]) -> None:
    """Every file shows itself inside the page, and the case is one link away all the time."""
    for name, item in by_name.items():
        vera.window.go(reverse("admin:complaints_case_view", args=[case.pk, item.pk]))
        if name.endswith((".jpg", ".png", ".pdf")):
            assert all_drawn(vera.page) == 1
        elif name.endswith(".webm"):
            seeks(vera.page)
        elif name.endswith(".txt"):
            assert "Berkas ini tidak dapat ditampilkan di sini" in vera.window.words
        else:
            vera.page.wait_for_function("() => document.querySelector('audio').duration > 0")
        assert vera.page.locator(f'a[href="{reverse("admin:complaints_case_change", args=[case.pk])}"]').count()


def hashes_are_the_senders(window: Window, case: Case, sent: list[Upload]) -> None:
    """As sha256sum gives them on the sender's side; on the page and on paper."""
    window.go(reverse("admin:complaints_case_custody", args=[case.pk]))
    on_page = window.words
    name, paper = window.download(window.page.locator('a[href$="/pdf/"]').click)
    assert name.endswith(".pdf")
    pages = pypdfium2.PdfDocument(paper)
    on_paper = "".join("".join(page.get_textpage().get_text_bounded().split()) for page in pages)
    for file in sent:
        digest = hashlib.sha256(file.content).hexdigest()
        assert digest in on_page
        assert digest in on_paper
