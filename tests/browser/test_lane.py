"""A flood handled by two officers in a browser: the sample read, the rest proposed and confirmed, the reporter told."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe

from complaints.domain import lane as rule
from complaints.models.case import Case
from complaints.services import lane_proposals
from tests.browser.conftest import Opener
from tests.browser.people import Officer
from tests.browser.window import Window
from tests.floods import close_day, first_looks, flood
from tests.world import Cast

PHONE, DESK = 360, 1280
LANE = "/kantor/complaints/case/spam/"


def faults(browser: Window) -> list[str]:
    """What axe finds on a page, in both colour schemes and both widths, and whether a phone scrolls sideways there."""
    problems = []
    for width, scheme in ((PHONE, "light"), (DESK, "dark")):
        browser.page.set_viewport_size({"width": width, "height": 900})
        browser.page.emulate_media(color_scheme=scheme)
        if browser.path == LANE and browser.page.evaluate("document.documentElement.scrollWidth") > width:
            problems.append(f"{browser.path} is wider than {width}")
        for violation in Axe().run(browser.page).response["violations"]:
            problems.append(f"{browser.path} {scheme} {violation['id']}: {violation['nodes'][0]['html'][:120]}")
    return problems


@pytest.mark.both_databases
def test_two_officers_close_a_flood(window: Opener, live_cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rule, "ALIKE_AT_LEAST", 6)
    monkeypatch.setattr(lane_proposals, "SLICE", 3)
    sent = flood(8)
    first_looks(live_cast)
    close_day()
    vera, fitri = Officer(window(), "vera"), Officer(window(), "fitri")
    vera.window.go("/kantor/")
    vera.window.follow(vera.page.get_by_role("link", name="Kemungkinan spam"))
    assert vera.window.path.startswith(LANE)
    problems = faults(vera.window)
    for _case in range(5):
        vera.window.follow(vera.page.get_by_role("link", name="Baca berikutnya"))
        problems += faults(vera.window) if _case == 0 else []
        vera.window.follow(vera.page.get_by_role("link", name="Kembali ke kemungkinan spam"))
    problems += faults(vera.window)
    vera.page.locator("[name=reason]").fill("Isi semuanya sama, tanpa nama.")
    vera.page.locator("form button.main").click()
    # The script presses the button for each slice.
    vera.page.get_by_text("8 dari 8 menunggu keputusan kedua").wait_for()
    problems += faults(vera.window)

    fitri.window.go(LANE)
    assert "Isi semuanya sama, tanpa nama." in fitri.window.words
    problems += faults(fitri.window)
    fitri.page.get_by_role("button", name="Setujui: 8 kasus tidak memenuhi syarat").click()
    fitri.page.get_by_text("Tidak ada laporan yang tercatat sebagai kemungkinan spam.").wait_for()
    assert set(Case.objects.values_list("status", flat=True)) == {"ineligible"}

    reporter = window(width=PHONE)
    reporter.go("/cek/")
    reporter.page.locator("[name=code]").fill(sent[0].code)
    reporter.follow(reporter.page.locator("main form button").first)
    assert "Tidak memenuhi syarat" in reporter.words
    assert f"Laporan {sent[0].case.reference} kami tutup." in reporter.words
    assert problems == []
