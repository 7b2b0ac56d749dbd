"""What joined a case while a body examines it: the office sees that it waits, sends it, and the body reads it."""

from __future__ import annotations

from tests.browser.conftest import Opener
from tests.browser.people import Officer
from tests.services.forwarding.test_wave import forwarded, joined
from tests.world import Cast


def test_what_waits_is_seen_sent_and_read(window: Opener, live_cast: Cast) -> None:
    wave = forwarded(live_cast)
    joined(live_cast, wave)
    fitri = Officer(window(), "fitri")
    case = fitri.opens("case", wave.first.case.reference)
    assert f"{len(wave.others)} laporan kasus ini belum ada di " in fitri.window.words
    page = fitri.page
    fitri.window.follow(page.get_by_role("link", name="Teruskan tambahan"))
    # A report that the body holds stands open where it lacks something, the others are folded; what it has is folded.
    held = page.locator("details.report[open]")
    assert held.count() == 1 and "sudah ada di lembaga" in held.inner_text()
    assert not held.get_by_text("Kepala Bidang X").is_visible()
    assert held.locator("input:checked").count() == 1
    # The count follows the ticks without asking the server.
    number = page.locator("[data-count=reports]")
    assert number.inner_text() == str(len(wave.others))
    page.locator("details.report:not([open]) > summary").first.click()
    page.locator("input[name=reports]").first.uncheck()
    assert number.inner_text() == str(len(wave.others) - 1)
    page.locator("input[name=reports]").first.check()
    for name in ("no_trace", "no_conflict"):
        page.locator(f"[name={name}]").check()
    fitri.window.follow(page.locator("button.main"))
    assert fitri.window.path == case and "laporan kasus ini belum ada di" not in fitri.window.words
    kirana = Officer(window(width=360), "kirana")
    kirana.opens("release", wave.first.case.reference)
    words = kirana.window.words
    assert "salinan yang dihitamkan" in words and "[dihilangkan: pihak ketiga]" in words
    # What the rules say alike of all reports stands once.
    assert words.count("Bila terbukti:") == 1
