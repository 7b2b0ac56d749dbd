"""What a page offers: its forms with their fields, and the addresses that it leads to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

MOST_PAGES = 60
# The names of buttons that remove something.
REMOVING = {"file", "post"}


@dataclass(frozen=True)
class Probe:
    """A request. Header values and the path are written as they are."""

    method: str
    path: str
    body: bytes = b""
    content_type: str = ""
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Answer:
    """An answer: its status, headers by their names in lower case, body, and how long it took in seconds."""

    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float


Exchange = Callable[[Probe], Answer]


@dataclass(frozen=True)
class Form:
    """A form that is posted: where to, its fields with their values, and whether it has files."""

    path: str
    fields: tuple[tuple[str, str], ...]
    multipart: bool = False


@dataclass
class Offer:
    """The forms and addresses that somebody can reach."""

    forms: dict[tuple[str, tuple[str, ...]], Form] = field(default_factory=dict)
    addresses: dict[str, None] = field(default_factory=dict)

    @property
    def posted(self) -> list[Form]:
        """Return every form once."""
        return list(self.forms.values())


class _Reader(HTMLParser):
    def __init__(self, path: str) -> None:
        super().__init__()
        self.path, self.links = path, dict.fromkeys([path])
        self.forms: list[Form] = []
        self._form: tuple[str, bool] | None = None
        self._fields: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "a" and given.get("href"):
            self.links[urljoin(self.path, given["href"])] = None
        elif tag == "form":
            is_posted = given.get("method", "").lower() == "post"
            target = urljoin(self.path, given.get("action") or self.path)
            self._form = (target, "multipart" in given.get("enctype", "")) if is_posted else None
            self._fields = []
        elif tag == "button" and self._form is not None and _removes(given):
            fields = (*self._fields, (given["name"], given["value"]))
            self.forms.append(Form(self._form[0], fields, self._form[1]))
        elif tag in ("input", "textarea", "select", "button") and given.get("name"):
            self._fields.append((given["name"], given.get("value", "")))
        if given.get("formaction"):
            self.forms.append(Form(given["formaction"], tuple(self._fields)))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form" and self._form is not None:
            path, is_multipart = self._form
            self.forms.append(Form(path, tuple(self._fields), is_multipart))
            self._form = None


def _removes(button: dict[str, str]) -> bool:
    """Whether a button removes something: in one request with others the portal would look at it alone."""
    return button.get("name") in REMOVING or button.get("value") == "delete"


def crawl(ask: Exchange, start: Sequence[str], *, avoid: Sequence[str] = ()) -> Offer:
    """Follow links from ``start`` over at most MOST_PAGES pages, but none with one of ``avoid`` in its address."""
    offer, waiting, seen = Offer(), list(start), set[str]()
    while waiting and len(seen) < MOST_PAGES:
        path = waiting.pop(0)
        # Of pages that differ in their last part alone, one of each kind is enough.
        kind = path.partition("?")[0]
        if kind in seen or any(word in path for word in avoid):
            continue
        seen.add(kind)
        answer = ask(Probe("GET", path))
        if "location" in answer.headers:
            waiting.append(_inside(answer.headers["location"]))
        if answer.status != 200 or "text/html" not in answer.headers.get("content-type", ""):
            continue
        offer.addresses[path] = None
        reader = _Reader(path)
        reader.feed(answer.body.decode("utf-8", "replace"))
        for form in reader.forms:
            if not any(word in form.path for word in avoid):
                offer.forms.setdefault((form.path, tuple(name for name, _ in form.fields)), form)
        waiting += [_inside(link) for link in reader.links if not urlsplit(link).netloc]
    return offer


def _inside(address: str) -> str:
    parts = urlsplit(address)
    return parts.path + (f"?{parts.query}" if parts.query else "")
