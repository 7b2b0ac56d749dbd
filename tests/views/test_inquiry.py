"""Asking before reporting, through the pages: nothing is sent twice or lost, and nothing becomes a report by itself."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from complaints import page_cache
from complaints.domain.workflow import Action
from complaints.models.case import Case, CaseKind
from complaints.models.complaint import Complaint, Message
from complaints.services import case_actions
from complaints.services.keyring import Actor
from tests.views import walk
from tests.world import Cast

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("office")]

QUESTION = "Apakah PNS boleh menyukai unggahan calon di media sosial?"
ASKED = {"asked": QUESTION, "asked_kind": "colleague", "asked_category": "C1"}


def to_check(client: Client, prefix: str = "", **changes: Any) -> Any:
    return client.post(f"{prefix}/tanya/", ASKED | changes)


def send(client: Client, prefix: str = "") -> Any:
    assert to_check(client, prefix).headers["Location"] == f"{prefix}/tanya/periksa/"
    token = walk.token_of(client.get(f"{prefix}/tanya/periksa/"))
    return client.post(f"{prefix}/tanya/periksa/", {"token": token})


def opened(client: Client) -> str:
    """Send a question, come back with its code; return the code."""
    code = walk.code_on(client.get(send(client).headers["Location"]))
    assert client.post("/cek/", {"code": code}).headers["Location"] == "/cek/jawaban/"
    return code


def test_the_page_says_what_it_is_and_looking_leaves_no_cookie(client: Client) -> None:
    shown = walk.words(client.get("/tanya/"))
    assert "Ini bukan laporan: tidak ada yang dituduh" in shown
    assert "Jangan memakai perangkat atau jaringan kantor untuk ini, dan buka jendela pribadi" in shown
    assert "dalam 3 hari kerja. Ini tenggat kami sendiri" in shown
    assert "lapor" not in client.cookies
    assert 'href="/tanya/"' in client.get("/").content.decode()
    assert "Ask first" in walk.words(client.get("/en/tanya/"))


def test_a_mistake_keeps_what_was_typed(client: Client) -> None:
    page = client.post("/tanya/", ASKED | {"asked": "Boleh?"})
    assert page.status_code == 200
    assert "Tulis sedikit lagi: paling sedikit 15 karakter; sekarang 6." in walk.words(page)
    again = client.get("/tanya/").content.decode()
    assert "Boleh?" in again and '<option value="C1" selected' in again
    assert "Pilih salah satu dari daftar." in walk.words(client.post("/tanya/", ASKED | {"asked_kind": "nobody"}))
    assert client.get("/tanya/periksa/").headers["Location"] == "/tanya/"
    assert not Case.objects.exists()


@pytest.mark.parametrize("prefix", ["", "/en"])
def test_it_is_checked_sent_once_and_opened_by_its_code(client: Client, prefix: str) -> None:
    to_check(client, prefix, asked=f"{QUESTION} Nama saya Budi Santoso.")
    page = client.get(f"{prefix}/tanya/periksa/")
    assert "Budi Santoso" in page.content.decode() and "<mark>" in page.content.decode()
    token = walk.token_of(page)
    answers = [client.post(f"{prefix}/tanya/periksa/", {"token": token}) for _twice in range(2)]
    assert [answer.headers["Location"] for answer in answers] == [f"{prefix}/lapor/kode/"] * 2
    assert Complaint.objects.get().channel == "inquiry"
    shown = walk.words(client.get(f"{prefix}/lapor/kode/"))
    assert "TANYA-" in shown and "laporan Anda" not in shown
    # From another window of the same browser, and one whose cookie opens nothing any more.
    other = Client()
    assert "sudah kami terima" in walk.words(other.post("/tanya/periksa/", {"token": token}))
    assert "Belum ada yang terkirim." in walk.words(other.post("/tanya/periksa/", {"token": "0" * 64}))


def test_only_what_the_check_showed_is_sent(client: Client) -> None:
    to_check(client)
    token = walk.token_of(client.get("/tanya/periksa/"))
    to_check(client, asked="Apakah honorer juga terikat aturan ini?")
    page = client.post("/tanya/periksa/", {"token": token})
    assert page.status_code == 200 and "diubah di jendela lain" in walk.words(page)
    assert not Case.objects.exists()
    back = client.post("/tanya/periksa/", {"token": walk.token_of(page), "go": "back"})
    assert back.headers["Location"] == "/tanya/"
    assert "honorer" in client.get("/tanya/").content.decode()


def test_an_unfinished_report_is_not_ended_by_a_question(client: Client) -> None:
    walk.to_check(client)
    shown = walk.words(client.post("/tanya/", ASKED))
    assert "Ada laporan yang belum selesai di jendela ini" in shown and QUESTION in shown
    assert client.get("/tanya/periksa/").headers["Location"] == "/tanya/"
    assert walk.STORY in client.get("/lapor/periksa/").content.decode()


def test_a_report_begun_on_a_question_is_one_of_its_own(client: Client) -> None:
    to_check(client)
    token = walk.token_of(client.get("/tanya/periksa/"))
    walk.send(client)
    assert [case.kind for case in Case.objects.all()] == [CaseKind.REPORT]
    assert client.post("/tanya/periksa/", {"token": token}).status_code in (200, 302)
    assert Case.objects.count() == 1


def test_the_page_of_the_code_shows_the_answer_and_never_the_question(client: Client, cast: Cast) -> None:
    code = opened(client)
    shown = walk.words(client.get("/cek/jawaban/"))
    assert "Pertanyaan Anda menunggu jawaban kami. Kami menjawab paling lambat" in shown
    assert QUESTION not in shown and "Diverifikasi" not in shown and "Laporan Anda" not in shown
    case = Case.objects.get()
    do: Any = {"actor": Actor(cast.ring("vera"), timezone.now()), "case_id": case.pk}
    case_actions.act(action=Action.ANSWER_INQUIRY, reason="Tidak boleh; dasarnya SKB 2022.", **do)
    shown = walk.words(client.get("/cek/jawaban/"))
    assert "Sudah dijawab." in shown and "Tidak boleh; dasarnya SKB 2022." in shown
    assert client.post("/cek/jawaban/tulis/", {"text": "Kalau hanya melihat?"}).headers["Location"] == "/cek/jawaban/"
    shown = walk.words(client.get("/cek/jawaban/"))
    assert "Pesan Anda sudah kami terima." in shown and "Kalau hanya melihat?" not in shown
    assert "menunggu jawaban kami" in shown
    asked_again = walk.words(client.post("/cek/jawaban/tulis/", {"text": "Nomor saya 081234567890."}))
    assert "Belum terkirim" in asked_again and 'action="/cek/jawaban/tulis/"' in (
        client.post("/cek/jawaban/tulis/", {"text": "Nomor saya 081234567890."}).content.decode()
    )
    assert Message.objects.from_reporter().count() == 1
    assert client.post("/cek/jawaban/cabut/", {"reason": ""}).headers["Location"] == "/cek/jawaban/"
    shown = walk.words(client.get("/cek/jawaban/"))
    assert "Anda sudah mencabut pertanyaan ini." in shown and "Cabut pertanyaan" not in shown
    closed = walk.words(client.post("/cek/jawaban/tulis/", {"text": "Masih ada?"}))
    assert "Belum terkirim." in closed and "Masih ada?" in closed
    assert Client().post("/cek/", {"code": code}).headers["Location"] == "/cek/jawaban/"


@pytest.mark.parametrize("path", ["", "jawab/", "nama/", "terjadi/", "cabut/"])
def test_no_page_of_a_report_opens_with_the_code_of_a_question(client: Client, path: str) -> None:
    opened(client)
    assert client.post(f"/cek/laporan/{path}", {"text": "Isi."}).headers["Location"] == "/cek/jawaban/"
    assert not Message.objects.exists()


@pytest.mark.parametrize("path", ["", "tulis/", "cabut/", "lapor/"])
def test_no_page_of_a_question_opens_without_its_code(client: Client, path: str) -> None:
    answer = client.post(f"/cek/jawaban/{path}", {"text": "Isi yang diketik."})
    assert answer.status_code == 200 and "Isi yang diketik." in answer.content.decode()
    code = walk.code_on(client.get(walk.send(client).headers["Location"]))
    client.post("/cek/", {"code": code})
    assert client.post(f"/cek/jawaban/{path}", {"text": "Isi."}).headers["Location"] == "/cek/laporan/"
    assert not Message.objects.exists()


def test_a_message_sent_twice_is_one(client: Client) -> None:
    opened(client)
    token = re.search(r'name="page" value="(\w{16})"', client.get("/cek/jawaban/").content.decode())
    assert token
    sent = {"text": "Lalu bagaimana?", "page": token[1]}
    for _press in range(2):
        assert client.post("/cek/jawaban/tulis/", sent).headers["Location"] == "/cek/jawaban/"
    assert Message.objects.count() == 1


def test_a_report_after_it_holds_what_was_chosen_and_nothing_else(client: Client) -> None:
    opened(client)
    page = client.get("/cek/jawaban/lapor/").content.decode()
    assert QUESTION not in page and "selected" not in page.replace('value="" selected', "")
    before = client.cookies["lapor"].value
    begun = client.post(
        "/cek/jawaban/lapor/", {"accused_kind": "colleague", "category": "C1", "story": "Unggahan itu disukai."}
    )
    assert begun.headers["Location"] == "/lapor/"
    # Another cookie: nothing that is stored ties the report to the question.
    assert client.cookies["lapor"].value != before
    assert client.get("/cek/jawaban/").headers["Location"] == "/cek/"
    first = client.get("/lapor/").content.decode()
    assert first.count(" checked") == 2 and QUESTION not in first
    assert (
        client.post("/lapor/", {"accused_kind": "colleague", "category": "C1"}).headers["Location"] == "/lapor/siapa/"
    )
    client.post("/lapor/siapa/", walk.WHO)
    assert "Unggahan itu disukai." in client.get("/lapor/cerita/").content.decode()
    assert Case.objects.count() == 1


def test_two_askers_never_read_each_other_in_a_cached_page(client: Client) -> None:
    page_cache._pages.clear()
    other = Client()
    first, second = (walk.code_on(browser.get(send(browser).headers["Location"])) for browser in (client, other))
    assert first != second and first not in other.get("/lapor/kode/").content.decode().replace("</span> <span>", "")
    report = Client()
    walk.send(report)
    assert "Laporan Anda sudah kami terima." in walk.words(report.get("/lapor/kode/"))
