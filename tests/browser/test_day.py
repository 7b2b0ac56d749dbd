"""One day of a burst, in a real browser: two hundred reports from the first look at the desk to a recorded sanction.

Every act leads to a page that stands and has a way on. How many queries the lists of that day cost is in the second
test, which needs no browser.
"""

from __future__ import annotations

import re

import pytest
from django.utils import timezone

from complaints.domain.workflow import Action, Status
from complaints.models.case import Case
from complaints.models.complaint import Complaint
from complaints.services import follow_up
from complaints.services.audit import verify
from complaints.services.forwarding import decisions
from complaints.services.keyring import Actor
from tests.browser.day import ALL, BURST, LinkFollower, reports
from tests.browser.people import Officer, Reporter
from tests.browser.window import Opener
from tests.world import PASSWORD, Cast, Sent, ring

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]
QUEUE = "/kantor/complaints/case/"
LINKED, VERIFIED, FORWARDED = 40, 10, 5
ANSWER, ASKED_BACK = "Hari Senin pertama, di aula.", "Di desa mana rapat itu?"
REPLY = "Di Desa Wanasepi, menurut tiga pelapor."


def test_a_day_of_two_hundred_reports(window: Opener, live_cast: Cast) -> None:
    sent = reports(timezone.localdate())
    vera = LinkFollower(Officer(window(), "vera", PASSWORD))
    takes_and_starts_all(vera)
    asks_one_back(vera, sent[-1], Reporter(window(script=False)))
    joint = links_forty(vera, sent)
    others = verifies_ten(vera, joint)
    turned_away = proposes_one(vera)
    vera.officer.signs_out()
    second_person_confirms(LinkFollower(Officer(window(), "vino", PASSWORD)), turned_away)
    fitri = LinkFollower(Officer(window(), "fitri", PASSWORD))
    forwards_five(fitri, joint)
    kirana = LinkFollower(Officer(window(), "kirana", PASSWORD))
    body_works(kirana, joint, others)
    passes_on(vera, joint)
    answers_the_body(vera, fitri, kirana, others)
    body_decides(kirana, joint)
    each_reporter_reads_it(joint, sent, Reporter(window(script=False)))
    assert verify.verify_chain().whole


def takes_and_starts_all(vera: LinkFollower) -> None:
    vera.goes("/kantor/")
    tile = vera.page.locator('.counts a[href$="?status=received"]')
    assert tile.locator("b").inner_text() == str(ALL)
    vera.follows(tile)
    for left in range(ALL, 0, -50):
        for act in ("mine", "start"):
            vera.page.locator("#tick-all").click()
            assert vera.page.locator("#ticked").inner_text() == "50"
            vera.follows(vera.page.locator(f"#many button[value={act}]"))
            vera.sees("50 kasus sudah diproses.")
        assert Case.objects.filter(status=Status.RECEIVED).count() == left - 50
    assert Case.objects.filter(assignee__username="vera", status=Status.IN_REVIEW).count() == ALL


def asks_one_back(vera: LinkFollower, sent: Sent, reporter: Reporter) -> None:
    page = vera.page
    vera.goes(f"{QUEUE}{sent.case.pk}/change/").follows(vera.officer.step("ask_reporter"))
    page.locator("select[name=standard]").select_option("ask_when_where.id")
    page.locator("button[value=insert]").click()
    vera.follows(page.locator("button[value=preview]"))
    question = page.locator(".as-reporter").inner_text()
    assert "Pertanyaan dari petugas" in question
    vera.follows(page.locator("form button.main"))
    reporter.returns(sent.code)
    reporter.reads("Kami punya pertanyaan untuk Anda.")
    reporter.answers(ANSWER)
    vera.goes("/kantor/")
    tile = page.locator('.counts a[href*="answers=unread"]')
    assert tile.locator("b").inner_text() == "1"
    vera.follows(tile).follows(page.get_by_role("link", name=sent.case.reference)).sees(ANSWER)


