"""A store, a scanner or a worker that is down, slow or ended costs no file one of its tries, and nothing is lost."""

from __future__ import annotations

import io
import multiprocessing
import os
import random
import signal
import threading
import time
import zipfile
from collections.abc import Iterator
from datetime import date
from urllib.parse import urlsplit

import pytest
from django.core.files.storage import storages
from django.db import connection, connections
from pytest_django import Settings

from complaints.adapters import machine, sandbox, store_s3
from complaints.adapters.media import kinds
from complaints.adapters.stop_request import StopRequest
from complaints.adapters.store_s3 import EvidenceS3Storage
from complaints.models.evidence import Evidence, EvidenceObject
from complaints.services.evidence import copies, file_locks, processing, storage
from tests.adapters import samples
from tests.adapters.test_malware import EICAR, clamd_process
from tests.services.evidence.conftest import BUCKET
from tests.services.evidence.hanging import HangingProxy, hanging_proxy
from tests.world import Cast, sealed_upload, send_report

DAY = date(2026, 11, 9)
State = Evidence.State


def send(*names: str, content: bytes | None = None) -> None:
    files = [sealed_upload(content or samples.jpeg(), name) for name in names]
    send_report(today=DAY, files=files)


def states() -> list[tuple[str, int, str]]:
    return list(Evidence.objects.order_by("sequence").values_list("state", "attempts", "tried_by"))


WAITS = (State.PENDING, 0, "")


# --- The store


