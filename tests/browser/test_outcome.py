"""Two liaisons from a taken report to its outcome, in real browsers: what each sees, and how many clicks it takes."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone

from complaints.adapters import sample_files
from complaints.services.audit import verify
from tests.browser.files import Upload
from tests.browser.measure import looked_at
from tests.browser.people import Officer, Reporter
from tests.browser.window import Opener
from tests.cases import forwarded
from tests.world import Cast

pytestmark = pytest.mark.django_db(transaction=True)
SIZES = ((768, "dark"), (1280, "light"))
PICTURES = os.environ.get("PICTURES", "")
FINDING, TOLD = "Dua saksi bersesuaian.", "Dugaan itu terbukti."
# From the desk, typing and choosing aside: the goals of the first person, the second, and of the right of reply.
FIRST, SECOND, REPLY = 8, 2, 2


class CountedOfficer(Officer):
    """An officer whose clicks on links and buttons are counted."""

    clicks = 0

    def presses(self, selector: str) -> None:
        """Click once, and arrive."""
        self.clicks += 1
        self.window.follow(self.page.locator(selector).first)

    def step_of(self, action: str, **fields: str) -> None:
        """Take a step: a click on its link, the fields, a click on its button."""
        self.presses(f'a.button[href$="/langkah/{action}/"]')
        for name, value in fields.items():
            field = self.page.locator(f"form [name={name}]")
            if field.first.get_attribute("type") == "checkbox":
                self.page.locator(f"form [name={name}][value={value}]").check()
            elif field.evaluate("(element) => element.tagName") == "SELECT":
                field.select_option(value)
            else:
                field.fill(value)
        looks_well(self, action)
        self.presses("form button.main")


def looks_well(officer: Officer, name: str) -> None:
    """Look at a page at both widths, in both colours, and by the rules for whoever cannot see it."""
    problems = looked_at(officer.window, "id", SIZES, least=0)
    for violation in Axe().run(officer.page, options={"resultTypes": ["violations"]}).response["violations"]:
        problems.append(f"{name} {violation['id']}: {violation['nodes'][0]['html'][:120]}")
    assert problems == []
    if PICTURES:
        officer.page.screenshot(path=Path(PICTURES) / f"outcome-{name}.png", full_page=True)


def test_two_liaisons_from_taken_up_to_the_outcome(window: Opener, live_cast: Cast) -> None:
    sent, release = forwarded(live_cast)
    today = timezone.localdate().isoformat()
    reporter = Reporter(window(width=360, height=740))
    reporter.returns(sent.code)
    kirana = CountedOfficer(window(), "kirana")
    opens_from_desk(kirana, "turn=new", release.case.reference)
    looks_well(kirana, "taken")
    kirana.presses("form button.main")
    reporter.reads("setelah orang yang dilaporkan didengar atau dipanggil")
    first = kirana.clicks

    kirana.step_of("hear_accused", kind="in_person", decided_on=today, number="BAP-1")
    assert kirana.clicks - first == REPLY
    before = reporter.reads("Sedang dikaji BKN")
    kirana.step_of("substantiate", text=FINDING, reply=TOLD)
    looks_well(kirana, "proposed")
    assert reporter.reads() == before
    kresna = CountedOfficer(window(), "kresna")
    opens_from_desk(kresna, "turn=yours", release.case.reference)
    looks_well(kresna, "second")
    assert FINDING in kresna.window.words
    kresna.presses("button[value=confirm]")
    assert kresna.clicks - 1 <= SECOND, "the list of the desk, the release, and the answer"
    reporter.reads(TOLD)

    kirana.window.go(kirana.window.path)
    advice = {"accused_status": "pns", "kinds": "heavy_demotion", "addressee": "PPK Kabupaten", "number": "R-7"}
    kirana.step_of("await_agency", decided_on=today, **advice)
    kirana.presses('a.button[href$="/langkah/sanction/"]')
    assert kirana.page.locator("[name=accused_status]").input_value() == "pns"
    typed = {"decided_on": today, "number": "800/7", "reply": "Sanksi dijatuhkan."}
    for name, value in typed.items():
        kirana.page.locator(f"form [name={name}]").fill(value)
    kirana.page.locator("[name=kind]").select_option("light_written")
    copy = Upload("SK Bupati.pdf", "application/pdf", sample_files.document(["Keputusan"]))
    kirana.page.locator("[name=copy]").set_input_files(copy.given())
    looks_well(kirana, "sanction")
    kirana.presses("form button.main")
    assert kirana.clicks - REPLY - 1 <= FIRST, "the list of the desk aside"
    looks_well(kirana, "outcome")
    words = " ".join(kirana.window.words.split())
    for shown in ("lebih ringan daripada rekomendasi", "R-7", "800/7", "PP 94/2021", "Salinan seperti yang diunggah"):
        assert shown in words, shown
    name, content = kirana.window.download(copy_button(kirana))
    assert "Bupati" not in name and content == copy.content
    vera = Officer(window(), "vera")
    vera.window.go(f"/kantor/complaints/case/{release.case_id}/change/")
    looks_well(vera, "case")
    assert "lebih ringan daripada rekomendasi" in " ".join(vera.window.words.split())
    _name, content = vera.window.download(copy_button(vera))
    assert content == copy.content
    text = reporter.reads("Sanksi dijatuhkan.", TOLD)
    assert [word for word in (FINDING, "R-7", "800/7", "BAP-1", "Kirana") if word in text] == []
    if PICTURES:
        reporter.page.screenshot(path=Path(PICTURES) / "outcome-reporter.png", full_page=True)
    assert verify.verify_chain().whole


def opens_from_desk(officer: CountedOfficer, turn: str, reference: str) -> None:
    """Go from the desk to a list of releases, and open one of it."""
    officer.window.go("/kantor/")
    officer.presses(f'.counts a[href$="{turn}"]')
    officer.clicks += 1
    officer.window.follow(officer.page.get_by_role("link", name=re.compile(reference)).first)


def copy_button(officer: Officer) -> Callable[[], None]:
    """How the copy as it was sent is asked for."""
    return officer.page.get_by_role("button", name="Salinan seperti yang diunggah").click
