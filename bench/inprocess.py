"""A browser for a portal in this very process: Django's test client behind the interface of :mod:`bench.client`.

Import it after the environment of a portal was set; it sets Django up.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping

import django

django.setup()

from django.conf import settings
from django.test import Client
from django.urls import reverse

from bench.client import Browser, Page, UnexpectedAnswer
from complaints.services.samples.people import PEOPLE

PRACTICE_CODE = re.compile(r'id="practice-code">(\d+)<')


class InProcessBrowser(Browser):
    """Passes every request through the portal's middleware and views, without a server and without assets."""

    def __init__(self) -> None:
        """Begin without cookies."""
        super().__init__("localhost", 80, has_assets=True)
        self.client = Client(SERVER_NAME=self.host)

    def request(
        self, method: str, path: str, body: bytes = b"", content_type: str = "", headers: Mapping[str, str] = {}
    ) -> Page:
        """Make one request; the time is the portal's alone."""
        begun = time.perf_counter()
        response = self.client.generic(method, path, body, content_type, headers=headers)
        seconds = time.perf_counter() - begun
        return Page(path, response.status_code, response.headers.get("Location", ""), response.content, seconds)


def signed_in(username: str) -> InProcessBrowser:
    """Return the browser of a sample officer who has signed in by password and by the code that samples are shown.

    Raises:
        UnexpectedAnswer: the sign-in did not lead into the office.
    """
    browser = InProcessBrowser()
    password = next(person.password for person in PEOPLE if person.username == username)
    # Only a sample portal shows the code; whatever is measured afterwards is a portal in production.
    settings.SAMPLE_MODE = True
    try:
        page = browser.open(reverse("account_login"))
        page = browser.send(page, {"login": username, "password": password})
        code = PRACTICE_CODE.search(page.text)
        if code is None:
            raise UnexpectedAnswer(f"{username} was shown no code on {page.path}")
        browser.post(page, {"code": code[1]})
    finally:
        settings.SAMPLE_MODE = False
    return browser
