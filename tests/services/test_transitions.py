"""Every status with every action by everybody, through the services: what the table below allows happens, all else is
refused and changes nothing. The table is written by hand from the design, not taken from the code."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from django.core.exceptions import ObjectDoesNotExist
from django.db import IntegrityError, transaction
from django.utils import timezone
from pytest_django import DjangoDbBlocker, Settings

from complaints.domain.workflow import Action, Status, TransitionRefused
from complaints.models import triggers
from complaints.models.audit import AuditEntry
from complaints.models.case import Case, CaseStep, InternalNote
from complaints.models.complaint import Message
from complaints.models.oversight import Finding, OversightBody, Recommendation, Release, Sanction
from complaints.models.question import ReleaseQuestion
from complaints.services import case_actions, case_deadlines, follow_up, transitions
from complaints.services.audit import recorded_acts
from complaints.services.forwarding import asking, decisions, reading
from complaints.services.forwarding.contents import whole
from complaints.services.forwarding.records import NoSanction, SanctionRecord
from complaints.services.forwarding.release import forward
from complaints.services.keyring import Actor, Keyring, Locked
from complaints.services.transitions import CaseChanged, CaseVersion
from tests.database import built_once, editor
from tests.decisions import record_for
from tests.world import Cast, Sent, at, send_report

DAY = date(2026, 11, 9)
NOW = at(DAY)
REFUSALS = (TransitionRefused, Locked, ObjectDoesNotExist)

# Who: by whom a case was proposed for closing, and by whom verified, matters to two rows.
WHO = {
    "verifier": "vera",
    "proposer": "vino",
    "forwarder": "fitri",
    "lead body": "kirana",
    "other body": "bima",
    "auditor": "audi",
    "admin": "adi",
    "superuser": "super",
    "unadmitted": "luar",
}
BOTH_VERIFIERS = ("verifier", "proposer")
REOPEN = {who: {"reopen": "in_review"} for who in BOTH_VERIFIERS}
WITHDRAW = {"reporter": {"withdraw": "withdrawn"}}
REVIEW = {
    "ask_reporter": "needs_information",
    "verify": "verified",
    "prepare_referral": "referring",
    "refer": "referred",
    "propose_ineligible": "ineligible_proposed",
}
VERIFIED = {
    "send_back": "in_review",
    "prepare_referral": "referring",
    "refer": "referred",
    "propose_ineligible": "ineligible_proposed",
}
RECALL = {"forwarder": {"recall": "in_review"}}
CORRECT = {"correct": "sanctioned", "no_sanction": "not_sanctioned"}


def with_crime(state: str, steps: dict[str, str]) -> dict[str, dict[str, str]]:
    return {"lead body": steps | {"criminal_outcome": state}}


def reopened_or_crime(state: str) -> dict[str, dict[str, str]]:
    steps = {"reopen": "in_review", "criminal_outcome": state}
    return dict.fromkeys(BOTH_VERIFIERS, steps) | {"forwarder": {"criminal_outcome": state}}


def with_agency(state: str) -> dict[str, dict[str, str]]:
    steps = {"remind": state, "escalate": state, "reconsider": "under_examination"}
    return RECALL | with_crime(state, steps | {"sanction": "sanctioned", "no_sanction": "not_sanctioned"})


EITHER = {"confirm_ineligible": "ineligible", "reject_ineligible": "in_review"}
PASS_ON = {"ask_reporter": "needs_information"}
EXAMINE = {
    "return": "in_review",
    "decline": "in_review",
    # What follows on a proposal is the subject of tests/services/forwarding/test_findings.py.
    "hear_accused": "under_examination",
    "postpone_hearing": "under_examination",
    "propose_finding": "under_examination",
}
# A state (and, after a comma, the one that asked) -> who -> action -> the state it leads to.
ALLOWED: dict[str, dict[str, dict[str, str]]] = {
    "received": {who: {"start_review": "in_review"} for who in BOTH_VERIFIERS} | WITHDRAW,
    "in_review": dict.fromkeys(BOTH_VERIFIERS, REVIEW) | WITHDRAW,
    "needs_information,in_review": {
        "reporter": {"answer": "in_review", "withdraw": "withdrawn"},
    }
    | {who: {"end_wait": "in_review", "rest": "resting"} for who in BOTH_VERIFIERS},
    "needs_information,under_examination": {
        "reporter": {"answer": "under_examination"},
        "lead body": {"resume": "under_examination"},
    }
    | RECALL,
    "resting": {"reporter": {"answer": "in_review", "withdraw": "withdrawn"}}
    | {who: {"end_wait": "in_review"} for who in BOTH_VERIFIERS},
    "ineligible_proposed": WITHDRAW
    | {"verifier": EITHER, "forwarder": EITHER, "proposer": {"reject_ineligible": "in_review"}},
    "verified": {"forwarder": {"send_back": "in_review", "forward": "forwarded"}}
    | dict.fromkeys(BOTH_VERIFIERS, VERIFIED)
    | WITHDRAW,
    "referring": {"forwarder": {"send_back": "in_review", "deliver": "delivered"}}
    | {who: {"send_back": "in_review"} for who in BOTH_VERIFIERS}
    | WITHDRAW,
    "forwarded": {"lead body": {"take_up": "under_examination", "return": "in_review", "decline": "in_review"}}
    | RECALL,
    "under_examination": with_crime("under_examination", EXAMINE)
    | dict.fromkeys(BOTH_VERIFIERS, PASS_ON)
    | {"forwarder": RECALL["forwarder"] | PASS_ON},
    "substantiated": with_crime(
        "substantiated",
        {"await_agency": "awaiting_agency", "no_sanction": "not_sanctioned", "reconsider": "under_examination"},
    )
    | RECALL,
    "awaiting_agency": with_agency("awaiting_agency") | {"clock": {"mark_overdue": "overdue_agency"}},
    "overdue_agency": with_agency("overdue_agency"),
    "unsubstantiated": REOPEN | with_crime("unsubstantiated", {"reconsider": "under_examination"}),
    "sanctioned": REOPEN | with_crime("sanctioned", CORRECT),
    "not_sanctioned": REOPEN | with_crime("not_sanctioned", CORRECT),
    "delivered": reopened_or_crime("delivered"),
    "referred": reopened_or_crime("referred"),
    "ineligible": REOPEN,
    "withdrawn": {},
}


class CaseUnderTest:
    """One case with a release to its lead body, put into any state, and everybody's hands on it."""

    def __init__(self, cast: Cast, sent: Sent, release: Release, question: ReleaseQuestion) -> None:
        self.rings = {who: cast.ring(name) for who, name in WHO.items()}
        self.sent, self.release, self.question = sent, release, question
        self.bkn = OversightBody.objects.get(pk="bkn")
        self.sanction = SanctionRecord("moral_open", "800/1", DAY)

    def set_state(self, state: str) -> None:
        status, _, asked_from = state.partition(",")
        # Past its day, so that a case may also rest.
        Case.objects.update(status=status, asked_from=asked_from, due_on=DAY - timedelta(days=1))

    @staticmethod
    def set_deadline() -> None:
        """Put the day where the clock takes it from: the last step, which the database lets nobody alter.

        Apart from :meth:`set_state`: after a change of triggers SQLite reads its schema anew at each rollback to a
        savepoint, which took half of the time of the thousands of attempts below.
        """
        triggers.remove_append_only(editor())
        CaseStep.objects.update(due_on=DAY)
        triggers.install_append_only(editor())

    def attempts(self, who: str) -> Iterator[tuple[str, Callable[[], Any]]]:
        """Every action, by every service that takes one, in the hands of ``who``."""
        if who == "reporter":
            yield "answer", lambda: self._answer()
            yield "withdraw", lambda: follow_up.withdraw(ticket=self.sent.ticket, reason="", today=DAY)
            return
        ring = self.rings[who]
        for action in Action:
            yield action.value, lambda action=action: self._as_staff(ring, action)
            yield action.value, lambda action=action: self._as_body(ring, action)
        yield "ask_reporter", lambda: asking.pass_on(actor=Actor(ring, NOW), question_id=self.question.pk)
        yield (
            "forward",
            lambda: forward(
                actor=Actor(ring, NOW), case_id=self.sent.case.pk, body=self.bkn, choice=whole(self.sent.case.pk)
            ),
        )

    def _answer(self) -> None:
        before = self.status()
        follow_up.add_message(ticket=self.sent.ticket, text="Jawaban.", files=[], today=DAY)
        if self.status() == before:  # kept, and nothing else: that is no step
            raise Locked

    def _as_staff(self, ring: Keyring, action: Action) -> None:
        case_actions.act(
            actor=Actor(ring, NOW), case_id=self.sent.case.pk, action=action, reason="Alasan.", record="07"
        )

    def _as_body(self, ring: Keyring, action: Action) -> None:
        decisions.act(
            actor=Actor(ring, NOW),
            release_id=self.release.pk,
            action=action,
            text="Isi.",
            reply="Alasan.",
            record=record_for(action, DAY),
            finding=Action.DISMISS if action is Action.PROPOSE_FINDING else None,
        )

    @staticmethod
    def status() -> str:
        return Case.objects.get().status

    @staticmethod
    def everything() -> list[Any]:
        """What a refused step must leave as it was."""
        counted = (CaseStep, Message, InternalNote, AuditEntry, Release, Finding, Recommendation, Sanction)
        return [Case.objects.values().get(), *(model.objects.count() for model in counted)]


