"""Left on one device and resumed on another by the ticket code: what each page shows, and what each act leaves."""

from __future__ import annotations

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from complaints.domain.codes import new_code
from complaints.models.complaint import Complaint
from complaints.models.draft import Draft, DraftDoor
from complaints.models.evidence import DraftFile
from tests.images import photo
from tests.views import walk
from tests.world import Cast, send_report

WHO, STORY, CHECK, PARKED, CODE = "/lapor/siapa/", "/lapor/cerita/", "/lapor/periksa/", "/lapor/nanti/", "/lapor/kode/"
NOT_SENT = "Belum terkirim."


@pytest.fixture(autouse=True)
def world(cast: Cast) -> Cast:
    return cast


@pytest.fixture
def code(client: Client) -> str:
    """A finished draft that was left on page 4."""
    walk.to_check(client)
    token = walk.token_of(client.get(CHECK))
    assert client.post(CHECK, walk.ANONYMOUS | {"token": token, "go": "park"}).url == PARKED
    return walk.code_on(client.get(PARKED))


def other_device(code: str, prefix: str = "") -> Client:
    client = Client()
    assert client.post(f"{prefix}/cek/", {"code": code}).status_code == 302
    return client


def sends(client: Client) -> str:
    answer = client.post(CHECK, walk.ANONYMOUS | {"token": walk.token_of(client.get(CHECK))})
    return str(answer.get("Location"))


def test_each_page_keeps_what_is_typed_and_comes_back_there(client: Client) -> None:
    walk.to_who(client)
    assert client.post(WHO, walk.WHO | {"agency_kind": "", "agency": "Dinas Setengah", "go": "park"}).url == PARKED
    code = walk.code_on(client.get(PARKED))
    other = Client()
    assert other.post("/cek/", {"code": code}).url == WHO
    page = other.get(WHO)
    assert "Dinas Setengah" in page.content.decode()
    assert NOT_SENT in walk.words(page)
    other.post(WHO, walk.WHO | walk.version(other, WHO))
    half = {"story": "Baru", "url": "https://contoh.invalid/x", "platform": "lain", "go": "park"}
    assert other.post(STORY, half | {"evidence": SimpleUploadedFile("foto.jpg", photo())}).url == PARKED
    assert walk.code_on(other.get(PARKED)) == code
    third = Client()
    assert third.post("/cek/", {"code": code}).url == STORY
    page = third.get(STORY).content.decode()
    assert "foto.jpg" in page
    assert "https://contoh.invalid/x" in page


def test_a_refused_file_is_told_before_the_page_is_left(client: Client, settings: Settings) -> None:
    walk.to_story(client)
    settings.EVIDENCE_MAX_FILE_BYTES = 10
    answer = client.post(STORY, {"story": "Baru", "go": "park", "evidence": SimpleUploadedFile("a.jpg", photo())})
    assert answer.status_code == 200
    assert "a.jpg" in walk.words(answer)
    assert not DraftDoor.objects.exists()


def test_the_page_says_that_it_is_not_sent_until_when_and_who_reads_it(client: Client, code: str) -> None:
    page = client.get(PARKED)
    words = walk.words(page)
    assert NOT_SENT in words
    assert "WIB" in words
    assert "siapa pun yang menemukan kode ini dapat membaca" in words
    assert "<title>Catatan</title>" in "".join(page.content.decode().split("\n")).replace("  ", "")
    assert walk.code_on(other_device(code, "/en").get(f"/en{PARKED}")) == code
    file = client.post("/lapor/kode/unduh/")
    assert file.content.decode().replace("-", "").strip() == code


def test_the_code_page_shows_the_same_code_after_sending(client: Client, code: str) -> None:
    assert sends(client) == CODE
    assert walk.code_on(client.get(CODE)) == code


# --- Two devices


