"""A question without an answer closes nothing, a letter is delivered by a person, and a body records what became."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from complaints.domain.workflow import Action
from tests.browser.measure import looked_at
from tests.browser.people import Officer, Reporter
from tests.browser.window import Opener, Window
from tests.cases import act, body_act, forwarded
from tests.world import Cast, send_report

SIZES = ((360, "light"), (1280, "dark"))
# Pictures of the pages are kept where a developer asks for them.
PICTURES = os.environ.get("PICTURES", "")

pytestmark = pytest.mark.django_db(transaction=True)


def fits(window: Window, name: str) -> None:
    assert looked_at(window, "id", SIZES, least=0) == [], name
    if PICTURES:
        for width, _scheme in SIZES:
            window.page.set_viewport_size({"width": width, "height": 900})
            window.page.screenshot(path=Path(PICTURES) / f"{name}-{width}.png", full_page=True)


def test_a_letter_goes_by_hand_and_silence_closes_nothing(window: Opener, live_cast: Cast) -> None:
    sent = send_report(accused_kind="village_head")
    act(live_cast, "vera", sent, Action.START_REVIEW)
    act(live_cast, "vera", sent, Action.ASK_REPORTER, "Kapan tepatnya?")
    reporter = Reporter(window(width=360, height=740))
    reporter.returns(sent.code)
    reporter.reads(
        "Kapan tepatnya?", "Tanpa jawaban tidak ada yang ditutup dengan sendirinya", "laporan yang menunggu dibuka lagi"
    )
    fits(reporter.window, "question")
    vera = Officer(window(), "vera")
    vera.opens("case", sent.case.reference)
    assert vera.step("rest").count() == 0 and "masih punya waktu" in vera.window.words
    vera.does("end_wait")
    assert "hanya Bawaslu" in vera.window.words
    assert vera.page.locator(".todo .step a.button").first.inner_text() == "Siapkan surat ke lembaga lain"
    fits(vera.window, "case")
    vera.window.follow(vera.step("verify"))
    assert vera.page.locator(".known.no", has_text="bukan hanya urusan Bawaslu").count() == 1
    fits(vera.window, "verify")
    vera.opens("case", sent.case.reference)
    vera.does("prepare_referral", reason="Bawaslu yang berwenang; suratnya kami siapkan.")
    reporter.reads("Surat itu belum disampaikan", "Kami lanjutkan tanpa menunggu jawaban")
    fits(reporter.window, "referring")
    fitri = Officer(window(), "fitri")
    fitri.opens("case", sent.case.reference)
    fitri.window.follow(fitri.step("deliver"))
    fits(fitri.window, "deliver")
    fitri.window.press("Pilih isi dan cetak surat")
    fits(fitri.window, "letter")
    fitri.page.locator("[name=to]").fill("Bawaslu Kabupaten")
    fitri.page.locator("[name=number]").fill("07/KN/2026")
    name, paper = fitri.window.download(fitri.page.locator("form button.main").click)
    assert name.startswith("surat-") and paper.startswith(b"%PDF")
    if PICTURES:
        (Path(PICTURES) / "letter.pdf").write_bytes(paper)
    fitri.opens("case", sent.case.reference)
    day = timezone.localdate().isoformat()
    fitri.does("deliver", to="Bawaslu Kabupaten", delivered_on=day, receipt="TT-91", reason="Terima kasih.")
    reporter.reads("Sudah disampaikan ke lembaga yang berwenang", "Disampaikan kepada Bawaslu Kabupaten pada")
    fits(reporter.window, "delivered")


def test_a_body_reminds_and_corrects(window: Opener, live_cast: Cast) -> None:
    _sent, release = forwarded(live_cast)
    for action in (Action.TAKE_UP, Action.SUBSTANTIATE, Action.AWAIT_AGENCY):
        body_act(live_cast, "kirana", release, action, text="Hukuman sedang.")
    kirana = Officer(window(), "kirana")
    kirana.opens("release", release.case.reference)
    fits(kirana.window, "release")
    kirana.window.follow(kirana.step("remind"))
    kirana.window.press("Tulis dan cetak surat")
    fits(kirana.window, "reminder")
    kirana.opens("release", release.case.reference)
    kirana.does("remind", addressee="Bupati", number="12/2026", decided_on=timezone.localdate().isoformat())
    kirana.window.follow(kirana.step("no_sanction"))
    fits(kirana.window, "no_sanction")
    yesterday = (timezone.localdate() - timedelta(days=1)).isoformat()
    kirana.confirms(why="left", decided_on=yesterday, reply="Sudah pensiun.")
    assert "Berakhir tanpa sanksi" in kirana.window.words and kirana.step("correct").count() == 1
