"""Each alarm is set off once, mailed once a day to whom it is for, and told in words by the doctor."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.core.management import call_command
from django.db import OperationalError
from django.utils import timezone
from pytest_django import Settings

from bench.proxy import NAME, nginx_path, proxied
from complaints.adapters import certificate
from complaints.adapters.certificate import Certificate
from complaints.management.commands import doctor, watch
from complaints.models.job import JobName, JobRun
from complaints.models.measurement import Measurement
from complaints.models.session import Heartbeat
from complaints.models.team import Staff
from complaints.services import alarms, measurement, scheduled
from complaints.services.audit import log, named_faults, node_files, recorded_backups
from complaints.services.audit.batches import database_now
from complaints.services.audit.faults import Fault
from complaints.services.measurement import Watched
from tests.adapters.test_malware import clamd_process
from tests.project.test_tooling import needs_proc
from tests.runner import only_due
from tests.world import Cast, at, close_batch, send_report

DAY = date(2026, 11, 9)
NOW = at(DAY, 9)
SHOWN = Certificate("lapor.example.go.id", NOW - timedelta(days=10), NOW + timedelta(days=80))
NEAR_END = Certificate("lapor.example.go.id", NOW - timedelta(days=77), NOW + timedelta(days=13))


@pytest.fixture(autouse=True)
def _mailed_to(settings: Settings) -> None:
    settings.ALARM_MAIL = "operator@example.invalid"
    settings.AUDIT_HEADS_MAIL = "kepala@example.invalid"


@pytest.fixture
def sound(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> Watched:
    """What is watched of an installation in which nothing is wrong."""
    only_due()
    recorded_backups.record_made(digest="a" * 64, now=at(DAY, 2))
    recorded_backups.record_rehearsed(digest="a" * 64, day=DAY, now=at(DAY, 3))
    measurement.measure(now=NOW)
    monkeypatch.setattr(measurement, "certificates", lambda: (SHOWN,))
    watched = replace(measurement.watched(now=NOW), is_verification_late=False, do_clocks_differ=False)
    assert list(alarms.due(watched)) == []
    return watched


def with_figures(**figures: Any) -> Callable[[Watched], Watched]:
    """Return what changes the rounded figures."""

    def change(watched: Watched) -> Watched:
        Measurement.objects.update(**figures)
        return replace(watched, measured=Measurement.objects.get())

    return change


def with_facts(**facts: Any) -> Callable[[Watched], Watched]:
    """Return what changes other facts."""
    return lambda watched: replace(watched, **facts)


BACKUPS = recorded_backups.LastBackups(DAY, DAY, is_late=False, is_rehearsal_late=False)
CASES: list[tuple[str, Callable[[Watched], Watched]]] = [
    ("jobs", with_facts(waited=timedelta(minutes=30))),
    ("jobs", with_facts(waited=None)),
    ("failing", with_facts(jobs_given_up=1)),
    ("faults", with_facts(faults=1)),
    ("verification", with_facts(is_verification_late=True)),
    ("heads", with_facts(head_on=DAY - timedelta(days=3))),
    ("clock", with_facts(do_clocks_differ=True)),
    ("backup", with_facts(backups=replace(BACKUPS, is_late=True))),
    ("certificate", with_facts(certificates=(SHOWN, Certificate("kantor.example.go.id", problem="refused")))),
    ("certificate", with_facts(certificates=(Certificate("lapor.example.go.id", problem="away"),))),
    (
        "certificate",
        with_facts(certificates=(replace(SHOWN, begins=NOW - timedelta(days=77), ends=NOW + timedelta(days=13)),)),
    ),
    ("worker_key", with_facts(is_worker_key_stale=True)),
    ("worker_key", with_figures(worker_key_on=DAY - timedelta(days=15))),
    ("figures", with_facts(measured=None)),
    ("figures", with_figures(taken_at=NOW - timedelta(hours=19))),
    ("space", with_figures(store_free=5)),
    ("space", with_figures(disk_free=5, store_free=None)),
    ("files", with_figures(files_failed=10)),
    ("files", with_figures(files_waiting=50)),
    ("file_jobs", with_figures(jobs_failing=1)),
    ("drafts", with_figures(drafts_used=50)),
    ("rehearsal", with_facts(backups=replace(BACKUPS, is_rehearsal_late=True))),
]


@pytest.mark.parametrize(("code", "change"), CASES, ids=[f"{at} {code}" for at, (code, _change) in enumerate(CASES)])
def test_each_alarm_is_mailed_once_a_day(sound: Watched, code: str, change: Callable[[Watched], Watched]) -> None:
    watched = change(sound)
    assert alarms.tell_due(watched) == [code]
    subjects = {str(message.subject) for message in mail.outbox}
    assert len(subjects) >= 1
    assert ["operator@example.invalid"] in [message.to for message in mail.outbox]
    sent = len(mail.outbox)
    assert alarms.tell_due(watched) == []
    assert len(mail.outbox) == sent
    assert alarms.tell(code, today=DAY + timedelta(days=1))


def test_every_alarm_is_seen() -> None:
    assert {code for code, _change in CASES} | {"database"} == set(alarms.BY_CODE)


def test_what_a_reporter_may_set_off_follows_from_the_rounded_figures_alone(sound: Watched) -> None:
    """So its mail leaves at fixed hours, whatever was done meanwhile."""
    JobRun.objects.filter(name__in=measurement.JOBS_OF_REPORTERS).update(failures=5)
    for _report in range(3):
        send_report(today=DAY)
    watched = replace(measurement.watched(now=NOW), is_verification_late=False, do_clocks_differ=False)
    assert list(alarms.due(watched)) == []
    assert watched.measured == sound.measured


def test_the_mail_says_what_is_wrong_and_what_to_do_in_the_readers_language(sound: Watched) -> None:
    Staff.objects.filter(username="adi").update(language="en", email="adi@example.invalid")
    alarms.tell("backup", today=DAY)
    by_reader = {message.to[0]: f"{message.subject}\n{message.body}" for message in mail.outbox}
    assert "No backup of the portal was made for more than two days" in by_reader["adi@example.invalid"]
    assert "manage.py backup" in by_reader["operator@example.invalid"]
    assert "cadangan" in by_reader["operator@example.invalid"].lower()
    assert "kepala@example.invalid" not in by_reader, "auditors keep heads, and are told of the records alone"


def test_a_fault_is_told_at_once_and_not_again_by_the_nights_run(sound: Watched, cast: Cast) -> None:
    named_faults.store([Fault(7, "case.status", "KN-26-ABCDEF", "verified.1")], today=DAY)
    watched = measurement.watched(now=NOW)
    assert watched.faults == 1 and watched.last_fault and watched.last_fault.fault.code == "case.status"
    assert "faults" in alarms.tell_due(replace(watched, is_verification_late=False))
    told = [message.to[0] for message in mail.outbox]
    assert {"operator@example.invalid", "kepala@example.invalid"} <= set(told)
    mail.outbox.clear()
    scheduled.verify_chain(today=DAY)
    assert [message for message in mail.outbox if "Gangguan" in str(message.subject)] == []


def test_a_silent_job_runner_is_seen_in_the_rows_of_its_jobs(sound: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    JobRun.objects.filter(name=JobName.HEARTBEAT).update(due_at=database_now() - timedelta(hours=2))
    assert "jobs" in {alarm.code for alarm in alarms.due(measurement.watched(now=NOW))}


def test_a_stale_worker_key_is_seen(sound: Watched) -> None:
    Heartbeat.objects.create(beat_at=NOW, worker_key=b"x" * 32)
    assert "worker_key" in {alarm.code for alarm in alarms.due(measurement.watched(now=NOW))}


def test_a_closed_day_is_seen(sound: Watched) -> None:
    send_report(today=DAY)
    close_batch(at(DAY + timedelta(days=1), 0))
    # A batch bears the day on which it was opened; that of a new portal is the day of its migration.
    assert measurement.watched(now=NOW).head_on == date.fromisoformat(log.heads()[0].day)


def test_a_node_that_cannot_write_its_file_mails_once_too(sound: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_files, "write", lambda *args: False)
    monkeypatch.setattr(node_files, "is_writable", lambda: False)
    monkeypatch.setattr(alarms, "_told", {})
    assert alarms.tell("backup", today=DAY)
    assert not alarms.tell("backup", today=DAY)


# --- The watch


def test_the_watch_tells_a_database_that_is_away_twice_in_a_row(
    sound: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(**_now: object) -> Watched:
        raise OperationalError

    monkeypatch.setattr(watch.connections, "close_all", lambda: None)
    monkeypatch.setattr(measurement, "watched", away)
    assert not watch.look(now=NOW, was_away=False)
    assert mail.outbox == [], "a restart is no alarm"
    assert not watch.look(now=NOW, was_away=True)
    assert [message.to for message in mail.outbox] == [["operator@example.invalid"]]
    monkeypatch.setattr(measurement, "watched", lambda **_now: replace(sound, jobs_given_up=1))
    assert watch.look(now=NOW, was_away=True)
    assert len(mail.outbox) > 1


# --- The certificate


@pytest.mark.parametrize(("lasts", "left", "expected"), [(90, 15, False), (90, 13, True), (6, 2, False), (6, 1, True)])
def test_a_certificate_is_near_its_end_by_how_long_it_lasts(lasts: int, left: int, expected: bool) -> None:
    ends = NOW + timedelta(days=left)
    assert Certificate("x", ends - timedelta(days=lasts), ends).is_near_end(NOW) is expected


def test_nobody_who_answers_is_a_problem_of_its_own() -> None:
    assert certificate.shown_for("localhost", address="127.0.0.1", port=9).problem == "away"


@needs_proc
@pytest.mark.skipif(nginx_path() is None, reason="SKIPPED: no nginx here; .ci/nginx installs it")
def test_the_certificate_of_the_shipped_proxy_is_read_and_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    with proxied(9) as proxy:
        asked = {"address": "127.0.0.1", "port": proxy.https_port}
        assert certificate.shown_for(NAME, **asked).problem == "refused", "no system knows the authority of the tests"
        known = ssl.create_default_context(cafile=str(proxy.folder / "fullchain.pem"))
        monkeypatch.setattr(certificate.ssl, "create_default_context", lambda: known)
        shown = certificate.shown_for(NAME, **asked)
        assert shown.ends == proxy.authority.issued.not_valid_after_utc
        assert not shown.is_near_end(timezone.now()), "half of its two days are left"
        assert certificate.shown_for("other.example", **asked).problem == "refused"


def test_only_an_https_origin_has_a_certificate(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str, int]] = []

    def shown_for(name: str, *, address: str, port: int) -> Certificate:
        asked.append((name, address, port))
        return SHOWN

    monkeypatch.setattr(certificate, "shown_for", shown_for)
    monkeypatch.setattr(measurement, "_last_shown", [])
    settings.PUBLIC_ORIGIN, settings.STAFF_ORIGIN = "http://localhost:8000", ""
    assert measurement.certificates() == ()
    monkeypatch.setattr(measurement, "_last_shown", [])
    settings.PUBLIC_ORIGIN, settings.STAFF_ORIGIN = "https://lapor.example.go.id", "https://lapor.example.go.id:8443"
    assert len(measurement.certificates()) == len(measurement.certificates()) == 2
    assert asked == [("lapor.example.go.id", "127.0.0.1", 443), ("lapor.example.go.id", "127.0.0.1", 8443)]


# --- The doctor


@pytest.fixture
def _no_deployment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The checks of check --deploy have tests of their own (tests/project/test_deploy_check.py)."""
    monkeypatch.setattr(doctor.checks, "run_checks", lambda **_options: [])


