"""One report all the way in a real browser: from a phone to a recorded sanction, with and without JavaScript."""

from __future__ import annotations

import hashlib
import re
from datetime import timedelta

import pytest
from django.utils import timezone

from complaints.domain.workflow import Action
from complaints.models.case import Case
from complaints.models.oversight import Release
from complaints.services.audit import verify
from complaints.services.evidence import processing
from complaints.services.forwarding import decisions
from complaints.services.keyring import Actor
from tests.browser.files import CAMERA, letter, photo
from tests.browser.people import Officer, Reporter
from tests.browser.window import NOTHING_LEFT, Opener, Window
from tests.world import PASSWORD, Cast, ring

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]

PHOTO, LETTER, SECOND = photo("apel-fajar.jpg"), letter("undangan-apel.pdf"), photo("spanduk-gudang.jpg")
NOTE = "Catatan dalam: minta dua orang memeriksa."
ASKS, ANSWERS = "Pada hari apa hal itu terjadi?", "Hari Senin pertama di Balaiwangi, lalu diulang."
BODY_ASKS, ANSWERS_BODY = "Apakah ada saksi lain?", "Dua rekan, dari gedung Budimina."
OWN_WORDS = ("kertapati", "gudangwilis", "tirtamerapi", "sukamerapi", "pringsewelas", "umbul", "balaiwangi", "budimina")
FINDING, ADVICE, NUMBER = "Terbukti melanggar netralitas.", "Jatuhkan sanksi moral terbuka.", "800/17/2026"
TOLD_FINDING, TOLD_END = "Dugaan itu terbukti.", "Keputusan sudah diumumkan."


@pytest.mark.parametrize("script", [False, True], ids=["without-javascript", "with-javascript"])
def test_from_a_phone_to_a_recorded_sanction(window: Opener, live_cast: Cast, script: bool) -> None:
    reporter = Reporter(window(width=360, height=740, script=script))
    code = report_is_sent(reporter)
    reporter_returns(reporter, code)
    processing.process_pending()
    reference = Case.objects.get().reference

    vera = Officer(window(), "vera", PASSWORD)
    case = verifier_reads(vera, reference, reporter)
    verifier_asks(vera)
    reporter_answers(reporter)
    processing.process_pending()
    verifier_verifies(vera, reference)
    reporter.reads("Terverifikasi")
    forwarder_forwards(Officer(window(), "fitri", PASSWORD), reference)
    reporter.reads("Diteruskan ke BKN")

    kirana = Officer(window(), "kirana", PASSWORD)
    kirana.opens("release", reference)
    liaison_sees_the_release_and_nothing_else(kirana, reporter, case)
    liaison_asks(kirana, vera, reporter, reference)
    liaison_records(kirana)
    reporter_reads_every_step_and_nothing_of_their_own(reporter, code)
    leaving_shuts_the_door(reporter, script=script)
    signing_out_shuts_the_door(vera, case)
    assert verify.verify_chain().whole
    nothing_is_in_an_address([reporter.window, vera.window, kirana.window], reporter, code)


def report_is_sent(reporter: Reporter) -> str:
    window, page = reporter.window, reporter.page
    window.go("/")
    assert "Honorer (non-ASN) dan PPPK paruh waktu juga dapat melapor." in window.words
    window.press("Saya ditekan atau dibujuk mendukung calon")
    reporter.chooses("Atasan saya", "Diancam bila menolak")
    window.press("Lanjut")
    reporter.says_who_and_where(timezone.localdate() - timedelta(days=7))
    window.press("Lanjut")
    reporter.tells([PHOTO, LETTER])
    window.press("Lanjut")
    assert window.path == "/lapor/periksa/"
    check = window.words
    shown = [*reporter.texts.all(), "Atasan saya", "Diancam bila menolak", "Jawa Tengah", PHOTO.name, LETTER.name]
    assert [text for text in shown if text not in check] == []
    betrayed = page.locator(".files li", has_text=PHOTO.name).inner_text()
    assert [mark for mark in ("tempat", "ponsel atau komputer", "waktu") if mark not in betrayed] == []
    window.press("Kirim laporan")
    assert window.heading == "Laporan Anda sudah kami terima."
    code = reporter.code()
    assert re.fullmatch("[0-9A-Z]{30}", code)
    return code


