"""While the database is away or busy: 503 with what was typed, and nothing of staff or of a ticket code."""

from __future__ import annotations

import html
import re
from typing import Any
from unittest import mock
from urllib.parse import urlencode

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import InterfaceError, OperationalError, ProgrammingError
from django.test import Client

from tests.views import walk

pytestmark = pytest.mark.django_db
STORY = "Kami dikumpulkan <di aula>\nlalu diminta foto dengan dua jari; yang menolak akan dipindah ke desa lain."


@pytest.fixture
def client() -> Client:
    return Client(raise_request_exception=False)


def away(error: type[Exception] = OperationalError) -> Any:
    """The database fails as soon as a session is read."""
    return mock.patch("portal.accounts.sessions.read_reporter", side_effect=error("no place"))


def fields(page: Any) -> dict[str, str]:
    """The hidden fields of a page's form, as a browser sends them."""
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page.content.decode())
    return {name: html.unescape(value) for name, value in found}


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
@pytest.mark.usefixtures("office")
def test_the_words_are_kept_and_go_with_one_press(client: Client, error: type[Exception]) -> None:
    walk.to_story(client)
    sent = {"story": STORY, "links": "", "files": SimpleUploadedFile("foto.jpg", b"\xff\xd8\xff" * 50)}
    with away(error):
        page = client.post("/lapor/cerita/", sent)
    assert page.status_code == 503
    assert page.headers["Retry-After"] == "10"
    assert "no-store" in page.headers["Cache-Control"]
    assert "Tulisan Anda masih ada di sini" in walk.words(page)
    again = fields(page)
    assert again["story"].split() == STORY.split()
    assert 'action="/lapor/cerita/"' in page.content.decode()
    answer = client.post("/lapor/cerita/", again)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/lapor/periksa/")
    assert "di aula" in walk.words(client.get("/lapor/periksa/"))


@pytest.mark.usefixtures("office")
def test_form_without_files_is_kept_too(client: Client) -> None:
    walk.to_who(client)
    with away():
        page = client.post("/en/lapor/siapa/", urlencode(walk.WHO), content_type="application/x-www-form-urlencoded")
    assert "Your words are still here" in walk.words(page)
    assert fields(page)["agency"] == walk.WHO["agency"]


@pytest.mark.usefixtures("office")
def test_neither_code_nor_password_nor_a_large_body_is_shown_again(client: Client) -> None:
    code, password = "ABCDE-FGHJK", "padi kuning di sawah"
    walk.to_story(client)
    with away():
        entered = client.post("/cek/", {"code": code})
        large = client.post("/lapor/cerita/", {"story": "x" * 140_000})
    with mock.patch("portal.accounts.login.StaffLoginView.dispatch", side_effect=OperationalError("no place")):
        staff = client.post("/kantor/masuk/", {"login": "vera", "password": password})
    for page, sent in ((entered, code), (large, "xxx"), (staff, password)):
        assert page.status_code == 503
        assert sent not in page.content.decode()
        assert "muat ulang halaman ini" in walk.words(page)


@pytest.mark.usefixtures("office")
def test_other_faults_remain_errors_of_ours(client: Client) -> None:
    walk.to_who(client)
    with away(ProgrammingError):
        page = client.get("/lapor/siapa/")
    assert page.status_code == 500
    assert "Retry-After" not in page.headers
