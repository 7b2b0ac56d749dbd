"""The shipped torrc: Tor takes it, and it leads to the listener that the manual configures."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

SHIPPED = (Path(__file__).resolve().parents[2] / "deploy" / "torrc").read_text(encoding="utf-8")
TOR = shutil.which("tor") or shutil.which("tor", path="/usr/sbin:/usr/local/sbin")


@pytest.mark.skipif(TOR is None, reason="SKIPPED: no tor here; .ci/tor installs it")
def test_tor_takes_the_file(tmp_path: Path) -> None:
    place = "HiddenServiceDir /var/lib/tor/kanal-netral/\n"
    assert SHIPPED.count(place) == 1
    (tmp_path / "torrc").write_text(SHIPPED.replace(place, f"HiddenServiceDir {tmp_path}/service/\n"))
    command = [str(TOR), "--verify-config", "-f", str(tmp_path / "torrc"), "--DataDirectory", str(tmp_path / "data")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, "Configuration was valid" in done.stdout) == (0, True), done.stdout
    assert [line for line in done.stdout.splitlines() if "[warn]" in line and "as root" not in line] == []


def test_the_file_leads_to_the_listener_and_names_circuits() -> None:
    lines = SHIPPED.splitlines()
    for line in ("HiddenServicePort 80 127.0.0.1:8001", "HiddenServiceExportCircuitID haproxy", "SocksPort 0"):
        assert line in lines
    assert sum(line.startswith("HiddenServicePort") for line in lines) == 1
