"""The pages of a report: they lead on in order, keep what was typed, and name the right door."""

from __future__ import annotations

import re
from typing import Any

import pytest
import time_machine
from django.test import Client

from complaints.models.complaint import Complaint
from complaints.models.reference_data import Category
from complaints.models.session import SealedSession
from tests.rules import record_table
from tests.views import walk

BAWASLU = "laporan Anda tetap kami terima: petugas dapat menyampaikannya ke Bawaslu lewat surat sebagai informasi awal"
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("office")]


def test_the_four_pages_lead_on_one_to_the_next(client: Client) -> None:
    assert walk.to_who(client).url == "/lapor/siapa/"
    assert client.post("/lapor/siapa/", walk.WHO).url == "/lapor/cerita/"
    assert client.post("/lapor/cerita/", walk.STORY_PAGE).url == "/lapor/periksa/"
    page = client.get("/lapor/periksa/")
    sent = client.post("/lapor/periksa/", walk.ANONYMOUS | {"token": walk.token_of(page)})
    assert sent.url == "/lapor/kode/"
    assert re.fullmatch(r"[0-9A-Z]{30}", walk.code_on(client.get(sent.url)))
    assert Complaint.objects.count() == 1


def test_a_later_page_leads_back_to_the_first_unfinished_one(client: Client) -> None:
    for path in ("/lapor/siapa/", "/lapor/cerita/"):
        assert client.get(path).url == "/lapor/"
    assert client.get("/lapor/periksa/").url == "/lapor/"
    walk.to_who(client)
    assert client.get("/lapor/cerita/").url == "/lapor/siapa/"
    assert client.get("/lapor/periksa/").url == "/lapor/siapa/"


def test_looking_around_starts_no_session(client: Client) -> None:
    for path in ("/", "/lapor/", "/lapor/ditekan/", "/lapor/melihat/", "/cek/", "/lapor/pintu-lain/bawaslu/"):
        assert client.get(path).status_code == 200
    assert SealedSession.objects.count() == 0
    assert set(client.cookies) == {"csrf"}


ERRORS = [
    ("/lapor/ditekan/", None, {"category": "A3"}, "Pilih siapa yang melakukannya"),
    ("/lapor/siapa/", walk.to_who, {"agency": "Dinas Unik", "event_from": "2031-01-01"}, "Tanggal itu belum tiba"),
    ("/lapor/siapa/", walk.to_who, {"event_from": "kemarin"}, "Tulis tanggal seperti 25/11/2026"),
    ("/lapor/siapa/", walk.to_who, {"learnt_on": "0001-01-01"}, "Tanggal ini sebelum tahun 2000"),
    ("/lapor/cerita/", walk.to_story, {"story": "Hal.\u200b" + "\u200b " * 60}, "Ceritakan sedikit lagi"),
    ("/lapor/cerita/", walk.to_story, {"story": "Singkat.", "links": "akun unik"}, "Ceritakan sedikit lagi"),
    ("/lapor/cerita/", walk.to_story, {"story": "x" * 20_001}, "Terlalu panjang: 20001 karakter"),
]


def shows(page: str, name: str, value: str) -> bool:
    """Whether a page's form holds an answer: chosen, typed in a line, or typed in a box."""
    if name == "category":
        return re.search(rf'name="category" value="{value}"[^>]*checked', page) is not None
    return f'value="{value}"' in page or f">\n{value}</textarea>" in page


@pytest.mark.parametrize(("path", "before", "typed", "error"), ERRORS)
def test_an_error_says_how_to_mend_it_above_and_at_the_field(
    client: Client, path: str, before: Any, typed: dict[str, str], error: str
) -> None:
    if before:
        before(client)
    page = client.post(path, typed)
    text = page.content.decode()
    assert page.status_code == 200
    assert "<title>Belum dapat dilanjutkan: " in text
    assert text.count(error) == 2
    anchors = re.findall(r'<li><a href="#([^"]+)">', text)
    assert anchors
    assert all(f'id="{anchor}"' in text for anchor in anchors)


@pytest.mark.parametrize(("path", "before", "typed", "error"), ERRORS)
def test_an_error_keeps_every_answer_then_and_later(
    client: Client, path: str, before: Any, typed: dict[str, str], error: str
) -> None:
    if before:
        before(client)
    page = client.post(path, typed).content.decode()
    later = client.get(path).content.decode()
    assert "Belum dapat dilanjutkan" not in later
    for name, value in typed.items():
        assert shows(page, name, value)
        assert shows(later, name, value)


