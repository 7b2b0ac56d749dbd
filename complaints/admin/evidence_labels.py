"""Labels of what the worker found in a file: the codes come in, translated text for the officer goes out."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from complaints.admin.labels import Label
from complaints.services import case_items
from complaints.services.evidence import processing

# What a file tells of its origin, by the codes of adapters.media.hints.
ORIGIN_TRACES: Final[dict[str, Label]] = {
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
# Why there is no clean copy, by the codes of adapters.media.refusal, of the sandbox and of the worker.
NO_COPY: Final[dict[str, Label]] = {
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
VARIANTS: Final[dict[str, Label]] = {
    "original": gettext_lazy("original"),
    "working": gettext_lazy("working copy"),
    "preview": gettext_lazy("preview"),
    "page": gettext_lazy("page as an image"),
}


def is_risky(item: case_items.EvidenceItem) -> bool:
    """Whether opening the original must be confirmed: it holds malware, or the scanner has not read it yet."""
    return bool(processing.risk(item.findings))


def origin_traces(item: case_items.EvidenceItem) -> str:
    """Return what the original tells of its origin, in one line; "" where nothing was found."""
    found_later = item.findings.betrays if item.findings else []
    codes = dict.fromkeys([*item.original.info.betrays, *found_later])
    return ", ".join(str(ORIGIN_TRACES.get(code, code)) for code in codes)


def evidence_warnings(item: case_items.EvidenceItem) -> list[str]:
    """Return what an officer must know before they open or release an item."""
    lines, report = [], item.findings
    if report and report.scan == "infected":
        lines.append(_("The malware scanner found “%(name)s” in the original.") % {"name": report.threat or "?"})
    if report and report.scan not in {"off", "clean", "infected"}:
        lines.append(_("The malware scanner could not read the original to its end."))
    if report and report.disagrees:
        lines.append(_("The name says another kind of file than the content: the content counts here."))
    if traces := origin_traces(item):
        lines.append(_("The original tells of its origin: %(what)s.") % {"what": traces})
    return lines


def evidence_remarks(item: case_items.EvidenceItem) -> list[str]:
    """Return what else the worker found: the number of pages, the scan, and why there is no working copy."""
    lines, report = [], item.findings
    if report and report.pages:
        lines.append(ngettext("%(pages)d page", "%(pages)d pages", report.pages) % {"pages": report.pages})
    if report and report.scan in {"off", "clean"}:
        is_scanned = report.scan == "clean"
        lines.append(_("scanned, nothing found") if is_scanned else _("not scanned: no scanner is set up"))
    if item.working is None:
        reason = NO_COPY.get(report.no_copy) if report else None
        lines.append(_("no working copy: %(why)s") % {"why": reason} if reason else item.row.get_state_display())
    return lines
