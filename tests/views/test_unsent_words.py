"""What is typed on the pages of an open report is kept until it is sent, in the session of the opened code alone."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from complaints.domain.workflow import Action
from complaints.models.complaint import Message
from complaints.models.evidence import DraftFile, Evidence
from complaints.services import follow_up
from tests.adapters.test_tails import bare
from tests.cases import act, in_review
from tests.services.test_after_the_end import close
from tests.services.test_inquiries import ask
from tests.views.test_leak_check import decided
from tests.world import Cast, Sent, send_report

pytestmark = pytest.mark.django_db
STATUS = "/cek/laporan/"
WORDS = "Baru setengah kalimat"
PAGES = [("", "jawab/", "text"), ("terjadi/", "terjadi/", "text"), ("cabut/", "cabut/", "reason")]


def opened(client: Client, sent: Sent) -> Client:
    client.post("/cek/", {"code": sent.code})
    return client


def keep(client: Client, path: str, typed: dict[str, str], version: str = ".1") -> dict[str, Any]:
    """Send what the script of a page sends."""
    told: dict[str, Any] = client.post(path, typed | {"go": "keep", "version": version}).json()
    return told


def version(client: Client, path: str = STATUS) -> str:
    found = re.search(r'name="version" value="([0-9a-f]+)"', client.get(path).content.decode())
    return found[1] if found else ""


@pytest.mark.parametrize(("page", "action", "field"), PAGES)
def test_the_script_keeps_what_is_typed_and_nothing_is_sent(
    client: Client, cast: Cast, page: str, action: str, field: str
) -> None:
    opened(client, send_report())
    assert keep(client, STATUS + action, {field: WORDS})["kept"]
    assert WORDS in client.get(STATUS + page).content.decode()
    assert not Message.objects.exists()
    assert keep(client, STATUS + action, {field: ""}, "kept.1")["kept"]
    assert WORDS not in client.get(STATUS + page).content.decode()


@pytest.mark.parametrize(
    ("go", "leads"),
    [
        ("home", "/"),
        ("lang", "/en/cek/laporan/"),
        ("happened", "/cek/laporan/terjadi/"),
        ("withdraw", "/cek/laporan/cabut/"),
        ("never", "/tidak-ditanyakan/"),
        ("name", "/cek/laporan/nama/"),
        ("stay", "/cek/laporan/"),
        ("bring", "/lapor/pintu-lain/bawaslu/"),
    ],
)
def test_a_button_that_leads_away_keeps(client: Client, cast: Cast, go: str, leads: str) -> None:
    opened(client, send_report())
    assert client.post(f"{STATUS}jawab/", {"text": WORDS, "go": go}).url == leads
    assert WORDS in client.get(f"/en{STATUS}").content.decode()
    assert not Message.objects.exists()


def test_who_finds_the_code_reads_none_of_it_and_leaving_ends_it(client: Client, cast: Cast) -> None:
    sent = send_report()
    keep(opened(client, sent), f"{STATUS}jawab/", {"text": WORDS})
    assert WORDS not in opened(Client(), sent).get(STATUS).content.decode()
    client.post("/cek/keluar/")
    assert WORDS not in opened(client, sent).get(STATUS).content.decode()


def test_what_was_sent_is_kept_no_more_and_the_other_box_stays(client: Client, cast: Cast) -> None:
    opened(client, send_report())
    post = {"account": "@contoh", "act": "liked"}
    assert keep(client, f"{STATUS}jawab/", {"text": WORDS} | post)["kept"]
    shown = client.get(STATUS).content.decode()
    assert WORDS in shown and 'value="@contoh"' in shown and '<details class="fold" open' in shown
    client.post(f"{STATUS}jawab/", {"text": WORDS, "do": "as_is", "version": f"{version(client)}.2"})
    after = client.get(STATUS).content.decode()
    assert WORDS not in after and 'value="@contoh"' in after
    assert Message.objects.count() == 1


def test_the_button_of_one_box_keeps_the_others(client: Client, cast: Cast) -> None:
    opened(client, send_report())
    shot = SimpleUploadedFile("layar.png", bare("PNG"))
    client.post(f"{STATUS}jawab/", {"text": WORDS, "url": "", "account": "@contoh", "go": "files", "evidence": shot})
    shown = client.get(STATUS).content.decode()
    assert "Berkas Anda sudah kami terima" in shown and WORDS in shown and 'value="@contoh"' in shown
    client.post(f"{STATUS}jawab/", {"text": WORDS, "url": "", "account": "@contoh", "go": "post"})
    shown = client.get(STATUS).content.decode()
    assert "Postingan itu sudah kami terima" in shown and WORDS in shown and "@contoh" not in shown
    both = {
        "text": "Pesan.",
        "account": "@lain",
        "version": version(client),
        "evidence": SimpleUploadedFile("lagi.png", bare("PNG")),
    }
    client.post(f"{STATUS}jawab/", both)
    shown = client.get(STATUS).content.decode()
    for words in ("Pesan Anda sudah kami terima", "Berkas di bawah belum terkirim", "lagi.png", 'value="@lain"'):
        assert words in shown
    client.post(f"{STATUS}jawab/", {"text": WORDS, "file": str(DraftFile.objects.get().pk), "version": version(client)})
    shown = client.get(STATUS).content.decode()
    assert WORDS in shown and "lagi.png" not in shown
    assert (Message.objects.count(), Evidence.objects.count()) == (1, 2)


def test_the_button_of_one_box_replaces_no_other_window_s_words_unasked(client: Client, cast: Cast) -> None:
    opened(client, send_report())
    keep(client, f"{STATUS}jawab/", {"text": WORDS})
    typed = {"text": "Jendela lain", "account": "@contoh", "url": "", "go": "post"}
    asks = client.post(f"{STATUS}jawab/", typed).content.decode()
    assert WORDS in asks and "Jendela lain" in asks and 'value="@contoh"' in asks
    assert not Evidence.objects.exists() and WORDS in client.get(STATUS).content.decode()
    client.post(f"{STATUS}jawab/", typed | {"version": version(client)})
    assert Evidence.objects.count() == 1 and "Jendela lain" in client.get(STATUS).content.decode()


@pytest.mark.parametrize("page", ["laporan", "jawaban"])
def test_who_leaves_with_something_unsent_is_asked_first(client: Client, cast: Cast, page: str) -> None:
    opened(client, send_report() if page == "laporan" else ask())
    address = f"/cek/{page}/jawab/" if page == "laporan" else "/cek/jawaban/tulis/"
    assert client.post(address, {"text": WORDS, "go": "leave"}).url == f"/cek/{page}/"
    shown = client.get(f"/cek/{page}/").content.decode()
    assert "di halaman ini belum terkirim" in shown and WORDS in shown and 'value="drop"' in shown
    assert client.post(address, {"text": WORDS, "go": "drop", "version": version(client, f"/cek/{page}/")}).url == "/"
    assert client.get(f"/cek/{page}/").url == "/cek/" and not Message.objects.exists()


def test_who_has_sent_everything_leaves_at_once(client: Client, cast: Cast) -> None:
    opened(client, send_report())
    client.post(f"{STATUS}jawab/", {"text": WORDS})
    assert client.post(f"{STATUS}jawab/", {"text": "", "go": "leave"}).url == "/"


def test_what_is_chosen_of_telling_places_is_kept(client: Client, cast: Cast) -> None:
    opened(client, send_report())
    typed = {"text": "Hanya saya yang tahu.", "account": "@contoh"}
    asks = client.post(f"{STATUS}jawab/", typed)
    fields = decided(asks, {"Hanya saya": "Beberapa orang"}, do="", **typed)
    assert client.post(f"{STATUS}jawab/", fields | {"go": "lang"}).url == f"/en{STATUS}"
    assert not Message.objects.exists()
    again = client.post(f"/en{STATUS}jawab/", typed | {"version": version(client)}).content.decode()
    assert re.search(r'value="own"\s+checked', again) and 'value="Beberapa orang"' in again
    assert client.post(f"{STATUS}jawab/", fields | {"do": "apply"}).url == STATUS
    assert Message.objects.count() == 1
    asks = client.post(f"{STATUS}jawab/", typed | {"version": version(client)})
    assert "checked" not in asks.content.decode(), "of a message that was sent nothing is remembered"


def test_another_window_replaces_nothing_unasked(client: Client, cast: Cast) -> None:
    opened(client, send_report())
    keep(client, f"{STATUS}jawab/", {"text": WORDS})
    refused = keep(client, f"{STATUS}jawab/", {"text": "Jendela lain"}, ".2")
    assert not refused["kept"] and "jendela lain" in refused["words"]
    asks = client.post(f"{STATUS}jawab/", {"text": "Jendela lain", "go": "home"})
    assert WORDS in asks.content.decode() and "Jendela lain" in asks.content.decode()
    assert WORDS in client.get(STATUS).content.decode() and not Message.objects.exists()
    again = client.post(f"{STATUS}jawab/", {"text": "Jendela lain", "go": "home", "version": version(client)})
    assert again.url == "/"
    # The window that sends has its own words sent; what another one kept stays.
    client.post(f"{STATUS}jawab/", {"text": "Ketiga kalinya", "do": "as_is", "version": ".3"})
    assert "Jendela lain" in client.get(STATUS).content.decode()


def test_words_that_wait_for_a_decision_are_kept(client: Client, cast: Cast) -> None:
    opened(client, send_report())
    telling = "Hanya saya dan beliau di ruangan."
    asks = client.post(f"{STATUS}jawab/", {"text": telling})
    assert "Belum terkirim" in asks.content.decode() and not Message.objects.exists()
    assert telling in client.get(STATUS).content.decode()
    assert client.post(f"{STATUS}jawab/", {"text": telling, "go": "home", "version": version(client)}).url == "/"


def test_too_much_is_not_kept_and_is_not_sent_either(client: Client, cast: Cast) -> None:
    opened(client, send_report())
    assert not keep(client, f"{STATUS}jawab/", {"text": "a" * 61_000})["kept"]
    shown = client.post(f"{STATUS}jawab/", {"text": "a" * 61_000, "go": "home"})
    assert shown.status_code == 200 and "terlalu panjang untuk disimpan" in shown.content.decode()
    assert not Message.objects.exists()


def test_a_question_keeps_the_answer_in_its_box(client: Client, cast: Cast) -> None:
    sent = in_review(cast)
    act(cast, "vera", sent, Action.ASK_REPORTER, "Pukul berapa?")
    opened(client, sent)
    keep(client, f"{STATUS}jawab/", {"text": WORDS, "to": "office"})
    shown = client.get(STATUS).content.decode()
    assert WORDS in shown and "Jawaban Anda" in shown


def test_an_objection_is_kept(client: Client, cast: Cast) -> None:
    sent = in_review(cast)
    close(cast, sent, "vera", "vino")
    opened(client, sent)
    assert client.post(f"{STATUS}jawab/", {"text": WORDS, "go": "object"}).url == f"{STATUS}keberatan/"
    keep(client, f"{STATUS}keberatan/", {"reason": WORDS})
    assert client.get(f"{STATUS}keberatan/").content.decode().count(WORDS) == 1
    client.post(f"{STATUS}keberatan/", {"reason": WORDS, "version": ".1"})
    report = follow_up.status_page(ticket=sent.ticket, today=timezone.localdate())
    assert report.objection.objected_on


def test_without_an_open_code_the_words_come_back_to_be_copied(client: Client, cast: Cast) -> None:
    answer = client.post(f"{STATUS}jawab/", {"text": WORDS, "go": "home"})
    assert WORDS in answer.content.decode() and "Belum terkirim" in answer.content.decode()


ASK = {"asked": "Bolehkah pegawai memberi tanda suka pada unggahan calon?"}


def test_a_question_that_is_not_sent_yet_is_kept_too(client: Client, cast: Cast) -> None:
    assert client.post("/tanya/", ASK | {"go": "lang"}).url == "/en/tanya/"
    assert ASK["asked"] in client.get("/tanya/").content.decode()
    assert keep(client, "/tanya/", ASK | {"asked": WORDS}, "kept.1")["kept"]
    assert WORDS in client.get("/en/tanya/").content.decode()
    client.post("/lapor/batal/")
    assert not keep(client, "/tanya/", ASK, "kept.1")["kept"], "a deleted one does not come back unasked"


def test_the_pages_of_an_inquiry_keep(client: Client, cast: Cast) -> None:
    client.post("/cek/", {"code": ask().code})
    for path, action, field in (("", "tulis/", "text"), ("cabut/", "cabut/", "reason"), ("lapor/", "lapor/", "story")):
        assert keep(client, f"/cek/jawaban/{action}", {field: f"{WORDS} {field}{path}"})["kept"], path
        assert f"{WORDS} {field}{path}" in client.get(f"/cek/jawaban/{path}").content.decode()
    assert client.post("/cek/jawaban/tulis/", {"text": WORDS, "go": "begin", "version": ".1"}).url == (
        "/cek/jawaban/lapor/"
    )
