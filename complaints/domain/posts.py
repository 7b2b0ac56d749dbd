"""Normal form of links to posts on social media; the portal never opens a link.

The query that a platform appends to a shared link can identify the person who shared it, so only the part that locates
the post is kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

PLATFORMS: Final = ("facebook", "instagram", "x", "tiktok", "youtube", "whatsapp", "telegram", "other")
ACTS: Final = ("post", "like", "comment", "share", "follow", "photo", "group")
MOST_CHARS: Final = 2_000

# By host without its mobile and language prefixes: the canonical host, and the platform.
_HOSTS: Final[Mapping[str, tuple[str, str]]] = {
    "facebook.com": ("facebook.com", "facebook"),
    "fb.com": ("facebook.com", "facebook"),
    "fb.watch": ("fb.watch", "facebook"),
    "fb.me": ("fb.me", "facebook"),
    "instagram.com": ("instagram.com", "instagram"),
    "instagr.am": ("instagram.com", "instagram"),
    "x.com": ("x.com", "x"),
    "twitter.com": ("x.com", "x"),
    "t.co": ("t.co", "x"),
    "tiktok.com": ("tiktok.com", "tiktok"),
    "vm.tiktok.com": ("vm.tiktok.com", "tiktok"),
    "vt.tiktok.com": ("vt.tiktok.com", "tiktok"),
    "youtube.com": ("youtube.com", "youtube"),
    "youtu.be": ("youtube.com", "youtube"),
    "whatsapp.com": ("whatsapp.com", "whatsapp"),
    "api.whatsapp.com": ("api.whatsapp.com", "whatsapp"),
    "chat.whatsapp.com": ("chat.whatsapp.com", "whatsapp"),
    "wa.me": ("wa.me", "whatsapp"),
    "t.me": ("t.me", "telegram"),
    "telegram.me": ("t.me", "telegram"),
}
_HOST_PREFIXES: Final = re.compile(r"^(?:(?:www|m|mobile|mbasic|touch|web|[a-z]{2}-[a-z]{2})\.)+(?=[^.]+\.)")
_WRAPPERS: Final = frozenset({"l.facebook.com", "lm.facebook.com", "l.instagram.com"})
# The query parameters that locate a post on a platform; others are dropped. Of an unknown site only trackers are.
_NEEDED: Final[Mapping[str, frozenset[str]]] = {
    "facebook": frozenset({"story_fbid", "id", "fbid", "v", "comment_id", "reply_comment_id"}),
    "instagram": frozenset(),
    "x": frozenset(),
    "tiktok": frozenset(),
    "youtube": frozenset({"v", "lc"}),
    "whatsapp": frozenset({"phone"}),
    "telegram": frozenset({"comment"}),
}
_TRACKING: Final = frozenset(
    {
        "fbclid", "gclid", "igsh", "igshid", "si", "s", "t", "mibextid", "ref", "ref_src", "ref_url", "refsrc", "rdid",
        "feature", "share_id", "share_url", "sharer", "source", "src", "spm", "mc_cid", "mc_eid", "yclid", "msclkid",
        "_t", "_r", "__tn__", "__cft__", "sfnsn", "extid", "cid", "context", "from",
    }
)  # fmt: skip
_HOST: Final = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]")
_BARE: Final = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+(?:[/?#].*)?", re.IGNORECASE)
# Characters that may follow a link in a sentence.
_TAIL: Final = ".,;>)]\"'"
_HANDLE: Final = re.compile(r"[\w.-]{1,100}")
_FACEBOOK_PATHS: Final = frozenset(
    {
        "groups", "photo", "photos", "photo.php", "permalink.php", "story.php", "watch", "reel", "reels", "share",
        "events", "profile.php", "hashtag", "pages", "people", "media", "marketplace", "login", "sharer", "p",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Address:
    """The address of a post: ``text`` is the normal form, or as typed where it is no link (``is_link`` False)."""

    text: str
    is_link: bool
    platform: str = "other"
    account: str = ""


@dataclass(frozen=True)
class _LinkParts:
    """The parts of a platform's link: the segments of its path, its query, and the account that it names."""

    segments: list[str]
    query: dict[str, str]
    account: str = ""


