"""Two windows of one report: an older page replaces no newer answers unless the reporter has seen both."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client

from complaints.models.evidence import DraftFile
from tests.images import photo
from tests.views import walk
from tests.world import Cast

NOTICE = "diubah di jendela lain"
START, WHO, STORY, CHECK = "/lapor/", "/lapor/siapa/", "/lapor/cerita/", "/lapor/periksa/"


@pytest.fixture(autouse=True)
def world(cast: Cast) -> Cast:
    return cast


def in_older_window(client: Client, path: str, newer: dict[str, Any]) -> dict[str, str]:
    """Answer a page in a newer window; return what an older window of it carries."""
    older = walk.version(client, path)
    assert client.post(path, newer | older).status_code == 302
    return older


PAGES = [
    (START, walk.START | {"category": "A3"}, walk.START | {"category": "A4"}, 'value="A3"[^>]*checked'),
    (WHO, walk.WHO | {"agency": "Dinas Baru"}, walk.WHO | {"agency": "Dinas Lama"}, 'value="Dinas Baru"'),
    (
        STORY,
        walk.STORY_PAGE | {"story": walk.STORY + " Baru."},
        walk.STORY_PAGE | {"story": walk.STORY + " Lama."},
        r"dipindah\. Baru\.\s*</textarea>",
    ),
]


@pytest.mark.parametrize(("path", "newer", "typed", "kept"), PAGES)
def test_an_older_window_shows_both_and_replaces_nothing(
    client: Client, path: str, newer: dict[str, str], typed: dict[str, str], kept: str
) -> None:
    walk.to_check(client)
    older = in_older_window(client, path, newer)
    page = client.post(path, typed | older)
    assert NOTICE in walk.words(page)
    assert page.context["newer"], "what the other window saved"
    assert re.search(kept, client.get(path).content.decode()), "nothing is replaced"
    version = re.search(r'name="version" value="([0-9a-f]{16})"', page.content.decode())
    assert version
    assert client.post(path, typed | {"version": version[1]}).status_code == 302, "chosen knowingly"
    assert not re.search(kept, client.get(path).content.decode())


def test_both_stand_beside_each_other_in_words(client: Client) -> None:
    walk.to_check(client)
    older = in_older_window(client, WHO, walk.WHO | {"province": "34", "event_from": "2026-11-03", "regency": ""})
    page = client.post(WHO, walk.WHO | {"agency": "Dinas Lama"} | older)
    assert page.context["newer"] == [
        ("Instansi atau unit kerja", "Dinas Contoh"),
        ("Kabupaten atau kota", "Tidak diisi"),
        ("Provinsi", "Daerah Istimewa Yogyakarta"),
        ("Tanggal kejadian", "Selasa, 3 November 2026"),
    ]
    assert 'value="Dinas Lama"' in page.content.decode()
    assert 'action="/lapor/siapa/"' in page.content.decode()


def test_answers_kept_as_typed_are_shown_as_typed(client: Client) -> None:
    """They are not valid yet, and no label or date can be made of them."""
    walk.to_who(client)
    client.post(WHO, walk.WHO | {"event_from": "kemarin", "agency_kind": "lain", "go": "stay"})
    page = client.post(WHO, walk.WHO)
    shown = dict(page.context["newer"])
    assert "kemarin" in shown.values()
    assert "lain" in shown.values()


def test_an_older_window_in_which_nothing_was_typed_goes_on(client: Client) -> None:
    walk.to_check(client)
    older = in_older_window(client, STORY, walk.STORY_PAGE | {"story": walk.STORY + " Baru."})
    for go, after in (({}, CHECK), ({"go": "back"}, WHO), ({"go": "stay"}, STORY)):
        assert client.post(STORY, walk.STORY_PAGE | older | go).url == after
    assert "Baru." in walk.words(client.get(STORY))


def buttons_beside(page: HttpResponse) -> list[dict[str, str]]:
    """Return what each button of a page of an older window adds to its form."""
    found = []
    for tag in re.findall(r"<button[^>]*>", page.content.decode().split('<form method="post"')[-1]):
        have = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        found.append({have["name"]: have["value"]} if "name" in have else {})
    return found


def test_only_continue_replaces_what_an_older_window_was_shown(client: Client) -> None:
    """Every other button of that page, and leaving it, keeps the answers and the posts as they are."""
    walk.to_story(client)
    post = {"url": "https://x.com/akun_satu/status/1", "act": "like"}
    client.post(STORY, walk.STORY_PAGE | post | {"evidence": SimpleUploadedFile("foto.jpg", photo()), "go": "stay"})
    older = in_older_window(client, STORY, walk.STORY_PAGE | {"story": walk.STORY + " Baru."})
    typed = walk.STORY_PAGE | {"story": walk.STORY + " Lama.", "url": "https://x.com/akun_dua/status/2"}
    page = client.post(STORY, typed | older)
    assert 'type="hidden" name="version"' not in page.content.decode()
    assert f'<a class="btn" href="{WHO}">Kembali</a>' in page.content.decode()
    buttons = buttons_beside(page)
    others = [more for more in buttons if "version" not in more and more != {"go": "delete"}]
    first = re.search(r"<button[^>]*>", page.content.decode().partition('id="form"')[2])
    assert first
    assert 'name="go" value="stay"' in first[0], "what Enter presses"
    assert {"file", "post"} <= {name for more in others for name in more}
    assert not any({"back", "post"} & set(more.values()) for more in buttons)
    for more in others:
        assert NOTICE in walk.words(client.post(STORY, typed | more)), more
        kept = client.get(STORY).content.decode()
        assert "Baru." in kept
        assert "Lama." not in kept
        assert "akun_dua" not in kept
    assert not DraftFile.objects.exists(), "removed"
    assert "akun_satu" not in client.get(STORY).content.decode(), "removed"
    (replacing,) = [more for more in buttons if "version" in more]
    assert client.post(STORY, typed | replacing).url == CHECK
    for words in ("Lama.", "akun_dua"):
        assert words in walk.words(client.get(CHECK))


def test_a_post_sent_twice_is_added_once_and_no_conflict(client: Client) -> None:
    """A button that was clicked twice sends the same form again, with the version of before."""
    walk.to_story(client)
    post = {"url": "https://x.com/akun_satu/status/1", "act": "like", "seen_on": "2026-11-03"}
    for go, after in (({}, CHECK), ({"go": "post"}, STORY), ({"go": "stay"}, STORY), ({"go": "back"}, WHO)):
        for version in ({}, walk.version(client, STORY)):
            assert client.post(STORY, walk.STORY_PAGE | post | version | go).url == after
            assert walk.words(client.get(CHECK)).count("akun_satu") == 2, "account and link of one post"
    client.post(STORY, walk.STORY_PAGE | walk.version(client, STORY) | post | {"act": "comment"})
    assert walk.words(client.get(CHECK)).count("akun_satu") == 4, "another act is another post"


def test_a_window_opened_before_the_page_was_answered_counts_as_older(client: Client) -> None:
    walk.to_story(client)
    client.post(STORY, walk.STORY_PAGE)
    assert NOTICE in walk.words(client.post(STORY, {"story": walk.STORY + " Lain.", "links": ""}))
    assert client.post(STORY, {"story": "", "links": ""}).url == CHECK, "empty as it was opened"
    assert client.post(STORY, walk.STORY_PAGE).url == CHECK, "the same sent twice"


def test_answers_of_another_page_are_no_conflict(client: Client) -> None:
    walk.to_check(client)
    older = walk.version(client, START)
    in_older_window(client, STORY, walk.STORY_PAGE | {"story": walk.STORY + " Baru."})
    assert client.post(START, walk.START | {"category": "A3"} | older).url == CHECK


def test_files_of_an_older_window_are_kept(client: Client) -> None:
    walk.to_check(client)
    older = in_older_window(client, STORY, walk.STORY_PAGE | {"story": walk.STORY + " Baru."})
    bad = SimpleUploadedFile("program.exe", b"MZ\x90\x00" + b"\0" * 100)
    files = {"evidence": [SimpleUploadedFile("foto.jpg", photo()), bad]}
    page = client.post(STORY, walk.STORY_PAGE | older | files)
    for words in (NOTICE, "foto.jpg", "program.exe"):
        assert words in walk.words(page)
    assert DraftFile.objects.exclude(object_name=None).count() == 1


def test_a_post_begun_in_the_newer_window_is_shown_beside_the_older(client: Client) -> None:
    walk.to_story(client)
    client.post(STORY, walk.STORY_PAGE | {"act": "like", "seen_on": "kapan-kapan"})
    page = client.post(STORY, walk.STORY_PAGE | {"act": "comment"})
    assert ("Rincian postingan yang belum ditambahkan", "Menyukainya (like) · kapan-kapan") in page.context["newer"]
    assert re.search(r'value="comment"[^>]*selected', page.content.decode())
    assert "kapan-kapan" in client.get(STORY).content.decode()


def test_removing_a_file_or_a_post_in_an_older_window_keeps_the_newer_text(client: Client) -> None:
    walk.to_story(client)
    client.post(STORY, walk.STORY_PAGE | {"evidence": SimpleUploadedFile("foto.jpg", photo()), "go": "stay"})
    older = in_older_window(client, STORY, walk.STORY_PAGE | {"story": walk.STORY + " Baru."})
    file = str(DraftFile.objects.get().pk)
    page = client.post(STORY, walk.STORY_PAGE | {"story": "Lama", "file": file} | older)
    assert NOTICE in walk.words(page)
    assert 'action="/lapor/cerita/"' in page.content.decode()
    assert 'href="/en/lapor/cerita/"' in page.content.decode()
    assert not DraftFile.objects.exists()
    assert client.post(STORY, walk.STORY_PAGE | older | {"post": "x"}).url == STORY
    assert "Baru." in walk.words(client.get(STORY))


def test_a_name_typed_in_an_older_check_page_replaces_no_newer_one(client: Client) -> None:
    walk.to_check(client)
    old = {"token": walk.token_of(client.get(CHECK))}
    client.post(CHECK, old | {"identity": "confidential", "name": "Nama Baru", "go": "stay"})
    for more in ({}, {"file": "x"}):
        page = client.post(CHECK, old | more | {"identity": "confidential", "name": "Nama Lama"})
        assert NOTICE in walk.words(page)
        assert ("Nama lengkap", "Nama Baru") in page.context["newer"]
        assert 'value="Nama Lama"' in page.content.decode()
        assert 'action="/lapor/periksa/"' in page.content.decode()
    assert 'value="Nama Baru"' in client.get(CHECK).content.decode()


def test_an_empty_page_carries_no_version_and_stays_the_same_for_everybody(client: Client) -> None:
    walk.to_story(client)
    assert walk.version(client, STORY) == {}
    assert walk.version(client, WHO)