@pytest.fixture(scope="module")
def case_under_test(shared_cast: Cast, django_db_blocker: DjangoDbBlocker) -> Iterator[CaseUnderTest]:
    with built_once(django_db_blocker), pytest.MonkeyPatch.context() as patch:
        patch.setattr("django.conf.settings.TEAM_KEY_PINS", shared_cast.pins)
        # The states below are put there without steps; what is refused then is the subject of test_before_shown.
        patch.setattr(follow_up, "is_recorded", lambda complaint: True)
        patch.setattr(recorded_acts, "are_steps_recorded", lambda case: True)
        sent = send_report(today=DAY)
        do: dict[str, Any] = {"case_id": sent.case.pk, "reason": "Sebab."}
        case_actions.act(actor=Actor(shared_cast.ring("vino"), NOW), action=Action.START_REVIEW, **do)
        case_actions.act(actor=Actor(shared_cast.ring("vino"), NOW), action=Action.PROPOSE_INELIGIBLE, **do)
        case_actions.act(actor=Actor(shared_cast.ring("vera"), NOW), action=Action.REJECT_INELIGIBLE, **do)
        case_actions.act(actor=Actor(shared_cast.ring("vera"), NOW), action=Action.VERIFY, **do)
        body = OversightBody.objects.get(pk="bkn")
        release = forward(
            actor=Actor(shared_cast.ring("fitri"), NOW), case_id=sent.case.pk, body=body, choice=whole(sent.case.pk)
        )
        kirana = Actor(shared_cast.ring("kirana"), NOW)
        decisions.act(actor=kirana, release_id=release.pk, action=Action.TAKE_UP)
        readers = [sent.ticket.complaint_id]
        question = asking.propose(actor=kirana, release_id=release.pk, text="Siapa saksinya?", readers=readers)
        yield CaseUnderTest(shared_cast, sent, release, question)


