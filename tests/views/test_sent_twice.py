"""What one page of an open report sends twice is added once, and the answer is the same; what another says is new."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client

from complaints.models.complaint import Message
from complaints.models.evidence import DraftFile, Evidence
from complaints.services import follow_up
from complaints.services.follow_up import act_id, new_token
from tests.adapters.test_tails import bare
from tests.images import photo
from tests.views import walk
from tests.world import send_report

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("office")]
STATUS = "/cek/laporan/"


@pytest.fixture
def opened(client: Client) -> Client:
    client.post("/cek/", {"code": send_report().code})
    return client


def token(client: Client, path: str = STATUS) -> dict[str, str]:
    found = re.findall(r'name="page" value="([0-9a-f]{16})"', client.get(path).content.decode())
    assert len(set(found)) == 1
    return {"page": found[0]}


def picture() -> SimpleUploadedFile:
    return SimpleUploadedFile("layar.png", bare("PNG"))


def test_each_page_has_a_token_of_its_own(opened: Client) -> None:
    assert token(opened) != token(opened)


def test_a_message_sent_twice_is_one(opened: Client) -> None:
    act = token(opened)
    for _press in range(2):
        assert opened.post(f"{STATUS}jawab/", act | {"text": "Jam sembilan", "do": "as_is"}).url == STATUS
        assert "Pesan Anda sudah kami terima" in walk.words(opened.get(STATUS))
    assert Message.objects.count() == 1
    opened.post(f"{STATUS}jawab/", act | {"text": "Jam sepuluh", "do": "as_is"})
    opened.post(f"{STATUS}jawab/", token(opened) | {"text": "Jam sembilan", "do": "as_is"})
    assert Message.objects.count() == 3, "other words, or the same ones from a later page, are new"


def test_what_may_tell_who_wrote_it_is_asked_once_more_with_the_same_token(opened: Client) -> None:
    act = token(opened)
    page = opened.post(f"{STATUS}jawab/", act | {"text": "Nama saya Sulastri, telepon 081234567890"})
    assert f'name="page" value="{act["page"]}"' in page.content.decode()


def test_files_sent_twice_are_one(opened: Client) -> None:
    act = token(opened)
    for _press in range(2):
        assert opened.post(f"{STATUS}jawab/", act | {"go": "files", "evidence": picture()}).url == STATUS
        assert "Berkas Anda sudah kami terima" in walk.words(opened.get(STATUS))
    assert Evidence.objects.count() == 1
    assert not DraftFile.objects.exists()


def test_waiting_files_sent_twice_are_no_mistake(opened: Client) -> None:
    opened.post(f"{STATUS}jawab/", token(opened) | {"go": "files", "evidence": SimpleUploadedFile("foto.jpg", photo())})
    act = token(opened)
    for _press in range(2):
        assert opened.post(f"{STATUS}jawab/", act | {"go": "files"}).url == STATUS
        assert "Berkas Anda sudah kami terima" in walk.words(opened.get(STATUS))
    assert Evidence.objects.count() == 1
    assert "Pilih paling sedikit satu berkas" in walk.words(
        opened.post(f"{STATUS}jawab/", token(opened) | {"go": "files"})
    )


def test_a_post_sent_twice_is_one(opened: Client) -> None:
    act = token(opened)
    for _press in range(2):
        opened.post(
            f"{STATUS}jawab/", act | {"go": "post", "url": "https://contoh.invalid/1", "screenshots": picture()}
        )
        assert "Postingan itu sudah kami terima" in walk.words(opened.get(STATUS))
    assert sorted(Evidence.objects.values_list("kind", flat=True)) == ["file", "post"]
    assert not DraftFile.objects.exists()


def test_retaliation_told_twice_is_one_message(opened: Client) -> None:
    act = token(opened, f"{STATUS}terjadi/")
    for _press in range(2):
        assert opened.post(f"{STATUS}terjadi/", act | {"kind": "", "text": "Dipindah"}).url == f"{STATUS}terjadi/"
    assert Message.objects.count() == 1


def test_without_the_reporters_keys_the_id_tells_nothing(opened: Client) -> None:
    sent: Any = {"token": new_token(), "text": "Sama", "files": [], "posts": [], "told": None}
    tickets = [follow_up.open_ticket(send_report().code) for _report in range(2)]
    ids = {act_id(ticket.keys, **sent) for ticket in tickets if ticket}
    assert len(ids) == 2
    assert {identifier.version for identifier in ids} == {4}
    assert act_id(tickets[0].keys, **sent | {"token": ""}) not in ids


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor == 'sqlite'", reason="SQLite writes one after the other")
def test_a_message_sent_twice_at_once_is_one(opened: Client) -> None:
    act = token(opened)
    cookie = opened.cookies["lapor"].value

    def send(_number: int) -> int:
        client = Client()
        client.cookies["lapor"] = cookie
        try:
            return client.post(f"{STATUS}jawab/", act | {"text": "Sekaligus", "do": "as_is"}).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(send, range(4))) == {302}
    assert Message.objects.count() == 1
