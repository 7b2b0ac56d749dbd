"""The pages as text: what follows one another on a page does not stick together, also where a tag stands between."""

from __future__ import annotations

import html
import re

import pytest
from django.http import HttpResponse
from django.test import Client

from tests.views import walk

pytestmark = pytest.mark.django_db

STILL = ["/", "/tentang/", "/tidak-ditanyakan/", "/lapor/", "/lapor/ditekan/", "/lapor/melihat/", "/cek/",
         "/lapor/pintu-lain/bawaslu/", "/lapor/pintu-lain/sp4n/", "/tidak-ada/"]  # fmt: skip
# Tags inside of a line; any other begins a new one.
INLINE = re.compile(r"</?(?:a|b|strong|em|i|span|small|code|mark|time)\b[^>]*>")
GLUED = re.compile(r"[a-z)”][.:;!?](?:[A-Z“]|[a-z]{2})|[a-z0-9)](?<!Mc)[A-Z][a-z]|\)[A-Za-z(]")
# Names that are written like this.
NAMES = re.compile(
    r"\b(?:WhatsApp|YouTube|TikTok|LinkedIn|OpenDocument|WebM|SP4N\S*)|\S+\.[a-z]{2,4}\b(?:/\S*)?|https?://\S+|@\S+"
)


def glued(page: str) -> list[str]:
    """The places of a page at which two words or sentences stick together, each with what is around it."""
    body = re.sub(
        r"<(script|style|textarea|title)\b.*?</\1>", " ", page[page.index("<main") : page.index("</main>")], flags=re.S
    )
    lines = re.sub(r"<[^>]*>", "\n", INLINE.sub("", body))
    text = NAMES.sub("x", html.unescape(lines))
    return [text[max(0, place.start() - 30) : place.end() + 30].strip() for place in GLUED.finditer(text)]


def of(pages: list[HttpResponse]) -> list[str]:
    """The same of several pages."""
    return [place for page in pages for place in glued(page.content.decode())]


@pytest.mark.usefixtures("office")
@pytest.mark.parametrize("prefix", ["", "/en"])
def test_nothing_sticks_together_on_a_reporters_pages(client: Client, prefix: str) -> None:
    pages = [client.get(f"{prefix}{path}") for path in STILL]
    pages += [client.post(f"{prefix}/lapor/ditekan/", {}), client.post(f"{prefix}/cek/", {"code": "x"})]
    walk.to_check(client, prefix)
    pages += [client.get(f"{prefix}/lapor/{name}/") for name in ("siapa", "cerita", "periksa")]
    walk.send(client, prefix)
    pages.append(client.get(f"{prefix}/lapor/kode/"))
    client.post(f"{prefix}/cek/", {"code": walk.code_on(pages[-1])})
    pages += [client.get(f"{prefix}/cek/laporan/{name}") for name in ("", "terjadi/", "cabut/")]
    assert [page.status_code for page in pages if page.status_code not in {200, 404}] == []
    assert of(pages) == []


def test_what_sticks_together_is_found() -> None:
    assert glued("<main><p>(contoh).<a href='/'>Siapa kami</a></main>") == ["(contoh).Siapa kami"]
    assert glued("<main><label>Diancam<small>Anda diancam</small></main>") == ["DiancamAnda diancam"]
    assert glued("<main><p>Selesai.</p><p>Kirim ke lapor.go.id. Lewat <b>WhatsApp</b></main>") == []
