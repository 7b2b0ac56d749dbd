"""Deployment checks of what surrounds the portal: the ways to other machines, the limits of sessions, its process, its
machine, and the age of its components."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import os
import stat
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.utils import timezone

TAG = "portal"
LOCAL_HOSTS = ("", "localhost", "127.0.0.1", "::1")
# libpq's "require" encrypts to whoever answers; these compare the server's certificate with a known authority.
VERIFIED = ("verify-ca", "verify-full")
# Seconds; the defaults of docs/operations.md. A shorter limit is the operator's choice.
IDLE_SECONDS, ABSOLUTE_SECONDS = 1800, 36000
# An unfinished report ends so many seconds after its last touch. Pages say the time that is set. A shorter one ends
# while somebody writes; a longer one leaves more to the finder of a phone.
DRAFT_SECONDS = range(300, 7201)
# Each DRAFT_TEXT_BYTES lowers what one unfinished report may have by a step; behind the last one all are short.
DRAFT_STEPS = 8
# One for files, two for other jobs.
JOB_WORKERS_AT_LEAST = 3
# Guests whose memory the processor encrypts have one of these (AMD SEV-SNP, Intel TDX).
MEMORY_DEVICES = ("/dev/sev-guest", "/dev/tdx_guest")
# The day on which the lock files last took newer versions; SECURITY.md promises that it is never longer ago.
LOCKED_ON = settings.BASE_DIR / "requirements" / "locked-on.txt"
COMPONENT_DAYS = 90
LOOPBACK = ("127.0.0.1", "::1")
ONION_CHARACTERS = 56
HTTPS_PORT = 443
SECRET_BYTES, DISTINCT_BYTES = 32, 16
OTHERS = stat.S_IRWXO | stat.S_IWGRP


def _error(number: str, text: str, hint: str) -> Error:
    return Error(text, hint=hint, id=f"{TAG}.{number}")


def _warning(number: str, text: str, hint: str) -> Warning:
    return Warning(text, hint=hint, id=f"{TAG}.{number}")


@register(TAG, deploy=True)
def check_environment(app_configs: object, **kwargs: object) -> list[CheckMessage]:
    """Check connections to other machines, limits, addresses, and the process with its files."""
    around = [*_database(), *_redis(), *_mail(), *_sessions()]
    machine = [*_process(), *_jobs(), *_space(), *_scanner(), *_memory(), *_components()]
    return [*around, *_addresses(), *_onion(), *_metrics(), *_staff_origin(), *machine]


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
        if any(_is_elsewhere(host) for host in hosts) and not (place.get("OPTIONS") or {}).get("sslcert"):
            text = "The database is on another machine, to which the portal proves itself by a password alone."
            yield _warning("W012", text, "Append &sslcert=PATH&sslkey=PATH to the URL; see docs/operations.md.")
            return


def _redis() -> Iterator[CheckMessage]:
    cache: dict[str, Any] = settings.CACHES["default"]
    location = cache.get("LOCATION") or ""
    places = [location] if isinstance(location, str) else list(location)
    for place in places if cache["BACKEND"].endswith("RedisCache") else []:
        url = urlsplit(place)
        unproved = parse_qs(url.query).get("ssl_cert_reqs", ["required"])[-1] != "required"
        is_safe = url.scheme == "unix" or (url.scheme == "rediss" and not unproved)
        if not is_safe and (_is_elsewhere(url.hostname or "") or url.scheme not in ("redis", "rediss")):
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
    hosts = [_host_of(bind) for bind in settings.BIND.split(",") if not bind.startswith("unix:")]
    if any(host not in LOCAL_HOSTS[1:] for host in hosts):
        hint = "Set BIND=127.0.0.1:8000 or unix:PATH; each machine with a web server has a proxy of its own (TLS)."
        yield _error("E042", "The web server listens to the network, and speaks to it without TLS.", hint)


def _onion() -> Iterator[CheckMessage]:
    origin, bind = settings.ONION_ORIGIN, settings.ONION_BIND
    if origin and not _is_onion(origin):
        hint = "Set ONION_ORIGIN to http:// and the line of the file hostname in Tor's HiddenServiceDir, and no more."
        yield _error("E054", "ONION_ORIGIN is not the address of an onion service of version 3.", hint)
    if bool(origin) != bool(bind):
        hint = "Set both ONION_ORIGIN and ONION_BIND, or neither."
        yield _error("E055", "The onion has an address without a listener, or a listener without an address.", hint)
    is_number = bind.startswith("unix:") or _host_of(bind) in LOOPBACK
    if bind and (not is_number or bind in settings.BIND.split(",")):
        hint = "Set ONION_BIND=127.0.0.1:8001, a port that only Tor's daemon on this machine connects to."
        yield _error("E056", "The onion's listener can be reached from elsewhere, or is the public one.", hint)


def _metrics() -> Iterator[CheckMessage]:
    bind = settings.METRICS_BIND
    taken = (*settings.BIND.split(","), settings.ONION_BIND)
    if bind and (bind in taken or not (bind.startswith("unix:") or _is_inner(_host_of(bind)))):
        hint = "Set METRICS_BIND=127.0.0.1:8002, or a port at an address of a network of your own machines."
        yield _error("E080", "The metrics can be read from outside, or their listener is another one's.", hint)


def _is_inner(host: str) -> bool:
    """Whether a host is written as one address that the internet does not reach."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_private and not address.is_unspecified


