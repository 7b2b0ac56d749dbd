"""Links to posts on social media, found in what a person typed, in one normal form; the portal never opens a link.

What a platform appends to a shared link can name the person who shared it. The normal form goes without it, keeps all
that may tell two posts apart, and is what reports are compared by. The rules of the sites are data (``post_rules``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final
from urllib.parse import unquote

from complaints.domain.post_rules import PLATFORMS, Normal, PostRules
from complaints.domain.web_address import MOST_CHARS, WebAddress, without_tail

__all__ = ["ACTS", "MOST_CHARS", "PLATFORMS", "Address", "find", "read", "without_sharer"]

ACTS: Final = ("post", "like", "comment", "share", "follow", "photo", "group")
# Marks without width that messengers put around and into links.
_NO_WIDTH: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]"
)
_SCHEME: Final = re.compile(r"https?://", re.IGNORECASE)
_BARE: Final = re.compile(r"(?:[a-z0-9_-]+\.)+[a-z]{2,}(?=[/?#]|:[0-9]|$)", re.IGNORECASE)
# Before "https://" inside of a link: it is a part of that link, and no link beside it.
_INSIDE: Final = "/=:?&#%+@-_.~"
_LEAD: Final = "<([{\"'“‘«*_~-–—•>（「『【,;:.!?"
_END: Final = re.compile(r"[<>\"“”«»「」『』【】]")
_MARKED: Final = "*_~"
# More segments do not fit into a link.
_MOST_ROUNDS: Final = MOST_CHARS // 4


@dataclass(frozen=True)
class Address:
    """The address of a post.

    Attributes:
        text: its normal form, or the text as typed where there is no link (``is_link`` False).
        platform: one of PLATFORMS.
        account: the account that the address holds, or "".
        sharer: what can name who shared the link: "typed", "link" (the normal form as well), or "".
    """

    text: str
    is_link: bool
    platform: str = "other"
    account: str = ""
    sharer: str = ""


@dataclass(frozen=True)
class _Link:
    """A link in a text: where it begins, as written there, and what it leads to."""

    start: int
    written: str
    normal: Normal
    is_wrapped: bool


def find(text: str, rules: PostRules) -> list[Address]:
    """Return the links in a text of any length, each post once, in their order; never raises."""
    addresses: dict[str, Address] = {}
    for word, is_alone in _words(text):
        for link in _links(word, rules, is_alone=is_alone):
            address = _address(link)
            addresses.setdefault(address.text, address)
    return list(addresses.values())


def read(text: str, rules: PostRules) -> Address:
    """Return the one link in a text; a text with none or with several is no link. Never raises."""
    addresses = find(text, rules)
    return addresses[0] if len(addresses) == 1 else Address(" ".join(text.split()), is_link=False)


def without_sharer(text: str, rules: PostRules) -> str:
    """Return a text in which links have no parameter that the normal form leaves out; the rest is as typed."""
    is_alone = len(text.split()) == 1
    parts = re.split(r"(\s+)", text)
    return "".join(part if not part or part.isspace() else _cleaned(part, rules, is_alone=is_alone) for part in parts)


def _words(text: str) -> Iterator[tuple[str, bool]]:
    words = text.split()
    for word in words:
        yield _NO_WIDTH.sub("", word), len(words) == 1


def _cleaned(word: str, rules: PostRules, *, is_alone: bool) -> str:
    word, place, parts = _NO_WIDTH.sub("", word), 0, list[str]()
    for link in _links(word, rules, is_alone=is_alone):
        parts += [word[place : link.start], _without_dropped(link)]
        place = link.start + len(link.written)
    return "".join(parts) + word[place:]


def _without_dropped(link: _Link) -> str:
    if link.is_wrapped:
        return link.normal.address.write()
    address, mark, fragment = link.written.partition("#")
    base, _question, query = address.partition("?")
    kept = "&".join(pair for pair in query.split("&") if _name(pair) in link.normal.kept)
    # A fragment that the normal form leaves out may name the sharer too.
    return base + (f"?{kept}" if kept else "") + (mark + fragment if link.normal.address.fragment else "")


def _name(pair: str) -> str:
    return unquote(pair.partition("=")[0].replace("+", " "))


def _links(word: str, rules: PostRules, *, is_alone: bool) -> Iterator[_Link]:
    """Yield the links in a word; ``is_alone``: the word is the whole text, so that a bare address is one as well."""
    for start, end in _spans(word, rules, is_alone=is_alone):
        written = word[start:end]
        if match := _END.search(written):
            written = written[: match.start()]
        written = without_tail(written)
        if start and word[start - 1] in _MARKED and written.endswith(word[start - 1]):
            written = written[:-1]
        address = WebAddress.read(written if _SCHEME.match(written) else f"https://{written}")
        if address:
            yield _settled(start, written, address, rules)


def _settled(start: int, written: str, address: WebAddress, rules: PostRules) -> _Link:
    """Return the link with a normal form that is its own: "/amp/amp" takes two rounds."""
    target, is_wrapped = _unwrapped(address, rules)
    first = rules.normal(target)
    text = first.address.write()
    for _round in range(_MOST_ROUNDS):
        address = WebAddress.read(text) or first.address
        address = rules.normal(_unwrapped(address, rules)[0]).address
        if address.write() == text:
            break
        text = address.write()
    return _Link(start, written, replace(first, address=address), is_wrapped)


def _spans(word: str, rules: PostRules, *, is_alone: bool) -> Iterator[tuple[int, int]]:
    """Yield where links begin, and where they end at most."""
    lead = len(word) - len(word.lstrip(_LEAD))
    starts = [match.start() for match in _SCHEME.finditer(word)]
    if starts[:1] != [lead] and (match := _BARE.match(word, lead)) and _is_bare(match[0], word, lead, rules, is_alone):
        starts = [lead, *(start for start in starts if start > lead)]
    starts = starts[:1] + [start for start in starts[1:] if word[start - 1] not in _INSIDE]
    yield from pairwise([*starts, len(word)])


def _is_bare(host: str, word: str, lead: int, rules: PostRules, is_alone: bool) -> bool:
    """Whether a host without "https://" begins a link: a known one, or any with a path if nothing else is there."""
    site, _host = rules.place(host.lower())
    follows = word[lead + len(host) :]
    if is_alone:
        return site is not None or "/" in follows
    is_usual = (
        site is not None or host.lower().startswith("www.") or host.lower().rpartition(".")[2] in rules.bare_endings
    )
    return is_usual and len(without_tail(follows)) > 1


def _unwrapped(address: WebAddress, rules: PostRules) -> tuple[WebAddress, bool]:
    """Return the address to which logins and redirects lead, and whether there was one.

    Each is shorter than the one in which it stands, so that this ends.
    """
    is_wrapped = False
    while True:
        address = address.on(rules.place(address.host)[1])
        inner = _target(rules.target(address), address.host)
        if inner is None:
            return address, is_wrapped
        address, is_wrapped = inner, True


def _target(text: str, host: str) -> WebAddress | None:
    if re.match(r"https?%3a", text, re.IGNORECASE) or text.startswith("%2F"):
        text = unquote(text)
    if text.startswith("//"):
        text = f"https:{text}"
    elif text.startswith("/"):
        text = f"https://{host}{text}"
    return WebAddress.read(without_tail(text)) if _SCHEME.match(text) else None


def _address(link: _Link) -> Address:
    normal = link.normal
    return Address(
        normal.address.write(),
        is_link=True,
        platform=normal.platform,
        account=normal.account,
        sharer=normal.sharer or ("typed" if link.is_wrapped else ""),
    )
