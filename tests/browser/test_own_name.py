"""A reporter gives a name to the body that the page names; the body opens it, and the reporter reads that it did."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import override

from complaints.domain.workflow import Action
from complaints.models.case import Case
from complaints.models.oversight import OversightBody, Release
from complaints.services.forwarding.contents import whole
from complaints.services.forwarding.release import forward
from complaints.services.keyring import Actor
from tests.browser.measure import looked_at
from tests.browser.people import Officer, Reporter, on_page_3
from tests.browser.window import Opener, Window
from tests.cases import act, forwarded
from tests.world import Cast, Sent

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


def test_a_name_goes_with_the_report_to_one_body(window: Opener, live_cast: Cast) -> None:
    reporter = on_page_3(window)
    reporter.tells()
    reporter.window.press("Lanjut")
    reporter.chooses("Berikan nama saya hanya kepada lembaga pengawas")
    assert "Badan Kepegawaian Negara (BKN)" in reporter.window.words
    reporter.window.press("Kirim laporan")
    assert "Tulis nama Anda, atau pilih tetap anonim." in reporter.window.words
    fits(reporter.window, "check")
    reporter.page.get_by_label("Nama lengkap").fill("Ratna Penanda")
    reporter.page.get_by_label("Cara menghubungi Anda").fill("lewat surat")
    reporter.window.press("Kirim laporan")
    code = reporter.code()
    reporter.returns(code)
    reporter.reads("Anda memberikan nama untuk BKN", "Nama itu belum dibaca")
    release = _forward(live_cast)
    kirana = Officer(window(), "kirana")
    kirana.opens("release", release.case.reference)
    assert "Ratna Penanda" not in kirana.window.words
    fits(kirana.window, "release")
    kirana.window.press("Buka nama")
    assert "Ratna Penanda" in kirana.window.words and "lewat surat" in kirana.window.words
    fits(kirana.window, "opened")
    with override("id"):
        today = date_format(timezone.localdate(), "l, j F Y")
    reporter.reads("BKN sudah membaca nama yang Anda berikan", "Nama Anda dibaca 1 kali:", f"{today}: BKN")
    fits(reporter.window, "read")
    reporter.window.press("Berikan nama Anda, atau tarik kembali")
    reporter.window.press("Tarik nama saya")
    assert "BKN sudah membaca nama" in reporter.window.words


def _forward(cast: Cast) -> Release:
    case = Case.objects.get()
    sent = Sent("", None, case)  # type: ignore[arg-type]
    for action in (Action.START_REVIEW, Action.VERIFY):
        act(cast, "vera", sent, action)
    actor = Actor(cast.ring("fitri"), timezone.now())
    return forward(actor=actor, case_id=case.pk, body=OversightBody.objects.get(pk="bkn"), choice=whole(case.pk))


def test_an_anonymous_reporter_is_asked_and_takes_the_name_back(window: Opener, live_cast: Cast) -> None:
    sent, release = forwarded(live_cast)
    kirana = Officer(window(), "kirana")
    kirana.opens("release", release.case.reference)
    kirana.window.press("Minta nama")
    fits(kirana.window, "ask")
    kirana.page.locator("[name=reason]").fill("Kami ingin mendengar Anda sebagai saksi.")
    kirana.window.press("Minta nama kepada pelapor")
    assert "Permintaan terkirim" in kirana.window.words
    reporter = Reporter(window(width=360, height=740))
    reporter.returns(sent.code)
    reporter.reads("BKN meminta nama Anda", "Kami ingin mendengar Anda sebagai saksi.", "Kami tidak tahu siapa Anda.")
    reporter.window.press("Berikan nama Anda, atau tarik kembali")
    fits(reporter.window, "asked")
    reporter.window.press("Berikan nama saya kepada BKN")
    assert "Tulis nama Anda" in reporter.window.words
    reporter.page.get_by_label("Nama lengkap").fill("Ratna Penanda")
    reporter.window.press("Berikan nama saya kepada BKN")
    assert "Anda memberikan nama untuk BKN" in reporter.window.words
    fits(reporter.window, "given")
    reporter.window.press("Berikan nama Anda, atau tarik kembali")
    reporter.window.press("Tarik nama saya")
    assert "Kami tidak tahu siapa Anda." in reporter.window.words
    kirana.opens("release", release.case.reference)
    kirana.window.press("Buka nama")
    assert "Saat ini tidak ada nama yang dapat dibuka." in kirana.window.words
    fitri = Officer(window(), "fitri")
    fitri.opens("case", sent.case.reference)
    assert "BKN meminta nama seorang pelapor" in fitri.window.words
    assert "sebagai saksi" not in fitri.window.words
    fits(fitri.window, "office")
