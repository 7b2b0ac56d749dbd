"""Coming back by the code: it opens, it tells nobody why it did not, and a found one betrays little."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from complaints.domain import workflow
from complaints.domain.codes import new_code
from complaints.domain.workflow import Action, Status
from complaints.models.case import Case
from complaints.models.complaint import Complaint, Message
from complaints.models.evidence import Evidence
from complaints.models.session import SealedSession
from complaints.services import case_membership, reporter_page, reporter_reading, transitions
from complaints.services.transitions import CaseChanged
from tests.adapters.test_tails import bare
from tests.cases import act, in_review
from tests.images import photo
from tests.views import walk
from tests.world import DRAFT, Cast, send_report

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("office")]
UNKNOWN = "Tidak ada laporan dengan kode ini, baik yang terkirim maupun yang masih disimpan."


@pytest.fixture
def code() -> str:
    return send_report().code


def opened(client: Client, code: str) -> Client:
    assert client.post("/cek/", {"code": code}).url == "/cek/laporan/"
    return client


def file(name: str, content: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def test_the_code_opens_however_it_is_written(client: Client, code: str) -> None:
    grouped = "-".join(code[start : start + 5] for start in range(0, 30, 5))
    for typed in (code, code.lower(), grouped, f"  {grouped.lower().replace('-', ' ')} "):
        assert Client().post("/cek/", {"code": typed}).url == "/cek/laporan/"


def test_an_unknown_code_is_said_to_be_none(client: Client, code: str) -> None:
    page = client.post("/cek/", {"code": new_code()})
    assert (page.status_code, page.content.decode().count(UNKNOWN)) == (200, 2)
    assert SealedSession.objects.count() == 0


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda code: code[:-1], "Baru 29 dari 30 huruf dan angka. Periksa kelompok ke-6 lebih dulu."),
        (lambda code: code[:-5], "Baru 25 dari 30 huruf dan angka. Bagian akhirnya belum ada."),
        (lambda code: code + "0", "Kode tiket terdiri atas 30 huruf dan angka; yang ini 31."),
        (lambda code: code[:11] + ("1" if code[11] == "0" else "0") + code[12:], "Ada yang salah di kelompok ke-3."),
        (lambda code: "?!", "Tulis atau tempel kode tiket Anda."),
        (lambda code: "x" * 300, "Tulis atau tempel kode tiket Anda."),
    ],
)
def test_what_is_wrong_with_a_code_is_told_before_any_look_up(
    client: Client, code: str, change: Callable[[str], str], told: str
) -> None:
    typed = change(code)
    with CaptureQueriesContext(connection) as queries:
        page = client.post("/cek/", {"code": typed})
    assert told in walk.words(page)
    assert typed[:60] in page.content.decode()
    assert not [query for query in queries if "lookup" in query["sql"]]


def test_the_code_field_lets_paste_and_asks_the_device_to_forget(client: Client) -> None:
    text = client.get("/cek/").content.decode()
    for attribute in ('autocomplete="off"', 'autocapitalize="characters"', 'spellcheck="false"', 'inputmode="text"'):
        assert attribute in text
    assert "onpaste" not in text


def test_opening_changes_the_cookie(client: Client, code: str) -> None:
    walk.to_who(client)
    before = client.cookies["lapor"].value
    opened(client, code)
    assert client.cookies["lapor"].value not in ("", before)
    stale = Client()
    stale.cookies["lapor"] = before
    assert stale.get("/cek/laporan/").url == "/cek/"


def test_it_says_where_the_report_stands_and_until_when(client: Client, code: str) -> None:
    page = opened(client, code).get("/cek/laporan/")
    text = walk.words(page)
    assert "Diterima. Kami mulai memverifikasi paling lambat" in text
    assert 'aria-current="step"' in page.content.decode()
    assert "Belum dibuka petugas." in text
    assert "Kami tidak tahu siapa Anda." in text


def test_while_the_record_is_under_check_it_still_says_who_is_known(client: Client, code: str) -> None:
    opened(client, code)
    Case.objects.update(status=Status.WITHDRAWN)
    text = walk.words(client.get("/cek/laporan/"))
    assert "Kami tidak tahu siapa Anda." in text
    assert "dibuka petugas" in text


# They lead to no sanction: four stages would promise one.
WITHOUT_STAGES = {"referring", "delivered", "referred", "ineligible", "withdrawn", "unsubstantiated", "not_sanctioned"}


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take any state of a case for the recorded one: here words are the subject, and cases take no steps to them.

    Nor is anything released to the body that the state names.
    """
    monkeypatch.setattr(reporter_page, "_is_recorded", lambda *arguments: True)
    monkeypatch.setattr(workflow, "with_body", lambda *arguments: False)


