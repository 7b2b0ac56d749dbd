"""Nothing is altered unseen: the database refuses it, and what somebody does past the database is found and named."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, models, transaction
from django.test import override_settings
from pytest_django import DjangoDbBlocker

from complaints.domain.workflow import Action
from complaints.models import triggers
from complaints.models.audit import AuditEntry, ChainHead
from complaints.models.case import Case, CaseStep, InternalNote
from complaints.models.complaint import Complaint, KeyGrant, Message
from complaints.models.evidence import EvidenceObject
from complaints.models.oversight import Finding, OversightBody, Recommendation, Release, Sanction
from complaints.services import case_actions, case_file, follow_up, scheduled
from complaints.services.audit import log, verify
from complaints.services.audit.faults import Fault
from complaints.services.evidence import processing, storage
from complaints.services.forwarding import decisions
from complaints.services.forwarding.contents import whole
from complaints.services.forwarding.records import SanctionRecord
from complaints.services.forwarding.release import forward
from complaints.services.keyring import Actor
from complaints.services.team_keys import personal
from tests.cases import passed_on
from tests.database import built_once, editor
from tests.decisions import decide
from tests.services.test_whole_procedure import photo
from tests.world import Cast, Sent, at, close_batch, database_clock, sealed_upload, send_report

DAY = date(2026, 11, 9)


@dataclass
class AuditScenario:
    """A chain with an entry of nearly every kind, its reports' day closed."""

    cast: Cast
    sent: Sent
    heads: Path


@pytest.fixture(scope="module")
def _scenario(
    shared_cast: Cast, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AuditScenario]:
    with built_once(django_db_blocker):
        heads = tmp_path_factory.mktemp("heads") / "heads.txt"
        with override_settings(TEAM_KEY_PINS=shared_cast.pins, AUDIT_HEADS_FILE=heads):
            yield AuditScenario(shared_cast, build_scenario(shared_cast), heads)


def build_scenario(cast: Cast) -> Sent:
    sent = send_report(today=DAY, files=[sealed_upload(photo())])
    send_report(today=DAY, story="Laporan kedua yang berdiri sendiri.")
    processing.process_pending()
    vera, fitri, kirana, now = cast.ring("vera"), cast.ring("fitri"), cast.ring("kirana"), at(DAY)
    case = sent.case.pk
    case_actions.act(actor=Actor(vera, now), case_id=case, action=Action.START_REVIEW)
    case_actions.act(actor=Actor(vera, now), case_id=case, action=Action.ASK_REPORTER, reason="Kapan?")
    follow_up.add_message(ticket=sent.ticket, text="Kemarin.", files=[], today=DAY)
    opened = case_file.open_case(actor=Actor(vera, now), case_id=case).complaints[0]
    case_actions.write_case_note(actor=Actor(vera, now), complaint_id=opened.complaint.pk, text="Cukup jelas.")
    case_actions.act(actor=Actor(vera, now), case_id=case, action=Action.VERIFY)
    body = OversightBody.objects.get(pk="bkn")
    release = forward(actor=Actor(fitri, now), case_id=case, body=body, choice=whole(case))
    do: dict[str, Any] = {"actor": Actor(kirana, now), "release_id": release.pk}
    decisions.act(action=Action.TAKE_UP, **do)
    passed_on(Actor(kirana, now), Actor(vera, now), release, "Siapa saksinya?")
    follow_up.add_message(ticket=sent.ticket, text="Dua rekan.", files=[], today=DAY)
    decide(action=Action.SUBSTANTIATE, text="Terbukti.", reply="Terbukti.", **do)
    decide(action=Action.AWAIT_AGENCY, text="Sanksi moral.", **do)
    decisions.act(action=Action.SANCTION, record=SanctionRecord("moral_open", "1", DAY), **do)
    now = at(DAY + timedelta(days=1), 0)
    with database_clock(now):
        scheduled.close_batch(now=now)
    return sent


@pytest.fixture
def scenario(_scenario: AuditScenario, db: None) -> AuditScenario:
    """The scenario; the files and settings of one test are not another's."""
    return _scenario


