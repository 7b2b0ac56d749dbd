"""Files on page 3 and the status page in a real browser: progress, cancel, a line that breaks, several at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route

from complaints.models.case import Case
from complaints.models.evidence import DraftFile, Evidence
from complaints.services.evidence import storage
from tests.browser.files import Upload, letter, photo
from tests.browser.people import Reporter, on_page_3
from tests.browser.window import TIMEOUT_MS, Opener
from tests.world import Cast, send_report

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]

MIB = 1024 * 1024
PHOTO, LETTER = photo("apel.jpg"), letter("undangan.pdf")
LARGE = Upload("rekaman.pdf", "application/pdf", LETTER.content + b"\n%" + b"x" * (3 * MIB))
SEGMENT = "**/lapor/berkas/potongan/"


def kept(page: Page) -> list[str]:
    return page.locator("[data-kept] .files li > span").all_inner_texts()


def stored() -> set[str]:
    return {item.name for item in storage.storage().present()}


def sent_bytes(page: Page) -> float:
    return max(page.locator("progress").evaluate_all("bars => bars.map(bar => bar.value)"), default=0.0)


def until(page: Page, condition: Callable[[], bool]) -> None:
    """Wait for a condition; wait_for_function would need eval, which the policy forbids."""
    for _ in range(TIMEOUT_MS // 50):
        if condition():
            return
        page.wait_for_timeout(50)
    raise AssertionError("in vain")


def wait_for(page: Page, *names: str) -> None:
    for name in names:
        page.locator("[data-kept] li", has_text=name).wait_for()


def held_back(page: Page, after: int) -> Callable[[], None]:
    """Let some segments through, hold the next ones back; return what lets them go."""
    held: list[Route] = []
    seen: list[str] = []
    gone: list[bool] = []

    def handle(route: Route) -> None:
        seen.append(route.request.url)
        if len(seen) > after and not gone:
            held.append(route)
        else:
            route.continue_()

    page.route(SEGMENT, handle)

    def let_go() -> None:
        gone.append(True)
        for route in held:
            route.continue_()

    return let_go


def test_uploads_run_in_parallel_and_the_form_waits(window: Opener, live_cast: Cast) -> None:
    reporter = on_page_3(window)
    page = reporter.page
    let_go = held_back(page, after=2)
    reporter.attaches([LARGE])
    bar = page.get_by_role("progressbar", name="rekaman.pdf")
    until(page, lambda: sent_bytes(page) >= 2 * MIB)
    assert int(bar.get_attribute("max") or 0) == len(LARGE.content)
    assert page.locator("input[type=file]").evaluate("input => input.files.length") == 0
    page.get_by_label("Cerita Anda").fill(reporter.texts.story)
    page.get_by_role("button", name="Lanjut", exact=True).click()
    page.get_by_text("halaman akan berlanjut sendiri").wait_for()
    let_go()
    page.wait_for_url("**/lapor/periksa/")
    assert "rekaman.pdf" in reporter.window.words
    reporter.window.press("Kirim laporan")
    assert Case.objects.count() == 1
    assert Evidence.objects.filter(kind="file").count() == 1
    assert not DraftFile.objects.exists()


def test_several_files_and_one_that_cannot_be_taken(window: Opener, live_cast: Cast) -> None:
    reporter = on_page_3(window)
    page = reporter.page
    bad = Upload("gambar.svg", "image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>")
    reporter.attaches([PHOTO, LETTER, bad, LARGE])
    wait_for(page, "apel.jpg", "undangan.pdf", "rekaman.pdf")
    page.get_by_role("alert").get_by_text("gambar.svg").wait_for()
    assert sorted(kept(page)) == ["apel.jpg", "rekaman.pdf", "undangan.pdf"]
    page.locator("[data-kept] li", has_text="undangan.pdf").get_by_role("button").click()
    until(page, lambda: len(kept(page)) == 2)
    assert reporter.window.path == "/lapor/cerita/"
    assert DraftFile.objects.exclude(object_name=None).count() == 2


def test_cancelling_leaves_nothing(window: Opener, live_cast: Cast) -> None:
    reporter = on_page_3(window)
    page = reporter.page
    before = stored()
    held_back(page, after=1)
    reporter.attaches([LARGE])
    until(page, lambda: sent_bytes(page) >= MIB)
    with page.expect_response("**/lapor/berkas/batal/"):
        page.get_by_role("button", name="Batal rekaman.pdf").click()
    assert page.get_by_role("progressbar").count() == 0
    assert not DraftFile.objects.exists()
    assert stored() == before


def test_a_broken_line_is_mended_without_anybodys_help(window: Opener, live_cast: Cast) -> None:
    reporter = on_page_3(window)
    page = reporter.page
    broken: list[str] = []

    def handle(route: Route) -> None:
        number = route.request.headers["upload-segment"]
        if number == "1" and len(broken) < 2:
            broken.append(number)
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route(SEGMENT, handle)
    reporter.attaches([LARGE])
    page.get_by_text("Sambungan terputus").wait_for()
    wait_for(page, "rekaman.pdf")
    assert broken == ["1", "1"]
    reporter.window.complaints[:] = [line for line in reporter.window.complaints if "ERR_CONNECTION_RESET" not in line]


def test_a_circuit_that_sends_too_much_is_waited_for(window: Opener, live_cast: Cast) -> None:
    reporter = on_page_3(window)
    page = reporter.page
    reporter.window.may_answer = {429}
    refused: list[str] = []

    def handle(route: Route) -> None:
        number = route.request.headers["upload-segment"]
        if number == "1" and len(refused) < 2:
            refused.append(number)
            route.fulfill(status=429, headers={"Retry-After": "10"}, body="<h1>Terlalu banyak permintaan</h1>")
        else:
            route.continue_()

    page.route(SEGMENT, handle)
    reporter.attaches([LARGE])
    wait_for(page, "rekaman.pdf")
    assert refused == ["1", "1"]


def test_a_file_goes_on_after_the_page_was_opened_again(window: Opener, live_cast: Cast) -> None:
    reporter = on_page_3(window)
    page = reporter.page
    held_back(page, after=2)
    reporter.attaches([LARGE])
    until(page, lambda: sent_bytes(page) >= 2 * MIB)
    page.unroute(SEGMENT)
    reporter.window.go("/lapor/cerita/")
    page.get_by_text("Terputus dan belum lengkap").wait_for()
    page.get_by_role("button", name="Hapus rekaman.pdf").click()
    until(page, lambda: "Terputus" not in page.locator("main").inner_text())
    assert not DraftFile.objects.exists()


def test_more_evidence_on_the_status_page(window: Opener, live_cast: Cast) -> None:
    sent = send_report()
    reporter = Reporter(window())
    reporter.returns(sent.code)
    reporter.attaches([PHOTO, LARGE])
    wait_for(reporter.page, "apel.jpg", "rekaman.pdf")
    assert not Evidence.objects.exists()
    reporter.window.press("Kirim berkas")
    reporter.page.get_by_text("Berkas Anda sudah kami terima").wait_for()
    assert Evidence.objects.filter(complaint__case=sent.case, kind="file").count() == 2
    assert kept(reporter.page) == []


def test_without_javascript_the_same_form_takes_several_files(window: Opener, live_cast: Cast) -> None:
    reporter = on_page_3(window, script=False)
    reporter.attaches([PHOTO, LETTER, LARGE])
    reporter.window.press("Unggah berkas sekarang")
    assert sorted(kept(reporter.page)) == ["apel.jpg", "rekaman.pdf", "undangan.pdf"]
    reporter.page.locator("[data-kept] li", has_text="apel.jpg").get_by_role("button").click()
    assert sorted(kept(reporter.page)) == ["rekaman.pdf", "undangan.pdf"]
