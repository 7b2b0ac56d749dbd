"""Risk, checklists, two officers at once and the second person's inbox, as an officer meets them."""

from __future__ import annotations

from django.test import Client
from django.urls import reverse
from django.utils import timezone

from complaints.domain.checklists import DERIVED, items
from complaints.domain.risk import RiskAnswer, RiskQuestion
from complaints.domain.workflow import Action
from complaints.models.audit import AuditEntry
from complaints.models.case import Assessment, Case, CaseStep, InternalNote
from complaints.models.complaint import Message
from complaints.models.oversight import Release
from complaints.services import case_actions, follow_up
from complaints.services.audit import verify
from complaints.services.keyring import Actor
from tests.cases import act, chosen, complaint_of, in_review, verified
from tests.world import Cast, Sent, SignedIn, ticks

SAFE = dict.fromkeys((question.value for question in RiskQuestion), RiskAnswer.NO.value)


def url(sent: Sent, name: str, *args: object) -> str:
    return reverse(f"admin:complaints_case_{name}", args=[sent.case.pk, *args])


def english(client: Client) -> Client:
    client.post(reverse("admin:me"), {"language": "en"})
    return client


def mark_on(page: str) -> str:
    return page.split('name="seen" value="')[1].split('"')[0]


def grade(client: Client, sent: Sent, **changes: str) -> int:
    address = url(sent, "risk", complaint_of(sent).pk)
    return client.post(address, SAFE | changes).status_code


def test_in_short_completeness_and_three_clocks(signed_in: SignedIn, cast: Cast) -> None:
    sent = in_review(cast, event_from="", agency="", regency="", learnt_on="2026-11-03")
    text = english(signed_in("vera")).get(url(sent, "change")).content.decode()
    for words in ("In short", "Kepala Bidang X", "the place, the date, evidence", "Our promise"):
        assert words in text, words
    for words in (
        "begins with forwarding: 7 calendar days",
        "Tuesday, 10 Nov 2026",
        "still possible as first",
        "not told",
    ):
        assert words in text, words


def test_risk_is_graded_and_graded_again(signed_in: SignedIn, cast: Cast) -> None:
    sent, client = in_review(cast), english(signed_in("vera"))
    assert "Not graded yet." in client.get(url(sent, "change")).content.decode()
    assert grade(client, sent, grade="high") == 400
    assert not Assessment.objects.exists()
    assert grade(client, sent) == 302
    assert "urgent: the reporter" not in client.get(url(sent, "change")).content.decode()
    assert grade(client, sent, harmed="yes", why="Dipanggil atasannya.") == 302
    text = client.get(url(sent, "change")).content.decode()
    for words in ("urgent: the reporter is in high danger", "Dipanggil atasannya.", "Earlier grades"):
        assert words in text, words
    assert Assessment.objects.count() == 2
    entries = AuditEntry.objects.filter(event="assessment.recorded")
    assert {tuple(sorted(entry.facts)) for entry in entries} == {("assessment", "digest", "row")}
    assert verify.verify_chain().whole


def test_high_risk_marks_the_line_of_the_queue(signed_in: SignedIn, cast: Cast) -> None:
    calm, urgent = in_review(cast, category="B1"), in_review(cast, category="B1")
    client, queue = english(signed_in("vera")), reverse("admin:complaints_case_changelist")
    assert "mark urgent" not in client.get(queue).content.decode()
    assert grade(client, calm) == 302
    assert grade(client, urgent, harmed="yes") == 302
    page = client.get(queue).content.decode()
    assert page.count("mark urgent") == 1
    line = next(row for row in page.split("<tr") if "mark urgent" in row)
    assert urgent.case.reference in line
    assert grade(client, urgent) == 302
    assert "mark urgent" not in client.get(queue).content.decode()


