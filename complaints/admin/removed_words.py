"""Words that were removed from a report and still stand in what a body would read, in a report or a text of the office.

Whoever writes the covering note has the originals before them. What was blacked out of a report leaves by such a note
as well as by the report, so a form whose own words hold it is sent at the second press only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

from django import forms
from django.utils.translation import gettext as _

from complaints.admin.base import StaffRequest
from complaints.domain import redaction
from complaints.services import redactions
from complaints.services.case_file import ComplaintFile
from complaints.services.forwarding.contents import Content, ReportContent


@dataclass(frozen=True)
class WordsLeft:
    """Removed words with where they stand: in what the office writes, and in what reporters wrote."""

    of_office: dict[str, list[str]]
    of_reporters: dict[str, list[str]]

    @property
    def lines(self) -> list[tuple[str, str]]:
        """Return each word with where it stands."""
        words = sorted({*self.of_office, *self.of_reporters})
        return [(word, ", ".join([*self.of_office.get(word, []), *self.of_reporters.get(word, [])])) for word in words]


def words_left(request: StaffRequest, reports: Sequence[ComplaintFile], content: Content) -> WordsLeft:
    """Return the removed words of these reports that still stand in what a body would read.

    The name of the accused is left out. Four queries where something was removed, else one. Raises Locked, SealError,
    UnpinnedKey.
    """
    complaints = [report.complaint for report in reports]
    counted = redactions.of_reports(keyring=request.keyring, complaints=complaints)
    some = [complaint for complaint in complaints if any(counted[complaint.pk].by_target.values())]
    removed: set[str] = set()
    for report, texts in redactions.read_texts(keyring=request.keyring, complaints=some).items() if some else ():
        for target, text in texts.items():
            instructions = counted[report].of(target)
            removed |= redaction.removed_words(text, instructions.spans) if instructions else set()
    accused = " ".join(str(report.answers.get("accused_name") or "") for report in reports)
    removed -= set(redaction.leftovers(removed, {"": accused}))
    return WordsLeft(redaction.leftovers(removed, _of_office(content)), redaction.leftovers(removed, _texts(content)))


def _of_office(content: Content) -> dict[str, str]:
    texts = {_("covering note"): content.cover}
    for report in content.reports:
        name = _("notes on report %(number)d") % {"number": report.number}
        texts[name] = "\n".join(text for _day, text in report.notes)
    return texts


def _texts(content: Content) -> dict[str, str]:
    return {_("report %(number)d") % {"number": report.number}: _text(report) for report in content.reports}


def _text(report: ReportContent) -> str:
    answers = [value for value in report.answers.values() if isinstance(value, str)]
    posts = [str(value) for post in report.posts for value in post.values()]
    return "\n".join([*answers, *posts, *(text for _day, text in report.messages)])


def is_sent_so(form: forms.Form, left: WordsLeft) -> bool:
    """Whether a form may be sent: no removed word is in the office's own texts, or the person has read which are.

    Else the form gets an error that names them, and :func:`mark` is what it sends with the next press.
    """
    if not left.of_office or form.data.get("left") == mark(left):
        return True
    words = _(
        "These words were removed from a report and stand in what you send: %(words)s. Change the text, or press the "
        "button once more to send it all the same."
    )
    named = [f"{word} ({', '.join(names)})" for word, names in left.of_office.items()]
    form.add_error("cover", words % {"words": "; ".join(named)})
    return False


def mark(left: WordsLeft) -> str:
    """Return a short text that stands for the words that were named."""
    return f"{crc32(repr(sorted(left.of_office.items())).encode()):08x}"
