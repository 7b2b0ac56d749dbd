"""Altered in the database a minute ago: what the chain contradicts is shown to nobody, before any night passes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from complaints import access
from complaints.domain.workflow import Action, TransitionRefused
from complaints.models import triggers
from complaints.models.audit import AuditEntry
from complaints.models.blind_index import IndexEntry
from complaints.models.case import Case, CaseStep
from complaints.models.case_links import CaseMove
from complaints.models.complaint import Complaint
from complaints.models.conflict import Conflict
from complaints.services import (
    case_file,
    case_links,
    case_summary,
    conflict_detection,
    conflicts,
    first_look,
    follow_up,
)
from complaints.services.audit import batches, log, recorded_acts, verify
from complaints.services.forwarding import reading
from complaints.services.keyring import Actor, Locked
from complaints.services.team_keys import personal
from complaints.services.transitions import CaseVersion
from tests.cases import act, body_act, forwarded, in_review
from tests.database import editor
from tests.services.audit.test_planted_entries import without_the_servers_key
from tests.world import Cast, Sent, SignedIn, at, change_account, send_report

DAY = date(2026, 11, 9)
NOW = at(DAY)
NIP = "197001011990031001"
SENTENCE = "Kami sedang memeriksa catatan laporan ini; pesan Anda tetap kami terima."
pytestmark = pytest.mark.django_db


def look(cast: Cast, name: str) -> None:
    first_look.process_new_reports(actor=Actor(cast.ring(name), NOW))


def opens(cast: Cast, name: str, sent: Sent) -> bool:
    """Whether somebody can open a case; the lists and the keys must agree."""
    ring = cast.ring(name)
    line = case_summary.summaries(actor=Actor(ring, NOW), cases=[sent.case]).get(sent.case.pk, "")
    try:
        case_file.open_case(actor=Actor(cast.ring(name), NOW), case_id=sent.case.pk)
    except Case.DoesNotExist:
        assert line == ""
        return False
    assert line
    return True


# --- The officer whom a report names ----------------------------------------------------------------------------------


def test_a_deleted_row_of_a_conflict_lets_nobody_in(cast: Cast, signed_in: SignedIn) -> None:
    change_account("vino", nip=NIP)
    matched, declared = send_report(today=DAY, accused_nip=NIP), send_report(today=DAY)
    look(cast, "vera")
    conflicts.declare_conflict(actor=Actor(cast.ring("vino"), NOW), case_id=declared.case.pk, reason="Saudara.")
    Conflict.objects.all().delete()
    for sent in (matched, declared):
        assert not opens(cast, "vino", sent)
        assert not access.cases_for(cast["vino"]).filter(pk=sent.case.pk).exists()
        assert access.has_conflict(cast["vino"], sent.case.pk)
        with pytest.raises(Locked):
            cast.ring("vino").complaint(Complaint.objects.get(case=sent.case))
        url = reverse("admin:complaints_case_change", args=[sent.case.pk])
        assert signed_in("vino").get(url).status_code == 404
    assert opens(cast, "vera", matched)


def test_a_row_that_was_set_to_lifted_lets_nobody_in(cast: Cast) -> None:
    change_account("vino", nip=NIP)
    sent = send_report(today=DAY, accused_nip=NIP)
    look(cast, "vera")
    Conflict.objects.update(is_lifted=True)
    assert not opens(cast, "vino", sent)


def test_a_report_that_is_said_to_be_indexed_is_indexed_before_it_is_shown(cast: Cast) -> None:
    change_account("vino", nip=NIP)
    sent = send_report(today=DAY, accused_nip=NIP)
    Complaint.objects.update(index_entry=1)
    assert not opens(cast, "vino", sent)
    assert AuditEntry.objects.get(event="index.written").subject == Complaint.objects.get().pk
    assert opens(cast, "vera", sent)


@pytest.mark.parametrize("named", [{"nip": NIP}, {"agency": "dinas contoh"}, {"first_name": "Siti", "last_name": "A"}])
def test_the_own_data_are_held_against_the_opened_answers(cast: Cast, named: dict[str, str]) -> None:
    """Without any help of the index, whose rows are gone; the line of the queue still knows of none."""
    sent = send_report(today=DAY, accused_nip=NIP, accused_name="Siti A")
    look(cast, "vera")
    IndexEntry.objects.all().delete()
    change_account("vino", **named)
    with pytest.raises(Case.DoesNotExist):
        case_file.open_case(actor=Actor(cast.ring("vino"), NOW), case_id=sent.case.pk)
    assert Conflict.objects.get().staff == cast["vino"]
    assert not AuditEntry.objects.filter(event="case.opened", actor=cast["vino"].pk).exists()
    assert opens(cast, "fitri", sent)


def test_a_conflict_planted_as_lifted_keeps_nobody_from_being_found(cast: Cast) -> None:
    change_account("vino", nip=NIP)
    sent = send_report(today=DAY, accused_nip=NIP)
    complaint = Complaint.objects.get()
    Conflict.objects.create(complaint=complaint, staff=cast["vino"], kind="matched", is_lifted=True)
    look(cast, "vera")
    assert not opens(cast, "vino", sent)


def test_a_colleague_who_lifts_it_lets_the_person_in(cast: Cast) -> None:
    change_account("vino", nip=NIP)
    sent = send_report(today=DAY, accused_nip=NIP)
    look(cast, "vera")
    do: dict[str, Any] = {"case_id": sent.case.pk, "staff_id": cast["vino"].pk, "reason": "Orang lain."}
    conflicts.lift_conflict(actor=Actor(cast.ring("fitri"), NOW), **do)
    assert opens(cast, "vino", sent)


@pytest.mark.parametrize("alter", ["delete", "alter", "add"])
def test_a_line_of_a_report_whose_index_was_altered_shows_nothing(cast: Cast, alter: str) -> None:
    """The data of the accused change after the report was indexed, so that only the index finds them."""
    sent = send_report(today=DAY, accused_nip=NIP)
    other = send_report(today=DAY)
    look(cast, "vera")
    rows = IndexEntry.objects.filter(complaint__case=sent.case)
    if alter == "delete":
        rows.filter(kind="nip")._raw_delete(rows.db)
    elif alter == "alter":
        rows.filter(kind="nip").update(digest=b"\0" * 16)
    else:
        IndexEntry.objects.create(complaint=sent.case.complaints.get(), day=DAY, kind="nip", digest=b"\0" * 16)
    change_account("vino", nip=NIP, must_recheck=True)
    conflict_detection.recheck_staff(actor=Actor(cast.ring("vera"), NOW))
    lines = case_summary.summaries(actor=Actor(cast.ring("vino"), NOW), cases=[sent.case, other.case])
    assert lines.pop(other.case.pk) and set(lines.values()) <= {""}
    unchanged = case_summary.summaries(actor=Actor(cast.ring("vera"), NOW), cases=[sent.case, other.case])
    assert all(unchanged.values()), "who was compared with the answers themselves"


def test_the_index_is_read_along_with_the_grants(cast: Cast) -> None:
    sent = send_report(today=DAY, accused_nip=NIP)
    look(cast, "vera")
    costs = []
    for _time in range(2):
        actor = Actor(cast.ring("vino"), NOW)
        with CaptureQueriesContext(connection) as queries:
            assert case_summary.summaries(actor=actor, cases=[sent.case])[sent.case.pk]
        costs.append(len(queries))
        change_account("vino", agency="Dinas lain")
    assert costs[0] == costs[1]


# --- The reporter's page ----------------------------------------------------------------------------------------------

COLUMNS: list[dict[str, Any]] = [
    {"status": "ineligible"},
    {"status": "received", "step_count": 0},
    {"stage_reached": 4},
    {"due_on": DAY + timedelta(days=500)},
    {"due_on": None},
    {"lead_body": "bkn"},
    {"asked_from": "under_examination", "status": "needs_information"},
]


def page_of(sent: Sent) -> follow_up.StatusPage:
    return follow_up.status_page(ticket=sent.ticket, today=DAY)


@pytest.mark.parametrize("altered", COLUMNS, ids=str)
def test_an_altered_status_is_not_told(cast: Cast, altered: dict[str, Any]) -> None:
    sent = in_review(cast)
    assert page_of(sent).status == "in_review"
    Case.objects.filter(pk=sent.case.pk).update(**altered)
    page = page_of(sent)
    assert page.under_check
    assert (page.status, page.label, page.due_on, page.events, page.may_withdraw) == ("", "", None, [], False)
    assert not any(stage.reached for stage in page.stages)
    assert page.may_answer


def test_an_altered_status_before_any_step_is_not_told(cast: Cast) -> None:
    sent = send_report(today=DAY)
    assert page_of(sent).status == "received"
    for altered in ({"status": "withdrawn"}, {"due_on": None}, {"stage_reached": 2}):
        Case.objects.filter(pk=sent.case.pk).update(**altered)
        assert page_of(sent).under_check
        Case.objects.filter(pk=sent.case.pk).update(status="received", stage_reached=1, due_on=sent.case.due_on)
    assert not page_of(sent).under_check


def test_the_reporter_reads_reference_and_day_from_their_own_record(cast: Cast) -> None:
    """Whoever writes to the database can tell them another day or reference on no page, not for a minute."""
    sent = send_report(today=DAY)
    expected = sent.case.reference, DAY
    Case.objects.update(reference="KN-2020-000000", received_on=date(2020, 1, 1), status_on=date(2020, 1, 1))
    Complaint.objects.update(day=date(2020, 1, 1))
    page = page_of(sent)
    assert (page.reference, page.received_on) == expected


def _alter_step(**values: Any) -> None:
    triggers.remove_append_only(editor())
    CaseStep.objects.update(**values)
    triggers.install_append_only(editor())


def _alter_entry(**values: Any) -> None:
    triggers.remove_append_only(editor())
    AuditEntry.objects.filter(event="case.transition").update(**values)
    triggers.install_append_only(editor())


@pytest.mark.parametrize(
    "alter",
    [
        lambda: _alter_step(due_on=DAY),
        lambda: _alter_step(actor=None),
        lambda: _alter_entry(signature=b"\0" * 64),
        lambda: _alter_entry(actor=None),
        lambda: _alter_entry(at=NOW + timedelta(hours=1)),
    ],
)
def test_altered_steps_and_entries_tell_nothing(cast: Cast, alter: Callable[[], None]) -> None:
    sent = in_review(cast)
    alter()
    assert page_of(sent).under_check


def test_the_page_says_so_in_words_and_still_takes_messages(cast: Cast, signed_in: SignedIn, client: Any) -> None:
    sent = in_review(cast)
    Case.objects.filter(pk=sent.case.pk).update(status="ineligible")
    assert client.post("/cek/", {"code": sent.code}).status_code == 302
    text = " ".join(client.get("/cek/laporan/").content.decode().split())
    assert SENTENCE in text
    assert "Tidak memenuhi syarat" not in text
    assert client.post("/cek/laporan/jawab/", {"text": "Halo."}).status_code == 302
    assert Complaint.objects.get().messages.count() == 1
    assert not CaseStep.objects.filter(actor_kind="reporter").exists()
    with pytest.raises(TransitionRefused):
        follow_up.withdraw(ticket=sent.ticket, reason="", today=DAY)


def test_a_question_that_nobody_asked_takes_no_answer_as_a_step(cast: Cast) -> None:
    sent = in_review(cast)
    Case.objects.filter(pk=sent.case.pk).update(status="needs_information", asked_from="in_review")
    follow_up.add_message(ticket=sent.ticket, text="Halo.", files=[], today=DAY)
    assert Case.objects.get(pk=sent.case.pk).step_count == 1


def test_steps_of_somebody_who_has_left_or_has_another_key_are_told(cast: Cast) -> None:
    sent = in_review(cast)
    act(cast, "vera", sent, Action.VERIFY)
    personal.set_initial_password(staff=cast["vera"], password="sandi pertama yang lain", now=NOW)
    assert page_of(sent).status == "verified"


def test_the_number_of_openings_is_counted_by_person_and_day(cast: Cast) -> None:
    sent = send_report(today=DAY)
    for name, day in (("vera", 0), ("vera", 0), ("vino", 0), ("vera", 1)):
        case_file.open_case(actor=Actor(cast.ring(name), NOW + timedelta(days=day)), case_id=sent.case.pk)
    assert page_of(sent).opened_count == 3
    Case.objects.update(step_count=F("step_count"))
    assert page_of(sent).opened_count == 3


def test_a_withdrawal_that_no_reporter_signed_is_told_to_nobody_and_named(cast: Cast) -> None:
    sent = send_report(today=DAY)
    step = {"source": "received", "target": "withdrawn", "action": "withdraw", "actor_kind": "reporter", "day": DAY}
    CaseStep.objects.create(case=sent.case, sequence=1, batch=batches.last_batch() + 1, **step)
    Case.objects.filter(pk=sent.case.pk).update(status="withdrawn", status_on=DAY, due_on=None, step_count=1)
    assert follow_up.status_page(ticket=sent.ticket, today=DAY).under_check
    assert [fault.code for fault in verify.verify_chain().faults] == ["case.reporter"]


# --- The officer's page -----------------------------------------------------------------------------------------------


def file_of(cast: Cast, sent: Sent) -> case_file.CaseFile:
    return case_file.open_case(actor=Actor(cast.ring("vera"), NOW), case_id=sent.case.pk)


@pytest.mark.parametrize("altered", COLUMNS, ids=str)
def test_an_altered_status_is_shown_to_no_officer(cast: Cast, altered: dict[str, Any]) -> None:
    sent = in_review(cast)
    assert not file_of(cast, sent).under_check
    Case.objects.filter(pk=sent.case.pk).update(**altered)
    opened = file_of(cast, sent)
    assert (opened.under_check, opened.history, opened.choices) == (True, [], [])


@pytest.mark.parametrize("altered", [{"status": "verified"}, {"due_on": None}, {"stage_reached": 2}], ids=str)
def test_a_case_that_is_not_as_it_came_in_is_shown_to_no_officer(cast: Cast, altered: dict[str, Any]) -> None:
    sent = send_report(today=DAY)
    assert not file_of(cast, sent).under_check
    Case.objects.filter(pk=sent.case.pk).update(**altered)
    assert file_of(cast, sent).under_check


@pytest.mark.parametrize(
    "alter",
    [
        lambda: _alter_step(due_on=DAY),
        lambda: _alter_step(actor=None),
        lambda: _alter_step(at=NOW - timedelta(days=1)),
        lambda: _alter_step(day=DAY - timedelta(days=1)),
        lambda: _alter_entry(countersignature=b"\0" * 64),
        lambda: _alter_entry(at=NOW + timedelta(hours=1)),
    ],
)
def test_altered_steps_and_entries_are_shown_to_nobody(cast: Cast, alter: Callable[[], None]) -> None:
    sent = in_review(cast)
    alter()
    assert file_of(cast, sent).under_check
    assert page_of(sent).under_check
    assert not verify.verify_chain().whole


def test_a_status_that_was_written_by_hand_opens_no_step(cast: Cast) -> None:
    sent = send_report(today=DAY)
    Case.objects.filter(pk=sent.case.pk).update(status="in_review")
    with pytest.raises(TransitionRefused):
        act(cast, "vera", sent, Action.VERIFY)
    assert not CaseStep.objects.filter(case=sent.case).exists()


@pytest.mark.parametrize("are_steps_deleted", [True, False])
def test_a_case_reset_to_how_it_came_in_takes_no_step(cast: Cast, are_steps_deleted: bool) -> None:
    """The columns of a new case can be set in the database, so they say nothing without the chain."""
    sent = in_review(cast)
    triggers.remove_append_only(editor())
    Case.objects.update(status="received", step_count=0, asked_from="", stage_reached=1, lead_body=None)
    if are_steps_deleted:
        CaseStep.objects.all().delete()
    triggers.install_append_only(editor())
    steps = CaseStep.objects.count()
    with pytest.raises(TransitionRefused):
        act(cast, "vera", sent, Action.START_REVIEW)
    assert CaseStep.objects.count() == steps


def test_nobody_is_the_second_person_of_an_own_proposal_whose_step_was_altered(cast: Cast) -> None:
    sent = in_review(cast)
    act(cast, "vera", sent, Action.PROPOSE_INELIGIBLE, "Bukan ASN.")
    triggers.remove_append_only(editor())
    CaseStep.objects.filter(case=sent.case).update(actor=cast["vino"])
    triggers.install_append_only(editor())
    with pytest.raises(TransitionRefused):
        act(cast, "vera", sent, Action.CONFIRM_INELIGIBLE, "Bukan ASN.")


def test_the_officers_page_says_so_in_words(cast: Cast, signed_in: SignedIn) -> None:
    sent = in_review(cast)
    address, words = reverse("admin:complaints_case_change", args=[sent.case.pk]), "tidak sesuai dengan rantai audit"
    assert words not in signed_in("vera").get(address).content.decode()
    Case.objects.filter(pk=sent.case.pk).update(status="ineligible")
    text = signed_in("vera").get(address).content.decode()
    assert words in text
    assert "Tidak memenuhi syarat" not in text
    assert reverse("admin:complaints_case_step", args=[sent.case.pk, "verify"]) not in text


def test_a_case_that_took_in_a_report_after_its_last_step_is_as_recorded(cast: Cast) -> None:
    target, _source = _linked(cast)
    opened = file_of(cast, target)
    assert not opened.under_check and len(opened.complaints) == 2


def test_a_body_reads_no_altered_status_and_takes_no_step(cast: Cast, signed_in: SignedIn) -> None:
    sent, release = forwarded(cast)
    actor = Actor(cast.ring("kirana"), NOW)
    address, words = reverse("admin:complaints_release_change", args=[release.pk]), "tidak sesuai dengan rantai audit"
    assert reading.open_release(actor=actor, release_id=release.pk).actions
    assert words not in signed_in("kirana").get(address).content.decode()
    Case.objects.filter(pk=sent.case.pk).update(status="under_examination")
    opened = reading.open_release(actor=actor, release_id=release.pk)
    assert (opened.under_check, opened.actions) == (True, [])
    text = signed_in("kirana").get(address).content.decode()
    assert words in text
    assert reverse("admin:complaints_release_step", args=[release.pk, "dismiss"]) not in text
    with pytest.raises(TransitionRefused):
        body_act(cast, "kirana", release, Action.DISMISS, text="Tidak terbukti.")


# --- Moves: a report is told of the case that genuine moves lead to ---------------------------------------------------


def _linked(cast: Cast) -> tuple[Sent, Sent]:
    """A joint case in review, and the report that was linked into it."""
    target, source = in_review(cast), send_report(today=DAY)
    actor = Actor(cast.ring("vera"), NOW)
    sources = {source.case.pk: CaseVersion("received")}
    case_links.link(actor=actor, target_id=target.case.pk, sources=sources, reason="Satu perkara.")
    return target, source


def test_a_linked_report_is_told_of_the_joint_case(cast: Cast) -> None:
    target, source = _linked(cast)
    assert (page_of(source).status, page_of(target).status) == ("in_review", "in_review")


@pytest.mark.parametrize(
    "alter",
    [
        lambda: CaseMove.objects.update(target_due_on=DAY + timedelta(days=500)),
        lambda: CaseMove.objects.update(target_steps=0),
        lambda: CaseMove.objects.update(at=NOW - timedelta(hours=1)),
        lambda: CaseMove.objects.update(day=DAY - timedelta(days=3)),
        lambda: CaseMove.objects.all().delete(),
        lambda: AuditEntry.objects.filter(event="case.linked").update(countersignature=b"\0" * 64),
        lambda: AuditEntry.objects.filter(event="case.linked").delete(),
    ],
)
def test_an_altered_move_is_told_to_nobody(cast: Cast, alter: Callable[[], Any]) -> None:
    target, source = _linked(cast)
    triggers.remove_append_only(editor())
    alter()
    triggers.install_append_only(editor())
    assert page_of(source).under_check
    assert not follow_up.may_withdraw(ticket=source.ticket)
    assert page_of(target).status == "in_review" or not CaseMove.objects.exists()


def test_a_move_planted_with_an_entry_is_told_to_nobody(cast: Cast) -> None:
    """By somebody who holds an officer's key and not the server's."""
    target, source = in_review(cast), send_report(today=DAY)
    report = source.case.complaints.get()
    move = CaseMove(complaint=report, number=1, source=source.case, target=target.case, actor=cast["vera"])
    move.source_steps, move.target_steps, move.day, move.at = 0, 1, DAY, NOW
    move.save(force_insert=True)
    do = {"now": NOW, "actor": cast["vera"], "signer": cast.ring("vera").signer, "case": target.case.pk}
    with without_the_servers_key():
        facts = {**recorded_acts.move_facts(move), "note": ""}
        log.append(event="case.linked", subject=report.pk, facts=facts, **do)
    Complaint.objects.filter(pk=report.pk).update(case=target.case)
    assert page_of(source).under_check


def test_a_report_laid_into_the_case_of_another_is_told_nothing(cast: Cast) -> None:
    target, source = in_review(cast), send_report(today=DAY)
    Complaint.objects.filter(case=source.case).update(case=target.case)
    assert page_of(source).under_check
    assert not follow_up.may_withdraw(ticket=source.ticket)


def _exchanged(one: Sent, other: Sent) -> None:
    for sent, case in ((one, other.case), (other, one.case)):
        Complaint.objects.filter(pk=sent.ticket.complaint_id).update(case=case)


def test_two_reports_laid_into_the_cases_of_each_other_are_told_nothing(cast: Cast) -> None:
    """Both without a move, and no case with two of them."""
    one, other = in_review(cast), send_report(today=DAY)
    _exchanged(one, other)
    for sent in (one, other):
        assert page_of(sent).under_check
        assert not follow_up.may_withdraw(ticket=sent.ticket)
    assert [fault.code for fault in verify.verify_chain().faults].count("move.none") == 2


def test_a_report_laid_into_a_case_whose_own_report_moved_away_is_told_nothing(cast: Cast) -> None:
    _target, source = _linked(cast)
    other = send_report(today=DAY)
    Complaint.objects.filter(pk=other.ticket.complaint_id).update(case=source.case)
    Case.objects.filter(pk=source.case.pk).update(linked_into=None)
    assert page_of(other).under_check
    assert "move.none" in {fault.code for fault in verify.verify_chain().faults}


def test_moves_that_begin_at_the_case_of_another_are_told_to_nobody(cast: Cast) -> None:
    _target, source = _linked(cast)
    other = send_report(today=DAY)
    triggers.remove_append_only(editor())
    CaseMove.objects.update(source=other.case)
    triggers.install_append_only(editor())
    assert page_of(source).under_check


def test_each_step_needs_a_genuine_entry(cast: Cast) -> None:
    """Not the newest one alone."""
    sent = in_review(cast)
    act(cast, "vera", sent, Action.VERIFY)
    first = AuditEntry.objects.filter(event="case.transition").order_by("sequence")[0]
    triggers.remove_append_only(editor())
    AuditEntry.objects.filter(pk=first.pk).update(countersignature=b"\0" * 64)
    triggers.install_append_only(editor())
    assert page_of(sent).under_check


def test_a_step_planted_with_an_entry_by_an_officers_key_is_told_to_nobody(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = in_review(cast)
    # Whoever plants rows makes no comparison.
    monkeypatch.setattr(recorded_acts, "are_steps_recorded", lambda _case: True)
    with without_the_servers_key():
        act(cast, "vera", sent, Action.VERIFY)
    assert page_of(sent).under_check
    assert file_of(cast, sent).under_check
