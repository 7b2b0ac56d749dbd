"""Rules by which addresses of one post get one normal form: hosts, forms of addresses, and parameters that track.

The rules are data (``complaints/data/posts/sites.toml``); this module checks them and applies them to an address.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, cast

from complaints.domain.web_address import WebAddress

PLATFORMS: Final = (
    "facebook", "instagram", "threads", "x", "tiktok", "youtube", "whatsapp", "telegram", "linkedin", "other",
)  # fmt: skip
# In ``also`` of a form: every parameter that is not known to track, and the fragment; the fragment alone.
ALL: Final = "*"
FRAGMENT: Final = "#"
# What a variable of a form may be. Of an account and a name upper and lower case are one.
_TYPES: Final[Mapping[str, re.Pattern[str]]] = {
    "any": re.compile(r".+", re.DOTALL),
    "digits": re.compile(r"[0-9]{1,40}"),
    "code": re.compile(r"[A-Za-z0-9_-]{1,300}"),
    "name": re.compile(r"[\w.-]{1,200}"),
    "account": re.compile(r"@?(?=[_.-]*[^\W_])[\w.-]{1,100}"),
    "phone": re.compile(r"\+?[0-9 ().-]{5,40}"),
}
_FOLDED: Final = frozenset({"name", "account"})
_PROGRAMS: Final = (".php", ".html", ".htm", ".asp", ".aspx", ".jsp")
_VARIABLE: Final = re.compile(r"\{(\w+)(?::(\w+))?(\.\.\.)?\}")
_LABEL: Final = re.compile(r"[a-z0-9_-]+")
_LANGUAGE: Final = "??-??"


@dataclass(frozen=True)
class Names:
    """Names of parameters in lower case; one that ends in ``*`` stands for all that begin so."""

    exact: frozenset[str] = frozenset()
    begins: tuple[str, ...] = ()

    @classmethod
    def of(cls, names: Iterable[str]) -> Names:
        """Return the names of a list of the rules."""
        listed = [name.lower() for name in names]
        begins = tuple(name[:-1] for name in listed if name.endswith("*"))
        return cls(frozenset(name for name in listed if not name.endswith("*")), begins)

    def __contains__(self, name: str) -> bool:
        lowered = name.lower()
        return lowered in self.exact or (bool(self.begins) and lowered.startswith(self.begins))


@dataclass(frozen=True)
class _Piece:
    """A segment or a value of a form: words around at most some variables; ``rest`` stands for all that follows."""

    text: str
    types: Mapping[str, str]
    pattern: re.Pattern[str]
    rest: bool = False

    @classmethod
    def of(cls, text: str) -> _Piece:
        """Read a piece of a form; raises ValueError for a type that is not known."""
        parts, types, place = [], dict[str, str](), 0
        for match in _VARIABLE.finditer(text):
            name, kind = match[1], match[2] or "any"
            if kind not in _TYPES:
                raise ValueError(f"type {kind}")
            types[name] = kind
            parts += [re.escape(text[place : match.start()]), f"(?P<{name}>{_TYPES[kind].pattern})"]
            place = match.end()
        parts.append(re.escape(text[place:]))
        rest = text == ALL or text.endswith("...}")
        return cls(_VARIABLE.sub(r"{\1}", text), types, re.compile("".join(parts), re.IGNORECASE | re.DOTALL), rest)

    @property
    def variable(self) -> str:
        """The one variable of a piece that stands for all that follows; "" where it is dropped."""
        return next(iter(self.types), "")

    def filled(self, values: Mapping[str, str]) -> str:
        """Return the text with the values of its variables."""
        return _VARIABLE.sub(lambda match: values[match[1]], self.text)


@dataclass(frozen=True)
class Form:
    """One way of writing an address: host, segments of the path, and the parameters that it must have."""

    host: _Piece
    segments: Sequence[_Piece]
    query: Mapping[str, _Piece]

    @classmethod
    def of(cls, text: str, main_host: str) -> Form:
        """Read ``//host/a/{b}?c={d}``, or ``/a/{b}`` for a path on the ``main_host``."""
        if not text.startswith("//"):
            text = f"//{main_host}{text}"
        address, _mark, query = text[2:].partition("?")
        host, *segments = address.split("/")
        pairs = [pair.partition("=") for pair in query.split("&") if pair]
        return cls(
            _Piece.of(host),
            [_Piece.of(segment) for segment in segments if segment],
            {name: _Piece.of(value) for name, _mark, value in pairs},
        )

    @cached_property
    def variables(self) -> Mapping[str, str]:
        """The types of the variables, by name."""
        return {
            name: kind
            for piece in (self.host, *self.segments, *self.query.values())
            for name, kind in piece.types.items()
        }

    def match(self, address: WebAddress, words: frozenset[str]) -> tuple[dict[str, str], list[str]] | None:
        """Return the values of the variables, and the segments that ``rest`` stands for; None for another form."""
        if not self.host.types and self.host.text != address.host:
            return None
        pieces, rest = self.segments, list[str]()
        if pieces and pieces[-1].rest:
            pieces = pieces[:-1]
            rest = list(address.segments[len(pieces) :])
        if len(address.segments) != len(pieces) + len(rest):
            return None
        given = dict(reversed([(name, value) for name, value in address.query if value]))
        pairs = [(self.host, address.host), *zip(pieces, address.segments, strict=False)]
        pairs += [(piece, given.get(name) or "") for name, piece in self.query.items()]
        values: dict[str, str] = {}
        for piece, text in pairs:
            match = piece.pattern.fullmatch(text)
            if match is None:
                return None
            values |= match.groupdict()
        values = {name: _folded(value, self.variables[name]) for name, value in values.items()}
        is_taken = any(
            kind == "account" and not _names_account(values[name], words)
            for name, kind in self.variables.items()
            if name in values
        )
        return None if is_taken else (values, rest)


