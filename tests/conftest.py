"""Fixtures of all tests: the cast, a signed-in browser, an empty database, and a real browser.

Builders of people and of cases stand in ``tests.world`` and ``tests.cases``, the test database in ``tests.database``.
"""

import gc
import os
import shutil
import signal
from collections.abc import Generator, Iterator
from functools import lru_cache
from typing import Any

import pytest
from django.conf import settings as portal
from django.core.cache import cache
from django.db import connection
from django.db.backends.sqlite3.base import SQLiteCursorWrapper
from django.test import TransactionTestCase
from hypothesis import HealthCheck
from hypothesis import settings as property_settings
from nacl import bindings
from playwright.sync_api import Browser, sync_playwright
from pytest_django import DjangoDbBlocker, Settings

from complaints.services import reference_data, signin_floors
from tests import database
from tests.world import Cast, SignedIn, make_cast, start_session

# Playwright's sync interface keeps an event loop on this thread; Django would refuse every query beside it.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

# A busy machine is no fault of the code: nothing here is judged by its time. CI tries more examples.
slow = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
property_settings.register_profile("quick", max_examples=25, **slow)
property_settings.register_profile("full", max_examples=200, **slow)
property_settings.load_profile("full" if os.environ.get("CI") == "true" else "quick")

# Fixtures of a test that has to do with the database; a test without any runs once, not again on PostgreSQL.
DATABASE_FIXTURES = {"db", "transactional_db", "django_db_setup"}
# New objects after which the garbage collector looks at them. Python's own 700 take a twentieth of the tests' time.
gc.set_threshold(50_000)
# Seconds for the fixtures of a test that has timed out to be taken down.
TEARDOWN_SECONDS = 60


# The modules that take longest begin, so that both processes end at about the same time; see `--dist loadfile` in .ci.
LONGEST = (
    "tests/security/addresses/test_url_matrix.py",
    "tests/services/samples/test_samples.py",
    "tests/security/tampering/test_swap_forge_replay.py",
    "tests/services/test_search.py",
    "tests/services/test_transitions.py",
    "tests/project/test_serve.py",
    "tests/project/test_job_runner.py",
    "tests/project/test_reload.py",
    "tests/project/test_deploy_check.py",
    "tests/services/audit/test_log.py",
    "tests/services/audit/test_nightly_run.py",
    "tests/services/test_lane.py",
    "tests/security/addresses/test_odd_requests.py",
    "tests/security/test_fuzz.py",
    "tests/services/test_rule_changes.py",
    "tests/accounts/test_guessing.py",
    "tests/services/audit/test_batches.py",
    "tests/test_onion_listener.py",
    "tests/services/evidence/test_resumable.py",
    "tests/security/test_flood.py",
    "tests/security/addresses/test_conflict_lock.py",
    "tests/adapters/test_media.py",
    "tests/services/team_keys/test_rotation.py",
    "tests/admin/test_list_budgets.py",
    "tests/services/audit/test_blinded_night.py",
    "tests/security/test_blind_columns.py",
    "tests/security/canary/test_canary.py",
    "tests/admin/test_redactions.py",
    "tests/services/test_redactions.py",
)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None]:
    """Mark the tests that drive a browser and those that need no database: PostgreSQL's run leaves them out.

    Then the tests of a module are brought together again, which pytest-django has sorted by how they use the database:
    a process takes a module as a whole, so that fixtures of module scope are built once.
    """
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if "browser" in fixtures:
            item.add_marker(pytest.mark.browser)
        if not item.get_closest_marker("django_db") and not DATABASE_FIXTURES & fixtures:
            item.add_marker(pytest.mark.nodb)
    yield
    items.sort(key=_place)


def _place(item: pytest.Item) -> tuple[bool, int, str]:
    module = item.nodeid.partition("::")[0]
    rank = LONGEST.index(module) if module in LONGEST else len(LONGEST)
    return item.get_closest_marker("browser") is None, rank, module


