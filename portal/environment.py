"""The environment of a process: PORTAL_ENV's file, and secrets that lie in files of their own; read once, at the start.

``portal.settings`` and ``deploy/gunicorn.conf.py`` both begin here, so that every variable works from every place.
"""

from __future__ import annotations

import os
from collections.abc import MutableMapping
from pathlib import Path
from typing import Final

from environs import Env

BASE_DIR: Final = Path(__file__).resolve().parent.parent
# Each may stand in a file that NAME_FILE names, as container platforms have it, or in a credential NAME of systemd.
SECRETS: Final = (
    *("SECRET_KEY", "PASSWORD_PEPPER", "SERVER_SIGNING_KEY", "WORKER_PRIVATE_KEY", "WORKER_PREVIOUS_KEYS"),
    *("DATABASE_URL", "DATABASE_JOBS_URL", "DATABASE_BACKUP_URL", "DATABASE_ERASE_URL"),
    *("DATABASE_OWNER_URL", "DATABASE_ADMIN_URL"),
    *("REDIS_URL", "EMAIL_HOST_PASSWORD", "STAFF_CLIENT_CERT", "EVIDENCE_S3_ACCESS_KEY", "EVIDENCE_S3_SECRET_KEY"),
)


class EnvironmentRefused(Exception):
    """A secret is given in two ways that differ, or its file cannot be read; the message holds no secret."""


def var_dir() -> Path:
    """Return the folder of data."""
    return Path(os.environ.get("PORTAL_VAR", BASE_DIR / "var"))


def env_file() -> Path:
    """Return the environment file, which need not exist."""
    return Path(os.environ.get("PORTAL_ENV", var_dir() / "portal.env"))


def load() -> Env:
    """Read the files of secrets into the process's environment; return what reads values, of the environment file too.

    What the environment has wins over the environment file. Raises EnvironmentRefused.
    """
    env = Env()
    read_secrets(os.environ)
    env.read_env(str(env_file()), recurse=False)
    return env


def read_secrets(environment: MutableMapping[str, str]) -> None:
    """Set each secret that a file holds: that of NAME_FILE, or of systemd's folder of credentials.

    Raises EnvironmentRefused where the environment has another value, or a file cannot be read.
    """
    folder = environment.get("CREDENTIALS_DIRECTORY", "")
    for name in SECRETS:
        path = Path(environment[f"{name}_FILE"]) if f"{name}_FILE" in environment else Path(folder, name)
        if f"{name}_FILE" not in environment and not (folder and path.is_file()):
            continue
        try:
            content = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise EnvironmentRefused(f"The file of {name} cannot be read: {path}.") from error
        # A child inherits what its parent has read.
        if environment.setdefault(name, content) != content:
            raise EnvironmentRefused(f"{name} is set, and {path} holds another value. Unset one of them.")