def reporter_returns(reporter: Reporter, code: str) -> None:
    reporter.returns(" ".join(code[start : start + 5] for start in range(0, 30, 5)).lower())
    assert reporter.window.path == "/cek/laporan/"
    assert "Diterima. Kami mulai memverifikasi paling lambat" in reporter.window.heading


def verifier_reads(vera: Officer, reference: str, reporter: Reporter) -> str:
    page, window = vera.page, vera.window
    window.go("/kantor/complaints/case/")
    line = page.get_by_role("row").filter(has_text=reference).inner_text()
    assert reporter.texts.name in line
    case = vera.opens("case", reference)
    assert [text for text in reporter.texts.all() if text not in window.words] == []
    item = page.locator(".evidence li", has_text=PHOTO.name)
    name, copy = window.download(item.locator("form:not(details form) button").click)
    assert copy.startswith(b"\xff\xd8")
    assert CAMERA.encode() not in copy
    assert "apel" not in name
    item.locator("summary").click()
    item.locator("[name=reason]").fill("Asal foto diragukan.")
    name, original = window.download(item.locator("details form button").click)
    assert hashlib.sha256(original).hexdigest() == hashlib.sha256(PHOTO.content).hexdigest()
    assert hashlib.sha256(original).hexdigest() in item.inner_text()
    vera.writes_note(NOTE)
    return case


def verifier_asks(vera: Officer) -> None:
    vera.window.follow(vera.page.locator('form[action$="/langkah/start_review/"] button'))
    vera.does("ask_reporter", reason=ASKS)


def reporter_answers(reporter: Reporter) -> None:
    reporter.reads("Kami punya pertanyaan untuk Anda.", ASKS)
    reporter.answers(ANSWERS)
    assert "Pesan Anda sudah kami terima." in reporter.window.words
    reporter.attaches([SECOND])
    reporter.window.press("Kirim berkas")
    if "Belum terkirim: baca dulu keterangan setiap berkas di bawah." in reporter.window.words:
        reporter.window.press("Kirim berkas")
    assert "Berkas Anda sudah kami terima." in reporter.window.words


def verifier_verifies(vera: Officer, reference: str) -> None:
    vera.opens("case", reference)
    assert ANSWERS in vera.window.words
    assert SECOND.name in vera.window.words
    vera.does("verify")
    assert vera.step("forward").count() == 0
    assert vera.step("send_back").count() == 1, "a verification has a way back"


def forwarder_forwards(fitri: Officer, reference: str) -> None:
    page = fitri.page
    fitri.opens("case", reference)
    assert NOTE in fitri.window.words
    fitri.window.follow(fitri.step("forward"))
    # Only an original shows the name as sent; it is not ticked at first, and its copy is.
    files = page.locator(".parts .tick:has(input[name=objects])")
    originals = files.filter(has_text=re.compile(r"undangan|apel|spanduk")).all()
    assert originals and not any(line.locator("input").is_checked() for line in originals)
    assert page.locator(".parts input[name=objects]:checked").count() > 0
    page.get_by_label(re.compile("BKN|Badan Kepegawaian")).check()
    fitri.confirms(cover="Mohon ditindaklanjuti.")
    assert fitri.step("forward").count() == 0


def liaison_sees_the_release_and_nothing_else(kirana: Officer, reporter: Reporter, case: str) -> None:
    text = kirana.window.words
    assert reporter.texts.story in text
    assert ANSWERS in text, "what the reporter answered reaches the body"
    secrets = (NOTE, ASKS, PHOTO.name, LETTER.name, SECOND.name)
    assert [line for line in secrets if line in text] == []
    assert kirana.window.status_of(case) == 404
    assert kirana.window.status_of("/kantor/complaints/case/") == 404
    name, copy = kirana.window.download(kirana.page.locator(".evidence li").first.locator("form button").click)
    assert CAMERA.encode() not in copy
    assert "apel" not in name


