"""Linking and unlinking: who may, what moves, what each reporter and the body then see, and that nothing gets lost."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from complaints import access
from complaints.domain.case_links import LinkRefused
from complaints.domain.workflow import Action, TransitionRefused
from complaints.models.audit import AuditEntry
from complaints.models.case import Case, CaseStep, InternalNote
from complaints.models.case_links import CaseMove
from complaints.models.complaint import Complaint
from complaints.models.oversight import OversightBody, Release
from complaints.services import (
    assignment,
    case_actions,
    case_file,
    case_links,
    case_membership,
    case_summary,
    conflicts,
    follow_up,
    transitions,
)
from complaints.services.audit import verify
from complaints.services.forwarding import decisions, reading
from complaints.services.forwarding.contents import whole
from complaints.services.forwarding.release import forward as release_forward
from complaints.services.keyring import Actor, Locked
from complaints.services.transitions import CaseChanged, CaseVersion
from tests.cases import passed_on
from tests.world import Cast, Sent, at, close_batch, send_report, without_states

DAY = date(2026, 11, 9)
NOW = at(DAY)
LATER = DAY + timedelta(days=7)
LINK = "https://instagram.com/p/AbC123"
pytestmark = pytest.mark.django_db


def act(cast: Cast, name: str, case: Case, action: Action, *, on: date = DAY, reason: str = "Sebab.") -> None:
    case_actions.act(actor=Actor(cast.ring(name), at(on)), case_id=case.pk, action=action, reason=reason)


def link(cast: Cast, target: Sent, *sources: Sent, on: date = DAY, name: str = "vera", **given: Any) -> int:
    seen = {source.case.pk: CaseVersion(Case.objects.get(pk=source.case.pk).status) for source in sources}
    given = {"sources": seen, "reason": "Satu perkara.", **given}
    return case_links.link(actor=Actor(cast.ring(name), at(on)), target_id=target.case.pk, **given)


def unlink(cast: Cast, sent: Sent, *, on: date = LATER, name: str = "vera", **given: Any) -> Case:
    given = {"reason": "Perkara lain.", **given}
    return case_links.unlink(actor=Actor(cast.ring(name), at(on)), complaint_id=report(sent).pk, **given)


def report(sent: Sent) -> Complaint:
    return Complaint.objects.get(pk=sent.ticket.complaint_id)


def page(sent: Sent, today: date = LATER) -> follow_up.StatusPage:
    return follow_up.status_page(ticket=sent.ticket, today=today)


def reloaded(sent: Sent) -> Case:
    return Case.objects.get(pk=sent.case.pk)


def forward(cast: Cast, sent: Sent, *, on: date = DAY) -> Release:
    act(cast, "vera", sent.case, Action.START_REVIEW, on=on)
    act(cast, "vera", sent.case, Action.VERIFY, on=on)
    return forward_again(cast, sent, on=on)


def forward_again(cast: Cast, sent: Sent, *, on: date = DAY) -> Release:
    body = OversightBody.objects.get(pk="bkn")
    return release_forward(
        actor=Actor(cast.ring("fitri"), at(on)),
        case_id=sent.case.pk,
        body=body,
        choice=whole(sent.case.pk),
        reply="Kami teruskan.",
    )


def joined_cases(cast: Cast) -> tuple[Sent, Sent, Sent]:
    """A case in review with two others linked into it; the second had begun to be checked."""
    target, first, second = (send_report(today=DAY) for _number in range(3))
    act(cast, "vera", target.case, Action.START_REVIEW)
    act(cast, "vera", second.case, Action.START_REVIEW)
    assert link(cast, target, first, second) == 2
    return target, first, second


def check_chain() -> None:
    verdict = verify.verify_chain()
    assert verdict.whole, verdict


def test_linking_moves_reports_and_closes_source_cases(cast: Cast) -> None:
    target, first, second = joined_cases(cast)
    joint = reloaded(target)
    assert {linked.pk for linked in joint.complaints.all()} == {report(linked).pk for linked in (target, first, second)}
    assert (joint.status, joint.step_count, joint.due_on) == ("in_review", 1, joint.due_on)
    for source, status in ((first, "received"), (second, "in_review")):
        case = reloaded(source)
        assert (case.linked_into_id, case.status, case.due_on) == (joint.pk, status, None)
        assert not case.complaints.exists()
    assert set(access.cases_for(cast["vera"])) == {joint}
    assert set(Case.objects.open()) == {joint}
    overdue = Case.objects.overdue(DAY + timedelta(days=60))
    assert list(overdue) == [joint]
    with pytest.raises(Case.DoesNotExist):
        case_file.open_case(actor=Actor(cast.ring("vera"), NOW), case_id=first.case.pk)
    with pytest.raises(CaseChanged):
        act(cast, "vera", first.case, Action.START_REVIEW)
    check_chain()


def test_one_sealed_note_and_an_entry_for_each_report(cast: Cast) -> None:
    target, first, second = joined_cases(cast)
    opened = case_file.open_case(actor=Actor(cast.ring("vino"), NOW), case_id=target.case.pk)
    assert [note.text for note in opened.notes] == ["Satu perkara."]
    entries = AuditEntry.objects.filter(event="case.linked").order_by("sequence")
    assert {entry.facts["complaint"] for entry in entries} == {str(report(source).pk) for source in (first, second)}
    assert {entry.case for entry in entries} == {target.case.pk}
    assert {entry.actor for entry in entries} == {cast["vera"].pk}


def test_unauthorised_people_and_actions_are_refused(cast: Cast) -> None:
    target, source = (send_report(today=DAY) for _number in range(2))
    before = AuditEntry.objects.count()
    for name in ("kirana", "audi", "super", "luar"):
        with pytest.raises(Locked):
            link(cast, target, source, name=name)
    for given, code in (
        ({"name": "fitri"}, "missing_permission"),
        ({"reason": " \n"}, "reason_missing"),
        ({"sources": {}}, "nothing"),
        ({"sources": {target.case.pk: CaseVersion("received")}}, "same_case"),
    ):
        with pytest.raises(LinkRefused) as refused:
            link(cast, target, source, **given)
        assert refused.value.code == code
    with pytest.raises(Case.DoesNotExist):
        link(cast, target, source, sources={uuid.uuid4(): CaseVersion("received")})
    with pytest.raises(LinkRefused) as refused:
        unlink(cast, source)
    assert refused.value.code == "alone"
    assert not CaseMove.objects.exists()
    assert AuditEntry.objects.count() == before
    with pytest.raises(IntegrityError), transaction.atomic():
        Case.objects.filter(pk=source.case.pk).update(linked_into=source.case.pk)


def test_what_a_body_has_had_and_what_has_ended_goes_nowhere(cast: Cast) -> None:
    target, held, proposed = (send_report(today=DAY) for _number in range(3))
    release = forward(cast, held)
    for case in (target, proposed):
        act(cast, "vera", case.case, Action.START_REVIEW)
    act(cast, "vera", proposed.case, Action.PROPOSE_INELIGIBLE)
    refusals = {}
    for source in (held, proposed):
        with pytest.raises(LinkRefused) as refused:
            link(cast, target, source)
        refusals[source.case.pk] = refused.value.code.value
    decisions.act(
        actor=Actor(cast.ring("kirana"), NOW), release_id=release.pk, action=Action.RETURN, text="Mana buktinya?"
    )
    with pytest.raises(LinkRefused) as refused:
        link(cast, target, held)
    assert (refused.value.code, refusals[held.case.pk], refusals[proposed.case.pk]) == (
        *("released", "released"),
        "source_state",
    )
    act(cast, "vino", proposed.case, Action.CONFIRM_INELIGIBLE)
    with pytest.raises(LinkRefused) as refused:
        link(cast, proposed, target)
    assert refused.value.code == "target_ended"


@pytest.mark.parametrize("altered", ["target", "source"])
def test_a_case_that_differs_from_the_chain_is_not_linked(cast: Cast, altered: str) -> None:
    """The moves of its reports would be genuine, and tell their reporters of an altered case."""
    cases = {"target": send_report(today=DAY), "source": send_report(today=DAY)}
    for sent in cases.values():
        act(cast, "vera", sent.case, Action.START_REVIEW)
    Case.objects.filter(pk=cases[altered].case.pk).update(status="verified")
    with pytest.raises(LinkRefused) as refused:
        link(cast, cases["target"], cases["source"])
    assert refused.value.code == "under_check"
    assert not CaseMove.objects.exists()


@pytest.mark.parametrize("altered", ["joint", "own"])
def test_a_report_is_not_unlinked_where_a_case_differs_from_the_chain(cast: Cast, altered: str) -> None:
    joint, own = send_report(today=DAY), send_report(today=DAY)
    link(cast, joint, own)
    sent = {"joint": joint, "own": own}[altered]
    Case.objects.filter(pk=sent.case.pk).update(status="verified")
    with pytest.raises(LinkRefused) as refused:
        unlink(cast, own)
    assert refused.value.code == "under_check"
    assert CaseMove.objects.count() == 1
    assert report(own).case_id == joint.case.pk


def test_an_officer_who_saw_something_else_moves_nothing(cast: Cast) -> None:
    target, source = (send_report(today=DAY) for _number in range(2))
    act(cast, "vino", source.case, Action.START_REVIEW)
    with pytest.raises(CaseChanged):
        link(cast, target, source, sources={source.case.pk: CaseVersion("received")})
    with pytest.raises(CaseChanged):
        link(cast, target, source, seen=CaseVersion.parse("received.0.9"))
    link(cast, target, source, seen=transitions.case_version(target.case, {report(target).pk: 1}))
    with pytest.raises(Case.DoesNotExist):
        link(cast, target, source)
    with pytest.raises(CaseChanged):
        unlink(cast, source, seen=CaseVersion.parse("received.0.1-1"))
    assert CaseMove.objects.count() == 1


def test_an_open_question_is_settled_by_linking(cast: Cast) -> None:
    target, source = (send_report(today=DAY) for _number in range(2))
    act(cast, "vera", source.case, Action.START_REVIEW)
    act(cast, "vera", source.case, Action.ASK_REPORTER, reason="Siapa saksinya?")
    assert page(source).question == "Siapa saksinya?"
    link(cast, target, source)
    assert CaseStep.objects.filter(case=source.case).latest("sequence").action == "link"
    shown = page(source)
    assert (shown.status, shown.question) == ("received", "")
    follow_up.add_message(ticket=source.ticket, text="Pak Anu.", files=[], today=LATER)
    unlinked = unlink(cast, source)
    assert (unlinked.pk, unlinked.status) == (source.case.pk, "in_review")
    check_chain()


def test_a_report_comes_back_to_its_own_case_with_fresh_days(cast: Cast) -> None:
    target, first, second = joined_cases(cast)
    for source, status, due in ((first, "received", date(2026, 11, 17)), (second, "in_review", date(2026, 11, 19))):
        unlinked = unlink(cast, source)
        assert unlinked.pk == source.case.pk
        unlinked = reloaded(source)
        assert (unlinked.status, unlinked.linked_into, unlinked.due_on) == (status, None, due)
        assert report(source).case_id == unlinked.pk
    assert list(reloaded(target).complaints.all()) == [report(target)]
    assert InternalNote.objects.filter(complaint=report(first)).count() == 1
    act(cast, "vera", first.case, Action.START_REVIEW, on=LATER)
    check_chain()


def test_the_report_that_a_joint_case_began_with_gets_a_new_case(cast: Cast) -> None:
    target, first, _second = joined_cases(cast)
    unlinked = unlink(cast, target)
    assert unlinked.pk not in {reloaded(target).pk, reloaded(first).pk}
    assert unlinked.reference != target.case.reference
    assert (unlinked.status, unlinked.received_on, unlinked.category_id) == ("received", DAY, target.case.category_id)
    assert reloaded(target).complaints.count() == 2
    # Its reporter keeps the reference that stands on their note.
    shown = page(target)
    assert (shown.reference, shown.status) == (target.case.reference, "received")
    check_chain()


def test_linking_a_joint_case_moves_all_reports_unlink_restores(cast: Cast) -> None:
    target, first, second = joined_cases(cast)
    other = send_report(today=DAY)
    assert link(cast, other, target) == 3
    assert set(Case.objects.filter(linked_into=other.case)) == {reloaded(source) for source in (target, first, second)}
    assert set(access.cases_for(cast["vera"])) == {reloaded(other)}
    for sent in (first, target, second):
        assert unlink(cast, sent).pk == sent.case.pk
    assert not Case.objects.exclude(linked_into=None).exists()
    link(cast, other, first)
    assert unlink(cast, first).pk == first.case.pk
    check_chain()


def test_reporter_sees_the_joint_stage_and_own_messages_only(cast: Cast) -> None:
    target, first, second = joined_cases(cast)
    complaint = report(first)
    case_actions.reply_to_reporter(
        actor=Actor(cast.ring("vera"), NOW), complaint_id=complaint.pk, text="Hanya untuk Anda."
    )
    follow_up.add_message(ticket=second.ticket, text="Kata pelapor kedua.", files=[], today=DAY)
    act(cast, "vera", target.case, Action.VERIFY, reason="Sudah lengkap.")
    pages = {sent.case.pk: page(sent) for sent in (target, first, second)}
    assert {shown.status for shown in pages.values()} == {"verified"}
    assert {shown.reference for shown in pages.values()} == {
        reporter.case.reference for reporter in (target, first, second)
    }
    threads = {pk: [entry.text for entry in shown.thread] for pk, shown in pages.items()}
    assert threads == {target.case.pk: [], first.case.pk: ["Hanya untuk Anda."], second.case.pk: []}
    assert pages[second.case.pk].own_messages == 1
    # What happened before it was linked is each one's own; the first jumps to where the joint case stands.
    events = {pk: [(event.action, event.status, event.reason) for event in shown.events] for pk, shown in pages.items()}
    step = ("verify", "verified", "Sudah lengkap.")
    assert events[target.case.pk] == [("start_review", "in_review", "Sebab."), step]
    assert events[first.case.pk] == [("link", "in_review", ""), step]
    assert events[second.case.pk] == [("start_review", "in_review", "Sebab."), step]
    assert target.case.reference not in str(pages[first.case.pk])


def test_after_unlinking_a_page_tells_the_own_way_only(cast: Cast) -> None:
    target, first, _second = joined_cases(cast)
    act(cast, "vera", target.case, Action.VERIFY)
    unlink(cast, first)
    forward_again(cast, target, on=LATER)
    shown = page(first)
    assert shown.status == "received"
    assert [event.status for event in shown.events] == ["in_review", "verified", "received"]
    assert [stage.number for stage in shown.stages if stage.reached] == [1, 2]
    assert shown.body_name == ""
    assert "diteruskan" not in str(shown.events).lower()


def test_a_question_goes_to_all_and_the_first_answer_counts(cast: Cast) -> None:
    target, first, second = joined_cases(cast)
    act(cast, "vera", target.case, Action.ASK_REPORTER, reason="Jam berapa?")
    late = send_report(today=DAY)
    link(cast, target, late)
    assert {page(reporter).question for reporter in (target, first, second)} == {"Jam berapa?"}
    shown = page(late)
    assert (shown.question, shown.status, shown.due_on) == ("", "in_review", None)
    follow_up.add_message(ticket=late.ticket, text="Saya tidak ditanya.", files=[], today=DAY)
    assert reloaded(target).status == "needs_information"
    follow_up.add_message(ticket=second.ticket, text="Jam delapan.", files=[], today=DAY)
    assert reloaded(target).status == "in_review"
    follow_up.add_message(ticket=first.ticket, text="Jam sembilan.", files=[], today=DAY)
    assert reloaded(target).step_count == 3
    check_chain()


Act = Callable[[Sent], None]


def say(sent: Sent) -> None:
    follow_up.add_message(ticket=sent.ticket, text="Pak Anu.", files=[], today=DAY)


def take_back(sent: Sent) -> None:
    follow_up.withdraw(ticket=sent.ticket, reason="Takut.", today=DAY)


def interrupt(monkeypatch: pytest.MonkeyPatch, times: int) -> list[None]:
    """Let a report's case change just before it is locked, so many ``times``; return what grows with each attempt."""
    attempts: list[None] = []
    lock = case_membership.lock

    def late(cases: Iterable[uuid.UUID]) -> dict[uuid.UUID, Case]:
        attempts.append(None)
        if len(attempts) > times:
            return lock(cases)
        raise CaseChanged

    monkeypatch.setattr(case_membership, "lock", late)
    monkeypatch.setattr(transitions, "FIRST_PAUSE_SECONDS", 0)
    return attempts


