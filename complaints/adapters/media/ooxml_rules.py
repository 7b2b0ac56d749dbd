"""Rules for the XML in Word, Excel and PowerPoint files, element by element; for ``ooxml`` only."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from complaints.adapters.media import markup
from complaints.adapters.media.markup import Aliases, local

_DROPPED: Final = markup.names(
    # Word: revision ids, locations of template and data, live fields, embedded programs
    "rsids docId attachedTemplate mailMerge docVars attachedSchema saveThroughXslt writeProtection dataBinding",
    "OLEObject control fldChar instrText delInstrText",
    # Excel: names of users, folders, links to other files, embedded programs, web publishing
    "fileSharing absPath revisionPtr customWorkbookViews customSheetViews externalReferences webPublishing",
    "webPublishObjects oleObjects controls customPr customProperties",
    # PowerPoint and charts
    "creationId modifyId custDataLst externalData modifyVerifier",
)
_UNWRAPPED: Final = markup.names("fldSimple")
_DROPPED_ATTRIBUTES: Final = markup.names(
    "paraId textId descr uid refreshedBy refreshedDate refreshedDateIso dateUtc userName"
)
_COMMENT_TIMES: Final = {"cm": {"dt", "created"}, "reply": {"created"}}
# Elements that are valid without the file that they refer to; others are dropped with their relationship.
_VALID_WITHOUT_TARGET: Final = markup.names("hyperlink blip imagedata pageSetup oleObj fill stroke background")
_PERSON: Final = markup.names("cmAuthor author")
_FIELD_RESULTS: Final = markup.names("t delText drawing pict object")
# Other workbooks, DDE, and functions that make requests by themselves.
_UNSAFE_FORMULA: Final = re.compile(
    r"\[\d+\]|\||\b(WEBSERVICE|FILTERXML|RTD|CALL|REGISTER(\.ID)?|EXEC|HYPERLINK|IMAGE|STOCKHISTORY|PY)\s*\(", re.I
)
_FILE_NAME: Final = re.compile(r"[\\/]|\.\w{3,4}$")


@dataclass
class PartRules(markup.Rules):
    """Rules for one part; ``lost`` holds the ids of its relationships that were left out."""

    drop: frozenset[str] = _DROPPED
    unwrap: frozenset[str] = _UNWRAPPED
    lost: frozenset[str] = frozenset()
    aliases: Aliases = field(default_factory=Aliases)
    # For each open Word field, whether its instruction is being read and not its result.
    fields: list[bool] = field(default_factory=list)
    unsafe: set[str] = field(default_factory=set)
    share: str = ""

    def start(self, name: str, attributes: Mapping[str, str]) -> Mapping[str, str] | None:
        """Drop elements that run, make requests or name a person; keep those that are shown."""
        tag = local(name)
        if tag == "fldChar":
            self._update_fields({local(key): value for key, value in attributes.items()}.get("fldCharType", ""))
        if tag in self.drop or (tag in _FIELD_RESULTS and any(self.fields)):
            return None
        if not attributes:
            return None if self._shares_unsafe_formula(tag, attributes) else attributes
        remaining = self._without_lost(tag, {key: value for key, value in attributes.items() if not _is_dropped(key)})
        if remaining is None or self._shares_unsafe_formula(tag, remaining):
            return None
        for key in _COMMENT_TIMES.get(tag, ()):
            remaining.pop(key, None)
        return self._with_aliases(tag, remaining)

    def text(self, text: str) -> str | None:
        """Replace the names of comment authors; drop unsafe formulas, whose last value stays."""
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
        """End all field instructions with their paragraph: a field that never ends must not hide the rest."""
        if local(name) == "p":
            self.fields = [False] * len(self.fields)

    def _shares_unsafe_formula(self, tag: str, attributes: Mapping[str, str]) -> bool:
        """Return whether a cell shares a formula that was dropped in its first cell."""
        if tag != "f":
            return False
        self.share = attributes.get("si", "")
        return bool(self.share) and self.share in self.unsafe

    def _update_fields(self, char_type: str) -> None:
        if char_type == "begin":
            self.fields.append(True)
        elif self.fields and char_type == "separate":
            self.fields[-1] = False
        elif self.fields and char_type == "end":
            self.fields.pop()

    def _without_lost(self, tag: str, attributes: dict[str, str]) -> dict[str, str] | None:
        """Remove references to lost relationships; return None where the element is nothing without one."""
        references = {key for key, value in attributes.items() if ":" in key and value in self.lost}
        if references and (
            tag not in _VALID_WITHOUT_TARGET or (self.path[-2:-1] == ["hyperlinks"] and "location" not in attributes)
        ):
            return None
        return {key: value for key, value in attributes.items() if key not in references}

    def _with_aliases(self, tag: str, attributes: dict[str, str]) -> dict[str, str]:
        names = {local(key): key for key in attributes}
        changed: dict[str, str] = {}
        if "author" in names:  # Word: comments and tracked changes
            changed = {names["author"]: self.aliases(attributes[names["author"]])}
            attributes.pop(names.get("date", ""), None)
        if tag in _PERSON and "name" in names:  # PowerPoint
            changed = {names["name"]: self.aliases(attributes[names["name"]])}
            blanks = {"userId": "", "providerId": "None"}
            changed |= {names[key]: blank for key, blank in blanks.items() if key in names}
        if changed and "initials" in names:
            changed[names["initials"]] = ""
        if tag in {"docPr", "cNvPr"}:
            attributes.pop("title", None)
            if _FILE_NAME.search(attributes.get("name", "")):
                changed["name"] = ""
        return {**attributes, **changed}


def _is_dropped(key: str) -> bool:
    name = local(key)
    return name in _DROPPED_ATTRIBUTES or name.startswith("rsid")
