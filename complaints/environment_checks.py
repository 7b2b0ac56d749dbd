"""Deployment checks of what surrounds the portal: the ways to other machines, the limits of sessions, its process."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

TAG = "portal"
LOCAL_HOSTS = ("", "localhost", "127.0.0.1", "::1")
# libpq's "require" encrypts to whoever answers; these compare the server's certificate with a known authority.
VERIFIED = ("verify-ca", "verify-full")
# Seconds; the defaults of docs/operations.md. A shorter limit is the operator's choice.
IDLE_SECONDS, ABSOLUTE_SECONDS = 1800, 36000
# An unfinished report ends so many seconds after its last touch. Pages say the time that is set. A shorter one ends
# while somebody writes; a longer one leaves more to the finder of a phone.
DRAFT_SECONDS = range(300, 7201)
# One for files, two for other jobs.
JOB_WORKERS_AT_LEAST = 3
OTHERS = stat.S_IRWXO | stat.S_IWGRP


def _error(number: str, text: str, hint: str) -> Error:
    return Error(text, hint=hint, id=f"{TAG}.{number}")


def _warning(number: str, text: str, hint: str) -> Warning:
    return Warning(text, hint=hint, id=f"{TAG}.{number}")


@register(TAG, deploy=True)
def check_environment(app_configs: object, **kwargs: object) -> list[CheckMessage]:
    """Check connections to other machines, limits, addresses, and the process with its files."""
    around = [*_database(), *_redis(), *_mail(), *_sessions()]
    return [*around, *_process(), *_jobs(), *_addresses(), *_space()]


def _is_elsewhere(host: str) -> bool:
    """Whether a host is another machine; a path is a socket of this one."""
    return not host.startswith(("/", "@")) and host not in LOCAL_HOSTS


def _database() -> Iterator[CheckMessage]:
    places: list[dict[str, Any]] = [settings.DATABASES["default"], *settings.DATABASE_ROLES.values()]
    for place in places:
        if not str(place["ENGINE"]).endswith(("postgresql", "postgresql_psycopg2")):
            continue
        mode = str((place.get("OPTIONS") or {}).get("sslmode", ""))
        hosts = str(place.get("HOST") or "").split(",")
        if mode not in VERIFIED and any(_is_elsewhere(host) for host in hosts):
            text = "The database is on another machine, and the connection proves neither secrecy nor its server."
            hint = "Append ?sslmode=verify-full&sslrootcert=PATH to the URL, or sign in by a socket of this machine."
            yield _error("E035", text, hint)
            return


def _redis() -> Iterator[CheckMessage]:
    cache: dict[str, Any] = settings.CACHES["default"]
    location = cache.get("LOCATION") or ""
    places = [location] if isinstance(location, str) else list(location)
    for place in places if cache["BACKEND"].endswith("RedisCache") else []:
        url = urlsplit(place)
        unproved = parse_qs(url.query).get("ssl_cert_reqs", ["required"])[-1] != "required"
        if url.scheme != "unix" and _is_elsewhere(url.hostname or "") and (url.scheme != "rediss" or unproved):
            hint = "Set REDIS_URL to a rediss:// address, with the server's certificate required, or to unix://PATH."
            yield _error("E036", "Redis is on another machine and spoken to in clear, or to whoever answers.", hint)


def _mail() -> Iterator[CheckMessage]:
    is_smtp = settings.EMAIL_BACKEND.endswith("smtp.EmailBackend")
    if is_smtp and _is_elsewhere(settings.EMAIL_HOST) and not (settings.EMAIL_USE_TLS or settings.EMAIL_USE_SSL):
        hint = "Set EMAIL_USE_TLS=true (STARTTLS, mostly port 587) or EMAIL_USE_SSL=true (port 465)."
        yield _error("E037", "Mail leaves for another machine in clear, its password too.", hint)


def _sessions() -> Iterator[CheckMessage]:
    if settings.SESSION_COOKIE_AGE > IDLE_SECONDS or settings.SESSION_ABSOLUTE_AGE > ABSOLUTE_SECONDS:
        hint = f"STAFF_IDLE_SECONDS is {IDLE_SECONDS} at most, STAFF_ABSOLUTE_SECONDS {ABSOLUTE_SECONDS}."
        yield _error("E038", "Sessions of staff last longer than documented; each holds an unlocked key.", hint)
    limits: dict[str, int] = settings.REPORTER_IDLE_SECONDS
    if limits["draft"] not in DRAFT_SECONDS:
        hint = f"DRAFT_SECONDS is {DRAFT_SECONDS[0]} to {DRAFT_SECONDS[-1]}; unset it."
        yield _error("E060", "Unfinished reports are kept longer than documented, or too short to write one.", hint)


def _process() -> Iterator[CheckMessage]:
    if os.geteuid() == 0:
        hint = "Run the portal, and this check, as a user of its own: User=kanal in its units, sudo -u kanal here."
        yield _error("E039", "The process runs as root.", hint)
    try:
        mode = settings.ENV_FILE.stat().st_mode
    except OSError:  # everything comes from the environment itself
        return
    if mode & OTHERS:
        hint = f"chmod 600 {settings.ENV_FILE}, and draw new secrets if somebody may have read it."
        yield _error("E040", "Others than the portal may read the environment file, or change it.", hint)


def _jobs() -> Iterator[CheckMessage]:
    workers: Any = settings.Q_CLUSTER["workers"]
    if workers < JOB_WORKERS_AT_LEAST:
        hint = f"Unset JOB_WORKERS, or set {JOB_WORKERS_AT_LEAST} at least."
        yield _error("E053", "Slow files of strangers would hold up deadlines and the closing of days.", hint)


def _addresses() -> Iterator[CheckMessage]:
    if settings.ADMIN_PATH == "/":
        hint = "Set ADMIN_PATH to a path of its own, for example kantor/."
        yield _error("E041", "The staff's pages lie at the root: their cookie would go out with every request.", hint)
    hosts = [urlsplit(f"//{bind}").hostname or "" for bind in settings.BIND.split(",") if not bind.startswith("unix:")]
    if not settings.BEHIND_PROXY and any(host not in LOCAL_HOSTS[1:] for host in hosts):
        hint = "Set BIND=127.0.0.1:8000 behind a proxy on this machine; with one on another, BEHIND_PROXY=true."
        yield _error("E042", "The web server listens to the network without a proxy, and so without TLS.", hint)


def _space() -> Iterator[CheckMessage]:
    if settings.EVIDENCE_MIN_FREE_BYTES <= 0:
        hint = "Unset EVIDENCE_MIN_FREE_BYTES, or give the bytes that the database and the rest need."
        yield _error("E043", "Files of strangers may fill the disk to its last byte.", hint)
    stores: dict[str, Any] = settings.STORAGES
    tells_free = not str(stores["evidence"]["BACKEND"]).endswith("EvidenceS3Storage")
    if not (tells_free or settings.EVIDENCE_DRAFT_BYTES or settings.EVIDENCE_MAX_STORE_BYTES):
        hint = "Set EVIDENCE_DRAFT_BYTES to half of what the bucket may hold, or EVIDENCE_MAX_STORE_BYTES."
        text = "The object store does not tell what is free: unfinished reports may take 10 GiB of it."
        yield _warning("W009", text, hint)
