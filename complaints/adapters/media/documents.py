"""Codes of revealing metadata in office documents (OOXML, OpenDocument). Runs in the sandbox only."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from complaints.adapters.media import hints, images, kinds, losses, markup, ooxml, zips
from complaints.adapters.media.hidden_content import HiddenContent
from complaints.adapters.media.markup import local
from complaints.adapters.media.refusal import Unreadable
from complaints.adapters.media.vocabulary import names_a_place

_LARGE: Final = 64 * 1024 * 1024
_PICTURES_READ: Final = 20
# Parts whose presence alone gives a code.
_BY_NAME: Final = (
    (re.compile(r"vbaProject|/macrosheets/|^Basic/|^Scripts/|vbaData", re.I), "script"),
    (re.compile(r"/embeddings/|/activeX/|^Object \d+$|\.ole$", re.I), "attachment"),
    (re.compile(r"docProps/thumbnail|^Thumbnails/", re.I), "thumbnail"),
    (re.compile(r"people\.xml$|/persons/|[cC]ommentAuthors|/authors\.xml$"), "people"),
    (re.compile(r"xl/revisions/|changesInfos/", re.I), "history"),
    (re.compile(r"printerSettings", re.I), "device"),
)
_PROPERTIES: Final = re.compile(r"docProps/(core|app)\.xml|meta\.xml", re.I)
_CUSTOM: Final = re.compile(r"docProps/custom\.xml", re.I)
_OPEN: Final = re.compile(r"(content|styles|settings)\.xml", re.I)
_PARTS: Final = re.compile(r"(word|xl|ppt)/[\w/]*\w\.xml|(content|styles|settings)\.xml", re.I)
_RELATIONSHIPS: Final = re.compile(r"(.*/)?_rels/.*\.rels", re.I)
_PICTURE: Final = re.compile(r"(.*/media|Pictures)/.*", re.I)
_CHANGES: Final = markup.names("ins del moveFrom moveTo tracked-changes")
# Attributes with names of persons: authors, holders of permissions, accounts in descriptors of rights.
_PEOPLE: Final = markup.names("author refreshedBy userName ed securityDescriptor userId")
_FORMULAS: Final = markup.names("formula expression")
_FORMULA_TEXTS: Final = markup.names("f formula definedName")
_LOADED: Final = re.compile(r"(https?|ftp|smb):", re.I)
# An address that begins so leads to another place than the author's computer, or to one in the document.
_WEB_ADDRESS: Final = re.compile(r"(?!file:)[a-z][a-z0-9+.-]+:|www\.|#", re.I)
_REQUESTS: Final = re.compile(r"\b(WEBSERVICE|DDE|RTD|IMAGE|STOCKHISTORY)\s*\(|\w\|'?\w", re.I)
_SOFTWARE_FIELDS: Final = markup.names("Application AppVersion generator")


@dataclass
class _Properties(markup.Rules):
    """Collects the codes of the property fields that are not empty."""

    codes: set[str] = field(default_factory=set)

    def text(self, text: str) -> str | None:
        if text.strip():
            self.codes.add("software" if self.path[-1] in _SOFTWARE_FIELDS else hints.code_of(self.path[-1]))
        return text


@dataclass
class _Content(markup.Rules):
    """Collects the codes of names, changes and folders in the parts that hold the text."""

    codes: set[str] = field(default_factory=set)
    note: Callable[[Sequence[str], Mapping[str, str]], None] = HiddenContent().note

    def start(self, name: str, attributes: Mapping[str, str]) -> Mapping[str, str] | None:
        self.note(self.path, attributes)
        tag, values = local(name), {local(key): value for key, value in attributes.items()}
        if tag in _CHANGES and (tag == "tracked-changes" or "author" in values):
            self.codes.add("history")
        if any(values.get(key) for key in _PEOPLE) or (tag == "scenario" and values.get("user")):
            self.codes.add("people")
        if tag == "absPath":
            self.codes.add("path")
        for key in _FORMULAS & values.keys():
            self._judge(values[key])
        if "href" in values:
            self._judge_target(tag, values["href"])
        return attributes

    def _judge(self, formula: str) -> None:
        """Take note of a formula or name that leads outside of the file."""
        if names_a_place(formula):
            self.codes.add("path" if hints.names_own_place(formula) else "remote")
        if _REQUESTS.search(formula):
            self.codes.add("remote")

    def _judge_target(self, tag: str, target: str) -> None:
        """Take note of an OpenDocument's link to a file, and of what it loads from outside."""
        if target.startswith("../") or hints.names_own_place(target):
            self.codes.add("path")
        elif tag != "a" and _LOADED.match(target):
            self.codes.add("remote")

    def text(self, text: str) -> str | None:
        inside, outside = self.path[-1], self.path[-2:-1]
        if inside in _FORMULA_TEXTS:
            self._judge(text)
        if text.strip() and (inside == "author" or (inside == "creator" and outside != ["meta"])):
            self.codes.add("people")
        if text.strip() and inside == "config-item" and "rinter" in "".join(self.path):
            self.codes.add("device")
        return text


