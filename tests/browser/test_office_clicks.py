"""How many clicks the short decisions of the office take from the desk, typing and choosing aside."""

from __future__ import annotations

import pytest
from django.utils import timezone

from complaints.domain.workflow import Action
from complaints.models.case import Case
from complaints.services import after_the_end, case_links, lost_codes, submission
from complaints.services.keyring import Actor
from complaints.services.transitions import current_versions
from tests.browser.test_outcome import CountedOfficer, looks_well
from tests.browser.window import Opener
from tests.cases import act, in_review
from tests.world import Cast, Sent, send_report

pytestmark = pytest.mark.django_db(transaction=True)
# The goals: the list of the desk, the line of the list, and what is pressed on its page.
ANSWER, LOST_CODE, OBJECTION = 4, 3, 4


def at_desk(window: Opener, name: str) -> CountedOfficer:
    officer = CountedOfficer(window(), name)
    looks_well(officer, "desk")
    return officer


def test_a_question_is_answered_by_a_standard_text(window: Opener, live_cast: Cast) -> None:
    draft: submission.Draft = {"asked": "Bolehkah menyukai unggahan calon?", "asked_category": "C1"}
    submission.start_code(draft)
    submission.submit_inquiry(draft=draft, today=timezone.localdate())
    vera = at_desk(window, "vera")
    vera.presses(".counts a[href='/kantor/tanya/']")
    vera.presses(".inquiries a")
    looks_well(vera, "inquiry")
    # The rules are folded until they are looked up: the box of the answer is near the question.
    assert vera.page.locator("main details").first.get_attribute("open") is None
    vera.page.locator("[name=standard]").select_option("inquiry_rules.id")
    vera.page.locator("[value=insert]").click()
    vera.clicks += 1
    vera.page.wait_for_function("document.querySelector('[name=text]').value.includes('tabel aturan')")
    vera.presses("form button.main")
    assert vera.clicks <= ANSWER
    assert Case.objects.get().status == "answered"


def test_a_lost_code_is_agreed_to(window: Opener, live_cast: Cast) -> None:
    earlier, later = in_review(live_cast), send_report()
    actor = Actor(live_cast.ring("vera"), timezone.now())
    earlier.case.refresh_from_db()
    sources = {later.case.pk: current_versions([later.case])[later.case.pk]}
    seen = current_versions([earlier.case])[earlier.case.pk]
    case_links.link(actor=actor, target_id=earlier.case.pk, sources=sources, reason="Satu.", seen=seen)
    ids = {"complaint_id": later.ticket.complaint_id, "earlier_id": earlier.ticket.complaint_id}
    lost_codes.propose(actor=actor, reason="Nomor notanya sama.", **ids)
    vino = at_desk(window, "vino")
    vino.presses(".counts a[href$='/keputusan-kedua/']")
    vino.presses("main ul.plain a")
    looks_well(vino, "lost")
    vino.presses("button[value=agree]")
    assert vino.clicks <= LOST_CODE
    assert not lost_codes.waiting_for(live_cast["vino"]).exists()


def objected(cast: Cast) -> Sent:
    sent = in_review(cast)
    act(cast, "vera", sent, Action.REFER, "Bukan ASN.")
    after_the_end.object_to_end(ticket=sent.ticket, reason="Ia ASN.", today=timezone.localdate())
    return sent


def test_an_objection_is_decided_by_another_officer_alone(window: Opener, live_cast: Cast) -> None:
    sent = objected(live_cast)
    vera = at_desk(window, "vera")
    vera.presses(".counts a[href$='status=objected']")
    vera.presses("table.lines th a")
    assert not vera.step("refer").count() and "lalu pelapor menyatakan keberatan" in vera.window.words
    vino = at_desk(window, "vino")
    vino.presses(".counts a[href$='status=objected']")
    vino.presses("table.lines th a")
    assert "Ia ASN." in vino.window.words
    vino.presses('a.button[href$="/langkah/refer/"]')
    vino.confirms(reason="Kami memeriksanya lagi; ia bukan ASN.")
    vino.clicks += 1
    assert vino.clicks <= OBJECTION
    sent.case.refresh_from_db()
    assert sent.case.status == "referred"
