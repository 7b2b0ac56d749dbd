"""A case that somebody altered in the database: its reporter and its officers are told so, and no false status."""

from __future__ import annotations

import pytest
from django.urls import reverse

from complaints.models.case import Case
from complaints.models.complaint import Message
from complaints.services import follow_up
from complaints.services.audit import verify
from tests.browser.people import Officer, Reporter
from tests.browser.window import Opener
from tests.cases import in_review
from tests.world import Cast

pytestmark = pytest.mark.django_db(transaction=True)
TOLD_REPORTER = "Kami sedang memeriksa catatan laporan ini; pesan Anda tetap kami terima."
TOLD_OFFICER = "Catatan perjalanan kasus ini tidak sesuai dengan rantai audit."
FALSE = "Tidak memenuhi syarat"
NOT_TOLD = "Tidak ditampilkan karena tidak sesuai dengan rantai audit. Beri tahu auditor internal."


@pytest.mark.parametrize("width", [360, 1280])
def test_the_reporter_reads_that_the_record_is_checked_and_writes_on(
    window: Opener, live_cast: Cast, width: int
) -> None:
    sent = in_review(live_cast)
    reporter = Reporter(window(width=width))
    reporter.returns(sent.code)
    assert TOLD_REPORTER not in reporter.reads()
    Case.objects.filter(pk=sent.case.pk).update(status="ineligible")
    text = reporter.reads(TOLD_REPORTER)
    assert FALSE not in text
    assert reporter.page.locator(".stages").count() == 0
    assert reporter.page.get_by_text("Cabut laporan").count() == 0
    reporter.page.get_by_label("Pesan Anda").fill("Masih ada yang ingin saya sampaikan.")
    reporter.window.press("Kirim pesan")
    assert Message.objects.filter(complaint__case=sent.case).count() == 1
    Case.objects.filter(pk=sent.case.pk).update(status="in_review")
    assert TOLD_REPORTER not in reporter.reads()
    assert verify.verify_chain().whole


@pytest.mark.parametrize("width", [360, 1280])
def test_an_officer_reads_no_status_and_finds_no_step(window: Opener, live_cast: Cast, width: int) -> None:
    sent = in_review(live_cast)
    officer = Officer(window(width=width), "vera")
    officer.opens("case", sent.case.reference)
    assert TOLD_OFFICER not in officer.window.words
    assert officer.window.heading == f"{sent.case.reference} Sedang diverifikasi"
    before = officer.page.evaluate("document.documentElement.scrollWidth")
    assert officer.page.locator(".step a.button").count() > 0
    Case.objects.filter(pk=sent.case.pk).update(status="ineligible")
    officer.page.reload()
    assert TOLD_OFFICER in officer.window.words
    assert FALSE not in officer.window.words
    assert officer.page.locator(".step a.button").count() == 0
    assert officer.page.evaluate("document.documentElement.scrollWidth") <= before
    assert follow_up.status_page(ticket=sent.ticket, today=sent.case.received_on).under_check


def test_a_list_tells_nothing_of_a_case_that_was_altered(window: Opener, live_cast: Cast) -> None:
    sent, other = in_review(live_cast), in_review(live_cast)
    officer = Officer(window(width=768), "vera")
    officer.window.go(reverse("admin:complaints_case_changelist"))
    assert NOT_TOLD not in officer.window.words
    before = officer.page.evaluate("document.documentElement.scrollWidth")
    Case.objects.filter(pk=sent.case.pk).update(status="verified", due_on="2099-01-01")
    officer.page.reload()
    line = officer.page.get_by_role("row").filter(has_text=sent.case.reference)
    assert NOT_TOLD in line.inner_text() and "Terverifikasi" not in line.inner_text()
    assert NOT_TOLD not in officer.page.get_by_role("row").filter(has_text=other.case.reference).inner_text()
    assert officer.page.evaluate("document.documentElement.scrollWidth") <= before
    line.get_by_role("link").click()
    assert TOLD_OFFICER in officer.window.words


def test_a_case_page_names_no_officer_and_no_place_from_altered_rows(window: Opener, live_cast: Cast) -> None:
    sent = in_review(live_cast)
    officer = Officer(window(width=360), "vera")
    officer.opens("case", sent.case.reference)
    before = officer.page.evaluate("document.documentElement.scrollWidth")
    section = officer.page.get_by_role("region", name="Petugas")
    assert "Kasus ini belum ada petugasnya" in section.inner_text() or NOT_TOLD not in section.inner_text()
    Case.objects.filter(pk=sent.case.pk).update(assignee=live_cast["vino"], assigned_on="2026-01-01", province="11")
    officer.page.reload()
    assert NOT_TOLD in section.locator("p").first.inner_text()
    assert "Penggolongan kasus ini tidak sesuai dengan rantai audit." in officer.window.words
    assert "Aceh" not in officer.page.locator("dl.facts").inner_text()
    assert officer.page.locator(".step a.button").count() == 0
    assert officer.page.evaluate("document.documentElement.scrollWidth") <= before
