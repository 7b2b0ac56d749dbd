"""The forms beside the story's own: each really gets through, with the headers and cookies that browsers send."""

from __future__ import annotations

import re

import pytest
from django.utils import timezone

from complaints.domain.codes import grouped
from complaints.models.case import Case
from complaints.models.complaint import Complaint
from complaints.models.team import TeamMembership
from complaints.services import case_membership, transitions
from complaints.services.transitions import CaseChanged
from tests.browser.files import Upload, letter, photo
from tests.browser.people import Officer, Reporter
from tests.browser.window import Opener
from tests.cases import in_review
from tests.world import DRAFT, Cast, send_report

pytestmark = pytest.mark.django_db(transaction=True)

CHOSEN = "empat kata yang tidak berjodoh"


@pytest.mark.parametrize("script", [False, True], ids=["without-javascript", "with-javascript"])
def test_reporter_removes_files_cancels_and_restarts(window: Opener, live_cast: Cast, script: bool) -> None:
    reporter = Reporter(window(width=360, script=script))
    browser, page = reporter.window, reporter.page
    to_evidence(reporter)
    reporter.tells([letter("satu.pdf"), photo("dua.jpg")])
    browser.press("Unggah berkas sekarang")
    reporter.removes("satu.pdf")
    assert page.locator(".files li").all_inner_texts()[0].startswith("dua.jpg")
    browser.press("Lanjut")
    reporter.removes("dua.jpg")
    assert "Tidak ada berkas." in browser.words
    assert browser.press("Hapus sekarang").path == "/lapor/periksa/"
    assert "Sudah dihapus." in browser.words
    assert browser.cookie("lapor") is None
    to_evidence(reporter)
    assert page.get_by_label("Cerita Anda").input_value() == ""
    reporter.tells()
    describes_a_post(reporter, "@sastro_kerta")
    browser.press("Tambah postingan")
    assert "sastro_kerta" in page.locator(".files li").inner_text()
    browser.follow(page.locator(".files button"))
    assert "sastro_kerta" not in browser.words
    browser.press("Lanjut").press("Kirim laporan")
    code = reporter.code()
    name, content = browser.download(page.get_by_role("button", name="Unduh").click)
    assert (name, content.decode()) == ("catatan.txt", f"{grouped(code)}\n")
    assert page.get_by_role("button", name="Cetak").count() == script
    reporter.returns(code)
    describes_a_post(reporter, "@sastro_kerta")
    browser.press("Kirim postingan").press("Cabut laporan")
    page.get_by_label("Alasan (opsional)").fill("Sudah selesai di kantor.")
    browser.press("Ya, cabut")
    assert browser.heading == "Anda sudah mencabut laporan ini."
    assert Complaint.objects.count() == 1


