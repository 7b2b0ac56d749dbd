"""A rule of the law is changed by two people: proposed, compared with the open cases, confirmed, and then in force."""

from __future__ import annotations

import json
import re

import pytest

from complaints.services import rule_comparison
from tests.browser.measure import looked_at
from tests.browser.people import Officer
from tests.browser.window import Opener
from tests.world import Cast, openings_of, send_report

SIZES = ((360, "light"), (1280, "dark"))

pytestmark = pytest.mark.django_db(transaction=True)


def test_rule_is_proposed_compared_and_confirmed(
    window: Opener, live_cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rule_comparison, "SLICE", 1)
    sent, other = send_report(event_from="2026-11-02"), send_report(event_from="2026-11-02", category="C1")
    adi = Officer(window(), "adi")
    adi.window.may_answer = {400}
    adi.window.press("Aturan hukum")
    # Who prints the rules to sign them signs no links, and reads dark letters on white.
    adi.page.emulate_media(media="print", color_scheme="dark")
    assert not adi.page.get_by_text("usulkan perubahan").first.is_visible()
    assert adi.page.evaluate("getComputedStyle(document.querySelector('h1')).color") == "rgb(29, 41, 47)"
    # Each rule has a place to sign, and each sheet names the state of the rules that is signed.
    places = adi.page.locator("tbody tr").filter(has_text="Nama").get_by_text("Tanda tangan", exact=True)
    signs, state = places.count(), adi.page.locator("thead .mono").first.inner_text()
    assert signs == adi.page.locator("section:not(.sources) tbody tr").count() > 100 and places.first.is_visible()
    assert re.fullmatch("[0-9a-f]{12}", state) and f"Keadaan aturan: {state}." in adi.window.words
    adi.page.emulate_media(media="screen")
    assert not places.first.is_visible()
    row = adi.page.locator("tr", has=adi.page.get_by_role("rowheader", name="n6-pressure"))
    adi.window.follow(row.first.get_by_role("link"))
    text = adi.page.locator("[name=row]")
    values = json.loads(text.input_value())
    text.fill(json.dumps(values | {"level": "grave"}))
    adi.page.locator("[name=reason]").fill("Putusan baru, halaman 12.")
    adi.window.press("Usulkan")
    # What the table refuses is named with table, row and key, and nothing that was typed is lost.
    assert "(n6-pressure): level memuat kode yang tidak dikenal: grave" in adi.window.words
    assert "grave" in adi.page.locator("[name=row]").input_value()
    assert looked_at(adi.window, "id", SIZES, least=0) == []
    adi.page.locator("[name=row]").fill(
        json.dumps(values | {"level": "medium", "reviewed_by": "Ahli hukum", "reviewed_on": "2026-11-20"})
    )
    adi.window.press("Usulkan")
    assert "Anggota tim verifikasi akan memutuskannya" in adi.window.words
    assert "Setujui" not in adi.window.words and "Bandingkan" not in adi.window.words
    assert looked_at(adi.window, "id", SIZES, least=0) == []

    vera = Officer(window(), "vera")
    vera.window.follow(vera.page.locator("main").get_by_role("link", name="Usulan perubahan"))
    assert looked_at(vera.window, "id", SIZES, least=0) == []
    vera.window.follow(vera.page.locator("main table").get_by_role("link"))
    assert "hukuman disiplin sedang" in vera.window.words and "Setujui" not in vera.window.words
    vera.page.get_by_role("button", name="Bandingkan kasus berjalan").click()
    # The script presses the button for each slice.
    vera.page.get_by_role("button", name="Setujui: berlaku mulai sekarang").wait_for()
    assert sent.case.reference in vera.window.words and other.case.reference not in vera.window.words
    assert "2 laporan dibandingkan" in vera.window.words
    assert looked_at(vera.window, "id", SIZES, least=0) == []
    vera.window.press("Setujui: berlaku mulai sekarang")
    assert "Disetujui. Berlaku mulai sekarang" in vera.window.words
    assert openings_of(sent) == 0
    vera.window.press("Semua aturan")
    assert "Ahli hukum, 20 Nov 2026" in vera.window.words

    vera.opens("case", sent.case.reference)
    vera.window.press("Aturan pada tanggal perbuatan")
    assert "hukuman disiplin sedang (PP 94/2021 Pasal 5 huruf n angka 6" in vera.window.words
