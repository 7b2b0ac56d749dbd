"""The shipped units of systemd: what they keep the portal from, and which secrets each of them gets."""

from __future__ import annotations

import configparser
import os
import subprocess
import sys
from pathlib import Path

import pytest

from portal.secrets import write_once

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
UNITS = ("web", "jobs")
# What a process of the portal is kept from.
HARDENED = {
    "NoNewPrivileges": "true",
    "ProtectSystem": "strict",
    "ProtectHome": "true",
    "PrivateTmp": "true",
    "CapabilityBoundingSet": "",
    "UMask": "0077",
    "LimitCORE": "0",
    "MemorySwapMax": "0",
    "RestrictAddressFamilies": "AF_UNIX AF_INET AF_INET6",
    "IPAddressDeny": "any",
    "IPAddressAllow": "localhost",
    "ReadWritePaths": "/srv/kanal-netral/var",
}
NOT_FOR_THE_WEB = {"WORKER_PRIVATE_KEY", "DATABASE_JOBS_URL", "DATABASE_BACKUP_URL"}
FOR_BACKUPS = {"SECRET_KEY", "WORKER_PUBLIC_KEY", "SERVER_SIGNING_KEY", "DATABASE_BACKUP_URL"}


def service(name: str) -> configparser.SectionProxy:
    """The section [Service] of a unit."""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(DEPLOY / f"kanal-{name}.service", encoding="utf-8")
    return parser["Service"]


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_reaches_its_folder_and_this_machine_alone(name: str) -> None:
    unit = service(name)
    assert {key: unit[key] for key in HARDENED} == HARDENED
    assert unit["User"] != "root"
    assert "-/srv/kanal-netral/app/.git" in unit["InaccessiblePaths"].split()


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_leaves_the_sandbox_its_walls(name: str) -> None:
    assert {"RestrictNamespaces", "SystemCallFilter", "PrivateUsers"} & set(service(name)) == set()


@pytest.mark.parametrize("name", (*UNITS, "backup"))
def test_a_unit_gets_its_own_sealed_secrets(name: str) -> None:
    unit = service(name)
    assert unit["LoadCredentialEncrypted"] == f"{name}.env:/etc/kanal-netral/{name}.env.cred"
    assert f"PORTAL_ENV=%d/{name}.env" in unit["Environment"]
    assert "EnvironmentFile" not in unit


def test_a_backup_is_made_every_night_by_a_unit_that_changes_nothing_of_the_portal() -> None:
    unit = service("backup")
    assert "manage.py backup /srv/kanal-backups" in unit["ExecStart"]
    assert unit["ReadOnlyPaths"] == "/srv/kanal-netral/var"
    assert {key: unit[key] for key in HARDENED if key != "ReadWritePaths"} == {
        key: value for key, value in HARDENED.items() if key != "ReadWritePaths"
    }
    assert "OnCalendar=*-*-* 02:00" in (DEPLOY / "kanal-backup.timer").read_text(encoding="utf-8")


def test_the_alarms_have_a_unit_of_their_own() -> None:
    """It tells of a job runner that is silent, with what the web server may read."""
    unit = service("watch")
    assert unit["ExecStart"].endswith("manage.py watch")
    assert unit["Restart"] == "always"
    assert unit["LoadCredentialEncrypted"] == service("web")["LoadCredentialEncrypted"]
    assert {key: unit[key] for key in HARDENED} == HARDENED


def test_the_workers_key_is_replaced_every_week() -> None:
    timer = (DEPLOY / "kanal-rotate.timer").read_text(encoding="utf-8")
    steps = (DEPLOY / "kanal-rotate.service").read_text(encoding="utf-8")
    assert "OnCalendar=Sun" in timer
    assert "manage.py rotate_worker_key" in steps
    assert "--with-key" not in steps


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    """What deploy/seal-secrets writes, by a systemd-creds that seals nothing and tells how it was asked."""
    program = tmp_path / "bin" / "systemd-creds"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\nfor out; do :; done\necho "# $*" > "$out"\ncat >> "$out"\n', encoding="ascii")
    program.chmod(0o755)
    write_once(tmp_path / "portal.env")
    with (tmp_path / "portal.env").open("a", encoding="ascii") as file:
        file.write("DATABASE_URL=postgres://w\nDATABASE_JOBS_URL=postgres://j\nDATABASE_OWNER_URL=postgres://o\n")
        file.write("DATABASE_BACKUP_URL=postgres://b\n")
    environment = {"PATH": f"{program.parent}:{os.environ['PATH']}", "SEAL_FOLDER": str(tmp_path)}
    subprocess.run([str(DEPLOY / "seal-secrets"), str(tmp_path / "portal.env")], env=environment, check=True)
    return tmp_path


def names(path: Path) -> set[str]:
    return {line.partition("=")[0] for line in path.read_text(encoding="ascii").splitlines() if line[0] != "#"}


def test_each_unit_gets_what_it_needs(sealed: Path) -> None:
    whole = names(sealed / "portal.env")
    assert names(sealed / "web.env.cred") == whole - NOT_FOR_THE_WEB - {"DATABASE_OWNER_URL"}
    assert names(sealed / "jobs.env.cred") == whole - {"DATABASE_URL", "DATABASE_OWNER_URL", "DATABASE_BACKUP_URL"}
    assert names(sealed / "backup.env.cred") == FOR_BACKUPS
    assert names(sealed / "portal.env.cred") == whole - {"DATABASE_OWNER_URL"}
    for name in ("web", "jobs", "backup", "portal"):
        asked = (sealed / f"{name}.env.cred").read_text(encoding="ascii").splitlines()[0]
        assert f"--name={name}.env --with-key=host+tpm2" in asked


def test_the_portal_starts_from_a_file_that_it_cannot_write(sealed: Path) -> None:
    path = sealed / "web.env.cred"
    path.chmod(0o400)
    environment = {**os.environ, "PORTAL_ENV": str(path), "PORTAL_VAR": str(sealed / "var")}
    code = "from portal import settings; print(len(settings.SECRET_KEY), settings.WORKER_PRIVATE_KEY == '')"
    command = [sys.executable, "-c", code]
    for name in ("SECRET_KEY", "WORKER_PRIVATE_KEY"):
        environment.pop(name, None)
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["64", "True"]