@pytest.mark.usefixtures("recorded")
@pytest.mark.parametrize("status", sorted(workflow.OPEN | workflow.ENDED))
@pytest.mark.parametrize("prefix", ["", "/en"])
def test_every_status_has_a_sentence(client: Client, code: str, status: Status, prefix: str) -> None:
    Case.objects.update(status=status, due_on=timezone.localdate(), lead_body="bkn")
    opened(client, code)
    page = client.get(f"{prefix}/cek/laporan/")
    text = walk.words(page)
    assert len(text) > 300
    assert "{" not in text
    assert "None" not in text
    assert (b'class="steps stages"' in page.content) == (status.value not in WITHOUT_STAGES)
    Case.objects.update(due_on=None)
    assert client.get(f"{prefix}/cek/laporan/").status_code == 200


@pytest.mark.usefixtures("recorded")
def test_a_case_back_in_review_stands_there(client: Client, code: str) -> None:
    """What it reached stays reached; where it stands is review."""
    Case.objects.update(status=Status.IN_REVIEW, stage_reached=3, lead_body="bkn")
    page = opened(client, code).get("/cek/laporan/").content.decode()
    assert page.count('class="reached"') == 3
    assert re.search(r'<li class="reached" aria-current="step">\s*Diterima', page)
    asked = {"status": Status.NEEDS_INFORMATION, "asked_from": Status.UNDER_EXAMINATION}
    Case.objects.update(**asked)
    page = client.get("/cek/laporan/").content.decode()
    assert re.search(r'<li class="reached" aria-current="step">\s*Diteruskan ke BKN', page)


@pytest.mark.usefixtures("recorded")
def test_a_missed_day_is_admitted(client: Client, code: str) -> None:
    Case.objects.update(due_on=timezone.localdate() - timedelta(days=1))
    assert "Kami terlambat dan mohon maaf" in walk.words(opened(client, code).get("/cek/laporan/"))


@pytest.mark.usefixtures("recorded")
def test_a_day_that_was_the_reporters_is_not_held_against_them(client: Client, code: str) -> None:
    Case.objects.update(status=Status.NEEDS_INFORMATION, due_on=timezone.localdate() - timedelta(days=1))
    text = walk.words(opened(client, code).get("/cek/laporan/"))
    assert "Laporan Anda tidak ditutup dengan sendirinya, dan jawaban Anda tetap kami tunggu." in text
    assert "Kami terlambat" not in text


def test_nothing_of_the_reporter_is_shown_back(client: Client, code: str) -> None:
    opened(client, code)
    client.post("/cek/laporan/jawab/", {"text": "Pesan rahasia saya"})
    text = client.get("/cek/laporan/").content.decode()
    answers = [DRAFT[name] for name in ("accused_name", "agency", "regency", "story", "accused_position")]
    for secret in ["Pesan rahasia saya", code, code.lower(), *answers]:
        assert secret not in text
    assert "1 pesan" in text