def examined(*arguments: str) -> tuple[int, str]:
    out, status = StringIO(), 0
    try:
        call_command("doctor", *arguments, stdout=out)
    except SystemExit as ended:
        status = int(str(ended.code))
    return status, out.getvalue()


@pytest.mark.usefixtures("_no_deployment")
def test_the_doctor_finds_nothing_wrong_with_a_sound_installation(
    sound: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measurement, "watched", lambda **_now: sound)
    status, text = examined()
    assert (status, "0 wrong, 0 to weigh." in text) == (0, True), text
    assert "Last backup: 2026-11-09." in text and "ends on 2027-01-28" in text


@pytest.mark.usefixtures("_no_deployment")
@pytest.mark.parametrize(("code", "change"), CASES[::2], ids=[code for code, _change in CASES[::2]])
def test_the_doctor_names_each_alarm_and_how_to_mend_it(
    sound: Watched, monkeypatch: pytest.MonkeyPatch, code: str, change: Callable[[Watched], Watched]
) -> None:
    changed = change(sound)
    monkeypatch.setattr(measurement, "watched", lambda **_now: changed)
    status, text = examined("--json")
    wrong = [finding for finding in json.loads(text) if finding["state"] == "wrong"]
    assert status == 1
    assert [finding["id"] for finding in wrong] == [code]
    assert wrong[0]["hint"]


