"""Web addresses in parts: read byte by byte, so that two different ones never become one by being written again."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import quote, unquote_to_bytes, urlsplit

MOST_CHARS: Final = 2_000
_MOST_HOST: Final = 253
_HOST: Final = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]")
_SAFE_IN_PATH: Final = "@:+,;=~!$&'()*-._"
_SAFE_IN_QUERY: Final = "/:@,;~!$'()*-._"
_SAFE_IN_FRAGMENT: Final = "%/?:@!$&'()*+,;=~-._"
_ESCAPE: Final = re.compile(r"%([0-9A-Fa-f]{2})")
_LONE_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_UNRESERVED: Final = re.compile(r"[A-Za-z0-9._~-]")
# Characters that may follow a link in a sentence; at its end they are written as an escape.
TAIL: Final = ".,;:!?'\"*>)]}’”»。，、．！？；：｡）」』】"
# What would look like a second link behind the first.
_INNER: Final = re.compile(r"(?<![/=])(https?):(?=//)", re.IGNORECASE)
_PORTS: Final = (None, 80, 443)


@dataclass(frozen=True)
class WebAddress:
    """An address: ``host`` in ASCII and lower case, ``port`` None where it is the usual one.

    ``segments`` and ``query`` are decoded; bytes that are no UTF-8 are kept as surrogates. A parameter without "=" has
    the value None. ``fragment`` is kept escaped.
    """

    host: str
    port: int | None
    segments: tuple[str, ...]
    query: tuple[tuple[str, str | None], ...]
    fragment: str = ""

    @classmethod
    def read(cls, text: str) -> WebAddress | None:
        """Return the address that begins with "http://" or "https://", else None; never raises."""
        if len(text) > MOST_CHARS or not text.isprintable() or any(letter.isspace() for letter in text):
            return None
        try:
            parts = urlsplit(text)
            host, port = parts.hostname or "", parts.port
            if len(host) > _MOST_HOST:
                return None
            host = host.encode("idna").decode().lower().rstrip(".")
        except ValueError:
            return None
        if parts.scheme not in {"http", "https"} or port == 0 or "@" in parts.netloc or not _HOST.fullmatch(host):
            return None
        pairs = [pair.partition("=") for pair in parts.query.split("&") if pair]
        return cls(
            host,
            None if port in _PORTS else port,
            _segments(parts.path),
            tuple((_plain(name, plus=True), _plain(value, plus=True) if mark else None) for name, mark, value in pairs),
            _fragment(parts.fragment),
        )

    def on(self, host: str) -> WebAddress:
        """Return the address on another host."""
        return replace(self, host=host)

    def replaced(
        self,
        *,
        segments: tuple[str, ...] | None = None,
        query: tuple[tuple[str, str | None], ...] | None = None,
        fragment: str | None = None,
    ) -> WebAddress:
        """Return the address with other parts."""
        return WebAddress(
            self.host,
            self.port,
            self.segments if segments is None else segments,
            self.query if query is None else query,
            self.fragment if fragment is None else fragment,
        )

    def with_hash_path(self) -> WebAddress:
        """Return the address whose path stands in its fragment ("#!/a/1"), else itself."""
        path = self.fragment.removeprefix("!")
        if self.segments or not path.startswith("/"):
            return self
        return WebAddress.read(f"https://{self.host}{path}") or self

    def after(self, count: int) -> str:
        """Return the address that stands in the path after ``count`` segments, with the query of this one."""
        path = "/".join(_quoted(segment, _SAFE_IN_PATH) for segment in self.segments[count:])
        query = _written_query(self.query)
        return f"https://{path}" + (f"?{query}" if query else "")

    def write(self) -> str:
        """Return the address as text: https, parameters by name, and nothing at the end that a sentence could own."""
        path = "".join("/" + _quoted(segment, _SAFE_IN_PATH) for segment in self.segments)
        query = _written_query(tuple(sorted(self.query, key=lambda pair: pair[0])))
        port = f":{self.port}" if self.port else ""
        text = path + (f"?{query}" if query else "")
        if self.fragment:
            text += f"#{self.fragment}" if text else f"/#{self.fragment}"
        return _with_closed_end(f"https://{self.host}{port}" + _INNER.sub(r"\1%3A", text))


def _segments(path: str) -> tuple[str, ...]:
    segments: list[str] = []
    for part in path.split("/"):
        segment = _plain(part)
        if segment == "..":
            del segments[-1:]
        elif segment != "." and (segment or (segments and segments[-1].endswith(":"))):
            # The empty segment of "https://" in a path belongs to it; other doubled slashes lead to the same page.
            segments.append(segment)
    while segments and not segments[-1]:
        segments.pop()
    return tuple(segments)


def _plain(text: str, *, plus: bool = False) -> str:
    return unquote_to_bytes(text.replace("+", " ") if plus else text).decode("utf-8", "surrogateescape")


def _quoted(text: str, safe: str) -> str:
    return quote(text.encode("utf-8", "surrogateescape"), safe=safe)


def _written_query(pairs: tuple[tuple[str, str | None], ...]) -> str:
    return "&".join(
        _quoted(name, _SAFE_IN_QUERY) + ("" if value is None else "=" + _quoted(value, _SAFE_IN_QUERY))
        for name, value in pairs
    )


def _fragment(text: str) -> str:
    """Return a fragment in one spelling: only what needs an escape has one."""

    def spelled(match: re.Match[str]) -> str:
        letter = chr(int(match[1], 16))
        return letter if _UNRESERVED.fullmatch(letter) else match[0].upper()

    return quote(_ESCAPE.sub(spelled, _LONE_PERCENT.sub("%25", text)), safe=_SAFE_IN_FRAGMENT)


def without_tail(text: str) -> str:
    """Return a link without the characters of the sentence that follow it; brackets that it opens itself stay."""
    closing = {")": "(", "]": "[", "}": "{", "）": "（"}
    surplus = {end: text.count(end) - text.count(begin) for end, begin in closing.items()}
    length = len(text)
    while length and (letter := text[length - 1]) in TAIL:
        if letter in closing:
            if surplus[letter] <= 0:
                break
            surplus[letter] -= 1
        length -= 1
    return text[:length]


def _with_closed_end(text: str) -> str:
    """Write the last characters as escapes where a sentence could own them."""
    bare = without_tail(text)
    return bare + "".join(f"%{ord(letter):02X}" for letter in text[len(bare) :])