@contextmanager
def tampering() -> Iterator[None]:
    """Take the triggers off, as somebody with the database's password can; all is undone afterwards."""
    with transaction.atomic():
        triggers.remove_append_only(editor())
        yield
        transaction.set_rollback(True)


def flipped(value: Any) -> Any:
    """The value with one bit, or the least that its type allows, changed."""
    if isinstance(value, bytes | memoryview):
        changed = bytearray(value)
        changed[len(changed) // 2] ^= 1
        return bytes(changed)
    if isinstance(value, int):
        return value ^ (1 << 14)
    if isinstance(value, uuid.UUID | None):
        return uuid.UUID(int=(value.int if value else 0) ^ 1)
    if isinstance(value, datetime):
        return value + timedelta(microseconds=1)
    if isinstance(value, dict):
        return {**value, "day": "2026-11-08"} if "day" in value else {**value, "x": 1}
    return chr(ord(value[0]) ^ 1) + value[1:] if value else "x"


def flip(model: type[models.Model], pk: Any, column: str) -> None:
    rows = model._base_manager.filter(pk=pk)
    value = rows.values_list(column, flat=True).get()
    assert rows.update(**{column: flipped(value)}) == 1


def codes_of_faults() -> list[str]:
    return [fault.code for fault in verify.verify_chain().faults]


def last_fault(entry: AuditEntry) -> str:
    """The code of the only fault, which is in this last entry."""
    verdict = verify.verify_chain()
    (fault,) = verdict.faults
    assert (verdict.entries, fault.sequence) == (entry.pk, entry.pk)
    return fault.code


COLUMNS = [
    "sequence",
    "at",
    "event",
    "actor",
    "case",
    "subject",
    "era",
    "facts",
    "rights",
    "signer",
    "previous",
    "digest",
    "signature",
    "countersignature",
]


def test_chain_of_the_scenario_is_intact(scenario: AuditScenario) -> None:
    assert verify.verify_chain() == verify.Verdict(AuditEntry.objects.count())


def test_columns_are_all_columns() -> None:
    assert [field.name for field in AuditEntry._meta.get_fields()] == COLUMNS


def test_a_flipped_bit_in_any_column_is_named(scenario: AuditScenario) -> None:
    number = AuditEntry.objects.count() // 2
    for column in COLUMNS:
        with tampering():
            flip(AuditEntry, number, column)
            verdict = verify.verify_chain()
            assert verdict.faults, column
            assert verdict.faults[0].sequence == number, (column, verdict)
    assert verify.verify_chain().whole


def test_a_flipped_bit_in_any_entry_is_named(scenario: AuditScenario) -> None:
    """The rows are verified behind the first entry of each event; behind the others the same would be read again."""
    met = set()
    for number, event in AuditEntry.objects.order_by("sequence").values_list("sequence", "event"):
        with tampering():
            flip(AuditEntry, number, COLUMNS[1 + number % (len(COLUMNS) - 1)])
            fault = next(verify.faults_as_met()) if event in met else verify.verify_chain().faults[0]
            assert fault.sequence == number
        met.add(event)
    assert number == AuditEntry.objects.count()


def test_a_removed_entry_is_missed(scenario: AuditScenario) -> None:
    last = AuditEntry.objects.count()
    for number in (1, last // 2, last):
        with tampering():
            AuditEntry.objects.filter(pk=number).delete()
            assert verify.verify_chain().faults[0].sequence == number


def test_two_entries_that_changed_places_are_found(scenario: AuditScenario) -> None:
    number = AuditEntry.objects.count() // 2
    first, other = AuditEntry.objects.get(pk=number), AuditEntry.objects.get(pk=number + 1)
    with tampering():
        AuditEntry.objects.filter(pk__in=[number, number + 1]).delete()
        first.pk, other.pk = other.pk, first.pk
        AuditEntry.objects.bulk_create([first, other])
        assert verify.verify_chain().faults[0].sequence == number


def test_a_cut_tail_is_found_by_what_left_the_machine(scenario: AuditScenario) -> None:
    last = AuditEntry.objects.count()
    heads = log.parse_heads(scenario.heads.read_text())
    assert verify.verify_chain(heads=heads).whole
    with tampering():
        AuditEntry.objects.filter(pk=last).delete()
        before = AuditEntry.objects.get(pk=last - 1)
        ChainHead.objects.update(sequence=last - 1, digest=before.digest)
        assert verify.verify_chain().whole, "nothing inside the machine can tell"
        assert verify.verify_chain(heads=heads).faults[0].sequence == last
        log.append(event="staff.changed", now=at(DAY))
        assert verify.verify_chain(heads=heads).faults[0].sequence == last


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL keeps to its types")
def test_what_the_database_cannot_read_is_named_too(scenario: AuditScenario) -> None:
    for column, nonsense in (("at", "soon"), ("at", "2026-99-01 00:00:00"), ("actor", "somebody"), ("signer", "x")):
        with tampering(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE complaints_auditentry SET {column} = %s WHERE sequence = 5", [nonsense])
            assert verify.verify_chain().faults[0].sequence == 5, column


# --- The database refuses -----------------------------------------------------------------------------------------


def _save(row: models.Model) -> None:
    row.save()


def _delete(row: models.Model) -> None:
    row.delete()


def _raw_update(row: models.Model) -> None:
    with connection.cursor() as cursor:
        key = row._meta.pk.column
        cursor.execute(f"UPDATE {row._meta.db_table} SET {key} = {key}")


def _raw_delete(row: models.Model) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {row._meta.db_table}")


@pytest.mark.parametrize("act", [_save, _delete, _raw_update, _raw_delete])
@pytest.mark.parametrize("model", [AuditEntry, CaseStep])
def test_the_database_refuses_to_alter_or_remove(
    scenario: AuditScenario, model: type[models.Model], act: Callable[[models.Model], None]
) -> None:
    row = model._base_manager.order_by("pk").first()
    assert row is not None
    # Steps are referred to by messages; Django would refuse before the database does.
    if model is CaseStep and act is _delete:
        act = _raw_delete
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        act(row)
    assert verify.verify_chain().whole


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no TRUNCATE")
@pytest.mark.parametrize("table", triggers.APPEND_ONLY_TABLES)
def test_the_database_refuses_to_empty_the_tables(scenario: AuditScenario, table: str) -> None:
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {table} CASCADE")


# --- What reporters sent, once the batch is closed ----------------------------------------------------------------

REPORTERS_COLUMNS = [
    (Complaint, "commitment"),
    (Complaint, "sealed_answers"),
    (Complaint, "sealed_summary"),
    (Complaint, "sealed_days"),
    (Complaint, "public_key"),
    (Complaint, "key_signature"),
    (Complaint, "reporter_key"),
    (Complaint, "reporter_verify_key"),
    (Complaint, "lookup"),
    (KeyGrant, "sealed"),
    (Message, "sealed"),
    (Message, "sealed_for_release"),
    (EvidenceObject, "sealed"),
    (EvidenceObject, "object_digest"),
]


def _reporters(model: type[Any], column: str) -> Any:
    if model is Message:
        return Message.objects.from_reporter().exclude(**{column: None})
    if model is KeyGrant:
        return KeyGrant.objects.exclude(complaint=None)
    return model.objects.filter(variant="original") if model is EvidenceObject else model.objects.all()


@pytest.mark.parametrize(("model", "column"), REPORTERS_COLUMNS, ids=lambda value: getattr(value, "__name__", value))
def test_a_flipped_bit_in_what_a_reporter_sent_is_found(scenario: AuditScenario, model: type[Any], column: str) -> None:
    for row in _reporters(model, column):
        with tampering():
            flip(model, row.pk, column)
            fault, *others = verify.verify_chain().faults
            signed_by_this_key = {"case.reporter", "identity.signature", "report.signature"}
            assert {other.code for other in others} <= signed_by_this_key
            assert (fault.code, fault.subject) == ("batch.altered", "batch 1")
            assert AuditEntry.objects.get(pk=fault.sequence).event == "day.closed"


def test_ciphertexts_that_changed_places_are_found(scenario: AuditScenario) -> None:
    first, other = Message.objects.from_reporter().order_by("pk")
    with tampering():
        Message.objects.filter(pk=first.pk).update(sealed=other.sealed)
        Message.objects.filter(pk=other.pk).update(sealed=first.sealed)
        assert codes_of_faults() == ["batch.altered"]


def test_a_removed_report_and_one_slipped_in_are_found(scenario: AuditScenario) -> None:
    with tampering():
        Message.objects.from_reporter().first().delete()  # type: ignore[union-attr]
        assert codes_of_faults() == ["batch.count", "thread.rows"]
    with tampering():
        added = Complaint.objects.get(case=send_report(today=DAY).case)
        Complaint.objects.filter(pk=added.pk).update(batch=1)
        assert codes_of_faults() == ["batch.count"]


def test_a_batch_is_closed_once_a_day(scenario: AuditScenario) -> None:
    for hour in (1, 2):
        close_batch(at(DAY + timedelta(days=1), hour))
    assert [head.batch for head in log.heads(limit=9)] == [1]
    for hour in (1, 2):
        close_batch(at(DAY + timedelta(days=2), hour))
    assert [head.batch for head in log.heads(limit=9)] == [2, 1]
    assert verify.verify_chain().whole


# --- What staff and bodies wrote ------------------------------------------------------------------------------------

STAFFS_COLUMNS = [
    (Message, "sealed"),
    (Message, "sealed_for_reporter"),
    (InternalNote, "sealed"),
    (Release, "sealed"),
    (Finding, "sealed"),
    (Recommendation, "sealed"),
    (Sanction, "sealed"),
]


@pytest.mark.parametrize(("model", "column"), STAFFS_COLUMNS, ids=lambda value: getattr(value, "__name__", value))
def test_a_flipped_bit_in_what_staff_wrote_is_found(scenario: AuditScenario, model: type[Any], column: str) -> None:
    rows = model.objects.exclude(direction="from_reporter") if model is Message else model.objects.all()
    assert rows
    for row in rows:
        with tampering():
            flip(model, row.pk, column)
            (fault,) = [fault for fault in verify.verify_chain().faults if fault.code != "release.altered"]
            assert (fault.code, fault.subject.split()[1]) == ("row.altered", str(row.pk))
            assert str(row.pk) in AuditEntry.objects.get(pk=fault.sequence).facts.values()


def test_a_removed_note_is_missed(scenario: AuditScenario) -> None:
    with tampering():
        InternalNote.objects.all().delete()
        assert codes_of_faults() == ["thread.rows", "row.gone"]


def test_a_message_in_the_offices_name_without_an_entry_is_found(scenario: AuditScenario) -> None:
    with tampering():
        forged = Message.objects.filter(direction="to_reporter").first()
        assert forged is not None
        forged.pk, forged.sequence = uuid.uuid4(), 99
        forged.save(force_insert=True)
        gap = Fault(None, "thread.rows", f"complaint {forged.complaint_id}", state="10.10")
        assert verify.verify_chain().faults == (gap, Fault(None, "row.unrecorded", "message", state="1"))


# --- Where cases stand ----------------------------------------------------------------------------------------------


def test_a_status_that_no_step_leads_to_is_found(scenario: AuditScenario) -> None:
    with tampering():
        Case.objects.filter(pk=scenario.sent.case.pk).update(status="unsubstantiated")
        (fault,) = verify.verify_chain().faults
        assert (fault.code, fault.subject) == ("case.status", scenario.sent.case.reference)
        assert fault.state.startswith("unsubstantiated.")


@pytest.mark.parametrize("changes", [{"source": "verified"}, {"action": "dismiss"}, {"actor": None}, {"sequence": 70}])
def test_an_altered_step_is_found(scenario: AuditScenario, changes: dict[str, Any]) -> None:
    with tampering():
        CaseStep.objects.filter(action="substantiate").update(**changes)
        assert verify.verify_chain().faults[0].subject == scenario.sent.case.reference


def _slip_in(case: Case, *, actor_kind: str, day: date) -> None:
    case.step_count, case.status = case.step_count + 1, "withdrawn" if actor_kind == "reporter" else "in_review"
    case.save()
    action = "withdraw" if actor_kind == "reporter" else "start_review"
    batch = 1 if actor_kind == "reporter" else None
    step = {"source": "received", "target": case.status, "action": action, "actor_kind": actor_kind, "day": day}
    CaseStep.objects.create(case=case, sequence=case.step_count, batch=batch, **step)


def test_steps_slipped_in_are_found(scenario: AuditScenario) -> None:
    other = Case.objects.exclude(pk=scenario.sent.case.pk).get()
    with tampering():
        _slip_in(other, actor_kind="staff", day=DAY)
        assert codes_of_faults() == ["case.entries", "case.deadline"]
    other.refresh_from_db()
    with tampering():
        _slip_in(other, actor_kind="reporter", day=DAY)
        assert codes_of_faults() == ["batch.count", "case.reporter", "case.deadline"]


# --- Who signs, and what may stand in an entry ----------------------------------------------------------------------


def test_another_persons_key_is_found(scenario: AuditScenario) -> None:
    vera, vino = scenario.cast.ring("vera"), scenario.cast.ring("vino")
    entry = log.append(event="case.opened", now=at(DAY), actor=vera.staff, signer=vino.signer)
    assert last_fault(entry) == "entry.other_person"


def test_the_servers_key_does_not_stand_for_a_person(scenario: AuditScenario) -> None:
    entry = log.append(event="case.opened", now=at(DAY), actor=scenario.cast["vera"])
    assert last_fault(entry) == "entry.not_by_person"


def test_a_retired_key_signs_nothing_more(scenario: AuditScenario) -> None:
    vera = scenario.cast.ring("vera")
    personal.set_initial_password(staff=scenario.cast["vera"], password="sandi pertama yang lain", now=at(DAY))
    assert verify.verify_chain().whole
    entry = log.append(event="case.opened", now=at(DAY), actor=vera.staff, signer=vera.signer)
    assert last_fault(entry) == "entry.unknown_key"


def test_an_unknown_event_is_refused(scenario: AuditScenario) -> None:
    with pytest.raises(log.AuditError):
        log.append(event="case.gossip", now=at(DAY))


@pytest.mark.parametrize(
    "fact", ["Kepala dinas meminta dukungan", "a@b.example", "x" * 201, 'a"b', None, 1.5, ["x"], {"x": 1}, b"x"]
)
def test_facts_that_could_be_content_are_refused(scenario: AuditScenario, fact: Any) -> None:
    before = AuditEntry.objects.count()
    with pytest.raises(log.AuditError):
        log.append(event="staff.changed", now=at(DAY), facts={"fact": fact})
    assert AuditEntry.objects.count() == before


# --- The command ----------------------------------------------------------------------------------------------------


def test_the_command_says_that_all_is_whole(scenario: AuditScenario, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("audit_verify", heads=scenario.heads, files=True)
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        f"{AuditEntry.objects.count()} entries, whole",
        "1 heads from outside agree",
        "Every stored object is what was stored",
    ]


def test_the_command_names_the_first_broken_entry(scenario: AuditScenario) -> None:
    with tampering():
        flip(AuditEntry, 7, "digest")
        with pytest.raises(CommandError, match=r"Broken at entry 7: entry\.altered, "):
            call_command("audit_verify")


@pytest.mark.parametrize("line", ["1 1 2026-01-01 1 " + "00" * 32, "1 1 2026-01-01 99999 " + "00" * 32, "nonsense"])
def test_the_command_minds_every_head(scenario: AuditScenario, tmp_path: Path, line: str) -> None:
    heads = tmp_path / "heads.txt"
    heads.write_text(f"{line}\n{scenario.heads.read_text()}")
    with pytest.raises(CommandError):
        call_command("audit_verify", heads=heads)


def test_the_command_reads_every_object(scenario: AuditScenario) -> None:
    names = list(EvidenceObject.objects.values_list("object_name", flat=True))
    paths = [Path(storage.storage().path(name)) for name in names]
    before = [path.read_bytes() for path in paths]
    paths[0].write_bytes(before[0][:-1] + flipped(before[0][-1:]))
    paths[1].unlink()
    try:
        call_command("audit_verify")
        with pytest.raises(CommandError) as caught:
            call_command("audit_verify", files=True)
    finally:
        for path, content in zip(paths, before, strict=True):
            path.write_bytes(content)
    assert f"{names[0]} was altered" in str(caught.value)
    assert f"{names[1]} cannot be read" in str(caught.value)
