"""Reporters who use one process by turns: no cached page shows anybody what is another's."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from complaints import page_cache
from complaints.domain.workflow import Action
from complaints.services import follow_up
from tests.cases import act, in_review
from tests.services.test_inquiries import answer
from tests.services.test_inquiries import ask as asked
from tests.views import walk
from tests.world import Cast, send_report

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("office")]
PATHS = [
    *("/", "/cek/", "/tanya/", "/tanya/periksa/", "/kode-hilang/", "/keluar-cepat/", "/tentang/", "/pelanggaran/"),
    *("/lapor/", "/lapor/ditekan/", "/lapor/siapa/", "/lapor/cerita/", "/lapor/bagian/", "/lapor/periksa/"),
    *("/lapor/nanti/", "/lapor/kode/", "/cek/laporan/", "/cek/laporan/cabut/", "/cek/jawaban/"),
]
# What differs from one answer to the next for one person as well.
_OF_A_RESPONSE = re.compile(rb'(name="(?:csrfmiddlewaretoken|page)" value|nonce)="[^"]+"')


def opened(code: str) -> Client:
    client = Client()
    client.post("/cek/", {"code": code})
    return client


def unfinished(story: str, **changes: str) -> Client:
    client = Client()
    walk.to_check(client, story=story, **changes)
    return client


def reporters(cast: Cast) -> dict[str, Callable[[], Client]]:
    """People in different states; of each state that shows words of its own there are two."""

    def questioned() -> Client:
        sent = in_review(cast)
        act(cast, "vera", sent, Action.ASK_REPORTER, "Kapan rapat pertama itu?")
        return opened(sent.code)

    def closed() -> Client:
        sent = in_review(cast)
        act(cast, "vera", sent, Action.PROPOSE_INELIGIBLE, "Bukan ASN, kata kami.")
        act(cast, "fitri", sent, Action.CONFIRM_INELIGIBLE, "Bukan ASN, kata kami.")
        return opened(sent.code)

    def told() -> Client:
        sent = in_review(cast)
        follow_up.add_message(ticket=sent.ticket, text="Satu lagi.", files=[], today=timezone.localdate())
        return opened(sent.code)

    def just_sent(**changes: str) -> Client:
        client = Client()
        walk.to_check(client)
        client.post("/lapor/siapa/", walk.WHO | changes)
        page = client.get("/lapor/periksa/")
        client.post("/lapor/periksa/", walk.ANONYMOUS | {"token": walk.token_of(page)})
        return client

    def parked() -> Client:
        client = unfinished("Cerita ketiga yang menunggu dengan kode tiket sampai tiga hari lamanya, di sini.")
        client.post("/lapor/cerita/", walk.STORY_PAGE | {"go": "park"})
        return client

    def asks() -> Client:
        client = Client()
        client.post("/tanya/", {"asked": "Apakah honorer boleh memakai kaus calon?", "asked_kind": "colleague"})
        return client

    def answered() -> Client:
        sent = asked()
        answer(cast, sent, "Jawaban kantor untuk penanya ini saja.")
        return opened(sent.code)

    old = (timezone.localdate() - timedelta(days=5)).isoformat()
    return {
        "nobody": Client,
        "unfinished": lambda: unfinished("Cerita pertama yang panjangnya cukup untuk halaman ketiga dari laporan ini."),
        "unfinished too": lambda: unfinished("Cerita kedua yang lain sekali dan juga cukup panjang untuk halaman itu."),
        "begun": lambda: _begun(category="B2"),
        "parked": parked,
        "sent": just_sent,
        "sent, within Bawaslu's days": lambda: just_sent(event_from=old, learnt_on=old),
        "open": lambda: opened(send_report().code),
        "asked": questioned,
        "closed": closed,
        "with a message": told,
        "asks": asks,
        "answered": answered,
    }


def _begun(**changes: str) -> Client:
    client = Client()
    walk.to_who(client, **changes)
    return client


def seen(client: Client, path: str) -> tuple[int, str, bytes]:
    page = client.get(path)
    return page.status_code, page.headers.get("Location", ""), _OF_A_RESPONSE.sub(b"\\1", page.content)


def test_a_cached_page_is_the_page_that_would_be_rendered_for_this_reporter(cast: Cast) -> None:
    people = {name: make() for name, make in reporters(cast).items()}
    page_cache._pages.clear()
    shown = 0
    for path in PATHS:
        # Twice by turns: the first fills the cache, and each meets what all the others left there.
        turns = [{name: seen(client, path) for name, client in people.items()} for _turn in range(2)]
        for name, client in people.items():
            page_cache._pages.clear()
            alone = seen(client, path)
            assert [turn[name] for turn in turns] == [alone] * 2, (path, name)
            shown += alone[0] == 200
    assert shown > len(PATHS) * 3
