"""The worker on real files: what it makes, what it says, and that nothing but the sandbox reads them."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from datetime import date, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from complaints.adapters import sandbox
from complaints.admin.case_evidence import NO_COPY
from complaints.domain.sealing.primitives import BoxPair
from complaints.models.evidence import Evidence, EvidenceObject
from complaints.services import follow_up, scheduled
from complaints.services.evidence import processing, storage, worker_key
from complaints.services.evidence.storage import FileReport
from tests.adapters import samples
from tests.world import Cast, Sent, at, sealed_upload, send_report, start_session

DAY = date(2026, 11, 9)


def sent_with(content: bytes, name: str) -> Sent:
    sent = send_report(today=DAY)
    upload = sealed_upload(content, name)
    assert not upload.refused, upload.refused
    follow_up.add_message(ticket=sent.ticket, text="", files=[upload], today=DAY)
    return sent


def work() -> Evidence:
    processing.process_pending()
    return Evidence.objects.select_related("complaint").prefetch_related("objects_stored").get()


def refusing_to_clean(code: str) -> Callable[..., sandbox.Steps]:
    """Stand in for the sandbox: the clean copy of every file fails by this code."""

    def run_steps(*args: Any, **kwargs: Any) -> sandbox.Steps:
        steps = sandbox.Steps(-1)
        steps.failed["clean"] = code
        return steps

    return run_steps


def findings(cast: Cast, item: Evidence) -> FileReport:
    report = storage.read_file_report(cast.ring("vera").complaint(item.complaint), item)
    assert report is not None
    return report


def opened(cast: Cast, item: Evidence) -> dict[tuple[str, int], bytes]:
    pair = cast.ring("vera").complaint(item.complaint)
    contents = {}
    for stored in item.objects_stored.all():
        info = storage.read_info(pair, stored, item, item.complaint)
        contents[stored.variant, stored.number] = b"".join(storage.stream(stored, info))
    return contents


def test_a_photo_gets_a_copy_and_a_preview_that_betray_nothing(cast: Cast) -> None:
    original = samples.jpeg()
    sent_with(original, "IMG_1.jpg")
    item = work()
    files = opened(cast, item)
    assert item.state == Evidence.State.READY
    assert set(files) == {("original", 0), ("working", 0), ("preview", 0)}
    assert files["original", 0] == original
    for variant in ("working", "preview"):
        assert files[variant, 0].startswith(b"\xff\xd8")
        assert b"Exif" not in files[variant, 0]
    assert "place" in findings(cast, item).betrays
    assert findings(cast, item).looked == "read"


def test_pictures_are_drawn_from_the_clean_copy(cast: Cast) -> None:
    """What cleaning takes out of a file can stand in no picture of it either."""
    original = samples.pdf(pages=2)
    sent_with(original, "surat.pdf")
    files = opened(cast, work())
    with sandbox.hold([files["working", 0]], 10**7) as held:
        for job, pictures in (("preview", [("preview", 0)]), ("pages", [("page", 1), ("page", 2)])):
            with sandbox.run(job, held, "application/pdf") as result:
                assert [part.read() for part in result.parts] == [files[picture] for picture in pictures]


def test_a_pdf_gets_its_pages_as_images(cast: Cast) -> None:
    sent_with(samples.pdf(pages=2), "surat.pdf")
    item = work()
    assert set(opened(cast, item)) == {
        ("original", 0),
        ("working", 0),
        ("preview", 0),
        ("page", 1),
        ("page", 2),
    }
    assert findings(cast, item).pages == 2


@pytest.mark.parametrize(("make", "name"), [(samples.docx, "nota.docx"), (samples.mp3, "suara.mp3")])
def test_other_kinds_get_a_copy_without_their_author(cast: Cast, make: Any, name: str) -> None:
    sent_with(make(), name)
    item = work()
    assert item.state == Evidence.State.READY
    assert ("working", 0) in opened(cast, item)


@pytest.mark.parametrize(
    ("content", "name", "found", "looked"),
    [
        (b"12/01/26, 10.11 - Pak Kadis: ya\n", "obrolan.txt", {"names", "hours"}, "read"),
        (samples.packed({"a.txt": "halo"}), "ekspor.zip", {"time"}, "read"),
        (samples.packed({"a.txt": bytes(40 * 1024 * 1024)}), "bom.zip", set(), "unreadable"),
        (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600), "lama.doc", set(), ""),
    ],
)
def test_what_has_no_copy_is_looked_into_all_the_same(
    cast: Cast, content: bytes, name: str, found: set[str], looked: str
) -> None:
    sent_with(content, name)
    item = work()
    report = findings(cast, item)
    assert item.state == Evidence.State.NO_COPY
    assert (set(report.betrays), report.looked) == (found, looked)


def test_what_a_copy_lacks_is_sealed_with_the_report(cast: Cast) -> None:
    sent_with(samples.xlsx(), "data.xlsx")
    item = work()
    assert item.state == Evidence.State.READY
    assert findings(cast, item).losses == ["formulas", "comments"]
    assert b"formulas" not in bytes(item.sealed_report or b"")


def test_what_cannot_be_cleaned_is_said(cast: Cast) -> None:
    sent_with(b"obrolan grup\n" * 20, "chat.txt")
    item = work()
    assert item.state == Evidence.State.NO_COPY
    assert findings(cast, item).no_copy == "opaque"
    assert set(opened(cast, item)) == {("original", 0)}


def test_a_false_name_is_marked_and_the_file_kept(cast: Cast) -> None:
    sent_with(samples.pdf(), "foto.jpg")
    item = work()
    assert findings(cast, item).disagrees
    assert item.state == Evidence.State.READY


def test_a_damaged_file_harms_nothing_else(cast: Cast) -> None:
    sent_with(samples.pdf()[:600], "rusak.pdf")
    item = work()
    assert item.state == Evidence.State.FAILED
    assert findings(cast, item).no_copy in {"damaged", "crashed"}


def test_bombs_and_cut_files_of_every_kind_harm_nothing_else(cast: Cast) -> None:
    """Each ends in a state and in words of its own; originals come out as they went in, and a good photo is cleaned."""
    packed = samples.packed({"[Content_Types].xml": "<a/>", "word/document.xml": bytes(64 * 1024 * 1024)})
    contents = {"bom.png": samples.png_bomb(50_000, 50_000, rows=10), "bom.docx": packed, "foto.jpg": samples.jpeg()}
    for kind, (_type, make) in samples.SAMPLES.items():
        whole = make()
        contents[f"potongan.{kind}"] = whole[: len(whole) * 2 // 3]
    uploads = {name: sealed_upload(content, name) for name, content in contents.items()}
    taken = {name: upload for name, upload in uploads.items() if not upload.refused}
    assert {upload.refused for name, upload in uploads.items() if name not in taken} <= {"type"}
    assert len(taken) > len(contents) // 2
    sent = send_report(today=DAY)
    follow_up.add_message(ticket=sent.ticket, text="", files=list(taken.values()), today=DAY)
    processing.process_pending(limit=len(taken))
    ended = {}
    rows = Evidence.objects.select_related("complaint").prefetch_related("objects_stored").order_by("sequence")
    for item, name in zip(rows, taken, strict=True):
        assert opened(cast, item)["original", 0] == contents[name]
        ended[name] = (item.state, findings(cast, item).no_copy)
    assert ended["bom.png"] == ended["bom.docx"] == (Evidence.State.FAILED, "bomb")
    assert ended["foto.jpg"] == (Evidence.State.READY, "")
    assert {state for state, _why in ended.values()} <= set(Evidence.State.values) - {"pending", "officer"}
    assert all(why for state, why in ended.values() if state != Evidence.State.READY)


def test_a_file_above_the_limit_gets_no_copy_and_says_so(cast: Cast, settings: Settings) -> None:
    settings.EVIDENCE_CLEAN_MAX_BYTES = 100
    sent_with(samples.jpeg(), "besar.jpg")
    item = work()
    assert item.state == Evidence.State.NO_COPY
    assert findings(cast, item).no_copy == "too_large"


# --- Whose turn it is


def pending_files(day: date, number: int) -> list[Evidence]:
    """Send a report of a day with so many files; return them in order."""
    sent = send_report(today=day)
    uploads = [sealed_upload(samples.jpeg(), f"{place}.jpg") for place in range(number)]
    follow_up.add_message(ticket=sent.ticket, text="", files=uploads, today=day)
    return list(Evidence.objects.filter(complaint__case=sent.case).order_by("sequence"))


def test_oldest_reports_come_first_and_each_has_one_file_a_round(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    later = pending_files(DAY + timedelta(days=1), 1)
    first = pending_files(DAY, 3)
    tried: list[object] = []
    monkeypatch.setattr(processing, "_claim", tried.append)
    assert processing.process_pending() == 4
    assert tried == [item.pk for item in (first[0], later[0], first[1], first[2])]
    tried.clear()
    assert processing.process_pending(limit=1) == 1
    assert tried == [first[0].pk]


def test_a_report_whose_files_took_their_worker_comes_last(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    first, later = pending_files(DAY, 1), pending_files(DAY + timedelta(days=1), 1)
    Evidence.objects.filter(pk=first[0].pk).update(attempts=1)
    tried: list[object] = []
    monkeypatch.setattr(processing, "_claim", tried.append)
    processing.process_pending()
    assert tried == [later[0].pk, first[0].pk]


def test_a_run_begins_no_file_after_its_time(cast: Cast) -> None:
    pending_files(DAY, 1)
    assert processing.process_pending(seconds=-1) == 0
    assert Evidence.objects.get().attempts == 0


def test_a_file_more_costs_eight_statements(cast: Cast) -> None:
    """Two that claim it, and six in the transaction that ends it; the order of all is asked for at the beginning."""
    pending_files(DAY, 1)
    with CaptureQueriesContext(connection) as alone:
        processing.process_pending()
    pending_files(DAY, 4)
    with CaptureQueriesContext(connection) as together:
        processing.process_pending()
    locks = [query for query in together if "advisory_lock" in query["sql"] or "advisory_unlock" in query["sql"]]
    assert len(together) - len(locks) - len(alone) <= 3 * 8


def test_the_next_file_is_begun_before_the_copies_of_the_last_are_recorded(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    pending_files(DAY, processing.PARALLEL + 1)
    claim, finish, events = processing._claim, processing._finish, list[str]()
    monkeypatch.setattr(processing, "_claim", lambda identifier: events.append("claim") or claim(identifier))
    monkeypatch.setattr(processing, "_finish", lambda *arguments: events.append("finish") or finish(*arguments))
    processing.process_pending()
    assert events == ["claim"] * (processing.PARALLEL + 1) + ["finish"] * (processing.PARALLEL + 1)


# --- What costs no attempt


def test_a_storage_that_is_down_costs_no_attempt(
    cast: Cast, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    pending_files(DAY, 5)
    opened_files: list[str] = []

    def down(self: object, name: str, mode: str = "rb") -> None:
        opened_files.append(name)
        raise OSError("down")

    monkeypatch.setattr(type(storage.storage()), "open", down)
    for _ in range(4):
        with pytest.raises(OSError, match="down"):
            processing.process_pending()
    at_most = processing.STORAGE_FAULTS + processing.PARALLEL - 1
    assert 4 * processing.STORAGE_FAULTS <= len(opened_files) <= 4 * at_most
    states = set(Evidence.objects.values_list("state", "attempts"))
    assert states == {(Evidence.State.PENDING, 0)}
    monkeypatch.undo()
    assert processing.process_pending() == 5
    assert set(Evidence.objects.values_list("state", flat=True)) == {Evidence.State.READY}


def test_a_file_that_the_store_lacks_holds_up_no_other_and_is_told(cast: Cast) -> None:
    """More of them than the faults after which the store counts as down; each comes back by an officer's button."""
    *lost, kept = pending_files(DAY, processing.STORAGE_FAULTS + 2)
    objects = {item.pk: item.objects_stored.get().object_name for item in lost}
    contents = {name: storage.storage().get(name) for name in objects.values()}
    for name in objects.values():
        storage.delete_object(name)
    processing.process_pending()
    kept.refresh_from_db()
    assert kept.state == Evidence.State.READY
    for item in lost:
        item.refresh_from_db()
        assert (item.state, findings(cast, item).no_copy) == (Evidence.State.FAILED, "missing")
        assert NO_COPY["missing"]
    storage.storage().put(objects[lost[0].pk], contents[objects[lost[0].pk]])
    processing.retry_failed(now=at(DAY))
    pair = cast.ring("vera").complaint(lost[0].complaint)
    for item, state in ((lost[0], Evidence.State.READY), (lost[1], Evidence.State.FAILED)):
        item.refresh_from_db()
        processing.process_for_officer(pair=pair, evidence=item)
        assert Evidence.objects.get(pk=item.pk).state == state


