"""The job worker's pair: every node seals to its public half, and only those that run jobs hold the private one."""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from complaints.domain.sealing.primitives import BoxPair


def public() -> bytes:
    """Return the job worker's public key, all that a node needs which only takes reports in.

    Raises:
        ImproperlyConfigured: the environment names neither half.
    """
    if settings.WORKER_PUBLIC_KEY:
        return bytes.fromhex(settings.WORKER_PUBLIC_KEY)
    known = pairs()
    if not known:
        raise ImproperlyConfigured("WORKER_PUBLIC_KEY is not set")
    return known[0].public


def pairs() -> list[BoxPair]:
    """Return the worker's pair and those before it whose week is not over, newest first; none on a node without them.

    Private halves stand in the environment of the nodes that run jobs, and nowhere else.
    """
    if not settings.WORKER_PRIVATE_KEY:
        return []
    keys = [settings.WORKER_PRIVATE_KEY, *settings.WORKER_PREVIOUS_KEYS]
    return [BoxPair.from_private(bytes.fromhex(key)) for key in keys]


def new_keys() -> tuple[str, str]:
    """Draw a pair for the worker: its private and its public half, as the environment holds them."""
    pair = BoxPair.new()
    return pair.private.hex(), pair.public.hex()
