"""After the end: a reporter objects once within the limit, somebody else looks again, and the work can be rated."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.utils import timezone

from complaints.domain.case_links import LinkRefused
from complaints.domain.workflow import Action, Refusal, TransitionRefused
from complaints.models.complaint import Message
from complaints.services import after_the_end, case_file, case_links, follow_up, transitions
from complaints.services.after_the_end import OBJECTION_MARK, RATING_MARK, Rating
from complaints.services.audit import verify
from complaints.services.keyring import Actor
from complaints.services.reporter_page import StatusPage
from complaints.services.transitions import CaseVersion
from tests.cases import act, body_act, forwarded, in_review
from tests.world import Cast, Sent, close_batch, send_report

pytestmark = pytest.mark.django_db
WHY = "Petugas tidak membaca lampiran saya."


def closed(cast: Cast) -> Sent:
    sent = in_review(cast)
    close(cast, sent, "vera", "vino")
    return sent


def close(cast: Cast, sent: Sent, first: str, second: str) -> None:
    act(cast, first, sent, Action.PROPOSE_INELIGIBLE, "Bukan ASN.")
    act(cast, second, sent, Action.CONFIRM_INELIGIBLE, "Bukan ASN.")


def page(sent: Sent, today: date | None = None) -> StatusPage:
    return follow_up.status_page(ticket=sent.ticket, today=today or timezone.localdate())


def objects(sent: Sent, today: date | None = None) -> None:
    after_the_end.object_to_end(ticket=sent.ticket, reason=WHY, today=today or timezone.localdate())
    sent.case.refresh_from_db()


def marks_read_by(cast: Cast, name: str, sent: Sent) -> list[tuple[str, dict[str, object]]]:
    actor = Actor(cast.ring(name), timezone.now())
    opened = case_file.open_case(actor=actor, case_id=sent.case.pk)
    return [(entry.text, dict(entry.marks)) for report in opened.complaints for entry in report.thread if entry.marks]


def test_an_objection_opens_the_case_again_once_and_the_office_reads_why(cast: Cast) -> None:
    sent = closed(cast)
    assert page(sent).objection.may_object
    objects(sent)
    assert (sent.case.status, sent.case.due_on is not None) == ("in_review", True)
    shown = page(sent)
    assert (shown.status, shown.objection.objected_on, shown.objection.may_object) == (
        *("in_review", timezone.localdate(), False),
    )
    assert marks_read_by(cast, "vino", sent) == [(WHY, {OBJECTION_MARK: True})]
    close(cast, sent, "vera", "fitri")
    assert not page(sent).objection.may_object
    with pytest.raises(TransitionRefused):
        objects(sent)
    close_batch(timezone.now())
    assert verify.verify_chain().whole


def test_whoever_closed_it_takes_no_step_until_it_is_closed_again(cast: Cast) -> None:
    sent = closed(cast)
    objects(sent)
    for action in (Action.VERIFY, Action.REFER, Action.PROPOSE_INELIGIBLE, Action.PREPARE_REFERRAL):
        with pytest.raises(TransitionRefused) as refused:
            act(cast, "vino", sent, action, "Alasan.")
        assert refused.value.code is Refusal.SAME_PERSON
    offered = {step.action: step.refused for step in transitions.available_steps(staff=cast["vino"], case=sent.case)}
    assert (offered[Action.VERIFY], offered[Action.ASK_REPORTER]) == ("same_person", "")
    act(cast, "vera", sent, Action.PROPOSE_INELIGIBLE, "Tetap bukan ASN.")
    with pytest.raises(TransitionRefused):
        act(cast, "vino", sent, Action.CONFIRM_INELIGIBLE, "Tetap bukan ASN.")
    act(cast, "fitri", sent, Action.CONFIRM_INELIGIBLE, "Tetap bukan ASN.")
    act(cast, "vino", sent, Action.REOPEN, "Ada bukti baru.")
    act(cast, "vino", sent, Action.VERIFY)


def test_a_case_with_an_objection_is_linked_into_no_other(cast: Cast) -> None:
    sent, other = closed(cast), send_report()
    objects(sent)
    # In the other case the closer would be free to decide.
    actor = Actor(cast.ring("vino"), timezone.now())
    (candidate,) = case_links.candidates(keyring=cast.ring("vino"), case=other.case, references=[sent.case.reference])
    assert candidate.refused == "objected"
    sources = {sent.case.pk: candidate.version}
    with pytest.raises(LinkRefused):
        case_links.link(actor=actor, target_id=other.case.pk, sources=sources, reason="Satu perkara.")
    close(cast, sent, "vera", "fitri")
    act(cast, "vera", sent, Action.REOPEN, "Ada bukti baru.")
    assert not transitions.open_objections().exists()


def test_an_objection_has_a_last_day_and_needs_an_end(cast: Cast) -> None:
    open_still = in_review(cast)
    assert page(open_still).objection.until is None
    with pytest.raises(TransitionRefused):
        objects(open_still)
    sent = closed(cast)
    last = page(sent).objection.until
    assert last is not None and last > timezone.localdate() + timedelta(days=10)
    assert (page(sent, last).objection.may_object, page(sent, last + timedelta(days=1)).objection.may_object) == (
        *(True, False),
    )
    with pytest.raises(TransitionRefused):
        objects(sent, last + timedelta(days=1))
    objects(sent, last)


def test_a_finding_of_a_body_can_be_objected_to(cast: Cast) -> None:
    sent, release = forwarded(cast)
    body_act(cast, "kirana", release, Action.TAKE_UP)
    body_act(cast, "kirana", release, Action.DISMISS, text="Tidak terbukti.", reply="Tidak cukup bukti.")
    assert page(sent).has_reason
    objects(sent)
    assert sent.case.status == "in_review"
    act(cast, "vera", sent, Action.VERIFY)


def test_a_rating_is_a_message_like_any_other_and_the_last_one_counts(cast: Cast) -> None:
    sent = in_review(cast)
    today = timezone.localdate()
    with pytest.raises(TransitionRefused):
        after_the_end.rate(ticket=sent.ticket, rating=Rating.HELPED, today=today)
    close(cast, sent, "vera", "vino")
    follow_up.add_message(ticket=sent.ticket, text="Terima kasih.", files=[], today=today)
    for rating in (Rating.HELPED, Rating.NOT_HELPED):
        after_the_end.rate(ticket=sent.ticket, rating=rating, today=today)
    rows = list(Message.objects.from_reporter().order_by("sequence"))
    assert len({len(row.sealed) for row in rows}) == 1
    assert len({(row.direction, row.is_read, row.day, row.batch) for row in rows}) == 1
    said = [marks[RATING_MARK] for _text, marks in marks_read_by(cast, "vera", sent) if RATING_MARK in marks]
    assert said == ["helped", "not_helped"]
    assert page(sent).status == "ineligible"


def test_a_withdrawn_report_takes_neither(cast: Cast) -> None:
    sent, today = in_review(cast), timezone.localdate()
    follow_up.withdraw(ticket=sent.ticket, reason="", today=today)
    for act_of_reporter in (
        lambda: objects(sent),
        lambda: after_the_end.rate(ticket=sent.ticket, rating=Rating.HELPED, today=today),
    ):
        with pytest.raises(TransitionRefused):
            act_of_reporter()


def test_a_report_that_was_never_sent_ends_with_its_case_and_says_so(cast: Cast) -> None:
    sent, release = forwarded(cast)
    body_act(cast, "kirana", release, Action.TAKE_UP)
    late = send_report()
    officer = Actor(cast.ring("vera"), timezone.now())
    seen = {late.case.pk: CaseVersion("received")}
    case_links.link(actor=officer, target_id=sent.case.pk, sources=seen, reason="Perkara yang sama.")
    before = page(late)
    assert (before.status, before.is_unsent, before.body_name) == ("in_review", False, "")
    body_act(cast, "kirana", release, Action.DISMISS, text="Tidak terbukti.", reply="Tidak cukup bukti.")
    shown = page(late)
    assert (shown.status, shown.is_unsent, shown.body_name, shown.stages) == ("unsubstantiated", True, "BKN", [])
    assert (shown.events[-1].status, shown.has_reason, shown.objection.may_object) == ("unsubstantiated", False, True)
    assert not page(sent).is_unsent
    objects(late)
    # An objection is its reporter's own: the other one is told neither of it nor that there is another.
    assert page(late).objection.objected_on
    assert page(sent).objection.objected_on is None


def test_a_late_office_names_the_day_that_follows(cast: Cast) -> None:
    sent = in_review(cast)
    due = page(sent).due_on
    assert due is not None and page(sent, due).next_day is None
    for days in (1, 30):
        today = due + timedelta(days=days)
        following = page(sent, today).next_day
        assert following is not None and following >= today
        assert following - today < timedelta(days=10)
