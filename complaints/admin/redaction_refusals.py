"""Why nothing can be removed of a file, and what an officer does instead, by the kind of the file."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from complaints.adapters.media.inspection import GROUPS
from complaints.admin.case_evidence import NO_COPY
from complaints.admin.labels import Label
from complaints.models.evidence import Evidence
from complaints.services.case_file import EvidenceItem
from complaints.services.evidence.redacted_copies import PDF, PLAIN, manner

# Of these kinds nothing can be written without a part of it.
INSTEAD: Final[dict[str, Label]] = {
    "film": gettext_lazy(
        "Nothing can be removed of this kind of film here. Leave it out, or ask the reporter for the film in another "
        "format, for example MP4, or for single pictures of it."
    ),
    "document": gettext_lazy(
        "Nothing can be removed of a document of this kind here, because it has no working copy. Leave it out, or ask "
        "the reporter for a PDF or a photo of the pages that matter."
    ),
    "text": gettext_lazy(
        "Nothing can be removed of a web page or an RTF document here. Leave it out, and quote in the covering note "
        "the passages that matter."
    ),
    "archive": gettext_lazy(
        "Nothing can be removed of an archive here. Leave it out, or ask the reporter for the files that matter, one "
        "by one."
    ),
}


def waits_for_copy(item: EvidenceItem) -> str:
    """Return in words why a file has no working copy so far, "" where it has one or gets none."""
    is_coming = item.row.state in (Evidence.State.PENDING, Evidence.State.OFFICER)
    return str(item.row.get_state_display()) if is_coming and item.working is None else ""


def manner_of(item: EvidenceItem) -> str:
    """Return how parts of a file are removed, as ``manner``; "" where it has no working copy and is no plain text."""
    source = item.working or (item.original if item.original.info.type == PLAIN else None)
    return manner(source.info.type) if source and not waits_for_copy(item) else ""


def why_not(item: EvidenceItem) -> str:
    """Return why nothing can be removed of a file that has all its copies, and what to do instead; "" where it can."""
    if manner_of(item):
        return ""
    media_type = item.original.info.type
    group = "" if media_type == PDF else GROUPS.get(media_type, "")
    if group in INSTEAD:
        return str(INSTEAD[group])
    reason = NO_COPY.get(item.findings.no_copy if item.findings else "", NO_COPY["crashed"])
    words = _(
        "Parts are removed of a working copy only, and this file has none: %(reason)s. Leave it out, or ask the "
        "reporter to send it again, for example as a photo or a screenshot."
    )
    return words % {"reason": reason}