def test_message_refused_during_linking_can_be_sent_again(
    window: Opener, live_cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    def changed(complaint_id: object) -> Case:
        raise CaseChanged

    reporter = Reporter(window(width=360))
    browser, field = reporter.window, reporter.page.get_by_label("Pesan Anda")
    reporter.returns(send_report().code)
    browser.may_answer = {409}
    field.fill("Rapat kedua besok pagi.")
    with monkeypatch.context() as patch:
        patch.setattr(case_membership, "lock_around", changed)
        patch.setattr(transitions, "FIRST_PAUSE_SECONDS", 0)
        browser.press("Kirim pesan")
    assert "Belum terkirim: petugas sedang memproses laporan ini." in browser.words
    assert field.input_value() == "Rapat kedua besok pagi."
    browser.press("Kirim pesan")
    assert "Pesan Anda sudah kami terima." in browser.words
    assert browser.complaints == []


def describes_a_post(reporter: Reporter, account: str) -> None:
    reporter.page.locator(".fold summary").first.click()
    reporter.page.get_by_label("Akun orang yang Anda laporkan").fill(account)


@pytest.mark.parametrize("script", [False, True], ids=["without-javascript", "with-javascript"])
def test_refused_file_is_named_and_the_rest_continues(window: Opener, live_cast: Cast, script: bool) -> None:
    reporter = Reporter(window(width=360, script=script))
    browser, page = reporter.window, reporter.page
    to_evidence(reporter)
    reporter.tells([photo("dua.jpg"), Upload("program.exe", "application/octet-stream", b"MZ" + bytes(9000))])
    if not script:
        browser.press("Lanjut")
    refusal = page.get_by_role("alert").filter(has_text="Jenis berkas “program.exe” tidak kami terima.")
    refusal.wait_for()
    assert "ambil tangkapan layarnya: JPEG, PNG, WebP" in refusal.inner_text()
    page.locator(".files li", has_text="dua.jpg").get_by_role("button", name="Hapus").wait_for()
    assert browser.press("Lanjut").path == "/lapor/periksa/"
    assert page.locator(".files li").count() == 2, "the refused one stays listed"


def to_evidence(reporter: Reporter) -> None:
    reporter.window.go("/").press("Saya melihat ASN memihak")
    reporter.chooses("Rekan kerja atau ASN lain", "Memasang spanduk")
    reporter.window.press("Lanjut")
    reporter.says_who_and_where(timezone.localdate())
    reporter.window.press("Lanjut")


def test_an_officer_gives_a_case_away_and_writes_to_the_reporter(window: Opener, live_cast: Cast) -> None:
    sent = in_review(live_cast)
    vera = Officer(window(), "vera")
    browser, page = vera.window, vera.page
    vera.opens("case", sent.case.reference)
    browser.follow(page.locator('form[action$="/ambil/"] button'))
    sent.case.refresh_from_db()
    assert sent.case.assignee == live_cast["vera"]
    page.locator("summary:has(+ form [name=assignee])").click()
    page.locator("select[name=assignee]").select_option(str(live_cast["vino"].pk))
    browser.follow(page.locator('details form[action$="/petugas/"] button'))
    sent.case.refresh_from_db()
    assert sent.case.assignee == live_cast["vino"]
    form = page.locator('form.write[action*="/jawab/"]')
    form.locator("textarea").fill("Terima kasih, sedang kami periksa.")
    browser.follow(form.locator("button:not([name])"))
    reporter = Reporter(window(width=360))
    reporter.returns(sent.code)
    reporter.reads("Terima kasih, sedang kami periksa.")


def test_a_new_person_gets_an_account_a_key_and_an_admission(window: Opener, live_cast: Cast) -> None:
    send_report()
    adi, vera, browser = Officer(window(), "adi"), Officer(window(), "vera"), window()
    adi.window.go("/kantor/complaints/staff/add/")
    adi.page.locator("[name=username]").fill("baru")
    adi.page.locator("[name=first_name]").fill("Bagus")
    adi.page.locator("[name=role]").select_option("verifier")
    adi.window.follow(adi.page.locator("[name=_save]"))
    given = re.search(r"(?:[0-9A-Z]{5}-){4}[0-9A-Z]{5}", adi.window.words)
    assert given
    baru = Officer(browser, "baru", given[0])
    assert browser.path == "/kantor/sandi/"
    baru.chooses_password(CHOSEN, given[0])
    browser.go("/kantor/saya/")
    fingerprint = baru.page.locator(".print").inner_text()
    adi.window.go("/kantor/complaints/staff/")
    adi.window.press("baru")
    adi.window.follow(adi.page.locator('form[action$="/tim/"] button', has_text="Verifikasi"))
    vera.window.go("/kantor/complaints/team/")
    vera.page.locator("[name=fingerprint]").fill(fingerprint)
    vera.window.follow(vera.page.locator('form[action$="/terima/"] button'))
    assert TeamMembership.objects.get(staff__username="baru").admitted_by == live_cast["vera"]
    assert DRAFT["accused_name"] in browser.go("/kantor/complaints/case/").words
    browser.go("/kantor/sandi/")
    baru.chooses_password(CHOSEN[::-1], CHOSEN)
    assert DRAFT["accused_name"] in browser.go("/kantor/complaints/case/").words
    browser.go("/kantor/saya/")
    baru.page.locator("[name=language]").select_option("en")
    browser.follow(baru.page.locator("form:has([name=language]) button"))
    assert baru.page.locator("html").get_attribute("lang") == "en"
    baru.signs_out()
    Officer(browser, "baru", CHOSEN[::-1])
    adi.window.follow(adi.page.locator('a[href$="/sandi/"]').last)
    adi.window.follow(adi.page.locator("form button.main"))
    assert not TeamMembership.objects.get(staff__username="baru").sealed_key


def test_an_administrator_mends_reference_data(window: Opener, live_cast: Cast) -> None:
    adi = Officer(window(), "adi")
    adi.window.go("/kantor/complaints/category/A2/change/")
    adi.page.locator("[name=name_id]").fill("Diancam atau ditakut-takuti")
    adi.window.follow(adi.page.locator("[name=_save]"))
    assert "Diancam atau ditakut-takuti" in window(width=360).go("/lapor/ditekan/").page.content()


def test_an_auditor_looks_at_one_day(window: Opener, live_cast: Cast) -> None:
    audi = Officer(window(), "audi")
    audi.window.go("/kantor/complaints/auditentry/")
    audi.page.locator("[name=first]").fill(timezone.localdate().isoformat())
    audi.page.locator("[name=last]").fill(timezone.localdate().isoformat())
    audi.window.follow(audi.page.locator("#audit-selection button"))
    assert audi.page.locator("tbody tr").count()
