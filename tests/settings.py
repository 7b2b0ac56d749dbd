"""The portal's own settings with what tests need changed: fixed secrets, cheap hashes, folders and a database
of their own. DATABASE_URL chooses the server; without it the tests run on SQLite."""

import atexit
import json
import os
import shutil
import tempfile
from pathlib import Path

_OWNER = os.getpid()
# Everything that the portal would keep in var/. Processes that this one starts get a folder inside of its own,
# because those of pytest-xdist end without tidying up.
_OUTER = os.environ.get("TEST_FOLDER")
_VAR = Path(tempfile.mkdtemp(prefix="kanal-netral-test-", dir=_OUTER))
os.environ["TEST_FOLDER"] = str(_VAR)


@atexit.register
def _forget() -> None:
    if os.getpid() == _OWNER:  # not in a fork that a test made
        shutil.rmtree(_VAR, ignore_errors=True)


# Before the import below, because the settings read the environment once. An installation beside the tests
# must not lend them its secrets, its origin or its counters.
for _name in (
    "PORTAL_ORIGIN",
    "PORTAL_SAMPLE",
    "REDIS_URL",
    "ADMIN_PATH",
    "EVIDENCE_DIR",
    "TEAM_KEY_PINS",
    "OPERATOR_AGENCIES",
    "OPERATOR_NAME",
    "OPERATOR_UNIT",
    "OPERATOR_BASIS",
    "OPERATOR_CONTACT",
    "OPERATOR_ADDRESS_PUBLISHED",
    "EXIT_URL",
    "SERVER_VERIFY_KEYS_OLD",
    "WORKER_PUBLIC_KEY",
    "DATABASE_OWNER_URL",
    "DATABASE_JOBS_URL",
    "DATABASE_ADMIN_URL",
    "DATABASE_BACKUP_URL",
    "DATABASE_ERASE_URL",
    "BACKUP_RECIPIENTS",
    "BACKUP_KEEP_DAYS",
    "BIND",
    "ONION_BIND",
    "METRICS_BIND",
    "PROXY_ADDRESS",
    "ALARM_MAIL",
    "ONION_ORIGIN",
    "STAFF_ORIGIN",
    "STAFF_CLIENT_CERT",
    "EVIDENCE_DRAFT_BYTES",
    "DRAFT_TEXT_BYTES",
    "DRAFT_SECONDS",
):
    os.environ.pop(_name, None)
# A web server that a test started (tests/webserver.py) has more of an environment, and serves static files uncollected.
_more = json.loads(os.environ.get("TEST_ENVIRONMENT", "{}"))
os.environ.update(_more)
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = bool(_more)
os.environ.update(
    PORTAL_VAR=str(_VAR),
    PORTAL_ENV=str(_VAR / "none.env"),
    SECRET_KEY="test-only-" + "s" * 54,
    PASSWORD_PEPPER="11" * 32,
    WORKER_PRIVATE_KEY="22" * 32,
    SERVER_SIGNING_KEY="33" * 32,
    DEBUG="false",
    # Wrapping keys is slow on purpose; these are the least that libsodium takes.
    KEY_WRAP_OPSLIMIT="1",
    KEY_WRAP_MEMLIMIT="8192",
)

from portal.settings import *  # noqa: E402, F403
from portal.settings import ALLOWED_HOSTS, BASE_DIR, DATABASES, STATIC_ROOT, STORAGES  # noqa: E402

ALLOWED_HOSTS += ["testserver", "localhost", "127.0.0.1"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
PASSWORD_HASH_MEMORY_KIB = 8

STATIC_ROOT.mkdir()  # whitenoise warns about a missing one
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}

_database = DATABASES["default"]
# The process id lets two runs in one checkout go on side by side.
_name = f"test_kanal_netral_{_OWNER}"
# A test database need not survive a power cut; what must is tested in processes with the real settings.
if _database["ENGINE"].endswith("sqlite3"):
    # A file, because the threads of a live server must see what the test wrote.
    _folder = BASE_DIR / "var" / "test"
    _folder.mkdir(parents=True, exist_ok=True)
    _database["TEST"] = {"NAME": str(_folder / f"{_name}.sqlite3")}
    # What SQLite keeps to undo a savepoint, and what its cache does not hold, would go to files.
    _database["OPTIONS"]["init_command"] += "PRAGMA synchronous=OFF;PRAGMA temp_store=MEMORY;PRAGMA cache_size=-65536;"
else:
    _database["TEST"] = {"NAME": _name}
    # A connection that a live server's thread kept would forbid dropping the database.
    _database["CONN_MAX_AGE"] = 0
    _database.setdefault("OPTIONS", {})["options"] = "-c synchronous_commit=off"