@pytest.fixture
def proxied(
    bucket: EvidenceS3Storage, s3_server: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[HangingProxy]:
    """The bucket behind a proxy that can hang; a wait of the store's client ends after a moment."""
    monkeypatch.setattr(store_s3, "READ_SECONDS", 0.3)
    monkeypatch.setattr(store_s3, "TRIES", 1)
    with hanging_proxy(urlsplit(s3_server).port or 0) as proxy:
        options = {
            "bucket_name": BUCKET,
            "endpoint_url": f"http://127.0.0.1:{proxy.port}",
            "access_key": "test",
            "secret_key": "test",
            "region_name": "us-east-1",
            "location": "dalam/",
        }
        backend = {"BACKEND": "complaints.adapters.store_s3.EvidenceS3Storage", "OPTIONS": options}
        settings.STORAGES = {**settings.STORAGES, "evidence": backend}
        assert storages["evidence"] is not bucket
        yield proxy


def test_a_store_that_hangs_costs_no_try_and_ends_the_run(cast: Cast, proxied: HangingProxy) -> None:
    send("a.jpg", "b.jpg", "c.jpg", "d.jpg")
    proxied.hangs.set()
    for _ in range(2):
        begun = time.monotonic()
        with pytest.raises(TimeoutError):
            processing.process_pending()
        assert time.monotonic() - begun < 20
    assert states() == [WAITS] * 4
    proxied.hangs.clear()
    assert processing.process_pending() == 4
    assert {state for state, _tries, _by in states()} == {State.READY}


def test_a_store_that_takes_no_copy_costs_no_try(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing is a place for the copy: the file itself is fine."""
    send("a.jpg")
    opened = type(storage.storage()).open

    def without_writing(self: object, name: str, mode: str = "rb") -> object:
        if "w" in mode:
            raise OSError(28, "full")
        return opened(self, name, mode)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(type(storage.storage()), "open", without_writing)
        with pytest.raises(OSError, match="copy"):
            processing.process_pending()
    assert states() == [WAITS]
    processing.process_pending()
    assert Evidence.objects.get().state == State.READY


# --- The scanner


def test_a_scanner_that_hangs_costs_no_try_and_comes_back(
    cast: Cast, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real clamd with its own temporary folder on tmpfs, stopped while files wait and let go again."""
    with clamd_process() as (folder, process):
        settings.CLAMD_SOCKET = str(folder / "clamd.sock")
        send("a.jpg", "b.jpg")
        monkeypatch.setattr("complaints.adapters.malware.WAIT_SECONDS", 1.0)
        process.send_signal(signal.SIGSTOP)
        processing.process_pending()
        assert states() == [WAITS] * 2
        process.send_signal(signal.SIGCONT)
        monkeypatch.undo()
        processing.process_pending()
        assert {state for state, _tries, _by in states()} == {State.READY}
        send("c.txt", content=b"catatan " + EICAR)
        processing.process_pending()
        assert Evidence.objects.filter(state=State.NO_COPY).count() == 1
        assert list((folder / "spool").rglob("*")) == []


# --- The worker


def test_a_machine_that_lost_power_gives_its_tries_back(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    send("a.jpg")
    own = machine.this_start()
    earlier, other = own[:16] + "0" * 16, "1" * 16 + own[16:]
    for started, left in ((earlier, 0), (own, 1), (other, 1)):
        Evidence.objects.update(attempts=1, tried_by=started)
        item = processing._count_attempt(Evidence.objects.get().pk)
        assert item is not None
        assert (item.evidence.attempts, started) == (left, started)
        assert states() == [(State.PENDING, left + 1, own)]
    assert machine.restarted_since("") is False
    Evidence.objects.update(attempts=processing.MAX_ATTEMPTS, tried_by=own)
    processing.process_pending()
    assert states() == [(State.OFFICER, 0, "")]


def test_a_worker_that_is_asked_to_end_gives_back_what_hangs(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """As at a new release: SIGTERM comes while the scanner hangs, and the rest is left to the next worker."""
    send("a.jpg", "b.jpg", "c.jpg")
    request, let_go = StopRequest(), threading.Event()
    monkeypatch.setattr(processing, "STOP_SECONDS", 0.2)
    monkeypatch.setattr(processing, "LOOK_SECONDS", 0.05)

    def hang(*args: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        let_go.wait(30)

    monkeypatch.setattr(copies, "_scan", hang)
    ended: list[int] = []
    before, begun = signal.signal(signal.SIGTERM, lambda number, frame: ended.append(number)), time.monotonic()
    try:
        with request.deferred():
            assert processing.process_pending(is_stopping=request.is_set) == processing.PARALLEL
            assert ended == []
    finally:
        signal.signal(signal.SIGTERM, before)
        let_go.set()
    assert ended == [signal.SIGTERM]
    assert time.monotonic() - begun < 20
    assert states() == [WAITS] * 3
    monkeypatch.undo()
    processing.process_pending()
    assert {state for state, _tries, _by in states()} == {State.READY}


def test_the_end_of_the_commands_pipe_is_a_request() -> None:
    request = StopRequest()
    until, held = os.pipe()
    request.watch(until)
    assert not request.is_set()
    os.close(held)
    assert request.is_set()
    os.close(until)


def test_what_hangs_longer_than_a_job_may_is_given_back(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    send("a.jpg")
    let_go = threading.Event()
    monkeypatch.setattr(processing, "HANGING_SECONDS", 0.2)
    monkeypatch.setattr(processing, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(copies, "_scan", lambda *args: let_go.wait(30))
    try:
        processing.process_pending()
        assert states() == [WAITS]
    finally:
        let_go.set()


def _work(reply: multiprocessing.connection.Connection) -> None:
    for inherited in connections.all(initialized_only=True):
        inherited.connection = None  # to close it would end the parent's
    reply.send(processing.process_pending())
    sandbox.DEFAULT.close()
    connections.close_all()


@pytest.mark.both_databases
def test_two_worker_processes_at_once_work_each_file_once(live_cast: Cast) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one job cluster, and its claim of the job keeps two runs apart")
    names = [f"{number}.jpg" for number in range(6)]
    send(*names)
    context = multiprocessing.get_context("fork")
    taken = Evidence.objects.order_by("sequence")[0]
    assert file_locks.take(taken.pk)
    pipes = [context.Pipe(duplex=False) for _ in range(2)]
    workers = [context.Process(target=_work, args=(theirs,)) for _ours, theirs in pipes]
    for worker in workers:
        worker.start()
    assert all(ours.poll(120) for ours, _theirs in pipes)
    for worker in workers:
        worker.join(60)
    made = Evidence.objects.filter(state=State.READY)
    assert made.count() == len(names) - 1
    assert EvidenceObject.objects.filter(variant="working").count() == len(names) - 1
    assert states()[0] == WAITS
    # Nothing was made twice and thrown away.
    assert set(storage.storage().listdir("")[1]) >= set(EvidenceObject.objects.values_list("object_name", flat=True))
    file_locks.release(taken.pk)
    processing.process_pending()
    assert Evidence.objects.filter(state=State.READY).count() == len(names)


# --- One process a file, each part failing by itself


def derived(content: bytes, box: sandbox.Sandbox) -> tuple[dict[str, int], dict[str, str], bool]:
    """Return how many files each part of the work on a PDF made, which failed, and whether a process ended early."""
    with sandbox.hold([content], 10**7) as held, box.run_steps("derive", held, "application/pdf") as steps:
        done = {name: len(result.parts) for name, result in steps.done.items()}
        # Pictures are drawn by a process that never met the original.
        assert not {"preview", "pages"} & (set(done) | set(steps.failed))
        if "clean" not in done:
            return done, steps.failed, steps.ended_early
        copy = steps.done["clean"].parts[0].read()
    with sandbox.hold([copy], 10**7) as held, box.run_steps("draw", held, "application/pdf", limit=5) as drawn:
        done |= {name: len(result.parts) for name, result in drawn.done.items()}
        return done, steps.failed | drawn.failed, steps.ended_early or drawn.ended_early


@pytest.fixture(scope="module")
def breaking() -> Iterator[sandbox.Sandbox]:
    """A sandbox in which one part of the sequence breaks down, by the words in the file."""
    box = sandbox.Sandbox("tests.adapters.breaking_jobs")
    yield box
    box.close()


def test_each_part_of_a_files_work_fails_apart(breaking: sandbox.Sandbox) -> None:
    whole = samples.pdf(pages=2)
    all_parts = {"recognise": 0, "inspect": 0, "clean": 1, "preview": 1, "pages": 2}
    assert derived(whole, breaking) == (all_parts, {}, False)
    cases: list[tuple[str, bytes, set[str]]] = [
        ("inspect", whole + b"%refuse inspect", set()),
        ("preview", samples.pdf(pages=4), set()),
    ]
    for part, content, lost in [*cases, ("clean", whole + b"%refuse clean", {"preview", "pages"})]:
        done, failed, ended = derived(content, breaking)
        assert (set(all_parts) - set(done) - {part}, failed, ended) == (lost, {part: "damaged"}, False)
    done, failed, ended = derived(samples.pdf(pages=3), breaking)
    assert (set(done), failed, ended) == ({"recognise", "inspect", "clean"}, {"preview": "crashed"}, True)


@pytest.mark.parametrize(
    ("part", "variants"),
    [
        ("inspect", {"original", "working", "preview", "page"}),
        ("preview", {"original", "working", "page"}),
        ("clean", {"original"}),
    ],
)
def test_a_part_that_takes_its_process_with_it_costs_no_other(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, breaking: sandbox.Sandbox, part: str, variants: set[str]
) -> None:
    monkeypatch.setattr(sandbox, "run_steps", breaking.run_steps)
    send("surat.pdf", content=samples.pdf(pages=3 if part == "preview" else 2) + f"%die {part}".encode())
    processing.process_pending()
    item = Evidence.objects.get()
    assert {str(stored.variant) for stored in item.objects_stored.all()} == variants
    assert item.state == (State.OFFICER if part == "clean" else State.READY)


@pytest.mark.parametrize("forged", ["nothing", "page", "pages", "program"])
def test_a_reader_that_was_taken_over_gives_no_other_files_than_asked_for(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, breaking: sandbox.Sandbox, forged: str
) -> None:
    monkeypatch.setattr(sandbox, "run_steps", breaking.run_steps)
    send("surat.pdf", content=samples.pdf(pages=2) + f"%forge {forged}".encode())
    processing.process_pending()
    item = Evidence.objects.get()
    assert [str(stored.variant) for stored in item.objects_stored.all()] == ["original"]
    assert item.state == State.OFFICER


def test_a_zip_that_is_a_document_is_read_anew_as_one(cast: Cast) -> None:
    """By its first bytes it is a plain zip: the readers that it needs are loaded for another process."""
    with zipfile.ZipFile(io.BytesIO(samples.docx())) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    content = samples.packed({"a.txt": random.Random(1).randbytes(70_000), **parts})
    assert kinds.recognise(content[: kinds.HEAD_BYTES]) == "application/zip"
    send("nota.zip", content=content)
    processing.process_pending()
    assert Evidence.objects.get().state == State.READY
