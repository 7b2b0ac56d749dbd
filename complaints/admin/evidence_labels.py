"""Words for officers on what a file holds and on what was looked at, by the codes of ``adapters.media.hints``.

The reporter reads the same in ``forms.traces``: a sentence says no more than a check behind it has seen.
"""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from complaints.admin.labels import Label
from complaints.domain.file_names import exhibit_name

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
    "film": gettext_lazy("short film with sound behind the photo"),
    "second-picture": gettext_lazy("second picture"),
    "remnant": gettext_lazy("data beside the picture, perhaps of the picture before it was cropped"),
    "provenance": gettext_lazy("signed record of device, program and time"),
    "hidden": gettext_lazy("hidden sheets, rows, text or layers"),
    "names": gettext_lazy("names of senders or contacts"),
    "phones": gettext_lazy("telephone numbers"),
    "emails": gettext_lazy("e-mail addresses"),
    "numbers": gettext_lazy("long numbers, such as NIP or NIK"),
    "addresses": gettext_lazy("postal addresses"),
    "hours": gettext_lazy("times of day"),
    "network": gettext_lazy("internet addresses of computers"),
}
# What the check of a file that could be read did not look at, by the groups of adapters.media.inspection.
NOT_LOOKED_AT: Final[dict[str, Label]] = {
    "picture": gettext_lazy("its hidden data was checked, not what the picture shows"),
    "sound": gettext_lazy("its hidden data was checked, not what is said"),
    "film": gettext_lazy("its hidden data was checked, not what is seen and heard"),
    "document": gettext_lazy("its hidden data was checked, not what the document says and shows"),
    "text": gettext_lazy("the text was searched for names, numbers, addresses and times; there is no cleaned copy"),
    "archive": gettext_lazy("texts and pictures inside were checked, other files were not opened"),
}
PARTLY: Final = gettext_lazy("only a part of the original was checked")
UNCHECKED: Final = gettext_lazy("the original was not checked for traces")


def file_label(report: int, number: int) -> str:
    """Return the name of a file with the number of its report, as its reader counts reports."""
    return _("Report %(report)d, %(file)s") % {"report": report, "file": exhibit_name(number)}
