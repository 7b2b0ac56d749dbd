"""An inquiry is stored, read and recorded like a report, and stands in no list of reports."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from complaints import access
from complaints.domain.errors import SealError
from complaints.domain.workflow import Action, Status, TransitionRefused
from complaints.models.blind_index import IndexEntry
from complaints.models.case import Case, CaseKind, CaseStep, InternalNote
from complaints.models.complaint import Complaint, KeyGrant, Message
from complaints.models.identity import Identity
from complaints.models.search_document import SearchDoc
from complaints.services import (
    assignment,
    case_actions,
    case_deadlines,
    case_file,
    case_links,
    case_summary,
    conflicts,
    exports,
    first_look,
    follow_up,
    retaliation,
    rule_comparison,
    scheduled,
    search,
    submission,
)
from complaints.services.audit import named_faults, recorded_lines, verify, verify_cases
from complaints.services.audit.verify_cases import CHECKS
from complaints.services.keyring import Actor
from tests.world import Cast, Sent, close_batch, send_report

QUESTION = "Bolehkah PNS hadir di kampanye sebagai pendengar, tanpa atribut dan di luar jam kerja?"


def ask(**changes: Any) -> Sent:
    """Send an inquiry as a reporter does."""
    draft: Any = {"asked": QUESTION, "asked_category": "B2", "asked_kind": "colleague", "done": ["asked"], **changes}
    submission.start_code(draft)
    receipt = submission.submit_inquiry(draft=draft, today=timezone.localdate())
    ticket = follow_up.open_ticket(receipt.code)
    assert ticket is not None
    return Sent(receipt.code, ticket, Case.objects.get(reference=receipt.reference))


def actor(cast: Cast, name: str) -> Actor:
    return Actor(cast.ring(name), timezone.now())


def answer(
    cast: Cast, sent: Sent, text: str = "Boleh hadir, tidak boleh ikut berkampanye.", name: str = "vera"
) -> None:
    case_actions.act(actor=actor(cast, name), case_id=sent.case.pk, action=Action.ANSWER_INQUIRY, reason=text)
    sent.case.refresh_from_db()


def rows_of(complaint: Complaint) -> dict[str, int]:
    tables = (Case.objects.filter(pk=complaint.case_id), Complaint.objects.filter(pk=complaint.pk))
    parts = (model.objects.filter(complaint=complaint) for model in (KeyGrant, Identity, Message, InternalNote))
    return {f"{rows.model.__name__}": rows.count() for rows in (*tables, *parts)}


def test_it_has_the_rows_of_a_report_and_its_clear_columns_tell_nothing_of_it(cast: Cast) -> None:
    report, inquiry, other = send_report(), ask(), ask(asked_category="A2", asked_kind="superior")
    assert rows_of(inquiry.case.complaints.get()) == rows_of(report.case.complaints.get())
    for stored in (inquiry.case, other.case):
        filed = (stored.category_id, stored.accused_kind_id, stored.province_id, stored.agency_kind)
        assert filed == ("D2", "unknown", None, "unknown")
    assert inquiry.case.reference.startswith("TANYA-")
    sizes = [len(bytes(sent.case.complaints.get().sealed_answers)) for sent in (report, inquiry, other)]
    assert len(set(sizes)) == 1


def test_sending_it_again_finds_the_first(cast: Cast) -> None:
    draft: Any = {"asked": QUESTION, "done": ["asked"]}
    submission.start_code(draft)
    first = submission.submit_inquiry(draft=draft, today=timezone.localdate())
    assert submission.submit_inquiry(draft=draft, today=timezone.localdate()) == first
    assert Case.objects.filter(kind=CaseKind.INQUIRY).count() == 1


def test_one_about_the_operator_or_the_forces_goes_to_the_separate_team(cast: Cast) -> None:
    held = [
        ask(**changes).case.held_by for changes in ({}, {"asked_operator": True}, {"asked_kind": "military_police"})
    ]
    assert held == ["triage", "separate", "separate"]
    assert access.inquiries_for(cast["vera"]).count() == 1
    assert not access.inquiries_for(cast["bima"]).exists()
    assert not access.inquiries_for(cast["super"]).filter(held_by="separate").exists()


def test_question_answer_question_again_close_and_withdraw(cast: Cast) -> None:
    sent, today = ask(), timezone.localdate()
    page = follow_up.status_page(ticket=sent.ticket, today=today)
    assert (page.status, page.stages, page.late, page.may_withdraw) == ("asked", [], False, True)
    assert page.due_on is not None and page.due_on > today
    assert follow_up.status_page(ticket=sent.ticket, today=page.due_on + timedelta(days=1)).late
    answer(cast, sent)
    page = follow_up.status_page(ticket=sent.ticket, today=today)
    assert (page.status, page.due_on) == ("answered", None)
    assert page.events[-1].reason.startswith("Boleh hadir")
    follow_up.add_message(ticket=sent.ticket, text="Kalau di hari libur?", files=[], today=today)
    sent.case.refresh_from_db()
    assert sent.case.status == "asked" and sent.case.due_on is not None
    reason = "Tidak ada lagi yang dapat kami jelaskan."
    case_actions.act(actor=actor(cast, "fitri"), case_id=sent.case.pk, action=Action.CLOSE_INQUIRY, reason=reason)
    follow_up.add_message(ticket=sent.ticket, text="Satu lagi.", files=[], today=today)
    follow_up.withdraw(ticket=sent.ticket, reason="", today=today)
    page = follow_up.status_page(ticket=sent.ticket, today=today)
    assert (page.status, page.may_withdraw, page.may_answer) == ("withdrawn", False, False)
    assert [event.action for event in page.events] == [
        "answer_inquiry",
        "ask_on",
        "close_inquiry",
        "ask_on",
        "withdraw",
    ]
    # Nothing of it counts as a deadline met or missed.
    assert not CaseStep.objects.exclude(was_late=None).exists()


def test_no_step_of_a_report_is_one_of_an_inquiry_and_none_of_an_inquiry_one_of_a_report(cast: Cast) -> None:
    report, inquiry = send_report(), ask()
    own = {Action.ANSWER_INQUIRY, Action.CLOSE_INQUIRY}
    for action in set(Action) - own:
        with pytest.raises(TransitionRefused):
            case_actions.act(
                actor=actor(cast, "fitri"), case_id=inquiry.case.pk, action=action, reason="Alasan.", record="Catatan."
            )
    for action in own:
        with pytest.raises(TransitionRefused):
            case_actions.act(actor=actor(cast, "vera"), case_id=report.case.pk, action=action, reason="Alasan.")


def test_it_is_opened_and_recorded_as_a_case_is(cast: Cast) -> None:
    sent = ask()
    for name, visible in (("vera", access.cases_for), ("bima", access.inquiries_for)):
        with pytest.raises((Case.DoesNotExist, case_file.Locked)):
            case_file.open_case(actor=actor(cast, name), case_id=sent.case.pk, visible=visible)
    opened = case_file.open_case(actor=actor(cast, "vera"), case_id=sent.case.pk, visible=access.inquiries_for)
    assert opened.complaints[0].answers["story"] == QUESTION
    assert {choice.action for choice in opened.choices} == {Action.ANSWER_INQUIRY, Action.CLOSE_INQUIRY}
    assert follow_up.status_page(ticket=sent.ticket, today=timezone.localdate()).opened_count == 1
    conflicts.declare_conflict(actor=actor(cast, "vera"), case_id=sent.case.pk, reason="Teman sekantor.")
    assert not access.inquiries_for(cast["vera"]).exists()
    assert access.inquiries_for(cast["fitri"]).exists()
    # A forwarder can lift it, as on any case.
    assert [row.case.pk for row in conflicts.conflicts_in_force(keyring=cast.ring("fitri"))] == [sent.case.pk]


def _of_desk(cast: Cast) -> set[object]:
    person = actor(cast, "fitri")
    first_look.process_new_reports(actor=person)
    waiting = case_deadlines.work_waiting(today=timezone.localdate() + timedelta(days=30))
    return {name for name, is_waiting in waiting.items() if is_waiting}


# Every place that lists or counts cases or reports, each as the cases (or what stands for them) that it names.
LISTS: dict[str, Callable[[Cast], Any]] = {
    "queue, filters, desk, exports, search": lambda cast: access.cases_for(cast["vera"]),
    "superuser": lambda cast: access.cases_for(cast["super"]),
    "open": lambda cast: Case.objects.open(),
    "late": lambda cast: Case.objects.overdue(timezone.localdate() + timedelta(days=60)),
    "clocks and mails": lambda cast: Case.objects.real(),
    "work waiting": _of_desk,
    "proposals": lambda cast: case_actions.awaiting_approval(cast["fitri"]),
    "lane": lambda cast: Case.objects.exclude(lane=""),
    "search documents": lambda cast: SearchDoc.objects.all(),
    "similar reports": lambda cast: IndexEntry.objects.all(),
    "punctuality": lambda cast: CaseStep.objects.exclude(was_late=None),
    "assigned": lambda cast: Case.objects.exclude(assignee=None),
    "releases": lambda cast: access.releases_for(cast["kirana"]),
    "rules held against open cases": lambda cast: rule_comparison._open_cases(actor(cast, "vera")),
    "export": lambda cast: exports.indexed_cases(access.cases_for(cast["vera"])),
}


@pytest.mark.parametrize("name", LISTS)
def test_it_stands_in_no_list_and_no_count(cast: Cast, name: str) -> None:
    sent = ask()
    first_look.process_new_reports(actor=actor(cast, "vera"))
    assignment.auto_assign(now=timezone.now())
    follow_up.add_message(ticket=sent.ticket, text="Mohon dijawab.", files=[], today=timezone.localdate())
    assert access.inquiries_for(cast["vera"]).count() == 1
    assert not list(LISTS[name](cast))


# In these a report of the same day does stand, so that the test above can fail.
HOLD_A_REPORT = [
    *("queue, filters, desk, exports, search", "superuser", "open", "late", "clocks and mails", "work waiting"),
    *("search documents", "similar reports", "rules held against open cases", "export"),
]


def test_the_lists_hold_a_report(cast: Cast) -> None:
    send_report()
    first_look.process_new_reports(actor=actor(cast, "vera"))
    assert [name for name in HOLD_A_REPORT if not list(LISTS[name](cast))] == []


def test_a_search_for_its_number_and_a_link_find_nothing(cast: Cast) -> None:
    sent, report = ask(), send_report()
    me = actor(cast, "vera")
    assert not search.search_cases(actor=me, words=sent.case.reference, cases=access.cases_for(me.staff)).cases
    candidates = case_links.candidates(
        keyring=cast.ring("vera"), case=report.case, references=[sent.case.reference, report.case.reference]
    )
    assert not candidates


def test_the_list_is_as_the_chain_records_it_and_the_night_finds_no_fault(cast: Cast) -> None:
    sent, now = ask(), timezone.now()
    first_look.process_new_reports(actor=actor(cast, "vera"))
    answer(cast, sent)
    follow_up.add_message(ticket=sent.ticket, text="Lalu?", files=[], today=timezone.localdate())
    ask()
    assert not recorded_lines.differing(list(recorded_lines.with_first(Case.objects.all())))
    close_batch(now + timedelta(days=1))
    assert not list(verify.verify_chain().faults)


def test_whoever_makes_an_inquiry_of_a_report_is_found(cast: Cast) -> None:
    """The database refuses half of it; the whole of it the batch tells."""
    report = send_report()
    with pytest.raises(IntegrityError), transaction.atomic():
        Case.objects.filter(pk=report.case.pk).update(kind=CaseKind.INQUIRY)
    hidden = {"kind": CaseKind.INQUIRY, "status": Status.ASKED.value, "reference": "TANYA-0000000"}
    Case.objects.filter(pk=report.case.pk).update(**hidden)
    (check,) = CHECKS
    assert {fault.code for fault in check.faults([report.case.pk])} == {"case.filing"}


def test_a_message_told_of_retaliation_reaches_no_register_of_reports(cast: Cast) -> None:
    sent = ask()
    assert not retaliation._cases_of(actor(cast, "vera"), [sent.ticket.complaint_id])


# --- A report that somebody with access to the database hides among the inquiries -------------------------------------


def hide(report: Sent, *, channel: str = "web", **changes: Any) -> None:
    Complaint.objects.filter(case=report.case.pk).update(channel=channel)
    hidden: dict[str, Any] = {"kind": CaseKind.INQUIRY, "status": Status.ASKED.value, "reference": "TANYA-0000000"}
    Case.objects.filter(pk=report.case.pk).update(**hidden | changes)


@pytest.mark.parametrize("channel", ["web", "inquiry"])
def test_a_report_hidden_as_an_inquiry_is_opened_answered_and_told_as_none(cast: Cast, channel: str) -> None:
    report = send_report()
    hide(report, channel=channel)
    vera = actor(cast, "vera")
    first_look.process_new_reports(actor=vera)
    assert case_summary.summaries(actor=vera, cases=[report.case]).get(report.case.pk, "") == "" or channel == "web"
    with pytest.raises(SealError):
        case_file.open_case(actor=vera, case_id=report.case.pk, visible=access.inquiries_for)
    with pytest.raises((SealError, TransitionRefused)):
        answer(cast, report)
    try:
        assert follow_up.status_page(ticket=report.ticket, today=timezone.localdate()).under_check
    except SealError:
        assert channel == "inquiry"


def test_a_report_hidden_as_an_inquiry_is_named_in_the_list_at_once(cast: Cast) -> None:
    report, inquiry = send_report(), ask()
    assert not verify_cases.kind_faults()
    hide(report)
    for read in (Case.objects.all(), recorded_lines.with_first(Case.objects.all())):
        assert recorded_lines.differing(list(read)) == {report.case.pk}
    Case.objects.filter(pk=inquiry.case.pk).update(kind="report", status="received", reference="KN-26-000000A")
    assert recorded_lines.differing(list(recorded_lines.with_first(Case.objects.all()))) == {
        report.case.pk,
        inquiry.case.pk,
    }


def test_a_report_that_says_itself_that_it_is_an_inquiry_is_named_in_the_list_and_at_night(cast: Cast) -> None:
    """Within the first hour, so that the batch binds it as altered: its sender has signed a report."""
    report = send_report()
    hide(report, channel="inquiry")
    assert recorded_lines.differing(list(recorded_lines.with_first(Case.objects.all()))) == {report.case.pk}
    assert {fault.code for fault in verify_cases.kind_faults()} == {"report.signature"}
    close_batch(timezone.now() + timedelta(days=1))
    assert {fault.code for fault in verify.verify_chain().faults} == {"report.signature"}


def test_a_report_hidden_among_ended_inquiries_is_named_within_the_hour(cast: Cast) -> None:
    """No list shows a line of it: it looks long closed."""
    report = send_report()
    hide(report, status=Status.CLOSED.value, status_on="2020-01-01")
    scheduled.close_batch(now=timezone.now())
    assert [(named.fault.code, named.fault.subject) for named in named_faults.named_faults()] == [
        ("case.filing", "TANYA-0000000")
    ]
