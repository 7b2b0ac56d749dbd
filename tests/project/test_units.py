"""The shipped units of systemd: what they keep the portal from, and which secrets each of them gets."""

from __future__ import annotations

import configparser
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from complaints.adapters import confinement
from complaints.management.commands.work import WATCH_SECONDS
from portal.secrets import write_once
from tests import systemd_unit

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
UNITS = ("web", "jobs")
ALL = (*UNITS, "backup", "erase", "verify")
ANALYZE = shutil.which("systemd-analyze")
UNDER_THE_LIST = """
import os, sys
from pathlib import Path
from tests import systemd_unit
lines = systemd_unit.settings(Path(sys.argv[1]))["SystemCallFilter"]
systemd_unit.restrict(systemd_unit.allowed_calls(lines))
os.execv(sys.argv[2], sys.argv[2:])
"""
needs_systemd = pytest.mark.skipif(ANALYZE is None, reason="SKIPPED: no systemd-analyze here; .ci/systemd installs it")
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
NOT_FOR_THE_WEB = {"WORKER_PRIVATE_KEY", "DATABASE_JOBS_URL", "DATABASE_BACKUP_URL", "DATABASE_ERASE_URL"}
NOT_FOR_THE_JOBS = {"DATABASE_URL", "DATABASE_OWNER_URL", "DATABASE_BACKUP_URL", "DATABASE_ERASE_URL"}
FOR_ERASING = {"SECRET_KEY", "WORKER_PUBLIC_KEY", "SERVER_SIGNING_KEY", "DATABASE_ERASE_URL"}
FOR_VERIFYING = {"SECRET_KEY", "WORKER_PUBLIC_KEY", "SERVER_SIGNING_KEY", "DATABASE_JOBS_URL"}
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


@needs_systemd
@pytest.mark.parametrize("name", UNITS)
def test_a_unit_leaves_the_sandbox_its_walls(name: str) -> None:
    """The walls are put up under the unit's list of system calls, and are those that stand without it."""
    walls = [
        sys.executable,
        "-c",
        "from complaints.adapters import sandbox as s; print(s.DEFAULT.walls); s.DEFAULT.close()",
    ]
    under = [sys.executable, "-c", UNDER_THE_LIST, str(DEPLOY / f"kanal-{name}.service"), *walls]
    plain, listed = (
        subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for command in (walls, under)
    )
    assert listed == plain
    assert "calls=True" in listed


