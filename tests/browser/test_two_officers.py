"""Two officers at one case: the risk graded, a checklist in the way, and the second told what the first did."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe

from complaints.models.case import Case
from complaints.models.oversight import Release
from tests.browser.conftest import Opener
from tests.browser.people import Officer
from tests.browser.window import Window
from tests.cases import in_review, verified, with_photo
from tests.world import Cast, openings_of

TABLET, DESK = 768, 1280
WORDS = "Terlapor bukan ASN."


def faults(browser: Window) -> list[str]:
    """What axe finds on a page, in both colour schemes and both widths."""
    problems = []
    for width, scheme in ((TABLET, "light"), (DESK, "dark")):
        browser.page.set_viewport_size({"width": width, "height": 900})
        browser.page.emulate_media(color_scheme=scheme)
        for violation in Axe().run(browser.page).response["violations"]:
            problems.append(f"{browser.path} {scheme} {violation['id']}: {violation['nodes'][0]['html'][:120]}")
    return problems


@pytest.mark.both_databases
def test_risk_checklist_and_a_faster_colleague(window: Opener, live_cast: Cast) -> None:
    sent = in_review(live_cast, event_from="", learnt_on="2026-11-20")
    with_photo(sent)
    case = f"/kantor/complaints/case/{sent.case.pk}"
    vera, vino = Officer(window(), "vera"), Officer(window(), "vino")
    vera.window.may_answer |= {400, 409}
    problems = faults(vera.window.go(f"{case}/change/"))
    assert "Belum ada: " in vera.window.words
    vera.window.follow(vera.page.get_by_role("link", name="Nilai risikonya"))
    problems += faults(vera.window)
    vera.page.get_by_role("group", name="sudah diancam atau dirugikan").get_by_label("ya", exact=True).check()
    vera.page.locator("[name=why]").fill("Dipanggil atasannya kemarin.")
    vera.window.follow(vera.page.locator("form button.main"))
    assert "mendesak: risiko bagi pelapor tinggi" in vera.window.words
    problems += faults(vera.window)

    vera.window.follow(vera.step("propose_ineligible"))
    vera.page.locator("[name=reason]").fill(WORDS)
    vera.window.follow(vera.page.locator("form button.main"))
    assert "Wajib dicentang sebelum memutuskan." in vera.window.words
    assert vera.page.locator("[name=reason]").input_value() == WORDS
    problems += faults(vera.window)

    vino.window.go(f"{case}/change/")
    vino.writes_note("Sudah saya telepon.")
    for box in vera.page.locator('form input[name^="check-"]').all():
        box.check()
    for why in vera.page.locator("form .check:has(.known.no) input[name^='why-']").all():
        why.fill("Sudah jelas.")
    vera.window.follow(vera.page.locator("form button.main"))
    assert "Vino menulis catatan internal" in vera.window.words
    assert "Sudah saya telepon." not in vera.window.words
    assert vera.page.locator("[name=reason]").input_value() == WORDS
    assert vera.page.locator('form input[name^="check-"]:not(:checked)').count() == 0
    problems += faults(vera.window)
    assert Case.objects.get(pk=sent.case.pk).status == "in_review"
    vera.window.follow(vera.page.locator("form button.main"))
    assert Case.objects.get(pk=sent.case.pk).status == "ineligible_proposed"

    vino.window.go("/kantor/complaints/case/keputusan-kedua/")
    assert WORDS in vino.window.words
    problems += faults(vino.window)
    vino.window.follow(vino.page.get_by_role("link", name="Setujui: tidak memenuhi syarat"))
    vino.confirms(reason="Benar, bukan ASN.")
    assert Case.objects.get(pk=sent.case.pk).status == "ineligible"
    vino.window.go(f"{case}/change/")
    assert vino.page.get_by_text("Daftar periksa").count() == 2
    assert openings_of(sent) == 2
    assert problems == []


def test_a_double_tap_forwards_once_and_says_that_it_did(window: Opener, live_cast: Cast) -> None:
    sent = verified(live_cast)
    fitri = Officer(window(), "fitri")
    case = fitri.opens("case", sent.case.reference)
    fitri.window.follow(fitri.step("forward"))
    fitri.fills_in(cover="Mohon ditangani.")
    with fitri.page.expect_navigation():
        fitri.page.locator("form button.main").dblclick()
    assert fitri.window.path == case and "Diteruskan ke BKN" in fitri.window.words
    assert "Belum ada yang disimpan" not in fitri.window.words
    assert Release.objects.count() == 1
