"""The nightly verification: names every fault, resumes after a kill, and is not led astray by an altered record."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from pytest_django import Settings

from complaints.domain.workflow import Action
from complaints.models import triggers
from complaints.models.audit import AuditEntry, ChainHead
from complaints.models.case import Case
from complaints.models.complaint import Complaint
from complaints.models.identity import Identity
from complaints.models.verification import VerificationFault, VerificationState
from complaints.services import fault_acknowledgement, follow_up, job_runs, scheduled
from complaints.services.audit import entries, log, named_faults, nightly_run, verify
from complaints.services.audit.faults import Fault
from complaints.services.keyring import Actor
from tests.cases import act
from tests.database import editor
from tests.services.audit.test_batches import Killed, killed_at
from tests.world import Cast, Sent, at, change_account, close_batch, send_report

DAY = date(2026, 11, 9)
SECONDS = 600.0


@pytest.fixture
def sent(cast: Cast) -> Sent:
    """The case in review of :func:`build`."""
    return build(cast)


def build(cast: Cast) -> Sent:
    """Make a case in review and one that was withdrawn, their batch closed; return the first."""
    first, withdrawn = send_report(today=DAY), send_report(today=DAY)
    act(cast, "vera", first, Action.START_REVIEW)
    follow_up.withdraw(ticket=withdrawn.ticket, reason="", today=DAY)
    close_batch(at(DAY + timedelta(days=1), 0))
    return first


@pytest.fixture
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entries, "CHUNK", 2)
    monkeypatch.setattr(verify, "CHUNK", 1)


@contextmanager
def without_triggers() -> Iterator[None]:
    """Alter what the database refuses to alter, for good."""
    triggers.remove_append_only(editor())
    yield
    triggers.install_append_only(editor())


def run(days: int = 1, seconds: float = SECONDS) -> bool:
    return nightly_run.run(today=DAY + timedelta(days=days), seconds=seconds)


def codes() -> list[str]:
    return sorted(VerificationFault.objects.values_list("code", flat=True))


def flip_entry(number: int) -> None:
    with without_triggers():
        AuditEntry.objects.filter(pk=number).update(at=at(DAY))


def test_a_whole_chain_gives_no_fault_and_one_run_a_day(cast: Cast, sent: Sent) -> None:
    assert run()
    assert codes() == []
    before = VerificationState.objects.get()
    assert run()
    assert VerificationState.objects.get().signature == before.signature
    assert before.record["sequence"] == AuditEntry.objects.count()


def test_two_faults_are_both_named_and_what_lies_behind_them_too(cast: Cast, sent: Sent) -> None:
    flip_entry(3)
    flip_entry(9)
    Case.objects.filter(pk=sent.case.pk).update(status="verified")
    Identity.objects.filter(complaint__case=sent.case).delete()
    assert run()
    assert set(codes()) == {"entry.altered", "case.status", "identity.gone", "batch.count"}
    assert list(VerificationFault.objects.filter(code="entry.altered").values_list("sequence", flat=True)) == [3, 9]
    assert {fault.code for fault in verify.verify_chain().faults} == set(codes())


def test_a_fault_that_is_met_again_is_one_row(cast: Cast, sent: Sent) -> None:
    Case.objects.filter(pk=sent.case.pk).update(status="verified")
    for days in (1, 2, 3):
        assert run(days)
    assert codes() == ["case.status"]
    assert VerificationFault.objects.get().day == DAY + timedelta(days=1)


def test_an_open_case_is_verified_every_night(cast: Cast, sent: Sent) -> None:
    assert run(1)
    Case.objects.filter(pk=sent.case.pk).update(status="verified")
    assert run(2)
    assert codes() == ["case.status"]


def test_an_administrator_can_ask_for_another_run(cast: Cast, sent: Sent) -> None:
    assert run(1)
    Case.objects.filter(status="withdrawn").update(status="referred")
    assert run(1)
    assert codes() == []
    job_runs.run_again(actor=Actor(cast.ring("adi"), at(DAY + timedelta(days=1))), name="verify_chain")
    assert not nightly_run.is_finished(today=DAY + timedelta(days=1))
    assert not nightly_run.run(today=DAY + timedelta(days=1), seconds=0)
    assert run(1)
    assert codes() == ["case.status"]
    before = VerificationState.objects.get()
    assert before.record["whole_on"] == (DAY + timedelta(days=1)).isoformat()
    assert run(1)
    assert VerificationState.objects.get().signature == before.signature


def test_an_old_entry_and_an_ended_case_are_verified_within_a_week(cast: Cast, sent: Sent) -> None:
    assert run(1)
    flip_entry(3)
    Case.objects.filter(status="withdrawn").update(status="referred")
    for days in range(2, 9):
        assert run(days)
    assert codes() == ["case.status", "entry.altered"]


def test_new_entries_are_verified_from_the_record_on(cast: Cast, sent: Sent) -> None:
    assert run(1)
    flip_entry(3)
    entry = log.append(event="case.opened", now=at(DAY), actor=cast["vera"])
    assert run(2)
    assert list(VerificationFault.objects.values_list("sequence", "code")) == [(entry.pk, "entry.not_by_person")]


def test_a_tail_cut_off_behind_the_record_is_named(cast: Cast, sent: Sent) -> None:
    assert run(1)
    last = AuditEntry.objects.count()
    with without_triggers(), connection.cursor() as cursor:
        AuditEntry.objects.filter(pk__gt=last - 2).delete()
        cursor.execute(
            "UPDATE complaints_chainhead SET sequence = %s,"
            " digest = (SELECT digest FROM complaints_auditentry WHERE sequence = %s)",
            [last - 2, last - 2],
        )
    assert run(2)
    assert "chain.cut" in codes()
    log.append(event="staff.changed", now=at(DAY))
    log.append(event="staff.changed", now=at(DAY))
    log.append(event="staff.changed", now=at(DAY))
    assert run(3)


@pytest.mark.usefixtures("_small_chunks")
def test_a_run_stops_in_time_and_the_next_goes_on(cast: Cast, sent: Sent) -> None:
    flip_entry(3)
    Case.objects.filter(pk=sent.case.pk).update(status="verified")
    runs = 1
    places = []
    while not run(seconds=0):
        runs += 1
        record = VerificationState.objects.get().record
        places.append((record["sequence"], record["cursor"] and record["cursor"]["step"]))
        assert runs < 500
    assert runs > AuditEntry.objects.count() // 2
    assert len(set(places)) > AuditEntry.objects.count() // 2
    assert codes() == ["case.status", "entry.altered"]


@pytest.mark.usefixtures("_small_chunks")
def test_a_run_may_be_killed_at_any_statement(live_cast: Cast) -> None:
    sent = build(live_cast)
    flip_entry(3)
    Case.objects.filter(pk=sent.case.pk).update(status="verified")
    Identity.objects.filter(complaint__case=sent.case).delete()
    expected = sorted({fault.code for fault in verify.verify_chain().faults})
    kills, is_finished = 0, False
    while not is_finished:
        # Each run is killed at another statement, after some chunks; the next one goes on from the record.
        try:
            with connection.execute_wrapper(killed_at(20 + kills % 121)):
                is_finished = run()
        except Killed:
            kills += 1
            assert kills < 500
    assert kills > 5
    assert codes() == expected


@pytest.mark.usefixtures("_small_chunks")
def test_kills_between_chunks_lose_no_fault(cast: Cast, sent: Sent, monkeypatch: pytest.MonkeyPatch) -> None:
    flip_entry(3)
    flip_entry(8)
    Case.objects.filter(pk=sent.case.pk).update(status="verified")
    store = named_faults.store
    calls = 0

    def killed_every_third(*args: Any, **kwargs: Any) -> int:
        nonlocal calls
        calls += 1
        if calls % 3 == 0:
            raise Killed
        return store(*args, **kwargs)

    monkeypatch.setattr(named_faults, "store", killed_every_third)
    kills = 0
    while True:
        try:
            assert run()
            break
        except Killed:
            kills += 1
    assert kills > 3
    assert codes() == ["case.status", "entry.altered", "entry.altered"]


def test_a_run_that_another_process_has_overtaken_stops(cast: Cast, sent: Sent) -> None:
    slow = nightly_run._Run(DAY + timedelta(days=1))
    slow.begin([])
    chunks = slow.chunks()
    next(chunks)
    assert run()
    with pytest.raises(nightly_run._Overtaken):
        next(chunks)


# --- The record ------------------------------------------------------------------------------------------------------


def test_an_altered_record_is_named_and_all_is_verified_anew(cast: Cast, sent: Sent) -> None:
    assert run(1)
    flip_entry(3)
    state = VerificationState.objects.get()
    VerificationState.objects.update(record={**state.record, "finished_on": (DAY + timedelta(days=3)).isoformat()})
    assert run(2)
    assert codes() == ["entry.altered", "record.altered"]


def test_without_its_record_all_is_verified_anew(cast: Cast, sent: Sent) -> None:
    assert run(1)
    flip_entry(3)
    VerificationState.objects.all().delete()
    assert run(60)
    assert codes() == ["entry.altered", "record.altered"]


def test_a_deleted_old_entry_is_named_in_the_same_night(cast: Cast, sent: Sent) -> None:
    assert run(1)
    with without_triggers():
        AuditEntry.objects.filter(pk=3).delete()
    assert run(2)
    assert "entry.missing" in codes()


def test_a_chain_cut_off_before_an_exported_head_is_named(
    cast: Cast, sent: Sent, settings: Settings, tmp_path: Path
) -> None:
    settings.AUDIT_HEADS_FILE = tmp_path / "heads.txt"
    (head,) = log.heads()
    settings.AUDIT_HEADS_FILE.write_text(f"{head}\nhalf a li")
    assert run(1)
    with without_triggers():
        AuditEntry.objects.filter(sequence__gte=head.sequence).delete()
        last = AuditEntry.objects.get(pk=head.sequence - 1)
        ChainHead.objects.update(sequence=last.pk, digest=last.digest)
        VerificationState.objects.all().delete()
    assert run(2)
    assert "head.beyond" in codes()


def test_rows_that_a_check_cannot_read_hide_no_fault_behind_them(
    cast: Cast, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    Case.objects.filter(pk=sent.case.pk).update(status="verified")

    def unreadable(*args: object) -> None:
        raise KeyError("complaint")

    first, *others = nightly_run.ROW_CHECKS
    checks = (replace(first, rows=lambda _scope: Case.objects.all(), faults=unreadable), *others)
    monkeypatch.setattr(nightly_run, "ROW_CHECKS", checks)
    assert run()
    assert codes() == ["case.status", "rows.unreadable"]


def test_deleted_faults_are_named(cast: Cast, sent: Sent) -> None:
    flip_entry(3)
    assert run(1)
    with without_triggers():
        VerificationFault.objects.all().delete()
    assert run(2)
    assert codes() == ["entry.altered", "faults.gone"]


def test_of_more_faults_than_a_thousand_only_the_number_is_kept(
    cast: Cast, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(named_faults, "FAULTS_AT_MOST", 2)
    for number in (3, 5, 7, 9):
        flip_entry(number)
    assert run()
    assert codes() == ["entry.altered", "entry.altered", "faults.more"]
    assert VerificationFault.objects.get(code="faults.more").subject == "2 faults"
    assert VerificationState.objects.get().record["left_out"] == 2


# --- Telling and acknowledging ----------------------------------------------------------------------------------------


@pytest.fixture
def fault(cast: Cast, sent: Sent) -> VerificationFault:
    """A fault that the night has named; a second auditor is there."""
    change_account("adi", role="auditor")
    Case.objects.filter(pk=sent.case.pk).update(status="verified")
    assert run(1)
    return VerificationFault.objects.get()


def acknowledge(cast: Cast, name: str, fault: VerificationFault) -> bool:
    return fault_acknowledgement.acknowledge(actor=Actor(cast.ring(name), at(DAY)), fault_id=fault.pk)


def test_two_auditors_acknowledge_a_fault(cast: Cast, fault: VerificationFault) -> None:
    assert named_faults.waiting() == 1
    assert acknowledge(cast, "audi", fault)
    assert not acknowledge(cast, "audi", fault)
    assert not acknowledge(cast, "super", fault)
    assert not acknowledge(cast, "vera", fault)
    assert named_faults.waiting() == 1
    assert acknowledge(cast, "adi", fault)
    assert named_faults.waiting() == 0
    Case.objects.update(status="in_review")
    Case.objects.filter(step_count=1, steps__action="withdraw").update(status="withdrawn")
    assert verify.verify_chain().whole


def test_another_state_at_the_same_place_is_another_fault(cast: Cast, fault: VerificationFault) -> None:
    for name in ("audi", "adi"):
        acknowledge(cast, name, fault)
    assert run(2)
    assert named_faults.waiting() == 0
    Case.objects.filter(status="verified").update(status="forwarded")
    assert run(3)
    assert named_faults.waiting() == 1


def test_an_acknowledgement_holds_for_the_fault_as_it_was(cast: Cast, fault: VerificationFault) -> None:
    for name in ("audi", "adi"):
        acknowledge(cast, name, fault)
    with without_triggers():
        VerificationFault.objects.update(subject="KN-26-AAAAAA")
    assert named_faults.waiting() == 1


def test_auditors_and_administrators_are_mailed_once_a_night_in_fixed_words(
    cast: Cast, fault: VerificationFault
) -> None:
    mail.outbox.clear()
    for _ in range(2):
        scheduled.verify_chain(today=DAY + timedelta(days=2))
    assert sorted(message.to[0].split("@")[0] for message in mail.outbox) == ["adi", "audi", "super"]
    text = mail.outbox[0].subject + mail.outbox[0].body
    assert len({(message.subject, message.body) for message in mail.outbox}) == 1
    assert not any(character.isdigit() for character in text)
    mail.outbox.clear()
    for name in ("audi", "adi"):
        acknowledge(cast, name, fault)
    scheduled.verify_chain(today=DAY + timedelta(days=3))
    assert mail.outbox == []


def test_differing_clocks_become_a_fault(cast: Cast) -> None:
    scheduled.close_batch(now=at(DAY))
    assert codes() == ["clock.differs"]
    assert named_faults.waiting() == 1


def test_the_health_address_does_not_turn_red(cast: Cast, fault: VerificationFault) -> None:
    assert Client().get("/healthz").status_code == 200


def test_a_fault_needs_a_known_code_and_a_short_place() -> None:
    with pytest.raises(ValueError, match="gossip"):
        Fault(None, "gossip")
    with pytest.raises(ValueError, match=r"row\.gone"):
        Fault(None, "row.gone", "x" * 81)


def test_reports_of_the_scope_follow_its_cases(cast: Cast, sent: Sent) -> None:
    scope = nightly_run.Scope(since=AuditEntry.objects.count(), part=0)
    parts = [nightly_run.Scope(since=scope.since, part=part) for part in range(7)]
    assert all(sent.case in part.cases() for part in parts)
    seen = {pk for part in parts for pk in part.reports().values_list("pk", flat=True)}
    assert seen == set(Complaint.objects.values_list("pk", flat=True))
