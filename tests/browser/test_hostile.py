"""Every page of the staff's door in a real browser, full of what somebody typed who wants to break out of it: nothing
takes effect, nothing is asked for elsewhere, and each page can be used without eyes."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone

from complaints.models.catalog import Category, Election
from complaints.models.complaint import Complaint
from complaints.models.team import Staff
from complaints.services import casework, reporting
from tests.addresses.expected import STAFF_GETS
from tests.addresses.scene import STAFF, Scene, build
from tests.browser.payloads import PAYLOADS
from tests.browser.people import Officer
from tests.browser.window import Opener, Window
from tests.cast import Cast, sealed_upload, send_report

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ALL = "\n".join(PAYLOADS)
LINE = " ".join(PAYLOADS)
TYPED = ("accused_name", "accused_position", "accused_nip", "agency", "regency")
# What is no page: pictures and files, and Django's catalogue of its scripts' words.
NO_PAGE = {name for name in STAFF_GETS if name.endswith(("_shown", "_pdf", "_template", "_picture", "jsi18n"))}
# Where all of it must stand as it was typed, or this test would see nothing.
FULL = {"admin:complaints_case_change", "admin:complaints_release_change"}
# One axe run a page; each has a rule's name, and where.
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}

_EFFECT = """() => [
    ...[...document.querySelectorAll("[data-hostile]")].map((one) => one.outerHTML.slice(0, 80)),
    ...(window.hostile === undefined ? [] : ["a script ran"]),
    ...(document.body.innerText.includes("7920") ? ["something was worked out"] : []),
]"""


def hostile_scene(cast: Cast) -> Scene:
    """The scene of the address tests, with every payload in every field and as the name of a file."""
    scene = build(cast, name=PAYLOADS[0], story=ALL, links=ALL, **dict.fromkeys(TYPED, LINE))
    ticket, today, vera = scene.sent.ticket, timezone.localdate(), cast.ring("vera")
    complaint = Complaint.objects.get(case=scene.sent.case)
    reporting.add_message(ticket=ticket, text=ALL, files=[], today=today)
    for start in range(0, len(PAYLOADS), 20):
        files = [sealed_upload(b"Catatan.", f"{name}.txt") for name in PAYLOADS[start : start + 20]]
        reporting.add_message(ticket=ticket, text="Berkas.", files=files, today=today)
    casework.reply(keyring=vera, complaint_id=complaint.pk, text=ALL, now=timezone.now())
    casework.note(keyring=vera, complaint_id=complaint.pk, text=ALL, now=timezone.now())
    for payload in PAYLOADS:
        send_report(accused_name=payload)
    Staff.objects.filter(username="vino").update(first_name=PAYLOADS[5], last_name=PAYLOADS[32])
    Category.objects.filter(pk="A1").update(name_id=PAYLOADS[5], name_en=PAYLOADS[32])
    Election.objects.update(name_id=PAYLOADS[8], name_en=PAYLOADS[34])
    return scene


def shown(own: Window) -> list[str]:
    """Return the payloads that a page shows word for word, white space aside."""
    text = "".join(own.page.locator("body").evaluate("(body) => body.textContent").split())
    return [payload for payload in PAYLOADS if "".join(payload.split()) in text]


def looked_through(own: Window, scene: Scene, who: str, seen: set[str]) -> list[str]:
    """Return what is wrong with each page that ``who`` finds and nobody before them has seen."""
    wrong = []
    for name, (allowed, code) in STAFF_GETS.items():
        if who not in allowed or code not in {200, 409} or name in NO_PAGE | seen:
            continue
        seen.add(name)
        own.go(scene.address(name))
        if name in FULL:
            wrong += [f"{name} does not show {payload}" for payload in PAYLOADS if payload not in shown(own)]
        wrong += [f"{name}: {effect}" for effect in own.page.evaluate(_EFFECT)]
        for rule in Axe().run(own.page, options=RULES).response["violations"]:
            wrong += [f"{name}: {rule['id']}: {node['html'][:160]}" for node in rule["nodes"][:3]]
    return wrong


def test_nothing_typed_takes_effect_on_any_page_of_the_staffs_door(window: Opener, live_cast: Cast) -> None:
    scene = hostile_scene(live_cast)
    wrong, seen = list[str](), set[str]()
    for who in ("verifier", "lead body", "admin", "auditor", "custodian"):
        own = window()
        own.may_answer = {409}
        Officer(own, STAFF[who])
        wrong += looked_through(own, scene, who, seen)
        assert own.cookie("hostile") is None
    assert wrong == []
