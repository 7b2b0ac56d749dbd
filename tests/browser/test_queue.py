"""A verifier works through the queue by keys, searches, saves a filter and takes several cases at once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone

from complaints.models.case import Case
from complaints.models.complaint import Message
from complaints.models.team import Staff
from complaints.services import follow_up
from tests.browser.measure import looked_at
from tests.browser.people import Officer
from tests.browser.window import Opener, Window
from tests.images import photo
from tests.world import Cast, sealed_upload, send_report

pytestmark = pytest.mark.django_db(transaction=True)
QUEUE = "/kantor/complaints/case/"
NIP = "198001012005011003"


def violations(browser: Window) -> list[str]:
    problems = Axe().run(browser.page, options={"resultTypes": ["violations"]}).response["violations"]
    return [f"{violation['id']}: {node['html'][:120]}" for violation in problems for node in violation["nodes"]]


def three_cases() -> list[str]:
    """Reports by deadline: late, sooner, later; the second names a NIP, the third comes from elsewhere."""
    today = timezone.localdate()
    problems = []
    for days, changes in ((20, {}), (1, {"accused_nip": NIP}), (0, {"province": "32", "category": "A2"})):
        problems.append(send_report(today=today - timedelta(days=days), **changes).case.reference)
    return problems


def test_the_queue_by_keys(window: Opener, live_cast: Cast) -> None:
    references = three_cases()
    browser = window()
    officer, page = Officer(browser, "vera"), browser.page
    browser.go(QUEUE)
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
    assert "2 kasus sudah diproses." in browser.words
    mine = set(Case.objects.filter(assignee=Staff.objects.get(username="vera")).values_list("reference", flat=True))
    assert mine == {references[1], references[2]}
    page.keyboard.press("?")
    assert "baris berikutnya" in browser.words
    # While somebody types, a letter is a letter.
    page.keyboard.press("/")
    page.keyboard.type("jxm?")
    assert page.locator("#id_words").input_value() == "jxm?"
    page.locator("#id_words").fill(NIP)
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert f"Hasil pencarian: {NIP}" in browser.words
    assert page.locator("table.cases tbody th a").all_inner_texts() == [references[1]]
    assert NIP not in page.url
    browser.press("Akhiri pencarian")
    page.keyboard.press("j")
    with page.expect_navigation():
        page.keyboard.press("o")
    assert browser.heading.startswith(references[0])
    assert officer.name == "vera"


def test_a_search_finds_what_is_remembered_and_ends_on_the_desk(window: Opener, live_cast: Cast) -> None:
    references, today = three_cases(), timezone.localdate()
    sent = send_report(
        accused_name="Drs. Suprapti, M.Si.",
        accused_position="Kabid Perbekalan",
        agency="Disdik Kab. Contoh",
        regency="Kabupaten Tulung",
        accused_nip="196512121990031007",
        story="Kami dikumpulkan di aula pringsewelas.",
        links="https://instagram.com/p/AbC123unik",
        files=[sealed_upload(photo(), "surat-perintah.jpg")],
    )
    browser = window()
    vera = Officer(browser, "vera")
    page, rows = browser.page, browser.page.locator("table.cases tbody th a")
    browser.go(f"{QUEUE}{sent.case.pk}/change/")
    vera.writes_note("Telepon balik hari Jumat legi.")
    follow_up.add_message(ticket=sent.ticket, text="Bidan Marsinah melihat.", files=[], today=today)
    browser.go(QUEUE)
    for words in (
        *("suprap", "dinas pendidikan kabupaten contoh", "pringsewelas", "legi", "marsinah", "surat perintah"),
        *("tulung", "perbekalan", "19651212 199003 1 007", "www.instagram.com/p/AbC123unik/"),
    ):
        page.locator("#id_words").fill(words)
        browser.press("Cari")
        assert rows.all_inner_texts() == [sent.case.reference], words
        assert page.locator("#id_words").input_value() == words
        assert page.url.endswith("/case/cari/")
    page.locator("#id_words").fill("kepala dinas tirtamerapi")
    browser.press("Cari")
    assert rows.count() == 0 and page.locator("#id_words").input_value() == "kepala dinas tirtamerapi"
    browser.go("/kantor/").press("1 Terlambat")
    assert rows.all_inner_texts() == [references[0]]
    assert page.locator("#id_words").input_value() == ""
    assert browser.complaints == []


def test_the_queue_lies_well_and_is_accessible(window: Opener, live_cast: Cast) -> None:
    three_cases()
    browser, problems = window(), list[str]()
    Officer(browser, "vera")
    page = browser.page
    browser.go(f"{QUEUE}?due=late")
    page.get_by_text("Simpan filter ini").click()
    page.locator("#id_filter_name").fill("Terlambat")
    page.get_by_label("Untuk seluruh tim verifikasi").check()
    browser.press("Simpan")
    browser.press("Terlambat · bersama")
    assert page.url.endswith("?due=late")
    browser.go(QUEUE)
    for opened in (None, "Kolom"):
        if opened:
            page.locator("summary", has_text=opened).click()
        for width, scheme in ((768, "dark"), (1280, "light"), (1280, "dark")):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme)
            problems += violations(browser)
    page.keyboard.press("Escape")
    problems += looked_at(browser, "id", ((768, "light"), (1280, "dark")), least=0)
    for words in (NIP, "tidak ada di mana pun", "?"):
        page.locator("#id_words").fill(words)
        browser.press("Cari")
        for width, scheme in ((768, "dark"), (1280, "light")):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme)
            problems += violations(browser)
        problems += looked_at(browser, "id", ((768, "light"), (1280, "dark")), least=0)
    browser.go(QUEUE)
    page.locator("input[name=case]").first.check()
    browser.press("Serahkan kepada rekan")
    problems += violations(browser)
    assert problems == []


def test_the_queue_without_a_script(window: Opener, live_cast: Cast) -> None:
    references = three_cases()
    browser = window(script=False)
    Officer(browser, "vera")
    browser.go(QUEUE)
    browser.press("Centang semua di halaman ini")
    browser.press("Serahkan kepada rekan")
    browser.page.locator("#id_person").select_option(label="Vino (Verifikator)")
    browser.press("Serahkan")
    assert f"{len(references)} kasus sudah diproses." in browser.words
    browser.page.locator("summary", has_text="Pintasan keyboard").click()
    browser.press("Matikan pintasan")
    assert browser.page.locator("#keys").get_attribute("data-on") == "no"


def test_further_filters_acts_and_undo(window: Opener, live_cast: Cast) -> None:
    references = three_cases()
    browser = window()
    officer, page = Officer(browser, "vera"), browser.page
    browser.go(QUEUE)
    page.get_by_text("Filter lainnya").click()
    page.locator("#id_further_sort").select_option("newest")
    page.locator("#id_since").fill((timezone.localdate() - timedelta(days=10)).isoformat())
    browser.follow(page.locator("details[open] button", has_text="Tampilkan"))
    assert page.locator("table.cases tbody th a").all_inner_texts() == [references[2], references[1]]
    problems = violations(browser)

    page.get_by_role("link", name="Centang semua di halaman ini").click()
    browser.follow(page.get_by_role("button", name="Ambil", exact=True))
    assert "2 kasus kini punya petugas lain." in browser.words
    problems += violations(browser)
    browser.follow(page.get_by_role("button", name="Batalkan"))
    assert not Case.objects.filter(assignee__username=officer.name).exists()

    page.get_by_role("link", name="Centang semua di halaman ini").click()
    page.get_by_text("Tindakan lain").click()
    browser.follow(page.get_by_role("button", name="Tulis kepada pelapornya"))
    problems += violations(browser)
    page.locator("[name=text]").fill("Kami sedang memeriksa laporan Anda.")
    browser.follow(page.get_by_role("button", name="Kirim", exact=True))
    assert "2 kasus sudah diproses." in browser.words
    assert Message.objects.filter(direction="to_reporter", step=None).count() == 2
    assert problems == []