def outcomes(case_under_test: CaseUnderTest, who: str) -> dict[str, str]:
    """What ``who`` can do to the case as it stands, and where each step leads."""
    outcome_of = {}
    before = case_under_test.everything()
    for action, attempt in case_under_test.attempts(who):
        try:
            with transaction.atomic():
                attempt()
                outcome_of[action] = case_under_test.status()
                transaction.set_rollback(True)
        except REFUSALS:
            continue
    assert case_under_test.everything() == before
    return outcome_of


@pytest.mark.parametrize("state", ALLOWED)
def test_what_the_table_allows_happens_and_nothing_else(db: None, case_under_test: CaseUnderTest, state: str) -> None:
    case_under_test.set_state(state)
    outcome_of = {who: outcomes(case_under_test, who) for who in (*WHO, "reporter")}
    expected = {who: ALLOWED[state].get(who, {}) for who in outcome_of}
    assert outcome_of == expected


@pytest.mark.parametrize("state", ALLOWED)
def test_the_clock_moves_what_is_due_and_nothing_else(db: None, case_under_test: CaseUnderTest, state: str) -> None:
    case_under_test.set_state(state)
    case_under_test.set_deadline()
    case_deadlines.run_deadlines(now=NOW)
    assert case_under_test.status() == state.partition(",")[0]
    steps = CaseStep.objects.count()
    case_deadlines.run_deadlines(now=NOW + timedelta(days=1))
    expected = list(ALLOWED[state].get("clock", {}).items())
    taken = CaseStep.objects.order_by("sequence").values_list("action", "target")[steps:]
    assert list(taken) == expected
    assert case_under_test.status() == (expected[0][1] if expected else state.partition(",")[0])
    case_deadlines.run_deadlines(now=NOW + timedelta(days=1))
    assert CaseStep.objects.count() == steps + len(expected)