def read(text: str) -> Address:
    """Return the address of a post as a person typed or pasted it; other text is kept as text. Never raises."""
    text = " ".join(text.split())
    parts = _parts(text.lstrip("<([\"'").rstrip(_TAIL))
    if parts is None:
        return Address(text, is_link=False)
    wrapped = _unwrapped(parts)
    if wrapped:
        return read(wrapped)
    bare_host = _without_prefixes(parts.hostname or "")
    host, platform = _HOSTS.get(bare_host, (bare_host, "other"))
    link = _link_parts(parts, platform)
    if host in _RULES:
        link = _RULES[host](link)
    port = f":{parts.port}" if parts.port not in (None, 80, 443) else ""
    path = "".join("/" + quote(segment, safe="@:+,;=~!$&'()*-._") for segment in link.segments)
    query = urlencode(sorted(link.query.items()))
    text = (f"https://{host}{port}{path}" + (f"?{query}" if query else "")).rstrip(f"{_TAIL}/")
    return Address(text, is_link=True, platform=platform, account=link.account)


def _parts(text: str) -> SplitResult | None:
    """Split ``text`` if it is a web address; without "https://" it must have a path or a known host."""
    if not text or len(text) > MOST_CHARS or " " in text or not text.isprintable():
        return None
    bare = _BARE.fullmatch(text)
    if bare and ("/" in text or _without_prefixes(text.lower()) in _HOSTS):
        text = f"https://{text}"
    try:
        parts = urlsplit(text)
        known = parts.scheme in {"http", "https"} and parts.port != 0
        host = (parts.hostname or "").rstrip(".").encode("idna").decode()
    except ValueError:
        return None
    if not known or "@" in parts.netloc or not _HOST.fullmatch(host):
        return None
    return parts._replace(netloc=host + (f":{parts.port}" if parts.port else ""))


def _without_prefixes(host: str) -> str:
    return _HOST_PREFIXES.sub("", host)


def _unwrapped(parts: SplitResult) -> str:
    """Return the link inside a platform's redirect link (l.facebook.com), which also identifies its sender; else ""."""
    inner = dict(parse_qsl(parts.query)).get("u", "") if parts.hostname in _WRAPPERS else ""
    return inner if inner.startswith(("http://", "https://")) else ""


def _link_parts(parts: SplitResult, platform: str) -> _LinkParts:
    segments = [unquote(segment) for segment in parts.path.split("/") if segment]
    if _without_prefixes(parts.hostname or "") == "youtu.be":
        segments = ["watch", *segments]
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    if platform in _NEEDED:
        query = {name: value for name, value in pairs if name in _NEEDED[platform] and value}
    else:
        query = {name: value for name, value in pairs if not _is_tracker(name)}
    return _LinkParts(segments, query)


def _is_tracker(name: str) -> bool:
    lowered = name.lower()
    return lowered in _TRACKING or lowered.startswith(("utm_", "__cft__"))


def _handle(text: str) -> str:
    name = text.removeprefix("@").lower()
    return name if _HANDLE.fullmatch(name) else ""


def _facebook(link: _LinkParts) -> _LinkParts:
    segments, query = list(link.segments), link.query
    if not segments:
        return link
    first = segments[0].lower()
    segments[0] = {"story.php": "permalink.php", "photo.php": "photo", "reels": "reel"}.get(first, first)
    if first in {"permalink.php", "story.php", "profile.php"}:
        return _LinkParts(segments, query, _handle(query.get("id", "")))
    if first in {"pages", "people"} and len(segments) > 1:
        return _LinkParts(segments, query, _handle(segments[1]))
    return _LinkParts(segments, query, "" if first in _FACEBOOK_PATHS else _handle(first))


