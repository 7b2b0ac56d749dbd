"""The metrics: on the inner listener alone, nothing in them moves with what a reporter does, and each value is true."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from bench.proxy import NAME, nginx_path, proxied
from bench.server import free_port
from complaints.models.evidence import Evidence
from complaints.models.job import JobName, JobRun
from complaints.models.measurement import Measurement
from complaints.models.team import Team, TeamKey
from complaints.services import follow_up, measurement, retention
from complaints.services.audit import recorded_backups
from complaints.services.audit.batches import database_now
from portal import health, metrics
from tests.project.test_proxy import ask
from tests.project.test_tooling import needs_proc
from tests.runner import only_due
from tests.services.test_whole_procedure import photo
from tests.webserver import HOST, WebServer, get, serving
from tests.world import Cast, at, sealed_upload, send_report

DAY = date(2026, 11, 9)


@pytest.fixture(autouse=True)
def _probed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A probe looks by a connection of its own, which sees no row of the test's transaction."""
    monkeypatch.setattr(health, "missing_part", lambda: "")
    monkeypatch.setattr("portal.metrics.connection.close", lambda: None)


def scraped(path: str = "/metrics", method: str = "GET") -> tuple[str, str]:
    answered: list[str] = []
    environ = {"PATH_INFO": path, "REQUEST_METHOD": method}
    content = b"".join(metrics.application(environ, lambda status, _headers: answered.append(status)))  # type: ignore[arg-type,return-value]
    return answered[0], content.decode()


def value(text: str, name: str) -> float:
    sample = re.search(rf"^kanal_{name}(?:{{.*}})? (\S+)$", text, re.M)
    assert sample, f"no sample of {name}"
    return float(sample[1])


# --- What moves with a reporter's act


def acts_of_reporters() -> None:
    """A report with a file, a message with another one, a report that is withdrawn, and an unfinished one."""
    sent = send_report(today=DAY)
    follow_up.add_message(ticket=sent.ticket, text="Ada lagi.", files=[sealed_upload(photo())], today=DAY)
    follow_up.withdraw(ticket=send_report(today=DAY).ticket, reason="", today=DAY)
    client = Client()
    client.post("/lapor/ditekan/", {"category": "netral"})
    client.post("/cek/", {"code": sent.code})
    assert Evidence.objects.filter(state=Evidence.State.PENDING).exists()


def test_two_scrapes_around_a_report_are_equal_but_for_what_the_clock_moves(cast: Cast) -> None:
    only_due()
    measurement.measure(now=at(DAY, 9))
    with time_machine.travel(at(DAY, 9), tick=False):
        before = scraped()
    acts_of_reporters()
    with time_machine.travel(at(DAY, 9) + timedelta(minutes=20), tick=False):
        after = scraped()
        assert before[0] == after[0] == "200 OK"
        clock_driven = re.compile(r"^kanal_job_wait_seconds .*$", re.M)
        assert clock_driven.sub("", before[1]) == clock_driven.sub("", after[1])
        measurement.measure(now=timezone.now())
        assert clock_driven.sub("", scraped()[1]) == clock_driven.sub("", before[1]), "the job was run by hand"


def test_a_job_on_a_large_file_moves_nothing(cast: Cast) -> None:
    """It runs for five minutes at most, and other jobs do not wait for it."""
    only_due()
    JobRun.objects.filter(name=JobName.PROCESS_EVIDENCE).update(due_at=database_now() - timedelta(minutes=6))
    assert value(scraped()[1], "job_wait_seconds") == 0
    JobRun.objects.filter(name=JobName.PROCESS_EVIDENCE).update(due_at=database_now() - timedelta(minutes=25))
    assert value(scraped()[1], "job_wait_seconds") == 1200


def test_a_job_that_reporters_may_break_is_told_with_the_rounded_figures(cast: Cast) -> None:
    only_due()
    measurement.measure(now=at(DAY, 9))
    JobRun.objects.update(failures=3)
    text = scraped()[1]
    others = len(JobName) - len(measurement.JOBS_OF_REPORTERS)
    assert (value(text, "jobs_given_up"), value(text, "file_jobs_given_up")) == (others, 0)
    measurement.measure(now=at(DAY, 12))
    assert value(scraped()[1], "file_jobs_given_up") == len(measurement.JOBS_OF_REPORTERS)


def test_figures_are_taken_once_in_a_quarter_of_the_day(cast: Cast) -> None:
    assert measurement.measure(now=at(DAY, 7))
    assert not measurement.measure(now=at(DAY, 11))
    assert Measurement.objects.get().taken_at == at(DAY, 6)
    assert measurement.measure(now=at(DAY, 12))
    assert Measurement.objects.get().taken_at == at(DAY, 12)


