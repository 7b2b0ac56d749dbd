"""What the status page says at a question, when the office is late, and after the end; objecting and rating there."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace

import pytest
from django.template.loader import render_to_string
from django.test import Client
from django.utils.translation import override

from complaints.domain.workflow import Action
from complaints.models.complaint import Message
from complaints.services.retaliation import legal_lines
from tests.cases import act, in_review
from tests.views.walk import words
from tests.world import Cast, Sent, send_report

OBJECT, RATE, PAGE = "/cek/laporan/keberatan/", "/cek/laporan/jawab/", "/cek/laporan/"


def opened(sent: Sent) -> Client:
    client = Client()
    client.post("/cek/", {"code": sent.code})
    return client


def closed(cast: Cast) -> Sent:
    sent = in_review(cast)
    act(cast, "vera", sent, Action.PROPOSE_INELIGIBLE, "Bukan ASN.")
    act(cast, "vino", sent, Action.CONFIRM_INELIGIBLE, "Bukan ASN menurut data.")
    return sent


@pytest.mark.django_db
def test_an_objection_is_offered_sent_once_and_followed(cast: Cast) -> None:
    client = opened(closed(cast))
    page = words(client.get(PAGE))
    assert "Ditutup: tidak memenuhi syarat. Alasannya ada di bawah." in page
    assert "Anda dapat menyatakan keberatan satu kali, sampai" in page
    assert "tidak ada undang-undang yang menetapkan batasnya" in words(client.get(OBJECT))
    assert "Tulis alasan keberatan Anda." in words(client.post(OBJECT, {"reason": ""}))
    assert client.post(OBJECT, {"reason": "Lampiran saya belum dibaca."}).url == PAGE
    page = words(client.get(PAGE))
    assert "Laporan dibuka kembali" in page
    assert "Petugas lain, yang tidak menutupnya, memeriksanya sekali lagi." in page
    assert "Lampiran saya" not in page
    for method in (client.get, client.post):
        assert method(OBJECT, {"reason": "Lagi."}).url == PAGE
        assert "Tidak ada yang terkirim: keberatan tidak dapat lagi diajukan" in words(client.get(PAGE))


@pytest.mark.django_db
def test_a_rating_by_one_press(cast: Cast) -> None:
    client = opened(closed(cast))
    assert 'value="not_helped"' in client.get(PAGE).content.decode()
    assert client.post(RATE, {"rating": "5"}).status_code == 400
    assert Message.objects.from_reporter().count() == 0
    assert client.post(RATE, {"rating": "helped"}).url == PAGE
    assert "Penilaian Anda sudah kami terima." in words(client.get(PAGE))
    assert Message.objects.from_reporter().count() == 1


@pytest.mark.django_db
def test_without_an_end_neither_is_offered_and_without_a_ticket_both_ask_for_the_code(cast: Cast) -> None:
    client = opened(send_report())
    page = client.get(PAGE).content.decode()
    assert ('name="rating"' in page, OBJECT in page) == (False, False)
    client.post(RATE, {"rating": "helped"})
    assert "Tidak ada yang terkirim" in words(client.get(PAGE))
    stranger = Client()
    assert stranger.get(OBJECT).url == "/cek/"
    assert "30 menit" in words(stranger.post(RATE, {"rating": "helped"}))
    assert "Alasan saya" in words(stranger.post(OBJECT, {"reason": "Alasan saya"}))


@pytest.mark.django_db
def test_withdrawing_twice_says_that_it_is_withdrawn(cast: Cast) -> None:
    client = opened(send_report())
    assert "tetap tersimpan terkunci, lalu dihapus" in words(client.get("/cek/laporan/cabut/"))
    for _time in range(2):
        client.post("/cek/laporan/cabut/", {"reason": ""})
    page = words(client.get(PAGE))
    assert "Anda sudah mencabut laporan ini" in page
    assert "tidak dapat dicabut lagi" not in page


@pytest.mark.django_db
def test_the_answer_stands_in_the_box_of_its_question(cast: Cast) -> None:
    sent = in_review(cast)
    act(cast, "vera", sent, Action.ASK_REPORTER, "Kapan rapat itu?")
    client = opened(sent)
    for page in (client.get(PAGE), client.post("/cek/laporan/jawab/", {"text": ""})):
        text = page.content.decode()
        box = text[text.index('class="alert alert-warning"') :].partition("</section>")[0]
        assert box.index("Kapan rapat itu?") < box.index("Jawaban Anda") < box.index('name="text"')
        assert box.index('name="text"') < box.index("ditutup dengan sendirinya")
        assert text.count('name="text"') == 1
        assert "Pesan Anda" not in text


def test_a_late_office_apologises_names_a_day_and_a_way_on() -> None:
    day = date(2026, 12, 7)
    shown = SimpleNamespace(status="in_review", late=True, due_on=day, next_day=date(2026, 12, 10), held_by="triage")
    with override("id"):
        top = {"report": shown, "notice": "", "ombudsman": legal_lines()["ombudsman"]}
        text = render_to_string("complaints/status/summary.html", top)
    assert "maaf" in text
    assert "<b>Kamis, 10 Desember 2026</b>" in text
    assert "ombudsman.go.id" in text
    assert "UU 37/2008" in text
    assert "belum dipastikan" in text


@pytest.mark.parametrize("status", ["ineligible", "unsubstantiated", "not_sanctioned"])
def test_a_reason_is_promised_only_where_there_is_one(status: str) -> None:
    for has_reason in (True, False):
        shown = SimpleNamespace(status=status, body_name="BKN", due_on=None, has_reason=has_reason, label="")
        with override("id"):
            text = render_to_string("complaints/status/sentence.html", {"report": shown})
        assert ("Alasannya ada di bawah." in text) == has_reason


def test_a_report_that_was_never_sent_says_so() -> None:
    shown = SimpleNamespace(
        status="sanctioned", body_name="BKN", due_on=None, is_unsent=True, label="Sanksi dijatuhkan"
    )
    with override("id"):
        text = " ".join(render_to_string("complaints/status/sentence.html", {"report": shown}).split())
    assert text == "Kasus ini berakhir tanpa laporan Anda pernah dikirim ke BKN. Hasil akhirnya: Sanksi dijatuhkan."
