"""What the worker found about a file, in words for the officer. Closed codes come in, translated sentences go out."""

from __future__ import annotations

from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from complaints.services import case_items
from complaints.services.evidence import processing

# What a file tells of its origin; codes of adapters.media.hints.
BETRAYS: Final[dict[str, Any]] = {
    "place": gettext_lazy("place"),
    "device": gettext_lazy("device"),
    "author": gettext_lazy("author"),
    "people": gettext_lazy("names of other people"),
    "organisation": gettext_lazy("office or organisation"),
    "time": gettext_lazy("time"),
    "software": gettext_lazy("program it was made with"),
    "title": gettext_lazy("title or description"),
    "path": gettext_lazy("folder on the computer"),
    "thumbnail": gettext_lazy("small picture of an earlier state"),
    "history": gettext_lazy("earlier or deleted text"),
    "attachment": gettext_lazy("other files inside"),
    "script": gettext_lazy("macros or scripts"),
    "remote": gettext_lazy("addresses that a program would call by itself"),
}
# Why there is no clean copy; codes of adapters.media.refusal, of the sandbox, and the worker's own.
NO_COPY: Final[dict[str, Any]] = {
    "damaged": gettext_lazy("the file is cut or damaged"),
    "bomb": gettext_lazy("the file is small outside and monstrous inside"),
    "encrypted": gettext_lazy("the file is locked with a password"),
    "unsupported": gettext_lazy("this variant of the format cannot be written anew"),
    "too_large": gettext_lazy("the file is above the limit for clean copies"),
    "legacy": gettext_lazy("this old format hides too much to be cleaned"),
    "opaque": gettext_lazy("this kind of file is kept as it is"),
    "crashed": gettext_lazy("the program that reads such files broke down on it"),
    "memory": gettext_lazy("reading it took too much memory"),
    "time": gettext_lazy("reading it took too long"),
    "infected": gettext_lazy("the malware scanner found something in it"),
}
VARIANTS: Final[dict[str, Any]] = {
    "original": gettext_lazy("original"),
    "working": gettext_lazy("working copy"),
    "preview": gettext_lazy("preview"),
    "page": gettext_lazy("page as an image"),
}


def is_infected(item: case_items.EvidenceItem) -> bool:
    """Whether the scanner found something in an item's original."""
    return item.findings is not None and item.findings.scan == "infected"


def is_risky(item: case_items.EvidenceItem) -> bool:
    """Whether opening the original asks for a second word: malware in it, or a scanner that has not read it yet."""
    return bool(processing.risk(item.findings))


def betrayed(item: case_items.EvidenceItem) -> str:
    """Return what the original tells of its origin, "" where nothing was found."""
    later = item.findings.betrays if item.findings else []
    codes = dict.fromkeys([*item.original.info.betrays, *later])
    return ", ".join(str(BETRAYS.get(code, code)) for code in codes)


def warnings(item: case_items.EvidenceItem) -> list[str]:
    """Return what an officer must know before they open or release an item."""
    said, found = [], item.findings
    if found and is_infected(item):
        said.append(_("The malware scanner found “%(name)s” in the original.") % {"name": found.threat or "?"})
    if found and found.scan not in {"off", "clean", "infected"}:
        said.append(_("The malware scanner could not read the original to its end."))
    if found and found.disagrees:
        said.append(_("The name says another kind of file than the content: the content counts here."))
    if words := betrayed(item):
        said.append(_("The original tells of its origin: %(what)s.") % {"what": words})
    return said


def remarks(item: case_items.EvidenceItem) -> list[str]:
    """Return the rest: pages, scan, and why there is no clean copy."""
    said, found = [], item.findings
    if found and found.pages:
        said.append(ngettext("%(pages)d page", "%(pages)d pages", found.pages) % {"pages": found.pages})
    if found and found.scan in {"off", "clean"}:
        scanned = found.scan == "clean"
        said.append(_("scanned, nothing found") if scanned else _("not scanned: no scanner is set up"))
    if item.working is None:
        reason = NO_COPY.get(found.no_copy) if found else None
        said.append(_("no working copy: %(why)s") % {"why": reason} if reason else item.row.get_state_display())
    return said
