"""Files, sending and the code: nothing is sent twice or half, and nothing gets into an address."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from complaints import page_cache
from complaints.domain.codes import grouped
from complaints.models.complaint import Complaint
from complaints.models.draft import Draft
from complaints.models.evidence import DraftFile, Evidence
from tests.views import walk

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("office")]


def png(name: str = "foto.png") -> SimpleUploadedFile:
    head = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
    return SimpleUploadedFile(name, head + b"\x00" * 64, "image/png")


def test_files_are_kept_and_refusals_say_which_and_why(client: Client) -> None:
    walk.to_story(client)
    bad = SimpleUploadedFile("program.exe", b"MZ" + bytes(range(256)) * 300)
    empty = SimpleUploadedFile("kosong.txt", b"")
    page = client.post("/lapor/cerita/", walk.STORY_PAGE | {"evidence": [png("bukti.png"), bad, empty]})
    text = walk.words(page)
    assert "Jenis berkas “program.exe” tidak kami terima. Simpan sebagai salah satu jenis ini" in text
    assert "JPEG, PNG, WebP" in text
    assert "“kosong.txt” kosong" in text
    assert "bukti.png" in text
    assert walk.STORY in text
    assert DraftFile.objects.exclude(object_name=None).count() == 1
    client.post("/lapor/cerita/", walk.STORY_PAGE)
    assert "bukti.png" in walk.words(client.get("/lapor/periksa/"))


def test_a_file_can_be_taken_away_without_losing_what_was_typed(client: Client) -> None:
    walk.to_story(client)
    stayed = client.post("/lapor/cerita/", {"story": "Baru mulai", "evidence": [png()], "go": "stay"})
    assert stayed.url == "/lapor/cerita/"
    page = client.get("/lapor/cerita/").content.decode()
    identifier = re.search(r'name="file" value="([^"]+)"', page)
    assert identifier
    typed = {"story": "Baru mulai lagi", "file": identifier[1], **walk.version(client, "/lapor/cerita/")}
    answer = client.post("/lapor/cerita/", typed)
    assert answer.url == "/lapor/cerita/"
    assert "Baru mulai lagi" in client.get("/lapor/cerita/").content.decode()
    assert DraftFile.objects.count() == 0


def test_sending_takes_the_files_along(client: Client) -> None:
    walk.to_story(client)
    client.post("/lapor/cerita/", walk.STORY_PAGE | {"evidence": [png("a.png"), png("b.png")]})
    token = walk.token_of(client.get("/lapor/periksa/"))
    client.post("/lapor/periksa/", walk.ANONYMOUS | {"token": token})
    assert [item.kind for item in Evidence.objects.order_by("sequence")] == ["file", "file", "post"]
    assert DraftFile.objects.count() == 0


def test_sending_again_and_reloading_show_the_same_code(client: Client) -> None:
    walk.to_check(client)
    token = walk.token_of(client.get("/lapor/periksa/"))
    lost_answer = client.post("/lapor/periksa/", walk.ANONYMOUS | {"token": token})
    first = walk.code_on(client.get("/lapor/kode/"))
    again = client.post("/lapor/periksa/", walk.ANONYMOUS | {"token": token})
    assert lost_answer.url == again.url == "/lapor/kode/"
    assert walk.code_on(client.get("/lapor/kode/")) == first
    assert client.get("/lapor/periksa/").url == "/lapor/kode/"
    assert Complaint.objects.count() == 1


def test_an_answer_lost_on_its_way_still_leads_to_the_code(client: Client) -> None:
    walk.to_check(client)
    token = walk.token_of(client.get("/lapor/periksa/"))
    cookie = client.cookies["lapor"].value
    client.post("/lapor/periksa/", walk.ANONYMOUS | {"token": token})
    client.cookies["lapor"] = cookie  # the browser never saw what came back
    assert client.post("/lapor/periksa/", walk.ANONYMOUS | {"token": token}).url == "/lapor/kode/"
    assert client.get("/lapor/kode/").status_code == 200
    assert Complaint.objects.count() == 1


def test_a_gone_draft_is_told_from_a_sent_one(client: Client) -> None:
    walk.to_check(client)
    token = walk.token_of(client.get("/lapor/periksa/"))
    other = Client()
    gone = other.post("/lapor/periksa/", walk.ANONYMOUS | {"token": token})
    assert gone.status_code == 200
    assert "Belum ada yang terkirim." in walk.words(gone)
    client.post("/lapor/periksa/", walk.ANONYMOUS | {"token": token})
    received = other.post("/lapor/periksa/", walk.ANONYMOUS | {"token": token})
    assert received.status_code == 200
    assert "Laporan ini sudah kami terima" in walk.words(received)
    assert Complaint.objects.count() == 1


def test_a_page_of_another_draft_sends_nothing(client: Client) -> None:
    walk.to_check(client)
    old = walk.token_of(client.get("/lapor/periksa/"))
    client.post("/lapor/batal/")
    walk.to_check(client, story=walk.STORY + " Lain.")
    client.get("/lapor/periksa/")
    page = client.post("/lapor/periksa/", walk.ANONYMOUS | {"token": old})
    assert "diubah di jendela lain" in walk.words(page)
    assert Complaint.objects.count() == 0


def test_what_another_window_changed_is_shown_before_it_is_sent(client: Client) -> None:
    walk.to_check(client)
    old = walk.token_of(client.get("/lapor/periksa/"))
    newer = walk.version(client, "/lapor/cerita/") | {"story": walk.STORY + " Lebih baru."}
    client.post("/lapor/cerita/", walk.STORY_PAGE | newer)
    page = client.post("/lapor/periksa/", walk.ANONYMOUS | {"token": old})
    assert page.context["newer"] == [], "who typed no name is shown no other"
    named = {"identity": "confidential", "name": "Nama Yang Diketik", "contact": ""}
    page = client.post("/lapor/periksa/", named | {"token": old})
    for words in ("diubah di jendela lain", "Lebih baru."):
        assert words in walk.words(page)
    assert "Nama Yang Diketik" in page.content.decode()
    assert Complaint.objects.count() == 0
    before, new = walk.tokens_of(page)
    for path, button in (
        ("/lapor/periksa/", {"go": "back"}),
        ("/lapor/periksa/", {"change": "story"}),
        ("/lapor/periksa/", {"file": "x"}),
    ):
        again = client.post(path, named | button | {"token": before})
        assert "Hanya “Kirim laporan” yang memakainya" in walk.words(again), "no other button replaces what is saved"
        assert "Nama Yang Diketik" in again.content.decode()
    assert "Nama Yang Diketik" not in client.get("/lapor/periksa/").content.decode()
    sent = client.post("/lapor/periksa/", walk.ANONYMOUS | {"token": new})
    assert sent.url == "/lapor/kode/"
    assert Complaint.objects.count() == 1


@pytest.mark.parametrize("path", ["/lapor/siapa/", "/lapor/cerita/", "/lapor/periksa/", "/en/lapor/cerita/"])
def test_a_draft_that_ended_is_told_in_plain_words(client: Client, path: str) -> None:
    walk.to_check(client)
    with time_machine.travel(timezone.now() + timedelta(hours=2, minutes=1)):
        page = client.get(path)
        words = walk.words(page)
        assert ("2 hours" if "/en/" in path else "2 jam tanpa kegiatan") in words
        assert 'href="/en/lapor/"' in page.content.decode() or 'href="/lapor/"' in page.content.decode()
        assert client.cookies["lapor"].value == ""
        assert client.get(path).status_code == 302, "once told, it begins again"
        assert walk.to_who(client).url == "/lapor/siapa/"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(7200, ("2 jam", "2 hours")), (3600, ("1 jam", "1 hour")), (5459, ("90 menit", "90 minutes"))],
)
def test_pages_say_the_time_that_is_set(
    client: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch, seconds: int, words: tuple[str, str]
) -> None:
    settings.REPORTER_IDLE_SECONDS = {**settings.REPORTER_IDLE_SECONDS, "draft": seconds}
    monkeypatch.setattr(page_cache, "_pages", {})
    indonesian, english = words
    assert f"Kept for {english} after your last step" in walk.words(client.get("/en/lapor/"))
    walk.to_check(client)
    for path in ("/lapor/cerita/", "/lapor/periksa/"):
        assert f"Tersimpan {indonesian} sejak" in walk.words(client.get(path))
    with time_machine.travel(timezone.now() + timedelta(seconds=seconds + 1)):
        assert f"after {english} without" in walk.words(client.get("/en/lapor/cerita/"))
        gone = walk.words(Client().post("/lapor/periksa/", walk.ANONYMOUS))
        assert f"setelah {indonesian} tanpa kegiatan" in gone


def test_after_two_idle_hours_what_is_typed_then_is_still_kept(client: Client) -> None:
    walk.to_story(client)
    with time_machine.travel(timezone.now() + timedelta(hours=2, minutes=1)):
        answer = client.post("/lapor/cerita/", walk.STORY_PAGE)
        assert answer.url == "/lapor/"
        page = client.get("/lapor/")
        assert "Yang baru Anda tulis masih ada" in walk.words(page)
        assert walk.to_who(client).url == "/lapor/siapa/"
        assert client.post("/lapor/siapa/", walk.WHO).url == "/lapor/periksa/"
        assert walk.STORY in walk.words(client.get("/lapor/periksa/"))


def test_deleting_leaves_nothing(client: Client) -> None:
    walk.to_story(client)
    client.post("/lapor/cerita/", walk.STORY_PAGE | {"evidence": [png()]})
    for _press in range(2):
        assert "Sudah dihapus. Tidak ada lagi laporan" in walk.words(client.post("/lapor/batal/"))
    assert "Sudah dihapus" not in walk.words(client.get("/"))
    assert Draft.objects.count() == 0
    assert DraftFile.objects.count() == 0
    assert walk.STORY not in client.get("/lapor/").content.decode()


def test_a_name_is_read_only_where_it_was_offered(client: Client) -> None:
    walk.to_check(client)
    token = walk.token_of(client.get("/lapor/periksa/"))
    typed = {"token": token, "identity": "anonymous", "name": "n" * 999, "contact": "x"}
    assert client.post("/lapor/periksa/", typed).url == "/lapor/kode/"


def test_the_download_holds_the_code_and_nothing_else(client: Client) -> None:
    walk.send(client)
    code = walk.code_on(client.get("/lapor/kode/"))
    answer = client.post("/lapor/kode/unduh/")
    assert answer.content.decode().replace("-", "").strip() == code
    assert answer["Content-Type"].startswith("text/plain")
    assert answer["Content-Disposition"].startswith("attachment")
    assert answer["Cache-Control"] == "no-store"
    assert client.get("/lapor/kode/unduh/").status_code == 405


def test_the_last_group_is_asked_back_before_it_leads_on(client: Client) -> None:
    walk.send(client)
    shown = client.get("/lapor/kode/")
    code = walk.code_on(shown)
    assert re.search(r"<title>\s*Catatan\s*</title>", shown.content.decode())
    for wrong in ("", code[:5] if code[:5] != code[-5:] else "00000", code[-4:]):
        page = client.post("/lapor/kode/", {"last": wrong})
        assert "Itu bukan kelompok terakhir." in walk.words(page)
        assert walk.code_on(page) == code
    for right in (code[-5:].lower(), grouped(code), f" {code[-5:]}. "):
        assert client.post("/lapor/kode/", {"last": right}).url == "/cek/"
    assert 'href="/lapor/kode/"' in client.get("/cek/").content.decode()
    assert Client().post("/lapor/kode/", {"last": code[-5:]}).url == "/cek/"


def test_a_reminder_holds_the_chosen_title_and_day_alone(client: Client) -> None:
    assert client.get("/lapor/kode/pengingat/").url == "/cek/"
    walk.send(client)
    assert 'value="Catatan"' in client.get("/lapor/kode/pengingat/").content.decode()
    refused = client.post("/lapor/kode/pengingat/", {"title": "Servis motor", "day": "besok"})
    assert refused.status_code == 200
    assert "Servis motor" in refused.content.decode()
    made = client.post("/lapor/kode/pengingat/", {"title": "Servis; motor\nSUMMARY:x", "day": "2026-12-14"})
    assert (made["Content-Type"], made["Cache-Control"]) == ("text/calendar; charset=utf-8", "no-store")
    lines = made.content.decode().split("\r\n")
    assert "SUMMARY:Servis\\; motor SUMMARY:x" in lines
    assert "DTSTART;VALUE=DATE:20261214" in lines
    assert len(lines) == 11
    text = made.content.decode()
    assert "anal" not in text
    assert walk.code_on(client.get("/lapor/kode/"))[:5] not in text


def test_the_code_page_closes_after_fifteen_minutes(client: Client) -> None:
    walk.send(client)
    assert client.get("/lapor/kode/").status_code == 200
    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        assert client.get("/lapor/kode/").url == "/cek/"


def test_beginning_another_report_warns_while_the_code_is_open(client: Client) -> None:
    walk.send(client)
    assert 'href="/lapor/kode/"' in client.get("/lapor/").content.decode()


def test_posts_need_the_token_of_the_page() -> None:
    strict = Client(enforce_csrf_checks=True)
    assert strict.post("/lapor/ditekan/", walk.START).status_code == 403
    page = strict.get("/lapor/ditekan/").content.decode()
    match = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert match
    answer = strict.post("/lapor/ditekan/", walk.START | {"csrfmiddlewaretoken": match[1]})
    assert answer.url == "/lapor/siapa/"


def test_nothing_typed_and_no_code_is_ever_in_an_address(client: Client) -> None:
    seen = [
        walk.to_who(client),
        client.post("/lapor/siapa/", walk.WHO),
        client.post("/lapor/cerita/", walk.STORY_PAGE),
    ]
    token = walk.token_of(client.get("/lapor/periksa/"))
    seen.append(client.post("/lapor/periksa/", walk.ANONYMOUS | {"token": token}))
    page = client.get("/lapor/kode/")
    code = walk.code_on(page)
    seen.append(client.post("/cek/", {"code": code}))
    assert all("?" not in answer.url and code not in answer.url for answer in seen)
    addresses = re.findall(r'(?:href|src|action)="([^"]*)"', page.content.decode())
    assert not any("?" in address or code[:4] in address for address in addresses)


def test_every_button_of_page_4_but_send_sends_nothing(client: Client) -> None:
    """Also in a browser that knows no address of a button: what it does is in its name alone."""
    walk.to_check(client)
    page = client.get("/lapor/periksa/")
    names = re.findall(r'<button[^>]*name="(\w+)" value="(\w+)"', page.content.decode().partition("<form")[2])
    assert {("go", "form"), ("go", "back"), ("go", "park"), ("go", "delete"), ("change", "story")} <= set(names)
    for name, value in sorted({*names, ("file", "x")} - {("go", "delete")}):
        client.post("/lapor/periksa/", walk.ANONYMOUS | {"token": walk.token_of(page), name: value})
        assert Complaint.objects.count() == 0, (name, value)
        assert Draft.objects.count() == 1, (name, value)
    page = client.post("/lapor/periksa/", walk.ANONYMOUS | {"token": walk.token_of(page), "go": "delete"})
    assert "Sudah dihapus." in walk.words(page)
    assert not (Complaint.objects.exists() or Draft.objects.exists())


def test_files_that_come_along_with_the_deletion_are_deleted_too(client: Client, settings: Settings) -> None:
    before = set(settings.EVIDENCE_DIR.rglob("*"))
    walk.to_story(client)
    client.post("/lapor/cerita/", walk.STORY_PAGE | {"evidence": png("satu.png"), "go": "stay"})
    assert set(settings.EVIDENCE_DIR.rglob("*")) > before
    client.post("/lapor/cerita/", walk.STORY_PAGE | {"evidence": png("dua.png"), "go": "delete"})
    assert not (DraftFile.objects.exists() or Draft.objects.exists() or Evidence.objects.exists())
    assert set(settings.EVIDENCE_DIR.rglob("*")) == before