def test_figures_are_rounded(cast: Cast, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = send_report(today=DAY)
    follow_up.add_message(ticket=sent.ticket, text="", files=[sealed_upload(photo()) for _ in range(3)], today=DAY)
    measurement.measure(now=at(DAY, 1))
    assert Measurement.objects.get().files_waiting == 0
    follow_up.add_message(ticket=sent.ticket, text="", files=[sealed_upload(photo()) for _ in range(3)], today=DAY)
    settings.EVIDENCE_MAX_STORE_BYTES = 4 * 1024 * 1024
    measurement.measure(now=at(DAY, 7))
    figures = Measurement.objects.get()
    assert figures.files_waiting == 10
    shares = (figures.store_free, figures.disk_free, figures.drafts_used)
    assert all(share is not None and share % 5 == 0 and 0 <= share <= 100 for share in shares)
    assert figures.store_free != 100, "some of what the store may hold is taken"


def test_a_store_that_is_away_leaves_the_other_figures(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*args: Any) -> int:
        raise OSError

    monkeypatch.setattr("complaints.adapters.store.EvidenceFileStorage.free_bytes", away)
    assert measurement.measure(now=at(DAY, 7))
    text = scraped()[1]
    assert "store_free" not in text
    assert value(text, "disk_free_percent") >= 0


def test_a_sweep_of_drafts_moves_nothing(cast: Cast) -> None:
    only_due()
    measurement.measure(now=at(DAY, 9))
    before = scraped()[1]
    acts_of_reporters()
    retention.end_drafts(now=timezone.now() + timedelta(hours=3))
    assert scraped()[1] == before


# --- What they tell


def test_days_are_told_by_their_midnight(cast: Cast) -> None:
    recorded_backups.record_made(digest="a" * 64, now=at(DAY, 2))
    text = scraped()[1]
    assert value(text, "last_backup_timestamp_seconds") == at(DAY, 0).timestamp()
    assert "last_rehearsal" not in text, "what never happened has no sample"


def test_every_line_is_one_that_prometheus_reads(cast: Cast) -> None:
    measurement.measure(now=timezone.now())
    for line in scraped()[1].splitlines():
        sample = r"kanal_\w+(\{(?:name|team)=\"[\w.-]+\"\})? -?\d+"
        assert re.fullmatch(rf"# HELP \w+ .+\.|# TYPE \w+ gauge|{sample}", line), line


def test_nothing_counts_requests_or_reports(cast: Cast) -> None:
    measurement.measure(now=timezone.now())
    assert not re.search(r"request|report(?!ers)|visit|session|message|counter|_total", scraped()[1].lower())


def test_a_database_that_is_away_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    for missing in ("database", "time"):
        monkeypatch.setattr(health, "missing_part", lambda part=missing: part)
        assert scraped() == ("503 Service Unavailable", "database\n")


@pytest.mark.parametrize(
    ("path", "method"),
    [("/", "GET"), ("/cek/", "GET"), ("/kantor/masuk/", "GET"), ("/metrics", "POST"), ("/metrics/", "GET")],
)
def test_nothing_else_is_served_there(path: str, method: str) -> None:
    assert scraped(path, method) == ("404 Not Found", "")


# --- Where they are read


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[WebServer, int]]:
    """A web server and the port of its metrics."""
    port = free_port()
    with serving(tmp_path_factory.mktemp("metrics"), environment={"METRICS_BIND": f"{HOST}:{port}"}) as running:
        yield running, port


def inner(server: tuple[WebServer, int]) -> WebServer:
    running, port = server
    return WebServer(port, running.process, running.log)


@needs_proc
def test_the_inner_listener_has_no_page_and_the_public_one_no_metrics(server: tuple[WebServer, int]) -> None:
    assert inner(server).ask(get("/healthz", host="prometheus:9090")).status == 200
    # The server's database holds no table.
    assert inner(server).ask(get("/metrics", host="prometheus:9090")).text == "database\n"
    assert inner(server).ask(get("/cek/")).status == 404
    assert server[0].ask(get("/cek/")).status == 200
    for path in ("/metrics", "/metrics/", "/en/metrics", "/kantor/metrics"):
        assert server[0].ask(get(path)).status in (301, 302, 404), path


@needs_proc
@pytest.mark.skipif(nginx_path() is None, reason="SKIPPED: no nginx here; .ci/nginx installs it")
def test_the_public_proxy_leads_nobody_to_the_metrics(server: tuple[WebServer, int]) -> None:
    with proxied(server[0].port) as proxy:
        for path in ("/metrics", "/metrics/", "//metrics", "/%6detrics", "/en/metrics"):
            status, _head, text = ask(proxy, f"GET {path} HTTP/1.1\r\nHost: {NAME}\r\n\r\n")
            assert status in (301, 404), path
            assert "kanal_" not in text
        assert ask(proxy, f"GET /metrics HTTP/1.1\r\nHost: {NAME}\r\n\r\n")[0] == 404


def test_the_age_of_each_teams_key_is_told(cast: Cast) -> None:
    TeamKey.objects.update(made_at=at(DAY, 9))
    text = scraped()[1]
    for team in Team.objects.all():
        assert f'kanal_team_key_timestamp_seconds{{team="{team.slug}"}} {at(DAY, 0).timestamp():.0f}' in text
    TeamKey.objects.filter(team__slug="triage").update(made_at=at(DAY, 9) + timedelta(days=1))
    assert f'{{team="triage"}} {at(DAY, 0).timestamp() + 86400:.0f}' in scraped()[1]
