"""Somebody asks in the guide without scripts, on a phone, carries the answer over to a report, and prints it."""

from __future__ import annotations

import re

import pytest

from tests.browser.measure import looked_at
from tests.browser.window import Opener, Window
from tests.world import Cast

pytestmark = pytest.mark.django_db(transaction=True)
SIZES = ((360, "light"), (1280, "dark"))


def chooses(browser: Window, **chosen: str) -> None:
    for name, code in chosen.items():
        browser.page.locator(f"select[name={name}]").select_option(code)


def test_from_a_search_to_page_1_of_a_report(window: Opener, live_cast: Cast) -> None:
    browser = window(width=360, height=740, script=False)
    browser.go("/").press("Apakah ini pelanggaran?")
    assert browser.heading == "Apakah ini pelanggaran?"
    browser.page.locator("[name=text]").fill("disuruh like postingan")
    browser.press("Cari")
    browser.page.locator("[name=category][value=A6]").check()
    chooses(browser, accused_kind="superior", status="pns")
    browser.press("Lihat apa kata aturan")
    assert browser.path == "/pelanggaran/"
    assert browser.heading == "Disuruh mendukung calon di media sosial"
    assert "Perbuatan ini dapat melanggar aturan bagi ASN." in browser.words
    assert "Bukti baru tidak diperlukan." in browser.words
    browser.press("Ubah pilihan")
    assert browser.page.locator("select[name=category]").input_value() == "A6"
    assert browser.page.locator("select[name=status]").input_value() == "pns"
    browser.press("Lihat apa kata aturan").press("Laporkan tanpa nama")
    assert browser.path == "/lapor/"
    assert browser.page.locator("[name=accused_kind][value=superior]").is_checked()
    assert browser.page.locator("[name=category][value=A6]").is_checked()
    browser.press("Hapus sekarang")
    assert {cookie.get("name") for cookie in browser.context.cookies()} <= {"csrf"}
    assert browser.complaints == []


@pytest.mark.parametrize(("prefix", "submit"), [("", "Lihat apa kata aturan"), ("/en", "See what the rules say")])
def test_pages_lie_well_and_an_answer_prints_on_one_sheet(
    window: Opener, live_cast: Cast, prefix: str, submit: str
) -> None:
    browser, language = window(), "en" if prefix else "id"
    problems = looked_at(browser.go(f"{prefix}/pelanggaran/daftar/"), language, SIZES)
    problems += looked_at(browser.go(f"{prefix}/pelanggaran/"), language, SIZES)
    browser.press(submit)
    assert browser.page.locator(".alert-danger li").count() == 2
    problems += looked_at(browser, language, SIZES)
    for kind in ("superior", "unknown"):
        chooses(browser.go(f"{prefix}/pelanggaran/"), category="A1", accused_kind=kind)
        browser.press(submit)
        problems += looked_at(browser, language, SIZES)
        browser.page.emulate_media(media="print")
        sheets = re.findall(rb"/Type\s*/Page\b", browser.page.pdf(format="A4"))
        assert len(sheets) == 1, kind
        for gone in ("header", "footer", ".actions", ".noprint"):
            assert not browser.page.locator(gone).first.is_visible()
        assert browser.page.locator("main h1").is_visible()
        browser.page.emulate_media(media="screen")
    assert problems == []