def links_forty(vera: LinkFollower, sent: list[Sent]) -> Case:
    page, target = vera.page, sent[0].case
    vera.goes(f"{QUEUE}{target.pk}/change/").follows(page.locator('a.button[href$="/gabung/"]'))
    picks = page.locator("input[name=cases]:checked")
    assert picks.count() == BURST - 1
    while picks.count() > LINKED:
        picks.last.uncheck()
    page.locator("[name=reason]").fill("Semua tentang satu postingan.")
    vera.follows(page.locator("button[value=link]")).sees(f"{LINKED} laporan digabungkan.")
    assert target.complaints.count() == LINKED + 1
    page.locator("#linked ~ details summary").click()
    vera.follows(page.locator('#linked ~ details a[href*="/pisah/"]').last)
    page.locator("[name=reason]").fill("Ternyata postingan lain.")
    vera.follows(page.locator("form button.main"))
    assert vera.window.path != f"{QUEUE}{target.pk}/change/"
    assert target.complaints.count() == LINKED
    return target


def verifies_ten(vera: LinkFollower, joint: Case) -> list[str]:
    page, verified = vera.page, list[str]()
    vera.goes(f"{QUEUE}{joint.pk}/change/").lies_well()
    vera.follows(page.locator('a[href*="/bahaya/"]').first)
    page.get_by_role("group", name="sudah diancam atau dirugikan").get_by_label("ya", exact=True).check()
    page.locator("[name=why]").fill("Dipanggil atasannya.")
    vera.follows(page.locator("form button.main"))
    vera.sees("mendesak: risiko bagi pelapor tinggi", f"{LINKED} laporan")
    vera.follows(vera.officer.step("verify")).sees(f"semua {LINKED} pelapor kasus ini")
    vera.officer.confirms()
    vera.stands()
    while len(verified) < VERIFIED:
        # What comes next stands in the message about what was done.
        vera.follows(page.locator(".messagelist a"))
        verified.append(vera.window.heading.split()[0])
        vera.follows(vera.officer.step("verify"))
        vera.officer.confirms()
        vera.stands()
    return verified


def proposes_one(vera: LinkFollower) -> str:
    vera.follows(vera.page.locator(".messagelist a"))
    reference = vera.window.heading.split()[0]
    vera.follows(vera.officer.step("propose_ineligible"))
    vera.officer.confirms(reason="Terlapor bukan ASN.")
    vera.stands()
    return reference


def second_person_confirms(vino: LinkFollower, reference: str) -> None:
    vino.goes("/kantor/").follows(vino.page.locator('.counts a[href$="/keputusan-kedua/"]')).sees(reference)
    vino.follows(vino.page.locator('a[href$="/langkah/confirm_ineligible/"]'))
    vino.officer.confirms(reason="Hal ini bukan kewenangan kami.")
    vino.stands().sees("Tidak memenuhi syarat")
    assert Case.objects.get(reference=reference).status == Status.INELIGIBLE


def forwards_five(fitri: LinkFollower, joint: Case) -> None:
    fitri.goes(f"{QUEUE}?status=verified").follows(fitri.page.get_by_role("link", name=joint.reference))
    for number in range(FORWARDED):
        if number:
            fitri.follows(fitri.page.locator(".messagelist a"))
        forward(fitri, "Mohon ditindaklanjuti.")


def forward(fitri: LinkFollower, cover: str) -> None:
    fitri.follows(fitri.officer.step("forward"))
    fitri.page.get_by_label(re.compile("BKN|Badan Kepegawaian")).check()
    fitri.officer.confirms(cover=cover)
    fitri.stands()


def body_works(kirana: LinkFollower, joint: Case, others: list[str]) -> None:
    kirana.goes("/kantor/").follows(kirana.page.locator('.counts a[href$="turn=new"]'))
    assert kirana.page.locator("table.lines tbody tr").count() == FORWARDED
    kirana.follows(kirana.page.get_by_role("link", name=joint.reference))
    assert kirana.page.locator(".story .report").count() == LINKED
    kirana.lies_well()
    act(kirana, "take_up")
    kirana.follows(kirana.page.locator('a.button[href$="/tanya-pelapor/"]'))
    kirana.officer.confirms(text="Apakah ada saksi lain?")
    kirana.stands()