def test_the_other_device_is_told_which_answers_are_newer(client: Client, code: str) -> None:
    older = walk.version(client, STORY)
    other = other_device(code)
    newer = walk.STORY_PAGE | {"story": walk.STORY + " Dari ponsel."}
    assert other.post(STORY, newer | walk.version(other, STORY)).status_code == 302
    page = client.post(STORY, walk.STORY_PAGE | {"story": walk.STORY + " Dari rumah."} | older)
    words = walk.words(page)
    assert "di jendela lain atau perangkat lain" in words
    assert page.context["newer"] == [("Cerita Anda", walk.STORY + " Dari ponsel.")]
    assert "Dari rumah." in words
    assert "Dari ponsel." in client.get(STORY).content.decode(), "nothing is replaced"


def test_a_check_page_of_one_device_does_not_send_what_the_other_wrote(client: Client, code: str) -> None:
    token = walk.token_of(client.get(CHECK))
    other = other_device(code)
    other.post(STORY, walk.STORY_PAGE | {"story": walk.STORY + " Baru."} | walk.version(other, STORY))
    page = client.post(CHECK, walk.ANONYMOUS | {"token": token})
    assert "belum ada yang terkirim" in walk.words(page)
    assert not Complaint.objects.exists()


def test_sent_from_the_second_device_the_first_sends_nothing_again(client: Client, code: str) -> None:
    token = walk.token_of(client.get(CHECK))
    other = other_device(code)
    assert sends(other) == CODE
    assert walk.code_on(other.get(CODE)) == code
    assert not (Draft.objects.exists() or DraftDoor.objects.exists())
    assert client.post(CHECK, walk.ANONYMOUS | {"token": token}).url == CODE
    assert walk.code_on(client.get(CODE)) == code
    other.post("/cek/", {"code": code})
    assert "sudah kami terima" in walk.words(client.post(CHECK, walk.ANONYMOUS | {"token": token}))
    assert Complaint.objects.count() == 1


def test_a_code_found_after_sending_opens_the_report(client: Client, code: str) -> None:
    sends(client)
    finder = Client()
    assert finder.post("/cek/", {"code": code}).url == "/cek/laporan/"
    assert walk.STORY not in finder.get("/cek/laporan/").content.decode()
    assert finder.get(STORY).status_code == 302


@pytest.mark.parametrize("first", [True, False])
def test_deleted_on_either_device_it_is_gone_on_both(client: Client, code: str, first: bool) -> None:
    other = other_device(code)
    other.post(STORY, walk.STORY_PAGE | walk.version(other, STORY) | {"evidence": SimpleUploadedFile("a.jpg", photo())})
    deleting, left = (client, other) if first else (other, client)
    assert "Sudah dihapus" in walk.words(deleting.post("/lapor/batal/"))
    assert not (Draft.objects.exists() or DraftDoor.objects.exists() or DraftFile.objects.exists())
    assert "Tidak ada lagi isian di sini." in walk.words(left.get(STORY))
    assert "Tidak ada laporan dengan kode ini" in walk.words(Client().post("/cek/", {"code": code}))


# --- What happens to a browser


@pytest.mark.parametrize("act", ["leave", "other report", "other draft"])
def test_a_parked_draft_outlives_what_its_browser_does(client: Client, code: str, act: str) -> None:
    client.post(
        STORY, walk.STORY_PAGE | walk.version(client, STORY) | {"evidence": SimpleUploadedFile("a.jpg", photo())}
    )
    assert "akan menghapusnya" not in walk.words(client.get("/cek/"))
    if act == "leave":
        assert client.post("/cek/keluar/").url == "/"
        assert client.get(STORY).url == "/lapor/"
    elif act == "other report":
        sent = send_report().code
        assert client.post("/cek/", {"code": sent}).url == "/cek/laporan/"
    else:
        writer = Client()
        walk.to_story(writer)
        writer.post(STORY, {"story": "Yang lain", "go": "park"})
        assert client.post("/cek/", {"code": walk.code_on(writer.get(PARKED))}).url == STORY
        assert "Yang lain" in client.get(STORY).content.decode()
    other = other_device(code)
    page = other.get(STORY).content.decode()
    assert walk.STORY in page
    assert "a.jpg" in page


