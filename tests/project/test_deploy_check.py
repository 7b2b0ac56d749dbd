"""``check --deploy`` lets a sound installation pass and refuses each unsafe one, by the id that the manual names.

A whole installation is made and checked in processes of its own, as an operator would. What can be wrong with it is
then tried one by one in this process, on the same database for all.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.core import checks
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import override_settings
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from complaints import checks as ours
from complaints.adapters import age_files, sandbox
from complaints.domain.operator import SAMPLE, Operator
from complaints.models.oversight import OversightBody
from complaints.models.session import Heartbeat
from complaints.models.team import Role, Staff, Team, TeamKey, TeamMembership
from complaints.services.keyring import Actor, Keyring
from complaints.services.team_keys import personal, rotation
from portal.secrets import new_secrets, write_once
from tests import settings as plain
from tests.database import built_once
from tests.roles import role_names
from tests.world import PASSWORD, Cast

ROOT = Path(__file__).resolve().parents[2]
# Where the tests run as root, as in a container, the check says so of them too.
OF_THE_MACHINE = {"E039"} if os.geteuid() == 0 else set()
# What depends on the machine's memory, and on the day on which the tests run.
WARNINGS_OF_THE_MACHINE = {"W011", "W013", "W014", "W022"}
SECRETS = new_secrets()
SOUND: dict[str, Any] = {
    "BACKUP_RECIPIENTS": str(age_files.Identity.generate().to_public()),
    **SECRETS,
    "DEBUG": False,
    "SAMPLE_MODE": False,
    "OPERATOR_AGENCIES": ("Kementerian Contoh",),
    "OPERATOR": SAMPLE,
    "PUBLIC_ORIGIN": "https://lapor.example.go.id",
    "SESSION_COOKIE_SECURE": True,
    "CSRF_COOKIE_SECURE": True,
    "SESSION_COOKIE_NAME": "__Secure-kantor",
    "CSRF_COOKIE_NAME": "__Host-csrf",
    "REPORTER_COOKIE_NAME": "__Host-lapor",
    "AUDIT_HEADS_MAIL": "kepala@example.invalid",
    "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
    "CLAMD_SOCKET": "/run/clamav/clamd.ctl",
    "KEY_WRAP_OPSLIMIT": 3,
    "KEY_WRAP_MEMLIMIT": 64 * 1024 * 1024,
    "PASSWORD_HASH_MEMORY_KIB": None,
}

BUILD = """
import getpass, django
django.setup()
from django.core.management import call_command
from complaints.models.team import Role
from complaints.services.team_keys import setup
call_command("migrate", verbosity=0)
call_command("load_catalog")
roles = {"triage": Role.VERIFIER, "separate": Role.VERIFIER, "body-bkn": Role.OVERSEER}
members, recovery = [], []
for slug, role in roles.items():
    for number in (1, 2):
        name = f"{slug}{number}"
        call_command("create_account", name, role=role.value, body="bkn" if role is Role.OVERSEER else None)
        members.append(f"{slug}:{name}")
    recovery.append(":".join([slug, setup.recovery_pair()[0], setup.recovery_pair()[0]]))
getpass.getpass = lambda prompt: "kalimat panjang buatan sendiri"
call_command("setup_keys", body=["bkn"], member=members, recovery=recovery)
"""


def run(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A production installation on SQLite: its secrets, teams and pins."""
    folder = tmp_path_factory.mktemp("production")
    write_once(folder / "portal.env")
    inherited = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    environment = {
        **inherited,
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "PORTAL_VAR": str(folder),
        "PORTAL_ORIGIN": "https://lapor.example.go.id",
        **{f"OPERATOR_{field.upper()}": text for field, text in asdict(SAMPLE).items()},
        "AUDIT_HEADS_MAIL": "kepala@example.invalid",
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
    }
    built = run(environment, "-c", BUILD)
    assert built.returncode == 0, built.stderr
    pins = [line for line in built.stdout.splitlines() if line.startswith("TEAM_KEY_PINS=")]
    with (folder / "portal.env").open("a") as file:
        file.write(pins[0] + "\n")
    return environment


def errors(done: subprocess.CompletedProcess[str]) -> set[str]:
    """The numbers of the errors that a process of ``check --deploy`` told."""
    assert "Traceback" not in done.stderr, done.stderr
    return set(re.findall(r"portal\.(E\d{3})", done.stderr))


alone = pytest.mark.skipif("DATABASE_URL" in os.environ, reason="brings its own SQLite, so once is enough")


