"""What of the XML inside Word, Excel and PowerPoint files stays: element by element, for ``ooxml`` only."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from complaints.adapters.media import markup
from complaints.adapters.media.markup import Aliases, local

_GONE: Final = markup.names(
    # Word: revision ids, where its template and data lie, live fields, embedded programs
    "rsids docId attachedTemplate mailMerge docVars attachedSchema saveThroughXslt writeProtection dataBinding",
    "OLEObject control fldChar instrText delInstrText",
    # Excel: names of users, folders, links to other files, embedded programs, scripts on the web
    "fileSharing absPath revisionPtr customWorkbookViews customSheetViews externalReferences webPublishing",
    "webPublishObjects oleObjects controls customPr customProperties",
    # PowerPoint and charts
    "creationId modifyId custDataLst externalData modifyVerifier",
)
_UNWRAPPED: Final = markup.names("fldSimple")
_GONE_ATTRIBUTES: Final = markup.names(
    "paraId textId descr uid refreshedBy refreshedDate refreshedDateIso dateUtc userName"
)
_COMMENT_TIMES: Final = {"cm": {"dt", "created"}, "reply": {"created"}}
# These mean something without the file that they pointed to; other elements go with their relationship.
_STAY_WITHOUT: Final = markup.names("hyperlink blip imagedata pageSetup oleObj fill stroke background")
_PERSON: Final = markup.names("cmAuthor author")
_FIELD_RESULTS: Final = markup.names("t delText drawing pict object")
# Other workbooks, DDE, and functions that call out by themselves.
_UNSAFE_FORMULA: Final = re.compile(
    r"\[\d+\]|\||\b(WEBSERVICE|FILTERXML|RTD|CALL|REGISTER(\.ID)?|EXEC|HYPERLINK|IMAGE|STOCKHISTORY|PY)\s*\(", re.I
)
_FILE_NAME: Final = re.compile(r"[\\/]|\.\w{3,4}$")


@dataclass
class PartRules(markup.Rules):
    """Rules for one part; ``lost`` holds the ids of its relationships that were left out."""

    drop: frozenset[str] = _GONE
    unwrap: frozenset[str] = _UNWRAPPED
    lost: frozenset[str] = frozenset()
    aliases: Aliases = field(default_factory=Aliases)
    # One entry for each Word field that is open: whether its instruction, not its result, is being read.
    fields: list[bool] = field(default_factory=list)
    unsafe: set[str] = field(default_factory=set)
    share: str = ""

    def start(self, name: str, attributes: Mapping[str, str]) -> Mapping[str, str] | None:
        """Drop what runs, calls out or names somebody; keep what is shown."""
        tag = local(name)
        if tag == "fldChar":
            self._turn_field({local(key): value for key, value in attributes.items()}.get("fldCharType", ""))
        if tag in self.drop or self._hidden_by_field(tag):
            return None
        kept = self._without_lost(tag, {key: value for key, value in attributes.items() if not _forgettable(key)})
        if kept is None or self._unsafe_share(tag, kept):
            return None
        for key in _COMMENT_TIMES.get(tag, ()):
            kept.pop(key, None)
        return self._nameless(tag, kept)

    def text(self, text: str) -> str | None:
        """Replace names of comment writers; drop unsafe formulas, whose last value stays."""
        inside, outside = self.path[-1], self.path[-2:-1]
        if inside == "author":
            return self.aliases(text)
        if inside == "t" and "comment" in self.path:
            return self.aliases.relabelled(text)
        if inside in {"f", "formula", "definedName"} and _UNSAFE_FORMULA.search(text):
            self.unsafe.add(self.share)
            return None if inside == "definedName" or outside == ["c"] else ""
        return text

    def end(self, name: str) -> None:
        """No instruction of a field outlives its paragraph: a field that never ends must not hide the rest."""
        if local(name) == "p":
            self.fields = [False] * len(self.fields)

    def _unsafe_share(self, tag: str, attributes: Mapping[str, str]) -> bool:
        """Whether a cell shares a formula that was dropped where it stood first."""
        if tag != "f":
            return False
        self.share = attributes.get("si", "")
        return bool(self.share) and self.share in self.unsafe

    def _turn_field(self, turn: str) -> None:
        if turn == "begin":
            self.fields.append(True)
        elif self.fields and turn == "separate":
            self.fields[-1] = False
        elif self.fields and turn == "end":
            self.fields.pop()

    def _hidden_by_field(self, tag: str) -> bool:
        return tag in _FIELD_RESULTS and any(self.fields)

    def _without_lost(self, tag: str, attributes: dict[str, str]) -> dict[str, str] | None:
        """Take away references to relationships that are gone, and elements that are nothing without one."""
        gone = {key for key, value in attributes.items() if ":" in key and value in self.lost}
        if gone and (tag not in _STAY_WITHOUT or (self.path[-2:-1] == ["hyperlinks"] and "location" not in attributes)):
            return None
        return {key: value for key, value in attributes.items() if key not in gone}

    def _nameless(self, tag: str, attributes: dict[str, str]) -> dict[str, str]:
        names = {local(key): key for key in attributes}
        changed: dict[str, str] = {}
        if "author" in names:  # Word: comments and tracked changes
            changed = {names["author"]: self.aliases(attributes[names["author"]])}
            attributes.pop(names.get("date", ""), None)
        if tag in _PERSON and "name" in names:  # PowerPoint
            changed = {names["name"]: self.aliases(attributes[names["name"]])}
            changed |= {names[key]: "" for key in ("userId",) if key in names}
            changed |= {names[key]: "None" for key in ("providerId",) if key in names}
        if changed and "initials" in names:
            changed[names["initials"]] = ""
        if tag in {"docPr", "cNvPr"}:
            attributes.pop("title", None)
            if _FILE_NAME.search(attributes.get("name", "")):
                changed["name"] = ""
        return {**attributes, **changed}


def _forgettable(key: str) -> bool:
    name = local(key)
    return name in _GONE_ATTRIBUTES or name.startswith("rsid")
