"""axe finds nothing on the pages beside a report's way and on its states, on the narrowest phone and on a desk."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe

from complaints.domain.workflow import Action
from tests.browser.measure import looked_at
from tests.browser.people import Reporter, on_page_3
from tests.browser.test_leak_check import STORY
from tests.browser.window import Opener, Window
from tests.cases import act, in_review
from tests.world import Cast

pytestmark = pytest.mark.django_db(transaction=True)

SIZES = ((320, "light"), (320, "dark"), (1280, "light"))


def judged(browser: Window) -> list[str]:
    """Return what axe and the measure find on the page as it is, in every size."""
    wrong = []
    for width, scheme in SIZES:
        wrong += looked_at(browser, "id", ((width, scheme),))
        for rule in Axe().run(browser.page, options={"resultTypes": ["violations"]}).response["violations"]:
            wrong += [f"{browser.path} {width} {scheme} {rule['id']}: {node['html'][:160]}" for node in rule["nodes"]]
    return wrong


def test_pages_that_anybody_opens(window: Opener, live_cast: Cast) -> None:
    browser, wrong = window(), list[str]()
    for path in (
        "/",
        "/tentang/",
        "/keluar-cepat/",
        "/tanya/",
        "/tidak-ditanyakan/",
        "/kode-hilang/",
        "/pelanggaran/",
        "/pelanggaran/daftar/",
        "/cek/",
    ):
        wrong += judged(browser.go(path))
    browser.go("/pelanggaran/").page.locator("select[name=category]").select_option("A1")
    browser.page.locator("select[name=accused_kind]").select_option("superior")
    wrong += judged(browser.press("Lihat apa kata aturan"))
    browser.go("/tanya/").page.get_by_label("Pertanyaan Anda").fill("Bolehkah rekan saya menyukai unggahan calon?")
    wrong += judged(browser.press("Lanjut"))
    wrong += judged(browser.press("Kirim pertanyaan"))
    assert wrong == []


def test_states_of_a_report_that_is_not_sent(window: Opener, live_cast: Cast) -> None:
    reporter = on_page_3(window)
    browser, wrong = reporter.window, list[str]()
    reporter.page.get_by_label("Cerita Anda").fill(STORY)
    wrong += judged(browser.press("Lanjut"))
    assert browser.path == "/lapor/bagian/"
    for radio in reporter.page.get_by_label("Biarkan", exact=True).all():
        radio.check()
    wrong += judged(browser.press("Terapkan dan lanjut"))
    wrong += judged(browser.press("Simpan dan lanjutkan nanti"))
    wrong += judged(browser.go("/"))
    assert "Lanjutkan laporan" in browser.words
    wrong += judged(browser.go("/keluar-cepat/"))
    assert wrong == []


def test_states_of_a_report_that_was_sent(window: Opener, live_cast: Cast) -> None:
    sent = in_review(live_cast)
    act(live_cast, "vera", sent, Action.PROPOSE_INELIGIBLE, "Bukan ASN.")
    act(live_cast, "vino", sent, Action.CONFIRM_INELIGIBLE, "Bukan ASN menurut data.")
    reporter = Reporter(window())
    reporter.returns(sent.code)
    browser = reporter.window
    wrong = judged(browser)
    wrong += judged(browser.press("Nyatakan keberatan"))
    assert wrong == []