@alone
def test_a_sound_installation_passes(installation: dict[str, str]) -> None:
    """But for the database: SQLite has no roles, and an installation on PostgreSQL is checked below."""
    done = run(installation, "manage.py", "check", "--deploy")
    assert errors(done) == {"E030"} | OF_THE_MACHINE


@alone
def test_an_unsafe_installation_is_refused(installation: dict[str, str]) -> None:
    unsafe = {"DEBUG": "true", "PORTAL_ORIGIN": "http://lapor.example.go.id", "STAFF_ORIGIN": "https://[kantor"}
    done = run({**installation, **unsafe}, "manage.py", "check", "--deploy")
    assert done.returncode != 0
    assert {"E001", "E009", "E010", "E057"} <= errors(done)


@alone
def test_no_secret_is_printed(installation: dict[str, str]) -> None:
    secrets = dict(
        line.split("=", 1) for line in Path(installation["PORTAL_VAR"], "portal.env").read_text().splitlines()
    )
    broken = {**installation, "PASSWORD_PEPPER": "ab" * 32, "SECRET_KEY": secrets["SERVER_SIGNING_KEY"][:40]}
    done = run(broken, "manage.py", "check", "--deploy")
    assert "portal.E003" in done.stderr
    assert not any(value in done.stdout + done.stderr for value in [*secrets.values(), "ab" * 32, broken["SECRET_KEY"]])