def test_own_messages_are_counted_up_to_a_cap(client: Client, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporter_reading, "OWN_MESSAGES", 2)
    opened(client, code)
    for shown in ("1", "2", "2+", "2+"):
        client.post("/cek/laporan/jawab/", {"text": "Rapat kedua besok."})
        assert f"Dari Anda: {shown} pesan, 0 bukti." in walk.words(client.get("/cek/laporan/"))


def test_a_message_and_files_are_taken_and_said_so_once(client: Client, code: str) -> None:
    opened(client, code)
    assert client.post("/cek/laporan/jawab/", {"text": "Rapat kedua besok."}).url == "/cek/laporan/"
    assert "Pesan Anda sudah kami terima." in walk.words(client.get("/cek/laporan/"))
    assert "Pesan Anda sudah kami terima." not in walk.words(client.get("/cek/laporan/"))
    upload = SimpleUploadedFile("layar.png", bare("PNG"))
    assert client.post("/cek/laporan/jawab/", {"go": "files", "evidence": [upload]}).url == "/cek/laporan/"
    assert "Berkas Anda sudah kami terima." in walk.words(client.get("/cek/laporan/"))
    assert Message.objects.count() == 1
    assert Evidence.objects.count() == 1


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("foto.jpg", photo(), "Berkas ini memuat: "),
        ("catatan.txt", b"Catatan rapat hari itu.\n" * 4, "Petugas menerima teks ini apa adanya"),
        ("Screenshot_20240112_101112_WhatsApp.png", bare("PNG"), "Namanya memuat: tanggal, jam, nama aplikasi."),
    ],
)
def test_files_of_which_something_is_told_wait_until_it_was_read(
    client: Client, code: str, name: str, content: bytes, words: str
) -> None:
    opened(client, code)
    upload = SimpleUploadedFile(name, content)
    assert client.post("/cek/laporan/jawab/", {"go": "files", "evidence": upload}).url == "/cek/laporan/"
    text = walk.words(client.get("/cek/laporan/"))
    assert "Belum terkirim: baca dulu keterangan setiap berkas di bawah." in text
    assert name in text
    assert words in text
    assert not Evidence.objects.exists()
    client.post("/cek/laporan/jawab/", {"go": "files"})
    assert "Berkas Anda sudah kami terima." in walk.words(client.get("/cek/laporan/"))
    assert Evidence.objects.count() == 1


def test_words_of_the_staff_are_marked_as_indonesian(client: Client, cast: Cast) -> None:
    sent = in_review(cast)
    act(cast, "vera", sent, Action.ASK_REPORTER, "Pukul berapa?")
    client.post("/en/cek/", {"code": sent.code})
    page = client.get("/en/cek/laporan/").content.decode()
    assert '<p class="said" lang="id">Pukul berapa?' in page
    assert len(re.findall(r'lang="id">\s*Pukul berapa\?', page)) == page.count("Pukul berapa?")


def test_an_empty_message_and_no_file_say_how_to_mend_it(client: Client, code: str) -> None:
    opened(client, code)
    page = client.post("/cek/laporan/jawab/", {"text": " "})
    assert page.content.decode().count("Tulis sesuatu sebelum mengirim.") == 2
    assert client.post("/cek/laporan/jawab/", {"text": "", "go": "lang"}).url == "/en/cek/laporan/"
    page = client.post("/cek/laporan/jawab/", {"go": "files"})
    assert page.content.decode().count("Pilih paling sedikit satu berkas.") == 2
    long = client.post("/cek/laporan/jawab/", {"text": "unik " * 3_000})
    assert "Terlalu panjang" in walk.words(long)
    assert long.content.decode().count("unik") >= 3_000


def test_good_files_are_taken_where_others_are_refused(client: Client, code: str) -> None:
    opened(client, code)
    good = SimpleUploadedFile("layar.png", bare("PNG"))
    bad = SimpleUploadedFile("program.exe", b"MZ" + bytes(range(256)) * 300)
    text = walk.words(client.post("/cek/laporan/jawab/", {"go": "files", "evidence": [good, bad]}))
    assert "Jenis berkas “program.exe” tidak kami terima. Simpan sebagai salah satu jenis ini" in text
    assert "JPEG, PNG, WebP" in text
    assert "Berkas Anda sudah kami terima." in text
    assert Evidence.objects.count() == 1


