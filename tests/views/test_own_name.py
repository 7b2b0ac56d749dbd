"""The section "Your name" of the status page, and the name on the last page of a report."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django import Settings

from complaints.models.complaint import Complaint
from complaints.models.identity import Identity
from complaints.models.oversight import OversightBody
from tests.rules import record_table
from tests.views import walk
from tests.world import Cast, send_report

PAGE = "/cek/laporan/"
NAME = "/cek/laporan/nama/"
GIVEN = {"name": "Ratna Penanda", "contact": "0812", "recipient": "BKN", "do": "give"}
UNKNOWN = "Kami tidak tahu siapa Anda."

pytestmark = pytest.mark.django_db


@pytest.fixture
def opened(cast: Cast) -> Client:
    client = Client()
    client.post("/cek/", {"code": send_report().code})
    return client


def test_a_name_is_given_and_taken_back(opened: Client) -> None:
    assert UNKNOWN in walk.words(opened.get(PAGE))
    assert "Nama hanya untuk BKN" in walk.words(opened.get(NAME))
    assert opened.post(NAME, GIVEN).url == PAGE
    first = opened.get(PAGE)
    assert "Anda memberikan nama untuk BKN" in walk.words(first)
    assert "Ratna" not in first.content.decode() and "0812" not in first.content.decode()
    assert opened.post(NAME, {"do": "take", "recipient": "BKN"}).url == PAGE
    second = opened.get(PAGE)
    assert UNKNOWN in walk.words(second)
    assert len(first.content) == len(second.content), "the same notice, and the state takes up the same room"


def test_what_is_missing_or_too_late_is_said_with_the_words_kept(opened: Client) -> None:
    empty = opened.post(NAME, GIVEN | {"name": " ", "contact": "lewat surat"})
    assert "Tulis nama Anda, atau lewati bagian ini" in walk.words(empty)
    assert 'value="lewat surat"' in empty.content.decode()
    other = opened.post(NAME, GIVEN | {"recipient": "KASN"})
    assert other.status_code == 409 and "kini lembaga lain" in walk.words(other)
    assert 'value="Ratna Penanda"' in other.content.decode()
    assert Identity.objects.get().version == 1
    opened.post("/cek/laporan/cabut/", {"reason": ""})
    assert "sudah dicabut" in walk.words(opened.post(NAME, GIVEN))
    closed = Client().post(NAME, GIVEN)
    assert "Ratna Penanda" in closed.content.decode()
    assert "30 menit" in walk.words(closed)


def test_without_a_body_s_team_no_name_is_taken(opened: Client, settings: Settings, client: Client) -> None:
    triage = next(pin for pin in settings.TEAM_KEY_PINS.split(",") if pin.startswith("triage="))
    settings.TEAM_KEY_PINS = triage
    text = walk.words(opened.get(NAME))
    assert "Saat ini tidak ada lembaga pengawas yang dapat menerima nama" in text
    assert opened.post(NAME, GIVEN).status_code == 409
    walk.to_check(client)
    page = client.get("/lapor/periksa/")
    assert "Belum ada lembaga pengawas yang dapat menerima nama" in walk.words(page)
    assert 'value="confidential"' not in page.content.decode()
    named = {"token": walk.token_of(page), "identity": "confidential", "name": "Ratna", "recipient": "bkn"}
    before = Complaint.objects.count()
    refused = client.post("/lapor/periksa/", named)
    assert "Belum ada lembaga yang dapat menerima nama" in walk.words(refused)
    assert Complaint.objects.count() == before
    assert client.post("/lapor/periksa/", walk.ANONYMOUS | {"token": walk.token_of(refused)}).url == "/lapor/kode/"
    assert Identity.objects.filter(body=None).count() == 1


def test_a_name_goes_to_no_other_body_than_the_page_named(cast: Cast, client: Client) -> None:
    walk.to_check(client)
    page = client.get("/lapor/periksa/")
    assert "Badan Kepegawaian Negara (BKN)" in walk.words(page)
    named = {"token": walk.token_of(page), "identity": "confidential", "name": "Ratna", "recipient": "bkn"}
    OversightBody.objects.filter(pk="bkn").update(valid_until="2025-12-31")
    OversightBody.objects.filter(pk="kasn").update(valid_until=None)
    record_table(OversightBody)
    refused = client.post("/lapor/periksa/", named)
    assert "Kini nama Anda akan diberikan kepada lembaga lain" in walk.words(refused)
    assert "Komisi Aparatur Sipil Negara (KASN)" in walk.words(refused) and 'value="Ratna"' in refused.content.decode()
    again = named | {"token": walk.token_of(refused), "recipient": "kasn"}
    assert client.post("/lapor/periksa/", again).url == "/lapor/kode/"
    assert Identity.objects.get().body_id == "kasn"
    record_table(OversightBody)