@pytest.mark.skipif(connection.vendor != "postgresql", reason="a public portal runs on PostgreSQL")
def test_a_sound_installation_on_postgresql_passes(shared_cast: Cast, tmp_path: Path) -> None:
    """From an empty database by the commands of the manual, each in a process of its own, to no error at all."""
    place, names = connection.settings_dict, role_names(suffix="_sound")
    database = f"{place['NAME']}_sound"
    admin = f"postgres://{place['USER']}:{place['PASSWORD']}@{place['HOST']}:{place['PORT'] or 5432}"
    write_once(tmp_path / "portal.env")
    environment = {
        **{name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")},
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "PORTAL_VAR": str(tmp_path),
        "PORTAL_ORIGIN": "https://lapor.example.go.id",
        "AUDIT_HEADS_MAIL": "kepala@example.invalid",
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        **{f"OPERATOR_{name}": "Badan Contoh" for name in ("NAME", "UNIT", "BASIS", "CONTACT", "ADDRESS_PUBLISHED")},
    }
    command = ["manage.py", "database_roles"]
    command += [word for kind, name in vars(names).items() for word in (f"--{kind}", name)]
    with psycopg.connect(f"{admin}/{place['NAME']}", autocommit=True) as server:
        server.execute(f"CREATE DATABASE {database}".encode())
        try:
            made = run(
                {**environment, "DATABASE_ADMIN_URL": f"{admin}/{database}"},
                *command,
                "--owner-file",
                str(tmp_path / "owner.env"),
            )
            assert made.returncode == 0, made.stderr
            owner = dict([(tmp_path / "owner.env").read_text().strip().split("=", 1)])
            for steps in (["manage.py", "migrate", "--verbosity", "0"], command):
                done = run(environment | owner, *steps)
                assert done.returncode == 0, done.stderr
            built = run({**environment, "DATABASE_URL": owner["DATABASE_OWNER_URL"]}, "-c", BUILD)
            assert built.returncode == 0, built.stderr
            with (tmp_path / "portal.env").open("a") as file:
                file.write(next(line for line in built.stdout.splitlines() if line.startswith("TEAM_KEY_PINS=")) + "\n")
            assert errors(run(environment, "manage.py", "check", "--deploy")) == OF_THE_MACHINE
            assert errors(run(environment | owner, "manage.py", "check", "--deploy")) == {"E034"} | OF_THE_MACHINE
        finally:
            server.execute(f"DROP DATABASE {database} WITH (FORCE)".encode())
            for role in vars(names).values():
                server.execute(f"DROP ROLE IF EXISTS {role}".encode())


# --- What can be wrong, one thing at a time -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def sound(shared_cast: Cast, django_db_blocker: DjangoDbBlocker) -> Iterator[Cast]:
    with built_once(django_db_blocker), override_settings(**SOUND, TEAM_KEY_PINS=shared_cast.pins):
        yield shared_cast


def codes() -> set[str]:
    """The numbers of errors and warnings but those of the tests' database and of the machine."""
    messages = checks.run_checks(tags=[ours.TAG], include_deployment_checks=True)
    ids = {str(message.id).removeprefix("portal.") for message in messages}
    assert all(message.hint for message in messages)
    return ids - {"E016", "E030", "E031", "E052", "W004"} - OF_THE_MACHINE - WARNINGS_OF_THE_MACHINE


def test_what_is_sound_raises_nothing(sound: Cast, db: None) -> None:
    assert codes() == set()


def stored_at(endpoint: str | None) -> dict[str, Any]:
    """The settings of an object store at ``endpoint``."""
    store = {"BACKEND": "complaints.adapters.store_s3.EvidenceS3Storage", "OPTIONS": {"endpoint_url": endpoint}}
    return {**settings.STORAGES, "evidence": store}


@pytest.mark.parametrize(
    "sound_too",
    [
        {"WORKER_PRIVATE_KEY": "", "WORKER_PREVIOUS_KEYS": []},  # a node that only takes reports in
        {"WORKER_PUBLIC_KEY": ""},  # a secrets file from before
        {"STORAGES": stored_at("https://s3.example.go.id"), "EVIDENCE_DRAFT_BYTES": 2**30},
        {"STORAGES": stored_at("http://127.0.0.1:9000"), "EVIDENCE_MAX_STORE_BYTES": 2**40},
        {"STORAGES": stored_at("http://[::1]:9000"), "EVIDENCE_DRAFT_BYTES": 2**30},
        {"STORAGES": stored_at(None), "EVIDENCE_DRAFT_BYTES": 2**30},
        {"REPORTER_IDLE_SECONDS": {**settings.REPORTER_IDLE_SECONDS, "draft": 300}},
    ],
)
def test_other_sound_ways(sound: Cast, db: None, sound_too: dict[str, Any]) -> None:
    with override_settings(**sound_too):
        assert codes() == set()


@pytest.mark.parametrize(
    ("bad", "expected"),
    [
        ({"DEBUG": True}, "E001"),
        ({"SECRET_KEY": ""}, "E002"),
        ({"SECRET_KEY": "short"}, "E002"),
        ({"SECRET_KEY": "django-insecure-" + SECRETS["SECRET_KEY"]}, "E002"),
        ({"PASSWORD_PEPPER": ""}, "E003"),
        ({"PASSWORD_PEPPER": SECRETS["PASSWORD_PEPPER"][:62]}, "E003"),
        ({"PASSWORD_PEPPER": "11" * 32}, "E003"),
        ({"WORKER_PRIVATE_KEY": "", "WORKER_PUBLIC_KEY": ""}, "E004"),
        ({"WORKER_PRIVATE_KEY": "not hexadecimal"}, "E004"),
        ({"SERVER_SIGNING_KEY": "33" * 32}, "E005"),
        ({"SERVER_SIGNING_KEY": SECRETS["WORKER_PRIVATE_KEY"]}, "E006"),
        ({"WORKER_PUBLIC_KEY": "not hexadecimal"}, "E022"),
        ({"WORKER_PUBLIC_KEY": new_secrets()["WORKER_PUBLIC_KEY"]}, "E022"),
        ({"STORAGES": stored_at("http://minio.example.go.id:9000"), "EVIDENCE_DRAFT_BYTES": 2**30}, "E021"),
        ({"STORAGES": stored_at("http://10.0.0.5:9000"), "EVIDENCE_DRAFT_BYTES": 2**30}, "E021"),
        ({"STORAGES": stored_at("invalid:"), "EVIDENCE_DRAFT_BYTES": 2**30}, "E021"),
        ({"STORAGES": stored_at("https://s3.example.go.id")}, "W009"),
        ({"REPORTER_IDLE_SECONDS": {**settings.REPORTER_IDLE_SECONDS, "draft": 7201}}, "E060"),
        ({"REPORTER_IDLE_SECONDS": {**settings.REPORTER_IDLE_SECONDS, "draft": 299}}, "E060"),
        ({"Q_CLUSTER": {**settings.Q_CLUSTER, "workers": 2}}, "E053"),
        ({"SAMPLE_MODE": True}, "E007"),
        ({"SESSION_COOKIE_SECURE": False}, "E009"),
        ({"CSRF_COOKIE_SECURE": False}, "E009"),
        ({"SESSION_COOKIE_SAMESITE": "Lax"}, "E009"),
        ({"REPORTER_COOKIE_NAME": "lapor"}, "E009"),
        ({"PUBLIC_ORIGIN": ""}, "E010"),
        ({"PUBLIC_ORIGIN": "http://lapor.example.go.id"}, "E010"),
        ({"PUBLIC_ORIGIN": "https://localhost"}, "E010"),
        ({"PUBLIC_ORIGIN": "https://lapor.example.go.id/kanal"}, "E010"),
        ({"TEAM_KEY_PINS": ""}, "E014"),
        ({"KEY_WRAP_OPSLIMIT": 1}, "E017"),
        ({"KEY_WRAP_MEMLIMIT": 8192}, "E017"),
        ({"PASSWORD_HASH_MEMORY_KIB": 8}, "E017"),
        ({"INSTALLED_APPS": [app for app in settings.INSTALLED_APPS if app != "allauth.mfa"]}, "E019"),
        ({"MFA_ADAPTER": "allauth.mfa.adapter.DefaultMFAAdapter"}, "E019"),
        ({"MFA_TRUST_ENABLED": True}, "E019"),
        ({"MFA_PASSKEY_LOGIN_ENABLED": True}, "E019"),
        ({"ACCOUNT_LOGIN_BY_CODE_ENABLED": True}, "E019"),
        ({"AUTH_PASSWORD_VALIDATORS": settings.AUTH_PASSWORD_VALIDATORS[:-1]}, "E044"),
        ({"AUTH_PASSWORD_VALIDATORS": []}, "E044"),
        ({"OPERATOR_AGENCIES": ("Kementerian Contoh", "tidak tahu")}, "E067"),
        ({"OPERATOR_AGENCIES": ()}, "W018"),
        ({"BACKUP_RECIPIENTS": ""}, "W019"),
        ({"BACKUP_RECIPIENTS": "age1rahasia"}, "E071"),
        ({"OPERATOR": Operator()}, "E068"),
        ({"OPERATOR": replace(SAMPLE, basis=" ")}, "E068"),
        ({"EXIT_URL": "http://cuaca.invalid/"}, "E069"),
        ({"EXIT_URL": "https://lapor.example.go.id/"}, "E069"),
        ({"EXIT_URL": "invalid:"}, "E069"),
        ({"AUDIT_HEADS_MAIL": ""}, "W001"),
        ({"AUDIT_HEADS_FILE": Path(__file__) / "heads.txt"}, "W008"),
        ({"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}, "W002"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else value,
)
def test_a_bad_setting_is_refused(sound: Cast, db: None, bad: dict[str, Any], expected: str) -> None:
    with override_settings(**bad):
        assert codes() == {expected}


def test_addresses_with_a_slip_are_named_and_end_nothing() -> None:
    slip = "https://[::1"
    names = ("PORTAL_ORIGIN", "STAFF_ORIGIN", "ONION_ORIGIN", "EXIT_URL", "EVIDENCE_S3_ENDPOINT", "REDIS_URL")
    more = {"EVIDENCE_S3_BUCKET": "bukti", "BIND": "[::1:8000", "DJANGO_SETTINGS_MODULE": "portal.settings"}
    environment = {**os.environ, **dict.fromkeys(names, slip), **more}
    command = [sys.executable, "manage.py", "check", "--deploy"]
    run = subprocess.run(command, env=environment, cwd=settings.BASE_DIR, capture_output=True, text=True, check=False)
    assert "Traceback" not in run.stderr
    for code in ("E010", "E021", "E036", "E042", "E054", "E057", "E069"):
        assert f"(portal.{code})" in run.stderr, code


WHOLE = sandbox.Walls(network=True, root=True, landlock=True, calls=True)


@pytest.mark.parametrize(
    ("lacking", "expected"),
    [
        ({}, set()),
        ({"network": False}, {"portal.W004"}),
        ({"root": False}, set()),
        ({"landlock": False}, set()),
        ({"root": False, "landlock": False}, {"portal.E052"}),
        ({"calls": False}, {"portal.E052"}),
    ],
)
def test_walls_that_are_missing_are_told(monkeypatch: Any, lacking: dict[str, bool], expected: set[str]) -> None:
    monkeypatch.setattr("complaints.adapters.sandbox.Sandbox.walls", replace(WHOLE, **lacking))
    assert {message.id for message in ours.check_sandbox(None)} == expected


def test_a_sandbox_that_does_not_start_is_told(monkeypatch: Any) -> None:
    def gone(self: Any) -> sandbox.Walls:
        raise sandbox.Unavailable("no server")

    monkeypatch.setattr("complaints.adapters.sandbox.Sandbox.walls", property(gone))
    assert [message.id for message in ours.check_sandbox(None)] == ["portal.E052"]


def _keep_samples() -> None:
    Staff.objects.create(username="contoh", role=Role.AUDITOR, is_sample=True)


def _lose_a_body() -> None:
    TeamMembership.objects.filter(team__slug="body-bkn").delete()
    TeamKey.objects.filter(team__slug="body-bkn").delete()
    Team.objects.filter(slug="body-bkn").delete()


def _lose_separate_team() -> None:
    TeamMembership.objects.filter(team__slug="separate").delete()
    TeamKey.objects.filter(team__slug="separate").delete()
    Team.objects.filter(slug="separate").delete()


def _leave_one_in_the_separate_team() -> None:
    TeamMembership.objects.filter(staff__username="satya").update(sealed_key=None)


def _retire_one() -> None:
    Staff.objects.filter(username="kirana").update(is_active=False)


def _wait_for_admission() -> None:
    TeamMembership.objects.filter(staff__username="kirana").update(sealed_key=None)


def _change_role() -> None:
    Staff.objects.filter(username="kresna").update(role=Role.AUDITOR, body=None)


def _forget_recovery() -> None:
    Team.objects.filter(slug="triage").update(recovery_b=None)


def _swap_key() -> None:
    Team.objects.filter(slug="triage").update(public_key=b"x" * 32)


def _change_key_and_forget() -> None:
    vera = Staff.objects.get(username="vera")
    with override_settings(PASSWORD_PEPPER=plain.PASSWORD_PEPPER):  # with which the cast was made
        ring = Keyring(vera, personal.unlock(staff=vera, password=PASSWORD))
    triage = Team.objects.get(slug="triage")
    rotation.rotate(actor=Actor(ring, timezone.now() - timedelta(days=8)), team_id=triage.pk)


def test_the_pins_after_a_key_change(sound: Cast, db: None, capsys: pytest.CaptureFixture[str]) -> None:
    _change_key_and_forget()
    call_command("team_pins")
    line = capsys.readouterr().out.splitlines()[-1]
    with override_settings(TEAM_KEY_PINS=line.removeprefix("TEAM_KEY_PINS=")):
        assert codes() == {"W006"}
    _swap_key()
    with pytest.raises(CommandError, match="triage"):
        call_command("team_pins")


def _tell_another_worker_key() -> None:
    Heartbeat.objects.update_or_create(pk=1, defaults={"beat_at": timezone.now(), "worker_key": b"x" * 32})


def _end_bodies() -> None:
    OversightBody.objects.update(valid_until="2025-01-01")


def _end_the_body_soon() -> None:
    OversightBody.objects.filter(pk="bkn").update(valid_until=timezone.localdate() + timedelta(days=89))


def _name_the_successor_too() -> None:
    _end_the_body_soon()
    OversightBody.objects.filter(pk="successor").update(valid_from=timezone.localdate() + timedelta(days=90))


def _work_without_factor() -> None:
    Staff.objects.filter(username="audi").update(last_login=timezone.now())


def _add_body() -> None:
    OversightBody.objects.create(code="baru", name="Lembaga Baru", short_name="LB", valid_from="2025-01-01")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (_keep_samples, "E008"),
        (_tell_another_worker_key, "E072"),
        (_lose_a_body, "E011"),
        (_lose_separate_team, "E011"),
        (_leave_one_in_the_separate_team, "E012"),
        (_add_body, "E011"),
        (_retire_one, "E012 W007"),
        (_wait_for_admission, "E012"),
        (_change_role, "E012 W007"),
        (_forget_recovery, "E013"),
        (_swap_key, "E014"),
        (_change_key_and_forget, "W005 W006"),
        (_end_bodies, "E018"),
        (_end_the_body_soon, "W016"),
        (_name_the_successor_too, ""),
        (_work_without_factor, "E020"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_a_bad_database_is_refused(sound: Cast, db: None, change: Callable[[], None], expected: str) -> None:
    change()
    assert codes() == set(expected.split())


def test_a_database_that_forgets_is_refused(sound: Cast, db: None) -> None:
    if connection.vendor == "postgresql":  # on SQLite all tests run like this
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL synchronous_commit = off")
    messages = checks.run_checks(tags=[ours.TAG], include_deployment_checks=True)
    assert "portal.E016" in {message.id for message in messages}


def test_a_database_that_cannot_be_read_is_refused(sound: Cast, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Staff._meta, "db_table", "nowhere")
    with transaction.atomic():
        messages = ours.check_stored(None)
        transaction.set_rollback(True)
    assert [message.id for message in messages] == ["portal.E015"]


def test_heads_on_another_disk_need_no_mail(sound: Cast, db: None, tmp_path: Path) -> None:
    with override_settings(AUDIT_HEADS_MAIL="", AUDIT_HEADS_FILE=tmp_path / "heads.txt"):
        assert codes() == set()