def test_a_missing_answer_keeps_the_others(signed_in: SignedIn, cast: Cast) -> None:
    sent, client = in_review(cast), signed_in("vera")
    answer = client.post(url(sent, "risk", complaint_of(sent).pk), {"harmed": "yes", "why": "Baru saja."})
    assert answer.status_code == 400
    assert "Baru saja." in answer.content.decode()
    assert not Assessment.objects.exists()


def test_high_risk_shortens_what_follows_verifying(signed_in: SignedIn, cast: Cast) -> None:
    calm, urgent = in_review(cast), in_review(cast)
    client = signed_in("vera")
    assert grade(client, urgent, safety="yes") == 302
    for sent in (calm, urgent):
        form = {"seen": "in_review"} | ticks("verify")
        assert client.post(url(sent, "step", "verify"), form).status_code == 302
        sent.case.refresh_from_db()
    tomorrow = timezone.localdate() + timezone.timedelta(days=1)
    assert urgent.case.due_on == tomorrow
    assert calm.case.due_on is not None
    assert calm.case.due_on >= tomorrow


def test_incomplete_checklist_blocks_the_step_and_is_stored(signed_in: SignedIn, cast: Cast) -> None:
    sent, client = in_review(cast), english(signed_in("vera"))
    address = url(sent, "step", "refer")
    form = {"seen": "in_review", "reason": "Ke Bawaslu.", "why-says_where": "Ada di pesan sebelumnya."}
    refused = client.post(address, form)
    text = refused.content.decode()
    assert refused.status_code == 400
    assert "Tick this: nothing is decided without it." in text
    assert "Ke Bawaslu." in text
    assert "Ada di pesan sebelumnya." in text
    assert Case.objects.get(pk=sent.case.pk).status == "in_review"
    form |= ticks("refer")
    del form["check-says_where"]
    assert client.post(address, form).status_code == 302
    assessment = Assessment.objects.get()
    assert assessment.step == CaseStep.objects.get(case=sent.case, action="refer")
    text = client.get(url(sent, "change")).content.decode()
    assert "Ada di pesan sebelumnya." in text
    assert "Not done:" in text


def test_forwarding_asks_too(signed_in: SignedIn, cast: Cast) -> None:
    sent, client = verified(cast), signed_in("fitri")
    form = {"seen": "verified", "body": "bkn", "cover": "Mohon ditinjau."}
    refused = client.post(url(sent, "forward"), form)
    assert refused.status_code == 400
    assert "Mohon ditinjau." in refused.content.decode()
    assert not Release.objects.exists()
    form |= ticks("forward") | chosen(client.get(url(sent, "forward")))
    assert client.post(url(sent, "forward"), form).status_code == 302
    assert Assessment.objects.filter(step__action="forward").count() == 1


def test_the_second_of_two_officers_is_told_and_can_send_again(signed_in: SignedIn, cast: Cast) -> None:
    sent, vera = in_review(cast), english(signed_in("vera"))
    address = url(sent, "step", "propose_ineligible")
    form = {"seen": mark_on(vera.get(address).content.decode()), "reason": "Bukan ASN."} | ticks("propose_ineligible")
    case_actions.reply_to_reporter(
        actor=Actor(cast.ring("vino"), timezone.now()), complaint_id=complaint_of(sent).pk, text="Kapan?"
    )
    case_actions.write_case_note(
        actor=Actor(cast.ring("vino"), timezone.now()), complaint_id=complaint_of(sent).pk, text="Telepon."
    )
    follow_up.add_message(ticket=sent.ticket, text="Kemarin.", files=[], today=timezone.localdate())
    answer = vera.post(address, form)
    text = answer.content.decode()
    assert answer.status_code == 409
    for words in ("Vino wrote to the reporter", "Vino wrote an internal note", "A message of the reporter came in"):
        assert words in text, words
    for hidden in ("Telepon.", "Kemarin."):
        assert hidden not in text
    assert "Bukan ASN." in text
    assert text.count(" checked>") == len({item.code for item in items(Action.PROPOSE_INELIGIBLE)} - DERIVED)
    assert Case.objects.get(pk=sent.case.pk).status == "in_review"
    assert vera.post(address, form | {"seen": mark_on(text)}).status_code == 302
    assert Case.objects.get(pk=sent.case.pk).status == "ineligible_proposed"


