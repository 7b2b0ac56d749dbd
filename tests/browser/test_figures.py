"""The figures in a browser: a number leads to its list, and the sheet prints without small cells."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe

from complaints.models.audit import AuditEntry
from tests.browser.conftest import Opener
from tests.browser.people import Officer
from tests.browser.window import Window
from tests.cases import forwarded, in_review
from tests.world import Cast, send_report

TABLET, DESK = 768, 1280


def faults(browser: Window) -> list[str]:
    """What axe finds in both colour schemes and both widths, and whether the page scrolls sideways."""
    problems = []
    for width in (TABLET, DESK):
        for scheme in ("light", "dark"):
            browser.page.set_viewport_size({"width": width, "height": 900})
            browser.page.emulate_media(color_scheme=scheme)
            if browser.page.evaluate("document.documentElement.scrollWidth") > width:
                problems.append(f"{browser.path} is wider than {width}")
            for violation in Axe().run(browser.page).response["violations"]:
                problems.append(f"{browser.path} {scheme} {violation['id']}: {violation['nodes'][0]['html'][:120]}")
    return problems


@pytest.mark.both_databases
def test_an_officer_reads_the_figures_and_prints_the_sheet(window: Opener, live_cast: Cast) -> None:
    for _report in range(6):
        send_report(province="33")
    send_report(province="71")
    in_review(live_cast, province="33")
    forwarded(live_cast, province="33")
    vera = Officer(window(), "vera")
    vera.window.go("/kantor/")
    vera.window.follow(vera.page.get_by_role("link", name="Angka", exact=True))
    assert vera.window.path == "/kantor/angka/"
    problems = faults(vera.window)
    vera.window.follow(vera.page.get_by_role("link", name="Sulawesi Utara: 1"))
    assert vera.page.locator("table tbody tr").count() == 1

    vera.window.go("/kantor/angka/")
    vera.window.follow(vera.page.get_by_role("link", name="Lembar untuk pimpinan"))
    assert "TERBATAS" in vera.window.words and "< 5" in vera.window.words
    problems += faults(vera.window)
    vera.page.emulate_media(media="print")
    assert not vera.page.locator(".noprint").is_visible() and not vera.page.locator("header").is_visible()
    vera.page.emulate_media(media="screen")
    vera.page.get_by_role("button", name="Tampilkan semua sel").click()
    assert "RAHASIA" in vera.window.words and "< 5" not in vera.window.words
    assert AuditEntry.objects.filter(event="figures.printed").count() == 1
    assert problems == []
