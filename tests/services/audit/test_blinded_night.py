"""Whoever writes to the database blinds no night: what is swallowed, hidden, deleted or put back is told all the same.

Each test does what a superuser of the database could do by hand, and then lets the jobs run.
"""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import translation
from pytest_django import Settings

from complaints.models.audit import AuditEntry, ChainHead
from complaints.models.batch import Batch
from complaints.models.case import Case, CaseStep
from complaints.models.complaint import Complaint, KeyGrant, Message
from complaints.models.evidence import Evidence, EvidenceObject
from complaints.models.identity import Identity
from complaints.models.verification import VerificationFault, VerificationState
from complaints.services import follow_up, scheduled
from complaints.services.audit import latest_head, log, named_faults, nightly_run, node_files, open_batch, verify
from complaints.services.audit.faults import Fault
from complaints.services.audit.structure import NAMED_AT_MOST, structure_faults
from tests.images import photo
from tests.services.audit.test_nightly_run import DAY, build, codes, run, sent, without_triggers
from tests.world import Cast, Sent, at, close_batch, database_clock, sealed_upload, send_report

__all__ = ["sent"]
POSTGRESQL = connection.vendor == "postgresql"
on_postgresql = pytest.mark.skipif(not POSTGRESQL, reason="SQLite has no rules, policies and schemas")
FAULTS = VerificationFault._meta.db_table
FUNCTION = "CREATE FUNCTION x() RETURNS trigger LANGUAGE plpgsql AS '{0}'"
ON_FAULTS = f"CREATE TRIGGER x {{0}} INSERT ON {FAULTS} FOR EACH ROW EXECUTE FUNCTION x()"
SWALLOW = (
    [FUNCTION.format("BEGIN RETURN NULL; END"), ON_FAULTS.format("BEFORE")]
    if POSTGRESQL
    else [f"CREATE TRIGGER x BEFORE INSERT ON {FAULTS} BEGIN SELECT RAISE(IGNORE); END"]
)
REFUSE = (
    [FUNCTION.format("BEGIN RAISE EXCEPTION ''no''; END"), ON_FAULTS.format("BEFORE")]
    if POSTGRESQL
    else [f"CREATE TRIGGER x BEFORE INSERT ON {FAULTS} BEGIN SELECT RAISE(ABORT, 'no'); END"]
)
NIGHT = DAY + timedelta(days=1)


def do(*statements: str) -> None:
    with connection.cursor() as cursor:
        if POSTGRESQL:  # no table with a check that waits for the end of the transaction can be altered
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for statement in statements:
            cursor.execute(statement)


def told() -> str:
    """The mails of this test, which must be the same for each language of their readers."""
    return "\n".join(f"{message.subject} {message.body}" for message in mail.outbox)


# --- Faults that the database does not take ---------------------------------------------------------------------------


