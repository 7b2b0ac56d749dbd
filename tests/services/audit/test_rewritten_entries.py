"""Entries that were taken out for a while and put back are named: the newest by the minute, others within the hour."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.utils import timezone

from complaints.domain.workflow import Action
from complaints.models import triggers
from complaints.models.audit import AuditEntry
from complaints.models.case import Case, CaseStep
from complaints.services import follow_up, scheduled
from complaints.services.audit import rewritten_entries, verify
from tests.cases import act, in_review
from tests.database import editor
from tests.world import Cast, Sent, send_report


@pytest.fixture(autouse=True)
def on_postgresql() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SKIPPED: SQLite does not say which transaction wrote a row")


def told(sent: Sent) -> str:
    page = follow_up.status_page(ticket=sent.ticket, today=timezone.localdate())
    return "under check" if page.under_check else page.status


def rolled_back_for_a_while(sent: Sent) -> None:
    """Take the last step of a case out with its entry, look, and put both back as they were."""
    now = Case.objects.get(pk=sent.case.pk)
    step, entry = CaseStep.objects.order_by("sequence").last(), AuditEntry.objects.filter(case=now.pk).last()
    assert step is not None and entry is not None and entry.event == "case.transition"
    earlier = CaseStep.objects.get(case=now, sequence=step.sequence - 1)
    before = {"status": step.source, "step_count": step.sequence - 1, "stage_reached": earlier.stage}
    before |= {"due_on": earlier.due_on, "status_on": earlier.day}
    with transaction.atomic():
        connection.check_constraints()
        triggers.remove_append_only(editor())
    CaseStep.objects.filter(pk=step.pk)._raw_delete("default")
    AuditEntry.objects.filter(pk=entry.pk)._raw_delete("default")
    Case.objects.filter(pk=now.pk).update(**before)
    assert told(sent) == step.source, "the earlier status is told, and nothing on the page can know better"
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE complaints_auditentry DISABLE TRIGGER complaints_auditentry_move_head")
    step.save(force_insert=True)
    entry.save(force_insert=True)
    now.save()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE complaints_auditentry ENABLE TRIGGER complaints_auditentry_move_head")
    with transaction.atomic():
        triggers.install_append_only(editor())


@pytest.mark.parametrize("whole", [False, True])
def test_a_step_that_was_taken_out_and_put_back_is_named(live_cast: Cast, whole: bool) -> None:
    sent = in_review(live_cast)
    act(live_cast, "vera", sent, Action.VERIFY)
    rewritten_entries.keep(whole=whole)
    send_report()
    rolled_back_for_a_while(sent)
    assert told(sent) == "verified"
    assert verify.verify_chain().whole, "the chain itself is as before"
    with pytest.raises(CommandError, match=r"entry\.rewritten"):
        call_command("audit_verify")
    assert [fault.code for fault in rewritten_entries.keep(whole=whole)] == ["entry.rewritten"]
    assert rewritten_entries.keep(whole=True) == []


def test_an_old_entry_is_named_within_the_hour(live_cast: Cast) -> None:
    sent = in_review(live_cast)
    act(live_cast, "vera", sent, Action.VERIFY)
    scheduled.close_batch(now=timezone.now())
    send_report()
    rolled_back_for_a_while(sent)
    scheduled.record_heartbeat(now=timezone.now())
    assert not [fault for fault in rewritten_entries.faults() if fault.sequence is None]
    assert [fault.code for fault in rewritten_entries.keep(whole=True)] == ["entry.rewritten"]


def test_what_is_appended_read_and_vacuumed_is_not(live_cast: Cast) -> None:
    sent = in_review(live_cast)
    rewritten_entries.keep(whole=True)
    act(live_cast, "vera", sent, Action.VERIFY)
    with transaction.atomic():
        list(AuditEntry.objects.select_for_update().filter(case=sent.case.pk))
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (FREEZE) complaints_auditentry")
        cursor.execute("VACUUM FULL complaints_auditentry")
    assert rewritten_entries.keep(whole=False) == []
    assert rewritten_entries.keep(whole=True) == []


def test_the_file_tells_nothing_and_nonsense_in_it_no_fault(live_cast: Cast) -> None:
    rewritten_entries.keep(whole=True)
    first = rewritten_entries.marks_path().read_text()
    send_report()
    rewritten_entries.keep(whole=True)
    second = rewritten_entries.marks_path().read_text()
    assert (len(first), first == second) == (len(second), False)
    assert rewritten_entries.marks_path().stat().st_mode & 0o777 == 0o600
    for nonsense in ("", "abc", "00" * 40, "\xff"):
        rewritten_entries.marks_path().write_text(nonsense)
        assert rewritten_entries.keep(whole=True) == []


def test_another_cluster_is_named_once(live_cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a restored backup the transactions begin anew."""
    now = rewritten_entries._now()
    with monkeypatch.context() as patch:
        patch.setattr(rewritten_entries, "_now", lambda: rewritten_entries.Mark(now.sequence, now.transaction + 10**6))
        rewritten_entries.keep(whole=True)
    assert {fault.code for fault in rewritten_entries.keep(whole=True)} == {"entry.rewritten"}
    assert rewritten_entries.keep(whole=True) == []
