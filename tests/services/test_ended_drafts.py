"""An unfinished report that has ended: row, files and segments go with the next run of the job, whatever kills it.

The job runs every ten minutes, so that disk and rows are free within fifteen minutes of the end.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.files.storage import storages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from complaints import tasks
from complaints.models.draft import Draft
from complaints.models.evidence import DraftFile, EvidenceObject
from complaints.queue import JOBS
from complaints.services import draft_rows, retention
from complaints.services.evidence import resumable, storage, worker_key
from tests.services.evidence.uploading import PDF, Broken, Segments, by_form, objects, on_page_3, session_of, store_in
from tests.views.walk import version
from tests.world import Cast, at, sealed_upload, send_report

DAY = date(2026, 11, 9)
LIFE = timedelta(hours=2)
SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def folder(settings: Settings, tmp_path: Path) -> None:
    store_in(settings, tmp_path / "evidence")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Segments of 1000 bytes."""
    for module in ("drafts", "resumable"):
        monkeypatch.setattr(f"complaints.services.evidence.{module}.SEGMENT_BYTES", 1000)
    monkeypatch.setattr("complaints.domain.sealing.segments.SEGMENT_BYTES", 1000)


@pytest.fixture
def clock(cast: Cast) -> Iterator[time_machine.Coordinates]:
    with time_machine.travel(at(DAY, 9), tick=False) as clock:
        yield clock


def with_everything() -> Client:
    """A draft with a whole file from the form, one joined from segments, and one that broke off."""
    client = on_page_3()
    assert by_form(client, ("foto.pdf", PDF + os.urandom(500))).status_code == 302
    for name, whole in (("rekaman.pdf", True), ("putus.pdf", False)):
        file = Segments(client, PDF + os.urandom(3500), name=name)
        file.begin()
        if whole:
            assert file.rest().status_code == 200
        else:
            file.send()
            file.send()
    return client


def nothing_left() -> bool:
    return not (objects() or DraftFile.objects.exists() or Draft.objects.exists())


def test_a_draft_ends_exactly_two_hours_after_its_last_touch(small: None, clock: time_machine.Coordinates) -> None:
    client = with_everything()
    answers = {"story": "Masih saya tulis.", "links": "", "go": "stay"} | version(client, "/lapor/cerita/")
    clock.shift(timedelta(minutes=50))
    assert client.post("/lapor/cerita/", answers).status_code == 302
    clock.shift(LIFE - SECOND)
    tasks.end_drafts()
    assert DraftFile.objects.count() == 3
    assert session_of(client).exists
    clock.shift(SECOND)
    assert not session_of(client).exists, "before any job has run"
    tasks.end_drafts()
    assert nothing_left()


def test_looking_at_a_page_puts_the_end_off(clock: time_machine.Coordinates) -> None:
    client = on_page_3()
    for _look in range(4):
        clock.shift(timedelta(minutes=100))
        assert client.get("/lapor/cerita/").status_code == 200
    tasks.end_drafts()
    assert session_of(client).exists


def test_files_that_wait_for_an_open_ticket_end_with_it(clock: time_machine.Coordinates) -> None:
    from tests.world import send_report

    client = Client()
    client.post("/cek/", {"code": send_report(today=DAY).code})
    file = Segments(client, PDF + os.urandom(500))
    file.begin()
    assert file.rest().status_code == 200
    for _look in range(3):
        clock.shift(timedelta(minutes=25))
        assert "surat.pdf" in client.get("/cek/laporan/").content.decode()
        tasks.end_drafts()
    clock.shift(timedelta(minutes=30))
    tasks.end_drafts()
    assert nothing_left()


def test_the_job_comes_every_ten_minutes() -> None:
    (job,) = (job for job in JOBS if job.name == "end_drafts")
    moment = timezone.now()
    for _run in range(20):
        following = job.next_after(moment)
        assert following - moment <= timedelta(minutes=10)
        moment = following


