"""Makes requests of a seed: forms with other values, other fields, other encodings; pages with other queries."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote_from_bytes

from bench.fuzz.pages import Answer, Form, Offer, Probe

FORM: Final = "application/x-www-form-urlencoded"
TOKEN: Final = "csrfmiddlewaretoken"
VALUES: Final[tuple[bytes, ...]] = (
    b"",
    b" ",
    b"\0",
    b"a\0b",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"x" * 300,
    b"kata " * 3_000,
    b"0",
    b"-1",
    b"1",
    b"99999999999999999999",
    b"1e309",
    b"NaN",
    b"2026-02-30",
    b"9999-12-31",
    b"0001-01-01",
    b"31/12/2026",
    b"../../etc/passwd",
    b"%s%n{0}{{7*7}}",
    b"'; DROP TABLE x; --",
    b"<script>alert(1)</script>",
    b"00000000-0000-0000-0000-000000000000",
    b"null",
    b"[]",
    b"{}",
    b'{"id": "\\ud800", "rawId": 1, "response": []}',
    b"[" * 5_000,
    b"9" * 5_000,
    "\u202e\u0000\U0001f600".encode(),
    "٣١".encode(),
    b"//evil.invalid",
    b"http://[",
    b"\r\nX: y",
)
CONTENT_TYPES: Final = (
    f"{FORM}; charset=latin-1",
    f"{FORM}; charset=hex",
    "multipart/form-data",
    "multipart/form-data; boundary=x; charset=utf-16",
    "multipart/form-data; boundary=",
    "multipart/mixed; boundary=x",
    "application/json",
    "text/plain; a*=x; a*0=y",
    "text/plain; a*=idna''%ff",
    "application/octet-stream",
    "x",
    "",
)
METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
HEADERS: Final[dict[str, tuple[str, ...]]] = {
    "Upload-Id": ("", "x", "00000000-0000-0000-0000-000000000000", "%00"),
    "Upload-Segment": ("", "0", "-1", "9" * 5_000, "x"),
    "Upload-Name": ("%ff", "%00", "a.pdf"),
    "Referer": ("", "http://[", "//", "/kantor/%00", "http://x.invalid/kantor/", "javascript:x"),
    "Accept-Language": ("xx", "en;q=x", "*" * 500),
    "Cookie": ("lapor=x", "kantor=%00; csrf=x", "kantor-peramban=x:y:z", "=;;=", "csrf=" + "x" * 32),
    "Range": ("bytes=9-1", "bytes=-", "bytes=0-0,1-1", "x"),
    "If-Modified-Since": ("x", "Thu, 01 Jan 1970 00:00:00 GMT"),
    "X-Forwarded-For": ("", "x", "::1%eth0", "1.2.3.4, [::]"),
    "X-Requested-With": ("XMLHttpRequest",),
    "Accept": ("application/json", "*/*;q=x"),
    "X-CSRFToken": ("", "x" * 64),
}
# Where a session ends: by leaving, by ending one's own sessions, by wrong answers to a confirmation.
ENDING = ("keluar", "sesi", "konfirmasi")
LOGIN_PAGES = ("/kantor/masuk/",)
TICKET_PAGES = ("/cek/laporan/", "/cek/laporan/terjadi/", "/cek/laporan/cabut/")
STAFF_PAGES = ("/kantor/", "/kantor/saya/", "/kantor/faktor/", "/kantor/faktor/kunci/", "/kantor/sandi/")
REPORTER_PAGES = ("/", "/lapor/", "/lapor/siapa/", "/lapor/cerita/", "/lapor/periksa/", "/cek/")
# What every answer of the portal carries.
OURS: Final = ("content-security-policy", "cache-control", "content-language", "x-frame-options")
# Longer than anything takes on a busy machine, the examination of a posted file included.
MOST_SECONDS: Final = 30
NAMES: Final = (
    "next",
    "page",
    "p",
    "q",
    "o",
    "e",
    "_popup",
    "_changelist_filters",
    "status__exact",
    "id",
    "seen",
    "go",
)
FILES: Final = (b"", b"%PDF-1.4\n", b"\x89PNG\r\n\x1a\n", b"PK\x03\x04" + b"\0" * 40, b"a,b\r\n1,2\r\n", b"\0" * 70_000)
PART_NAMES: Final = (
    '"evidence"; filename="a.pdf"',
    '"table"; filename="t.csv"',
    "\"x\"; filename*=hex''a",
    '"x"',
    "x; a*=b; a*0=c",
)


class Probes:
    """Requests at what somebody was offered; the same seed makes the same ones."""

    def __init__(self, seed: int, offer: Offer) -> None:
        """Draw from the forms and addresses of ``offer``; raises ValueError where it has no form."""
        self._random = random.Random(seed)
        self._forms, self._addresses = offer.posted, list(offer.addresses)
        if not self._forms:
            raise ValueError("no form was found")
        self._seen = [value.encode() for form in self._forms for name, value in form.fields if value and name != TOKEN]

    def draw(self, token: str) -> Probe:
        """Return the next request, with the CSRF ``token`` of now in its form."""
        kind = self._random.random()
        if kind < 0.7:
            return self._posted(self._random.choice(self._forms), token)
        return self._asked() if kind < 0.85 else self._odd(token)

    def _posted(self, form: Form, token: str) -> Probe:
        fields = self._mutated(form)
        fields.insert(0, (TOKEN.encode(), token.encode()))
        if form.multipart or self._random.random() < 0.1:
            return Probe("POST", form.path, *self._multipart(fields), self._headers())
        body = b"&".join(b"=".join(quote_from_bytes(part).encode() for part in pair) for pair in fields)
        return Probe("POST", form.path, body, FORM, self._headers())

    def _mutated(self, form: Form) -> list[tuple[bytes, bytes]]:
        """Return the fields with some values replaced, some left out, doubled or added."""
        fields: list[tuple[bytes, bytes]] = []
        share = self._random.choice((0.05, 0.3, 0.9))
        for name, value in form.fields:
            if name == TOKEN or self._random.random() < 0.05:
                continue
            is_other = self._random.random() < share
            fields.append((name.encode(), self._value() if is_other else value.encode()))
            if self._random.random() < 0.03:
                fields.append((name.encode(), self._value()))
        if self._random.random() < 0.1:
            fields.append((self._value(), self._value()))
        return fields

    def _value(self) -> bytes:
        return self._random.choice(self._seen if self._seen and self._random.random() < 0.2 else VALUES)

    def _multipart(self, fields: Sequence[tuple[bytes, bytes]]) -> tuple[bytes, str]:
        parts = [b'form-data; name="' + name.replace(b"\r\n", b"") + b'"\r\n\r\n' + value for name, value in fields]
        for _ in range(self._random.choice((0, 0, 1, 2, 40))):
            name = self._random.choice(PART_NAMES).encode()
            parts.append(b"form-data; name=" + name + b"\r\n\r\n" + self._random.choice(FILES))
        body = b"".join(b"--x\r\nContent-Disposition: " + part + b"\r\n" for part in parts) + b"--x--\r\n"
        cut = self._random.randrange(len(body)) if self._random.random() < 0.1 else len(body)
        return body[:cut], "multipart/form-data; boundary=x"

    def _asked(self) -> Probe:
        address = self._random.choice(self._addresses)
        pairs = [(self._random.choice(NAMES), quote_from_bytes(self._value()[:500])) for _ in range(2)]
        query = "&".join(f"{name}={value}" for name, value in pairs)
        return Probe("GET", f"{address}{'&' if '?' in address else '?'}{query}", headers=self._headers())

    def _odd(self, token: str) -> Probe:
        path = self._random.choice([form.path for form in self._forms] + self._addresses)
        method, kind = self._random.choice(METHODS), self._random.choice(CONTENT_TYPES)
        body = b"" if method in ("GET", "HEAD") else f"{TOKEN}={token}&x=".encode() + self._value()
        return Probe(method, path, body, kind, self._headers())

    def _headers(self) -> tuple[tuple[str, str], ...]:
        chosen = [name for name in HEADERS if self._random.random() < 0.04]
        return tuple((name, self._random.choice(HEADERS[name])) for name in chosen)


def amiss(answer: Answer) -> str:
    """Return what is wrong with an answer, "" for one of the portal's."""
    if answer.status >= 500:
        return str(answer.status)
    missing = [name for name in OURS if name not in answer.headers]
    if missing:
        return f"{answer.status} without {', '.join(missing)}"
    return f"{answer.seconds:.0f} s" if answer.seconds > MOST_SECONDS else ""
