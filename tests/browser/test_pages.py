"""Every page of both doors as it lies in a browser, the keyboard alone, and what a refused form shows."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from playwright.sync_api import expect

from complaints.domain.workflow import Action
from complaints.models.complaint import Complaint
from complaints.models.evidence import Evidence
from complaints.models.job import JobFailure, JobName
from complaints.models.team import Staff
from complaints.services.audit import named_faults
from complaints.services.audit.faults import Fault
from tests.browser.files import letter, photo
from tests.browser.measure import focus_of, looked_at
from tests.browser.people import Officer, ReportTexts
from tests.browser.window import Opener, Window
from tests.cases import act, forwarded, in_review, verified, with_photo
from tests.world import Cast, send_report

pytestmark = pytest.mark.django_db(transaction=True)

PHONE, TABLET, DESK = 360, 768, 1280
DAY = date(2026, 11, 9)
Look = Callable[..., None]


def looking(browser: Window, prefix: str, problems: list[str]) -> Look:
    """Return what looks at a page in narrow and wide, light and dark; the languages take turns with the pairs."""
    schemes = ("light", "dark") if prefix else ("dark", "light")

    def look(path: str = "") -> None:
        if path:
            browser.go(f"{prefix}{path}")
        problems.extend(looked_at(browser, "en" if prefix else "id", tuple(zip((PHONE, DESK), schemes, strict=True))))

    return look


def continues(browser: Window) -> None:
    browser.follow(browser.page.locator("main .btn-primary").first)


@pytest.mark.parametrize("prefix", ["", "/en"])
def test_pages_before_a_report_lie_well(window: Opener, live_cast: Cast, prefix: str) -> None:
    browser, problems = window(), list[str]()
    look = looking(browser, prefix, problems)
    for path in ("/", "/tentang/", "/lapor/", "/lapor/ditekan/", "/lapor/melihat/", "/cek/"):
        look(path)
    for door in ("bawaslu", "sp4n"):
        look(f"/lapor/pintu-lain/{door}/")
    browser.may_answer = {404}
    look("/tidak-ada/")
    assert problems == []


@pytest.mark.parametrize("prefix", ["", "/en"])
def test_pages_of_a_report_lie_well(window: Opener, live_cast: Cast, prefix: str) -> None:
    browser, problems = window(), list[str]()
    look, page, texts = looking(browser, prefix, problems), browser.page, ReportTexts()
    browser.go(f"{prefix}/lapor/ditekan/")
    refused_then(browser, look)
    for choice in ("accused_kind][value=campaign_team", "category][value=A2"):
        page.locator(f"details:has([name={choice}]) summary").click()
        page.locator(f"[name={choice}]").check()
    continues(browser)
    look()
    page.locator("[name=event_from]").fill("2031-01-01")
    refused_then(browser, look)
    page.locator("[name=event_from]").fill("")
    page.locator("[name=agency_kind]").select_option("regency")
    page.locator("[name=accused_name]").fill(texts.name * 9)
    continues(browser)
    look()
    refused_then(browser, look)
    page.locator("[name=story]").fill(texts.story)
    page.locator("[name=evidence]").set_input_files([photo("a" * 70 + ".jpg").given(), letter("surat.pdf").given()])
    page.locator(".fold summary").first.click()
    look()
    browser.follow(page.locator(".btn[name=go][value=stay]"))
    look()
    continues(browser)
    look()
    page.locator("[name=identity][value=confidential]").check()
    refused_then(browser, look)
    page.locator("[name=identity][value=anonymous]").check()
    second = browser.context.new_page()
    second.goto(page.url)
    continues(browser)
    assert browser.path == f"{prefix}/lapor/kode/"
    look()
    look("/lapor/")
    browser.context.clear_cookies(name="lapor")
    browser.page = second
    continues(browser)
    look()
    assert problems == []


def refused_then(browser: Window, look: Look) -> None:
    """Send the page as it is, which is not enough, and look at what comes back."""
    continues(browser)
    assert browser.page.locator("main .alert-danger a").count()
    look()


@pytest.mark.parametrize("prefix", ["", "/en"])
def test_pages_of_coming_back_lie_well(window: Opener, live_cast: Cast, prefix: str) -> None:
    sent = in_review(live_cast)
    act(live_cast, "vera", sent, Action.ASK_REPORTER, "Kapan tepatnya? " * 20)
    browser, problems = window(), list[str]()
    look, page = looking(browser, prefix, problems), browser.page
    browser.go(f"{prefix}/cek/")
    page.locator("[name=code]").fill("BUKANKODE" * 12)
    refused_then(browser, look)
    page.locator("[name=code]").fill(sent.code)
    continues(browser)
    look()
    refused_then(browser, look)
    browser.follow(page.locator('[name="go"][value="files"]'))
    look()
    page.locator(".fold summary").first.click()
    browser.follow(page.locator('[name="go"][value="post"]'))
    look()
    look("/cek/laporan/cabut/")
    browser.go(f"{prefix}/cek/laporan/")
    page.locator("[name=text]").fill("Hari Senin.")
    browser.context.clear_cookies(name="lapor")
    continues(browser)
    assert page.locator("textarea[readonly]").input_value() == "Hari Senin."
    look()
    assert problems == []


OWN = ("sesi/", "konfirmasi/", "faktor/", "faktor/aplikasi/", "faktor/kunci/", "faktor/aplikasi/hapus/")


def test_pages_of_the_staffs_door_lie_well(window: Opener, live_cast: Cast) -> None:
    sent, checked = in_review(live_cast), verified(live_cast)
    with_photo(sent)
    photo_of = Evidence.objects.get().pk
    send_report(accused_name="Nama yang sangat panjang " * 6)
    _sent, release = forwarded(live_cast, files=True)
    case, other = (f"complaints/case/{report.case.pk}" for report in (sent, checked))
    ours = f"complaints/release/{release.pk}"
    pages = {
        "vera": [
            "",
            "complaints/case/",
            f"{case}/change/",
            f"{case}/langkah/ask_reporter/",
            f"{case}/bukti/{photo_of}/",
        ],
        "fitri": [f"{other}/teruskan/", "complaints/team/", "saya/", "sandi/", *OWN],
        "kirana": ["", "complaints/release/", f"{ours}/change/", f"{ours}/langkah/take_up/"],
        "adi": ["", "complaints/staff/", "complaints/staff/add/", "complaints/category/"],
        "audi": ["complaints/auditentry/", "complaints/verificationfault/"],
        "super": ["complaints/case/", f"{case}/change/"],
    }
    problems: list[str] = looked_at(window().go("/kantor/masuk/"), "id", ((TABLET, "light"), (DESK, "dark")))
    windows = ((TABLET, "light"), (DESK, "dark"))
    for name, paths in pages.items():
        browser = window()
        Officer(browser, name)
        for path in paths:
            problems += looked_at(browser.go(f"/kantor/{path}"), "id", windows, least=0)
    assert problems == []


def test_pages_of_an_auditor_lie_well_and_lead_on(window: Opener, live_cast: Cast) -> None:
    sent = in_review(live_cast)
    browser = window()
    audi = Officer(browser, "audi")
    windows = ((TABLET, "light"), (TABLET, "dark"), (DESK, "light"), (DESK, "dark"))
    problems: list[str] = looked_at(browser.go("/kantor/complaints/auditentry/"), "id", windows, least=0)
    audi.page.locator("[name=reference]").fill(sent.case.reference)
    browser.follow(audi.page.locator("#audit-case button"))
    assert f"Hanya catatan kasus {sent.case.reference}." in browser.words
    assert sent.case.reference not in audi.page.url
    browser.follow(audi.page.locator("#audit-verify button"))
    assert "Verifikasi dimulai dalam satu menit." in browser.words
    problems += looked_at(browser.go("/kantor/complaints/auditentry/tidak-lazim/"), "id", windows, least=0)
    assert problems == []


@pytest.mark.parametrize("language", ["id", "en"])
def test_pages_of_jobs_and_faults_lie_well_on_a_phone(window: Opener, live_cast: Cast, language: str) -> None:
    """Without scripts: the menu is folded, opens and leads on; in a wide window it lies open."""
    JobFailure.objects.create(name=JobName.VERIFY_CHAIN, day=DAY, type="OperationalErrorOfALongName")
    gone = [Fault(None, "identity.signature", f"complaint {uuid.uuid4()}", "ab" * 32)]
    gone.append(Fault(7, "case.status", "KN-26-ABCDEF", "verified.1"))
    named_faults.store(gone, today=DAY)
    Staff.objects.update(language=language)
    browser, problems = window(script=False), list[str]()
    Officer(browser, "super")
    for path in ("", "complaints/jobfailure/", "complaints/verificationfault/"):
        browser.go(f"/kantor/{path}")
        problems += looked_at(browser, language, ((PHONE, "light"), (PHONE, "dark"), (DESK, "light")), least=0)
        expect(browser.page.locator(".ways a").first).to_be_visible()
        browser.page.set_viewport_size({"width": PHONE, "height": 740})
        expect(browser.page.locator(".ways a").first).to_be_hidden()
        height = browser.page.locator("header .top").evaluate("node => node.getBoundingClientRect().height")
        assert height <= 740 / 6, f"{path}: the head takes {height} px"
    browser.page.locator("summary", has_text="Menu").first.click()
    browser.follow(browser.page.locator(".ways a").last)
    assert browser.path == "/kantor/saya/"
    assert problems == []


@pytest.mark.parametrize("language", ["id", "en"])
def test_the_page_of_operation_lies_well(window: Opener, live_cast: Cast, language: str) -> None:
    Staff.objects.update(language=language)
    named_faults.store([Fault(None, "identity.signature", f"complaint {uuid.uuid4()}", "ab" * 32)], today=DAY)
    browser, sizes = (
        window(script=False),
        ((PHONE, "light"), (768, "light"), (768, "dark"), (1280, "light"), (1280, "dark")),
    )
    Officer(browser, "super")
    browser.go("/kantor/operasi/")
    assert looked_at(browser, language, sizes, least=0) == []
    expect(browser.page.locator("main .warning").first).to_be_visible()


def test_a_report_is_sent_by_the_keyboard_alone(window: Opener, live_cast: Cast) -> None:
    browser = window(width=PHONE, script=False).go("/")
    keys = browser.page.keyboard
    head_is_walked_and_skipped(browser)
    enters(browser, "Saya ditekan atau dibujuk mendukung calon")
    tabs_to(browser, "accused_kind")
    keys.press("Space")
    keys.press("ArrowDown")
    assert browser.page.locator("[name=accused_kind][value=colleague]").is_checked()
    tabs_to(browser, "Perintah atau ancaman")
    keys.press("Enter")
    tabs_to(browser, "category")
    keys.press("Space")
    enters(browser, "Lanjut")
    enters(browser, "Lanjut")
    tabs_to(browser, "story")
    keys.type(ReportTexts().story)
    enters(browser, "Lanjut")
    enters(browser, "Kirim laporan")
    assert browser.path == "/lapor/kode/"
    code = " ".join(browser.page.locator("#ticket").inner_text().split())
    tabs_to(browser, "Unduh")
    tabs_to(browser, "last")
    keys.type(code[-5:])
    enters(browser, "Periksa, lalu lanjut")
    tabs_to(browser, "code")
    keys.type(code)
    with browser.page.expect_navigation():
        keys.press("Enter")
    assert browser.path == "/cek/laporan/"
    enters(browser, "Selesai, keluar")
    assert (browser.path, Complaint.objects.count()) == ("/", 1)


def head_is_walked_and_skipped(browser: Window) -> None:
    """The head is reached in the order in which it is read, backwards too, and the first stop leads past it."""
    keys, order = browser.page.keyboard, ("Langsung ke isi", "Kanal Netral", "EN", "Keluar cepat")
    stops = []
    for key in ("Tab", "Tab", "Tab", "Tab", "Shift+Tab", "Shift+Tab", "Shift+Tab"):
        keys.press(key)
        stops.append(seen_focus(browser)["text"])
    assert stops == [*order, *order[2::-1]]
    keys.press("Enter")
    keys.press("Tab")
    assert seen_focus(browser)["text"] not in order


def seen_focus(browser: Window) -> dict[str, Any]:
    """Return what has the focus, which is ringed and not hidden below the head that stays in view."""
    focus = focus_of(browser)
    assert focus["ring"] and focus["seen"], focus
    return focus


def enters(browser: Window, name: str) -> None:
    """Go to a link or button by Tab and press Enter."""
    tabs_to(browser, name)
    with browser.page.expect_navigation():
        browser.page.keyboard.press("Enter")


def tabs_to(browser: Window, name: str) -> None:
    """Press Tab until what has the focus bears that name or text; every stop shows where one is."""
    for _press in range(60):
        browser.page.keyboard.press("Tab")
        focus = seen_focus(browser)
        if name in (focus["name"], focus["text"]):
            return
    pytest.fail(f"the keyboard does not reach {name} on {browser.path}")


def test_a_refused_page_says_so_first_and_keeps_what_was_typed(window: Opener, live_cast: Cast) -> None:
    browser, texts = window(width=PHONE, script=False), ReportTexts()
    page = browser.go("/lapor/ditekan/").page
    page.locator("[name=accused_kind][value=superior]").check()
    page.locator("details:has([value=A2]) summary").click()
    page.locator("[name=category][value=A2]").check()
    continues(browser)
    page.locator("[name=agency]").fill(texts.agency)
    page.locator("[name=learnt_on]").fill("2031-01-01")
    continues(browser)
    summary_leads_to(browser, "learnt_on")
    assert page.locator("[name=agency]").input_value() == texts.agency
    page.locator("[name=learnt_on]").fill("")
    continues(browser)
    page.locator("[name=story]").fill("Singkat.")
    page.locator("[name=links]").fill(texts.links)
    page.locator("[name=evidence]").set_input_files([letter("surat.pdf").given()])
    continues(browser)
    summary_leads_to(browser, "story")
    assert page.locator("[name=story]").input_value() == "Singkat."
    assert page.locator("[name=links]").input_value() == texts.links
    assert page.locator(".files li", has_text="surat.pdf").count() == 1


def summary_leads_to(browser: Window, name: str) -> None:
    """The list of what is wrong has the focus, and its first link leads to the field, which says the same again."""
    # A browser moves the focus with the first picture of a page, which may come after the page has loaded.
    expect(browser.page.locator("[role=alert]")).to_be_focused()
    assert browser.page.title().startswith("Belum dapat dilanjutkan")
    link = browser.page.locator("[role=alert] a").first
    words = link.inner_text()
    link.press("Enter")
    assert focus_of(browser)["name"] == name
    field = browser.page.locator(f"[name={name}]")
    assert field.get_attribute("aria-invalid") == "true"
    described_by = (field.get_attribute("aria-describedby") or "").split()
    assert any(words in browser.page.locator(f"#{element}").inner_text() for element in described_by)