@pytest.mark.parametrize("act_of_reporter", [say, take_back])
def test_reporter_act_is_retried_while_officers_link(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, act_of_reporter: Act
) -> None:
    sent = send_report(today=DAY)
    attempts = interrupt(monkeypatch, transitions.MAX_ATTEMPTS - 1)
    act_of_reporter(sent)
    assert len(attempts) == transitions.MAX_ATTEMPTS
    assert report(sent).messages.count() == 1
    check_chain()


@pytest.mark.parametrize("act_of_reporter", [say, take_back])
def test_reporter_act_stops_retrying_and_writes_nothing(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, act_of_reporter: Act
) -> None:
    sent = send_report(today=DAY)
    attempts = interrupt(monkeypatch, 100)
    with pytest.raises(CaseChanged):
        act_of_reporter(sent)
    assert len(attempts) == transitions.MAX_ATTEMPTS
    assert report(sent).messages.count() == 0
    assert reloaded(sent).status == "received"


def test_reporter_act_is_not_retried_after_the_time_limit(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = send_report(today=DAY)
    attempts = interrupt(monkeypatch, 100)
    monkeypatch.setattr(transitions, "MAX_ATTEMPT_SECONDS", 0)
    with pytest.raises(CaseChanged):
        say(sent)
    assert len(attempts) == 1


def test_a_reporters_words_follow_the_report_into_the_joint_case(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """Officers link the case before its reporter's next attempt, which then finds the joint one."""
    target, sent = send_report(today=DAY), send_report(today=DAY)

    def linked_meanwhile(seconds: float) -> None:
        link(cast, target, sent)

    interrupt(monkeypatch, 1)
    monkeypatch.setattr(transitions, "time", SimpleNamespace(monotonic=time.monotonic, sleep=linked_meanwhile))
    say(sent)
    assert report(sent).case == reloaded(target)
    assert report(sent).messages.count() == 1
    check_chain()


def test_withdrawing_takes_out_one_report_and_leaves_the_others(cast: Cast) -> None:
    target, first, second = joined_cases(cast)
    for sent in (first, target):
        assert page(sent).may_withdraw
        follow_up.withdraw(ticket=sent.ticket, reason="Saya takut.", today=LATER)
        shown = page(sent)
        assert (shown.status, shown.reference) == ("withdrawn", sent.case.reference)
        assert [event.status for event in shown.events][-1] == "withdrawn"
        assert report(sent).case.complaints.count() == 1
    assert reloaded(first).status == "withdrawn"
    assert reloaded(target).status == "in_review"
    assert list(reloaded(target).complaints.all()) == [report(second)]
    assert page(second).status == "in_review"
    assert list(CaseMove.objects.filter(actor=None).values_list("at", flat=True)) == [None, None]
    check_chain()
    close_batch(at(LATER + timedelta(days=1)))
    check_chain()
    CaseMove.objects.filter(actor=None, complaint=report(first)).update(target_steps=5)
    assert not verify.verify_chain().whole


@pytest.mark.parametrize("signature", [None, b"", bytes(64)])
def test_a_move_that_no_reporter_signed_is_named(cast: Cast, signature: bytes | None) -> None:
    """The root of a batch takes any row that lies there when it is closed; the reporter's key is nobody else's."""
    target, _first, _second = joined_cases(cast)
    follow_up.withdraw(ticket=target.ticket, reason="", today=LATER)
    CaseMove.objects.filter(actor=None).update(signature=signature)
    faults = verify.verify_chain().faults
    assert [(fault.code, fault.subject) for fault in faults] == [("move.reporter", f"complaint {report(target).pk}")]


def test_release_holds_reports_linked_before_it_only(cast: Cast) -> None:
    target, first, second = joined_cases(cast)
    unlink(cast, second, on=DAY)
    act(cast, "vera", target.case, Action.VERIFY)
    release = forward_again(cast, target)
    late = send_report(today=DAY)
    link(cast, target, late, on=LATER)
    bound = case_file.open_case(actor=Actor(cast.ring("vera"), at(LATER)), case_id=target.case.pk)
    assert len(bound.complaints) == 3
    ring = cast.ring("kirana")
    held = reading.open_release(actor=Actor(ring, at(LATER)), release_id=release.pk)
    assert held.opened[0].numbers.keys() == {report(reporter).pk for reporter in (target, first)}
    with pytest.raises(LinkRefused) as refused:
        unlink(cast, first)
    assert refused.value.code == "held"
    with pytest.raises(TransitionRefused):
        follow_up.withdraw(ticket=first.ticket, reason="", today=LATER)
    assert [page(reporter).may_withdraw for reporter in (target, first, late)] == [False, False, True]
    # A question of the body goes to those whose reports it holds, and only their answer is one.
    decisions.act(actor=Actor(ring, at(LATER)), release_id=release.pk, action=Action.TAKE_UP)
    passed_on(Actor(ring, at(LATER)), Actor(cast.ring("vera"), at(LATER)), release, "Ada foto lain?")
    assert [page(reporter).question for reporter in (target, first, late)] == ["Ada foto lain?", "Ada foto lain?", ""]
    follow_up.add_message(ticket=late.ticket, text="Kata yang tidak untuk lembaga.", files=[], today=LATER)
    assert reloaded(target).status == "needs_information"
    follow_up.add_message(ticket=first.ticket, text="Ada.", files=[], today=LATER)
    assert reloaded(target).status == "under_examination"
    held = reading.open_release(actor=Actor(cast.ring("kirana"), at(LATER)), release_id=release.pk)
    assert sorted(message.text for message in held.thread) == ["Ada foto lain?", "Ada."]
    follow_up.withdraw(ticket=late.ticket, reason="", today=LATER)
    assert reloaded(target).status == "under_examination"
    assert reloaded(late).status == "withdrawn"
    check_chain()


def test_likely_duplicates_and_why(cast: Cast) -> None:
    about: dict[str, Any] = {"today": DAY, "agency": "", "accused_name": ""}
    target = send_report(links=LINK, accused_nip="197001011990031001", **about)
    same_post = send_report(links=f"{LINK}/?igsh=x", **about)
    both = send_report(links=LINK, accused_nip="197001011990031001", **about)
    send_report(accused_nip="197001011990031001", **about | {"today": DAY - timedelta(days=200)})
    send_report(**about)
    ring = cast.ring("vera")
    case_summary.summaries(actor=Actor(ring, NOW), cases=list(Case.objects.all()))
    candidates = {candidate.case.pk: candidate for candidate in case_links.candidates(keyring=ring, case=target.case)}
    assert {pk: candidate.why for pk, candidate in candidates.items()} == {
        same_post.case.pk: ("post",),
        both.case.pk: ("accused", "post"),
    }
    assert {candidate.refused for candidate in candidates.values()} == {""}
    forward(cast, both)
    refused = {
        candidate.case.pk: candidate.refused for candidate in case_links.candidates(keyring=ring, case=target.case)
    }
    assert refused == {same_post.case.pk: "", both.case.pk: "released"}
    named = case_links.candidates(keyring=ring, case=target.case, references=[same_post.case.reference, "KN-26-XXXXXX"])
    assert [candidate.case.pk for candidate in named] == [same_post.case.pk]
    assert case_links.candidates(keyring=cast.ring("audi"), case=target.case) == []


def test_forty_in_one_act(cast: Cast) -> None:
    target, *sources = (send_report(today=DAY, links=LINK) for _number in range(41))
    assert link(cast, target, *sources) == 40
    assert reloaded(target).complaints.count() == 41
    assert set(access.cases_for(cast["vera"])) == {reloaded(target)}
    assert AuditEntry.objects.filter(event="case.linked").count() == 40
    check_chain()


@pytest.mark.parametrize("harm", ["place", "gone", "altered", "forged"])
def test_reports_that_somebody_put_elsewhere_are_found(cast: Cast, harm: str) -> None:
    _target, first, _second = joined_cases(cast)
    check_chain()
    if harm == "place":
        Complaint.objects.filter(pk=report(first).pk).update(case=first.case)
    elif harm == "gone":
        CaseMove.objects.filter(complaint=report(first)).delete()
    elif harm == "altered":
        CaseMove.objects.filter(complaint=report(first)).update(target_steps=0)
    else:
        lone = [send_report(today=DAY) for _number in range(2)]
        Complaint.objects.filter(case=lone[0].case).update(case=lone[1].case)
    assert not verify.verify_chain().whole


def test_a_new_case_needs_a_free_reference(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    target, first, _second = joined_cases(cast)
    drawn = iter([target.case.reference, first.case.reference, "KN-26-BARU00"])
    monkeypatch.setattr(case_membership, "new_reference", lambda _day, practice: next(drawn))
    assert unlink(cast, target).reference == "KN-26-BARU00"


def test_linking_a_report_about_the_assignee_unassigns_the_case(cast: Cast) -> None:
    target, joining = send_report(), send_report(accused_name="Orang Lain", agency="Dinas Lain")
    assignment.assign(actor=Actor(cast.ring("vino"), NOW), case_id=target.case.pk, assignee=cast["vino"])
    conflicts.declare_conflict(actor=Actor(cast.ring("vino"), NOW), case_id=joining.case.pk, reason="Kerabat.")
    link(cast, target, joining)
    assert reloaded(target).assignee is None
    freed = AuditEntry.objects.filter(event="case.assigned").order_by("sequence").last()
    assert freed is not None and without_states(freed.facts) == {"assignee": "", "why": "conflict"}


def test_unlinking_does_not_undo_a_declared_conflict(cast: Cast) -> None:
    target, joining = send_report(), send_report(accused_name="Orang Lain", agency="Dinas Lain")
    assignment.assign(actor=Actor(cast.ring("vino"), NOW), case_id=joining.case.pk, assignee=cast["vino"])
    link(cast, target, joining)
    conflicts.declare_conflict(actor=Actor(cast.ring("vino"), NOW), case_id=target.case.pk, reason="Kerabat.")
    assert unlink(cast, joining).assignee is None
    assert reloaded(joining).assignee is None