def _folded(value: str, kind: str) -> str:
    if kind == "phone":
        return re.sub(r"[^0-9]", "", value)
    return value.removeprefix("@").lower() if kind in _FOLDED else value


def _names_account(value: str, words: frozenset[str]) -> bool:
    return value not in words and not value.endswith(_PROGRAMS)


@dataclass(frozen=True)
class Page:
    """Forms of one thing, and its normal form.

    Attributes:
        forms: the ways of writing it.
        to: its normal form.
        account: the variable that names an account, where a form has it; else "".
        also: names of parameters that tell things apart beside the form; ALL and FRAGMENT as above.
        by_sharer: whether the address itself was made for the one who shared it.
    """

    forms: Sequence[Form]
    to: Form
    account: str = ""
    also: frozenset[str] = frozenset()
    by_sharer: bool = False


@dataclass(frozen=True)
class Site:
    """A platform or a group of sites: its hosts, how they are written, and its pages.

    Attributes:
        platform: one of PLATFORMS.
        hosts: the normal form of each host, by each of its spellings.
        prefixes: labels before a host that lead to the same pages.
        subdomains: whether other labels before a host belong to the site and stay.
        drop: parameters that track; ``sharer`` those that name who shared or followed the link.
        words: first segments that are no account.
        hash_paths: whether a fragment that begins with "/" or "!/" is the path.
    """

    platform: str
    hosts: Mapping[str, str]
    prefixes: frozenset[str] = frozenset()
    subdomains: bool = False
    drop: Names = field(default_factory=Names)
    sharer: Names = field(default_factory=Names)
    words: frozenset[str] = frozenset()
    hash_paths: bool = False
    pages: Sequence[Page] = ()


@dataclass(frozen=True)
class Normal:
    """A normal form: the address, the account that it names or "", and the names of the parameters that were kept.

    ``sharer`` is "typed" where the address as given can name who shared it, "link" where this one can too, or "".
    """

    address: WebAddress
    platform: str = "other"
    account: str = ""
    kept: frozenset[str] = frozenset()
    sharer: str = ""


@dataclass(frozen=True)
class PostRules:
    """All rules: those of every site, those of known sites by host, and pages that only lead on to another address."""

    sites: Mapping[str, Site]
    wrappers: Sequence[Form]
    drop: Names
    sharer: Names
    fragments: Names
    bare_endings: frozenset[str]

    def place(self, host: str) -> tuple[Site | None, str]:
        """Return the site of a host, and the host in its normal form, without prefixes; an unknown one loses "www."."""
        labels = host.split(".")
        for start in range(len(labels) - 1):
            base = ".".join(labels[start:])
            site = self.sites.get(base)
            if site is None:
                continue
            others = [label for label in labels[:start] if not _is_prefix(label, site)]
            if others and not site.subdomains:
                return site, ".".join(labels).removeprefix("www.")
            return site, ".".join([*others, site.hosts[base]])
        return None, host.removeprefix("www.")

    def target(self, address: WebAddress) -> str:
        """Return the address to which a login, a redirect or an embedding leads, as written in it; else ""."""
        for form in self.wrappers:
            match = form.match(address, frozenset())
            if match is None:
                continue
            if form.segments and form.segments[-1].variable:
                return address.after(len(form.segments) - 1)
            return match[0].get("target", "")
        return ""

    def normal(self, address: WebAddress) -> Normal:
        """Return the normal form of an address that leads to no other."""
        site, host = self.place(address.host)
        address = address.on(host)
        if site is None:
            return self._kept(address, None)
        if site.hash_paths:
            address = address.with_hash_path()
        for page in site.pages:
            for form in page.forms:
                match = form.match(address, site.words)
                if match:
                    return self._of_page(address, site, page, form, match)
        first = [segment.lower() for segment in address.segments[:1] if segment.lower() in site.words]
        return self._kept(address.replaced(segments=(*first, *address.segments[len(first) :])), site)

    def _of_page(
        self, address: WebAddress, site: Site, page: Page, form: Form, match: tuple[dict[str, str], list[str]]
    ) -> Normal:
        values, rest = match
        kept = self._kept(address, site)
        others = [
            (name, value)
            for name, value in kept.address.query
            if name not in form.query and (ALL in page.also or name in page.also)
        ]
        segments: list[str] = []
        for piece in page.to.segments:
            segments += rest if piece.rest else [piece.filled(values)]
        query = [(name, piece.filled(values)) for name, piece in page.to.query.items()]
        names = {name for name, _value in query}
        normal = WebAddress(
            host=page.to.host.filled(values),
            port=address.port,
            segments=tuple(segments),
            query=(*query, *(pair for pair in others if pair[0] not in names)),
            fragment=kept.address.fragment if {ALL, FRAGMENT} & page.also else "",
        )
        return Normal(
            normal,
            site.platform,
            values.get(page.account, ""),
            frozenset(form.query) | {name for name, _value in others},
            "link" if page.by_sharer else kept.sharer,
        )

    def _kept(self, address: WebAddress, site: Site | None) -> Normal:
        """Return an address without what is known to track."""
        drop, sharer = (site.drop, site.sharer) if site else (Names(), Names())
        query, names_sharer = [], False
        for name, value in address.query:
            if name in sharer or name in self.sharer:
                names_sharer = True
            elif name not in drop and name not in self.drop:
                query.append((name, value))
        fragment = "" if address.fragment in self.fragments else address.fragment
        return Normal(
            address.replaced(query=tuple(query), fragment=fragment),
            site.platform if site else "other",
            kept=frozenset(name for name, _value in query),
            sharer="typed" if names_sharer else "",
        )


