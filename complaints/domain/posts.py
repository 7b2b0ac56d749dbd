"""Links to posts on social media, brought to one spelling without asking anybody: the portal never opens a link.

What a platform appends to a shared link can name the person who shared it, so only what is needed to find the post
again is kept. Plain Python; services and tests call it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

PLATFORMS: Final = ("facebook", "instagram", "x", "tiktok", "youtube", "whatsapp", "telegram", "other")
ACTS: Final = ("post", "like", "comment", "share", "follow", "photo", "group")
MOST_CHARS: Final = 2_000

# By host without its mobile and language forms: the host that stands for all of a platform's, and the platform.
_HOSTS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
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
)
_FOLDED: Final = re.compile(r"^(?:(?:www|m|mobile|mbasic|touch|web|[a-z]{2}-[a-z]{2})\.)+(?=[^.]+\.)")
_WRAPPERS: Final = frozenset({"l.facebook.com", "lm.facebook.com", "l.instagram.com"})
# What a platform's own links need to name a post. Everything else there is dropped, elsewhere only what tracks.
_NEEDED: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "facebook": frozenset({"story_fbid", "id", "fbid", "v", "comment_id", "reply_comment_id"}),
        "instagram": frozenset(),
        "x": frozenset(),
        "tiktok": frozenset(),
        "youtube": frozenset({"v", "lc"}),
        "whatsapp": frozenset({"phone"}),
        "telegram": frozenset({"comment"}),
    }
)
_TRACKING: Final = frozenset(
    {
        "fbclid", "gclid", "igsh", "igshid", "si", "s", "t", "mibextid", "ref", "ref_src", "ref_url", "refsrc", "rdid",
        "feature", "share_id", "share_url", "sharer", "source", "src", "spm", "mc_cid", "mc_eid", "yclid", "msclkid",
        "_t", "_r", "__tn__", "__cft__", "sfnsn", "extid", "cid", "context", "from",
    }
)  # fmt: skip
_HOST: Final = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]")
_BARE: Final = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+(?:[/?#].*)?", re.IGNORECASE)
# What follows a link in a sentence.
_TAIL: Final = ".,;>)]\"'"
_HANDLE: Final = re.compile(r"[\w.-]{1,100}")
_FACEBOOK_OWN: Final = frozenset(
    {
        "groups", "photo", "photos", "photo.php", "permalink.php", "story.php", "watch", "reel", "reels", "share",
        "events", "profile.php", "hashtag", "pages", "people", "media", "marketplace", "login", "sharer", "p",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Address:
    """Where a post is: ``text`` in the one spelling, or as typed where it is no link (``is_link`` False)."""

    text: str
    is_link: bool
    platform: str = "other"
    account: str = ""


@dataclass(frozen=True)
class _Found:
    """A platform's link in pieces: the steps of its path, its query, and whose account it names."""

    steps: list[str]
    query: dict[str, str]
    account: str = ""


def read(typed: str) -> Address:
    """Return the address that somebody typed or pasted; what is no link is kept as text. Never raises."""
    text = " ".join(typed.split())
    parts = _parts(text.lstrip("<([\"'").rstrip(_TAIL))
    if parts is None:
        return Address(text, is_link=False)
    wrapped = _unwrapped(parts)
    if wrapped:
        return read(wrapped)
    host, platform = _HOSTS.get(_folded(parts.hostname or ""), (_folded(parts.hostname or ""), "other"))
    found = _pieces(parts, platform)
    if host in _SHAPES:
        found = _SHAPES[host](found)
    port = f":{parts.port}" if parts.port not in (None, 80, 443) else ""
    path = "".join("/" + quote(step, safe="@:+,;=~!$&'()*-._") for step in found.steps)
    query = urlencode(sorted(found.query.items()))
    text = (f"https://{host}{port}{path}" + (f"?{query}" if query else "")).rstrip(f"{_TAIL}/")
    return Address(text, is_link=True, platform=platform, account=found.account)


def _parts(text: str) -> SplitResult | None:
    """Split what can be nothing but a web address; without "https://" it must have a path, or a known host."""
    if not text or len(text) > MOST_CHARS or " " in text or not text.isprintable():
        return None
    bare = _BARE.fullmatch(text)
    if bare and ("/" in text or _folded(text.lower()) in _HOSTS):
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


def _folded(host: str) -> str:
    return _FOLDED.sub("", host)


def _unwrapped(parts: SplitResult) -> str:
    """Return the link inside a platform's "you are leaving" link, which also says from where."""
    inner = dict(parse_qsl(parts.query)).get("u", "") if parts.hostname in _WRAPPERS else ""
    return inner if inner.startswith(("http://", "https://")) else ""


