"""How many clicks the short decisions of the office take from the desk, typing and choosing aside."""

from __future__ import annotations

import os

import pytest
from django.utils import timezone

from complaints.domain.workflow import Action
from complaints.models.case import Assessment, Case, CaseStep
from complaints.models.complaint import Complaint, Message
from complaints.models.oversight import Release
from complaints.services import after_the_end, case_links, follow_up, lost_codes, submission
from complaints.services.audit import verify
from complaints.services.keyring import Actor
from complaints.services.transitions import current_versions
from tests.browser.test_outcome import CountedOfficer, looks_well
from tests.browser.window import Opener
from tests.cases import act, in_review, with_photo
from tests.world import Cast, Sent, send_report

pytestmark = pytest.mark.django_db(transaction=True)
# The goals: the list of the desk, the line of the list, and what is pressed on its page.
ANSWER, LOST_CODE, OBJECTION = 4, 3, 4
VERIFIED, FORWARDED, REPLIED, LINKED = 9, 6, 3, 4
# More reports than a person would tick one by one.
WAVE = int(os.environ.get("WAVE", "12"))


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


def ticks(officer: CountedOfficer, selector: str) -> None:
    """Choose something, which is a click too."""
    officer.clicks += 1
    officer.page.locator(selector).first.check()


def test_a_new_report_is_verified_with_an_honest_grade(window: Opener, live_cast: Cast) -> None:
    sent = send_report(story="Saya bertugas di Seksi Umum. Hanya saya dan Bu Rina yang tahu isi rapat pada Senin itu.")
    vera = at_desk(window, "vera")
    vera.presses(".counts a[href$='status=received']")
    vera.presses("table.lines th a")
    vera.presses('a.button[href$="/langkah/verify/"]')
    looks_well(vera, "verify")
    assert "Hanya saya" in " ".join(vera.page.locator(".grading-beside mark").all_inner_texts())
    # What the report tells is proposed, the rest is not known until somebody says so.
    chosen = {
        name: vera.page.locator(f"[name=risk-1-{name}]:checked").input_value() for name in ("text_tells", "safety")
    }
    assert chosen == {"text_tells": "yes", "safety": "unknown"}
    ticks(vera, "[name=risk-1-harmed][value=no]")
    ticks(vera, "[name=risk-1-safety][value=no]")
    ticks(vera, "[name=check-no_conflict]")
    ticks(vera, "[name=check-is_clear]")
    vera.presses("form button.main")
    assert vera.clicks <= VERIFIED
    looks_well(vera, "verified")
    sent.case.refresh_from_db()
    assert sent.case.status == "verified" and sent.case.assignee == live_cast["vera"]
    steps = CaseStep.objects.filter(case=sent.case).order_by("sequence").values_list("action", flat=True)
    assert list(steps) == ["start_review", "verify"]
    assert Assessment.objects.filter(kind=Assessment.Kind.RISK).count() == 1
    assert verify.verify_chain().whole
    # Whoever did not mean to keep it gives it back with one press.
    vera.presses(".messagelist form button")
    sent.case.refresh_from_db()
    assert sent.case.assignee is None


def test_a_verified_report_is_forwarded_after_a_look_at_its_file(window: Opener, live_cast: Cast) -> None:
    sent = in_review(live_cast)
    with_photo(sent)
    act(live_cast, "vera", sent, Action.VERIFY)
    fitri = at_desk(window, "fitri")
    fitri.presses("[aria-labelledby=to-forward] th a")
    fitri.presses('a.button[href$="/langkah/forward/"]')
    assert fitri.page.locator("[name=body]:checked").input_value() == "bkn"
    assert fitri.page.locator(".known.no", has_text="Setiap berkas").count() == 1
    fitri.presses("button[value^='see:']")
    assert fitri.page.locator("#seen img").first.evaluate("(picture) => picture.complete && picture.naturalWidth > 0")
    assert fitri.page.locator(".known.no", has_text="Setiap berkas").count() == 0
    looks_well(fitri, "forward")
    ticks(fitri, "[name=check-no_trace]")
    ticks(fitri, "[name=check-no_conflict]")
    for why in fitri.page.locator("form .check:has(.known.no) input[name^='why-']").all():
        why.fill("Belum dinilai.")
    fitri.presses("form button.main")
    assert fitri.clicks <= FORWARDED
    assert Release.objects.get().body_id == "bkn"


def test_a_reporter_is_answered(window: Opener, live_cast: Cast) -> None:
    sent = in_review(live_cast)
    follow_up.add_message(ticket=sent.ticket, text="Apakah sudah dibaca?", files=[], today=timezone.localdate())
    vera = at_desk(window, "vera")
    vera.presses(".counts a[href*='answers=unread']")
    vera.presses("table.lines th a")
    form = vera.page.locator('form.write[action*="/jawab/"]').first
    form.locator("textarea").fill("Sudah kami baca. Terima kasih.")
    vera.presses(
        'form.write[action*="/jawab/"] button:not([name=do]), form.write[action*="/jawab/"] button[value=send]'
    )
    assert vera.clicks <= REPLIED
    assert Message.objects.filter(direction=Message.Direction.TO_REPORTER).count() == 1


def test_a_wave_about_one_office_is_linked(window: Opener, live_cast: Cast) -> None:
    for number in range(WAVE):
        send_report(
            accused_name=f"Pejabat {number}", accused_nip="", agency="Dinas Perikanan", story=f"Cerita {number}."
        )
    vera = at_desk(window, "vera")
    assert f"{WAVE} kasus menyebut satu instansi" in vera.window.words
    vera.presses(".waves a.button")
    looks_well(vera, "wave")
    boxes = vera.page.locator("input[name=cases]")
    assert boxes.count() == WAVE - 1 == vera.page.locator("input[name=cases]:checked").count()
    vera.page.locator("[name=reason]").fill("Semuanya tentang rapat yang sama.")
    vera.presses("button[value=link]")
    assert vera.clicks <= LINKED
    assert Complaint.objects.values("case").distinct().count() == 1
    assert "kasus menyebut satu instansi" not in vera.window.go("/kantor/").words