def inspect(source: BinaryIO, media_type: str) -> set[str]:
    """Return the codes of ``hints.CODES`` that apply; raises Unreadable (damaged, encrypted, or a bomb).

    A part that cannot be read stops no other; "partly" tells that there is one.
    """
    with zips.opened(source) as archive:
        zips.refuse_locked(archive)
        hidden = HiddenContent()
        codes = {code for name in archive for pattern, code in _BY_NAME if pattern.search(name)}
        for name in archive:
            try:
                codes |= _codes_of_name(archive, name, hidden)
            except Unreadable as refused:
                if refused.code != "damaged":
                    raise
                codes.add("partly")
        codes |= _codes_of_pictures(archive)
    if hidden.codes & losses.UNSEEN:
        codes.add("hidden")
    return codes & set(hints.CODES)


def _codes_of_name(archive: zips.Archive, name: str, hidden: HiddenContent) -> set[str]:
    if _PROPERTIES.fullmatch(name):
        return _codes_of_part(archive, name, _Properties())
    if _CUSTOM.fullmatch(name):
        return {"title"}
    if _PARTS.fullmatch(name) and archive.size(name) <= _LARGE:
        note = hidden.note_open if _OPEN.fullmatch(name) else hidden.note
        return _codes_of_part(archive, name, _Content(note=note))
    return _codes_of_relationships(archive, name) if _RELATIONSHIPS.fullmatch(name) else set()


def _codes_of_part(archive: zips.Archive, name: str, rules: _Properties | _Content) -> set[str]:
    with archive.open(name) as stream:
        markup.read(stream, rules, archive.allowance)
    return rules.codes


def _codes_of_relationships(archive: zips.Archive, name: str) -> set[str]:
    """Return the codes of links that are loaded from outside, or that name a folder of the author's computer."""
    folder, _, part = name.rpartition("_rels/")
    codes = set()
    for item in ooxml.relationships(archive, folder + part.removesuffix(".rels")):
        if item.external and not _WEB_ADDRESS.match(item.target):
            codes.add("path")
        elif item.external and not item.type.endswith("/hyperlink"):
            codes.add("remote")
    return codes


def _codes_of_pictures(archive: zips.Archive) -> set[str]:
    pictures = [name for name in archive if _PICTURE.fullmatch(name)]
    names = [name for name in pictures if archive.size(name) <= _LARGE]
    codes = {"partly"} if len(pictures) > min(len(names), _PICTURES_READ) else set[str]()
    for name in names[:_PICTURES_READ]:
        try:
            data = archive.read(name)
            codes |= images.inspect(io.BytesIO(data), kinds.recognise(data))
        except Unreadable:
            continue  # no picture with metadata
    return codes