def test_withdrawing_asks_once_more(client: Client, code: str) -> None:
    opened(client, code)
    assert "Cabut laporan ini?" in walk.words(client.get("/cek/laporan/cabut/"))
    assert Case.objects.get().status == Status.RECEIVED
    assert client.post("/cek/laporan/cabut/", {"reason": ""}).url == "/cek/laporan/"
    assert Case.objects.get().status == Status.WITHDRAWN
    page = client.get("/cek/laporan/")
    assert "Anda sudah mencabut laporan ini." in walk.words(page)
    assert 'name="text"' not in page.content.decode()


def test_withdrawing_twice_says_that_it_is_withdrawn(client: Client, code: str) -> None:
    opened(client, code)
    for answer in (client.post("/cek/laporan/cabut/", {}), client.post("/cek/laporan/cabut/", {})):
        assert answer.url == "/cek/laporan/"
    assert "Anda sudah mencabut laporan ini. Tidak ada lagi" in walk.words(client.get("/cek/laporan/"))
    client.get("/cek/laporan/cabut/")
    text = walk.words(client.get("/cek/laporan/"))
    assert "Anda sudah mencabut laporan ini. Tidak ada lagi" in text
    assert "tidak dapat dicabut lagi" not in text


def test_too_late_to_withdraw_is_said(client: Client, code: str) -> None:
    opened(client, code)
    Case.objects.update(status=Status.FORWARDED)
    assert client.post("/cek/laporan/cabut/", {}).url == "/cek/laporan/"
    assert "tidak dapat dicabut lagi" in walk.words(client.get("/cek/laporan/"))


def test_who_can_no_longer_withdraw_is_not_asked(client: Client, code: str) -> None:
    opened(client, code)
    Case.objects.update(status=Status.FORWARDED)
    assert client.get("/cek/laporan/cabut/").url == "/cek/laporan/"
    assert "tidak dapat dicabut lagi" in walk.words(client.get("/cek/laporan/"))


def test_words_to_a_withdrawn_report_come_back(client: Client, code: str) -> None:
    opened(client, code)
    Case.objects.update(status=Status.WITHDRAWN)
    page = client.post("/cek/laporan/jawab/", {"text": "Satu hal lagi"})
    assert "Satu hal lagi" in page.content.decode()
    assert "sudah dicabut" in walk.words(page)
    assert Message.objects.count() == 0


def test_a_forged_row_is_a_calm_page_that_gives_the_words_back(client: Client, code: str) -> None:
    opened(client, code)
    Complaint.objects.update(key_signature=bytes(64))
    for page in (client.get("/cek/laporan/"), client.post("/cek/laporan/jawab/", {"text": "Kata saya"})):
        assert page.status_code == 503
        assert "Laporan ini belum dapat kami tampilkan." in walk.words(page)
    assert "Kata saya" in page.content.decode()
    assert Message.objects.count() == 0