def test_a_missing_name_is_asked_for_with_the_rest_kept(client: Client) -> None:
    walk.to_check(client)
    token = walk.token_of(client.get("/lapor/periksa/"))
    typed = {"token": token, "identity": "confidential", "contact": "kontak unik"}
    page = client.post("/lapor/periksa/", typed).content.decode()
    assert page.count("Tulis nama Anda, atau pilih tetap anonim.") == 2
    assert re.search(r'value="confidential"[^>]*checked', page)
    assert 'value="kontak unik"' in page
    assert Complaint.objects.count() == 0


# Half past one at night in Papua, and the evening before in Jakarta.
@time_machine.travel("2026-11-28T16:30:00Z", tick=False)
def test_a_day_is_judged_by_the_clock_of_whoever_writes_it(client: Client) -> None:
    walk.to_who(client)
    who = walk.WHO | {"event_from": "29.11.2026", "event_until": " \u200b", "learnt_on": " "}
    assert client.post("/lapor/siapa/", who).url == "/lapor/cerita/"
    shown = walk.version(client, "/lapor/siapa/")
    page = client.post("/lapor/siapa/", walk.WHO | shown | {"event_from": "30/11/2026"})
    assert "Tanggal itu belum tiba" in walk.words(page)


def test_a_story_of_nothing_but_shapeless_characters_is_none(client: Client) -> None:
    walk.to_story(client)
    page = client.post("/lapor/cerita/", walk.STORY_PAGE | {"story": "\u200b" * 60})
    assert "Ceritakan apa yang terjadi" in walk.words(page)


def test_the_last_day_may_not_come_before_the_first(client: Client) -> None:
    walk.to_who(client)
    page = client.post("/lapor/siapa/", walk.WHO | {"event_until": "2026-11-01"})
    assert "Tanggal akhir lebih awal daripada tanggal kejadian" in walk.words(page)
    again = walk.WHO | walk.version(client, "/lapor/siapa/") | {"event_from": "", "event_until": "2026-11-01"}
    assert client.post("/lapor/siapa/", again).url == "/lapor/cerita/"


def test_hardly_anything_must_be_known(client: Client) -> None:
    """Page 2 refuses nothing that may be empty; what is not chosen is not known."""
    walk.to_who(client, accused_kind="unknown", category="E1")
    assert '<option value="unknown" selected>' in client.get("/lapor/siapa/").content.decode()
    assert client.post("/lapor/siapa/", {}).url == "/lapor/cerita/"
    assert client.post("/lapor/cerita/", {"story": walk.STORY}).url == "/lapor/periksa/"
    assert "Tidak diisi" in walk.words(client.get("/lapor/periksa/"))


def test_a_wrong_nip_is_never_refused(client: Client) -> None:
    assert walk.to_story(client, accused_nip="mungkin 1986?").url == "/lapor/cerita/"


def test_going_back_shows_unfinished_input(client: Client) -> None:
    walk.to_story(client)
    back = client.post("/lapor/cerita/", {"story": "Baru setengah", "links": "", "go": "back"})
    assert back.url == "/lapor/siapa/"
    assert "Kepala Bidang Contoh" in client.get("/lapor/siapa/").content.decode()
    assert "Baru setengah" in client.get("/lapor/cerita/").content.decode()
    assert client.get("/lapor/periksa/").url == "/lapor/cerita/"
    first = client.get("/lapor/").content.decode()
    assert re.search(r'value="superior"[^>]*checked', first)
    assert re.search(r'value="A2"[^>]*checked', first)


def test_change_leads_from_the_check_page_and_back_to_it(client: Client) -> None:
    walk.to_check(client)
    page = client.get("/lapor/periksa/")
    assert "Ubah" in walk.words(page)
    typed = {"token": walk.token_of(page), "identity": "confidential", "name": "Nama Saya", "change": "who"}
    assert client.post("/lapor/periksa/", typed).url == "/lapor/siapa/"
    other = walk.WHO | walk.version(client, "/lapor/siapa/") | {"agency": "Dinas Baru"}
    assert client.post("/lapor/siapa/", other).url == "/lapor/periksa/"
    text = client.get("/lapor/periksa/").content.decode()
    assert "Dinas Baru" in text
    assert 'value="Nama Saya"' in text
    assert Complaint.objects.count() == 0


def test_enter_in_a_field_of_the_check_page_does_not_send(client: Client) -> None:
    walk.to_check(client)
    text = client.get("/lapor/periksa/").content.decode()
    first = re.search(r"<button[^>]*>", text)
    assert first
    assert 'value="stay"' in first[0]


