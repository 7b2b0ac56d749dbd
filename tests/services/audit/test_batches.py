"""What reporters send is bound by batches: no clock, no late writer and no kill makes a root false."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from complaints.domain.errors import SealError
from complaints.domain.sealing.keys import KeySet
from complaints.models.audit import AuditEntry
from complaints.models.batch import Batch, KeptLeaf
from complaints.models.complaint import Complaint, Message
from complaints.models.identity import Identity
from complaints.models.team import Team
from complaints.services import follow_up, reporter_identity
from complaints.services.audit import batches, identity_signature, leaves, log, verify
from complaints.services.audit.faults import Fault
from complaints.services.keyring import Actor
from complaints.services.team_keys import resealing, rotation
from tests import database
from tests.security.promises.test_concurrency import at_once
from tests.services.audit.test_log import codes_of_faults, flipped, tampering
from tests.world import Cast, at, close_batch, database_clock, send_report

DAY = date(2026, 11, 9)
# Of this database alone: another process of the same run may wait in its own.
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")

sqlite = pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has a lock for it, tested beside")


def morning(days: int = 1) -> datetime:
    return at(DAY + timedelta(days=days), 0)


def roots() -> list[tuple[int, int]]:
    """The batches in the chain, each with its number of leaves."""
    facts = AuditEntry.objects.filter(event="day.closed").order_by("sequence").values_list("facts", flat=True)
    return [(content["batch"], content["count"]) for content in facts]


def wait_for_a_waiter() -> None:
    """Wait until another connection to this database waits for a lock."""
    for _ in range(3000):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(WAITING)
            if cursor.fetchone()[0]:
                return
        time.sleep(0.01)
    raise AssertionError("nobody waits")


# --- Clocks -----------------------------------------------------------------------------------------------------------


def test_clock_of_the_jobs_40_days_ahead_closes_nothing(cast: Cast) -> None:
    send_report(today=DAY)
    with database_clock(at(DAY)):
        fault = batches.close_due(now=at(DAY + timedelta(days=40)))
    assert fault == Fault(None, "clock.differs", "day 2026-11-09")
    assert roots() == []
    close_batch(morning())
    send_report(today=DAY + timedelta(days=1))
    close_batch(morning(2))
    assert [number for number, _count in roots()] == [1, 2]
    assert verify.verify_chain().whole


def test_both_clocks_40_days_ahead_for_a_run_leave_the_chain_whole(cast: Cast) -> None:
    send_report(today=DAY)
    close_batch(morning(40))
    send_report(today=DAY)
    with database_clock(morning(2)):
        fault = batches.close_due(now=morning(2))
    assert fault == Fault(None, "clock.future", "batch 2", state=(DAY + timedelta(days=40)).isoformat())
    assert verify.verify_chain().whole
    close_batch(morning(41))
    assert [number for number, _count in roots()] == [1, 2]
    assert verify.verify_chain().whole


@pytest.mark.parametrize("minutes", [-14, 14])
def test_clocks_may_differ_by_some_minutes(cast: Cast, minutes: int) -> None:
    with database_clock(morning()):
        assert batches.close_due(now=morning() + timedelta(minutes=minutes)) is None
    assert roots() == [(1, 0)]


def test_a_batch_is_closed_when_the_date_has_changed_and_not_before(cast: Cast) -> None:
    close_batch(morning(0))
    with database_clock(at(DAY, 23) + timedelta(minutes=59)):
        batches.close_due(now=at(DAY, 23) + timedelta(minutes=59))
    assert len(roots()) == 1
    close_batch(morning(1))
    assert len(roots()) == 2


def test_the_database_has_a_clock(db: None) -> None:
    assert abs(batches.database_now() - datetime.now(tz=batches.database_now().tzinfo)) < timedelta(minutes=1)


def test_a_week_without_jobs_is_one_batch(cast: Cast) -> None:
    for days in range(7):
        send_report(today=DAY + timedelta(days=days))
    close_batch(morning(7))
    ((number, count),) = roots()
    # Of each report: itself, how it is filed, the grant of triage, the identity.
    assert (number, count) == (1, 28)
    assert verify.verify_chain().whole


# --- Reporters and closing at once ------------------------------------------------------------------------------------


def test_a_row_cannot_be_written_outside_of_a_transaction(live_cast: Cast) -> None:
    with pytest.raises(transaction.TransactionManagementError):
        batches.open_batch()


def test_a_report_sent_during_the_digests_belongs_to_the_next_batch(
    live_cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    send_report(today=DAY)
    digests = leaves.batch_root

    def slow_digests(number: int) -> tuple[bytes, int]:
        send_report(today=DAY)
        return digests(number)

    monkeypatch.setattr(leaves, "batch_root", slow_digests)
    close_batch(morning())
    monkeypatch.undo()
    assert sorted(Complaint.objects.values_list("batch", flat=True)) == [1, 2]
    assert verify.verify_chain().whole
    close_batch(morning(2))
    assert roots() == [(1, 4), (2, 4)]
    assert verify.verify_chain().whole


@postgresql
def test_closing_waits_for_a_report_under_way(live_cast: Cast) -> None:
    begun = threading.Event()

    def act(number: int) -> None:
        if number:
            begun.wait(timeout=30)
            with database_clock(morning()):
                batches.close_due(now=morning())
        else:
            with transaction.atomic():
                batches.open_batch()
                begun.set()
                wait_for_a_waiter()
                send_report(today=DAY)

    at_once(2, act)
    assert roots() == [(1, 4)]
    assert verify.verify_chain().whole


@postgresql
def test_a_writer_that_waited_reads_the_batch_of_after_the_wait(live_cast: Cast) -> None:
    begun, numbers = threading.Event(), []

    def act(number: int) -> None:
        if number:
            begun.wait(timeout=30)
            with transaction.atomic():
                numbers.append(batches.open_batch())
        else:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [batches._LOCK])
                Batch.objects.create(number=2, day=DAY)
                begun.set()
                wait_for_a_waiter()

    at_once(2, act)
    assert numbers == [2]


@sqlite
def test_on_sqlite_closing_waits_for_a_message_under_way(live_cast: Cast) -> None:
    """Its transactions begin IMMEDIATE; DEFERRED, one that only read is refused once another has written."""
    sent = send_report(today=DAY)
    begun, closing = threading.Event(), threading.Event()

    def act(number: int) -> None:
        if number:
            begun.wait(timeout=30)
            closing.set()
            with database_clock(morning()):
                batches.close_due(now=morning())
        else:
            with transaction.atomic():
                assert batches.open_batch() == 1
                begun.set()
                closing.wait(timeout=30)
                time.sleep(0.2)
                follow_up.add_message(ticket=sent.ticket, text="Satu.", files=[], today=DAY)

    at_once(2, act)
    assert Message.objects.get().batch == Identity.objects.get().batch == 1
    assert roots() == [(1, 5)]
    assert verify.verify_chain().whole


@sqlite
def test_on_sqlite_a_message_that_waited_joins_the_batch_of_after_the_wait(live_cast: Cast) -> None:
    sent = send_report(today=DAY)
    begun, sending = threading.Event(), threading.Event()

    def act(number: int) -> None:
        if number:
            begun.wait(timeout=30)
            sending.set()
            follow_up.add_message(ticket=sent.ticket, text="Satu.", files=[], today=DAY)
        else:
            with transaction.atomic():
                Batch.objects.create(number=2, day=DAY)
                begun.set()
                sending.wait(timeout=30)
                time.sleep(0.2)

    at_once(2, act)
    assert Message.objects.get().batch == Identity.objects.get().batch == 2
    assert KeptLeaf.objects.get().batch == 1


@postgresql
def test_a_hanging_writer_stops_closing_and_no_other_writer(live_cast: Cast) -> None:
    assert batches.CLOSING_WAIT_MS == 2000
    begun, late_is_stored = threading.Event(), threading.Event()
    outcome: list[str] = []

    def hang() -> None:
        with transaction.atomic():
            batches.open_batch()
            begun.set()
            assert late_is_stored.wait(timeout=60)

    def close() -> None:
        begun.wait(timeout=30)
        with database_clock(morning()):
            try:
                batches.close_due(now=morning())
            except OperationalError:
                outcome.append("gave up")

    def write_late() -> None:
        begun.wait(timeout=30)
        wait_for_a_waiter()
        send_report(today=DAY)  # waits for closing, which waits for the one that hangs: 2 seconds at most
        late_is_stored.set()

    acts: list[Callable[[], None]] = [hang, close, write_late]
    at_once(3, lambda number: acts[number]())
    assert outcome == ["gave up"]
    close_batch(morning())
    assert roots() == [(1, 4)]
    assert verify.verify_chain().whole


class Killed(Exception):
    """The process was killed at this statement."""


def killed_at(number: int) -> Callable[..., Any]:
    """A wrapper of the database that lets ``number`` statements pass and kills at the next."""
    passed = 0

    def wrapper(execute: Any, sql: str, *rest: Any) -> Any:
        nonlocal passed
        passed += 1
        if passed > number:
            raise Killed(sql)
        return execute(sql, *rest)

    return wrapper


def test_closing_may_be_killed_at_each_statement(live_cast: Cast) -> None:
    """Each kill meets the same rows, the second batch of a chain: verification would grow with what the kills left."""
    kills = 0
    for number in range(100):
        if number:
            database.restore()
        send_report(today=DAY)
        close_batch(morning(0))
        send_report(today=DAY)
        now = morning(1)
        is_killed = False
        with database_clock(now):
            try:
                with connection.execute_wrapper(killed_at(number)):
                    batches.close_due(now=now)
            except Killed:
                is_killed = True
                send_report(today=DAY)
                assert verify.verify_chain().whole
                batches.close_due(now=now)
        assert verify.verify_chain().whole
        assert [batch for batch, _count in roots()] == [1, 2]
        assert sum(count for _batch, count in roots()) == 4 * Complaint.objects.exclude(batch=3).count()
        if not is_killed:
            break
        kills += 1
    assert kills > 5


# --- Each row in one batch --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch", [0, 7])
def test_a_row_in_no_batch_is_named(cast: Cast, batch: int) -> None:
    sent = send_report(today=DAY)
    follow_up.add_message(ticket=sent.ticket, text="Tambahan.", files=[], today=DAY)
    Message.objects.update(batch=batch)
    assert verify.verify_chain().faults == (Fault(None, "batch.none", "message", state=f"{batch}.{batch}"),)


def test_a_lowered_counter_is_named(cast: Cast) -> None:
    close_batch(morning())
    with tampering():
        Batch.objects.filter(number=2).delete()
        assert "batch.order" in codes_of_faults()


# --- Identities: one for each report, and kept leaves of old versions -------------------------------------------------


def test_a_rewritten_identity_leaves_its_leaf_to_the_closed_batch(cast: Cast) -> None:
    sent = send_report(today=DAY)
    before = leaves.identity_leaf(Identity.objects.get())
    close_batch(morning())
    follow_up.add_message(ticket=sent.ticket, text="Satu.", files=[], today=DAY)
    follow_up.add_message(ticket=sent.ticket, text="Dua.", files=[], today=DAY)
    identity, kept = Identity.objects.get(), KeptLeaf.objects.get()
    assert (kept.row, kept.batch, bytes(kept.digest)) == (identity.pk, 1, before)
    assert (identity.batch, identity.version) == (2, 3)
    assert verify.verify_chain().whole
    close_batch(morning(2))
    assert verify.verify_chain().whole


def test_an_identity_sealed_again_by_its_body_joins_the_open_batch(cast: Cast) -> None:
    sent = send_report(today=DAY, identity="confidential", name="Seseorang", contact="0812")
    close_batch(morning())
    team = Team.objects.get(slug="body-bkn")
    rotation.rotate(actor=Actor(cast.ring("kirana"), at(DAY)), team_id=team.pk)
    resealing.reseal(actor=Actor(cast.ring("kirana"), at(DAY)), team_id=team.pk)
    identity = Identity.objects.get()
    assert (identity.batch, identity.version, identity.sealed_number) == (2, 2, 2)
    assert verify.verify_chain().whole
    close_batch(morning(2))
    follow_up.add_message(ticket=sent.ticket, text="Satu.", files=[], today=DAY)
    assert KeptLeaf.objects.count() == 2
    assert verify.verify_chain().whole


def test_a_failed_rewrite_keeps_no_leaf(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = send_report(today=DAY)
    close_batch(morning())
    with monkeypatch.context() as patch:
        patch.setattr(reporter_identity, "_seal", lambda *args, **kwargs: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            follow_up.add_message(ticket=sent.ticket, text="Satu.", files=[], today=DAY)
    assert not KeptLeaf.objects.exists()
    assert verify.verify_chain().whole


def test_a_deleted_identity_is_named_before_its_batch_is_closed_and_after(cast: Cast) -> None:
    send_report(today=DAY)
    complaint = Complaint.objects.get().pk
    with tampering():
        Identity.objects.all().delete()
        assert verify.verify_chain().faults == (Fault(None, "identity.gone", f"complaint {complaint}"),)
    close_batch(morning())
    with tampering():
        Identity.objects.all().delete()
        assert codes_of_faults() == ["batch.count", "identity.gone"]


@pytest.mark.parametrize("column", [*leaves.IDENTITY_COLUMNS, "version"])
def test_an_altered_identity_is_named(cast: Cast, column: str) -> None:
    send_report(today=DAY)
    close_batch(morning())
    identity = Identity.objects.get()
    value = 5 if column == "version" else flipped(getattr(identity, column))
    Identity.objects.update(**{column: value})
    assert codes_of_faults() == ["batch.altered", "identity.signature"]


def test_an_older_version_put_back_is_named(cast: Cast) -> None:
    sent = send_report(today=DAY)
    old = Identity.objects.values().get()
    close_batch(morning())
    follow_up.add_message(ticket=sent.ticket, text="Satu.", files=[], today=DAY)
    new = Identity.objects.values().get()
    with tampering():
        Identity.objects.update(**old)
        assert codes_of_faults() == ["identity.older"]
        KeptLeaf.objects.all().delete()
        # Nothing inside the machine remembers the version of the open batch; a closed one does.
        assert codes_of_faults() == []
    close_batch(morning(2))
    with tampering():
        KeptLeaf.objects.all().delete()
        Identity.objects.update(**old)
        assert codes_of_faults() == ["batch.count"]
    assert Identity.objects.values().get() == new


def test_a_planted_kept_leaf_is_named(cast: Cast) -> None:
    send_report(today=DAY)
    close_batch(morning())
    identity = Identity.objects.get()
    KeptLeaf.objects.create(kind="identity", row=identity.pk, batch=1, digest=leaves.identity_leaf(identity))
    assert codes_of_faults() == ["identity.older"]


def exchanged(**columns: Any) -> None:
    """Put columns into the only identity, and plant what a rewrite in the open batch would leave behind."""
    identity = Identity.objects.get()
    KeptLeaf.objects.create(
        kind="identity", row=identity.pk, batch=identity.batch, digest=leaves.identity_leaf(identity)
    )
    values = {"version": identity.version + 1, "batch": Batch.objects.latest("number").number, **columns}
    Identity.objects.update(**values)


@pytest.mark.parametrize("signer", ["nobody", "another reporter", "triage"])
def test_an_exchanged_identity_that_looks_like_a_rewrite_is_named(cast: Cast, signer: str) -> None:
    send_report(today=DAY)
    close_batch(morning())
    identity = Identity.objects.select_related("complaint").get()
    identity.blob, identity.version, identity.batch = flipped(identity.blob), 2, 2
    signature = bytes(identity.signature)
    if signer != "nobody":
        keys = KeySet.new() if signer != "triage" else cast.ring("vera").team(Team.objects.get(slug="triage"))
        identity_signature.sign(identity, keys.sign)
        signature = bytes(identity.signature)
    with tampering():
        exchanged(blob=identity.blob, signature=signature)
        assert codes_of_faults() == ["identity.signature"]
    close_batch(morning(2))
    assert verify.verify_chain().whole


def test_an_older_version_in_a_newer_batch_is_named(cast: Cast) -> None:
    """The version in between has a kept leaf like any other: only the signature tells in which batch it was written."""
    sent = send_report(today=DAY)
    old = {name: bytes(getattr(Identity.objects.get(), name)) for name in leaves.IDENTITY_COLUMNS}
    follow_up.add_message(ticket=sent.ticket, text="Satu.", files=[], today=DAY)
    close_batch(morning())
    for version in (1, 3):
        with tampering():
            exchanged(**old, version=version)
            assert "identity.signature" in codes_of_faults()


def test_an_exchanged_identity_stops_the_reporter_and_the_body(cast: Cast) -> None:
    """Otherwise their signature would make the exchange their own."""
    sent = send_report(today=DAY)
    close_batch(morning())
    exchanged()
    with pytest.raises(SealError):
        follow_up.add_message(ticket=sent.ticket, text="Satu.", files=[], today=DAY)
    team = Team.objects.get(slug="body-bkn")
    rotation.rotate(actor=Actor(cast.ring("kirana"), at(DAY)), team_id=team.pk)
    resealing.reseal(actor=Actor(cast.ring("kirana"), at(DAY)), team_id=team.pk)
    identity = Identity.objects.get()
    assert (identity.version, identity.sealed_number) == (2, -1), "set aside"


def test_heads_name_era_batch_day_number_and_digest(cast: Cast) -> None:
    close_batch(morning())
    (head,) = log.heads()
    assert str(head) == f"1 1 2026-01-01 {head.sequence} {head.digest}"
    assert log.parse_heads(f"\n{head}\n") == [head]
    for changed in (f"2 {str(head)[2:]}", str(head).replace("1 1 ", "1 2 "), str(head).replace("2026-01", "2026-02")):
        assert [fault.code for fault in verify.verify_chain(heads=log.parse_heads(changed)).faults] == ["head.differs"]
    with pytest.raises(ValueError, match="2"):
        log.parse_heads(f"{head}\n{head} more")


def test_a_kept_leaf_stands_in_for_no_row_of_another_table(cast: Cast) -> None:
    first, second = send_report(today=DAY), send_report(today=DAY)
    follow_up.add_message(ticket=first.ticket, text="Sebuah pesan.", files=[], today=DAY)
    close_batch(morning())
    follow_up.add_message(ticket=second.ticket, text="Besoknya.", files=[], today=DAY + timedelta(days=1))
    before = set(leaves._batch_leaves(1))
    with tampering():
        Message.objects.filter(batch=1).delete()
        (gone,) = before - set(leaves._batch_leaves(1))
        identity = Identity.objects.get(complaint=second.ticket.complaint_id)
        Identity.objects.filter(pk=identity.pk).update(version=identity.version + 1)
        KeptLeaf.objects.create(kind="identity", row=identity.pk, batch=1, digest=gone)
        assert codes_of_faults() == ["batch.altered", "thread.rows", "identity.signature"]