@pytest.mark.parametrize("harm", [SWALLOW, REFUSE], ids=["swallowed", "refused"])
def test_faults_that_are_not_stored_are_told_by_log_file_and_mail(
    cast: Cast, sent: Sent, harm: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    Case.objects.filter(pk=sent.case.pk).update(status="verified")
    do(*harm)
    with caplog.at_level(logging.ERROR), pytest.raises(named_faults.FaultsNotStored):
        scheduled.verify_chain(today=NIGHT)
    assert codes() == []
    assert "structure.surplus" in caplog.text
    lines = node_files.path("audit-faults.txt").read_text().splitlines()
    assert any(line.startswith(f"{NIGHT.isoformat()} structure.surplus - trigger {FAULTS} x") for line in lines)
    assert sorted(message.to[0].split("@")[0] for message in mail.outbox) == ["adi", "audi", "super"]
    with translation.override("id"):
        assert "Basis data memuat" in told()
    assert sent.case.reference not in told()


def test_the_alarm_leaves_once_a_day(cast: Cast, sent: Sent) -> None:
    do(*SWALLOW)
    for _ in range(2):
        with pytest.raises(named_faults.FaultsNotStored):
            nightly_run.run(today=NIGHT, seconds=0)
    for day in (NIGHT, NIGHT, NIGHT + timedelta(days=1)):
        with pytest.raises(named_faults.FaultsNotStored):
            scheduled.verify_chain(today=day, seconds=0)
    assert len(mail.outbox) == 6


def test_the_alarm_reaches_an_address_outside_of_the_database(cast: Cast, sent: Sent, settings: Settings) -> None:
    settings.AUDIT_HEADS_MAIL = "kepala@instansi.example"
    do("UPDATE complaints_staff SET email = ''", *SWALLOW)
    with pytest.raises(named_faults.FaultsNotStored):
        scheduled.verify_chain(today=NIGHT)
    assert [message.to for message in mail.outbox] == [["kepala@instansi.example"]]


@on_postgresql
@pytest.mark.parametrize(
    "harm",
    [
        [f"CREATE RULE x AS ON INSERT TO {FAULTS} DO INSTEAD NOTHING"],
        # Of several rows the first one is stored: nightly runs insert with ON CONFLICT DO NOTHING.
        [f"CREATE UNIQUE INDEX x ON {FAULTS} ((1))"],
        [
            f"DROP TRIGGER {FAULTS}_append_only ON {FAULTS}",
            FUNCTION.format(f"BEGIN DELETE FROM {FAULTS}; RETURN NULL; END"),
            ON_FAULTS.format("AFTER"),
        ],
        [f"ALTER TABLE {FAULTS} RENAME TO y", f"CREATE VIEW {FAULTS} AS SELECT * FROM y WHERE false"],
        [f"ALTER TABLE {FAULTS} RENAME TO y"],
        [FUNCTION.format("BEGIN NEW.subject := ''''; RETURN NEW; END"), ON_FAULTS.format("BEFORE")],
    ],
    ids=["rule", "unique index", "deleted at once", "view", "renamed", "altered"],
)
def test_no_object_of_the_database_keeps_faults_quiet(cast: Cast, sent: Sent, harm: list[str]) -> None:
    Case.objects.filter(pk=sent.case.pk).update(status="verified")
    do(*harm)
    with pytest.raises(named_faults.FaultsNotStored) as caught:
        scheduled.verify_chain(today=NIGHT)
    assert caught.value.faults
    assert mail.outbox


# --- Rows that the run does not get to see ----------------------------------------------------------------------------


@on_postgresql
@pytest.mark.parametrize(
    "harm",
    [
        ["ALTER TABLE complaints_case RENAME TO y", "CREATE VIEW complaints_case AS SELECT * FROM y"],
        ["ALTER TABLE complaints_case ENABLE ROW LEVEL SECURITY", "CREATE POLICY x ON complaints_case USING (false)"],
        ["CREATE TEMPORARY TABLE complaints_case AS TABLE complaints_case"],
        ["CREATE SCHEMA x", "CREATE TABLE x.complaints_case AS TABLE complaints_case"],
        ["CREATE TABLE x () INHERITS (complaints_case)"],
        ["SET LOCAL session_replication_role = replica"],
    ],
    ids=["view", "policy", "temporary table", "schema", "child table", "triggers off"],
)
def test_what_hides_rows_is_a_stored_fault(cast: Cast, sent: Sent, harm: list[str]) -> None:
    do(*harm)
    run()
    assert {code for code in codes() if code.startswith("structure.")}


def test_a_missing_trigger_is_a_stored_fault(cast: Cast, sent: Sent) -> None:
    name = "complaints_casestep_append_only ON complaints_casestep" if POSTGRESQL else "complaints_casestep_no_update"
    do(f"DROP TRIGGER {name}")
    assert run()
    (fault,) = VerificationFault.objects.all()
    assert (fault.code, fault.subject.split()[:2]) == ("structure.missing", ["trigger", "complaints_casestep"])


def test_a_structure_that_is_altered_during_the_run_is_named_at_its_end(
    cast: Cast, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish = nightly_run._Run._finish

    def altered(*args: Any) -> None:
        do("CREATE VIEW x AS SELECT 1")
        finish(*args)

    monkeypatch.setattr(nightly_run._Run, "_finish", altered)
    assert run()
    assert codes() == ["structure.surplus"]


def test_many_and_strange_names_of_objects_become_few_and_plain_places(cast: Cast, sent: Sent) -> None:
    do(*(f'CREATE VIEW "<b>{number}\'" AS SELECT 1' for number in range(NAMED_AT_MOST + 3)))
    faults = structure_faults()
    assert len(faults) == NAMED_AT_MOST + 1
    assert faults[-1].subject == "and 3 more"
    assert "<" not in "".join(fault.subject for fault in faults)


def test_a_view_that_stands_there_by_day_alone_is_named_within_the_hour(cast: Cast, sent: Sent) -> None:
    do("CREATE VIEW x AS SELECT 1")
    with database_clock(at(NIGHT)):
        scheduled.close_batch(now=at(NIGHT))
    do("DROP VIEW x")
    assert run()
    assert codes() == ["structure.surplus"]


def test_the_command_names_the_structure_too(cast: Cast, sent: Sent) -> None:
    do("CREATE VIEW x AS SELECT 1")
    with pytest.raises(CommandError, match=r"Broken at the stored rows \(view x\): structure\.surplus, "):
        call_command("audit_verify")


# --- Faults and records that are deleted or put back ------------------------------------------------------------------


def test_deleted_faults_come_back_with_an_older_record_in_place(cast: Cast, sent: Sent) -> None:
    assert run(1)
    before = VerificationState.objects.get()
    Case.objects.filter(pk=sent.case.pk).update(status="verified")
    assert run(2)
    assert codes() == ["case.status"]
    with without_triggers():
        VerificationFault.objects.all().delete()
        VerificationState.objects.update(record=before.record, signature=before.signature)
    Case.objects.filter(pk=sent.case.pk).update(status="in_review")
    assert run(3)
    assert codes() == ["case.status", "faults.gone", "record.older"]


def test_a_deleted_fault_among_new_ones_is_named_by_its_key(cast: Cast, sent: Sent) -> None:
    Case.objects.filter(pk=sent.case.pk).update(status="verified")
    assert run(1)
    with without_triggers():
        VerificationFault.objects.all().delete()
    # Another fault in its place: the number of rows is that of the record.
    named_faults.store([Fault(1, "entry.altered")], today=NIGHT)
    Case.objects.filter(pk=sent.case.pk).update(status="in_review")
    assert run(2)
    assert codes() == ["case.status", "entry.altered", "faults.gone"]


def test_a_deleted_record_of_a_young_chain_is_named(cast: Cast, sent: Sent) -> None:
    young = AuditEntry.objects.order_by("sequence").values_list("at", flat=True)[0].date()
    assert nightly_run.run(today=young, seconds=600)
    VerificationState.objects.all().delete()
    assert nightly_run.run(today=young, seconds=600)
    assert "record.altered" in codes()


def test_the_memory_is_readable_by_its_owner_alone_and_survives_nonsense(cast: Cast, sent: Sent) -> None:
    assert run(1)
    file = node_files.memory_path()
    assert file.stat().st_mode & 0o777 == 0o600
    for nonsense in ("", "{}", "[1]", '{"saves": "x", "told_on": "", "faults": {}}', "\xff"):
        file.write_text(nonsense)
        if nonsense != "{}":
            assert node_files.read_memory().saves == 0


def test_planted_faults_leave_no_fault_untold(cast: Cast, sent: Sent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(named_faults, "FAULTS_AT_MOST", 5)
    named_faults.store([Fault(number, "entry.altered") for number in range(5)], today=DAY)
    Case.objects.filter(pk=sent.case.pk).update(status="verified")
    for days in (1, 2):
        assert run(days)
    assert VerificationFault.objects.filter(code="faults.more").count() == 2


def test_a_fault_of_the_day_that_is_deleted_before_the_night_comes_back(cast: Cast, sent: Sent) -> None:
    latest_head.keep()
    cut_off(1)
    scheduled.record_heartbeat(now=at(NIGHT))
    with without_triggers():
        VerificationFault.objects.all().delete()
    assert run(1)
    assert {"head.beyond", "faults.gone"} <= set(codes())


def test_a_fault_of_the_day_that_is_swallowed_is_told_and_the_batch_closed(cast: Cast, sent: Sent) -> None:
    do(*SWALLOW)
    now = at(NIGHT + timedelta(days=1), 0)
    with database_clock(now):
        scheduled.close_batch(now=now)
    assert log.heads()[0].batch == 2
    assert "audit-faults.txt" in told()


def test_a_node_that_cannot_write_its_files_says_so(cast: Cast, sent: Sent, settings: Settings) -> None:
    settings.AUDIT_HEADS_FILE = settings.VAR_DIR / "audit-file" / "heads.txt"
    (settings.VAR_DIR / "audit-file").write_text("")
    scheduled.verify_chain(today=NIGHT)
    with translation.override("id"):
        assert "AUDIT_HEADS_FILE" in told()
    assert nightly_run.is_finished(today=NIGHT)


def test_a_verification_that_never_runs_is_told_by_mail(cast: Cast, sent: Sent) -> None:
    today = AuditEntry.objects.order_by("sequence").values_list("at", flat=True)[0].date()
    assert nightly_run.run(today=today, seconds=600)
    scheduled.send_staff_mail(today=today + timedelta(days=1))
    assert "Pemeriksaan catatan portal terlambat" not in told()
    scheduled.send_staff_mail(today=today + timedelta(days=2))
    assert "Pemeriksaan catatan portal terlambat" in told()


# --- Entries that are cut off -----------------------------------------------------------------------------------------


def cut_off(entries: int) -> None:
    """Delete the newest entries and set the head of the chain back."""
    with without_triggers():
        last = ChainHead.objects.get().sequence - entries
        AuditEntry.objects.filter(pk__gt=last).delete()
        ChainHead.objects.update(sequence=last, digest=AuditEntry.objects.get(pk=last).digest)


def test_entries_cut_off_since_the_last_minute_are_named(cast: Cast, sent: Sent) -> None:
    assert run(1)
    log.append(event="staff.changed", now=at(NIGHT))
    scheduled.record_heartbeat(now=at(NIGHT))
    assert codes() == []
    number = ChainHead.objects.get().sequence
    cut_off(1)
    scheduled.record_heartbeat(now=at(NIGHT))
    assert [(fault.code, fault.sequence) for fault in VerificationFault.objects.all()] == [("head.beyond", number)]


def test_other_entries_in_the_place_of_those_cut_off_are_named(cast: Cast, sent: Sent) -> None:
    log.append(event="staff.changed", now=at(NIGHT))
    latest_head.keep()
    cut_off(1)
    log.append(event="staff.changed", now=at(NIGHT, 11))
    assert [fault.code for fault in latest_head.keep()] == ["head.differs"]
    # The head stays: each later verification of everything meets it again, and it is the same fault.
    assert len(latest_head.read()) == 2
    log.append(event="staff.changed", now=at(NIGHT, 12))
    latest_head.keep()
    assert len(latest_head.read()) == 2
    assert run(1)
    assert "head.differs" in codes()


def test_the_newest_head_alone_is_kept_and_nothing_of_reporters(cast: Cast, sent: Sent) -> None:
    for hour in (1, 2):
        log.append(event="staff.changed", now=at(NIGHT, hour))
        latest_head.keep()
    (head,) = latest_head.read()
    assert head.sequence == ChainHead.objects.get().sequence
    stamp = latest_head.head_path().stat().st_mtime_ns
    follow_up.add_message(ticket=sent.ticket, text="Halo.", files=[], today=NIGHT)
    send_report(today=NIGHT)
    latest_head.keep()
    assert latest_head.head_path().stat().st_mtime_ns == stamp
    assert latest_head.head_path().stat().st_mode & 0o777 == 0o600


# --- The open batch ---------------------------------------------------------------------------------------------------


def look() -> list[str]:
    return sorted(fault.subject.split()[2] for fault in open_batch.look())


@pytest.fixture
def fresh(cast: Cast, sent: Sent) -> Sent:
    """A report with a file and a message in the open batch, at which the node has looked."""
    fresh = send_report(today=NIGHT, files=[sealed_upload(photo())])
    follow_up.add_message(ticket=fresh.ticket, text="Sebuah pesan.", files=[], today=NIGHT)
    follow_up.withdraw(ticket=fresh.ticket, reason="Batal.", today=NIGHT)
    assert look() == []
    return fresh


def delete_report(fresh: Sent) -> None:
    """Delete a report with all that came with it, as if it had never been sent."""
    report = fresh.ticket.complaint_id
    with without_triggers():
        EvidenceObject.objects.filter(evidence__complaint=report).delete()
        for model in (Message, Evidence, KeyGrant, Identity):
            model._default_manager.filter(complaint=report).delete()
        CaseStep.objects.filter(case=fresh.case).delete()
        Complaint.objects.filter(pk=report).delete()
        Case.objects.filter(pk=fresh.case.pk).delete()


def test_a_whole_report_deleted_in_the_open_batch_is_named(fresh: Sent) -> None:
    known = set(verify.verify_chain().faults)
    delete_report(fresh)
    assert set(verify.verify_chain().faults) == known
    assert look() == ["complaint", "filing", "grant", "identity", "message", "object", "step"]
    assert look() == []


def test_the_last_message_deleted_with_its_number_in_the_open_batch_is_named(fresh: Sent) -> None:
    report = Complaint.objects.get(pk=fresh.ticket.complaint_id)
    Message.objects.filter(complaint=report).order_by("sequence").last().delete()  # type: ignore[union-attr]
    Complaint.objects.filter(pk=report.pk).update(next_sequence=report.next_sequence - 1)
    assert "thread.rows" not in {fault.code for fault in verify.verify_chain().faults}
    assert look() == ["message"]


def test_a_message_deleted_in_the_open_batch_leaves_a_gap(fresh: Sent) -> None:
    Message.objects.filter(complaint=fresh.ticket.complaint_id).delete()
    assert {fault.code for fault in verify.verify_chain().faults} == {"thread.rows"}
    assert run(1)
    assert "thread.rows" in codes()


def test_a_text_exchanged_in_the_open_batch_is_named(fresh: Sent) -> None:
    messages = Message.objects.filter(complaint=fresh.ticket.complaint_id)
    messages.filter(sequence=2).update(sealed=messages.get(sequence=3).sealed)
    assert look() == ["message"]


def test_rows_deleted_just_before_their_batch_closes_are_named(fresh: Sent) -> None:
    delete_report(fresh)
    now = at(NIGHT + timedelta(days=1), 0)
    with database_clock(now):
        scheduled.close_batch(now=now)
    assert "batch.open" in codes()
    assert json.loads(open_batch.batch_path().read_text())["batch"] == Batch.objects.count() - 1


def test_what_reporters_and_staff_do_is_no_fault_of_the_open_batch(fresh: Sent) -> None:
    send_report(today=NIGHT)
    assert look() == []
    close_batch(at(NIGHT + timedelta(days=1), 0))
    follow_up.status_page(ticket=fresh.ticket, today=NIGHT)
    assert look() == []
    assert look() == []
    assert codes() == []


def test_the_file_of_the_open_batch_is_written_whether_or_not_somebody_came(fresh: Sent) -> None:
    file = open_batch.batch_path()
    before, stamp = file.read_text(), file.stat().st_mtime_ns
    assert look() == []
    assert (file.read_text(), file.stat().st_mtime_ns > stamp) == (before, True)
    assert str(fresh.ticket.complaint_id) not in before
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_batch_added_by_hand_is_named_and_keeps_no_later_one_unbound(fresh: Sent) -> None:
    Batch.objects.create(number=1000, day=NIGHT)
    send_report(today=NIGHT)
    for days in (1, 2):
        close_batch(at(NIGHT + timedelta(days=days), 0))
    assert [head.batch for head in log.heads(limit=2)] == [1001, 1000]
    assert "batch.order" in {fault.code for fault in verify.verify_chain().faults}
    Complaint.objects.filter(batch=1000).update(check_by=None)
    assert "batch.altered" in {fault.code for fault in verify.verify_chain().faults}


def test_a_batch_taken_out_by_hand_is_named(fresh: Sent) -> None:
    with without_triggers():
        Batch.objects.filter(number=1).delete()
    assert {fault.code for fault in verify.verify_chain().faults} == {"batch.order"}


@on_postgresql
def test_a_reporters_row_without_a_batch_is_named(fresh: Sent) -> None:
    do("ALTER TABLE complaints_message DROP CONSTRAINT message_batch_iff_reporter")
    Message.objects.filter(complaint=fresh.ticket.complaint_id).update(batch=None)
    assert Fault(None, "batch.none", "message", "null.2") in verify.verify_chain().faults


@on_postgresql
def test_faults_that_are_deleted_when_they_are_committed_are_told(live_cast: Cast) -> None:
    sent = build(live_cast)
    Case.objects.filter(pk=sent.case.pk).update(status="verified")
    trigger = f"{FAULTS}_append_only"
    try:
        do(
            f"ALTER TABLE {FAULTS} DISABLE TRIGGER {trigger}",
            FUNCTION.format(f"BEGIN DELETE FROM {FAULTS} WHERE id = NEW.id; RETURN NULL; END"),
            f"CREATE CONSTRAINT TRIGGER x AFTER INSERT ON {FAULTS} DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
            " EXECUTE FUNCTION x()",
        )
        with pytest.raises(named_faults.FaultsNotStored) as caught:
            scheduled.verify_chain(today=NIGHT)
    finally:
        do(f"DROP TRIGGER x ON {FAULTS}", "DROP FUNCTION x", f"ALTER TABLE {FAULTS} ENABLE TRIGGER {trigger}")
    assert {fault.code for fault in caught.value.faults} >= {"case.status", "structure.surplus", "structure.missing"}
    assert run()
    assert set(codes()) >= {"case.status", "faults.gone", "structure.surplus"}
