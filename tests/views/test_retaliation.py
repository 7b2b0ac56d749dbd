"""The page on which a reporter tells that something happened: one press is enough, and nothing typed is lost."""

from __future__ import annotations

import re
from datetime import date

import pytest
from django.test import Client

from complaints.models.complaint import Message
from complaints.services import transitions
from tests.views import walk
from tests.world import Cast, send_report

PAGE = "/cek/laporan/terjadi/"
WORDS = {"kind": "threatened", "happened_on": "", "text": "Saya diancam di Pringsewelas."}

pytestmark = pytest.mark.django_db


@pytest.fixture
def opened(cast: Cast) -> Client:
    client = Client()
    client.post("/cek/", {"code": send_report().code})
    return client


def test_one_press_is_enough_and_the_days_last_as_long_as_the_page(opened: Client) -> None:
    assert "Sesuatu terjadi pada saya" in walk.words(opened.get("/cek/laporan/"))
    assert opened.post(PAGE, {}).url == PAGE
    assert Message.objects.from_reporter().count() == 1
    told = walk.words(opened.get(PAGE))
    assert "sudah kami terima" in told and "Belum ada petugas yang membuka laporan Anda." in told
    offers = told.partition("Apa yang dapat membantu Anda")[2]
    assert not re.search(r"sampai (?!Pasal)", offers), "no day was named"
    opened.post(PAGE, {"kind": "moved", "happened_on": "2026-01-05"})
    assert "sampai Minggu, 5 April 2026" in walk.words(opened.get(PAGE))
    # Nobody decided anything in writing: no limit runs.
    opened.post(PAGE, WORDS | {"happened_on": "2026-01-05"})
    page = walk.words(opened.get(PAGE))
    assert "Saya diancam" in page and "April 2026" not in page and "Pringsewelas" not in page
    opened.post("/cek/keluar/")
    assert opened.get(PAGE).url == "/cek/"


def test_the_day_is_judged_in_the_easternmost_zone(opened: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("complaints.views.retaliation.latest_day", lambda _now: date(2026, 11, 10))
    assert opened.post(PAGE, {"happened_on": "2026-11-10"}).status_code == 302
    refused = opened.post(PAGE, WORDS | {"happened_on": "2026-11-11"})
    assert "Tanggal itu belum tiba" in walk.words(refused) and WORDS["text"] in refused.content.decode()


def test_what_was_typed_is_kept_where_it_cannot_be_sent(opened: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    assert WORDS["text"] in Client().post(PAGE, WORDS).content.decode(), "the page was closed meanwhile"
    assert "Pilih satu dari daftar" in walk.words(opened.post(PAGE, WORDS | {"kind": "odd"}))
    with monkeypatch.context() as patch:
        patch.setattr("complaints.views.retaliation.follow_up.add_message", _changed)
        busy = opened.post(PAGE, WORDS)
    assert busy.status_code == 409 and WORDS["text"] in busy.content.decode()
    opened.post("/cek/laporan/cabut/", {"reason": ""})
    gone = opened.post(PAGE, WORDS)
    assert "sudah dicabut" in walk.words(gone) and WORDS["text"] in gone.content.decode()
    assert Message.objects.from_reporter().count() == 0


def _changed(**_arguments: object) -> None:
    raise transitions.CaseChanged
