"""A file of which no copy could be made waits again: by an officer's button or the command, with its batch whole."""

from __future__ import annotations

from datetime import date, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.urls import reverse

from complaints.adapters import sandbox
from complaints.models.audit import AuditEntry
from complaints.models.evidence import Evidence, EvidenceObject
from complaints.services import case_actions, case_file, custody
from complaints.services.audit import verify
from complaints.services.evidence import processing
from complaints.services.keyring import Actor
from tests.adapters import samples
from tests.world import Cast, Sent, SignedIn, at, close_batch, sealed_upload, send_report

pytestmark = pytest.mark.both_databases

DAY = date(2026, 11, 9)
LATER = DAY + timedelta(days=2)
State = Evidence.State


def broken(*args: Any, **kwargs: Any) -> sandbox.Steps:
    steps = sandbox.Steps(-1)
    steps.failed["clean"] = "damaged"
    return steps


@pytest.fixture
def failed(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> Sent:
    """A report whose only file failed, in a batch that is closed."""
    sent = send_report(today=DAY, files=[sealed_upload(samples.jpeg())])
    with monkeypatch.context() as patch:
        patch.setattr(sandbox, "run_steps", broken)
        processing.process_pending()
    assert Evidence.objects.get().state == State.FAILED
    case_file.open_case(actor=Actor(cast.ring("vera"), at(DAY)), case_id=sent.case.pk)
    close_batch(at(DAY + timedelta(days=1), 0))
    return sent


def faults() -> list[str]:
    return [fault.code for fault in verify.verify_chain().faults]


def read_again(cast: Cast) -> Evidence:
    actor = Actor(cast.ring("vera"), at(LATER))
    case_actions.process_for_officer(actor=actor, evidence_id=Evidence.objects.get().pk)
    return Evidence.objects.get()


def test_an_officer_reads_a_file_again_and_its_batch_stays_whole(cast: Cast, failed: Sent) -> None:
    old = Evidence.objects.get()
    item = read_again(cast)
    assert item.state == State.READY
    assert (item.worked_batch or 0) > (old.worked_batch or 0)
    assert [str(stored.variant) for stored in item.objects_stored.order_by("variant")] == [
        "original", "preview", "working",
    ]  # fmt: skip
    close_batch(at(LATER, 1))
    assert faults() == []
    events = list(
        AuditEntry.objects.filter(event__startswith="object.").order_by("sequence").values_list("event", flat=True)
    )
    assert events == ["object.retried", "object.worked"]


def test_what_fails_again_can_be_read_once_more(cast: Cast, failed: Sent, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sandbox, "run_steps", broken)
        assert read_again(cast).state == State.FAILED
    assert read_again(cast).state == State.READY
    close_batch(at(LATER, 1))
    assert faults() == []


def test_the_command_lets_every_failed_file_wait(cast: Cast, failed: Sent) -> None:
    send_report(today=LATER, files=[sealed_upload(samples.png())])
    processing.process_pending()
    checked, out = StringIO(), StringIO()
    call_command("evidence_check", stdout=checked)
    assert "Files of which no working copy could be made: 1" in checked.getvalue()
    for _ in range(2):
        call_command("evidence_retry", stdout=out)
    assert out.getvalue() == "Files that wait for an officer again: 1\nFiles that wait for an officer again: 0\n"
    waiting, ready = Evidence.objects.order_by("day")
    assert (waiting.state, waiting.sealed_report, ready.state) == (State.OFFICER, None, State.READY)
    entry = AuditEntry.objects.get(event="object.retried")
    assert (entry.actor, entry.case, entry.subject) == (None, failed.case.pk, waiting.pk)
    assert faults() == []


def test_a_file_made_to_wait_without_an_entry_is_found(cast: Cast, failed: Sent) -> None:
    Evidence.objects.update(state=State.OFFICER, sealed_report=None, worked_batch=None)
    assert faults() == ["batch.count"]


def test_no_entry_stands_in_for_a_file_that_has_a_copy(cast: Cast, failed: Sent) -> None:
    read_again(cast)
    close_batch(at(LATER, 1))
    EvidenceObject.objects.exclude(variant="original").delete()
    Evidence.objects.update(state=State.FAILED)
    call_command("evidence_retry", stdout=StringIO())
    assert "batch.count" in faults()


def test_a_file_with_copies_that_was_set_back_in_the_database_is_not_read_again(
    cast: Cast, signed_in: SignedIn
) -> None:
    """The worker marks it as failed; its copies are stored already, and a second set would not fit beside them."""
    sent = send_report(today=DAY, files=[sealed_upload(samples.jpeg())])
    processing.process_pending()
    Evidence.objects.filter(state=State.READY).update(state=State.PENDING)
    processing.process_pending()
    item = Evidence.objects.get()
    assert item.state == State.FAILED
    with pytest.raises(Evidence.DoesNotExist):
        read_again(cast)
    call_command("evidence_retry", stdout=StringIO())
    client = signed_in("vera")
    work = reverse("admin:complaints_case_work", args=[sent.case.pk, item.pk])
    assert client.post(work).status_code in {302, 404}
    assert client.get(reverse("admin:complaints_case_change", args=[sent.case.pk])).status_code == 200
    assert Evidence.objects.get().state == State.FAILED
    assert not AuditEntry.objects.filter(event="object.retried").exists()


def test_a_file_that_did_not_fail_stays_as_it_is(cast: Cast) -> None:
    send_report(today=DAY, files=[sealed_upload(samples.jpeg())])
    processing.process_pending()
    with pytest.raises(Evidence.DoesNotExist):
        read_again(cast)
    call_command("evidence_retry", stdout=StringIO())
    assert Evidence.objects.get().state == State.READY
    assert not AuditEntry.objects.filter(event="object.retried").exists()


def test_the_case_page_has_a_button_and_the_custody_sheet_says_so(
    cast: Cast, failed: Sent, signed_in: SignedIn
) -> None:
    client, item = signed_in("vera"), Evidence.objects.get()
    tiles = {tile.url.partition("?")[2]: tile for tile in client.get(reverse("admin:index")).context["counts"]}
    assert tiles["files=unread"].number == 1
    assert failed.case.reference in client.get(tiles["files=unread"].url).content.decode()
    page = reverse("admin:complaints_case_change", args=[failed.case.pk])
    work = reverse("admin:complaints_case_work", args=[failed.case.pk, item.pk])
    text = client.get(page).content.decode()
    assert work in text
    assert "Baca lagi" in text
    assert client.post(work).status_code == 302
    assert work not in client.get(page).content.decode()
    assert "files=unread" not in client.get(reverse("admin:index")).content.decode()
    sheet = custody.custody_sheet(actor=Actor(cast.ring("vera"), at(LATER)), case_id=failed.case.pk)
    assert "object.retried" in [opening.entry.event for opening in sheet.items[0].openings]
    assert "object.retried" not in [opening.entry.event for opening in sheet.others]


def test_entries_of_files_that_wait_again_are_found_by_an_index(db: None) -> None:
    """They are read for each batch whose leaves are computed, and the chain only grows."""
    retried = AuditEntry.objects.filter(event=processing.RETRIED).order_by("sequence")
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # The planner reads an empty table as a whole whatever its indexes are.
            cursor.execute("SET LOCAL enable_seqscan = off")
    plan = retried.explain()
    assert "audit_retried" in plan or "audit_event_sequence" in plan