@pytest.mark.usefixtures("_no_deployment")
def test_the_doctor_meets_a_dead_database_store_redis_and_mail_server(
    sound: Watched, monkeypatch: pytest.MonkeyPatch, settings: Settings, tmp_path: Path
) -> None:
    def away(*args: object, **_now: object) -> Any:
        raise OperationalError("could not connect as kanal_web with password geheim")

    monkeypatch.setattr(measurement, "watched", away)
    monkeypatch.setattr(
        "complaints.adapters.store.EvidenceFileStorage.put", lambda *args: (_ for _ in ()).throw(OSError())
    )
    settings.CACHES = {
        "default": {
            "BACKEND": "portal.cache.OptionalRedisCache",
            "LOCATION": "redis://:geheim@127.0.0.1:9/0",
            "OPTIONS": {"serializer": "portal.cache.JSONSerializer", "socket_connect_timeout": 1},
        }
    }
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_HOST_PASSWORD = "127.0.0.1", 9, "geheim"
    settings.CLAMD_SOCKET = str(tmp_path / "none.sock")
    status, text = examined()
    assert status == 1
    for words in ("does not answer (OperationalError)", "storage cannot be written", "Redis does", "clamd does not",
                  "mail server does not"):  # fmt: skip
        assert words in text, text
    assert "geheim" not in text


