"""A withdrawn report is erased: proposed by one officer, confirmed by another, done by the job, told by its code."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone

from complaints.models.complaint import Complaint
from complaints.models.team import Staff
from complaints.services import erasure_days
from complaints.services.erasure import erasing
from tests.browser.measure import looked_at
from tests.browser.people import Officer
from tests.browser.window import Opener, Window
from tests.cases import forwarded
from tests.world import Cast, send_report

pytestmark = pytest.mark.django_db(transaction=True)

SIZES = ((768, "light"), (1280, "dark"))
PHONE = ((320, "light"), (320, "dark"))
LIST = "/kantor/penghapusan/"


def judged(browser: Window, sizes: tuple[tuple[int, str], ...] = SIZES) -> list[str]:
    """What axe and the measure find on a page in both colour schemes."""
    wrong = looked_at(browser, "id", sizes, least=0)
    for width, scheme in sizes:
        browser.page.set_viewport_size({"width": width, "height": 900})
        browser.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        for rule in Axe().run(browser.page, options={"resultTypes": ["violations"]}).response["violations"]:
            wrong += [f"{browser.path} {width} {rule['id']}: {node['html'][:160]}" for node in rule["nodes"]]
    return wrong


@pytest.fixture
def no_periods(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every period be over on the day on which it begins."""

    def last_day_of(_limit: str, since: date) -> date:
        return since

    monkeypatch.setattr(erasure_days, "last_day_of", last_day_of)
    monkeypatch.setattr(erasure_days, "limit_rule", lambda _name, _edition: SimpleNamespace(number=0))


@pytest.mark.usefixtures("no_periods")
def test_two_officers_erase_what_its_reporter_withdrew(window: Opener, live_cast: Cast) -> None:
    sent, kept = send_report(), send_report()
    wrong = list[str]()
    phone = window(width=320)
    for report in (kept, sent):
        phone.go("/cek/").page.locator("[name=code]").fill(report.code)
        phone.follow(phone.page.locator("main form button.btn-primary"))
        phone.press("Cabut laporan")
        assert "dihapus dengan persetujuan dua petugas paling lambat" in phone.words
        wrong += judged(phone, PHONE)
        phone.press("Ya, cabut")
        assert "Anda sudah mencabut laporan ini." in phone.words
        wrong += judged(phone, PHONE)

    vera = Officer(window(), "vera")
    vera.window.follow(vera.page.locator("main").get_by_role("link", name="Masa simpan berakhir"))
    wrong += judged(vera.window)
    vera.window.follow(vera.page.get_by_role("link", name=kept.case.reference))
    wrong += judged(vera.window)
    vera.page.get_by_label("Diperlukan dalam perkara di pengadilan").check()
    vera.window.press("Tunda penghapusan")
    assert "Penghapusan ditunda." in vera.window.words
    wrong += judged(vera.window)
    vera.window.go(LIST).press("Centang semua di halaman ini")
    assert vera.page.locator("[name=report]:checked").count() == 1, "what a hold stops has no box"
    vera.window.press("Usulkan yang dicentang")
    assert "1 penghapusan diusulkan." in vera.window.words
    wrong += judged(vera.window)

    Staff.objects.filter(username="vino").update(language="en")
    # Without a script.
    vino = Officer(window(script=False), "vino")
    vino.window.follow(vino.page.locator("main").get_by_role("link", name="Erasures to be confirmed"))
    wrong += looked_at(vino.window, "en", SIZES, least=0)
    vino.window.press("Refuse")
    wrong += looked_at(vino.window, "en", SIZES, least=0)
    vino.window.press("Back without doing it")
    vino.page.locator("[name=erasure]").check()
    vino.window.press("Confirm the ticked ones")
    assert "1 erasure confirmed." in vino.window.words

    assert erasing.work(now=timezone.now()) == 1
    assert Complaint.stored.get(pk=kept.ticket.complaint_id).erased_on is None
    phone.go("/cek/laporan/")
    assert "Dihapus pada" in phone.words and "Cadangan data terakhir" in phone.words
    wrong += judged(phone, PHONE)
    phone.go("/cek/").page.locator("[name=code]").fill(kept.code)
    phone.follow(phone.page.locator("main form button.btn-primary"))
    assert "penghapusannya ditunda" in phone.words
    assert wrong == []


def test_a_reporter_whose_report_a_body_has_asks_on_a_phone(window: Opener, live_cast: Cast) -> None:
    sent, _release = forwarded(live_cast)
    phone = window(width=320)
    phone.go("/cek/").page.locator("[name=code]").fill(sent.code)
    phone.follow(phone.page.locator("main form button.btn-primary"))
    wrong = judged(phone, PHONE)
    phone.press("Minta laporan dihapus")
    wrong += judged(phone, PHONE)
    phone.page.locator("[name=reason]").fill("Saya takut.")
    phone.press("Kirim permintaan")
    assert "Permintaan penghapusan Anda sudah kami terima." in phone.words
    assert wrong == []