def pytest_collection_finish() -> None:
    """Let the garbage collector leave alone what is loaded now: modules and tests stay for the life of the process."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """After a time-out, leave the next test a database connection that works.

    pytest-timeout raises from a signal handler, wherever the test is: in the middle of a statement, too. Playwright
    bears it since 1.65.
    """
    report = yield
    if call.excinfo is not None and "from pytest-timeout" in str(call.excinfo.value):
        if call.when != "teardown":
            # The fixtures may wait for what has broken; pytest-timeout sets its timer once for each test.
            signal.setitimer(signal.ITIMER_REAL, TEARDOWN_SECONDS)
        database.recover()
    return report


# The shell first: the same engine without a window's cost, which is more than half of a page's.
CHROMIUM_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Nothing may leave the machine: a browser under test must not look for updates or speak QUIC.
CHROMIUM_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium_path() -> str | None:
    """The system's Chromium, or the one that CHROMIUM names."""
    names = (os.environ.get("CHROMIUM", ""), *CHROMIUM_NAMES)
    return next((path for name in names if name and (path := shutil.which(name))), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for the session; each test opens its own context in it."""
    path = chromium_path()
    if path is None:
        pytest.skip("SKIPPED: no Chromium here; install it or set CHROMIUM")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        yield running
        running.close()


@pytest.fixture(scope="session")
def django_db_use_migrations() -> bool:
    """Make SQLite's tables from the models, which takes a tenth of the time; that migrations lead to the same tables
    is a test of its own. PostgreSQL's are migrated."""
    return connection.vendor == "postgresql"


@pytest.fixture(scope="session")
def django_db_setup(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, django_db_use_migrations: bool
) -> Iterator[Cast]:
    """Build the cast into the test database, once for each process; tests that commit get its rows back."""
    with django_db_blocker.unblock():
        if not django_db_use_migrations:
            database.install_triggers()
        people = make_cast()
        database.save()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda case: database.restore())
        yield people


@pytest.fixture(scope="session")
def shared_cast(django_db_setup: Cast) -> Cast:
    """The people, their keys and teams; for fixtures of module scope, which pin the teams themselves."""
    return django_db_setup


@pytest.fixture
def cast(db: None, shared_cast: Cast, settings: Settings) -> Cast:
    """The people, their keys and teams, with the teams pinned."""
    settings.TEAM_KEY_PINS = shared_cast.pins
    return shared_cast


@pytest.fixture
def live_cast(transactional_db: None, shared_cast: Cast, settings: Settings) -> Cast:
    """The same cast for tests that commit: several threads, a live server."""
    settings.TEAM_KEY_PINS = shared_cast.pins
    return shared_cast


@pytest.fixture
def empty_database(db: None) -> None:
    """Begin without the cast and without reference data, as a new installation does."""
    database.empty()


@pytest.fixture
def signed_in(cast: Cast) -> SignedIn:
    """Gives somebody a browser of their own that is signed in."""
    return start_session


@pytest.fixture(autouse=True, scope="module")
def _empty_store() -> Iterator[None]:
    """What the tests of a module stored is gone when it is done: no other module's sweep meets it."""
    yield
    shutil.rmtree(portal.EVIDENCE_DIR, ignore_errors=True)


@pytest.fixture(autouse=True, scope="session")
def _no_power_cut() -> Iterator[None]:
    """Let no test wait for the disk, as the test database does not: nothing here need survive a power cut."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _file: None)
        yield


@pytest.fixture(autouse=True, scope="session")
def _reference_data_by_generation() -> Iterator[None]:
    """Let no minute end the cache of reference data, only a change: the tests count queries, on busy machines too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reference_data, "MEMORY_SECONDS", 10**9)
        yield


@pytest.fixture(autouse=True, scope="session")
def _answers_remembered() -> Iterator[None]:
    """Let two functions of libraries remember their answers, which depend on their arguments alone.

    The signatures of the same cast are verified a hundred thousand times, and the same statements spelt for SQLite.
    What a function refuses is not remembered: it refuses anew.
    """
    verify, spell = lru_cache(20_000)(bindings.crypto_sign_open), SQLiteCursorWrapper.convert_query
    spell_once = lru_cache(10_000)(lambda query: spell(None, query))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bindings, "crypto_sign_open", lambda signed, public: verify(signed, public))
        patch.setattr(
            SQLiteCursorWrapper,
            "convert_query",
            lambda cursor, query, *, param_names=None: (
                spell_once(query) if param_names is None else spell(cursor, query, param_names=param_names)
            ),
        )
        yield


@pytest.fixture(autouse=True)
def _no_memory() -> None:
    """Start with an empty cache and without heads of another test's chain: no rate limit, no reference data left."""
    for file in portal.VAR_DIR.glob("audit-*"):
        file.unlink()
    cache.clear()
    signin_floors.forget_all()
    reference_data.clear_cache()