def test_its_own_browser_goes_on_with_all_files(client: Client, code: str) -> None:
    answers = walk.STORY_PAGE | walk.version(client, STORY)
    client.post(STORY, answers | {"evidence": SimpleUploadedFile("a.jpg", photo())})
    assert client.post("/cek/", {"code": code}).url == CHECK
    assert "a.jpg" in client.get(CHECK).content.decode()


def test_the_code_ends_another_draft_as_its_page_said(code: str) -> None:
    client = Client()
    walk.to_story(client)
    client.post(STORY, {"story": "Ditinggalkan", "go": "stay", "evidence": SimpleUploadedFile("b.jpg", photo())})
    assert "Isian Anda yang belum selesai" in walk.words(client.get("/cek/"))
    assert client.post("/cek/", {"code": code}).url == CHECK
    assert Draft.objects.count() == 1
    assert not DraftFile.objects.exists()


def test_an_opened_report_stands_under_another_secret_than_its_draft(client: Client, code: str) -> None:
    """Whoever has found the code before sending has the draft's secret as well."""
    sends(client)
    secret = client.cookies["lapor"].value
    client.post("/cek/", {"code": code})
    assert client.cookies["lapor"].value != secret


def test_without_a_code_asked_for_the_page_leads_back(client: Client) -> None:
    walk.to_story(client)
    assert client.get(PARKED).url == CHECK
    assert client.post("/lapor/kode/unduh/").url == "/cek/"


# --- The same work for every code


def test_a_code_of_a_draft_a_report_and_nobody_costs_the_same(client: Client, code: str) -> None:
    sent = send_report().code
    for typed in (sent, code, new_code()):  # what is read once and kept
        Client().post("/cek/", {"code": typed})
    asked = {}
    for kind, typed in {"report": sent, "draft": code, "nobody": new_code()}.items():
        with CaptureQueriesContext(connection) as queries:
            Client().post("/cek/", {"code": typed})
        asked[kind] = [query["sql"] for query in queries if "SAVEPOINT" not in query["sql"]]
    assert {kind: len(queries) for kind, queries in asked.items()} == dict.fromkeys(asked, 2)
    first = {queries[0].split("lookup =")[0] for queries in asked.values()}
    assert len(first) == 1, "one statement asks for both"
    assert "complaints_draftdoor" in asked["report"][0]


def test_the_page_of_the_quick_exit_gives_the_code_and_lets_one_try_the_note(client: Client) -> None:
    assert "Ambil kode" not in walk.words(client.get("/keluar-cepat/"))
    walk.to_who(client)
    assert client.post("/lapor/siapa/", walk.WHO | {"go": "home"}).url == "/"
    assert "Ambil kode" in walk.words(client.get("/keluar-cepat/"))
    assert client.post(PARKED).url == PARKED
    shown = client.get(PARKED).content.decode()
    groups = re.findall(r"<span>([0-9A-Z]{5})</span>", shown)
    assert len(groups) == 6 and "Coba catatan Anda" in shown
    wrong = client.post(PARKED, {"last": groups[0]})
    assert "Bukan kelompok terakhir" in walk.words(wrong) or wrong.content.decode().count("invalid-feedback")
    assert "Kelompok terakhir cocok." in walk.words(client.post(PARKED, {"last": groups[5].lower()}))
    client.get("/keluar/")
    other = Client()
    assert other.post("/cek/", {"code": "-".join(groups)}).url == "/lapor/cerita/"


def test_a_question_that_is_not_sent_cannot_wait(client: Client) -> None:
    client.post("/tanya/", {"asked": "Bolehkah pegawai hadir di kampanye?"})
    assert "Ambil kode" not in walk.words(client.get("/keluar-cepat/"))
    assert client.post(PARKED).url == "/keluar-cepat/"
    assert "Bolehkah pegawai" in client.get("/tanya/").content.decode()
