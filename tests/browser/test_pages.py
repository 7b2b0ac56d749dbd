"""Every page of both doors as it lies in a browser, the keyboard alone, and what a refused form shows."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from complaints.domain.workflow import Action
from complaints.models.complaint import Complaint
from complaints.models.evidence import Evidence
from tests.browser.files import letter, photo
from tests.browser.measure import focus_of, looked_at
from tests.browser.people import Officer, Told
from tests.browser.window import Opener, Window
from tests.cases import act, forwarded, in_review, verified, with_photo
from tests.world import Cast, send_report

pytestmark = pytest.mark.django_db(transaction=True)

PHONE, TABLET, DESK = 360, 768, 1280
Look = Callable[..., None]


def looking(own: Window, prefix: str, found: list[str]) -> Look:
    """Return what looks at a page in narrow and wide, light and dark; the languages take turns with the pairs."""
    schemes = ("light", "dark") if prefix else ("dark", "light")

    def look(path: str = "") -> None:
        if path:
            own.go(f"{prefix}{path}")
        found.extend(looked_at(own, "en" if prefix else "id", tuple(zip((PHONE, DESK), schemes, strict=True))))

    return look


def continues(own: Window) -> None:
    own.follow(own.page.locator("main form .btn-primary").first)


@pytest.mark.parametrize("prefix", ["", "/en"])
def test_pages_before_a_report_lie_well(window: Opener, live_cast: Cast, prefix: str) -> None:
    own, found = window(), list[str]()
    look = looking(own, prefix, found)
    for path in ("/", "/lapor/", "/lapor/ditekan/", "/lapor/melihat/", "/cek/"):
        look(path)
    for door in ("bawaslu", "sp4n"):
        look(f"/lapor/pintu-lain/{door}/")
    own.may_answer = {404}
    look("/tidak-ada/")
    assert found == []


@pytest.mark.parametrize("prefix", ["", "/en"])
def test_pages_of_a_report_lie_well(window: Opener, live_cast: Cast, prefix: str) -> None:
    own, found = window(), list[str]()
    look, page, told = looking(own, prefix, found), own.page, Told()
    own.go(f"{prefix}/lapor/ditekan/")
    refused_then(own, look)
    page.locator("[name=accused_kind][value=campaign_team]").check()
    page.locator("[name=category][value=A2]").check()
    continues(own)
    look()
    refused_then(own, look)
    page.locator("[name=agency_kind]").select_option("regency")
    page.locator("[name=accused_name]").fill(told.name * 9)
    continues(own)
    look()
    refused_then(own, look)
    page.locator("[name=story]").fill(told.story)
    page.locator("[name=evidence]").set_input_files([photo("a" * 70 + ".jpg").given(), letter("surat.pdf").given()])
    page.locator(".fold summary").click()
    look()
    own.follow(page.locator(".btn[name=go][value=stay]"))
    look()
    continues(own)
    look()
    page.locator("[name=identity][value=confidential]").check()
    refused_then(own, look)
    page.locator("[name=identity][value=anonymous]").check()
    second = own.context.new_page()
    second.goto(page.url)
    continues(own)
    assert own.path == f"{prefix}/lapor/kode/"
    look()
    look("/lapor/")
    own.context.clear_cookies(name="lapor")
    own.page = second
    continues(own)
    look()
    assert found == []


def refused_then(own: Window, look: Look) -> None:
    """Send the page as it is, which is not enough, and look at what comes back."""
    continues(own)
    assert own.page.locator("main .alert-danger a").count()
    look()


@pytest.mark.parametrize("prefix", ["", "/en"])
def test_pages_of_coming_back_lie_well(window: Opener, live_cast: Cast, prefix: str) -> None:
    sent = in_review(live_cast)
    act(live_cast, "vera", sent, Action.ASK_REPORTER, "Kapan tepatnya? " * 20)
    own, found = window(), list[str]()
    look, page = looking(own, prefix, found), own.page
    own.go(f"{prefix}/cek/")
    page.locator("[name=code]").fill("BUKANKODE" * 12)
    refused_then(own, look)
    page.locator("[name=code]").fill(sent.code)
    continues(own)
    look()
    refused_then(own, look)
    own.follow(page.locator('form[action$="/bukti/"] .btn'))
    look()
    page.locator(".fold summary").click()
    own.follow(page.locator('form[action$="/unggahan/"] .btn'))
    look()
    look("/cek/laporan/cabut/")
    own.go(f"{prefix}/cek/laporan/")
    page.locator("[name=text]").fill("Hari Senin.")
    own.context.clear_cookies(name="lapor")
    continues(own)
    assert page.locator("textarea[readonly]").input_value() == "Hari Senin."
    look()
    assert found == []


OWN = ("sesi/", "konfirmasi/", "faktor/", "faktor/aplikasi/", "faktor/kunci/", "faktor/aplikasi/hapus/")


def test_pages_of_the_staffs_door_lie_well(window: Opener, live_cast: Cast) -> None:
    sent, checked = in_review(live_cast), verified(live_cast)
    with_photo(sent)
    photo_of = Evidence.objects.get().pk
    send_report(accused_name="Nama yang sangat panjang " * 6)
    _sent, release = forwarded(live_cast, files=True)
    case, other = (f"complaints/case/{one.case.pk}" for one in (sent, checked))
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
        "audi": ["complaints/auditentry/"],
        "super": ["complaints/case/", f"{case}/change/"],
    }
    found: list[str] = looked_at(window().go("/kantor/masuk/"), "id", ((TABLET, "light"), (DESK, "dark")))
    windows = ((TABLET, "light"), (DESK, "dark"))
    for name, paths in pages.items():
        own = window()
        Officer(own, name)
        for path in paths:
            found += looked_at(own.go(f"/kantor/{path}"), "id", windows, least=0)
    assert found == []


def test_a_report_is_sent_by_the_keyboard_alone(window: Opener, live_cast: Cast) -> None:
    own = window(width=PHONE, script=False).go("/")
    keys = own.page.keyboard
    enters(own, "Saya ditekan atau dibujuk")
    for group in ("accused_kind", "category"):
        tabs_to(own, group)
        keys.press("Space")
    enters(own, "Lanjut")
    tabs_to(own, "agency_kind")
    keys.press("ArrowDown")
    enters(own, "Lanjut")
    tabs_to(own, "story")
    keys.type(Told().story)
    enters(own, "Lanjut")
    enters(own, "Kirim laporan")
    assert own.path == "/lapor/kode/"
    tabs_to(own, "Unduh")
    assert Complaint.objects.count() == 1


def enters(own: Window, wanted: str) -> None:
    """Go to a link or button by Tab and press Enter."""
    tabs_to(own, wanted)
    with own.page.expect_navigation():
        own.page.keyboard.press("Enter")


def tabs_to(own: Window, wanted: str) -> None:
    """Press Tab until what has the focus bears that name or text; every stop shows where one is."""
    for _press in range(60):
        own.page.keyboard.press("Tab")
        focus = focus_of(own)
        assert focus["ring"], focus
        if wanted in (focus["name"], focus["text"]):
            return
    pytest.fail(f"the keyboard does not reach {wanted} on {own.path}")


def test_a_refused_page_says_so_first_and_keeps_what_was_typed(window: Opener, live_cast: Cast) -> None:
    own, told = window(width=PHONE, script=False), Told()
    page = own.go("/lapor/ditekan/").page
    page.locator("[name=accused_kind][value=superior]").check()
    page.locator("[name=category][value=A2]").check()
    continues(own)
    page.locator("[name=agency]").fill(told.agency)
    continues(own)
    summary_leads_to(own, "agency_kind")
    assert page.locator("[name=agency]").input_value() == told.agency
    page.locator("[name=agency_kind]").select_option("unknown")
    continues(own)
    page.locator("[name=story]").fill("Singkat.")
    page.locator("[name=links]").fill(told.links)
    page.locator("[name=evidence]").set_input_files([letter("surat.pdf").given()])
    continues(own)
    summary_leads_to(own, "story")
    assert page.locator("[name=story]").input_value() == "Singkat."
    assert page.locator("[name=links]").input_value() == told.links
    assert page.locator(".files li", has_text="surat.pdf").count() == 1


def summary_leads_to(own: Window, name: str) -> None:
    """The list of what is wrong has the focus, and its first link leads to the field, which says the same again."""
    assert focus_of(own)["role"] == "alert"
    assert own.page.title().startswith("Belum bisa lanjut")
    link = own.page.locator("[role=alert] a").first
    words = link.inner_text()
    link.press("Enter")
    assert focus_of(own)["name"] == name
    field = own.page.locator(f"[name={name}]")
    assert field.get_attribute("aria-invalid") == "true"
    said_by = (field.get_attribute("aria-describedby") or "").split()
    assert any(words in own.page.locator(f"#{one}").inner_text() for one in said_by)
