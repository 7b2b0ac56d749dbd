"""What is kept without going on: by the script of a page, and by the buttons that stand in the place of links."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from complaints.models.draft import Draft
from tests.views import walk
from tests.world import Cast

START, WHO, STORY, CHECK = "/lapor/ditekan/", "/lapor/siapa/", "/lapor/cerita/", "/lapor/periksa/"


@pytest.fixture(autouse=True)
def world(cast: Cast) -> Cast:
    return cast


def save(client: Client, path: str, typed: dict[str, str], version: str = ".1") -> dict[str, Any]:
    """Send what the script of a page sends; ".1" is a window that showed an empty page."""
    answer = client.post(path, typed | {"go": "keep", "version": version})
    assert answer.status_code == 200
    told: dict[str, Any] = answer.json()
    return told


PAGES = [
    (START, walk.START, 'value="A2"[^>]*checked'),
    (WHO, walk.WHO | {"agency": "Dinas Pantai"}, 'value="Dinas Pantai"'),
    (STORY, {"story": "Baru setengah"}, "Baru setengah"),
]


@pytest.mark.parametrize(("path", "typed", "shown"), PAGES)
def test_the_script_keeps_each_page_and_leads_nowhere(
    client: Client, path: str, typed: dict[str, str], shown: str
) -> None:
    if path != START:
        walk.to_story(client) if path == STORY else walk.to_who(client)
    assert save(client, path, typed) == {"kept": True, "words": "Tersimpan.", "token": ""}
    assert re.search(shown, client.get(path).content.decode())


@pytest.mark.parametrize(("path", "typed", "shown"), PAGES)
@pytest.mark.parametrize(
    ("go", "leads"), [("home", "/"), ("status", "/cek/"), ("lang", "/en{}"), ("https://lain.invalid", "{}")]
)
def test_a_button_that_leads_away_keeps_and_leads_to_known_pages_only(
    client: Client, path: str, typed: dict[str, str], shown: str, go: str, leads: str
) -> None:
    if path != START:
        walk.to_story(client) if path == STORY else walk.to_who(client)
    answer = client.post(path, typed | {"go": go})
    if leads != "{}":
        assert answer.url == leads.format(path)
    other = client.get(f"/en{path}").content.decode()
    assert re.search(shown, other)
    assert '<button class="link" name="go" value="lang" lang="id" aria-label=' in other


def test_the_check_page_keeps_a_name_and_gets_its_new_token(client: Client) -> None:
    walk.to_check(client)
    old = walk.token_of(client.get(CHECK))
    typed = {"identity": "confidential", "name": "Sri", "contact": "", "recipient": "bkn"}
    token = client.post(CHECK, typed | {"token": old, "go": "keep"}).json()["token"]
    assert token != old
    assert 'value="Sri"' in client.get(CHECK).content.decode()
    told = client.post(CHECK, typed | {"token": old, "name": "Lama", "go": "keep"}).json()
    assert not told["kept"]
    assert "di jendela lain" in told["words"]
    assert client.post(CHECK, typed | {"token": token, "go": "lang"}).url == f"/en{CHECK}"
    token = walk.token_of(client.get(CHECK))
    assert client.post(CHECK, typed | {"token": token}).url == "/lapor/kode/"


def test_a_window_replaces_what_it_kept_itself_also_without_having_read_the_answer(client: Client) -> None:
    walk.to_story(client)
    for text in ("Satu", "Satu dua", "Satu dua tiga"):
        assert save(client, STORY, {"story": text})["kept"]
    assert client.post(STORY, walk.STORY_PAGE | {"version": ".1"}).url == CHECK
    assert walk.STORY in walk.words(client.get(CHECK))


def test_an_older_window_keeps_nothing_over_newer_answers(client: Client) -> None:
    walk.to_story(client)
    assert save(client, STORY, {"story": "Jendela satu"}, ".1")["kept"]
    for other in (".2", "", "kept.2"):
        told = save(client, STORY, {"story": "Jendela dua"}, other)
        assert (told["kept"], "di jendela lain" in told["words"]) == (False, True)
    page = client.post(STORY, {"story": "Jendela dua", "version": ".2"})
    assert "diubah di jendela lain" in walk.words(page)
    assert "js/keep" not in page.content.decode(), "nothing is kept unasked beside newer answers"
    assert "Jendela satu" in walk.words(client.get(STORY))
    # A window without script that was shown them replaces them; then the first is the older one.
    version = walk.version(client, STORY)
    client.post(STORY, {"story": "Jendela dua", "go": "stay"} | version)
    assert not save(client, STORY, {"story": "Jendela satu lagi"}, "kept.1")["kept"]


def test_a_post_that_is_being_described_is_kept_as_typed(client: Client) -> None:
    walk.to_story(client)
    typed = {"story": "", "url": "https://x.com/akun_satu/status/1", "act": "like"}
    assert save(client, STORY, typed)["kept"]
    assert save(client, STORY, typed | {"url": "https://x.com/akun_satu/status/12"})["kept"]
    page = client.get(STORY)
    assert page.context["posts"] == []
    assert 'value="https://x.com/akun_satu/status/12"' in page.content.decode()
    client.post(STORY, walk.STORY_PAGE | typed | {"story": walk.STORY, "version": "kept.1"})
    assert walk.words(client.get(CHECK)).count("akun_satu") == 2, "account and link of one post"


def test_the_script_brings_no_deleted_report_back(client: Client) -> None:
    walk.to_story(client)
    assert save(client, START, walk.START)["kept"]
    client.post("/lapor/batal/")
    for path, typed in ((STORY, {"story": "Jangan simpan"}), (WHO, walk.WHO)):
        assert not save(client, path, typed)["kept"]
    assert not save(client, START, walk.START, "kept.1")["kept"]
    assert Draft.objects.count() == 0


def test_a_sent_report_keeps_its_code_whatever_another_window_does(client: Client) -> None:
    walk.send(client)
    for go in ("keep", "home", "lang", "back"):
        client.post(START, walk.START | {"go": go, "version": ".1"})
    assert walk.code_on(client.get("/lapor/kode/"))


@pytest.mark.parametrize("go", ["home", "status", "lang", "back"])
def test_leaving_an_empty_first_page_begins_nothing(client: Client, go: str) -> None:
    client.post(START, {"go": go})
    assert Draft.objects.count() == 0
    assert set(client.cookies) == set()


def test_the_front_page_leads_on_only_whoever_has_an_unfinished_report(client: Client) -> None:
    walk.to_who(client)
    for path in ("/", "/en/", "/cek/"):
        page = client.get(path)
        assert f'href="{path[:-1] if path == "/en/" else ""}/lapor/bagian/"' in page.content.decode()
        assert re.search(r"setelah langkah terakhir|after your last step", walk.words(page))
        assert "lapor/bagian" not in Client().get(path).content.decode()
    assert client.get("/lapor/periksa/").url == STORY.replace("cerita", "siapa")


def test_text_that_does_not_fit_is_not_said_to_be_kept(client: Client) -> None:
    walk.to_story(client)
    assert not save(client, STORY, {"story": "x" * 250_000})["kept"]
    assert save(client, STORY, {"story": "y" * 100_000})["kept"]