def liaison_asks(kirana: Officer, vera: Officer, reporter: Reporter, reference: str) -> None:
    kirana.does("take_up")
    reporter.reads("Sedang dikaji BKN")
    kirana.proposes_question(BODY_ASKS)
    reporter.reads("Sedang dikaji BKN")
    vera.passes_on(reference)
    reporter.reads("Pertanyaan dari BKN", BODY_ASKS, "dibaca BKN seperti Anda menulisnya")
    # What would tell who wrote it comes back once, to be changed.
    reporter.answers("Hanya saya yang tahu. Dua rekan, dari gedung Budimina.")
    assert "Hanya saya" in reporter.page.locator("main mark").inner_text()
    reporter.window.press("Kembali ke tulisan saya")
    reporter.answers(ANSWERS_BODY)
    kirana.opens("release", reference)
    assert ANSWERS_BODY in kirana.window.words


def liaison_records(kirana: Officer) -> None:
    decided_on = timezone.localdate().isoformat()
    kirana.does("hear_accused", kind="in_writing", decided_on=decided_on, number="BAP-1")
    kirana.does("substantiate", text=FINDING, reply=TOLD_FINDING)
    second = Actor(ring("kresna"), timezone.now())
    decisions.act(actor=second, release_id=Release.objects.get().pk, action=Action.SUBSTANTIATE)
    kirana.window.go(kirana.window.path)
    kirana.window.follow(kirana.step("await_agency"))
    kirana.page.locator("input[name=kinds][value=moral_open]").check()
    kirana.confirms(accused_status="pns", addressee="PPK", number="R-1", decided_on=decided_on, text=ADVICE)
    kirana.does(
        "sanction", accused_status="pns", kind="moral_open", number=NUMBER, decided_on=decided_on, reply=TOLD_END
    )
    assert NUMBER in kirana.window.words


def reporter_reads_every_step_and_nothing_of_their_own(reporter: Reporter, code: str) -> None:
    steps = ("Diterima", "Terverifikasi", "Diteruskan ke BKN", "Sanksi dijatuhkan")
    text = reporter.reads(
        "Sanksi sudah dijatuhkan kepada orang yang dilaporkan.", *steps, ASKS, BODY_ASKS, TOLD_FINDING, TOLD_END
    )
    assert "pernyataan secara terbuka" in text
    assert [line for line in (NOTE, FINDING, ADVICE, NUMBER) if line in text] == []
    page = reporter.page.content().lower()
    secrets = [*reporter.texts.all(), ANSWERS, ANSWERS_BODY, PHOTO.name, LETTER.name, SECOND.name, code, *OWN_WORDS]
    assert [text for text in secrets if text.lower() in page] == []


def leaving_shuts_the_door(reporter: Reporter, *, script: bool) -> None:
    window = reporter.window
    cookie = window.cookie("lapor")
    assert cookie
    window.press("Selesai, keluar")
    assert window.path == "/"
    assert window.cookie("lapor") is None
    reporter.page.go_back()
    assert window.path == "/cek/"
    assert "Sanksi dijatuhkan" not in reporter.page.content()
    assert window.status_of("/cek/laporan/") == 302
    window.puts_back(cookie)
    assert window.go("/cek/laporan/").path == "/cek/"
    if script:
        assert window.left_behind() == NOTHING_LEFT


def signing_out_shuts_the_door(vera: Officer, case: str) -> None:
    vera.window.go(case)
    # A preview that is still on its way when the session ends would be refused, and the console would say so.
    vera.page.wait_for_load_state("networkidle")
    cookie = vera.window.cookie("kantor")
    assert cookie
    assert vera.window.left_behind() == NOTHING_LEFT
    vera.signs_out()
    vera.page.go_back()
    vera.page.wait_for_url("**/masuk/**")
    vera.window.puts_back(cookie)
    assert vera.window.status_of(case) == 302


def nothing_is_in_an_address(windows: list[Window], reporter: Reporter, code: str) -> None:
    secrets = [code, code[:4] + "-" + code[4:8], *(word for text in reporter.texts.all() for word in text.split())]
    asked = "\n".join(line for window in windows for line in window.asked).lower()
    names = [PHOTO.name, LETTER.name, SECOND.name]
    assert [text for text in (*secrets, *names) if len(text) > 4 and text.lower() in asked] == []
