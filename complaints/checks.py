"""Deployment checks with stable ids and hints; ``manage.py check --deploy`` runs them.

An error makes the command fail, a warning does not. No message contains a secret.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection
from django.utils import timezone

from complaints import access
from complaints.adapters import age_files, sandbox
from complaints.adapters.age_files import AgeError
from complaints.domain import normalization
from complaints.models.oversight import OversightBody
from complaints.models.team import Staff, Team
from complaints.services import mfa, reference_data, rule_book, team_key_history
from complaints.services.audit import log, node_files
from complaints.services.evidence import worker_key
from complaints.services.forwarding.bodies import BODY_ENDS_WITHIN
from complaints.services.team_key_history import UnpinnedKey, pinned_team
from complaints.services.team_keys import resealing, rotation, setup

TAG = "portal"
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
KEYS = {"PASSWORD_PEPPER": "E003", "WORKER_PRIVATE_KEY": "E004", "SERVER_SIGNING_KEY": "E005"}
KEY_BYTES = 32
# 32 random bytes have about 30 distinct values; a key that was typed by hand has few.
DISTINCT_BYTES = 16
# OWASP's minimum for Argon2id with one lane: (passes, bytes of memory).
WRAP_FLOOR = (3, 12 * 1024 * 1024)
FACTOR_SETTINGS = {
    "MFA_ADAPTER": "portal.accounts.adapters.StaffFactorAdapter",
    "ACCOUNT_ADAPTER": "portal.accounts.adapters.StaffAccountAdapter",
    "MFA_FORMS": {
        "authenticate": "portal.accounts.login.CodeForm",
        "authenticate_webauthn": "portal.accounts.login.KeyForm",
    },
}
PASSWORD_VALIDATORS = (
    "UserAttributeSimilarityValidator",
    "MinimumLengthValidator",
    "CommonPasswordValidator",
    "NumericPasswordValidator",
    "ContextWordValidator",
    "GuessableValidator",
)
NEVER_ON = (
    "ACCOUNT_LOGIN_BY_CODE_ENABLED",
    "MFA_PASSKEY_LOGIN_ENABLED",
    "MFA_PASSKEY_SIGNUP_ENABLED",
    "MFA_TRUST_ENABLED",
    "MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN",
)
# A key change that takes longer was left unfinished; the old key is kept until it is done.
CHANGE_WITHIN = timedelta(days=7)
MAKE_SECRETS = "Make new ones: python -m portal.secrets PATH."


def _error(number: str, text: str, hint: str) -> Error:
    return Error(text, hint=hint, id=f"{TAG}.{number}")


def _warning(number: str, text: str, hint: str) -> Warning:
    return Warning(text, hint=hint, id=f"{TAG}.{number}")


@register(TAG, deploy=True)
def check_configuration(app_configs: object, **kwargs: object) -> list[CheckMessage]:
    signing_in = [*_key_wrapping(), *_second_factor(), *_passwords()]
    return [*_mode(), *_secrets(), *_origin_and_cookies(), *signing_in, *_operator(), *_exit(), *_outgoing()]


@register(TAG, deploy=True)
def check_sandbox(app_configs: object, **kwargs: object) -> list[CheckMessage]:
    """Check that the walls around a process with an uploaded file stand on this node, and that it has no network."""
    try:
        walls = sandbox.DEFAULT.walls
    except sandbox.Unavailable:
        return [_error("E052", "No process can be had here to read uploaded files.", "Is memory short, or its limit?")]
    if not walls.stand:
        missing = "the list of system calls" if not walls.calls else "a wall before the file system"
        hint = (
            "The list needs seccomp on x86_64 or aarch64. The file system is walled off by Landlock (Linux 6.2 or "
            'newer, "landlock" in the kernel\'s lsm=) or in a user namespace (kernel.unprivileged_userns_clone=1, '
            "RestrictNamespaces=no; in a container a profile that allows unshare, mount and pivot_root)."
        )
        return [_error("E052", f"No uploaded file is opened on this node: it lacks {missing}.", hint)]
    hint = (
        "Let the service open user namespaces (kernel.unprivileged_userns_clone=1, RestrictNamespaces=no; in a "
        "container a profile that allows unshare), or give its node no way out of its network."
    )
    if not walls.network:
        return [_warning("W004", "What reads strangers' files here cannot be cut off the network.", hint)]
    return []


@register(TAG, deploy=True)
def check_stored(app_configs: object, **kwargs: object) -> list[CheckMessage]:
    """Check accounts, teams, the calendar and the durability of the database."""
    try:
        return [*_accounts(), *_teams(), *_law(), *_durability(), *_worker_key()]
    except DatabaseError:
        hint = "Is DATABASE_URL right, and has migrate been run?"
        return [_error("E015", "The database cannot be read.", hint)]


def _worker_key() -> Iterator[CheckMessage]:
    if (settings.WORKER_PUBLIC_KEY or settings.WORKER_PRIVATE_KEY) and worker_key.is_stale():
        hint = "Bring the line WORKER_PUBLIC_KEY of the last rotate_worker_key to this node, and restart it."
        yield _error("E072", "This node seals files to another key of the worker than the job runner has.", hint)


def _mode() -> Iterator[CheckMessage]:
    if settings.DEBUG:
        yield _error("E001", "DEBUG is on: error pages would show what reporters type.", "Unset DEBUG.")
    if settings.SAMPLE_MODE:
        yield _error("E007", "The portal is in sample mode.", "Unset PORTAL_SAMPLE.")


def _secrets() -> Iterator[CheckMessage]:
    secret = _secret_key()
    if len(secret) < 50 or len(set(secret)) < 10 or secret.startswith(("django-insecure-", "test-only-")):
        yield _error("E002", "SECRET_KEY is missing, short or not random.", MAKE_SECRETS)
    for name, number in KEYS.items():
        # A node that runs no jobs has only the public key of the worker.
        is_optional = name == "WORKER_PRIVATE_KEY" and not settings.WORKER_PRIVATE_KEY and settings.WORKER_PUBLIC_KEY
        if not is_optional and not _is_key(getattr(settings, name)):
            yield _error(number, f"{name} is not {KEY_BYTES} random bytes in hexadecimal.", MAKE_SECRETS)
    if _is_key(settings.SERVER_SIGNING_KEY) and not _has_readable_keys():
        hint = "Each is ENTRY:BATCH=KEY, separated by commas, as manage.py rotate_server_key writes them."
        yield _error("E062", "SERVER_VERIFY_KEYS_OLD holds something else than numbers and keys.", hint)
    values = [value for value in (secret, *(getattr(settings, name) for name in KEYS)) if value]
    if len(set(values)) < len(values):
        yield _error("E006", "Two secrets are the same.", MAKE_SECRETS)
    if public := settings.WORKER_PUBLIC_KEY:
        pairs = worker_key.pairs() if _is_key(public) and _is_key(settings.WORKER_PRIVATE_KEY) else []
        if not _is_key(public) or (pairs and pairs[0].public != bytes.fromhex(public)):
            hint = "Take both from one run of rotate_worker_key, or unset WORKER_PUBLIC_KEY where the private one is."
            yield _error("E022", "WORKER_PUBLIC_KEY is no key, or not that of WORKER_PRIVATE_KEY.", hint)


def _has_readable_keys() -> bool:
    try:
        log.server_keys()
    except ValueError:
        return False
    return True


def _secret_key() -> str:
    try:
        return str(settings.SECRET_KEY)
    except ImproperlyConfigured:  # Django raises it for an empty key
        return ""


def _is_key(text: str) -> bool:
    try:
        key = bytes.fromhex(text)
    except ValueError:
        return False
    return len(key) == KEY_BYTES and len(set(key)) >= DISTINCT_BYTES


def _origin_and_cookies() -> Iterator[CheckMessage]:
    origin = urlsplit(settings.PUBLIC_ORIGIN)
    is_root = not (origin.path or origin.query or origin.username)
    if origin.scheme != "https" or origin.hostname in (None, *LOCAL_HOSTS) or not is_root:
        hint = "Set PORTAL_ORIGIN to the public address, https://NAME, without a path."
        yield _error("E010", "PORTAL_ORIGIN is not a public https address.", hint)
    secure = settings.SESSION_COOKIE_SECURE and settings.CSRF_COOKIE_SECURE and settings.SESSION_COOKIE_HTTPONLY
    strict = {settings.SESSION_COOKIE_SAMESITE, settings.CSRF_COOKIE_SAMESITE} == {"Strict"}
    host_only = (settings.CSRF_COOKIE_NAME, settings.REPORTER_COOKIE_NAME)
    named = settings.SESSION_COOKIE_NAME.startswith("__Secure-") and all(n.startswith("__Host-") for n in host_only)
    if not (secure and strict and named):
        hint = "Cookies follow PORTAL_ORIGIN; leave their settings as they are."
        yield _error("E009", "Cookies could be read, sent in clear, or set by a neighbouring host.", hint)


def _exit() -> Iterator[CheckMessage]:
    away = urlsplit(settings.EXIT_URL)
    ours = (settings.PUBLIC_ORIGIN, settings.STAFF_ORIGIN, settings.ONION_ORIGIN)
    hosts = {urlsplit(origin).hostname for origin in ours} | {None, *LOCAL_HOSTS}
    if away.scheme != "https" or away.hostname in hosts:
        hint = "Set EXIT_URL to the https address of a site that nobody asks about, such as the weather forecast."
        yield _error("E069", "EXIT_URL is no https address of another site.", hint)


def _key_wrapping() -> Iterator[CheckMessage]:
    cost = (settings.KEY_WRAP_OPSLIMIT, settings.KEY_WRAP_MEMLIMIT)
    is_cheap = any(value < floor for value, floor in zip(cost, WRAP_FLOOR, strict=True))
    if is_cheap or getattr(settings, "PASSWORD_HASH_MEMORY_KIB", None) is not None:
        hint = "Unset KEY_WRAP_OPSLIMIT and KEY_WRAP_MEMLIMIT; keys wrapped so far need new passwords."
        yield _error("E017", "Staff's keys are wrapped too cheaply to withstand guessing.", hint)


def _second_factor() -> Iterator[CheckMessage]:
    is_unchanged = all(getattr(settings, name, None) == value for name, value in FACTOR_SETTINGS.items())
    switched_on = [name for name in NEVER_ON if getattr(settings, name, False)]
    if "allauth.mfa" not in settings.INSTALLED_APPS or not is_unchanged or switched_on:
        hint = "Leave allauth.mfa, its adapter and forms as they are; keep reset, login by code and trust off."
        yield _error("E019", "Staff could sign in without the second factor, or round it.", hint)


def _passwords() -> Iterator[CheckMessage]:
    validators: list[dict[str, Any]] = settings.AUTH_PASSWORD_VALIDATORS  # type: ignore[assignment]
    configured = {str(validator["NAME"]).rpartition(".")[2] for validator in validators}
    missing = [name for name in PASSWORD_VALIDATORS if name not in configured]
    if missing:
        hint = "Leave AUTH_PASSWORD_VALIDATORS as they are: the password is what opens a person's key."
        yield _error("E044", f"Passwords are not checked by: {', '.join(missing)}.", hint)


def _outgoing() -> Iterator[CheckMessage]:
    stores: dict[str, Any] = settings.STORAGES
    endpoint = urlsplit(str(stores["evidence"].get("OPTIONS", {}).get("endpoint_url") or ""))
    if endpoint.scheme not in ("", "https") and endpoint.hostname not in LOCAL_HOSTS:
        hint = "Set EVIDENCE_S3_ENDPOINT to an https address; http is for a store on this very machine only."
        yield _error("E021", "The object store is spoken to in clear: its key could be taken on the way.", hint)
    if settings.VAR_DIR in settings.AUDIT_HEADS_FILE.parents and not settings.AUDIT_HEADS_MAIL:
        hint = "Set AUDIT_HEADS_MAIL, or AUDIT_HEADS_FILE to a disk of another machine."
        yield _warning("W001", "Heads of the audit chain do not leave the machine: a cut would not be seen.", hint)
    if not node_files.is_writable():
        hint = "Let the node that runs jobs write to the folder of AUDIT_HEADS_FILE."
        yield _warning("W008", "Outside of the database nothing would remember faults and the end of the chain.", hint)
    if settings.EMAIL_BACKEND.endswith(("console.EmailBackend", "dummy.EmailBackend", "locmem.EmailBackend")):
        yield _warning("W002", "Staff mail goes nowhere.", "Set EMAIL_BACKEND and EMAIL_HOST.")


def _law() -> Iterator[CheckMessage]:
    if year := reference_data.year_without_list(timezone.localdate()):
        hint = "Update the package holidays, or enter the joint leave of the decree in the admin, under closed days."
        yield _warning("W014", f"The joint leave of {year} is not known: working days are counted too early.", hint)
    edition = reference_data.edition()
    if due := rule_book.reviews_due(timezone.localdate(), edition):
        hint = "Let a lawyer review them; then propose each with the next day for review_due."
        yield _warning("W022", f"Rules of the law due for review, the first on {due.first}: {due.number}.", hint)
    rules = rule_book.reading(edition)
    if keys := [str(key) for key in (*rules.conflicts, *rules.left_out)]:
        hint = "Let an administrator propose these rows anew on the page of the rules of the law."
        yield _warning("W015", f"An update changed rules that were changed here too: {', '.join(keys)}.", hint)


def _accounts() -> Iterator[CheckMessage]:
    if Staff.objects.filter(is_sample=True).exists():
        hint = "Begin with a new database: the passwords of sample accounts stand in the source."
        yield _error("E008", "The database holds sample accounts.", hint)
    # A first login requires the enrolment; an account in use without a factor can be taken over by its password.
    people = Staff.objects.filter(
        is_active=True, must_change_password=False, awaits_confirmation=False, last_login__isnull=False
    )
    enrolled = Authenticator.objects.filter(type__in=mfa.PRIMARY).values("user")
    unprotected = people.exclude(wrapped_key=None).exclude(pk__in=enrolled).count()
    if unprotected:
        hint = "Have them sign in and set one up, or switch the accounts off: with the password alone anybody could."
        yield _error("E020", f"Active accounts in use without a second factor: {unprotected}.", hint)


def _teams() -> Iterator[CheckMessage]:
    teams = {team.slug: team for team in Team.objects.select_related("body").prefetch_related("memberships__staff")}
    today = timezone.localdate()
    bodies = list(OversightBody.objects.overseers_on(today))
    if not bodies:
        yield _error("E018", "No oversight body holds the task today.", "Run load_catalog, and see its validity.")
    elif not OversightBody.objects.overseers_on(today + BODY_ENDS_WITHIN).exists():
        hint = "Enter the body that follows in the admin, give it a team (setup_keys), and recall its open cases."
        last = max(body.valid_until for body in bodies if body.valid_until)
        yield _warning("W016", f"No oversight body holds the task after {last.isoformat()}.", hint)
    required_slugs = [*sorted(setup.OWN_TEAMS), *(f"body-{body.pk}" for body in bodies)]
    for slug in required_slugs:
        if slug not in teams:
            hint = "Run setup_keys; for a body that no longer holds the task, enter its last day in the admin."
            yield _error("E011", f"The team {slug} is missing.", hint)
    for team in teams.values():
        yield from _team(team)


def _operator() -> Iterator[CheckMessage]:
    if not settings.OPERATOR_AGENCIES:
        hint = "Name the agencies that run this portal, and their short names: triage reads reports about them else."
        yield _warning("W018", "OPERATOR_AGENCIES is empty.", hint)
    yield from _backups()


def _backups() -> Iterator[CheckMessage]:
    try:
        keys = age_files.recipients(settings.BACKUP_RECIPIENTS)
    except AgeError as error:
        yield _error("E071", f"BACKUP_RECIPIENTS cannot be read. {error}", "Copy it anew from what age-keygen printed.")
        return
    if not keys:
        hint = "Let two people make keys by age-keygen on machines without network; see docs/operations.md, Backups."
        yield _warning("W019", "BACKUP_RECIPIENTS is empty: no backup can be made.", hint)
    if not all(map(normalization.office, settings.OPERATOR_AGENCIES)):
        hint = "Write each name as reporters do, up to a semicolon or the end of its line."
        yield _error("E067", "OPERATOR_AGENCIES holds a name that no agency can be known by.", hint)
    if missing := settings.OPERATOR.missing():
        hint = f"Set {', '.join(missing)}; docs/operations.md says what each is."
        yield _error("E068", "The reporters' pages do not say who runs this portal, or on what basis.", hint)


def _team(team: Team) -> Iterator[CheckMessage]:
    admitted = [membership.staff for membership in team.memberships.all() if membership.sealed_key]
    if sum(staff.is_active and staff.has_key and access.may_join(staff, team) for staff in admitted) < 2:
        hint = "Have a member admit another one; a team of one is lost with one password."
        yield _error("E012", f"The team {team.slug} has fewer than two active members.", hint)
    if not (team.recovery_a and team.recovery_b):
        yield _error("E013", f"The team {team.slug} has no recovery keys.", "See docs/operations.md: recovery.")
    try:
        pinned_team(team.slug)
    except UnpinnedKey:
        hint = "Compare with the fingerprints on paper before you touch TEAM_KEY_PINS: somebody may have put it there."
        yield _error("E014", f"The key of the team {team.slug} does not follow from the pinned one.", hint)
    else:
        yield from _key_change(team)


def _key_change(team: Team) -> Iterator[CheckMessage]:
    if not team_key_history.is_pinned_itself(team):
        hint = "Compare with two members' pages, then put the line that manage.py team_pins prints into every node."
        yield _warning("W005", f"TEAM_KEY_PINS still names an earlier key of the team {team.slug}.", hint)
    since = resealing.progress(team=team).since
    if since and since < timezone.now() - CHANGE_WITHIN:
        hint = "A member opens Teams in the admin and goes on until nothing is left under the old key."
        yield _warning("W006", f"The key change of the team {team.slug} is not finished.", hint)
    if rotation.leavers([team]):
        hint = "A member opens Teams in the admin and changes the key."
        yield _warning("W007", f"Somebody left the team {team.slug} and may have kept its key.", hint)


def _durability() -> Iterator[CheckMessage]:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA synchronous")
            is_durable = int(cursor.fetchone()[0]) >= 2
        else:
            names = ["fsync", "full_page_writes", "synchronous_commit"]
            cursor.execute("SELECT count(*) FROM pg_settings WHERE name = ANY(%s) AND setting = 'off'", [names])
            is_durable = int(cursor.fetchone()[0]) == 0
    if not is_durable:
        hint = "Keep fsync, full_page_writes and synchronous_commit on (PostgreSQL), synchronous=FULL (SQLite)."
        yield _error("E016", "The database may lose what it has confirmed when power fails.", hint)
