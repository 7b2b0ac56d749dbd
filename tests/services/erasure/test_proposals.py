"""What is due for erasure, who proposes, confirms and refuses it, and what stops it."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from complaints import access
from complaints.domain.workflow import Action
from complaints.models.audit import AuditEntry
from complaints.models.case import Case, InternalNote
from complaints.models.erasure import Erasure, LegalHold
from complaints.services import case_actions, follow_up
from complaints.services.audit import erasure_decisions
from complaints.services.audit.erasure_decisions import Answer, Asker
from complaints.services.erasure import erasing, erasure_requests, holds, proposals
from complaints.services.erasure.obstacles import Obstacle
from complaints.services.erasure.proposals import ErasureRefused, Ground, State
from complaints.services.keyring import Actor
from tests.cases import act, body_act, complaint_of, forwarded, in_review
from tests.world import Cast, Sent, send_report

pytestmark = pytest.mark.django_db


def later(days: int) -> datetime:
    return timezone.now() + timedelta(days=days)


def officer(cast: Cast, name: str, days: int = 0) -> Actor:
    return Actor(cast.ring(name), later(days))


def withdrawn() -> Sent:
    sent = send_report()
    follow_up.withdraw(ticket=sent.ticket, reason="", today=timezone.localdate())
    sent.case.refresh_from_db()
    return sent


def closed(cast: Cast) -> Sent:
    sent = in_review(cast)
    act(cast, "vera", sent, Action.PROPOSE_INELIGIBLE, "Bukan ASN.")
    act(cast, "vino", sent, Action.CONFIRM_INELIGIBLE, "Bukan ASN menurut data.")
    return sent


def proposed(cast: Cast, sent: Sent, days: int = 31) -> Erasure:
    complaint = complaint_of(sent)
    ground = Ground.WITHDRAWN if sent.case.status == "withdrawn" else Ground.PERIOD
    assert proposals.propose(actor=officer(cast, "vera", days), complaints=[complaint.pk], ground=ground) == 1
    return Erasure.objects.get(complaint_id=complaint.pk)


def refusal(act_of: object, **kwargs: object) -> str:
    with pytest.raises((ErasureRefused, holds.HoldRefused)) as refused:
        act_of(**kwargs)  # type: ignore[operator]
    return str(refused.value.code)  # type: ignore[attr-defined]


def faults() -> list[str]:
    """The codes of the faults that the night would name of erasures and holds."""
    rows = [
        (check, list(check.rows(None).values_list("pk", flat=True)))  # type: ignore[arg-type]
        for check in erasure_decisions.CHECKS
    ]
    return [fault.code for check, keys in rows for fault in check.faults(keys)]


def test_the_dry_run_names_ground_rule_day_and_what_stops_it(cast: Cast) -> None:
    gone, ended = withdrawn(), closed(cast)
    in_review(cast)
    today = timezone.localdate()
    assert proposals.due(actor=officer(cast, "vera", 29)) == []
    rows = proposals.due(actor=officer(cast, "vera", 30))
    assert [(row.complaint.pk, row.ground, row.days.rule) for row in rows] == [
        (complaint_of(gone).pk, Ground.WITHDRAWN, "retention-withdrawn")
    ]
    assert rows[0].days.due_on == today + timedelta(days=30)
    assert rows[0].days.erased_by == today + timedelta(days=44)
    assert rows[0].days.gone_by == today + timedelta(days=44 + 36)
    holds.set_hold(actor=officer(cast, "vera"), complaint_id=complaint_of(ended).pk, ground=LegalHold.Ground.COURT)
    both = {row.complaint.pk: row for row in proposals.due(actor=officer(cast, "vera", 90))}
    assert set(both) == {complaint_of(gone).pk, complaint_of(ended).pk}
    assert both[complaint_of(ended).pk].obstacles == (Obstacle.HOLD,)
    assert (both[complaint_of(gone).pk].obstacles, both[complaint_of(ended).pk].ground) == ((), Ground.PERIOD)


def test_what_a_body_got_is_kept_longer(cast: Cast) -> None:
    sent, release = forwarded(cast)
    body_act(cast, "kirana", release, Action.TAKE_UP)
    body_act(cast, "kirana", release, Action.DISMISS, text="Tidak.", reply="Tidak cukup.")
    assert proposals.due(actor=officer(cast, "vera", 729)) == []
    (row,) = proposals.due(actor=officer(cast, "vera", 730))
    assert (row.complaint.pk, row.days.rule) == (complaint_of(sent).pk, "retention-forwarded")


def test_two_people_agree_and_the_chain_says_who(cast: Cast) -> None:
    row = proposed(cast, withdrawn())
    assert refusal(proposals.confirm, actor=officer(cast, "vera", 31), erasures=[row.pk]) == "same_person"
    assert proposals.due(actor=officer(cast, "vino", 31)) == [], "what is proposed is not listed again"
    assert list(proposals.waiting_for(cast["vino"])) == [row]
    assert list(proposals.waiting_for(cast["vera"])) == []
    assert proposals.confirm(actor=officer(cast, "vino", 31), erasures=[row.pk]) == 1
    row.refresh_from_db()
    assert (row.state, row.proposed_by, row.confirmed_by) == (State.CONFIRMED, cast["vera"], cast["vino"])
    entries = AuditEntry.objects.filter(subject=row.pk).order_by("sequence")
    assert [(entry.event, entry.actor) for entry in entries] == [
        ("erasure.proposed", cast["vera"].pk),
        ("erasure.confirmed", cast["vino"].pk),
    ]
    assert faults() == []
    assert refusal(proposals.confirm, actor=officer(cast, "fitri", 31), erasures=[row.pk]) == "decided"


def test_a_refusal_has_a_reason_and_the_report_is_due_again(cast: Cast) -> None:
    sent = withdrawn()
    row = proposed(cast, sent)
    assert refusal(proposals.refuse, actor=officer(cast, "vino", 31), erasure_id=row.pk, reason=" ") == "reason"
    proposals.refuse(actor=officer(cast, "vino", 31), erasure_id=row.pk, reason="Masih ditanyakan Ombudsman.")
    assert InternalNote.objects.filter(complaint=complaint_of(sent)).count() == 1
    assert [due.complaint.pk for due in proposals.due(actor=officer(cast, "vera", 31))] == [complaint_of(sent).pk]
    assert faults() == []
    assert proposals.propose(
        actor=officer(cast, "vera", 32), complaints=[complaint_of(sent).pk], ground=Ground.WITHDRAWN
    )


def test_nothing_is_proposed_before_its_day_or_on_a_wrong_ground(cast: Cast) -> None:
    gone, ended = complaint_of(withdrawn()).pk, complaint_of(closed(cast)).pk

    def propose(days: int, complaint: uuid.UUID, ground: Ground) -> str:
        return refusal(proposals.propose, actor=officer(cast, "vera", days), complaints=[complaint], ground=ground)

    assert propose(29, gone, Ground.WITHDRAWN) == "due"
    assert propose(31, ended, Ground.WITHDRAWN) == "due"
    assert propose(91, ended, Ground.REQUEST) == "request"
    assert propose(1, ended, Ground.COURT) == Obstacle.OBJECTION
    assert propose(31, uuid.uuid4(), Ground.WITHDRAWN) == "due"
    assert propose(31, complaint_of(in_review(cast)).pk, Ground.COURT) == Obstacle.OPEN
    assert not Erasure.objects.exists()


def test_a_report_that_a_body_examines_is_not_erased(cast: Cast) -> None:
    sent, _release = forwarded(cast)
    code = refusal(
        proposals.propose, actor=officer(cast, "vera", 900), complaints=[complaint_of(sent).pk], ground=Ground.COURT
    )
    assert code == Obstacle.EXAMINED


def test_who_may_not_see_the_report_cannot_propose_or_confirm(cast: Cast) -> None:
    sent = withdrawn()
    row = proposed(cast, sent)
    for name in ("sari", "kirana", "audi", "adi", "super", "luar"):
        with pytest.raises(Exception, match=r"due|triage|separate|decided|body|staff"):
            proposals.confirm(actor=officer(cast, name, 31), erasures=[row.pk])
    row.refresh_from_db()
    assert row.state == State.PROPOSED


def test_a_hold_is_set_by_one_and_lifted_by_two(cast: Cast) -> None:
    sent = withdrawn()
    complaint = complaint_of(sent).pk
    row = proposed(cast, sent)
    holds.set_hold(actor=officer(cast, "vino", 31), complaint_id=complaint, ground=LegalHold.Ground.CRIMINAL)
    assert refusal(
        holds.set_hold, actor=officer(cast, "vera"), complaint_id=complaint, ground=LegalHold.Ground.COURT
    ) == "held"  # fmt: skip
    assert refusal(proposals.confirm, actor=officer(cast, "fitri", 31), erasures=[row.pk]) == Obstacle.HOLD
    assert refusal(holds.lift, actor=officer(cast, "vera", 31), complaint_id=complaint) == "same_person"
    holds.ask_lift(actor=officer(cast, "vino", 32), complaint_id=complaint)
    assert refusal(holds.ask_lift, actor=officer(cast, "vera", 32), complaint_id=complaint) == "asked"
    assert refusal(holds.lift, actor=officer(cast, "vino", 32), complaint_id=complaint) == "same_person"
    holds.lift(actor=officer(cast, "vera", 32), complaint_id=complaint)
    assert refusal(holds.lift, actor=officer(cast, "vera", 32), complaint_id=complaint) == "gone"
    assert faults() == []
    assert proposals.confirm(actor=officer(cast, "fitri", 33), erasures=[row.pk]) == 1


def test_a_hold_whose_row_was_deleted_still_holds_and_is_named(cast: Cast) -> None:
    sent = withdrawn()
    row, complaint = proposed(cast, sent), complaint_of(sent).pk
    holds.set_hold(actor=officer(cast, "vino", 31), complaint_id=complaint, ground=LegalHold.Ground.COURT)
    LegalHold.objects.all().delete()
    assert refusal(proposals.confirm, actor=officer(cast, "fitri", 31), erasures=[row.pk]) == Obstacle.HOLD
    assert faults() == ["state.gone"]


def test_rows_that_no_two_people_wrote_decide_nothing_and_are_named(cast: Cast) -> None:
    row = proposed(cast, withdrawn())
    Erasure.objects.filter(pk=row.pk).update(ground=Ground.COURT, rule="")
    assert refusal(proposals.confirm, actor=officer(cast, "vino", 31), erasures=[row.pk]) == Obstacle.RECORD
    assert faults() == ["state.altered"]
    Erasure.objects.create(
        complaint_id=complaint_of(closed(cast)).pk,
        ground=Ground.PERIOD,
        state=State.CONFIRMED,
        proposed_by=cast["vera"],
        confirmed_by=cast["vino"],
        proposed_on=timezone.localdate(),
        confirmed_on=timezone.localdate(),
    )
    assert sorted(faults()) == ["state.altered", "state.unrecorded"]


def test_a_request_is_recorded_answered_and_granted_by_two(cast: Cast) -> None:
    sent = closed(cast)
    complaint = complaint_of(sent)
    today, told = timezone.localdate(), complaint.messages.count()
    enter = {"complaint_id": complaint.pk, "asker": Asker.ACCUSED, "words": "Surat bernomor 12.", "asked_on": today}
    assert refusal(erasure_requests.enter, actor=officer(cast, "vera"), **{**enter, "words": " "}) == "reason"
    erasure_requests.enter(actor=officer(cast, "vera"), **enter)  # type: ignore[arg-type]
    assert refusal(erasure_requests.enter, actor=officer(cast, "vino"), **enter) == "request"
    request = erasure_requests.newest(complaint.pk)
    assert request is not None
    assert (request.asker, request.answer_by) == (Asker.ACCUSED, today + timedelta(days=3))
    assert list(erasure_decisions.open_requests()) == [complaint]
    words = erasure_requests.words_of(actor=officer(cast, "fitri"), complaint=complaint, request=request)
    assert words == "Surat bernomor 12."
    erasure_requests.decline(actor=officer(cast, "vino"), complaint_id=complaint.pk, reason="Masih diperlukan.")
    answered = erasure_requests.newest(complaint.pk)
    assert answered is not None
    assert answered.answer is Answer.DECLINED
    assert list(erasure_decisions.open_requests()) == []
    assert complaint.messages.count() == told, "an accused gets the answer by letter"
    erasure_requests.enter(actor=officer(cast, "vera", 20), **enter)  # type: ignore[arg-type]
    proposals.propose(actor=officer(cast, "vera", 20), complaints=[complaint.pk], ground=Ground.REQUEST)
    row = Erasure.objects.get(complaint_id=complaint.pk)
    assert row.rule == ""
    proposals.confirm(actor=officer(cast, "vino", 20), erasures=[row.pk])
    answered = erasure_requests.newest(complaint.pk)
    assert answered is not None
    assert answered.answer is Answer.GRANTED
    assert faults() == []


def test_a_reporter_asks_and_reads_why_it_was_declined(cast: Cast) -> None:
    sent = closed(cast)
    complaint = complaint_of(sent)
    today = timezone.localdate()
    erasure_requests.ask_as_reporter(ticket=sent.ticket, text="Mohon hapus.", today=today)
    assert complaint.messages.from_reporter().count() == 1
    actor = officer(cast, "vera")
    erasure_requests.enter(
        actor=actor, complaint_id=complaint.pk, asker=Asker.REPORTER, asked_on=today, words="Mohon hapus."
    )
    erasure_requests.decline(actor=actor, complaint_id=complaint.pk, reason="Masih dalam masa keberatan.")
    page = follow_up.status_page(ticket=sent.ticket, today=today)
    assert "Masih dalam masa keberatan." in [entry.text for entry in page.thread]


def test_what_is_practised_is_never_due(cast: Cast) -> None:
    sent = withdrawn()
    Case.objects.filter(pk=sent.case.pk).update(is_practice=True, reference="LATIHAN-AAAAAA")
    assert proposals.due(actor=officer(cast, "vera", 400)) == []


def test_a_report_at_rest_goes_after_two_years_and_no_list_waits_for_it(cast: Cast) -> None:
    sent = in_review(cast)
    act(cast, "vera", sent, Action.ASK_REPORTER, "Kapan rapat itu?")
    late = officer(cast, "vera", 60)
    case_actions.act(actor=late, case_id=sent.case.pk, action=Action.REST, reason="Tidak ada jawaban.")
    page = follow_up.status_page(ticket=sent.ticket, today=late.today)
    assert page.kept_until is not None and page.kept_until.waits_for_reporter
    assert page.kept_until.days.due_on == late.today + timedelta(days=730)
    complaint = complaint_of(sent).pk
    assert proposals.due(actor=officer(cast, "vera", 789)) == []
    proposals.propose(actor=officer(cast, "vera", 790), complaints=[complaint], ground=Ground.PERIOD)
    row = Erasure.objects.get(complaint_id=complaint)
    proposals.confirm(actor=officer(cast, "vino", 790), erasures=[row.pk])
    assert access.cases_for(cast["vera"]).filter(pk=sent.case.pk).exists()
    assert erasing.erase(row.pk, now=later(790))
    assert not access.cases_for(cast["vera"]).filter(pk=sent.case.pk).exists()
    assert not Case.objects.open().filter(pk=sent.case.pk).exists()
