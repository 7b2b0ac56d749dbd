"""A verifier works through the queue by keys, searches, saves a filter and takes several cases at once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone

from complaints.models.case import Case
from complaints.models.team import Staff
from tests.browser.measure import looked_at
from tests.browser.people import Officer
from tests.browser.window import Opener, Window
from tests.world import Cast, send_report

pytestmark = pytest.mark.django_db(transaction=True)
QUEUE = "/kantor/complaints/case/"
NIP = "198001012005011003"


def violations(own: Window) -> list[str]:
    found = Axe().run(own.page, options={"resultTypes": ["violations"]}).response["violations"]
    return [f"{one['id']}: {node['html'][:120]}" for one in found for node in one["nodes"]]


def three_cases() -> list[str]:
    """Reports by deadline: late, sooner, later; the second names a NIP, the third comes from elsewhere."""
    today = timezone.localdate()
    found = []
    for days, changes in ((20, {}), (2, {"accused_nip": NIP}), (0, {"province": "32", "category": "A2"})):
        found.append(send_report(today=today - timedelta(days=days), **changes).case.reference)
    return found


def test_the_queue_by_keys(window: Opener, live_cast: Cast) -> None:
    references = three_cases()
    own = window()
    officer, page = Officer(own, "vera"), own.page
    own.go(QUEUE)
    focused = page.locator("table.cases tbody tr:focus-within th a")
    page.keyboard.press("j")
    assert focused.inner_text() == references[0]
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert focused.inner_text() == references[2]
    page.keyboard.press("x")
    page.keyboard.press("k")
    assert (focused.inner_text(), page.locator("#ticked").inner_text()) == (references[1], "2")
    with page.expect_navigation():
        page.keyboard.press("m")
    assert "Selesai untuk 2 kasus." in own.words
    mine = set(Case.objects.filter(assignee=Staff.objects.get(username="vera")).values_list("reference", flat=True))
    assert mine == {references[1], references[2]}
    page.keyboard.press("?")
    assert "baris berikutnya" in own.words
    # While somebody types, a letter is a letter.
    page.keyboard.press("/")
    page.keyboard.type("jxm?")
    assert page.locator("#id_words").input_value() == "jxm?"
    page.locator("#id_words").fill(NIP)
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert f"NIP: {NIP}" in own.words
    assert page.locator("table.cases tbody th a").all_inner_texts() == [references[1]]
    assert NIP not in page.url
    own.press("Hapus pencarian")
    page.keyboard.press("j")
    with page.expect_navigation():
        page.keyboard.press("o")
    assert own.heading.startswith(references[0])
    assert officer.name == "vera"


def test_a_search_ends_on_the_desk_and_a_failed_one_keeps_its_words(window: Opener, live_cast: Cast) -> None:
    references = three_cases()
    own = window()
    Officer(own, "vera")
    rows = own.go(QUEUE).page.locator("table.cases tbody th a")
    own.page.locator("#id_words").fill(NIP)
    own.press("Cari")
    assert rows.all_inner_texts() == [references[1]]
    own.go("/kantor/").press("1 Terlambat")
    assert rows.all_inner_texts() == [references[0]]
    own.page.locator("#id_words").fill("kepala dinas contoh")
    own.press("Cari")
    assert own.page.locator("#id_words").input_value() == "kepala dinas contoh"
    assert own.complaints == []


def test_the_queue_lies_well_and_is_accessible(window: Opener, live_cast: Cast) -> None:
    three_cases()
    own, found = window(), list[str]()
    Officer(own, "vera")
    page = own.page
    own.go(f"{QUEUE}?due=late")
    page.get_by_text("Simpan saringan ini").click()
    page.locator("#id_filter_name").fill("Terlambat")
    page.get_by_label("Untuk semua anggota verifikasi").check()
    own.press("Simpan")
    own.press("Terlambat · bersama")
    assert page.url.endswith("?due=late")
    own.go(QUEUE)
    page.get_by_label("Nomor kasus, NIP").fill(NIP)
    own.press("Cari")
    for opened in (None, "Kolom", "Menurut nama"):
        if opened:
            page.locator("summary", has_text=opened).click()
        for width, scheme in ((768, "dark"), (1280, "light"), (1280, "dark")):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme)
            found += violations(own)
    page.keyboard.press("Escape")
    found += looked_at(own, "id", ((768, "light"), (1280, "dark")), least=0)
    page.locator("input[name=case]").first.check()
    own.press("Beri kepada rekan")
    found += violations(own)
    assert found == []


def test_the_queue_without_a_script(window: Opener, live_cast: Cast) -> None:
    references = three_cases()
    own = window(script=False)
    Officer(own, "vera")
    own.go(QUEUE)
    own.press("Centang semua di halaman ini")
    own.press("Beri kepada rekan")
    own.page.locator("#id_person").select_option(label="Vino (Verifikator)")
    own.press("Berikan")
    assert f"Selesai untuk {len(references)} kasus." in own.words
    own.page.locator("summary", has_text="Tombol").click()
    own.press("Matikan tombol ini")
    assert own.page.locator("#keys").get_attribute("data-on") == "no"