def test_silence_closes_nothing_and_an_answer_wakes_what_rests(db: None, case_under_test: CaseUnderTest) -> None:
    case_under_test.set_state("needs_information,in_review")
    case_under_test.set_deadline()
    case_deadlines.run_deadlines(now=NOW + timedelta(days=99))
    assert case_under_test.status() == Status.NEEDS_INFORMATION
    actor = Actor(case_under_test.rings["verifier"], NOW + timedelta(days=99))
    case = case_under_test.sent.case
    case_actions.act(actor=actor, case_id=case.pk, action=Action.REST, reason="Menunggu.")
    assert Case.objects.get().due_on is None
    case_deadlines.run_deadlines(now=NOW + timedelta(days=999))
    follow_up.add_message(ticket=case_under_test.sent.ticket, text="Maaf lama.", files=[], today=DAY)
    assert case_under_test.status() == Status.IN_REVIEW


def test_letting_a_case_rest_waits_for_the_day(db: None, case_under_test: CaseUnderTest) -> None:
    case_under_test.set_state("needs_information,in_review")
    vera = case_under_test.rings["verifier"].staff
    today = timezone.localdate()
    for due_on, refused in ((today, "too_early"), (today - timedelta(days=1), "")):
        Case.objects.update(due_on=due_on)
        choices = transitions.available_steps(staff=vera, case=Case.objects.get())
        assert {choice.action: choice.refused for choice in choices}[Action.REST] == refused


def test_what_a_body_recorded_is_corrected_beside_it(db: None, case_under_test: CaseUnderTest) -> None:
    case_under_test.set_state("awaiting_agency")
    do: dict[str, Any] = {"actor": Actor(case_under_test.rings["lead body"], NOW), "reply": "Alasan."}
    do["release_id"] = case_under_test.release.pk
    due_on = Case.objects.get().due_on
    decisions.act(action=Action.REMIND, record=record_for(Action.REMIND, DAY), **do)
    assert Case.objects.get().due_on == due_on
    before = dataclasses.replace(case_under_test.sanction, decided_on=date(2001, 1, 1))
    ahead = dataclasses.replace(case_under_test.sanction, decided_on=DAY + timedelta(days=1))
    for record in (before, ahead):
        with pytest.raises(TransitionRefused, match="wrong_day"):
            decisions.act(action=Action.SANCTION, record=record, **do)
    decisions.act(action=Action.SANCTION, record=case_under_test.sanction, **do)
    left = dataclasses.replace(case_under_test.sanction, kind="", why=NoSanction.SET_ASIDE.value)
    decisions.act(action=Action.NO_SANCTION, record=left, **do)
    decisions.act(action=Action.CORRECT, record=case_under_test.sanction, **do)
    opened = reading.open_release(actor=do["actor"], release_id=do["release_id"])
    outcomes_of = [decided.content["outcome"] for decided in opened.decisions if decided.kind == "sanction"]
    assert outcomes_of == ["sanction", "no_sanction", "correct"]
    assert Sanction.objects.count() == 3


