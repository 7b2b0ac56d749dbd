"""What a body records with a step beside its words: hearing, recommendation, letter, and the decisions of others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, TypeAlias

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from complaints.domain.sealing.records import JSON
from complaints.domain.workflow import Action, Refusal, TransitionRefused


class HearingKind(TextChoices):
    """How the accused had the right of reply."""

    IN_PERSON = "in_person", _("The accused was heard in person")
    IN_WRITING = "in_writing", _("The accused replied in writing")
    ABSENT = "absent", _("The accused was summoned as the rules require and did not come")


class NoSanction(TextChoices):
    """Why no sanction stands; sealed with the decision."""

    AGENCY = "agency", _("The agency decided on no sanction")
    LEFT = "left", _("The accused no longer serves, so that no disciplinary sanction can be imposed")
    DIED = "died", _("The accused has died")
    CLEARED = "cleared", _("The accused was cleared")
    SET_ASIDE = "set_aside", _("The decision on the sanction was set aside")


@dataclass(frozen=True)
class HearingRecord:
    """The right of reply: ``kind`` of HearingKind, the day, and the number of the record or of the summonses."""

    kind: str
    decided_on: date
    number: str

    def content(self) -> dict[str, JSON]:
        """Return what is sealed."""
        return {"kind": self.kind, "number": self.number, "decided_on": self.decided_on.isoformat()}


@dataclass(frozen=True)
class RecommendationRecord:
    """What a body recommends: codes of kinds of sanction, one of which is to be imposed, and the letter that says so.

    ``accused_status`` is "pns" or "pppk". Without ``due_on`` no time limit is known.
    """

    kinds: tuple[str, ...]
    accused_status: str
    addressee: str
    number: str
    decided_on: date
    due_on: date | None = None

    def content(self) -> dict[str, JSON]:
        """Return what is sealed."""
        return {
            "kinds": list(self.kinds),
            "accused_status": self.accused_status,
            "addressee": self.addressee,
            "number": self.number,
            "decided_on": self.decided_on.isoformat(),
            "due_on": self.due_on.isoformat() if self.due_on else "",
        }


@dataclass(frozen=True)
class LetterRecord:
    """A reminder to the agency or a letter to its superior, as it was sent."""

    addressee: str
    number: str
    decided_on: date

    def content(self) -> dict[str, JSON]:
        """Return what is sealed."""
        return {"addressee": self.addressee, "number": self.number, "decided_on": self.decided_on.isoformat()}


@dataclass(frozen=True)
class SanctionRecord:
    """What the agency decided: the kind of sanction (code), or ``why`` none stands, and its number and date.

    ``accused_status`` is "pns" or "pppk" as the liaison said, ``rule`` the agency's own rule if the kind asks for it,
    ``basis`` the legal basis as the decision names it.
    """

    kind: str
    number: str
    decided_on: date
    accused_status: str = ""
    rule: str = ""
    why: str = ""
    basis: str = ""

    def content(self) -> dict[str, JSON]:
        """Return what is sealed."""
        named = {"kind": self.kind, "number": self.number, "decided_on": self.decided_on.isoformat()}
        return named | {
            "accused_status": self.accused_status,
            "rule": self.rule,
            "why": self.why,
            "basis": self.basis,
        }


@dataclass(frozen=True)
class CriminalRecord:
    """A decision of a court or of Sentra Gakkumdu by the codes of the rules: CriminalOutcome, Penalty, an offence.

    ``offence`` is in words where no rule has it, "" where it is not known.
    """

    outcome: str
    penalties: tuple[str, ...]
    offence: str
    number: str
    decided_on: date

    def content(self) -> dict[str, JSON]:
        """Return what is sealed."""
        return {
            "criminal": self.outcome,
            "penalties": list(self.penalties),
            "offence": self.offence,
            "number": self.number,
            "decided_on": self.decided_on.isoformat(),
        }


Record: TypeAlias = HearingRecord | RecommendationRecord | LetterRecord | SanctionRecord | CriminalRecord

# The steps that record what the agency decided.
OUTCOMES: Final = frozenset({Action.SANCTION, Action.NO_SANCTION, Action.CORRECT})
_RECORD_OF: Final[Mapping[Action, type[Record]]] = {
    Action.HEAR_ACCUSED: HearingRecord,
    Action.AWAIT_AGENCY: RecommendationRecord,
    Action.REMIND: LetterRecord,
    Action.ESCALATE: LetterRecord,
    **dict.fromkeys(OUTCOMES, SanctionRecord),
    Action.CRIMINAL_OUTCOME: CriminalRecord,
}
# Steps of which a day counts, and which no body records for a day before the act.
DATED: Final = frozenset(_RECORD_OF)


def check_record(action: Action, record: Record | None, *, first_day: date | None, today: date) -> None:
    """Raise TransitionRefused where a step lacks its record ("reason_missing"), or its day cannot be ("wrong_day")."""
    expected = _RECORD_OF.get(action)
    if expected is None:
        return
    if not isinstance(record, expected):
        raise TransitionRefused(Refusal.REASON_MISSING)
    if isinstance(record, RecommendationRecord) and not record.kinds:
        raise TransitionRefused(Refusal.REASON_MISSING)
    if not (first_day or date.min) <= record.decided_on <= today:
        raise TransitionRefused(Refusal.WRONG_DAY)
