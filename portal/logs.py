"""Logging of what failed and where in the code, without the person, the content and the hour of a request."""

from __future__ import annotations

import logging
import time
import traceback
from typing import Final

PROJECT_LOGGERS = frozenset({"complaints", "portal"})


class QuietFormatter(logging.Formatter):
    """Writes day, level, logger and message; of an exception its type and traceback, not its text.

    Of libraries only the line of code is written, because their messages may quote content: Pillow logs what it reads
    from a photo, the job queue the text of an exception. Loggers of this project pass only numbers and ids of jobs.
    """

    def format(self, record: logging.LogRecord) -> str:
        line = f"{self.formatTime(record, '%Y-%m-%d')} {record.levelname} {record.name}: {self._message(record)}"
        if record.exc_info and record.exc_info[0]:
            line += f"\n{record.exc_info[0].__module__}.{record.exc_info[0].__qualname__}"
            frames = traceback.extract_tb(record.exc_info[2])
            line += "".join(f"\n  {frame.filename}:{frame.lineno} {frame.name}" for frame in frames)
        return line

    @staticmethod
    def _message(record: logging.LogRecord) -> str:
        if record.name.split(".")[0] in PROJECT_LOGGERS:
            return record.getMessage()
        location = f"{record.pathname}:{record.lineno} {record.funcName}"
        if record.name.startswith("django.request"):
            return f"status {getattr(record, 'status_code', '?')} {location}"
        return location


class UnforeseenOnly(logging.Filter):
    """Drops the line that Django writes for an answer of 500 or more which the portal chose, without an exception.

    Whoever sends files above the threads for them gets such an answer as often as they like.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        return bool(record.exc_info)


class OnceAMinute(logging.Filter):
    """Writes the same line about evidence once a minute in a process.

    A full store, or a full share of it, says so to each file that is sent, as often as somebody likes. Lines tell the
    day alone, so that a repeated one says nothing more.
    """

    _SECONDS: Final = 60
    _MOST_LINES: Final = 100

    def __init__(self) -> None:
        super().__init__()
        self._written: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.name.startswith("complaints.services.evidence"):
            return True
        line, now = (record.name, record.getMessage()), time.monotonic()
        if line in self._written and now < self._written[line] + self._SECONDS:
            return False
        if len(self._written) >= self._MOST_LINES:
            self._written.clear()
        self._written[line] = now
        return True


def logging_config(level: str) -> dict[str, object]:
    """Return the dictConfig: one handler on stderr, one formatter, and no access log."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {
            "unforeseen": {"()": "portal.logs.UnforeseenOnly"},
            "once_a_minute": {"()": "portal.logs.OnceAMinute"},
            "outage": {"()": "portal.outage.OneLine"},
        },
        "formatters": {"quiet": {"()": "portal.logs.QuietFormatter"}},
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "formatter": "quiet", "filters": ["outage", "once_a_minute"]}
        },
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django": {"level": level, "propagate": True, "handlers": []},
            # No handler mails ADMINS, as such mails carry POST data; runserver's lines carry paths.
            "django.server": {"handlers": [], "propagate": False},
            "django.request": {"level": "ERROR", "filters": ["unforeseen"]},
            "django.security": {"level": "ERROR"},
            # Its messages name the security key.
            "fido2": {"level": "WARNING"},
            # Its messages name the task and its arguments.
            "django-q": {"level": "WARNING", "handlers": ["stderr"], "propagate": False},
        },
    }