def passes_on(vera: LinkFollower, joint: Case) -> None:
    vera.officer.signs_in(PASSWORD)
    vera.goes("/kantor/").follows(vera.page.locator('.counts a[href*="questions=open"]').last)
    vera.follows(vera.page.get_by_role("link", name=joint.reference))
    vera.follows(vera.page.locator('.banner a[href*="/pertanyaan/"]'))
    vera.follows(vera.page.locator("form button.main"))
    vera.stands()


def act(tread: LinkFollower, action: str, **words: str) -> None:
    tread.follows(tread.officer.step(action))
    tread.officer.confirms(**words)
    tread.stands()


def answers_the_body(vera: LinkFollower, fitri: LinkFollower, kirana: LinkFollower, others: list[str]) -> None:
    kirana.goes("/kantor/").follows(kirana.page.locator('.counts a[href$="turn=new"]'))
    reference = kirana.page.locator("table.lines tbody th a").first.inner_text()
    assert reference in others
    kirana.follows(kirana.page.locator("table.lines tbody th a").first)
    act(kirana, "take_up")
    act(kirana, "return", text=ASKED_BACK)
    vera.goes("/kantor/").follows(vera.page.locator('.counts a[href$="status=back"]')).sees("dikembalikan BKN")
    vera.follows(vera.page.get_by_role("link", name=reference))
    assert ASKED_BACK in vera.page.locator(".act").inner_text()
    act(vera, "verify", reason=REPLY)
    fitri.goes(f"{QUEUE}?status=verified").follows(fitri.page.get_by_role("link", name=reference))
    fitri.sees(ASKED_BACK)
    forward(fitri, REPLY)
    kirana.goes("/kantor/complaints/release/?turn=new").follows(kirana.page.get_by_role("link", name=reference))
    kirana.sees(REPLY)
    act(kirana, "take_up")


def body_decides(kirana: LinkFollower, joint: Case) -> None:
    kirana.goes("/kantor/complaints/release/").follows(kirana.page.get_by_role("link", name=joint.reference))
    act(kirana, "resume")
    decided = timezone.localdate().isoformat()
    act(kirana, "hear_accused", kind="in_person", decided_on=decided, number="BAP/17")
    act(kirana, "substantiate", text="Terbukti.", reply="Dugaan itu terbukti.")
    release = joint.releases.get(first=None)
    second = Actor(ring("kresna"), timezone.now())
    decisions.act(actor=second, release_id=release.pk, action=Action.SUBSTANTIATE)
    kirana.goes(kirana.window.path)
    kirana.follows(kirana.officer.step("await_agency"))
    kirana.page.locator("input[name=kinds][value=moral_open]").check()
    kirana.officer.confirms(accused_status="pns", addressee="PPK", number="R-17", decided_on=decided)
    act(
        kirana,
        "sanction",
        accused_status="pns",
        kind="moral_open",
        number="800/17/2026",
        decided_on=decided,
        reply="Sudah diumumkan.",
    )


def each_reporter_reads_it(joint: Case, sent: list[Sent], reporter: Reporter) -> None:
    # Which of the burst were offered and ticked first is nobody's promise.
    theirs = {str(pk) for pk in Complaint.objects.filter(case=joint).values_list("pk", flat=True)}
    ours = [report for report in sent[:BURST] if str(report.ticket.complaint_id) in theirs]
    assert len(ours) == LINKED
    pages = [follow_up.status_page(ticket=report.ticket, today=timezone.localdate()) for report in ours]
    assert {(page.status, sum(stage.reached for stage in page.stages)) for page in pages} == {("sanctioned", 4)}
    assert len({page.reference for page in pages}) == LINKED
    for report in (ours[0], ours[-1]):
        reporter.returns(report.code)
        reporter.reads(
            "Sanksi sudah dijatuhkan kepada orang yang dilaporkan", "Sudah diumumkan.", report.case.reference
        )
        reporter.window.press("Selesai, keluar")