@pytest.mark.parametrize(("category", "door"), [("D1", "bawaslu"), ("D2", "sp4n")])
def test_only_what_is_not_for_this_portal_is_shown_another_door(client: Client, category: str, door: str) -> None:
    answer = walk.to_who(client, category=category)
    assert answer.url == f"/lapor/pintu-lain/{door}/"
    page = client.get(answer.url)
    assert 'href="/lapor/"' in page.content.decode()
    assert client.get("/lapor/siapa/").url == "/lapor/"
    assert re.search(rf'value="{category}"[^>]*checked', client.get("/lapor/").content.decode())


@pytest.mark.parametrize("kind", ["acting_head", "regional_head", "campaign_team", "village_head", "military_police"])
def test_bawaslu_category_is_accepted_and_bawaslu_named(client: Client, kind: str) -> None:
    assert walk.to_who(client, accused_kind=kind).url == "/lapor/siapa/"
    assert BAWASLU in walk.words(client.get("/lapor/siapa/"))
    client.post("/lapor/siapa/", walk.WHO)
    client.post("/lapor/cerita/", walk.STORY_PAGE)
    page = client.get("/lapor/periksa/")
    assert BAWASLU in walk.words(page)
    client.post("/lapor/periksa/", walk.ANONYMOUS | {"token": walk.token_of(page)})
    assert Complaint.objects.count() == 1


def test_no_hint_of_bawaslu_where_it_has_no_competence(client: Client) -> None:
    walk.to_who(client)
    assert BAWASLU not in walk.words(client.get("/lapor/siapa/"))


@time_machine.travel("2026-12-02T05:00:00Z", tick=False)
def test_code_page_keeps_the_days_of_bawaslu(client: Client) -> None:
    """The safe day first, then the last; in clear nothing of it, and on the page of nobody else."""
    walk.to_who(client)
    client.post("/lapor/siapa/", walk.WHO | {"event_from": "2026-12-01"})
    client.post("/lapor/cerita/", walk.STORY_PAGE)
    page = client.get("/lapor/periksa/")
    client.post("/lapor/periksa/", walk.ANONYMOUS | {"token": walk.token_of(page)})
    told = walk.words(client.get("/lapor/kode/"))
    assert told.index("7 Desember 2026") < told.index("8 Desember 2026")
    assert "Safest by Monday, 7 December 2026" in walk.words(client.get("/en/lapor/kode/"))
    [row] = SealedSession.objects.values()
    assert b"2026-12" not in b"".join(bytes(value) for value in row.values() if isinstance(value, bytes | memoryview))
    other = Client()
    walk.send(other)
    theirs = walk.words(other.get("/lapor/kode/"))
    assert "7 Desember 2026" not in theirs and "9 November 2026" in theirs


def test_without_a_door_page_one_takes_both(client: Client) -> None:
    text = walk.words(client.get("/lapor/"))
    for heading in ("Uang atau jabatan", "Kampanye atau dukungan", "Media sosial atau grup", "Tidak ada yang cocok"):
        assert heading in text
    assert client.post("/lapor/", {"accused_kind": "colleague", "category": "C1"}).url == "/lapor/siapa/"
    assert "Diancam bila menolak" not in walk.words(client.get("/lapor/"))


def test_a_category_for_bawaslu_that_is_in_scope_is_accepted(client: Client) -> None:
    Category.objects.filter(pk="A8").update(door="bawaslu")
    record_table(Category)
    assert walk.to_who(client, category="A8").url == "/lapor/siapa/"
    assert BAWASLU in walk.words(client.get("/lapor/siapa/"))


@pytest.mark.parametrize("letter", ["x", "é", "ꦲ", "😀"])
def test_the_longest_report_can_be_sent_in_any_script(client: Client, letter: str) -> None:
    names = ("accused_name", "accused_position", "agency")
    walk.to_story(client, **dict.fromkeys(names, letter * 200))
    assert client.post("/lapor/cerita/", {"story": letter * 20_000, "links": letter * 4_000}).url == "/lapor/periksa/"
    page = client.get("/lapor/periksa/")
    assert letter * 20_000 in page.content.decode()
    assert client.post("/lapor/periksa/", walk.ANONYMOUS | {"token": walk.token_of(page)}).url == "/lapor/kode/"


def test_more_than_a_draft_can_hold_is_shown_again_and_not_lost(client: Client) -> None:
    walk.to_story(client)
    page = client.post("/lapor/cerita/", {"story": "x" * 500_000, "go": "back"})
    assert "Tulisan ini terlalu panjang untuk disimpan" in walk.words(page)
    assert "x" * 500_000 in page.content.decode()