def _is_prefix(label: str, site: Site) -> bool:
    if label == "www" or label in site.prefixes:
        return True
    is_language = len(label) == len(_LANGUAGE) and label[2] == "-" and label.replace("-", "").isalpha()
    return is_language and _LANGUAGE in site.prefixes


# --- Reading the file


_TOP: Final = frozenset({"drop", "sharer", "fragments", "bare_endings", "wrappers", "site"})
_SITE: Final = frozenset(
    {"platform", "hosts", "prefixes", "subdomains", "drop", "sharer", "words", "hash_paths", "page"}
)
_PAGE: Final = frozenset({"from", "to", "account", "also", "by_sharer"})
Table = Mapping[str, object]


def parse(document: Table) -> PostRules:
    """Return the rules of a document, as read from the file.

    Raises:
        ValueError: a key or a type of variable that is not known, a platform that is not one of PLATFORMS, a host that
            stands twice, a normal form that needs what one of its forms does not have.
    """
    _check_keys(document, _TOP)
    sites: dict[str, Site] = {}
    for table in _tables(document, "site"):
        site = _site(table)
        if twice := sites.keys() & site.hosts.keys():
            raise ValueError(f"host {min(twice)} twice")
        sites |= dict.fromkeys(site.hosts, site)
    return PostRules(
        sites,
        [Form.of(text, "") for text in _texts(document, "wrappers")],
        Names.of(_texts(document, "drop")),
        Names.of(_texts(document, "sharer")),
        Names.of(_texts(document, "fragments")),
        frozenset(_texts(document, "bare_endings")),
    )


def _site(table: Table) -> Site:
    _check_keys(table, _SITE)
    named = table.get("hosts")
    if table.get("platform") not in PLATFORMS or not isinstance(named, dict) or not named:
        raise ValueError(f"platform or hosts of {table.get('hosts')}")
    hosts = {spelling: host for host, spellings in named.items() for spelling in (host, *spellings)}
    return Site(
        str(table["platform"]),
        hosts,
        frozenset(_texts(table, "prefixes")),
        table.get("subdomains") is True,
        Names.of(_texts(table, "drop")),
        Names.of(_texts(table, "sharer")),
        frozenset(_texts(table, "words")),
        table.get("hash_paths") is True,
        [_page(page, next(iter(named))) for page in _tables(table, "page")],
    )


def _page(table: Table, main_host: str) -> Page:
    _check_keys(table, _PAGE)
    to, account = Form.of(str(table["to"]), main_host), str(table.get("account", ""))
    forms = [Form.of(text, main_host) for text in _texts(table, "from")]
    for form in forms:
        if missing := set(to.variables) - set(form.variables):
            raise ValueError(f"{table['to']}: {missing}")
    if not forms or (account and not any(account in form.variables for form in forms)):
        raise ValueError(f"{table['to']}: {account}")
    return Page(forms, to, account, frozenset(_texts(table, "also")), table.get("by_sharer") is True)


def _check_keys(table: Table, known: frozenset[str]) -> None:
    if unknown := table.keys() - known:
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}")


def _texts(table: Table, name: str) -> list[str]:
    values = table.get(name, [])
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValueError(f"{name}: no list of texts")
    return cast("list[str]", values)


def _tables(table: Table, name: str) -> Iterator[Table]:
    values = table.get(name, [])
    if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
        raise ValueError(f"{name}: no tables")
    yield from cast("list[Table]", values)