@pytest.fixture
def changing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Officers link and unlink the case at every attempt of its reporter."""

    def lock_around(complaint_id: object) -> Case:
        raise CaseChanged

    monkeypatch.setattr(case_membership, "lock_around", lock_around)
    monkeypatch.setattr(transitions, "FIRST_PAUSE_SECONDS", 0)


@pytest.mark.usefixtures("changing")
@pytest.mark.parametrize(
    ("path", "typed"),
    [
        ("jawab/", {"text": "Kata saya yang panjang"}),
        ("cabut/", {"reason": "Kata saya yang panjang"}),
        ("jawab/", {"go": "post", "url": "https://contoh.invalid/1", "account": "Kata saya yang panjang"}),
    ],
)
def test_a_case_that_changes_all_the_time_gives_the_words_back(
    client: Client, code: str, path: str, typed: dict[str, str]
) -> None:
    opened(client, code)
    for prefix, sentence in (("", "Belum terkirim:"), ("/en", "Not sent yet:")):
        page = client.post(f"{prefix}/cek/laporan/{path}", typed)
        assert page.status_code == 409
        assert sentence in walk.words(page)
        assert "Kata saya yang panjang" in page.content.decode()
        assert f'action="{prefix}/cek/laporan/{path}"' in page.content.decode() or path == "cabut/"
    assert Message.objects.count() == 0
    assert Evidence.objects.count() == 0
    assert Case.objects.get().status == Status.RECEIVED


def test_files_for_a_case_that_changes_all_the_time_wait(client: Client, code: str) -> None:
    opened(client, code)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(case_membership, "lock_around", lambda complaint_id: (_ for _ in ()).throw(CaseChanged))
        patch.setattr(transitions, "FIRST_PAUSE_SECONDS", 0)
        good = SimpleUploadedFile("layar.png", bare("PNG"))
        bad = SimpleUploadedFile("program.exe", b"MZ" + bytes(range(256)) * 300)
        for chosen in ([good, bad], []):
            page = client.post("/cek/laporan/jawab/", {"go": "files", "evidence": chosen})
            assert page.status_code == 409
            assert "Belum terkirim:" in walk.words(page)
            assert "layar.png" in walk.words(page)
    assert client.post("/cek/laporan/jawab/", {"go": "files"}).url == "/cek/laporan/"
    assert Evidence.objects.count() == 1


@pytest.mark.usefixtures("changing")
def test_the_screenshot_of_an_unsent_post_waits_with_it(client: Client, code: str) -> None:
    opened(client, code)
    shot = SimpleUploadedFile("layar.png", bare("PNG"))
    page = client.post("/cek/laporan/jawab/", {"go": "post"} | {"url": "https://contoh.invalid/1", "screenshots": shot})
    assert page.status_code == 409
    assert "layar.png" in walk.words(page)


def test_leaving_deletes_the_session_and_voids_the_cookie(client: Client, code: str) -> None:
    opened(client, code)
    cookie = client.cookies["lapor"].value
    assert client.post("/cek/keluar/").url == "/"
    assert SealedSession.objects.count() == 0
    client.cookies["lapor"] = cookie
    for path in ("/cek/laporan/", "/cek/laporan/cabut/"):
        assert client.get(path).url == "/cek/"


def test_an_expired_ticket_gives_the_words_back(client: Client, code: str) -> None:
    opened(client, code)
    with time_machine.travel(timezone.now() + timedelta(minutes=31)):
        page = client.post("/cek/laporan/jawab/", {"text": "Jawaban yang panjang"})
        assert "Jawaban yang panjang" in page.content.decode()
        assert "Belum terkirim." in walk.words(page)
        typed = {"url": "https://contoh.invalid/1", "reason": "Alasan saya", "evidence": file("foto.jpg", photo())}
        for path, words in (
            ("jawab/", "Berkasnya tidak tersimpan. Pilih lagi"),
            ("jawab/", "https://contoh.invalid/1"),
            ("cabut/", "Alasan saya"),
        ):
            typed["evidence"] = file("foto.jpg", photo())
            assert words in walk.words(client.post(f"/cek/laporan/{path}", typed)), path
    assert Message.objects.count() == 0


def test_an_unfinished_report_is_not_silently_thrown_away(client: Client) -> None:
    walk.to_who(client)
    assert 'href="/lapor/bagian/"' in client.get("/cek/").content.decode()


def test_changes_come_by_post_only(client: Client, code: str) -> None:
    opened(client, code)
    for path in ("/cek/laporan/jawab/", "/cek/keluar/", "/lapor/batal/"):
        assert client.get(path).status_code == 405
