"""The job worker's X25519 pair: every node seals to the public key, only nodes that run jobs hold the private key."""

from __future__ import annotations

import logging
from datetime import date, timedelta
from typing import Final

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from complaints.domain.sealing.primitives import BoxPair
from complaints.models.session import Heartbeat

logger = logging.getLogger(__name__)
# A grant to the worker ends after seven days, at the run of that day's job.
KEPT_DAYS: Final = 8


def public() -> bytes:
    """Return the job worker's public key, all that a node which only receives needs; raises ImproperlyConfigured."""
    if settings.WORKER_PUBLIC_KEY:
        return bytes.fromhex(settings.WORKER_PUBLIC_KEY)
    worker_pairs = pairs()
    if not worker_pairs:
        raise ImproperlyConfigured("WORKER_PUBLIC_KEY is not set")
    return worker_pairs[0].public


def pairs() -> list[BoxPair]:
    """Return the worker's current pair and the previous ones that are still in use, newest first.

    The list is empty on a node that runs no jobs: only the environment of the others holds private keys.
    """
    if not settings.WORKER_PRIVATE_KEY:
        return []
    keys = [settings.WORKER_PRIVATE_KEY, *settings.WORKER_PREVIOUS_KEYS]
    return [BoxPair.from_private(bytes.fromhex(key.partition("@")[0])) for key in keys]


def previous_after(today: date) -> list[str]:
    """Return the previous keys for a new one that is drawn today: the present key and those that may still open a row.

    Each is written with the day on which it was replaced, ``KEY@2026-11-30``; one without a day as if it was today.
    What is sealed to the worker waits for KEPT_DAYS at most, so an older key opens nothing any more.
    """
    kept = [f"{settings.WORKER_PRIVATE_KEY}@{today.isoformat()}"]
    for text in settings.WORKER_PREVIOUS_KEYS:
        key, _at, day = text.partition("@")
        if not day or today - date.fromisoformat(day) <= timedelta(days=KEPT_DAYS):
            kept.append(f"{key}@{day or today.isoformat()}")
    return kept


def replaced_on() -> date | None:
    """Return the day on which the worker's key was last replaced, None where this node knows of no earlier key."""
    days = [day for _key, _at, day in (text.partition("@") for text in settings.WORKER_PREVIOUS_KEYS) if day]
    return date.fromisoformat(max(days)) if days else None


def is_stale() -> bool:
    """Whether this node seals to another key of the worker than the one that the job runner told with its heartbeat.

    What the row says is compared only: whoever writes to the database could put a key of their own there.
    """
    told = Heartbeat.objects.values_list("worker_key", flat=True).first()
    return told is not None and bytes(told) != public()


def compare() -> None:
    """Log where another node that runs jobs has told another key, before this one tells its own."""
    if is_stale():
        logger.error("Two nodes that run jobs have different keys of the worker")


def new_keys() -> tuple[str, str]:
    """Draw a pair; return its private and its public key in hexadecimal, as the environment holds them."""
    pair = BoxPair.new()
    return pair.private.hex(), pair.public.hex()
