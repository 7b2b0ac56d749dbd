"""Requests that no browser sends, of one seed, to every form that a stranger, a reporter and an officer find.

``make fuzz`` does the same to a served portal for ten minutes, with other seeds.
"""

from __future__ import annotations

import time

from django.test import Client

from bench.fuzz.pages import Answer, Exchange, Probe, crawl
from bench.fuzz.probes import AVOIDED, REPORTER_PAGES, TOKEN, Probes, amiss
from portal.content_type import with_readable_type
from tests.views import walk
from tests.world import Cast, SignedIn, send_report

SEED = 20261129
PROBES = 150


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


def wrong_answers(client: Client, start: tuple[str, ...]) -> dict[str, Probe]:
    ask = over(client)
    token = client.get(start[0]).cookies.get("csrf")
    probes = Probes(SEED, crawl(ask, start, avoid=AVOIDED))
    found = {}
    for _number in range(PROBES):
        probe = probes.draw(token.value if token else "")
        if what := amiss(ask(probe)):
            found.setdefault(f"{what} for {probe.method} {probe.path}", probe)
    return found


def test_no_request_of_a_stranger_or_a_reporter_is_answered_amiss(cast: Cast) -> None:
    reporter = Client()
    walk.to_check(reporter)
    for client in (Client(), reporter):
        assert wrong_answers(client, REPORTER_PAGES) == {}


def test_no_request_of_an_officer_is_answered_amiss(signed_in: SignedIn) -> None:
    send_report()
    assert wrong_answers(signed_in("vera"), ("/kantor/",)) == {}


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