@pytest.mark.usefixtures("_no_deployment")
def test_the_doctor_tries_the_limits_of_clamd(sound: Watched, settings: Settings) -> None:
    with clamd_process() as (folder, _process):
        settings.CLAMD_SOCKET = str(folder / "clamd.sock")
        settings.EVIDENCE_MAX_FILE_BYTES = 1024 * 1024
        first = next(doctor._scanner())
        assert (first.state, first.id) == ("in order", "clamd")
        assert not any("largest size" in finding.text for finding in doctor._scanner())
        settings.EVIDENCE_MAX_FILE_BYTES = 3 * 1024 * 1024
        assert any("largest size" in finding.text for finding in doctor._scanner())


def test_the_day_of_signatures_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.malware, "_connect", lambda *args: __import__("io").BytesIO())
    monkeypatch.setattr(doctor.malware, "_send", lambda *args: True)
    monkeypatch.setattr(doctor.malware, "_receive", lambda _line: "ClamAV 1.0.3/27100/Mon Nov  9 07:00:00 2026")
    assert doctor.malware.signatures_of(socket_path="x") == datetime(2026, 11, 9, 7, tzinfo=UTC)


def test_a_clock_that_was_never_set_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(doctor, "_TIMESYNC", tmp_path)
    assert [finding.id for finding in doctor._time()] == ["time"]
    (tmp_path / "synchronized").touch()
    assert list(doctor._time()) == []
