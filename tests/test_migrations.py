"""The way up from nothing and down again, on a database of its own; the chain's guards come and go with it."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def migrate(database: Path, *target: str) -> None:
    environment = {**os.environ, "DATABASE_URL": f"sqlite:///{database}", "DJANGO_SETTINGS_MODULE": "tests.settings"}
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0", *target]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)


def test_up_down_and_up_again(tmp_path: Path) -> None:
    path = tmp_path / "way.sqlite3"
    migrate(path)
    with sqlite3.connect(path) as database:
        triggers = {row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")}
        assert "complaints_auditentry_no_delete" in triggers
        assert database.execute("SELECT sequence, length(digest) FROM complaints_chainhead").fetchall() == [(0, 32)]
    migrate(path, "complaints", "0001")
    with sqlite3.connect(path) as database:
        assert not database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
    migrate(path)
    with sqlite3.connect(path) as database:
        assert database.execute("SELECT count(*) FROM complaints_chainhead").fetchone() == (1,)
        assert database.execute("SELECT count(*) FROM sqlite_master WHERE type = 'trigger'").fetchone() == (5,)
