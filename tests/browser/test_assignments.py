"""Officers share the work: one takes a case, gives it to a colleague who takes it on, and leaves one for good by a
conflict of interest. Nobody meets a violation of accessibility on the way."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from django.utils import timezone

from complaints.models.assignment import Duty
from complaints.models.case import Case
from complaints.services import first_look
from complaints.services.keyring import Actor
from tests.browser.people import Officer
from tests.browser.window import Opener
from tests.world import Cast, send_report

pytestmark = pytest.mark.django_db(transaction=True)
SHOTS = os.environ.get("SHOTS", "")


def sound(officer: Officer, name: str) -> None:
    """No violation on the page as it stands; with SHOTS a picture of it at both widths, light and dark."""
    violations = Axe().run(officer.page).response["violations"]
    assert [(violation["id"], violation["nodes"][0]["target"]) for violation in violations] == [], name
    for width, scheme in ((768, "light"), (1280, "dark")) if SHOTS else ():
        officer.page.set_viewport_size({"width": width, "height": 900})
        officer.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        officer.page.screenshot(path=Path(SHOTS) / f"{name}-{width}-{scheme}.png", full_page=True)
    officer.page.emulate_media(color_scheme="light")
    officer.page.set_viewport_size({"width": 1280, "height": 900})


def test_a_case_is_taken_given_taken_on_and_left(window: Opener, live_cast: Cast) -> None:
    sent, other = send_report(), send_report()
    case = reverse("admin:complaints_case_change", args=[sent.case.pk])
    vera, vino = Officer(window(), "vera"), Officer(window(), "vino")
    vera.opens("case", sent.case.reference)
    vera.window.press("Ambil kasus ini")
    page = vera.page
    page.locator("summary", has_text="Serahkan kepada petugas lain").click()
    page.locator("#assignee").select_option(str(live_cast["vino"].pk))
    page.get_by_label("Catatan untuk penerima").fill("Buktinya belum lengkap.")
    vera.window.press("Serahkan")
    assert "belum diterima" in vera.window.words
    sound(vera, "case")

    vino.window.go("/kantor/")
    vino.window.follow(vino.page.locator('.counts a[href$="officer=unconfirmed"]'))
    vino.window.follow(vino.page.get_by_role("link", name=sent.case.reference))
    assert "Buktinya belum lengkap." in vino.window.words
    vino.window.press("Terima kasus")
    assert Case.objects.get(pk=sent.case.pk).confirmed_on == timezone.localdate()
    vino.window.go("/kantor/")
    sound(vino, "desk")
    vino.window.go(reverse("admin:complaints_absence_changelist"))
    sound(vino, "assignments")

    vino.window.go(case).press("Saya punya konflik kepentingan")
    sound(vino, "conflict")
    vino.page.locator("[name=reason]").fill("Terlapor adalah ipar saya.")
    vino.window.press("Blokir akses saya ke kasus ini")
    assert sent.case.reference not in vino.window.words
    assert vino.window.status_of(case) == 404
    vino.window.go("/kantor/complaints/case/")
    assert sent.case.reference not in vino.window.words
    assert other.case.reference in vino.window.words

    fitri = Officer(window(), "fitri")
    fitri.window.go(reverse("admin:complaints_conflict_changelist"))
    sound(fitri, "conflicts")
    fitri.window.follow(fitri.page.locator('a[href$="/cabut/"]'))
    fitri.page.locator("[name=reason]").fill("Ternyata orang lain.")
    fitri.window.press("Cabut")
    assert vino.window.status_of(case) == 200


def test_an_administrator_switches_the_handing_out_on(window: Opener, live_cast: Cast) -> None:
    adi = Officer(window(script=False), "adi")
    adi.window.go(reverse("admin:complaints_duty_changelist"))
    adi.page.get_by_label("Bergiliran menurut provinsi").check()
    adi.window.press("Simpan")
    adi.window.press("Vino")
    adi.page.get_by_label("Jawa Tengah").check()
    adi.window.press("Simpan")
    assert Duty.objects.get().provinces == ["33"]
    sent = send_report()
    first_look.process_new_reports(actor=Actor(live_cast.ring("vera"), timezone.now()))
    assert Case.objects.get(pk=sent.case.pk).assignee == live_cast["vino"]
