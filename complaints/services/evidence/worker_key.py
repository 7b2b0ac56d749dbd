"""The job worker's X25519 pair: every node seals to the public key, only nodes that run jobs hold the private key."""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from complaints.domain.sealing.primitives import BoxPair


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
    return [BoxPair.from_private(bytes.fromhex(key)) for key in keys]


def new_keys() -> tuple[str, str]:
    """Draw a pair; return its private and its public key in hexadecimal, as the environment holds them."""
    pair = BoxPair.new()
    return pair.private.hex(), pair.public.hex()
