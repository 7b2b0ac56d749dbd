"""Every alarm set off by what is stored, not by a made-up look: its mail arrives, and the page has its words."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from django.db import OperationalError
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape
from django.utils.translation import override
from pytest_django import Settings

from bench.server import free_port
from complaints.management.commands import watch
from complaints.models.job import JobName, JobRun
from complaints.models.measurement import Measurement
from complaints.services import alarms, measurement
from complaints.services.audit import batches, log, named_faults, nightly_run
from complaints.services.audit.faults import Fault
from tests.world import Cast, SignedIn

pytestmark = pytest.mark.django_db


class MailServer(socketserver.ThreadingTCPServer):
    """Takes every mail, as SMTP says, and keeps its subject."""

    allow_reuse_address = daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.subjects: set[str] = set()


class _Session(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self._say(220)
        while line := self.rfile.readline().upper():
            if line.startswith(b"DATA"):
                self._say(354)
                lines = iter(self.rfile.readline, b".\r\n")
                message = message_from_bytes(b"".join(lines), policy=policy.default)
                self.server.subjects.add(str(message["Subject"]))
            self._say(221 if line.startswith(b"QUIT") else 250)

    def _say(self, code: int) -> None:
        self.wfile.write(b"%d ok\r\n" % code)


@pytest.fixture
def mail_server(settings: Settings, tmp_path: Path) -> Iterator[MailServer]:
    with MailServer() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = server.server_address
        settings.ALARM_MAIL = "operator@example.invalid"
        settings.AUDIT_HEADS_FILE = tmp_path / "audit" / "heads.txt"
        yield server
        server.shutdown()


def everything_is_wrong(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bring about by rows, clocks and addresses each state that an alarm speaks of."""
    now = timezone.now()
    long_ago = now - timedelta(days=30)
    # Of the chain: the last closed day is old, no verification has finished, no backup was made or rehearsed.
    log.append(event="day.closed", now=long_ago, facts={"batch": 1, "day": str(timezone.localdate(long_ago))})
    monkeypatch.setattr(nightly_run, "_is_new", lambda _today: False)
    named_faults.store([Fault(1, "entry.altered")], today=timezone.localdate())
    # Of the jobs: all have failed, and the one that is due longest has waited for a day.
    JobRun.objects.all().delete()
    overdue = {"due_at": now - timedelta(days=1), "failures": 3}
    JobRun.objects.bulk_create([JobRun(name=name, **overdue) for name in JobName])
    # Of the rounded figures, which are of the day before yesterday.
    figures = {"taken_at": now - timedelta(days=2), "store_free": 5, "disk_free": 5, "drafts_used": 60}
    figures |= {"files_waiting": 60, "files_failed": 20, "jobs_failing": 1, "worker_key_on": long_ago.date()}
    Measurement.objects.update_or_create(pk=1, defaults=figures)
    # Of the machine: its clock, and a proxy that does not answer.
    database_now = batches.database_now
    monkeypatch.setattr(batches, "database_now", lambda: database_now() + timedelta(minutes=20))
    settings.PUBLIC_ORIGIN, settings.PROXY_ADDRESS = f"https://lapor.example.go.id:{free_port()}", "127.0.0.1"
    measurement._last_shown.clear()


def test_every_alarm_arrives_by_mail_and_stands_on_the_page(
    cast: Cast,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    mail_server: MailServer,
    signed_in: SignedIn,
) -> None:
    everything_is_wrong(settings, monkeypatch)
    alarms._told.clear()
    monkeypatch.setattr(watch.connections, "close_all", lambda: None)
    assert watch.look(now=timezone.now(), was_away=False)
    page = signed_in("adi").get(reverse("admin:operation")).content.decode()
    with override("id"):
        for alarm in alarms.ALARMS:
            if alarm.is_due is not None:
                assert str(alarm.words) in mail_server.subjects, alarm.code
                assert escape(str(alarm.words)) in page and escape(str(alarm.advice)) in page, alarm.code
        # Of the database nobody can read on a page while it is away.
        monkeypatch.setattr(measurement, "watched", lambda **_now: (_ for _ in ()).throw(OperationalError()))
        assert not watch.look(now=timezone.now(), was_away=True)
        assert str(alarms.BY_CODE["database"].words) in mail_server.subjects
    measurement._last_shown.clear()