def _with_words(segments: list[str], *words: str) -> list[str]:
    """Return the segments, the first in lower case where it is a word of the platform: its servers take both cases."""
    lowered = segments[0].lower() if segments else ""
    return [lowered, *segments[1:]] if lowered in words else list(segments)


def _instagram(link: _LinkParts) -> _LinkParts:
    kinds = ("p", "reel", "reels", "tv")
    segments, account = list(link.segments), ""
    if len(segments) > 2 and segments[1].lower() in kinds:
        account, segments = _handle(segments[0]), segments[1:]
    segments = _with_words(segments, *kinds, "stories", "explore", "accounts", "share", "direct")
    if segments and segments[0] in kinds:
        return _LinkParts(["p", *segments[1:2]], {}, account)
    if len(segments) > 1 and segments[0] == "stories":
        segments[1] = segments[1].lower()
        return _LinkParts(segments, {}, _handle(segments[1]))
    without_account = not segments or segments[0] in {"explore", "accounts", "share", "direct"}
    if without_account:
        return _LinkParts(segments, link.query)
    return _LinkParts([segments[0].lower(), *segments[1:]], {}, _handle(segments[0]))


def _x(link: _LinkParts) -> _LinkParts:
    segments = _with_words(link.segments, "i", "hashtag", "search", "home", "intent")
    if len(segments) > 2 and segments[0] == "i" and segments[1].lower() == "web":
        segments = ["i", *segments[2:]]
    if len(segments) > 2 and segments[1].lower() == "status":
        segments = [segments[0], "status", segments[2]]
    if not segments or segments[0] in {"i", "hashtag", "search", "home", "intent"}:
        return _LinkParts(segments, {})
    return _LinkParts([segments[0].lower(), *segments[1:]], {}, _handle(segments[0]))


def _tiktok(link: _LinkParts) -> _LinkParts:
    segments = link.segments
    if not segments or not segments[0].startswith("@"):
        return link
    return _LinkParts([segments[0].lower(), *segments[1:]], {}, _handle(segments[0]))


def _youtube(link: _LinkParts) -> _LinkParts:
    words = ("watch", "shorts", "live", "embed", "v", "c", "channel", "user")
    segments, query = _with_words(link.segments, *words), dict(link.query)
    if len(segments) > 1 and segments[0] in {"watch", "shorts", "live", "embed", "v"}:
        segments, query = ["watch"], query | {"v": segments[1]}
    if segments and segments[0].startswith("@"):
        return _LinkParts([segments[0].lower(), *segments[1:]], query, _handle(segments[0]))
    named = len(segments) > 1 and segments[0] in {"c", "channel", "user"}
    return _LinkParts(segments, query, _handle(segments[1]) if named else "")


def _whatsapp(link: _LinkParts) -> _LinkParts:
    phone = link.query.get("phone", "") or (link.segments[0] if link.segments else "")
    digits = phone.removeprefix("+")
    return _LinkParts(link.segments, link.query, digits if digits.isdecimal() else "")


def _telegram(link: _LinkParts) -> _LinkParts:
    segments = list(link.segments)
    while len(segments) > 1 and segments[0].lower() == "s":
        segments = segments[1:]
    segments = _with_words(segments, "c", "joinchat", "share", "addstickers")
    if not segments or segments[0] in {"c", "joinchat", "share", "addstickers"} or segments[0].startswith("+"):
        return _LinkParts(segments, link.query)
    return _LinkParts([segments[0].lower(), *segments[1:]], link.query, _handle(segments[0]))


# By host, not by platform: the codes of short links are case-sensitive and name no account.
_RULES: Final[Mapping[str, Callable[[_LinkParts], _LinkParts]]] = {
    "facebook.com": _facebook,
    "instagram.com": _instagram,
    "x.com": _x,
    "tiktok.com": _tiktok,
    "youtube.com": _youtube,
    "wa.me": _whatsapp,
    "api.whatsapp.com": _whatsapp,
    "t.me": _telegram,
}
