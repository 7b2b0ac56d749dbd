"""What surrounds the portal: each unsafe setting is refused by the id that the manual names, each sound one passes."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.test import override_settings

from complaints import environment_checks
from tests.webserver import ONION_HOST

# The checks read them; nothing here opens a connection.
pytestmark = pytest.mark.filterwarnings("ignore:Overriding setting DATABASES")
LOCKED_ON = datetime.combine(date.fromisoformat(environment_checks.LOCKED_ON.read_text().strip()), time(12), UTC)
PLACE = {"ENGINE": "portal.postgresql", "NAME": "kanal", "HOST": "db.example.go.id", "OPTIONS": {}}
SMTP = {"EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend", "EMAIL_HOST": "surat.example.go.id"}


# The same with another letter has another checksum.
ONION = f"http://{ONION_HOST}"
MISTYPED = ONION.replace("//aa", "//ba")
SECRET = "".join(f"{number:02x}" for number in range(32))
PUBLIC = {"PUBLIC_ORIGIN": "https://lapor.example.go.id"}
STAFF = {**PUBLIC, "STAFF_ORIGIN": "https://kantor.example.go.id"}
TOR = {"ONION_ORIGIN": ONION, "ONION_BIND": "127.0.0.1:8001"}


def ids(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> set[str]:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(environment_checks, "MEMORY_DEVICES", ("/dev/sev-guest", changes.pop("MEMORY", "/")))
    with override_settings(**{"CLAMD_SOCKET": "/run/clamd.ctl", **changes}), time_machine.travel(LOCKED_ON):
        messages = environment_checks.check_environment(None)
    assert all(message.hint for message in messages)
    return {str(message.id).removeprefix("portal.") for message in messages}


def database(host: str, mode: str = "", *, role: str = "", sslcert: str = "/etc/kanal.crt") -> dict[str, Any]:
    """The settings of a database, or of one more role that signs in there."""
    place = {**PLACE, "HOST": host, "OPTIONS": {"sslmode": mode, "sslcert": sslcert} if mode else {}}
    if role:
        return {"DATABASES": {"default": {**PLACE, "HOST": ""}}, "DATABASE_ROLES": {role: place}}
    return {"DATABASES": {"default": place}, "DATABASE_ROLES": {}}


def redis(location: Any) -> dict[str, Any]:
    return {"CACHES": {"default": {"BACKEND": "portal.cache.OptionalRedisCache", "LOCATION": location}}}


@pytest.mark.parametrize(
    ("bad", "expected"),
    [
        (database("db.example.go.id"), "E035"),
        (database("10.0.0.5"), "E035"),
        (database("db.example.go.id", "prefer"), "E035"),
        (database("db.example.go.id", "require"), "E035"),
        (database("db.example.go.id", "verify-full", sslcert=""), "W012"),
        (database("localhost,db.example.go.id"), "E035"),
        (database("db.example.go.id", role="DATABASE_JOBS_URL"), "E035"),
        (redis("redis://cache.example.go.id:6379/0"), "E036"),
        (redis(["redis://127.0.0.1", "redis://10.0.0.5"]), "E036"),
        (redis("rediss://cache.example.go.id?ssl_cert_reqs=none"), "E036"),
        (redis("invalid:"), "E036"),
        (SMTP, "E037"),
        ({"SESSION_COOKIE_AGE": 1801}, "E038"),
        ({"SESSION_ABSOLUTE_AGE": 99_999_999}, "E038"),
        ({"ADMIN_PATH": "/"}, "E041"),
        ({"BIND": "0.0.0.0:8000"}, "E042"),
        ({"BIND": "[::]:8000"}, "E042"),
        ({"BIND": ":8000"}, "E042"),
        ({"BIND": "[::1:8000"}, "E042"),
        ({"BIND": "127.0.0.1:8000,10.0.0.5:8000"}, "E042"),
        ({"BIND": "10.0.0.5:8000", "BEHIND_PROXY": True}, "E042"),
        ({"CLAMD_SOCKET": ""}, "W010"),
        ({"MEMORY": "/dev/nothing"}, "W011"),
        ({"EVIDENCE_MIN_FREE_BYTES": 0}, "E043"),
        ({"DRAFT_MAX_BYTES": 2**30, "DRAFT_TEXT_BYTES": 2**30}, "E063"),
        ({**TOR, "ONION_ORIGIN": MISTYPED}, "E054"),
        ({**TOR, "ONION_ORIGIN": ONION.replace("http:", "https:")}, "E054"),
        ({**TOR, "ONION_ORIGIN": f"{ONION}/"}, "E054"),
        ({**TOR, "ONION_ORIGIN": "http://expyuzz4wqqyqhjn.onion"}, "E054"),
        ({**TOR, "ONION_ORIGIN": f"http://{'1' * 56}.onion"}, "E054"),
        ({**TOR, "ONION_ORIGIN": "http://lapor.example.go.id"}, "E054"),
        ({**TOR, "ONION_ORIGIN": ONION.replace("//a", "//\u00e9")}, "E054"),
        ({"ONION_ORIGIN": ONION}, "E055"),
        ({"ONION_BIND": "127.0.0.1:8001"}, "E055"),
        ({**TOR, "ONION_BIND": "0.0.0.0:8001"}, "E056"),
        ({**TOR, "ONION_BIND": ":8001"}, "E056"),
        ({**TOR, "ONION_BIND": "[::]:8001"}, "E056"),
        ({**TOR, "ONION_BIND": "10.0.0.5:8001"}, "E056"),
        ({**TOR, "ONION_BIND": "[:8001"}, "E056"),
        ({**TOR, "ONION_BIND": "localhost:8001"}, "E056"),
        ({**TOR, "BIND": "127.0.0.1:8000,127.0.0.1:8001"}, "E056"),
        ({"METRICS_BIND": "0.0.0.0:8002"}, "E080"),
        ({"METRICS_BIND": "8.8.8.8:8002"}, "E080"),
        ({"METRICS_BIND": "[::]:8002"}, "E080"),
        ({"METRICS_BIND": ":8002"}, "E080"),
        ({"METRICS_BIND": "127.0.0.1:8000", "BIND": "127.0.0.1:8000"}, "E080"),
        ({**TOR, "METRICS_BIND": "127.0.0.1:8001"}, "E080"),
        ({**STAFF, "STAFF_ORIGIN": "https://lapor.example.go.id"}, "E057"),
        ({**STAFF, "STAFF_ORIGIN": "https://LAPOR.example.go.id:443"}, "E057"),
        ({**STAFF, "STAFF_ORIGIN": "http://kantor.example.go.id"}, "E057"),
        ({**STAFF, "STAFF_ORIGIN": "invalid:"}, "E057"),
        ({**STAFF, "STAFF_ORIGIN": "https://kantor.example.go.id/kantor/"}, "E057"),
        ({**STAFF, "STAFF_ORIGIN": "kantor.example.go.id"}, "E057"),
        ({**STAFF, "STAFF_ORIGIN": "https://kantor.example.go.id:PORT"}, "E057"),
        ({**STAFF, "STAFF_ORIGIN": "https://kantor.example.go.id:99999"}, "E057"),
        ({**STAFF, "STAFF_ORIGIN": "https://kantor.example.go.id#kantor"}, "E057"),
        ({**STAFF, "STAFF_ORIGIN": "https://kantor.example.go.id#"}, "E057"),
        ({**STAFF, "STAFF_ORIGIN": "https://kantor.example.go.id?"}, "E057"),
        ({**STAFF, "STAFF_ORIGIN": "https://kantor.example.go.id:"}, "E057"),
        ({**STAFF, "STAFF_ORIGIN": "https://kantor.example.go.id:0"}, "E057"),
        ({**STAFF, "STAFF_ORIGIN": "https://@kantor.example.go.id"}, "E057"),
        ({**STAFF, "STAFF_CLIENT_CERT": SECRET}, "E058"),
        ({**PUBLIC, "BEHIND_PROXY": True, "STAFF_CLIENT_CERT": SECRET}, "E058"),
        ({**STAFF, "BEHIND_PROXY": True, "STAFF_CLIENT_CERT": "true"}, "E059"),
        ({**STAFF, "BEHIND_PROXY": True, "STAFF_CLIENT_CERT": "11" * 32}, "E059"),
        ({**STAFF, "BEHIND_PROXY": True, "STAFF_CLIENT_CERT": SECRET[:32]}, "E059"),
    ],
    ids=str,
)
def test_an_unsafe_setting_is_refused(monkeypatch: pytest.MonkeyPatch, bad: dict[str, Any], expected: str) -> None:
    assert ids(monkeypatch, **bad) == {expected}


@pytest.mark.parametrize(
    "sound",
    [
        {},
        database(""),
        database("/var/run/postgresql"),
        database("127.0.0.1"),
        database("db.example.go.id", "verify-full"),
        database("db.example.go.id", "verify-ca"),
        redis("redis://127.0.0.1:6379/0"),
        redis("rediss://cache.example.go.id"),
        redis("unix:///run/redis.sock"),
        {**SMTP, "EMAIL_HOST": "localhost"},
        {**SMTP, "EMAIL_USE_TLS": True},
        {**SMTP, "EMAIL_USE_SSL": True},
        {"SESSION_COOKIE_AGE": 600, "SESSION_ABSOLUTE_AGE": 3600},
        {"BIND": "[::1]:8000"},
        {"BIND": "unix:/run/kanal.sock"},
        {"METRICS_BIND": "127.0.0.1:8002"},
        {"METRICS_BIND": "10.0.0.5:8002"},
        {"METRICS_BIND": "unix:/run/kanal-netral/metrics.sock"},
        TOR,
        {**TOR, "ONION_BIND": "[::1]:8001"},
        {**TOR, "ONION_BIND": "unix:/run/kanal-netral/onion.sock"},
        STAFF,
        {**STAFF, "STAFF_ORIGIN": "https://lapor.example.go.id:8443"},
        {**STAFF, "BEHIND_PROXY": True, "STAFF_CLIENT_CERT": SECRET},
    ],
    ids=str,
)
def test_a_sound_setting_passes(monkeypatch: pytest.MonkeyPatch, sound: dict[str, Any]) -> None:
    assert ids(monkeypatch, **sound) == set()


def test_a_process_of_root_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert "portal.E039" in {message.id for message in environment_checks.check_environment(None)}


@pytest.mark.parametrize(
    ("mode", "expected"), [(0o600, set()), (0o640, set()), (0o644, {"E040"}), (0o660, {"E040"}), (0o602, {"E040"})]
)
def test_an_environment_file_that_others_can_read_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mode: int, expected: set[str]
) -> None:
    path = tmp_path / "portal.env"
    path.touch()
    path.chmod(mode)
    assert ids(monkeypatch, ENV_FILE=path) == expected


@pytest.mark.parametrize(("days", "expected"), [(90, set()), (91, {"portal.W013"})])
def test_components_that_are_too_old_are_told(days: int, expected: set[str]) -> None:
    with time_machine.travel(LOCKED_ON + timedelta(days)):
        assert {message.id for message in environment_checks._components()} == expected
