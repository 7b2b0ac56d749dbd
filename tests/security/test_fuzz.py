"""Requests that no browser sends, of one seed, to every form that a stranger, a reporter and each role find.

``make fuzz`` does the same to a served portal for ten minutes, with other seeds.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest
from django.test import Client
from pytest_django import DjangoDbBlocker

from bench.fuzz.pages import Answer, Exchange, Probe, crawl
from bench.fuzz.probes import (
    ENDING,
    LOGIN_PAGES,
    REPORTER_PAGES,
    STAFF_PAGES,
    TICKET_PAGES,
    TOKEN,
    Probes,
    amiss,
)
from portal.content_type import with_readable_type
from tests.database import built_once
from tests.security.addresses.scene import STAFF, AddressScenario, build
from tests.world import Cast, start_session

SEED = 20261129
# For each person; as of the examples of properties, CI tries more.
PROBES = 60 if os.environ.get("CI") == "true" else 25
PLACES = {
    "anonymous": (*LOGIN_PAGES, *REPORTER_PAGES),
    "drafter": REPORTER_PAGES,
    "reporter": TICKET_PAGES,
    **dict.fromkeys(("verifier", "forwarder", "lead body", "auditor", "admin"), STAFF_PAGES),
}


@pytest.fixture(scope="module")
def scene(shared_cast: Cast, django_db_blocker: DjangoDbBlocker) -> Iterator[AddressScenario]:
    with built_once(django_db_blocker), pytest.MonkeyPatch.context() as patch:
        patch.setattr("django.conf.settings.TEAM_KEY_PINS", shared_cast.pins)
        yield build(shared_cast)


def over(client: Client) -> Exchange:
    """How a probe is answered by the portal in this process."""
    client.raise_request_exception = False
    inner = client.handler
    # As portal/wsgi.py has it around the portal.
    readable = with_readable_type(lambda environ, start_response: inner(environ))
    client.handler = lambda environ: readable(environ, None)

    def ask(probe: Probe) -> Answer:
        headers = {name: value for name, value in probe.headers if name != "Cookie"}
        begun = time.monotonic()
        cookies = client.cookies.copy()
        if other := dict(probe.headers).get("Cookie"):
            client.cookies.clear()
            headers["Cookie"] = other
        page = client.generic(probe.method, probe.path, probe.body, probe.content_type, headers=headers)
        content = b"".join(page) if page.streaming else page.content
        client.cookies = cookies
        return Answer(
            page.status_code, {name.lower(): value for name, value in page.headers.items()}, content,
            time.monotonic() - begun,
        )  # fmt: skip

    return ask


def token_of(client: Client) -> str:
    client.get("/cek/")
    return client.cookies["csrf"].value


@pytest.mark.parametrize("who", PLACES)
def test_no_request_is_answered_amiss(db: None, scene: AddressScenario, who: str) -> None:
    client = scene.browsers[who]
    ask, token = over(client), token_of(client)
    probes = Probes(SEED, crawl(ask, PLACES[who], avoid=ENDING))
    for _number in range(PROBES):
        probe = probes.draw(token)
        assert amiss(ask(probe)) == "", probe
    if who in STAFF:
        assert client.get("/kantor/").status_code == 200, "the probes came from a session that had ended"


def test_no_request_that_may_end_a_session_is_answered_amiss(cast: Cast) -> None:
    client = start_session("vera")
    offer = crawl(over(client), ("/kantor/keluar/", "/kantor/sesi/", "/kantor/konfirmasi/"))
    offer.forms = {key: form for key, form in offer.forms.items() if any(word in form.path for word in ENDING)}
    probes = Probes(SEED, offer)
    for _number in range(PROBES):
        client = start_session("vera")
        probe = probes.draw(token_of(client))
        assert amiss(over(client)(probe)) == "", probe


def test_what_is_amiss_is_found() -> None:
    ours = dict.fromkeys(("content-security-policy", "cache-control", "content-language", "x-frame-options"), "x")
    assert amiss(Answer(200, ours, b"", 0.1)) == ""
    assert amiss(Answer(500, ours, b"", 0.1)) == "500"
    assert amiss(Answer(400, {}, b"", 0.1)).startswith("400 without")
    assert amiss(Answer(200, ours, b"", 40)) == "40 s"


def test_the_same_seed_makes_the_same_requests() -> None:
    page = b'<form method="post" action="/x"><input name="a" value="b"></form>'
    offer = crawl(lambda probe: Answer(200, {"content-type": "text/html"}, page, 0.0), ["/"])
    first, second, other = (Probes(seed, offer) for seed in (1, 1, 2))
    drawn = [[probes.draw(TOKEN) for _number in range(20)] for probes in (first, second, other)]
    assert drawn[0] == drawn[1] != drawn[2]
