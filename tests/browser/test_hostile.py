"""Every page of the staff's door in a real browser, full of what somebody typed who wants to break out of it: nothing
takes effect, nothing is asked for elsewhere, and each page can be used without eyes."""

from __future__ import annotations

import csv
import io
import uuid

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from django.utils import timezone

from complaints.domain.risk import RiskGrade
from complaints.domain.workflow import Action
from complaints.models.complaint import Complaint
from complaints.models.reference_data import AccusedKind, Category, Election, StandardText
from complaints.models.team import Staff, Team, TeamMembership
from complaints.services import assignment, case_actions, case_links, conflicts, follow_up, monitoring, saved_filters
from complaints.services.keyring import Actor
from complaints.services.team_keys import removal
from complaints.services.transitions import CaseVersion
from tests.browser.payloads import CELLS, PAYLOADS
from tests.browser.people import Officer
from tests.browser.window import Opener, Window
from tests.rules import record_table
from tests.security.addresses.expected import STAFF_GETS
from tests.security.addresses.scene import STAFF, AddressScenario, build
from tests.world import Cast, sealed_upload, send_report, ticked

pytestmark = pytest.mark.django_db(transaction=True)

ALL = "\n".join(PAYLOADS)
LINE = " ".join(PAYLOADS)
TYPED = ("accused_name", "accused_position", "accused_nip", "agency", "regency")
# What is no page: pictures and files, and Django's catalogue of its scripts' words.
NO_PAGE = {
    name
    for name in STAFF_GETS
    if name.endswith(("_shown", "_pdf", "_template", "_picture", "jsi18n", "release_custody", "session_left", "drafts"))
}
# Where all of it must stand as it was typed, or this test would see nothing.
FULL = {"admin:complaints_case_change", "admin:complaints_release_change"}
# A form for a new row is that of a row, without anything in it.
EMPTY = {name for name in STAFF_GETS if name.endswith("_add") and name != "admin:complaints_staff_add"}
# One axe run a page; each has a rule's name, and where.
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}

_EFFECT = """() => [
    ...[...document.querySelectorAll("[data-hostile]")].map((node) => node.outerHTML.slice(0, 80)),
    ...(window.hostile === undefined ? [] : ["a script ran"]),
    ...(document.body.innerText.includes("79197920") ? ["something was worked out"] : []),
]"""


def hostile_scene(cast: Cast) -> AddressScenario:
    """The scene of the address tests, with every payload in every field and as the name of a file."""
    scene = build(cast, name=PAYLOADS[0], story=ALL, links=ALL, **dict.fromkeys(TYPED, LINE))
    ticket, today, vera = scene.sent.ticket, timezone.localdate(), cast.ring("vera")
    complaint = Complaint.objects.get(case=scene.sent.case)
    follow_up.add_message(ticket=ticket, text=ALL, files=[], today=today)
    for start in range(0, len(PAYLOADS), 20):
        files = [sealed_upload(b"Catatan.", f"{name}.txt") for name in PAYLOADS[start : start + 20]]
        follow_up.add_message(ticket=ticket, text="Berkas.", files=files, today=today)
    case_actions.reply_to_reporter(actor=Actor(vera, timezone.now()), complaint_id=complaint.pk, text=ALL)
    case_actions.write_case_note(actor=Actor(vera, timezone.now()), complaint_id=complaint.pk, text=ALL)
    for payload in PAYLOADS:
        send_report(accused_name=payload)
    Staff.objects.filter(username="vino").update(first_name=PAYLOADS[5], last_name=PAYLOADS[32])
    Category.objects.filter(pk="A1").update(name_id=PAYLOADS[5], name_en=PAYLOADS[32])
    labels = {"label_id": CELLS[0], "label_en": CELLS[1], "staff_label_id": CELLS[0], "staff_label_en": CELLS[1]}
    AccusedKind.objects.filter(pk="superior").update(**labels)
    StandardText.objects.update(title_id=PAYLOADS[5], title_en=PAYLOADS[32], body_id=ALL[:4000], body_en=ALL[:4000])
    Election.objects.update(name_id=PAYLOADS[8], name_en=PAYLOADS[34])
    for table in (Category, AccusedKind, StandardText, Election):
        record_table(table)
    return scene