def test_the_table_knows_every_state_and_every_action() -> None:
    # Those of inquiries: tests/services/test_inquiries.py.
    reports = {status.value for status in Status} - {"asked", "answered", "closed"}
    assert {state.partition(",")[0] for state in ALLOWED} == reports
    used = {action for by in ALLOWED.values() for steps in by.values() for action in steps}
    on_proposal = {"substantiate", "dismiss", "return_finding", "take_back_finding"}
    of_inquiries = {"answer_inquiry", "close_inquiry", "ask_on"}
    elsewhere = {"answer_late", "link", "object", "undo_import"}
    assert used == {action.value for action in Action} - elsewhere - on_proposal - of_inquiries


@pytest.mark.parametrize("column", ["status", "action", "source", "target"])
def test_the_database_knows_no_other_states_either(db: None, case_under_test: CaseUnderTest, column: str) -> None:
    model: Any = Case if column == "status" else CaseStep
    with pytest.raises(IntegrityError), transaction.atomic():
        if model is Case:
            Case.objects.update(status="approved")
        else:
            values = {"action": "verify", "source": "in_review", "target": "verified", column: "approved"}
            CaseStep.objects.create(case=case_under_test.sent.case, sequence=99, actor_kind="staff", day=DAY, **values)


def test_without_a_reason_nothing_that_wants_one_happens(db: None, case_under_test: CaseUnderTest) -> None:
    reasons = {
        "in_review": ("verifier", {"ask_reporter", "refer", "propose_ineligible"}),
        "ineligible_proposed": ("verifier", {"confirm_ineligible", "reject_ineligible"}),
        "referred": ("verifier", {"reopen"}),
        "verified": ("verifier", {"send_back", "refer", "prepare_referral", "propose_ineligible"}),
        "referring": ("forwarder", {"send_back", "deliver"}),
        "under_examination": ("lead body", {"return", "decline", "propose_finding", "postpone_hearing"}),
        "awaiting_agency": ("lead body", {"sanction", "no_sanction", "reconsider"}),
    }
    for state, (who, actions) in reasons.items():
        case_under_test.set_state(state)
        before = case_under_test.everything()
        for action in actions:
            actor, given = Actor(case_under_test.rings[who], NOW), {"action": Action(action)}
            with pytest.raises(TransitionRefused):
                if who != "lead body":
                    case_actions.act(actor=actor, case_id=case_under_test.sent.case.pk, reason=" \n", **given)
                else:
                    decisions.act(actor=actor, release_id=case_under_test.release.pk, reply=" ", text=" ", **given)
        assert case_under_test.everything() == before


def test_a_returned_or_replaced_release_moves_nothing(
    db: None, case_under_test: CaseUnderTest, settings: Settings
) -> None:
    case_under_test.set_state("under_examination")
    Release.objects.update(state="returned")
    assert outcomes(case_under_test, "lead body") == {}
    Release.objects.update(state="open")
    case_under_test.set_state("verified")
    forward(
        actor=Actor(case_under_test.rings["forwarder"], NOW),
        case_id=case_under_test.sent.case.pk,
        body=case_under_test.bkn,
        choice=whole(case_under_test.sent.case.pk),
    )
    case_under_test.set_state("under_examination")
    assert outcomes(case_under_test, "lead body") == {}


def test_only_the_lead_bodys_release_moves_the_case(db: None, case_under_test: CaseUnderTest) -> None:
    case_under_test.set_state("under_examination")
    Case.objects.update(lead_body=OversightBody.objects.get(pk="kasn"))
    assert outcomes(case_under_test, "lead body") == {}


def test_a_step_on_a_state_that_changed_meanwhile_is_refused(db: None, case_under_test: CaseUnderTest) -> None:
    case_under_test.set_state("in_review")
    before = case_under_test.everything()
    do: dict[str, Any] = {"case_id": case_under_test.sent.case.pk, "seen": CaseVersion("received")}
    with pytest.raises(CaseChanged):
        case_actions.act(actor=Actor(case_under_test.rings["verifier"], NOW), action=Action.VERIFY, **do)
    with pytest.raises(CaseChanged):
        forward(
            actor=Actor(case_under_test.rings["forwarder"], NOW),
            body=case_under_test.bkn,
            choice=whole(do["case_id"]),
            **do,
        )
    assert case_under_test.everything() == before
