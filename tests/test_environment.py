"""What a process reads at its start: the environment file, secrets in files of their own, credentials of systemd."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from portal import environment
from portal.environment import SECRETS, EnvironmentRefused, read_secrets

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("name", SECRETS)
def test_each_secret_may_lie_in_a_file_of_its_own(name: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("rahasia\n")
    given = {f"{name}_FILE": str(tmp_path / "secret")}
    read_secrets(given)
    assert given[name] == "rahasia"
    read_secrets(given)  # as a child does, which inherits both


@pytest.mark.parametrize("name", SECRETS)
def test_each_secret_may_be_a_credential_of_systemd(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("rahasia")
    given = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    read_secrets(given)
    assert given == {"CREDENTIALS_DIRECTORY": str(tmp_path), name: "rahasia"}


def test_two_values_and_a_missing_file_are_refused_without_telling_a_secret(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("rahasia")
    for given in (
        {"SECRET_KEY": "lain", "SECRET_KEY_FILE": str(tmp_path / "secret")},
        {"SECRET_KEY_FILE": str(tmp_path / "missing")},
        {"SECRET_KEY_FILE": str(tmp_path)},
    ):
        with pytest.raises(EnvironmentRefused) as refused:
            read_secrets(given)
        assert "SECRET_KEY" in str(refused.value)
        assert "rahasia" not in str(refused.value) and "lain" not in str(refused.value)


def test_every_secret_is_one_that_the_settings_read() -> None:
    text = "".join((ROOT / "portal" / name).read_text("utf-8") for name in ("settings.py", "postgresql/roles.py"))
    assert [name for name in SECRETS if f'"{name}"' not in text] == []


def configured(tmp_path: Path, **given: str) -> list[str]:
    """What gunicorn's settings say of addresses, workers and threads in a process with such an environment."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("WEB_", "BIND", "ONION_"))}
    code = "import runpy; c = runpy.run_path('deploy/gunicorn.conf.py'); print(*c['bind'], c['workers'], c['threads'])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**plain, "PORTAL_ENV": str(tmp_path / "portal.env"), "PYTHONPATH": str(ROOT), **given},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


def test_the_web_server_reads_the_environment_file_too(tmp_path: Path) -> None:
    lines = "BIND=127.0.0.1:8123\nWEB_WORKERS=3\nWEB_THREADS=5\nONION_BIND=127.0.0.1:8124\n"
    (tmp_path / "portal.env").write_text(lines)
    assert configured(tmp_path) == ["127.0.0.1:8123", "127.0.0.1:8124", "3", "5"]
    assert configured(tmp_path, WEB_WORKERS="4")[2] == "4", "the environment wins"


def test_folders_follow_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PORTAL_VAR", str(tmp_path))
    monkeypatch.delenv("PORTAL_ENV", raising=False)
    assert (environment.var_dir(), environment.env_file()) == (tmp_path, tmp_path / "portal.env")