def case_full_of_reasons(cast: Cast) -> uuid.UUID:
    """A case in which officers gave all their reasons by the payloads, and what stands beside cases; return its id."""
    now, vera, vino = timezone.now(), cast.ring("vera"), cast.ring("vino")
    busy, other = send_report(accused_name="Camat Z"), send_report(accused_name="Camat Z")
    complaint = Complaint.objects.get(case=busy.case)
    checked = ticked(Action.ASK_REPORTER, why=ALL)
    case = {"actor": Actor(vera, now), "case_id": busy.case.pk}
    case_actions.act(action=Action.START_REVIEW, **case)
    case_actions.act(action=Action.START_REVIEW, **case | {"case_id": other.case.pk})
    sources = {other.case.pk: CaseVersion("in_review")}
    case_links.link(actor=Actor(vera, now), target_id=busy.case.pk, sources=sources, reason=ALL)
    case_actions.assess_risk(
        actor=Actor(vera, now), complaint_id=complaint.pk, answers={}, grade=RiskGrade.HIGH, why=ALL
    )
    assignment.offer(assignee=cast["vino"], words=ALL, **case)
    case_actions.act(action=Action.ASK_REPORTER, reason=ALL, checklist=checked, **case)
    conflicts.declare_conflict(actor=Actor(vino, now), case_id=busy.case.pk, reason=ALL)
    saved_filters.save_filter(actor=Actor(vera, now), name=PAYLOADS[5], query="status=in_review", shared=True)
    post = {"url": LINE, "account": LINE, "act": "post", "seen_on": ""}
    answers = {"accused_kind": "colleague", "category": "C1", "agency_kind": "regency", "province": "33"}
    texts = {**dict.fromkeys(TYPED, LINE), "story": ALL, "event_from": "", "accused_unknown": False}
    monitoring.enter_report(actor=Actor(vera, now), answers={**post, **answers, **texts})
    body, kresna = Team.objects.get(slug="body-bkn"), TeamMembership.objects.get(staff__username="kresna")
    kirana = cast.ring("kirana")
    asked = removal.ask(actor=Actor(kirana, now - removal.ALARM), team_id=body.pk, membership_id=kresna.pk, reason=ALL)
    removal.complete(actor=Actor(kirana, now), request_id=asked.pk)
    return busy.case.pk


def shown(browser: Window) -> list[str]:
    """Return the payloads that a page shows word for word, white space aside."""
    text = "".join(browser.page.locator("body").evaluate("(body) => body.textContent").split())
    return [payload for payload in PAYLOADS if "".join(payload.split()) in text]


def judged(browser: Window, name: str, *, axe: bool = True) -> list[str]:
    """Return what is wrong with the page that is open."""
    wrong = [f"{name}: {effect}" for effect in browser.page.evaluate(_EFFECT)]
    if axe:
        for rule in Axe().run(browser.page, options=RULES).response["violations"]:
            wrong += [f"{name}: {rule['id']}: {node['html'][:160]}" for node in rule["nodes"][:3]]
    return wrong


def looked_through(browser: Window, scene: AddressScenario, who: str, seen: set[str]) -> list[str]:
    """Return what is wrong with each page that ``who`` finds and nobody before them has seen."""
    wrong = []
    for name, (allowed, code) in STAFF_GETS.items():
        if who not in allowed or code not in {200, 409} or name in NO_PAGE | seen:
            continue
        seen.add(name)
        browser.go(scene.address(name))
        if name in FULL:
            wrong += [f"{name} does not show {payload}" for payload in PAYLOADS if payload not in shown(browser)]
        wrong += judged(browser, name, axe=name not in EMPTY)
    return wrong


def table(**cells: str) -> dict[str, object]:
    """A table of findings with one row for each payload."""
    rows = io.StringIO()
    write = csv.DictWriter(rows, ["tautan", "nama_atau_akun", "terlapor", "kategori", "instansi", "uraian"])
    write.writeheader()
    for number, payload in enumerate(PAYLOADS):
        row = dict.fromkeys(write.fieldnames, payload) | {"tautan": f"https://contoh.invalid/{number}"}
        write.writerow(row | cells)
    return {"name": "temuan.csv", "mimeType": "text/csv", "buffer": rows.getvalue().encode()}


def used(browser: Window, busy: uuid.UUID) -> list[str]:
    """Return what is wrong where a verifier reads reasons, writes words, brings in a table and takes a file out."""
    page, wrong = browser.page, list[str]()
    browser.go(reverse("admin:complaints_case_change", args=[busy]))
    # Link, risk, hand-over, question, the checklist's items, conflict.
    assert page.locator("body").evaluate("(body) => body.textContent").count(PAYLOADS[0]) >= 6
    wrong += judged(browser, "reasons")
    for name, cells in {"refused": {}, "dry run": {"terlapor": "colleague", "kategori": "C1"}}.items():
        browser.go(reverse("admin:complaints_case_finding_table"))
        page.locator("[name=table]").set_input_files([table(**cells)])  # type: ignore[list-item]
        browser.follow(page.locator("form button.main"))
        assert PAYLOADS[0] in browser.words
        wrong += judged(browser, name)
    browser.follow(page.locator("form button.main"))
    wrong += judged(browser, "stored")
    browser.go(reverse("admin:complaints_case_export"))
    page.locator("select[name=reason]").select_option("report")
    _, file = browser.download(page.locator("form button.main").click)
    cells = [cell for row in csv.reader(io.StringIO(file.decode("utf-8-sig"))) for cell in row]
    assert [cell for cell in cells if CELLS[0] in cell]
    return wrong + [f"export: {cell}" for cell in cells if cell.startswith(("=", "+", "-", "@"))]


def test_hostile_input_is_inert_on_every_staff_page(window: Opener, live_cast: Cast) -> None:
    scene = hostile_scene(live_cast)
    busy = case_full_of_reasons(live_cast)
    wrong, seen = list[str](), set[str]()
    for who in ("verifier", "forwarder", "lead body", "admin", "auditor"):
        browser = window()
        browser.may_answer = {400, 409}  # a table with mistakes; a step that the body now holds
        Officer(browser, STAFF[who])
        wrong += looked_through(browser, scene, who, seen)
        if who == "verifier":
            wrong += used(browser, busy)
        assert browser.cookie("hostile") is None
    assert wrong == []
