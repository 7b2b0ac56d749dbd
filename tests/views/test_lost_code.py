"""Without the code: what a reporter remembers becomes the beginning of a new report."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.views.walk import words

pytestmark = pytest.mark.django_db
KNOWN = "Nomor KN-26-ABCDEF, dua foto baliho."


def test_what_is_remembered_opens_the_new_story_once(client: Client) -> None:
    assert "/kode-hilang/" in client.get("/cek/").content.decode()
    assert "dua petugas membandingkannya" in words(client.get("/kode-hilang/")).lower()
    assert client.post("/kode-hilang/", {"known": " "}).status_code == 200
    for _time in range(2):
        assert client.post("/kode-hilang/", {"known": KNOWN}).headers["Location"] == "/lapor/"
    client.post("/lapor/", {"category": "C1", "accused_kind": "superior"})
    client.post("/lapor/siapa/", {"accused_unknown": "on", "agency_kind": "unknown", "province": "", "event_from": ""})
    story = client.get("/lapor/cerita/").content.decode()
    assert story.count(KNOWN) == 1 and "Kode tiket laporan saya sebelumnya hilang" in story


def test_a_story_that_is_there_stays(client: Client) -> None:
    client.post("/kode-hilang/", {"known": KNOWN})
    client.post("/kode-hilang/", {"known": "Lain."})
    page = client.get("/en/kode-hilang/")
    assert "I lost my code" in words(page)
