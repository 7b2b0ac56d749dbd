"""An officer reads which rules fit a case, and all rules; a body records a sanction that fits the accused."""

from __future__ import annotations

import pytest

from complaints.domain.workflow import Action
from tests.browser.measure import looked_at
from tests.browser.people import Officer
from tests.browser.window import Opener
from tests.cases import body_act, forwarded
from tests.world import Cast, send_report

SIZES = ((360, "light"), (1280, "dark"))

pytestmark = pytest.mark.django_db(transaction=True)


def test_rules_of_a_case_and_all_rules(window: Opener, live_cast: Cast) -> None:
    sent = send_report(event_from="2026-11-02")
    vera = Officer(window(width=360, height=740), "vera")
    vera.opens("case", sent.case.reference)
    vera.window.press("Aturan pada tanggal perbuatan")
    assert "hukuman disiplin berat (PP 94/2021 Pasal 5 huruf a, Pasal 14 huruf a" in vera.window.words
    assert "Bila terlapor: PNS" in vera.window.words
    assert "yang belum diketahui: luas dampak" in vera.window.words
    assert looked_at(vera.window, "id", SIZES, least=0) == []
    vera.window.press("Semua aturan")
    assert "Ditinjau dan disahkan" in vera.window.words and "belum ada" in vera.window.words
    assert looked_at(vera.window, "id", SIZES, least=0) == []
    # On paper the navigation is gone and the table is not cut.
    vera.page.emulate_media(media="print")
    assert not vera.page.locator(".top").is_visible()
    assert vera.page.locator("main table").first.is_visible()


def test_officer_states_facts_and_the_rules_follow(window: Opener, live_cast: Cast) -> None:
    sent = send_report(event_from="2026-12-01")
    vera = Officer(window(width=360, height=740), "vera")
    vera.opens("case", sent.case.reference)
    vera.window.press("Aturan pada tanggal perbuatan")

    def states(**chosen: str) -> str:
        for name, label in chosen.items():
            vera.page.locator(f"select[name={name}]").select_option(label=label)
        return vera.window.press("Simpan keterangan ini").words

    assert looked_at(vera.window, "id", SIZES, least=0) == []
    words = states(status="PPPK paruh waktu", election="Pilkada")
    assert "dicatat oleh" in words and "Bila terlapor" not in words
    assert "tingkat hukuman tidak ditemukan dalam teks mana pun" in words
    words = states(status="PNS")
    assert "hukuman disiplin berat (PP 94/2021 Pasal 5 huruf a, Pasal 14 huruf a" in words
    assert vera.page.locator("select[name=election]").input_value() == "pilkada"
    vera.page.locator("summary", has_text="Catatan sebelumnya").click()
    assert "PPPK paruh waktu" in vera.page.locator("details ul").inner_text()
    assert looked_at(vera.window, "id", SIZES, least=0) == []


def test_body_is_offered_the_sanctions_of_the_status(window: Opener, live_cast: Cast) -> None:
    _sent, release = forwarded(live_cast)
    for action in (Action.TAKE_UP, Action.SUBSTANTIATE, Action.AWAIT_AGENCY):
        body_act(live_cast, "kirana", release, action)
    kirana = Officer(window(), "kirana")
    kirana.opens("release", release.case.reference)
    assert "Bila terbukti: hukuman disiplin berat, hukuman disiplin ringan" in kirana.window.words
    kirana.window.follow(kirana.step("sanction"))
    kirana.page.locator("textarea[name=text]").fill("Salinan keputusan menyusul.")
    kirana.page.locator("input[name=number]").fill("800/3")
    kirana.page.locator("select[name=accused_status]").select_option("pppk")
    kirana.window.press("Tampilkan jenis sanksi untuk status ini")
    assert kirana.page.locator("textarea[name=text]").input_value() == "Salinan keputusan menyusul."
    assert kirana.page.locator("input[name=number]").input_value() == "800/3"
    kinds = kirana.page.locator("select[name=kind]").inner_text()
    assert "menurut aturan instansi (PPPK)" in kinds and "Penurunan jabatan" not in kinds
    assert looked_at(kirana.window, "id", SIZES, least=0) == []