@needs_systemd
def test_the_list_of_a_unit_refuses_what_it_does_not_name() -> None:
    rise = "import os\ntry: os.setpriority(os.PRIO_PROCESS, 0, 5)\nexcept PermissionError: print('refused')"
    under = [sys.executable, "-c", UNDER_THE_LIST, str(DEPLOY / "kanal-web.service"), sys.executable, "-c", rise]
    done = subprocess.run(under, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "refused"


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_admits_the_namespaces_that_the_sandbox_makes_and_no_other(name: str) -> None:
    made = re.findall(r"^_CLONE_NEW(\w+):", Path(confinement.__file__).read_text(encoding="utf-8"), re.M)
    names = {"NS": "mnt"} | {kind: kind.lower() for kind in ("IPC", "USER", "PID", "NET")}
    assert set(service(name)["RestrictNamespaces"].split()) == {names[kind] for kind in made}


@needs_systemd
def test_systemd_takes_every_unit(tmp_path: Path) -> None:
    """Without a word. The programs that they name are put there, because verification looks for them."""
    for program in (".venv/bin/python", ".venv/bin/gunicorn", "deploy/seal-secrets"):
        path = tmp_path / "app" / program
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("#!/bin/sh\n", encoding="ascii")
        path.chmod(0o755)
    units = sorted(path for ending in ("service", "socket", "timer") for path in DEPLOY.glob(f"kanal-*.{ending}"))
    assert len(units) >= len(ALL) + 3
    for unit in units:
        text = unit.read_text(encoding="utf-8").replace("=/srv/kanal-netral/app/", f"={tmp_path}/app/")
        (tmp_path / unit.name).write_text(text, encoding="utf-8")
    done = subprocess.run(
        [str(ANALYZE), "verify", *[str(tmp_path / unit.name) for unit in units]],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    ours = [line for line in done.stderr.splitlines() if "kanal-" in line]
    assert (done.returncode, ours) == (0, []), done.stderr


@needs_systemd
@pytest.mark.parametrize("name", ALL)
def test_a_unit_is_exposed_little(name: str) -> None:
    """By systemd's own count, in tenths: 2.0 for what takes files in, and no more for what opens them."""
    command = [str(ANALYZE), "security", "--offline=true", "--threshold=20", str(DEPLOY / f"kanal-{name}.service")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout.splitlines()[-1]


@pytest.mark.parametrize("name", ALL)
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


def test_a_web_server_keeps_to_the_version_that_it_was_started_from(tmp_path: Path) -> None:
    program = tmp_path / "1.0" / ".venv" / "bin" / "gunicorn"
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\npwd -P; echo "$PWD $0"\n', encoding="ascii")
    program.chmod(0o755)
    (tmp_path / "app").symlink_to("1.0")
    shell, option, line = shlex.split(service("web")["ExecStart"].replace("/srv/kanal-netral", str(tmp_path)))
    command = [shell, option, line.replace("$$", "$")]
    done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=True)
    version = tmp_path / "1.0"
    assert done.stdout.split() == [str(version), str(version), str(program)]


def test_web_and_jobs_start_again_as_often_as_it_takes_and_tell_that_they_serve() -> None:
    for name in UNITS:
        text = (DEPLOY / f"kanal-{name}.service").read_text(encoding="utf-8")
        assert "StartLimitIntervalSec=0" in text
        assert (service(name)["Type"], service(name)["Restart"]) == ("notify", "always")
    assert service("web")["Sockets"] == "kanal-web.socket"
    assert service("jobs")["WatchdogSignal"] == "SIGKILL", "one that is stopped heeds no other"
    assert 2 * WATCH_SECONDS < int(service("jobs")["WatchdogSec"]) < 60


def test_reports_are_erased_every_night_by_a_unit_of_their_own() -> None:
    unit = service("erase")
    assert unit["ExecStart"].endswith("manage.py erase")
    assert {key: unit[key] for key in HARDENED} == HARDENED
    assert "OnCalendar=*-*-* 03:30" in (DEPLOY / "kanal-erase.timer").read_text(encoding="utf-8")


def test_the_alarms_have_a_unit_of_their_own() -> None:
    """It tells of a job runner that is silent, with what the web server may read."""
    unit = service("watch")
    assert unit["ExecStart"].endswith("manage.py watch")
    assert unit["Restart"] == "always"
    assert unit["LoadCredentialEncrypted"] == service("web")["LoadCredentialEncrypted"]
    assert {key: unit[key] for key in HARDENED} == HARDENED


def test_every_object_is_verified_each_week_by_a_unit_that_changes_nothing() -> None:
    unit = service("verify")
    assert "manage.py audit_verify --own-heads --files --mail" in unit["ExecStart"]
    assert unit["ReadOnlyPaths"] == "/srv/kanal-netral/var"
    assert "ReadWritePaths" not in unit
    assert "OnCalendar=Sat" in (DEPLOY / "kanal-verify.timer").read_text(encoding="utf-8")


def test_a_drop_in_takes_back_and_adds(tmp_path: Path) -> None:
    unit, drop_in = tmp_path / "a.service", tmp_path / "b.conf"
    unit.write_text("[Unit]\nUser=nobody\n[Service]\nExecStart=/a\nUser=one\n", encoding="ascii")
    drop_in.write_text("[Service]\nExecStart=\nExecStart=/b\n", encoding="ascii")
    assert systemd_unit.settings(unit, drop_in) == {"ExecStart": ["/b"], "User": ["one"]}


def test_the_workers_key_is_replaced_every_week() -> None:
    timer = (DEPLOY / "kanal-rotate.timer").read_text(encoding="utf-8")
    steps = (DEPLOY / "kanal-rotate.service").read_text(encoding="utf-8")
    assert "OnCalendar=Sun" in timer
    assert "manage.py rotate_worker_key" in steps
    assert "--with-key" not in steps
    last = steps.rindex("systemctl restart kanal-jobs")
    assert steps.index("rotate_worker_key") < last < steps.index("deploy/reload-web"), "who opens files first"


@pytest.mark.parametrize("ends_at", range(6))
def test_whatever_ends_the_sealing_nobody_seals_to_a_key_that_nobody_has(tmp_path: Path, ends_at: int) -> None:
    """A power cut while the worker's new key is put into the sealed files."""
    program = tmp_path / "bin" / "systemd-creds"
    program.parent.mkdir()
    program.write_text(
        '#!/bin/sh\nfor out; do :; done\necho >> calls; [ "$(wc -l < calls)" -le "$LAST" ] || kill -9 $PPID\n'
        'cat > "$out"\n',
        encoding="ascii",
    )
    program.chmod(0o755)
    for number, last in ((1, 99), (2, ends_at)):
        (tmp_path / "calls").unlink(missing_ok=True)
        pair = f"WORKER_PRIVATE_KEY={number}\nWORKER_PREVIOUS_KEYS={number - 1}\nWORKER_PUBLIC_KEY={number}\n"
        (tmp_path / "portal.env").write_text(pair, encoding="ascii")
        environment = {"PATH": f"{program.parent}:{os.environ['PATH']}", "SEAL_FOLDER": ".", "LAST": str(last)}
        subprocess.run([str(DEPLOY / "seal-secrets"), "portal.env"], cwd=tmp_path, env=environment, check=False)
    web, jobs, whole = (variables(tmp_path / f"{name}.env.cred") for name in ("web", "jobs", "portal"))
    held = {jobs["WORKER_PRIVATE_KEY"], jobs["WORKER_PREVIOUS_KEYS"]}
    assert web["WORKER_PUBLIC_KEY"] in held, "the job runner opens what is sealed"
    assert jobs["WORKER_PRIVATE_KEY"] in {whole["WORKER_PRIVATE_KEY"], whole["WORKER_PREVIOUS_KEYS"]}, (
        "the next key too"
    )


def variables(path: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in path.read_text(encoding="ascii").splitlines())


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
        file.write("DATABASE_BACKUP_URL=postgres://b\nDATABASE_ERASE_URL=postgres://e\n")
    environment = {"PATH": f"{program.parent}:{os.environ['PATH']}", "SEAL_FOLDER": str(tmp_path)}
    subprocess.run([str(DEPLOY / "seal-secrets"), str(tmp_path / "portal.env")], env=environment, check=True)
    return tmp_path


def names(path: Path) -> set[str]:
    return {line.partition("=")[0] for line in path.read_text(encoding="ascii").splitlines() if line[0] != "#"}


def test_each_unit_gets_what_it_needs(sealed: Path) -> None:
    whole = names(sealed / "portal.env")
    assert names(sealed / "web.env.cred") == whole - NOT_FOR_THE_WEB - {"DATABASE_OWNER_URL"}
    assert names(sealed / "jobs.env.cred") == whole - NOT_FOR_THE_JOBS
    assert names(sealed / "backup.env.cred") == FOR_BACKUPS
    assert names(sealed / "verify.env.cred") == FOR_VERIFYING
    assert names(sealed / "erase.env.cred") == FOR_ERASING
    assert names(sealed / "portal.env.cred") == whole - {"DATABASE_OWNER_URL"}
    for name in (*ALL, "portal"):
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
