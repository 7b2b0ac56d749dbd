"""How the tests walk through the reporter's pages: answers for each page, and steps up to a given one."""

from __future__ import annotations

import html
import re
from typing import Any

from django.http import HttpResponse
from django.test import Client

STORY = "Pada rapat pagi kami semua diminta mendukung satu pasangan calon; yang menolak akan dipindah."
START = {"accused_kind": "superior", "category": "A2"}
WHO = {
    "accused_name": "Kepala Bidang Contoh",
    "accused_position": "Kepala Bidang",
    "accused_nip": "",
    "agency_kind": "regency",
    "agency": "Dinas Contoh",
    "regency": "Suka Maju",
    "province": "33",
    "event_from": "2026-11-02",
    "event_until": "",
    "learnt_on": "",
}
STORY_PAGE = {"story": STORY, "links": "https://contoh.invalid/unggahan"}
ANONYMOUS = {"identity": "anonymous", "name": "", "contact": "", "recipient": "bkn"}


def to_who(client: Client, prefix: str = "", **changes: Any) -> HttpResponse:
    """Send page 1."""
    return client.post(f"{prefix}/lapor/ditekan/", START | changes)


def to_story(client: Client, prefix: str = "", **changes: Any) -> HttpResponse:
    """Send pages 1 and 2."""
    to_who(client, prefix)
    return client.post(f"{prefix}/lapor/siapa/", WHO | changes)


def to_check(client: Client, prefix: str = "", **changes: Any) -> HttpResponse:
    """Send pages 1 to 3."""
    to_story(client, prefix)
    return client.post(f"{prefix}/lapor/cerita/", STORY_PAGE | changes)


def token_of(page: HttpResponse) -> str:
    """Return the token that the check page carries."""
    return tokens_of(page)[0]


def tokens_of(page: HttpResponse) -> list[str]:
    """Return the tokens of the check page: the form's, and beside newer answers that of the button that sends."""
    tokens = re.findall(r'name="token" value="([0-9a-f]+)"', page.content.decode())
    assert tokens
    return tokens


def version(client: Client, path: str) -> dict[str, str]:
    """Open a page again and return the field by which its form tells the answers that it shows."""
    match = re.search(r'name="version" value="([0-9a-f]+)"', client.get(path).content.decode())
    return {"version": match[1]} if match else {}


def send(client: Client, prefix: str = "", **changes: Any) -> HttpResponse:
    """Go all the way and send; return the answer to the last POST."""
    to_check(client, prefix)
    page = client.get(f"{prefix}/lapor/periksa/")
    return client.post(f"{prefix}/lapor/periksa/", ANONYMOUS | {"token": token_of(page)} | changes)


def code_on(page: HttpResponse) -> str:
    """Return the ticket code that the code page shows, without separators."""
    ticket = re.search(r'id="ticket"[^>]*>(.*?)</p>', page.content.decode(), re.DOTALL)
    assert ticket
    return "".join(re.findall(r"<span>(\w{5})</span>", ticket[1]))


def words(page: HttpResponse) -> str:
    """Return the page's text as a person reads it, white space evened out."""
    text = re.sub(r"<[^>]+>", " ", page.content.decode())
    return " ".join(html.unescape(text).split())