# --- Whatever happens to the job


class Killed(BaseException):
    """Stands for kill -9: nothing that follows runs."""


PLACES = ("mark_ended", "delete_objects", "delete", "delete_ended")


def kill_at(place: str, *, call: int, after: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kill the job before or after a call of one of its steps."""
    owner: Any = {"delete_objects": storage, "delete": DraftFile}.get(place, draft_rows)
    step: Callable[..., Any] = getattr(owner, place)
    calls = iter(range(100))

    def killing(*args: Any, **kwargs: Any) -> Any:
        at_last = next(calls) == call
        if at_last and not after:
            raise Killed
        result = step(*args, **kwargs)
        if at_last:
            raise Killed
        return result

    monkeypatch.setattr(owner, place, killing)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(
    ("place", "call"), [("mark_ended", 0), ("delete_ended", 0), ("delete_objects", 1), ("delete", 2)]
)
def test_a_job_that_is_killed_anywhere_is_finished_by_the_next(
    small: None, clock: time_machine.Coordinates, place: str, call: int, after: bool
) -> None:
    with_everything()
    clock.shift(LIFE)
    with pytest.MonkeyPatch.context() as patched:
        kill_at(place, call=call, after=after, monkeypatch=patched)
        with pytest.raises(Killed):
            tasks.end_drafts()
    assert not nothing_left() or (place, after) == ("delete_ended", True)
    tasks.end_drafts()
    assert nothing_left()


def test_a_kill_in_the_middle_of_joining_leaves_nothing_after_the_end(
    small: None, clock: time_machine.Coordinates, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The object that was being written has no row; its name follows from the draft's key of names."""
    file = Segments(on_page_3(), PDF + os.urandom(3500))
    file.begin()
    for _part in range(4):
        file.send()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(resumable, "padding", lambda stored: (_ for _ in ()).throw(Killed()))
        patched.setattr("complaints.adapters.store.DurableFile.abandon", lambda self: None)
        patched.setattr(resumable, "delete_object", lambda name: None)
        with pytest.raises(Killed):
            file.ask("selesai")
    assert len(objects()) == 5
    clock.shift(LIFE)
    tasks.end_drafts()
    assert nothing_left()


def test_what_is_written_while_the_job_looks_stays(
    clock: time_machine.Coordinates, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = on_page_3()
    by_form(client, ("foto.pdf", PDF + os.urandom(500)))
    answers = {"story": "Masih saya tulis.", "links": "", "go": "stay"} | version(client, "/lapor/cerita/")
    clock.shift(LIFE - SECOND)
    mark_ended = draft_rows.mark_ended

    def touched_first(identifier: str, sealed_end: bytes) -> bool:
        clock.shift(-2 * SECOND)
        client.post("/lapor/cerita/", answers)
        return mark_ended(identifier, sealed_end)

    monkeypatch.setattr(draft_rows, "mark_ended", touched_first)
    retention.end_drafts(now=timezone.now() + SECOND)
    assert len(objects()) == 1
    assert session_of(client).get("draft")["story"] == "Masih saya tulis."


def test_a_file_that_comes_while_its_draft_is_deleted_goes_with_the_next_run(clock: time_machine.Coordinates) -> None:
    client = on_page_3()
    by_form(client, ("foto.pdf", PDF + os.urandom(500)))
    clock.shift(LIFE)
    (draft,) = Draft.objects.all()
    with pytest.MonkeyPatch.context() as patched:
        delete_ended = draft_rows.delete_ended

        def late_file(identifier: str) -> bool:
            DraftFile.objects.create(draft_id=draft.pk, object_digest=b"", sealed=b"", day=DAY)
            return delete_ended(identifier)

        patched.setattr(draft_rows, "delete_ended", late_file)
        assert retention.end_drafts(now=timezone.now()) == 0
    assert not session_of(client).exists
    assert retention.end_drafts(now=timezone.now()) == 1
    assert nothing_left()


def test_a_storage_that_fails_is_told_and_holds_up_no_other_draft(
    clock: time_machine.Coordinates, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_form(on_page_3(), ("foto.pdf", PDF + os.urandom(500)))
    on_page_3()
    clock.shift(LIFE)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(storage, "storage", lambda: Broken(storages["evidence"], "delete_all", OSError("gone")))
        with pytest.raises(OSError, match="could not be deleted"):
            tasks.end_drafts()
    assert Draft.objects.count() == 1
    tasks.end_drafts()
    assert nothing_left()


def test_a_draft_whose_end_no_key_opens_ends_after_its_last_day(
    clock: time_machine.Coordinates, settings: Settings
) -> None:
    by_form(on_page_3(), ("foto.pdf", PDF + os.urandom(500)))
    settings.WORKER_PRIVATE_KEY, _public = worker_key.new_keys()
    clock.move_to(at(DAY + timedelta(days=4), 23))
    tasks.end_drafts()
    assert Draft.objects.exists()
    clock.move_to(at(DAY + timedelta(days=5), 0))
    tasks.end_drafts()
    assert nothing_left()


def test_rows_that_somebody_planted_destroy_no_evidence_and_hold_up_nothing(
    cast: Cast, clock: time_machine.Coordinates
) -> None:
    """One statement of a writer to the database: unfinished files that bear the names of sent evidence."""
    sent = send_report(files=[sealed_upload(PDF + os.urandom(500), "surat.pdf")])
    stored = EvidenceObject.objects.get(evidence__complaint__case=sent.case)
    draft = Draft.objects.create(pk="e" * 64, data=None, ends=b"x", stored_size=0, expires_on=DAY)
    DraftFile.objects.create(
        draft=draft, object_name=stored.object_name, sealed=b"x", object_digest=b"x", stored_size=2**62, day=DAY
    )
    far = {"stored_size": 2**31 - 1, "expires_on": date(2099, 1, 1)}
    Draft.objects.create(pk="f" * 64, data=b"x", ends=b"x", **far)
    tasks.end_drafts()
    assert not Draft.objects.exists() and not DraftFile.objects.exists()
    with storages["evidence"].open(stored.object_name) as file:
        assert file.read()


def test_each_run_begins_elsewhere_and_looks_at_every_row_once(clock: time_machine.Coordinates) -> None:
    """A run that its limit ends would otherwise leave the same rows each time."""
    Draft.objects.bulk_create(
        Draft(pk=f"{number:x}" * 64, data=b"", ends=b"", stored_size=1, expires_on=DAY) for number in range(16)
    )
    runs = [[row[0] for row in retention._rows_from_anywhere()] for _run in range(40)]
    assert all(sorted(run) == sorted(set(run)) and len(run) == 16 for run in runs)
    assert len({run[0] for run in runs}) > 1


def test_of_many_that_ended_those_without_files_go_by_few_statements(clock: time_machine.Coordinates) -> None:
    ended = timezone.now().timestamp() - 1
    rows = [Draft(pk=f"{number:064x}", data=b"x", stored_size=1, expires_on=DAY) for number in range(600)]
    for row in rows:
        row.ends = draft_rows.seal_end(row.pk, ended, b"\0" * 32)
    Draft.objects.bulk_create(rows)
    with CaptureQueriesContext(connection) as asked:
        assert retention.end_drafts(now=timezone.now()) == 600
    assert not Draft.objects.exists()
    assert len(asked) < 20


def test_what_was_written_since_it_was_read_is_not_deleted_with_the_others(clock: time_machine.Coordinates) -> None:
    on_page_3(Client())
    kept = Draft.objects.get()
    assert draft_rows.delete_ended_without_files({kept.pk: b"an earlier end"}) == 0
    assert draft_rows.delete_ended_without_files({kept.pk: bytes(kept.ends)}) == 1
