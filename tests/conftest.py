"""What every test may ask for beyond pytest-django: a browser, the cast, and tables that can be emptied although
the database forbids it. Builders of people and cases live in modules of their own."""

import os
import shutil
from collections.abc import Iterator
from importlib import import_module
from types import SimpleNamespace

import pytest
from django.conf import settings as portal
from django.db import connection
from django.test import TransactionTestCase
from hypothesis import HealthCheck
from hypothesis import settings as property_settings
from playwright.sync_api import Browser, sync_playwright
from pytest_django import Settings

from complaints.domain.hashchain import GENESIS
from complaints.models.audit import ChainHead
from complaints.services import reference_data
from tests.cast import Cast, make_cast

# Playwright's sync interface keeps an event loop on this thread; Django would refuse every query beside it.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

# A busy machine is no fault of the code: nothing here is judged by its time.
property_settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
property_settings.load_profile("untimed")

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


@pytest.fixture
def cast(db: None, settings: Settings) -> Cast:
    """The people, their keys and teams, with the teams pinned."""
    people = make_cast()
    settings.TEAM_KEY_PINS = people.pins
    return people


@pytest.fixture
def live_cast(transactional_db: None, settings: Settings) -> Cast:
    """The same cast for tests that commit: several threads, a live server."""
    people = make_cast()
    settings.TEAM_KEY_PINS = people.pins
    return people


@pytest.fixture(autouse=True, scope="session")
def _emptying() -> Iterator[None]:
    """After a test that commits, Django empties every table. The triggers that keep the audit chain and the steps of
    cases from just that stand aside meanwhile, and the chain gets its first link again."""
    triggers = import_module("complaints.migrations.0002_append_only")
    empty = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]

    def teardown(case: TransactionTestCase) -> None:
        with connection.cursor() as cursor:
            editor = SimpleNamespace(connection=connection, execute=cursor.execute)
            triggers.remove(editor)
            empty(case)
            triggers.install(editor)
        ChainHead.objects.create(pk=1, digest=GENESIS)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", teardown)
        yield


@pytest.fixture(autouse=True, scope="module")
def _empty_store() -> Iterator[None]:
    """What the tests of a module stored is gone when it is done: no other module's sweep meets it."""
    yield
    shutil.rmtree(portal.EVIDENCE_DIR, ignore_errors=True)


@pytest.fixture(autouse=True)
def _no_memory() -> None:
    reference_data.clear_cache()
