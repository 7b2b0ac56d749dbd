"""A burst about one post: forty reports linked in one act, one taken out again, and each reporter sees their own."""

from __future__ import annotations

import pytest

from complaints.models.case import Case
from tests.browser.people import Officer, Reporter
from tests.browser.window import Opener
from tests.world import Cast, send_report

pytestmark = pytest.mark.django_db(transaction=True)
LINK = "https://instagram.com/p/AbC123"


def test_forty_are_linked_in_one_act_and_one_is_taken_out(window: Opener, live_cast: Cast) -> None:
    target, *others = (send_report(links=LINK, agency="", accused_name="") for _number in range(41))
    stranger = send_report(agency="", accused_name="Orang Lain")
    vera = Officer(window(), "vera")
    page = vera.page
    # The queue meets the reports, which only then are compared.
    vera.window.go("/kantor/complaints/case/")
    vera.window.go(f"/kantor/complaints/case/{target.case.pk}/change/")
    vera.does("start_review")
    vera.window.press("Gabungkan laporan lain ke sini")
    picks = page.locator("input[name=cases]")
    assert picks.count() == 40
    assert stranger.case.reference not in vera.window.words
    page.locator("[name=references]").fill(stranger.case.reference)
    page.locator("[name=reason]").fill("Semua tentang satu postingan.")
    vera.window.press("Cari nomor")
    assert stranger.case.reference in vera.window.words
    assert page.locator("[name=reason]").input_value() == "Semua tentang satu postingan."
    assert page.locator("input[name=cases]:checked").count() == 40
    vera.window.press("Gabungkan yang dicentang")
    assert "40 laporan digabungkan." in vera.window.words
    assert Case.objects.active().count() == 2

    reporter = Reporter(window(script=False))
    reporter.returns(others[0].code)
    shown = reporter.reads("Sedang diverifikasi.", others[0].case.reference)
    assert target.case.reference not in shown
    assert "gabung" not in shown.lower()

    vera.window.go(f"/kantor/complaints/case/{target.case.pk}/change/")
    page.locator("#linked ~ details summary").click()
    links = page.locator('#linked ~ details a[href*="/pisah/"]')
    assert links.count() == 25
    assert "25 dari 41" in vera.window.words
    number = list(Case.objects.get(pk=target.case.pk).complaints.order_by("day", "pk")).index(
        others[0].case.complaints.model.objects.get(pk=others[0].ticket.complaint_id)
    )
    vera.window.go(f"/kantor/complaints/case/{target.case.pk}/change/?reports={number // 25 + 1}")
    page.locator("#linked ~ details summary").click()
    vera.window.follow(links.nth(number % 25))
    page.locator("[name=reason]").fill("Ternyata postingan lain.")
    vera.window.press("Pisahkan")
    assert f"Laporan itu sekarang ditangani sebagai {others[0].case.reference}." in vera.window.words
    reporter.reads("Diterima.", others[0].case.reference)
