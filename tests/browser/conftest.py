"""What the browser tests share: windows onto the live server in which nothing odd goes unnoticed, and small files."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.cache import cache
from playwright.sync_api import Browser
from pytest_django.live_server_helper import LiveServer

from tests.browser.window import Opener, Window


@pytest.fixture(autouse=True)
def _no_limit_left_over() -> None:
    cache.clear()


@pytest.fixture
def window(browser: Browser, live_server: LiveServer) -> Iterator[Opener]:
    """Opens windows that know nothing of each other; closes them, and fails where one had something to complain of."""
    opened: list[Window] = []

    def opener(*, width: int = 1280, height: int = 800, script: bool = True, may_leave_for: str = "") -> Window:
        context = browser.new_context(viewport={"width": width, "height": height}, java_script_enabled=script)
        opened.append(Window(context, live_server.url, may_leave_for))
        return opened[-1]

    yield opener
    complaints = [line for browser_window in opened for line in browser_window.complaints]
    for browser_window in opened:
        browser_window.context.close()
    assert complaints == []
