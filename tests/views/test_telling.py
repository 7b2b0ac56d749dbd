"""Before a message is sent the reporter reads once what of it may tell who wrote it; nothing is stored meanwhile."""

from __future__ import annotations

from django.test import Client

from complaints.domain.workflow import Action
from complaints.forms.passages import telling_of_answer
from complaints.models.complaint import Message
from tests.cases import body_act, body_asks, forwarded
from tests.world import Cast

TELLING = "Hanya saya yang hadir.\nHubungi 0812-3456-7890 sore ini."


def test_what_is_looked_at() -> None:
    told = {
        "Nama saya Budi Santosa, mohon dirahasiakan.": "Budi Santosa",
        "NIP 197001011990031001 milik saya.": "197001011990031001",
        "Surel saya orang@contoh.invalid saja.": "orang@contoh.invalid",
        "Kami hanya tiga orang di ruangan itu.": "hanya tiga orang",
        "Saya dipanggil hari Senin pukul 10.": "hari Senin",
        "Di Bidang Aset ada daftar itu.": "Bidang Aset",
        "Hanya\u200b saya yang tahu.": "Hanya saya",
    }
    for text, words in told.items():
        assert words in [passage.words for passage in telling_of_answer(text)], text
    for text in (
        "Ada, dua foto.",
        "Pak Camat meminta kami memilih.",
        "Rapat itu di balai desa.",
        "Saya sudah mengirim.",
    ):
        assert telling_of_answer(text) == [], text


def test_the_page_comes_back_once_and_loses_nothing(client: Client, cast: Cast) -> None:
    sent, release = forwarded(cast)
    body_act(cast, "kirana", release, Action.TAKE_UP)
    body_asks(cast, release, "Siapa yang hadir?")
    client.post("/cek/", {"code": sent.code})
    page = client.get("/cek/laporan/").content.decode()
    assert "dibaca BKN seperti Anda menulisnya" in page and "Petugas sudah membaca pertanyaan ini" in page
    answer = client.post("/cek/laporan/jawab/", {"text": TELLING, "to": "bkn"})
    shown = answer.content.decode()
    assert answer.status_code == 200 and not Message.objects.from_reporter().exists()
    for words in ("Hanya saya", "0812-3456-7890", "Jawaban Anda dibaca BKN dan petugas", "Hubungi 0812-3456-7890 sore"):
        assert words in shown
    changed = client.post("/cek/laporan/jawab/", {"text": TELLING, "to": "bkn", "do": "change"}).content.decode()
    assert "Hubungi 0812-3456-7890 sore ini.</textarea>" in changed
    assert not Message.objects.from_reporter().exists()
    assert client.post("/cek/laporan/jawab/", {"text": TELLING, "to": "bkn", "do": "as_is"}).status_code == 302
    assert Message.objects.from_reporter().get().release_id == release.pk
    # What tells nothing goes at once, on the public list nothing is asked for.
    assert client.post("/cek/laporan/jawab/", {"text": "Terima kasih."}).status_code == 302
    assert Message.objects.from_reporter().count() == 2
    listed = client.get("/tidak-ditanyakan/").content.decode()
    assert "Nama atau identitas Anda" in listed and "/tidak-ditanyakan/" in client.get("/cek/").content.decode()
