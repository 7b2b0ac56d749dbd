"""Posts on social media on page 3 and the status page: no scripts needed, nothing typed is lost, nothing shown back."""

from __future__ import annotations

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client

from complaints.models.evidence import DraftFile, Evidence
from tests.adapters.test_tails import bare
from tests.images import photo
from tests.security import traces
from tests.views import walk

STORY = "/lapor/cerita/"
LINK = "https://www.facebook.com/Akun.Unik/posts/778899?fbclid=PENGIRIM"
POST = {"url": LINK, "act": "like", "seen_on": "2026-11-03"}
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("office")]


def fold_of(page: HttpResponse) -> str:
    match = re.search(r'<details class="fold"[^>]*>.*?</details>', page.content.decode(), re.DOTALL)
    assert match
    return match[0]


def add(client: Client, **changes: str) -> HttpResponse:
    shown = walk.version(client, STORY)
    return client.post(STORY, walk.STORY_PAGE | shown | {"links": ""} | POST | {"go": "post"} | changes)


def test_post_fields_are_collapsed_and_explain_proof_of_likes(client: Client) -> None:
    walk.to_story(client)
    page = client.get(STORY)
    assert fold_of(page).startswith('<details class="fold">')
    assert "tangkapan layar daftar nama yang memuat akun itu" in walk.words(page)
    assert "Tambah rincian postingan" in walk.words(page)
    assert 'name="screenshot"' not in page.content.decode()


def test_a_post_is_added_listed_and_sent(client: Client) -> None:
    walk.to_story(client)
    assert add(client).url == STORY
    page = client.get(STORY)
    assert "Facebook · akun.unik · Menyukainya (like) · 3 November 2026" in walk.words(page)
    assert f"Yang Anda ketik: {LINK}" in walk.words(page)
    assert "dapat menyebut siapa yang membagikan tautan itu" in walk.words(page)
    assert walk.STORY in page.content.decode()
    assert fold_of(page).startswith('<details class="fold">')
    assert client.post(STORY, walk.STORY_PAGE | walk.version(client, STORY)).url == "/lapor/periksa/"
    check = client.get("/lapor/periksa/")
    assert "Postingan 1 Facebook · akun.unik" in walk.words(check)
    assert f"https://facebook.com/akun.unik/posts/778899 Yang Anda ketik: {LINK}" in walk.words(check)
    assert "Postingan 2 Platform lain · https://contoh.invalid/unggahan" in walk.words(check)
    client.post("/lapor/periksa/", walk.ANONYMOUS | {"token": walk.token_of(check)})
    assert [item.kind for item in Evidence.objects.order_by("sequence")] == ["post", "post"]
    for marker in ("akun.unik", "778899", "PENGIRIM"):
        assert traces.hits(marker, traces.tables()) == []
        assert traces.hits(marker, traces.cached()) == []


def test_post_in_collapsed_fields_is_saved_by_any_button(client: Client) -> None:
    walk.to_story(client)
    assert client.post(STORY, walk.STORY_PAGE | POST).url == "/lapor/periksa/"
    assert "akun.unik" in walk.words(client.get("/lapor/periksa/"))
    typed = walk.STORY_PAGE | walk.version(client, STORY) | {"account": "@kedua", "go": "back"}
    assert client.post(STORY, typed).url == "/lapor/siapa/"
    assert "@kedua" in walk.words(client.get("/lapor/periksa/"))


def test_a_post_is_removed_and_the_rest_stays(client: Client) -> None:
    walk.to_story(client)
    add(client)
    add(client, url="https://x.com/akun_dua/status/1")
    identifier = re.findall(r'name="post" value="([0-9a-f]+)"', client.get(STORY).content.decode())[0]
    shown = walk.version(client, STORY)
    typed = walk.STORY_PAGE | shown | {"story": f"{walk.STORY} Tambahan.", "post": identifier}
    assert client.post(STORY, typed).url == STORY
    page = client.get(STORY)
    assert "akun.unik" not in walk.words(page)
    assert "akun_dua" in walk.words(page)
    assert "Tambahan." in walk.words(page)
    assert Client().post(STORY, {"post": identifier}).url == "/lapor/"


@pytest.mark.parametrize(
    ("typed", "error"),
    [
        ({"url": "", "account": "", "act": "like"}, "Tulis tautannya, atau akunnya."),
        ({"seen_on": "2031-01-01"}, "Tanggal itu belum tiba"),
        ({"url": "https://a.example/" + "x" * 2_000}, "Terlalu panjang"),
        ({"url": "https://x.com/a/status/1 https://x.com/a/status/2"}, "Ada 2 tautan di sini."),
        ({"platform": "myspace"}, "Pilih salah satu dari daftar."),
    ],
)
def test_an_error_opens_the_fold_and_keeps_everything(client: Client, typed: dict[str, str], error: str) -> None:
    walk.to_story(client)
    page = add(client, **typed)
    assert page.status_code == 200
    assert "<title>Belum dapat dilanjutkan: " in page.content.decode()
    assert fold_of(page).startswith('<details class="fold" open>')
    assert error in fold_of(page)
    assert walk.STORY in page.content.decode()
    later = client.get(STORY)
    assert fold_of(later).startswith('<details class="fold" open>')
    assert "2026-11-03" in fold_of(later) or "seen_on" in typed