def _host_of(bind: str) -> str:
    try:
        return urlsplit(f"//{bind}").hostname or ""
    except ValueError:
        return ""


def _is_onion(origin: str) -> bool:
    """Whether an origin has a name that Tor takes: key, checksum and version in base32 (rend-spec-v3, 6)."""
    name = origin.removeprefix("http://").removesuffix(".onion")
    if origin != f"http://{name}.onion" or len(name) != ONION_CHARACTERS or not name.islower():
        return False
    try:
        content = base64.b32decode(name, casefold=True)
    except ValueError:  # no base32, or not even ASCII
        return False
    key, checksum, version = content[:32], content[32:34], content[34:]
    return version == b"\x03" and hashlib.sha3_256(b".onion checksum" + key + version).digest()[:2] == checksum


def _staff_origin() -> Iterator[CheckMessage]:
    staff, certificate = settings.STAFF_ORIGIN, settings.STAFF_CLIENT_CERT
    place = _place_of(staff)
    if staff and (place is None or place == _place_of(settings.PUBLIC_ORIGIN)):
        hint = "Set STAFF_ORIGIN to https://NAME or https://NAME:PORT, another than PORTAL_ORIGIN, without a path."
        yield _error("E057", "STAFF_ORIGIN is no https origin of its own.", hint)
    if certificate and not (staff and settings.BEHIND_PROXY):
        hint = (
            "Set STAFF_ORIGIN and BEHIND_PROXY=true, and include deploy/nginx-staff.conf; or unset STAFF_CLIENT_CERT."
        )
        yield _error("E058", "Client certificates are demanded of staff, and no proxy verifies them.", hint)
    if certificate and not _is_random(certificate):
        hint = "Set STAFF_CLIENT_CERT to what openssl rand -hex 32 prints, here and in the proxy's file."
        yield _error("E059", "STAFF_CLIENT_CERT can be guessed, and the proof of a certificate be forged.", hint)


def _place_of(origin: str) -> tuple[str, int] | None:
    """Return the host and the port of an https origin, None where the text is none or more than one."""
    try:
        parts = urlsplit(origin)
        port = parts.port or HTTPS_PORT
    except ValueError:
        return None
    netloc = origin.lower().removeprefix("https://")
    is_mistyped = "@" in netloc or netloc.endswith((":", ":0"))
    is_origin = parts.scheme == "https" and parts.netloc.lower() == netloc and not is_mistyped
    return (parts.hostname, port) if is_origin and parts.hostname else None


def _is_random(text: str) -> bool:
    try:
        value = bytes.fromhex(text)
    except ValueError:
        return False
    return len(value) >= SECRET_BYTES and len(set(value)) >= DISTINCT_BYTES


def _space() -> Iterator[CheckMessage]:
    if settings.EVIDENCE_MIN_FREE_BYTES <= 0:
        hint = "Unset EVIDENCE_MIN_FREE_BYTES, or give the bytes that the database and the rest need."
        yield _error("E043", "Files of strangers may fill the disk to its last byte.", hint)
    if settings.DRAFT_MAX_BYTES < DRAFT_STEPS * settings.DRAFT_TEXT_BYTES:
        hint = f"Raise DRAFT_MAX_BYTES, or lower DRAFT_TEXT_BYTES: {DRAFT_STEPS} times as much at least."
        yield _error("E063", "Reports could not be begun while those that lie there still grow.", hint)
    stores: dict[str, Any] = settings.STORAGES
    tells_free = not str(stores["evidence"]["BACKEND"]).endswith("EvidenceS3Storage")
    if not (tells_free or settings.EVIDENCE_DRAFT_BYTES or settings.EVIDENCE_MAX_STORE_BYTES):
        hint = "Set EVIDENCE_DRAFT_BYTES to half of what the bucket may hold, or EVIDENCE_MAX_STORE_BYTES."
        text = "The object store does not tell what is free: unfinished reports may take 10 GiB of it."
        yield _warning("W009", text, hint)


def _scanner() -> Iterator[CheckMessage]:
    if not settings.CLAMD_SOCKET:
        hint = "Run clamd on this machine and set CLAMD_SOCKET; until then officers are told of each file."
        yield _warning("W010", "No file of a reporter is scanned for malware before an officer opens it.", hint)


def _memory() -> Iterator[CheckMessage]:
    if not any(Path(device).exists() for device in MEMORY_DEVICES):
        text = "Nothing tells that the memory of this machine is encrypted; reports pass through it in clear."
        hint = "Take a guest with SEV-SNP or TDX; where the firmware encrypts memory (TSME, TME), silence W011."
        yield _warning("W011", text, hint)


def _components() -> Iterator[CheckMessage]:
    locked_on = date.fromisoformat(LOCKED_ON.read_text(encoding="ascii").strip())
    if (timezone.localdate() - locked_on).days > COMPONENT_DAYS:
        hint = "Upgrade the portal; whoever maintains it runs `make lock UPGRADE=--upgrade` and the tests."
        yield _warning("W013", f"Its components have had no update for more than {COMPONENT_DAYS} days.", hint)
