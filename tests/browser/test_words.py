"""Words to a reporter: chosen, looked at as the reporter will, warned of, sent for a reason, and read. And a file of
the queue, as it arrives."""

from __future__ import annotations

import csv
import io

import pytest
from django.urls import reverse
from django.utils import timezone

from complaints.services import follow_up
from complaints.services.evidence import processing
from tests.adapters import samples
from tests.browser.people import Officer, Reporter
from tests.browser.window import Opener
from tests.cases import in_review
from tests.world import Cast, sealed_upload

pytestmark = pytest.mark.django_db(transaction=True)
NAME = "Sastro Kertapati"


@pytest.mark.parametrize("script", [True, False])
def test_from_a_standard_text_to_what_the_reporter_reads(window: Opener, live_cast: Cast, *, script: bool) -> None:
    sent = in_review(live_cast, accused_name=NAME)
    vera = Officer(window(script=script), "vera")
    vera.window.may_answer = {400}  # sending is refused once
    page = vera.page
    vera.window.go(reverse("admin:complaints_case_step", args=[sent.case.pk, "ask_reporter"]))
    page.locator("select[name=standard]").select_option("ask_what_was_said.id")
    insert = page.locator("button[value=insert]")
    if script:
        insert.click()
    else:
        vera.window.follow(insert)
    field = page.locator("textarea[name=reason]")
    assert field.input_value().startswith("Terima kasih. Satu hal lagi")
    field.fill(field.input_value() + f"\n\nIni tentang {NAME}, laporan {{reference}}.")

    vera.window.follow(page.locator("button[value=preview]"))
    shown = page.locator(".as-reporter").inner_text()
    assert f"laporan {sent.case.reference}" in shown and "Pertanyaan dari petugas" in shown
    assert page.locator(".leaks mark").inner_text() == NAME
    vera.window.follow(page.locator("form button.main"))
    assert page.locator(".leaks[role=alert] mark").inner_text() == NAME
    page.locator("textarea[name=override]").fill("Nama itu ditulis pelapor sendiri.")
    vera.window.follow(page.locator("form button.main"))
    assert vera.window.path == reverse("admin:complaints_case_change", args=[sent.case.pk])
    assert "Nama itu ditulis pelapor sendiri." in vera.window.words

    reporter = Reporter(window(script=script))
    reporter.returns(sent.code)
    read = reporter.reads(f"Ini tentang {NAME}, laporan {sent.case.reference}.")
    assert [line for line in shown.splitlines() if line.strip() and line not in read] == []


@pytest.mark.parametrize("script", [True, False])
def test_one_click_asks_for_the_password_of_a_file(window: Opener, live_cast: Cast, *, script: bool) -> None:
    sent, today = in_review(live_cast), timezone.localdate()
    locked = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(70_000) + "EncryptedPackage".encode("utf-16-le")
    files = [sealed_upload(locked, "surat.docx"), sealed_upload(samples.jpeg(), "a.jpg")]
    follow_up.add_message(ticket=sent.ticket, text="", files=files, today=today)
    processing.process_pending()
    vera = Officer(window(width=360, script=script), "vera")
    page = vera.page
    vera.opens("case", sent.case.reference)
    assert "berkas dilindungi kata sandi" in vera.window.words
    assert "Ekstensi nama berkas tidak sesuai dengan isinya" not in vera.window.words
    assert page.get_by_role("button", name="Minta kata sandi").count() == 1
    vera.window.follow(page.get_by_role("button", name="Minta kata sandi"))
    assert "terkunci dengan kata sandi" in page.locator("textarea[name=text]").input_value()
    vera.window.follow(page.locator("form button.main"))

    reporter = Reporter(window(script=script))
    reporter.returns(sent.code)
    reporter.reads(f"Satu berkas yang Anda kirim untuk laporan {sent.case.reference} terkunci dengan kata sandi")


def test_a_file_of_the_queue_arrives(window: Opener, live_cast: Cast) -> None:
    sent = in_review(live_cast, accused_name=NAME)
    vera = Officer(window(), "vera")
    page = vera.page
    vera.window.go("/kantor/complaints/case/?status=in_review")
    vera.window.follow(page.get_by_role("link", name="Ekspor"))
    page.locator("select[name=reason]").select_option("report")
    with page.expect_download() as arriving:
        page.locator("form button.main").click()
    assert arriving.value.suggested_filename.startswith("kasus-TERBATAS-")
    text = arriving.value.path().read_text(encoding="utf-8-sig")
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[0] == ["Klasifikasi", "TERBATAS: data kasus tanpa isi laporan"]
    assert rows[-1][0] == sent.case.reference
    assert NAME not in text