def test_barely_filled_post_fields_do_not_block_sending(client: Client) -> None:
    walk.to_story(client)
    assert client.post(STORY, walk.STORY_PAGE | {"act": "like"}).url == "/lapor/periksa/"
    assert 'value="like" selected' in fold_of(client.get(STORY))


def test_too_many_posts_are_told(client: Client) -> None:
    walk.to_story(client)
    for number in range(20):
        assert add(client, url=f"https://x.com/akun/status/{number}").status_code == 302
    assert "Di halaman ini paling banyak 20 postingan." in walk.words(add(client, url="https://x.com/akun/status/21"))


def test_a_kept_file_can_be_named_as_its_screenshot(client: Client) -> None:
    walk.to_story(client)
    shot = SimpleUploadedFile("layar.jpg", photo())
    client.post(STORY, walk.STORY_PAGE | {"evidence": [shot], "go": "stay"})
    assert "1. layar.jpg" in fold_of(client.get(STORY))
    assert add(client, screenshot=str(DraftFile.objects.get().pk)).url == STORY
    assert add(client, screenshot="lain").status_code == 200


def test_the_kept_empty_page_holds_nobodys_post(client: Client) -> None:
    walk.to_story(client)
    client.get(STORY)
    add(client)
    other = Client()
    walk.to_story(other)
    page = other.get(STORY)
    assert "akun.unik" not in page.content.decode()
    assert fold_of(page).startswith('<details class="fold">')


def test_a_script_in_a_link_is_text(client: Client) -> None:
    walk.to_story(client)
    add(client, url="javascript:alert('unik')", account="<script>unik</script>")
    page = client.get(STORY).content.decode()
    assert "<script>unik" not in page
    assert 'href="javascript' not in page
    assert "&lt;script&gt;unik" in page


def to_status(client: Client) -> None:
    walk.send(client)
    code = walk.code_on(client.get("/lapor/kode/"))
    assert client.post("/cek/", {"code": code}).url == "/cek/laporan/"


def test_a_post_is_added_on_the_status_page_with_its_screenshot(client: Client) -> None:
    to_status(client)
    shot = SimpleUploadedFile("layar.png", bare("PNG"))
    before = Evidence.objects.count()
    assert client.post("/cek/laporan/jawab/", {"go": "post"} | POST | {"screenshots": [shot]}).url == "/cek/laporan/"
    assert [item.kind for item in Evidence.objects.order_by("sequence")][before:] == ["file", "post"]
    page = client.get("/cek/laporan/")
    assert "Postingan itu sudah kami terima." in walk.words(page)
    assert "akun.unik" not in page.content.decode()


def test_a_screenshot_that_tells_something_waits_with_its_post(client: Client) -> None:
    to_status(client)
    shot = SimpleUploadedFile("layar.jpg", photo())
    before = Evidence.objects.count()
    page = client.post("/cek/laporan/jawab/", {"go": "post"} | POST | {"screenshots": [shot]})
    assert "Belum terkirim: baca dulu keterangan setiap berkas di bawah." in walk.words(page)
    assert "Berkas ini memuat:" in walk.words(page)
    assert POST["url"] in page.content.decode()
    assert Evidence.objects.count() == before
    assert client.post("/cek/laporan/jawab/", {"go": "post"} | POST).url == "/cek/laporan/"
    assert [item.kind for item in Evidence.objects.order_by("sequence")][before:] == ["file", "post"]
    assert not DraftFile.objects.exists()
    assert client.post("/cek/laporan/jawab/", {"go": "post"} | POST).url == "/cek/laporan/"
    assert Evidence.objects.count() == before + 3


def test_a_screenshot_of_a_post_that_was_given_up_goes_with_no_other(client: Client) -> None:
    to_status(client)
    before = Evidence.objects.count()
    client.post(
        "/cek/laporan/jawab/", {"go": "post"} | POST | {"screenshots": [SimpleUploadedFile("layar.jpg", photo())]}
    )
    other = POST | {"url": "https://x.com/lain/status/1790000000000000009"}
    assert client.post("/cek/laporan/jawab/", {"go": "post"} | other).url == "/cek/laporan/"
    assert [item.kind for item in Evidence.objects.order_by("sequence")][before:] == ["post"]
    assert "layar.jpg" in client.get("/cek/laporan/").content.decode(), "it still waits"


def test_a_mistake_in_a_later_post_keeps_what_was_typed(client: Client) -> None:
    to_status(client)
    before = Evidence.objects.count()
    page = client.post("/cek/laporan/jawab/", {"go": "post"} | {"act": "like", "seen_on": "2026-11-03"})
    assert "Tulis tautannya, atau akunnya." in fold_of(page)
    assert 'value="2026-11-03"' in fold_of(page)
    assert Evidence.objects.count() == before
    ids = re.findall(r' id="([^"]+)"', page.content.decode())
    assert len(ids) == len(set(ids))


def test_a_later_post_needs_an_open_ticket(client: Client) -> None:
    page = client.post("/cek/laporan/jawab/", {"go": "post"} | POST)
    assert "Belum terkirim." in walk.words(page)
    assert POST["url"] in page.content.decode()
