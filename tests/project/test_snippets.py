"""The shipped settings of PostgreSQL, ClamAV, journald and the kernel, each read by the program that it is for."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from django.conf import settings

from tests import systemd_unit

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
MIB = 1024 * 1024


def program(name: str, *folders: str) -> str:
    """Where a program is; skips the test, loudly, where it is not here."""
    found = shutil.which(name) or shutil.which(name, path=":".join(["/usr/sbin", *folders]))
    if found is None:
        pytest.skip(f"SKIPPED: no {name} here")
    return found


def lines(name: str, separator: str) -> dict[str, str]:
    """The settings of a file by name."""
    text = (DEPLOY / name).read_text(encoding="utf-8")
    pairs = [line.partition(separator) for line in text.splitlines() if re.match(r"[\w-]", line)]
    assert len(pairs) == len({key for key, *_ in pairs})
    return {key.strip(): value.strip().strip("'") for key, _, value in pairs}


# --- PostgreSQL


def test_postgresql_takes_its_file_and_logs_nothing_of_a_report(tmp_path: Path) -> None:
    postgres = program("postgres", *map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)))
    (tmp_path / "postgresql.conf").write_bytes((DEPLOY / "postgresql.conf").read_bytes())
    tmp_path.chmod(0o700)
    for name, value in lines("postgresql.conf", "=").items():
        command = [postgres, "-C", name, "-D", str(tmp_path)]  # -C first, or root is refused
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip() in {value, "disabled" if value == "0" else value}, name


def test_postgresql_keeps_what_it_confirmed_and_no_hour() -> None:
    kept = lines("postgresql.conf", "=")
    assert {name: kept[name] for name in ("fsync", "full_page_writes", "synchronous_commit")} == dict.fromkeys(
        ("fsync", "full_page_writes", "synchronous_commit"), "on"
    )
    off = {
        name: kept[name] for name in kept if name.startswith("log_") and kept[name] not in ("fatal", "panic", "none")
    }
    assert set(off.values()) <= {"off", "-1", "0"}
    assert kept["track_commit_timestamp"] == "off"


# --- ClamAV


def test_clamd_takes_its_file(tmp_path: Path) -> None:
    (tmp_path / "clamd.conf").write_bytes((DEPLOY / "clamd.conf").read_bytes())
    command = [program("clamconf"), f"--config-dir={tmp_path}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    part = done.stdout.split("Config file: clamd.conf\n", 1)[1].split("Config file:", 1)[0]
    assert "ERROR" not in done.stdout + done.stderr
    read = dict(re.findall(r'^(\w+) = "?([^"\n]*)"?', part, re.M))
    sizes = {name: int(read[name]) for name in ("StreamMaxLength", "MaxFileSize", "MaxScanSize")}
    assert min(sizes.values()) > settings.EVIDENCE_MAX_FILE_BYTES
    assert (read["AlertExceedsMax"], read["AlertEncrypted"]) == ("yes", "yes")
    assert read.get("LogFile", "disabled") in ("", "disabled")
    assert "LogSyslog disabled" in part or read["LogSyslog"] == "no"


def test_clamd_spools_into_memory_and_tells_nobody() -> None:
    unit = systemd_unit.settings(DEPLOY / "clamav-daemon.conf")
    folder, _, options = unit["TemporaryFileSystem"][0].partition(":")
    spool = lines("clamd.conf", " ")
    assert spool["TemporaryDirectory"] == folder
    size = re.search(r"size=(\d+)G", options)
    assert size
    largest = int(spool["StreamMaxLength"].removesuffix("M")) * MIB
    assert int(size[1]) * 1024 * MIB > int(spool["MaxThreads"]) * largest
    assert (unit["StandardOutput"], unit["MemorySwapMax"]) == (["null"], ["0"])


def test_systemd_takes_the_drop_in_of_clamd(tmp_path: Path) -> None:
    unit = Path("/lib/systemd/system/clamav-daemon.service")
    if not unit.exists():
        pytest.skip("SKIPPED: no clamav-daemon here")
    folder = tmp_path / "clamav-daemon.service.d"
    folder.mkdir()
    shutil.copy(unit, tmp_path)
    shutil.copy(DEPLOY / "clamav-daemon.conf", folder / "kanal.conf")
    command = [program("systemd-analyze"), "verify", str(tmp_path / unit.name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "kanal.conf" not in done.stderr, done.stderr


# --- The machine


def test_journald_knows_its_settings_and_writes_to_no_disk() -> None:
    known = Path("/etc/systemd/journald.conf")
    kept = lines("journald.conf", "=")
    assert kept["Storage"] == "volatile"
    assert kept["ForwardToSyslog"] == "no"
    if not known.exists():
        pytest.skip("SKIPPED: no journald here")
    assert set(kept) <= set(re.findall(r"^#?(\w+)=", known.read_text(encoding="utf-8"), re.M))


def test_the_kernel_knows_its_settings() -> None:
    for name in lines("sysctl.conf", "="):
        path = Path("/proc/sys", name.lstrip("-").replace(".", "/"))
        assert path.exists() or name.startswith("-"), name


def test_scripts_are_read_by_their_shells() -> None:
    for name in (
        "deploy/install",
        "deploy/manage",
        "deploy/seal-secrets",
        "deploy/renewed-certificate",
        ".ci/first-day",
    ):
        path = ROOT / name
        assert path.stat().st_mode & 0o111, name
        shell = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("#!").split()[-1]
        subprocess.run([program(Path(shell).name), "-n", str(path)], check=True)


def test_site_env_asks_for_settings_that_exist() -> None:
    read = (ROOT / "portal" / "settings.py").read_text(encoding="utf-8")
    for name in lines("site.env", "="):
        assert f'"{name}"' in read, name


def test_answers_for_the_authority_are_served_where_certbot_puts_them() -> None:
    """.ci/first-day has a certificate issued this way."""
    script = (DEPLOY / "install").read_text(encoding="utf-8")
    folder = re.search(r"^acme=(\S+)$", script, re.M)
    assert folder
    served = re.search(
        r"location \^~ /\.well-known/acme-challenge/ \{\s+root (\S+);", (DEPLOY / "nginx.conf").read_text()
    )
    assert served
    assert served[1] == folder[1]
