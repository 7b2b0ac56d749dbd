"""The quick exit deletes what is open here and leads away, for a person alone; and no title tells what this is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import translation
from django.utils.translation import gettext

from complaints.models.draft import Draft
from complaints.models.evidence import DraftFile
from tests.views.walk import send, to_check, to_story
from tests.world import sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("office")]
AWAY = "https://cuaca.invalid/"
TEMPLATES = Path(settings.BASE_DIR) / "templates"
# What a title in the history of a browser must not say, in either language.
TELLING = re.compile(
    r"lapor|report|kanal|netral|neutral|tekan|press|\basn\b|civil|pegawai|bukti|eviden|dugaan|langgar|breach|sanksi"
    r"|saksi|witness|bawaslu|\bkode\b|\bcode\b|status|cabut|withdraw|retaliat|cerita|story|berpihak|partisan",
    re.IGNORECASE,
)
TITLE = re.compile(r"{% block title %}(.*?){% endblock %}", re.DOTALL)
WORDS = re.compile(r'{% translate "(.*?)" %}')


@pytest.fixture(autouse=True)
def _away(settings: Any) -> None:
    settings.EXIT_URL = AWAY


@pytest.fixture
def drafting() -> Client:
    client = Client()
    to_story(client)
    client.post("/lapor/cerita/", {"story": "x", "links": "", "evidence": SimpleUploadedFile("a.txt", b"isi")})
    assert rows() == (1, 1)
    return client


def rows() -> tuple[int, int]:
    return Draft.objects.count(), DraftFile.objects.count()


def test_it_deletes_the_draft_with_its_files_and_leads_away(drafting: Client) -> None:
    answer = drafting.get("/keluar/", secure=True)
    assert (answer.status_code, answer.url, rows()) == (303, AWAY, (0, 0))
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "no-store" in answer.headers["Cache-Control"]
    assert {drafting.cookies[name].value for name in ("lapor", "csrf")} == {""}


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("HEAD", {}, 303),
        ("GET", {"Sec-Fetch-Site": "cross-site"}, 303),
        ("GET", {"Sec-Fetch-Site": "same-site"}, 303),
        ("GET", {"Sec-Purpose": "prefetch;prerender"}, 403),
        ("GET", {"X-Moz": "prefetch"}, 403),
        ("POST", {}, 405),
    ],
    ids=str,
)
def test_nothing_ends_without_a_person_on_our_own_pages(
    drafting: Client, method: str, headers: dict[str, str], status: int
) -> None:
    answer = drafting.generic(method, "/keluar/", secure=True, headers=headers)
    assert (answer.status_code, rows()) == (status, (1, 1))
    assert "Clear-Site-Data" not in answer.headers
    assert not answer.cookies


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_a_person_ends_it(drafting: Client, site: str) -> None:
    drafting.get("/keluar/", headers={"Sec-Fetch-Site": site})
    assert rows() == (0, 0)


@pytest.mark.parametrize(
    ("referrer", "clears"), [("https://testserver/cek/", True), ("https://lain.invalid/", False), ("", False)]
)
def test_an_old_browser_forgets_for_our_pages_alone(referrer: str, clears: bool) -> None:
    """It has no reporter's cookie and says nothing of who asks but the page before."""
    client = Client()
    client.get("/cek/", secure=True)
    headers = {"Referer": referrer} if referrer else {}
    answer = client.get("/keluar/", secure=True, headers=headers)
    assert (answer.status_code, answer.url) == (303, AWAY)
    assert ("Clear-Site-Data" in answer.headers, "csrf" in answer.cookies) == (clears, clears)


def test_it_closes_a_code_and_leaves_what_was_sent() -> None:
    client = Client()
    send(client)
    assert client.get("/lapor/kode/").status_code == 200
    assert client.get("/keluar/").status_code == 303
    assert client.get("/lapor/kode/").status_code == 302


def test_an_officer_in_the_same_browser_stays_signed_in() -> None:
    client = sign_in(Client(), "vera")
    answer = client.get("/keluar/", secure=True, headers={"Sec-Fetch-Site": "same-origin"})
    assert "cookies" not in answer.headers["Clear-Site-Data"]
    assert client.get("/kantor/").status_code == 200


@pytest.mark.parametrize("path", ["/", "/lapor/", "/cek/", "/tidak-ada/", "/en/lapor/", "/keluar-cepat/"])
def test_every_page_of_reporters_has_the_link(path: str) -> None:
    prefix = "/en" if path.startswith("/en") else ""
    assert f'<a class="exit" href="{prefix}/keluar/">' in Client().get(path).content.decode()


def test_staff_have_none() -> None:
    client = sign_in(Client(), "vera")
    for path in ("/kantor/", "/kantor/tidak-ada/", "/kantor/masuk/"):
        assert 'class="exit"' not in client.get(path, follow=True).content.decode(), path


def test_the_page_that_explains_it_warns_who_has_begun(drafting: Client) -> None:
    begun, new = (client.get("/keluar-cepat/").content.decode() for client in (drafting, Client()))
    assert "cuaca.invalid" in begun
    assert "cuaca.invalid" in new
    assert ("/lapor/bagian/" in begun, "/lapor/bagian/" in new) == (True, False)


@pytest.mark.parametrize("language", ["id", "en"])
def test_no_title_tells_what_this_is(language: str) -> None:
    parts = {path: TITLE.search(path.read_text(encoding="utf-8")) for path in _pages()}
    titles = {path.name: part[1] for path, part in parts.items() if part}
    assert len(titles) > 25
    assert {name: title for name, title in titles.items() if re.search(r"{{ \w", title)} == {}
    with translation.override(language):
        said = {name: " ".join(map(gettext, WORDS.findall(title))) for name, title in titles.items()}
    assert {name: title for name, title in said.items() if TELLING.search(title)} == {}


def _pages() -> list[Path]:
    return [*TEMPLATES.glob("*.html"), *TEMPLATES.glob("complaints/**/*.html")]


def test_titles_tell_the_pages_of_the_way_apart() -> None:
    client = Client()
    to_check(client)
    paths = ("/", "/lapor/", "/lapor/siapa/", "/lapor/cerita/", "/lapor/periksa/", "/cek/", "/keluar-cepat/")
    titles = [_title(client.get(path).content.decode()) for path in paths]
    assert titles[:5] == ["Catatan · Awal", *(f"Catatan · {number}/4" for number in (1, 2, 3, 4))]
    assert len(set(titles)) == len(paths)


def _title(page: str) -> str:
    title = re.search(r"<title>(.*?)</title>", page, re.DOTALL)
    assert title
    return title[1].strip()
