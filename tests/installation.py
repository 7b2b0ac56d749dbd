"""An installation in a folder of its own, with the portal's real settings, for commands in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from portal.secrets import write_once

ROOT = Path(__file__).resolve().parents[1]
# What a shell beside the tests must not lend it.
OWN = (
    *("SECRET_KEY", "PASSWORD_PEPPER", "WORKER_PRIVATE_KEY", "WORKER_PUBLIC_KEY", "SERVER_SIGNING_KEY"),
    "DATABASE_URL",
)


def installed(folder: Path, settings: str = "portal.settings") -> dict[str, str]:
    """Make secrets and an empty, migrated database of SQLite; return the environment of its commands."""
    write_once(folder / "portal.env")
    inherited = {name: value for name, value in os.environ.items() if name not in OWN}
    environment = {
        **inherited,
        "DJANGO_SETTINGS_MODULE": settings,
        "PORTAL_VAR": str(folder),
        "PORTAL_ENV": str(folder / "portal.env"),
        "PORTAL_SAMPLE": "true",
    }
    # No page is asked for: collecting the static files would cost as much as the whole test.
    (folder / "static").mkdir()
    subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=environment, check=True)
    return environment


def processes(environment: dict[str, str]) -> list[int]:
    """Return the ids of all living processes of that installation, known by its folder in their environment."""
    mark = f"PORTAL_VAR={environment['PORTAL_VAR']}".encode()
    pids = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark in path.read_bytes().split(b"\0"):
                pids.append(int(path.parent.name))
        except OSError:
            continue
    return pids
