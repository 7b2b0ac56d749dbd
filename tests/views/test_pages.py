"""Every page in both languages, the error pages without anything to stand on, and what a page may weigh."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import polib
import pytest
from django.conf import settings
from django.http import HttpResponse
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse
from django.utils import translation

from complaints.urls import urlpatterns
from tests.views import walk

ROOT = Path(__file__).resolve().parent.parent.parent
STILL = [
    "/", "/lapor/", "/lapor/ditekan/", "/lapor/melihat/", "/cek/", "/lapor/pintu-lain/bawaslu/",
    "/lapor/pintu-lain/sp4n/", "/tentang/", "/tidak-ditanyakan/", "/pelanggaran/", "/pelanggaran/daftar/",
]  # fmt: skip


@pytest.mark.parametrize("name", ["400", "403", "403_csrf", "404", "500", "503"])
@pytest.mark.parametrize("language", ["id", "en"])
def test_error_pages_need_no_database_no_request_and_no_session(name: str, language: str) -> None:
    # Without the db fixture any query fails.
    with translation.override(language):
        text = render_to_string(f"{name}.html")
    assert f'<html lang="{language}">' in text
    assert "<h1>" in text
    assert 'href="/static/css/portal.css"' in text


def test_an_unknown_address_is_answered_without_the_database(client: Client) -> None:
    page = client.get("/tidak-ada/")
    assert page.status_code == 404
    assert "Halaman ini tidak ada" in walk.words(page)


@pytest.mark.django_db
@pytest.mark.usefixtures("office")
@pytest.mark.parametrize("path", STILL)
def test_pages_lead_to_themselves_in_the_other_language(client: Client, path: str) -> None:
    indonesian, english = client.get(path), client.get(f"/en{path}")
    if 'id="form"' in indonesian.content.decode():  # there it is a button that keeps what is typed
        assert client.post(path, {"go": "lang"}).url == f"/en{path}"
        assert client.post(f"/en{path}", {"go": "lang"}).url == path
    else:
        assert f'href="/en{path}" lang="en"' in indonesian.content.decode()
        assert f'href="{path}" lang="id"' in english.content.decode()
    assert '<html lang="id">' in indonesian.content.decode()
    assert '<html lang="en">' in english.content.decode()


@pytest.mark.django_db
@pytest.mark.usefixtures("office")
def test_no_indonesian_interface_text_is_left_on_english_pages(client: Client) -> None:
    catalogue = polib.pofile(str(ROOT / "locale/id/LC_MESSAGES/django.po"))
    indonesian = {
        " ".join(re.sub(r"<[^>]+>", " ", entry.msgstr).split())
        for entry in catalogue
        if entry.msgstr != entry.msgid and len(entry.msgstr) > 14 and "%(" not in entry.msgstr
    }
    walk.send(client, "/en")
    code = walk.code_on(client.get("/en/lapor/kode/"))
    pages = [client.get(f"/en{path}") for path in [*STILL, "/lapor/kode/"]]
    client.post("/en/cek/", {"code": code})
    pages += [client.get("/en/cek/laporan/"), client.get("/en/cek/laporan/cabut/")]
    walk.to_check(client, "/en")
    pages += [client.get(f"/en/lapor/{name}/") for name in ("siapa", "cerita", "periksa")]
    for page in pages:
        assert page.status_code == 200
        # What is marked as Indonesian may be: articles of laws, and the way to the other language.
        page.content = re.sub(rb'<(\w+)[^>]* lang="id".*?</\1>', b"", page.content, flags=re.DOTALL)
        text = walk.words(page)
        assert [line for line in indonesian if line in text] == []


@pytest.mark.django_db
def test_honorer_and_part_time_pppk_read_that_they_can_report(client: Client) -> None:
    assert "Honorer (non-ASN) dan PPPK paruh waktu juga dapat melapor." in walk.words(client.get("/"))
    assert "non-permanent staff (honorer) and part-time PPPK" in walk.words(client.get("/en/"))


@pytest.mark.django_db
@pytest.mark.usefixtures("office")
def test_links_of_the_public_pages_lead_somewhere(client: Client) -> None:
    for path in STILL:
        for address in re.findall(r'href="(/[^"#]*)"', client.get(path).content.decode()):
            if address.endswith("/keluar/"):
                assert client.get(address).url == settings.EXIT_URL
            elif not address.startswith("/static/"):
                assert client.get(address).status_code == 200, (path, address)


@pytest.mark.django_db
@pytest.mark.usefixtures("office")
def test_pages_have_no_third_party_requests_or_inline_code(client: Client) -> None:
    walk.send(client)
    for path in [*STILL, "/lapor/kode/"]:
        text = client.get(path).content.decode()
        assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:|<script(?![^>]*src=)", text)
        for address in re.findall(r'src="([^"]+)"|<link[^>]*href="([^"]+)"', text):
            assert "".join(address).startswith("/static/")


@pytest.mark.django_db
@pytest.mark.usefixtures("office")
def test_a_first_report_weighs_less_than_forty_kilobytes(client: Client) -> None:
    weight = sum(
        len(gzip.compress((ROOT / "static" / name).read_bytes())) for name in ("css/portal.css", "favicon.svg")
    )
    requests = 2

    def weigh(path: str) -> str:
        nonlocal weight, requests
        page = client.get(path)
        assert page.status_code == 200
        weight, requests = weight + len(gzip.compress(page.content)), requests + 1
        return page.content.decode()

    weigh("/")
    weigh("/lapor/ditekan/")
    walk.to_who(client)
    weigh("/lapor/siapa/")
    client.post("/lapor/siapa/", walk.WHO)
    weigh("/lapor/cerita/")
    client.post("/lapor/cerita/", walk.STORY_PAGE)
    token = re.search(r'name="token" value="([0-9a-f]+)"', weigh("/lapor/periksa/"))
    assert token
    client.post("/lapor/periksa/", walk.ANONYMOUS | {"token": token[1]})
    weigh("/lapor/kode/")
    assert requests + 4 == 12
    assert weight < 25_000  # the rest of the forty is for headers


@pytest.mark.django_db
@pytest.mark.usefixtures("office")
def _is_page(answer: HttpResponse) -> bool:
    is_data = answer.headers["Content-Type"].startswith(("application/json", "text/plain"))
    return not is_data and "Content-Disposition" not in answer.headers


@pytest.mark.django_db
@pytest.mark.parametrize("language", ["id", "en"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"])
def test_every_address_answers_every_method_with_words_or_a_way_on(client: Client, method: str, language: str) -> None:
    """A tab that is restored asks by GET for what a form was sent to."""
    for pattern in urlpatterns:
        more = {"door": "bawaslu"} if pattern.name == "door_elsewhere" else {}
        with translation.override(language):
            path = reverse(str(pattern.name), kwargs=more)
        answer = client.generic(method, path)
        if answer.status_code == 303:
            assert pattern.name == "quick_exit"
        elif answer.status_code == 302:
            assert client.get(answer.url).status_code in {200, 302}, path
        elif method != "HEAD" and _is_page(answer):
            assert len(walk.words(answer)) > 100, path
            assert f'<html lang="{language}">' in answer.content.decode()
