"""Settings: one file for every installation, read from the environment; a malformed value stops the start.

Without any environment they describe a portal on SQLite and local files. The sections follow Django's documentation;
the portal's own settings come last.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from urllib.parse import urlsplit

from django.utils.translation import gettext_lazy as _

from complaints.domain.operator import SAMPLE, Operator
from portal import environment
from portal.logs import logging_config
from portal.postgresql import roles

BASE_DIR = environment.BASE_DIR
VAR_DIR, ENV_FILE = environment.var_dir(), environment.env_file()
env = environment.load()

# --- Core -------------------------------------------------------------------------------------------------------------
DEBUG = env.bool("DEBUG", False)
SECRET_KEY = env.str("SECRET_KEY", "")
SAMPLE_MODE = env.bool("PORTAL_SAMPLE", False)


def _address_setting(text: str) -> str:
    """Return an address; what cannot be split becomes one without host, which the checks refuse."""
    try:
        urlsplit(text)
    except ValueError:
        return "invalid:"
    return text


PUBLIC_ORIGIN = _address_setting(env.str("PORTAL_ORIGIN", ""))
_origin = urlsplit(PUBLIC_ORIGIN)
SECURE = _origin.scheme == "https"
# The onion service's address, and the staff's own where they have one; portal.origins keeps the three apart.
ONION_ORIGIN = _address_setting(env.str("ONION_ORIGIN", ""))
STAFF_ORIGIN = _address_setting(env.str("STAFF_ORIGIN", ""))
ALLOWED_HOSTS = [_origin.hostname] if _origin.hostname else ["localhost", "127.0.0.1", "[::1]"]
ALLOWED_HOSTS += [host for origin in (ONION_ORIGIN, STAFF_ORIGIN) if (host := urlsplit(origin).hostname)]
CSRF_TRUSTED_ORIGINS = [PUBLIC_ORIGIN] if PUBLIC_ORIGIN else []
ADMIN_PATH = env.str("ADMIN_PATH", "kantor/").strip("/") + "/"
# What the proxy sends with requests of the staff once it has verified a client certificate; empty: none is demanded.
STAFF_CLIENT_CERT = env.str("STAFF_CLIENT_CERT", "")

INSTALLED_APPS = [
    "complaints.apps.ComplaintsConfig",
    "django.contrib.admin.apps.SimpleAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "crispy_forms",
    "crispy_bootstrap5",
    "csp",
]
MIDDLEWARE = [
    "portal.middleware.HeadersMiddleware",
    "portal.origins.SecurityMiddleware" if ONION_ORIGIN else "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "portal.middleware.LanguageMiddleware",
    "portal.origins.OriginMiddleware",
    "portal.middleware.ReporterSessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "portal.middleware.BodyMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "portal.middleware.StaffMiddleware",
    "portal.middleware.MethodNotAllowedMiddleware",
]
ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    ["portal.template_loader.Loader", "django.template.loaders.app_directories.Loader"],
                )
            ],
            "libraries": {"drafts": "complaints.admin.draft_tags"},
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]
CRISPY_ALLOWED_TEMPLATE_PACKS = CRISPY_TEMPLATE_PACK = "bootstrap5"
# A crispy form that fails to render must not raise: an error page would carry what the reporter typed.
CRISPY_FAIL_SILENTLY = True
# No class that only names the widget: the style sheet knows these.
CRISPY_CLASS_CONVERTERS = dict.fromkeys(("textinput", "dateinput", "textarea", "filesinput"), "form-control")
CRISPY_CLASS_CONVERTERS |= {"select": "form-select", "checkboxinput": "form-check-input"}

# --- Database ---------------------------------------------------------------------------------------------------------
# One connection for each process, as one of the roles; see portal.postgresql.roles.
_urls = {
    roles.WEB: env.str("DATABASE_URL", ""),
    roles.JOBS: env.str("DATABASE_JOBS_URL", ""),
    roles.BACKUP: env.str("DATABASE_BACKUP_URL", ""),
    roles.ERASE: env.str("DATABASE_ERASE_URL", ""),
    roles.OWNER: env.str("DATABASE_OWNER_URL", ""),
    roles.ADMIN: env.str("DATABASE_ADMIN_URL", ""),
}
DATABASES = {"default": env.dj_db_url(roles.variable(sys.argv, _urls), f"sqlite:///{VAR_DIR / 'portal.sqlite3'}")}
# The roles beside that of this process, for the command that makes them and for the check that compares their rights.
DATABASE_ROLES = {name: env.dj_db_url(name) for name, url in _urls.items() if url}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"] = {
        # FULL: with NORMAL a power cut may lose the last reports.
        "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;PRAGMA busy_timeout=20000;",
        "transaction_mode": "IMMEDIATE",
    }
else:
    # Persistent connections, checked at the start of every request, so that the first after a restart succeeds too.
    DATABASES["default"].update(
        ENGINE="portal.postgresql", CONN_MAX_AGE=env.int("DATABASE_CONN_MAX_AGE", 60), CONN_HEALTH_CHECKS=True
    )
    # A server that vanished is noticed within a minute: the kernel would wait for hours.
    DATABASES["default"]["OPTIONS"] = {
        "connect_timeout": 10,
        "keepalives_idle": 20,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        "tcp_user_timeout": 30_000,
        **DATABASES["default"].get("OPTIONS", {}),
        **roles.options(sys.argv),
    }
# Of each process of the web server, whose threads share them; 0: a connection for each thread.
DATABASE_POOL_SIZE = env.int("DATABASE_POOL_SIZE", 8)
# Processes and threads of one web server; deploy/gunicorn.conf.py reads them too.
WEB_WORKERS, WEB_THREADS = env.int("WEB_WORKERS", 2), env.int("WEB_THREADS", 16)
# How many machines run the web server and the jobs; the deployment check counts their connections.
WEB_NODES, JOB_NODES = env.int("WEB_NODES", 1), env.int("JOB_NODES", 1)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Login of staff ---------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "complaints.Staff"
AUTHENTICATION_BACKENDS = ["portal.accounts.adapters.KeyUnlockingBackend"]
PASSWORD_HASHERS = ["portal.accounts.hashers.PepperedArgon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 14}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
    {"NAME": "portal.accounts.validators.ContextWordValidator"},
    {"NAME": "portal.accounts.validators.GuessableValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "admin:index"
ACCOUNT_ADAPTER = "portal.accounts.adapters.StaffAccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_NOTIFICATIONS = False
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_LOGIN_BY_CODE_ENABLED = False
# complaints.services.login_throttle delays attempts instead.
ACCOUNT_RATE_LIMITS = MFA_RATE_LIMITS = False
# Seconds: how long a password waits for its second factor, and how long both allow a change of factors.
ACCOUNT_LOGIN_TIMEOUT = 600
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
MFA_ADAPTER = "portal.accounts.adapters.StaffFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_FORMS = {"authenticate": "portal.accounts.login.CodeForm", "authenticate_webauthn": "portal.accounts.login.KeyForm"}
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_PASSKEY_LOGIN_ENABLED = MFA_PASSKEY_SIGNUP_ENABLED = MFA_TRUST_ENABLED = False

# --- Sessions, cookies, CSRF ------------------------------------------------------------------------------------------
SESSION_ENGINE = "portal.accounts.sessions"
# Not __Host-, which browsers take with the path "/" only: then a report that an officer sends would bear the cookies
# that name the officer's session and browser.
SESSION_COOKIE_NAME = "__Secure-kantor" if SECURE else "kantor"
SESSION_COOKIE_PATH = f"/{ADMIN_PATH}"
SESSION_COOKIE_AGE = env.int("STAFF_IDLE_SECONDS", 1800)
SESSION_ABSOLUTE_AGE = env.int("STAFF_ABSOLUTE_SECONDS", 36000)
SESSION_SAVE_EVERY_REQUEST = True
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Strict"
CSRF_COOKIE_NAME = "__Host-csrf" if SECURE else "csrf"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_AGE = None
BROWSER_MARK_COOKIE_NAME = "__Secure-kantor-peramban" if SECURE else "kantor-peramban"
REPORTER_COOKIE_NAME = "__Host-lapor" if SECURE else "lapor"
REPORTER_IDLE_SECONDS = {"draft": env.int("DRAFT_SECONDS", 7200), "ticket": 1800, "sent": 900}
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

# --- Headers ----------------------------------------------------------------------------------------------------------
SECURE_SSL_REDIRECT = SECURE and env.bool("SECURE_SSL_REDIRECT", True)
SECURE_HSTS_SECONDS = 63072000 if SECURE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE
SECURE_HSTS_PRELOAD = SECURE and not env.bool("HSTS_NO_PRELOAD", False)
# With "no-referrer" browsers post "Origin: null", which fails the CSRF check. Other sites get no referrer either way.
SECURE_REFERRER_POLICY = "same-origin"
BEHIND_PROXY = env.bool("BEHIND_PROXY", False)
# Read by deploy/gunicorn.conf.py; here for the deployment check only.
BIND = env.str("BIND", "127.0.0.1:8000")
# Where Tor's daemon connects to. Read there too, and by the worker, which tells this listener from the others by it.
ONION_BIND = env.str("ONION_BIND", "")
# Where the metrics are read, and nothing else is served. Read there too, and by the worker.
METRICS_BIND = env.str("METRICS_BIND", "")
# The machine whose proxy shows visitors the certificate: it is asked for its days.
PROXY_ADDRESS = env.str("PROXY_ADDRESS", "127.0.0.1")
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        # HeadersMiddleware names the nonce of the scripts of a page that has any.
        "script-src": ["'none'"],
        "style-src": ["'self'"],
        "img-src": ["'self'"],
        "media-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}

# --- Files ------------------------------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_ALLOW_ALL_ORIGINS = False
EVIDENCE_DIR = Path(env.str("EVIDENCE_DIR", str(VAR_DIR / "evidence")))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
    "evidence": {
        "BACKEND": "complaints.adapters.store.EvidenceFileStorage",
        "OPTIONS": {"location": str(EVIDENCE_DIR), "file_permissions_mode": 0o600},
    },
}
if _bucket := env.str("EVIDENCE_S3_BUCKET", ""):
    STORAGES["evidence"] = {
        "BACKEND": "complaints.adapters.store_s3.EvidenceS3Storage",
        "OPTIONS": {
            "bucket_name": _bucket,
            "endpoint_url": _address_setting(env.str("EVIDENCE_S3_ENDPOINT", "")) or None,
            "access_key": env.str("EVIDENCE_S3_ACCESS_KEY", "") or None,
            "secret_key": env.str("EVIDENCE_S3_SECRET_KEY", "") or None,
            "region_name": env.str("EVIDENCE_S3_REGION", "us-east-1"),
            "addressing_style": env.str("EVIDENCE_S3_ADDRESSING", "path"),
            "location": env.str("EVIDENCE_S3_PREFIX", ""),
        },
    }
# For all views: the CSRF check reads request.POST before a view could choose a handler.
FILE_UPLOAD_HANDLERS = [
    "complaints.uploads.DecidingUploadHandler",
    "complaints.uploads.TableUploadHandler",
    "complaints.uploads.SealingUploadHandler",
]
# A release of 200 reports is chosen by some 3,000 boxes, which are parsed in some milliseconds.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 4000
EVIDENCE_MAX_FILE_BYTES = env.int("EVIDENCE_MAX_FILE_BYTES", 200 * 1024 * 1024)
EVIDENCE_MAX_FILES = env.int("EVIDENCE_MAX_FILES", 20)
# Above where DecidingUploadHandler ends the parsing, so that too many files get a page with words and not a bare 400;
# parts without a file's name, which reach no handler, are counted here alone.
DATA_UPLOAD_MAX_NUMBER_FILES = 10 * EVIDENCE_MAX_FILES
# Above it no working copy is made, because the sandbox holds the whole file in memory.
EVIDENCE_CLEAN_MAX_BYTES = env.int("EVIDENCE_CLEAN_MAX", 256 * 1024 * 1024)
# Above it the metadata of a file is not checked before sending, because that happens in the web server's memory.
EVIDENCE_LOOK_MAX_BYTES = env.int("EVIDENCE_LOOK_MAX", 24 * 1024 * 1024)
# The local socket of clamd; if empty, files are not scanned and the case page says so.
CLAMD_SOCKET = env.str("CLAMD_SOCKET", "")
EVIDENCE_MAX_TOTAL_BYTES = env.int("EVIDENCE_MAX_TOTAL_BYTES", 1024 * 1024 * 1024)
EVIDENCE_MAX_REPORT_FILES = env.int("EVIDENCE_MAX_REPORT_FILES", 100)
EVIDENCE_MAX_STORE_BYTES = env.int("EVIDENCE_MAX_STORE_BYTES", 0)
# What the files of a report may take that is left and resumed with its code.
EVIDENCE_PARKED_BYTES = 20 * 1024 * 1024
# What files and text of all unfinished reports may take together; 0 for half of what is free above the next line.
EVIDENCE_DRAFT_BYTES = env.int("EVIDENCE_DRAFT_BYTES", 0)
# Above it, in the database, a single unfinished report is limited to 60,000 bytes of text.
DRAFT_TEXT_BYTES = env.int("DRAFT_TEXT_BYTES", 1024 * 1024 * 1024)
# What unfinished reports may take of the database in all; a further one is not begun above it.
DRAFT_MAX_BYTES = env.int("DRAFT_MAX_BYTES", 16 * 1024 * 1024 * 1024)
EVIDENCE_MIN_FREE_BYTES = env.int("EVIDENCE_MIN_FREE_BYTES", 512 * 1024 * 1024)

# --- Language and time ------------------------------------------------------------------------------------------------
LANGUAGE_CODE = "id"
LANGUAGES = [("id", _("Indonesian")), ("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = USE_TZ = True
TIME_ZONE = "Asia/Jakarta"

# --- Jobs, caches, mail, logs -----------------------------------------------------------------------------------------
# The app of django-q2 is not installed: it has no tables, because nothing in them may decide what runs.
Q_CLUSTER = {
    "name": "portal",
    "broker_class": "complaints.broker.JobBroker",
    "scheduler": False,
    # A job runs once at a time, and so files take one worker at most; two are left for other jobs.
    "workers": env.int("JOB_WORKERS", 3),
    "queue_limit": env.int("JOB_WORKERS", 3),
    "timeout": 300,
    # Our broker does not read it, but the runner warns where it is not above the timeout.
    "retry": 660,
    "save_limit": -1,
    "poll": 1,
}
# Seconds between two signs of life of the job cluster's processes; complaints/queue.py has leases and limits of it.
JOB_BEAT_SECONDS = 5.0
CACHES: dict[str, dict[str, object]] = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
if _redis := _address_setting(env.str("REDIS_URL", "")):
    CACHES["default"] = {
        "BACKEND": "portal.cache.OptionalRedisCache",
        "LOCATION": _redis,
        # Django's own would unpickle whatever lies there.
        "OPTIONS": {"serializer": "portal.cache.JSONSerializer", "socket_connect_timeout": 3, "socket_timeout": 3},
    }
EMAIL_BACKEND = env.str("EMAIL_BACKEND", "django.core.mail.backends.console.EmailBackend")
EMAIL_HOST = env.str("EMAIL_HOST", "localhost")
EMAIL_PORT = env.int("EMAIL_PORT", 25)
EMAIL_HOST_USER = env.str("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = env.str("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = env.bool("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = env.bool("EMAIL_USE_SSL", False)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", "kanal-netral@localhost")
LOGGING_CONFIG = "logging.config.dictConfig"
LOGGING = logging_config(env.str("LOG_LEVEL", "INFO"))
# W002: HeadersMiddleware sets X-Frame-Options. W001: with an onion SecurityMiddleware is that of portal.origins.
SILENCED_SYSTEM_CHECKS = ["security.W002", *([] if SECURE_HSTS_PRELOAD else ["security.W021"])]
SILENCED_SYSTEM_CHECKS += ["security.W001"] if ONION_ORIGIN else []

# --- Keys -------------------------------------------------------------------------------------------------------------
PASSWORD_PEPPER = env.str("PASSWORD_PEPPER", "")
SERVER_SIGNING_KEY = env.str("SERVER_SIGNING_KEY", "")
# Its earlier public halves, each with the last entry of the chain that it signed.
SERVER_VERIFY_KEYS_OLD = env.str("SERVER_VERIFY_KEYS_OLD", "")
# A node that runs no jobs needs the public key alone.
WORKER_PUBLIC_KEY = env.str("WORKER_PUBLIC_KEY", "")
WORKER_PRIVATE_KEY = env.str("WORKER_PRIVATE_KEY", "")
WORKER_PREVIOUS_KEYS: list[str] = env.list("WORKER_PREVIOUS_KEYS", [])
TEAM_KEY_PINS = env.str("TEAM_KEY_PINS", "")
# Public keys of age, with commas between them, whose holders can open a backup; the private halves are offline.
BACKUP_RECIPIENTS = env.str("BACKUP_RECIPIENTS", "")
# A backup is deleted after so many days. Pages add them to the day of an erasure: until then a backup holds the keys.
BACKUP_KEEP_DAYS = env.int("BACKUP_KEEP_DAYS", 35)
# The names and short names of the agencies that run this portal, each up to a semicolon or the end of its line: names
# of agencies hold commas. A report about one of them goes to the separate team.
_OPERATOR = env.str("OPERATOR_AGENCIES", "Badan Arsip Cuaca Nasional; BACN" if SAMPLE_MODE else "")
OPERATOR_AGENCIES = tuple(name.strip() for name in re.split(r"[;\n]", _OPERATOR) if name.strip())
# What the front page and /tentang/ say of the operator; the deployment check refuses an empty one.
_shown = SAMPLE if SAMPLE_MODE else Operator()
OPERATOR = Operator(
    name=env.str("OPERATOR_NAME", _shown.name),
    unit=env.str("OPERATOR_UNIT", _shown.unit),
    basis=env.str("OPERATOR_BASIS", _shown.basis),
    contact=env.str("OPERATOR_CONTACT", _shown.contact),
    address_published=env.str("OPERATOR_ADDRESS_PUBLISHED", _shown.address_published),
)
# Where the quick exit leads: a site that nobody asks about, and that is not one of ours.
EXIT_URL = _address_setting(env.str("EXIT_URL", "https://www.bmkg.go.id/"))
KEY_WRAP_OPSLIMIT = env.int("KEY_WRAP_OPSLIMIT", 3)
KEY_WRAP_MEMLIMIT = env.int("KEY_WRAP_MEMLIMIT", 64 * 1024 * 1024)

# --- Audit ------------------------------------------------------------------------------------------------------------
# A case whose owner has not opened it for so many working days is flagged.
IDLE_OWNER_DAYS = env.int("IDLE_OWNER_DAYS", 3)
# An agency that has not answered after so many working days is reminded; without it the number of the rules counts.
AGENCY_REMINDER_DAYS: int | None = env.int("AGENCY_REMINDER_DAYS", None)
AUDIT_HEADS_FILE = Path(env.str("AUDIT_HEADS_FILE", str(VAR_DIR / "audit-heads.txt")))
AUDIT_HEADS_MAIL = env.str("AUDIT_HEADS_MAIL", "")
# Alarms go here beside the administrators, whose addresses lie in the database.
ALARM_MAIL = env.str("ALARM_MAIL", AUDIT_HEADS_MAIL)
