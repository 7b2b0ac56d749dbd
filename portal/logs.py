"""Logging that says what broke and where in the code, and nothing of who asked for what or at which hour."""

from __future__ import annotations

import logging
import traceback
from typing import Any

OWN = frozenset({"complaints", "portal"})


class QuietFormatter(logging.Formatter):
    """Day, level, logger and what happened; of an exception its type and the code lines it passed.

    What others log may be put together of anything that passed through them: Pillow logs what it reads from a photo,
    the job queue the text of an exception. Of theirs only the line of code is written. Loggers of this project pass no
    arguments but numbers and ids of jobs.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return one line, and the frames of an exception below it."""
        line = f"{self.formatTime(record, '%Y-%m-%d')} {record.levelname} {record.name}: {self._message(record)}"
        if record.exc_info and record.exc_info[0]:
            line += f"\n{record.exc_info[0].__module__}.{record.exc_info[0].__qualname__}"
            frames = traceback.extract_tb(record.exc_info[2])
            line += "".join(f"\n  {frame.filename}:{frame.lineno} {frame.name}" for frame in frames)
        return line

    @staticmethod
    def _message(record: logging.LogRecord) -> str:
        if record.name.split(".")[0] in OWN:
            return record.getMessage()
        where = f"{record.pathname}:{record.lineno} {record.funcName}"
        if record.name.startswith("django.request"):
            return f"status {getattr(record, 'status_code', '?')} {where}"
        return where


def logging_config(level: str) -> dict[str, Any]:
    """Return the dictConfig: one stream, one formatter, and no request lines at all."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"quiet": {"()": "portal.logs.QuietFormatter"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "quiet"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django": {"level": level, "propagate": True, "handlers": []},
            # Mails to ADMINS carry POST data and are never sent; runserver's lines carry paths.
            "django.server": {"handlers": [], "propagate": False},
            "django.request": {"level": "ERROR"},
            "django.security": {"level": "ERROR"},
            # Its lines name the security key.
            "fido2": {"level": "WARNING"},
            # Its lines name the task and its arguments.
            "django-q": {"level": "WARNING", "handlers": ["stderr"], "propagate": False},
        },
    }