def test_a_step_of_a_colleague_is_told_with_the_name(signed_in: SignedIn, cast: Cast) -> None:
    sent, fitri = verified(cast), english(signed_in("fitri"))
    page = fitri.get(url(sent, "forward"))
    seen = mark_on(page.content.decode())
    case_actions.write_case_note(
        actor=Actor(cast.ring("vino"), timezone.now()), complaint_id=complaint_of(sent).pk, text="Sebentar."
    )
    form = {"seen": seen, "body": "bkn", "cover": "Mohon ditinjau."} | ticks("forward") | chosen(page)
    answer = fitri.post(url(sent, "forward"), form)
    text = answer.content.decode()
    assert answer.status_code == 409
    assert "Vino wrote an internal note" in text
    assert "Mohon ditinjau." in text
    assert not Release.objects.exists()
    assert fitri.post(url(sent, "forward"), form | {"seen": mark_on(text)}).status_code == 302


def test_words_to_a_reporter_wait_when_a_colleague_was_faster(signed_in: SignedIn, cast: Cast) -> None:
    sent, vera = in_review(cast), english(signed_in("vera"))
    complaint = complaint_of(sent)
    seen = mark_on(vera.get(url(sent, "change")).content.decode())
    case_actions.reply_to_reporter(
        actor=Actor(cast.ring("vino"), timezone.now()), complaint_id=complaint.pk, text="Terima kasih."
    )
    before = Message.objects.count()
    answer = vera.post(url(sent, "reply", complaint.pk), {"seen": seen, "text": "Kapan tepatnya?"})
    text = answer.content.decode()
    assert answer.status_code == 409
    assert "Vino wrote to the reporter" in text
    assert "Kapan tepatnya?" in text
    assert Message.objects.count() == before
    # A note says something beside what happened, and clashes with nothing.
    assert vera.post(url(sent, "note", complaint.pk), {"seen": seen, "text": "Ia menelepon."}).status_code == 302
    assert InternalNote.objects.count() == 1
    text = vera.get(url(sent, "change")).content.decode()
    again = {"seen": mark_on(text), "text": "Kapan tepatnya?"}
    assert vera.post(url(sent, "reply", complaint.pk), again).status_code == 302
    graded = {"seen": seen, "why": "Sudah lama."} | SAFE
    answer = vera.post(url(sent, "risk", complaint.pk), graded)
    assert answer.status_code == 409
    assert "Sudah lama." in answer.content.decode()
    assert not Assessment.objects.exists()


def test_the_second_person_finds_it_in_an_inbox(signed_in: SignedIn, cast: Cast) -> None:
    sent = in_review(cast)
    form = {"seen": "in_review", "reason": "Bukan ASN."} | ticks("propose_ineligible")
    # That the reporter was not asked is known; why not is said.
    form["why-asked_first"] = "Sudah jelas."
    vera, inbox = english(signed_in("vera")), reverse("admin:complaints_case_second")
    assert vera.post(url(sent, "step", "propose_ineligible"), form).status_code == 302
    assert "Bukan ASN." not in vera.get(inbox).content.decode()
    for name in ("vino", "fitri"):
        client = english(signed_in(name))
        assert inbox in client.get(reverse("admin:index")).content.decode()
        text = client.get(inbox).content.decode()
        for words in (
            sent.case.reference,
            "Bukan ASN.",
            "Sudah jelas.",
            "Vera",
            url(sent, "step", "confirm_ineligible"),
        ):
            assert words in text, (name, words)
    act(cast, "vino", sent, Action.CONFIRM_INELIGIBLE, "Benar.")
    assert "Nothing waits for your decision." in english(signed_in("vino")).get(inbox).content.decode()