def test_a_store_that_lacks_every_file_counts_as_down(cast: Cast) -> None:
    """A folder that is not mounted is empty: nothing is told of the files, and they wait."""
    items = pending_files(DAY, 2)
    for item in items:
        storage.delete_object(item.objects_stored.get().object_name)
    with pytest.raises(FileNotFoundError):
        processing.process_pending()
    assert set(Evidence.objects.values_list("state", "attempts", "tried_by")) == {(Evidence.State.PENDING, 0, "")}


def test_where_no_file_may_be_opened_nothing_is_tried(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job fails by the name of this error, and so administrators and officers are told."""

    def unconfined(*args: Any, **kwargs: Any) -> None:
        raise sandbox.Unconfined("walls")

    monkeypatch.setattr(sandbox, "run_steps", unconfined)
    pending_files(DAY, 1)
    for _ in range(4):
        with pytest.raises(sandbox.Unconfined):
            processing.process_pending()
    assert Evidence.objects.get().attempts == 0


# --- What can be tried again


@pytest.mark.parametrize("code", ["crashed", "memory", "time"])
def test_what_a_reader_broke_down_on_can_be_read_again_by_an_officer(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    first, second = pending_files(DAY, 2)
    monkeypatch.setattr(sandbox, "run_steps", refusing_to_clean(code))
    processing.process_pending()
    for item in (first, second):
        item.refresh_from_db()
        assert (item.state, item.worker_grant, item.sealed_report) == (Evidence.State.OFFICER, None, None)
    pair = cast.ring("vera").complaint(first.complaint)
    processing.process_for_officer(pair=pair, evidence=second)
    second.refresh_from_db()
    assert (second.state, findings(cast, second).no_copy) == (Evidence.State.FAILED, code)
    monkeypatch.undo()
    processing.process_for_officer(pair=pair, evidence=first)
    first.refresh_from_db()
    assert first.state == Evidence.State.READY


def test_a_small_file_gets_less_time_than_a_large_one() -> None:
    with sandbox.hold([bytes(40_000)], 10**6) as small, sandbox.hold([bytes(50 * 1024 * 1024)], 10**9) as large:
        assert sandbox.limits_of(small).cpu_seconds == 10
        assert sandbox.limits_of(large).cpu_seconds == 45


def test_no_sandbox_costs_no_attempt(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*args: Any, **kwargs: Any) -> None:
        raise sandbox.Unavailable("busy")

    monkeypatch.setattr(sandbox, "run_steps", gone)
    sent_with(samples.jpeg(), "a.jpg")
    for _ in range(5):
        item = work()
    assert (item.state, item.attempts) == (Evidence.State.PENDING, 0)
    monkeypatch.undo()
    assert work().state == Evidence.State.READY


def test_a_dead_scanner_makes_items_wait_and_the_report_goes_on(cast: Cast, settings: Settings, tmp_path: Path) -> None:
    settings.CLAMD_SOCKET = str(tmp_path / "nobody")
    sent_with(samples.jpeg(), "a.jpg")
    for _ in range(5):
        item = work()
    assert (item.state, item.attempts) == (Evidence.State.PENDING, 0)


def test_what_the_scanner_finds_gets_no_copy(cast: Cast, settings: Settings, tmp_path: Path) -> None:
    settings.CLAMD_SOCKET = str(tmp_path / "clamd")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(settings.CLAMD_SOCKET)
    listener.listen()

    def answer() -> None:
        connection, _ = listener.accept()
        with connection:
            received = b""
            while not received.endswith(b"\0\0\0\0"):
                received += connection.recv(65536)
            connection.sendall(b"stream: Uji.Contoh FOUND\0")

    thread = threading.Thread(target=answer)
    thread.start()
    sent_with(samples.jpeg(), "a.jpg")
    item = work()
    thread.join()
    listener.close()
    report = findings(cast, item)
    assert (item.state, report.scan, report.threat) == (Evidence.State.NO_COPY, "infected", "Uji.Contoh")


def test_the_workers_key_rotates_without_losing_an_item(cast: Cast, settings: Settings) -> None:
    sent_with(samples.jpeg(), "a.jpg")
    old = settings.WORKER_PRIVATE_KEY
    settings.WORKER_PRIVATE_KEY = BoxPair.new().private.hex()
    settings.WORKER_PREVIOUS_KEYS = [old]
    assert work().state == Evidence.State.READY


def test_worker_grant_expires_after_a_week_officer_takes_over(cast: Cast, settings: Settings) -> None:
    sent_with(samples.jpeg(), "a.jpg")
    assert processing.end_grants(today=DAY + timedelta(days=7)) == 0
    assert processing.end_grants(today=DAY + timedelta(days=8)) == 1
    item = work()
    assert (item.state, item.worker_grant) == (Evidence.State.OFFICER, None)
    processing.process_for_officer(pair=cast.ring("vera").complaint(item.complaint), evidence=item)
    assert Evidence.objects.get().state == Evidence.State.READY


def test_two_workers_on_one_item_keep_one_copy(cast: Cast) -> None:
    sent_with(samples.jpeg(), "a.jpg")
    item = Evidence.objects.select_related("complaint").get()
    pair = cast.ring("vera").complaint(item.complaint)
    for _ in range(2):
        processing.process_for_officer(pair=pair, evidence=item)
    assert EvidenceObject.objects.filter(variant="working").count() == 1
    names = set(EvidenceObject.objects.values_list("object_name", flat=True))
    assert {name for name in storage.storage().listdir("")[1] if name in names} == names


def test_node_without_worker_key_stores_but_does_not_process(cast: Cast, settings: Settings) -> None:
    held = settings.WORKER_PRIVATE_KEY
    settings.WORKER_PUBLIC_KEY = BoxPair.from_private(bytes.fromhex(held)).public.hex()
    settings.WORKER_PRIVATE_KEY = ""
    sent_with(samples.jpeg(), "a.jpg")
    assert processing.process_pending() == 0
    item = Evidence.objects.get()
    assert (item.state, item.attempts) == (Evidence.State.PENDING, 0)
    settings.WORKER_PRIVATE_KEY = held
    assert processing.process_pending() == 1
    item.refresh_from_db()
    assert item.state == Evidence.State.READY


def rotated(settings: Settings) -> None:
    """Replace the worker's key by the command, and read the environment file anew as a restart does."""
    call_command("rotate_worker_key", stdout=StringIO())
    lines = dict(line.split("=", 1) for line in settings.ENV_FILE.read_text().splitlines() if line)
    settings.WORKER_PRIVATE_KEY, settings.WORKER_PUBLIC_KEY = lines["WORKER_PRIVATE_KEY"], lines["WORKER_PUBLIC_KEY"]
    settings.WORKER_PREVIOUS_KEYS = lines["WORKER_PREVIOUS_KEYS"].split(",")


def test_a_key_that_is_replaced_twice_in_a_row_loses_nothing(cast: Cast, settings: Settings, tmp_path: Path) -> None:
    settings.ENV_FILE, first = tmp_path / "portal.env", settings.WORKER_PRIVATE_KEY
    settings.ENV_FILE.write_text(f"SECRET_KEY=tetap\nWORKER_PRIVATE_KEY={first}\n")
    sent_with(samples.jpeg(), "a.jpg")
    for _ in range(2):
        rotated(settings)
    assert [pair.private.hex() for pair in worker_key.pairs()][2] == first
    assert worker_key.public() == BoxPair.from_private(bytes.fromhex(settings.WORKER_PRIVATE_KEY)).public
    assert "SECRET_KEY=tetap" in settings.ENV_FILE.read_text()
    assert settings.ENV_FILE.stat().st_mode & 0o777 == 0o600
    assert work().state == Evidence.State.READY


def test_an_earlier_key_goes_once_nothing_can_be_sealed_to_it(settings: Settings) -> None:
    key, today = "ab" * 32, timezone.localdate()
    days = {0: True, 8: True, 9: False}
    for age, is_kept in days.items():
        settings.WORKER_PREVIOUS_KEYS = [f"{key}@{(today - timedelta(days=age)).isoformat()}"]
        assert (len(worker_key.previous_after(today)) == 2) == is_kept
    settings.WORKER_PREVIOUS_KEYS = [key]
    assert worker_key.previous_after(today)[1] == f"{key}@{today.isoformat()}"


def test_a_node_without_the_private_half_never_gets_one(settings: Settings, tmp_path: Path) -> None:
    settings.ENV_FILE, settings.WORKER_PUBLIC_KEY = tmp_path / "portal.env", worker_key.public().hex()
    settings.WORKER_PRIVATE_KEY = ""
    with pytest.raises(CommandError, match="only the public half"):
        call_command("rotate_worker_key")
    assert not settings.ENV_FILE.exists()


def test_a_file_that_cannot_be_written_is_told_in_words(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    settings.ENV_FILE = tmp_path / "file" / "portal.env"
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("rotate_worker_key")


def test_a_node_with_a_stale_half_is_told(cast: Cast, settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    assert not worker_key.is_stale(), "before the first heartbeat nothing is known"
    scheduled.record_heartbeat(now=timezone.now())
    assert not worker_key.is_stale() and "different keys" not in caplog.text
    held = settings.WORKER_PRIVATE_KEY
    settings.WORKER_PUBLIC_KEY = worker_key.new_keys()[1]
    assert worker_key.is_stale()
    desk = start_session("adi").get(reverse("admin:index")).content.decode()
    assert "Server ini mengunci berkas dengan kunci lama" in desk
    settings.WORKER_PUBLIC_KEY = ""
    assert "kunci lama" not in start_session("adi").get(reverse("admin:index")).content.decode()
    # A second node that runs jobs says so before it tells its own key.
    settings.WORKER_PRIVATE_KEY = worker_key.new_keys()[0]
    scheduled.record_heartbeat(now=timezone.now())
    assert "different keys" in caplog.text
    settings.WORKER_PRIVATE_KEY = held
    assert worker_key.is_stale()