def _pieces(parts: SplitResult, platform: str) -> _Found:
    steps = [unquote(step) for step in parts.path.split("/") if step]
    if _folded(parts.hostname or "") == "youtu.be":
        steps = ["watch", *steps]
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    if platform in _NEEDED:
        kept = {name: value for name, value in pairs if name in _NEEDED[platform] and value}
    else:
        kept = {name: value for name, value in pairs if not _tracks(name)}
    return _Found(steps, kept)


def _tracks(name: str) -> bool:
    lowered = name.lower()
    return lowered in _TRACKING or lowered.startswith(("utm_", "__cft__"))


def _handle(text: str) -> str:
    name = text.removeprefix("@").lower()
    return name if _HANDLE.fullmatch(name) else ""


def _facebook(found: _Found) -> _Found:
    steps, query = list(found.steps), found.query
    if not steps:
        return found
    first = steps[0].lower()
    steps[0] = {"story.php": "permalink.php", "photo.php": "photo", "reels": "reel"}.get(first, first)
    if first in {"permalink.php", "story.php", "profile.php"}:
        return _Found(steps, query, _handle(query.get("id", "")))
    if first in {"pages", "people"} and len(steps) > 1:
        return _Found(steps, query, _handle(steps[1]))
    return _Found(steps, query, "" if first in _FACEBOOK_OWN else _handle(first))


def _instagram(found: _Found) -> _Found:
    steps, account = list(found.steps), ""
    if len(steps) > 2 and steps[1] in {"p", "reel", "reels", "tv"}:
        account, steps = _handle(steps[0]), steps[1:]
    if steps and steps[0] in {"p", "reel", "reels", "tv"}:
        return _Found(["p", *steps[1:2]], {}, account)
    if len(steps) > 1 and steps[0] == "stories":
        steps[1] = steps[1].lower()
        return _Found(steps, {}, _handle(steps[1]))
    own = not steps or steps[0] in {"explore", "accounts", "share", "direct"}
    return found if own else _Found([steps[0].lower(), *steps[1:]], {}, _handle(steps[0]))


def _x(found: _Found) -> _Found:
    steps = list(found.steps)
    if len(steps) > 2 and steps[0] == "i" and steps[1] == "web":
        steps = ["i", *steps[2:]]
    if len(steps) > 2 and steps[1] == "status":
        steps = steps[:3]
    if not steps or steps[0] in {"i", "hashtag", "search", "home", "intent"}:
        return _Found(steps, {})
    return _Found([steps[0].lower(), *steps[1:]], {}, _handle(steps[0]))


def _tiktok(found: _Found) -> _Found:
    steps = list(found.steps)
    if not steps or not steps[0].startswith("@"):
        return found
    return _Found([steps[0].lower(), *steps[1:]], {}, _handle(steps[0]))


def _youtube(found: _Found) -> _Found:
    steps, query = list(found.steps), dict(found.query)
    if len(steps) > 1 and steps[0] in {"watch", "shorts", "live", "embed", "v"}:
        steps, query = ["watch"], query | {"v": steps[1]}
    if steps and steps[0].startswith("@"):
        return _Found([steps[0].lower(), *steps[1:]], query, _handle(steps[0]))
    named = len(steps) > 1 and steps[0] in {"c", "channel", "user"}
    return _Found(steps, query, _handle(steps[1]) if named else "")


def _whatsapp(found: _Found) -> _Found:
    phone = found.query.get("phone", "") or (found.steps[0] if found.steps else "")
    digits = phone.removeprefix("+")
    return _Found(found.steps, found.query, digits if digits.isdecimal() else "")


def _telegram(found: _Found) -> _Found:
    steps = found.steps[1:] if len(found.steps) > 1 and found.steps[0] == "s" else list(found.steps)
    if not steps or steps[0] in {"c", "joinchat", "share", "addstickers"} or steps[0].startswith("+"):
        return _Found(steps, found.query)
    return _Found([steps[0].lower(), *steps[1:]], found.query, _handle(steps[0]))


# By host, not by platform: the codes of short links are case-sensitive and name nobody.
_SHAPES: Final[Mapping[str, Callable[[_Found], _Found]]] = MappingProxyType(
    {
        "facebook.com": _facebook,
        "instagram.com": _instagram,
        "x.com": _x,
        "tiktok.com": _tiktok,
        "youtube.com": _youtube,
        "wa.me": _whatsapp,
        "api.whatsapp.com": _whatsapp,
        "t.me": _telegram,
    }
)
