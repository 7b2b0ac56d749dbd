"""A new version, a new key and a new schema while whole reports are sent: no request fails, and no file is lost.

The shipped script and unit, and the socket as systemd hands it over; `bench/reload.py` does the same at length.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import pytest
from django.conf import settings
from django.db import connection, models
from django.db.migrations import Migration, operations
from django.db.migrations.loader import MigrationLoader
from django.test import override_settings

from bench.client import Browser, Page, connected
from bench.intake import CHECK, FIRST, START, STORY, WHO, report, shown_code
from bench.status import visit
from bench.systemd import Systemd, systemd
from complaints.domain.sealing.primitives import BoxPair
from complaints.models.complaint import Complaint
from complaints.models.evidence import Evidence
from complaints.models.job import JobName
from complaints.services.evidence import processing
from tests.images import photo
from tests.migration_rules import APP, Rules
from tests.project.test_migration_rules import INITIAL, LIST, TO_CASE, job_names
from tests.project.test_tooling import needs_proc, wait_for
from tests.webserver import HOST, PATIENCE, database_url, environment_of
from tests.world import Cast

pytestmark = [needs_proc, pytest.mark.processes, pytest.mark.django_db(transaction=True)]
SENDERS = 2
# Both together send at most five reports a second.
PAUSE_SECONDS = 0.4
RESTART = "restart kanal-web"
TRICKLE_BYTES = 4096


class Fresh(Browser):
    """A browser behind the shipped proxy, which makes a new connection for each request."""

    def request(self, *args: object, **kwargs: object) -> Page:
        page = super().request(*args, **kwargs)  # type: ignore[arg-type]
        self.close()
        return page


def at_story(browser: Browser) -> Page:
    """Answer the first two pages of a report."""
    first = FIRST.search(browser.open("/").text)
    return browser.send(browser.send(browser.open(first[1] if first else "/lapor/"), START), WHO)


def send_with_file(browser: Browser, content: bytes, held: Held | None = None) -> str:
    """Send a whole report with a picture, of which ``held`` holds the second half back; return its code."""
    page = at_story(browser)
    if held:
        browser._socket = held  # type: ignore[assignment]
    page = browser.send(page, STORY, files={"evidence": ("f.jpg", content)})
    return shown_code(browser.follow(browser.post(page, CHECK)))


class Held:
    """A connection on which the second half of a request trickles, at a pace that is taken, until the test says so."""

    def __init__(self, port: int) -> None:
        self._sock = connected(HOST, port)
        self.has_begun, self.may_end = threading.Event(), threading.Event()

    def sendall(self, data: bytes) -> None:
        sent = len(data) // 2
        self._sock.sendall(data[:sent])
        self.has_begun.set()
        while sent < len(data) and not self.may_end.wait(1):
            self._sock.sendall(data[sent : sent + TRICKLE_BYTES])
            sent += TRICKLE_BYTES
        self._sock.sendall(data[sent:])

    def __getattr__(self, name: str) -> object:
        return getattr(self._sock, name)


@dataclass
class Senders:
    """People who send one report after the other."""

    port: int
    is_over: threading.Event = field(default_factory=threading.Event)
    codes: list[str] = field(default_factory=list)

    def send(self) -> None:
        """Send a report, look at it with its code, and so on, each with a new browser."""
        while not self.is_over.wait(PAUSE_SECONDS):
            code = report(Fresh(HOST, self.port, has_assets=True)).code
            visit(Fresh(HOST, self.port), codes=[code], leave=True)
            self.codes.append(code)

    def go_on(self) -> None:
        """Wait until each of them has begun and sent another report."""
        enough = len(self.codes) + 2 * SENDERS
        wait_for(lambda: len(self.codes) >= enough or self.is_over.is_set(), 4 * PATIENCE)


@contextmanager
def sending(port: int) -> Iterator[Senders]:
    """Let reports be sent while the context lasts. Raises what a sender met: an answer that is not the one expected."""
    senders = Senders(port)

    def one_after_the_other() -> None:
        try:
            senders.send()
        finally:
            senders.is_over.set()

    with ThreadPoolExecutor(max_workers=SENDERS) as pool:
        running: list[Future[None]] = [pool.submit(one_after_the_other) for _ in range(SENDERS)]
        try:
            yield senders
        finally:
            senders.is_over.set()
        for sender in running:
            sender.result()


@dataclass
class Served:
    """A web server behind sockets of systemd, and what the next one finds in its file of secrets."""

    manager: Systemd
    secrets: dict[str, str]

    @property
    def process(self) -> int:
        """The one server, which has the name of its unit."""
        assert list(self.manager.servers) == ["kanal-web"]
        return self.manager.servers["kanal-web"].pid


@pytest.fixture
def served(live_cast: Cast) -> Iterator[Served]:
    secrets = {
        "DATABASE_URL": database_url(),
        "TEAM_KEY_PINS": live_cast.pins,
        "EVIDENCE_DIR": str(settings.EVIDENCE_DIR),
        "WEB_WORKERS": "1",
        "WEB_THREADS": "4",
        "WEB_GRACEFUL_SECONDS": str(3 * PATIENCE),
    }
    with systemd(lambda: environment_of(secrets)) as manager:
        assert manager.start("kanal-web"), (manager.folder / "web.log").read_text()
        yield Served(manager, secrets)


def test_no_request_fails_while_version_and_key_are_replaced(served: Served) -> None:
    first, second = BoxPair.new(), BoxPair.new()
    codes = [send_with_file(Fresh(HOST, served.manager.port), photo())]
    with sending(served.manager.port) as senders, ThreadPoolExecutor(max_workers=1) as pool:
        for pair in (first, second):
            before = served.process
            served.secrets["WORKER_PUBLIC_KEY"] = pair.public.hex()
            held = Held(served.manager.port)
            uploading = pool.submit(
                send_with_file, Fresh(HOST, served.manager.port), photo() + bytes(1024 * 1024), held
            )
            assert held.has_begun.wait(PATIENCE)
            threading.Thread(target=let_end, args=(served, held, served.manager.asked.count(RESTART))).start()
            done = served.manager.run("deploy/reload-web")
            assert done.returncode == 0, done.stderr
            assert served.process != before
            codes += [uploading.result(), send_with_file(Fresh(HOST, served.manager.port), photo())]
            senders.go_on()
    assert Complaint.objects.count() == len({*senders.codes, *codes}) == len(senders.codes) + len(codes)
    keys = {"WORKER_PRIVATE_KEY": second.private.hex(), "WORKER_PREVIOUS_KEYS": [first.private.hex(), "22" * 32]}
    with override_settings(**keys, WORKER_PUBLIC_KEY=second.public.hex()):
        while processing.process_pending():
            pass
    assert list(Evidence.objects.values_list("state", flat=True)) == [Evidence.State.READY] * len(codes)


def let_end(served: Served, held: Held, before: int) -> None:
    """Let an upload go on once the server that has begun it was asked to end."""
    with suppress(AssertionError):
        wait_for(lambda: served.manager.asked.count(RESTART) > before, 3 * PATIENCE)
    held.may_end.set()


def test_a_version_that_does_not_start_replaces_nothing(served: Served) -> None:
    before = served.process
    served.secrets["ONION_BIND"] = f"{HOST}:1"
    with sending(served.manager.port) as senders:
        done = served.manager.run("deploy/reload-web")
        assert (done.returncode, "the old one goes on" in done.stderr) == (1, True)
        assert served.process == before
        senders.go_on()
    assert RESTART not in served.manager.asked
    assert not list(served.manager.folder.glob("*.service"))


# --- A new schema


# Each a migration: a transaction that locks one table.
SYNTHETIC = (
    (operations.CreateModel("Later", [("id", models.UUIDField(primary_key=True)), ("case", TO_CASE)]),),
    (operations.AddField("complaint", "later", models.CharField(max_length=9, null=True)),),
    (
        operations.AddField("case", "counted", models.IntegerField(db_default=0)),
        operations.AddConstraint(
            "case", models.CheckConstraint(condition=models.Q(counted__gte=0), name="case_counted_from_nothing")
        ),
        operations.AddIndex("case", models.Index(fields=["counted"], name="case_counted")),
    ),
    (operations.AddField("evidence", "looked_at", models.BooleanField(db_default=False)),),
    (
        operations.RemoveConstraint("jobrun", LIST),
        operations.AddConstraint("jobrun", job_names([*JobName.values, "later"])),
    ),
)
STRUCTURE = """
SELECT table_name || '.' || column_name, data_type FROM information_schema.columns WHERE table_schema = current_schema()
UNION ALL SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid <> 0
UNION ALL SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema() ORDER BY 1, 2
"""


def structure() -> list[tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute(STRUCTURE)
        return list(cursor.fetchall())


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite makes tables anew; a trial portal is stopped for it")
def test_the_release_before_goes_on_while_the_schema_grows_and_shrinks(served: Served) -> None:
    state, applied = MigrationLoader(None).project_state(INITIAL), []
    for number, parts in enumerate(SYNTHETIC, start=2):
        migration = Migration(f"{number:04}_synthetic", APP)
        migration.operations = list(parts)
        applied.append((migration, state.clone()))
        assert list(Rules(migration, state).faults()) == []
    before = structure()
    with sending(served.manager.port) as senders:
        senders.go_on()
        for migration, before_it in applied:
            with connection.schema_editor() as editor:
                migration.apply(before_it.clone(), editor)
        grown = structure()
        senders.go_on()
        for migration, before_it in reversed(applied):
            with connection.schema_editor() as editor:
                migration.unapply(before_it.clone(), editor)
        senders.go_on()
    assert len(grown) > len(before)
    assert structure() == before
    assert Complaint.objects.count() == len(senders.codes)
