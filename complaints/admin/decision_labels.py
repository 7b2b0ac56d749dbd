"""What a body recorded, in words: each decision as lines, and what was recommended beside what was imposed."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from django.template.defaultfilters import filesizeformat
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from complaints.admin.labels import Label, staff_name, step_done_label
from complaints.domain.law.comparison import Comparison, compare
from complaints.domain.law.vocabulary import CriminalOutcome, Penalty
from complaints.domain.workflow import Action
from complaints.forms.law_labels import CRIMINAL_OUTCOMES, PENALTIES
from complaints.models.reference_data import SanctionKind
from complaints.models.team import Staff
from complaints.services import legal_basis
from complaints.services.forwarding.decision_copies import CopyLine
from complaints.services.forwarding.reading import DecisionEntry, SealedContent
from complaints.services.forwarding.records import OUTCOMES, HearingKind, NoSanction

COPY_REFUSALS: Final[dict[str, Label]] = {
    "type": gettext_lazy("This is neither a PDF nor a picture. Choose a copy of the decision of one of these kinds."),
    "empty": gettext_lazy("This file is empty. Choose it again."),
    "infected": gettext_lazy(
        "The malware scanner found something in this file. Nothing was recorded: take another copy, or record the "
        "decision without one."
    ),
    "locked": gettext_lazy("This file is locked by a password. Choose a copy that opens without it."),
    "unreadable": gettext_lazy(
        "This file cannot be read. Nothing was recorded: choose another copy, or record the decision without one."
    ),
    "scanner": gettext_lazy(
        "The file cannot be checked for malware now. Nothing was recorded: try again in a few minutes, or record the "
        "decision without a copy."
    ),
    "store": gettext_lazy("The file could not be stored. Nothing was recorded: try again later."),
}
_COMPARISONS: Final[dict[Comparison, Label]] = {
    Comparison.LIGHTER: gettext_lazy("lighter than recommended"),
    Comparison.EQUAL: gettext_lazy("as recommended"),
    Comparison.HEAVIER: gettext_lazy("heavier than recommended"),
}
_STATUSES: Final = {"pns": "PNS", "pppk": "PPPK"}
_FINDINGS: Final[dict[str, Label]] = {
    "substantiate": gettext_lazy("proven"),
    "dismiss": gettext_lazy("not proven"),
}


@dataclass(frozen=True)
class CopyLabel:
    """A stored copy of a decision as a page offers it."""

    id: uuid.UUID
    label: str


@dataclass(frozen=True)
class DecisionLines:
    """What a page shows of a decision: what it was, facts as (label, value), and the words.

    ``lacks_copy`` says that it is a decision of others of which no copy is stored.
    """

    at: datetime
    what: str
    rows: list[tuple[str, str]]
    text: str
    copies: list[CopyLabel]
    lacks_copy: bool


@dataclass(frozen=True)
class ComparedRow:
    """A line of the table of recommended and imposed: its label, and the two values."""

    label: str
    recommended: str
    imposed: str


@dataclass(frozen=True)
class ComparedSanctions:
    """What was recommended beside what was decided; ``verdict`` is "" where no text ranks the two."""

    rows: list[ComparedRow]
    verdict: str


def _day(value: str) -> str:
    return date_format(date.fromisoformat(value), "l, j M Y") if value else ""


def kinds_of(contents: Iterable[SealedContent]) -> dict[str, SanctionKind]:
    """Return the kinds of sanction that decisions name, by code; one query."""
    codes = {code for content in contents for code in (*content.get("kinds", ()), content.get("kind", "")) if code}
    return SanctionKind.objects.in_bulk(codes) if codes else {}


def _kind_labels(codes: Iterable[str], kinds: Mapping[str, SanctionKind]) -> str:
    return "; ".join(str(kinds.get(code, code)) for code in codes)


def decision_lines(
    entries: Sequence[DecisionEntry],
    copies: Mapping[uuid.UUID, list[CopyLine]] | None = None,
    *,
    with_people: bool = False,
) -> list[DecisionLines]:
    """Describe what a body decided, in order of time; ``with_people`` names who did, for the body itself."""
    kinds = kinds_of(entry.content for entry in entries)
    people = Staff.objects.in_bulk({entry.author for entry in entries}) if with_people else {}
    stored = copies or {}
    return [
        DecisionLines(
            at=entry.at,
            what=step_done_label(entry.content["outcome"]),
            rows=[*_rows(entry.content, kinds), *_person(people.get(entry.author))],
            text=entry.content.get("text", ""),
            copies=[CopyLabel(line.row.pk, _copy_label(line)) for line in stored.get(entry.id, [])],
            lacks_copy=entry.kind == "sanction" and not entry.content.get("copies"),
        )
        for entry in sorted(entries, key=lambda entry: entry.at)
    ]


def _person(person: Staff | None) -> list[tuple[str, str]]:
    return [(_("By"), staff_name(person))] if person else []


def _copy_label(line: CopyLine) -> str:
    size = filesizeformat(line.info.length)
    is_original = line.row.variant == line.row.Variant.ORIGINAL
    kind = _("Copy as it was sent") if is_original else _("Copy without metadata")
    return f"{kind} ({line.info.label}, {size})"


def _rows(content: SealedContent, kinds: Mapping[str, SanctionKind]) -> list[tuple[str, str]]:
    """Return the facts of a decision as (label, value), those that it has."""
    named = [*_what(content, kinds), *_letter(content)]
    return [(label, value) for label, value in named if value]


def _what(content: SealedContent, kinds: Mapping[str, SanctionKind]) -> Iterator[tuple[str, str]]:
    outcome = content["outcome"]
    if outcome == Action.HEAR_ACCUSED:
        yield _("What happened"), str(HearingKind(content["kind"]).label)
    elif outcome == Action.PROPOSE_FINDING:
        yield _("Proposed finding"), str(_FINDINGS[content["finding"]])
    elif outcome == Action.AWAIT_AGENCY:
        yield _("Recommended sanction"), _kind_labels(content.get("kinds", ()), kinds)
    elif outcome in OUTCOMES:
        yield _("What ended the matter"), str(NoSanction(content["why"]).label) if content.get("why") else ""
        yield _("Kind of sanction"), _kind_labels([content["kind"]] if content.get("kind") else [], kinds)
    elif outcome == Action.CRIMINAL_OUTCOME:
        yield from _crime(content)
    yield _("The accused is"), _STATUSES.get(content.get("accused_status", ""), "")


def _crime(content: SealedContent) -> Iterator[tuple[str, str]]:
    yield _("Who decided, and what"), str(CRIMINAL_OUTCOMES[CriminalOutcome(content["criminal"])])
    yield _("Penalty"), ", ".join(str(PENALTIES[Penalty(code)]) for code in content["penalties"])
    offence = content["offence"] or ""
    yield _("Offence"), legal_basis.offences().get(offence, offence)


def _letter(content: SealedContent) -> Iterator[tuple[str, str]]:
    yield _("To whom"), content.get("addressee", "")
    yield _("Number"), content.get("number", "")
    yield _("Date"), _day(content.get("decided_on", ""))
    if content["outcome"] == Action.AWAIT_AGENCY:
        yield _("To be answered by"), _day(content.get("due_on", "")) or _("no time limit known")
    yield _("Legal basis"), content.get("basis", "")
    yield _("By the agency's own rule:").rstrip(":"), content.get("rule", "")


# --- What was recommended beside what was decided


def compared_sanctions(entries: Sequence[DecisionEntry]) -> ComparedSanctions | None:
    """Return the last recommendation beside the last decision of the agency; None where one of the two is missing."""
    ordered = [entry.content for entry in sorted(entries, key=lambda entry: entry.at)]
    advised = [content for content in ordered if content["outcome"] == Action.AWAIT_AGENCY]
    decided = [content for content in ordered if content["outcome"] in OUTCOMES]
    if not advised or not decided:
        return None
    recommended, imposed = advised[-1], decided[-1]
    kinds = kinds_of([recommended, imposed])
    bases = [kinds[code].basis for code in recommended.get("kinds", ()) if code in kinds]
    ended = str(NoSanction(imposed["why"]).label) if imposed.get("why") else ""
    rows = [
        ComparedRow(
            _("Kind of sanction"),
            _kind_labels(recommended.get("kinds", ()), kinds),
            ended or _kind_labels([imposed["kind"]], kinds),
        ),
        ComparedRow(_("Number"), recommended.get("number", ""), imposed.get("number", "")),
        ComparedRow(_("Date"), _day(recommended.get("decided_on", "")), _day(imposed.get("decided_on", ""))),
        ComparedRow(_("Legal basis"), "; ".join(dict.fromkeys(filter(None, bases))), imposed.get("basis", "")),
    ]
    return ComparedSanctions(rows, _verdict(recommended, imposed, kinds))


def _verdict(recommended: SealedContent, imposed: SealedContent, kinds: Mapping[str, SanctionKind]) -> str:
    codes = list(recommended.get("kinds", ()))
    if imposed["kind"] not in kinds or any(code not in kinds for code in codes):
        return ""
    result = compare([(code, kinds[code].level) for code in codes], (imposed["kind"], kinds[imposed["kind"]].level))
    return str(_COMPARISONS[result]) if result else ""


# --- What a letter to the agency says of the recommendation


def letter_values(entries: Sequence[DecisionEntry]) -> dict[str, str]:
    """Return what a letter is filled in with from the last recommendation: to whom, and words on it."""
    advised = [entry.content for entry in entries if entry.content["outcome"] == Action.AWAIT_AGENCY]
    if not advised:
        return {}
    content = advised[-1]
    words = {
        "number": content.get("number", ""),
        "day": date_format(date.fromisoformat(content["decided_on"]), "j F Y"),
        "kinds": _kind_labels(content.get("kinds", ()), kinds_of([content])),
    }
    sentences = [_("Our recommendation number %(number)s of %(day)s: %(kinds)s.") % words]
    if content.get("due_on"):
        asked = date_format(date.fromisoformat(content["due_on"]), "j F Y")
        sentences.append(_("An answer was asked for by %(day)s.") % {"day": asked})
    if content.get("text"):
        sentences.append(content["text"])
    return {"to": content.get("addressee", ""), "words": "\n\n".join(sentences)}
