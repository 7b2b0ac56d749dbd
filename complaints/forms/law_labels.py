"""The codes of the rules of the law in words, as officers and the public read them and a lawyer signs them."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from complaints.domain.law.reading import Fault
from complaints.domain.law.rules import Rule
from complaints.domain.law.vocabulary import (
    CATEGORIES,
    CONFIRMED,
    AccusedKind,
    Answer,
    Body,
    Circumstance,
    CriminalOutcome,
    ElectionKind,
    Harm,
    Level,
    LimitUnit,
    Mark,
    Penalty,
    Post,
    ServiceStatus,
    Stage,
    Start,
)

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise as Label

LEVELS: Final[dict[Level, Label]] = {
    Level.MORAL: _("moral sanction"),
    Level.LIGHT: _("light disciplinary punishment"),
    Level.MEDIUM: _("medium disciplinary punishment"),
    Level.HEAVY: _("heavy disciplinary punishment"),
    Level.DISMISSAL: _("dishonourable dismissal"),
    Level.AGENCY_RULE: _("by the agency's own rule on discipline"),
    Level.NOT_ASN: _("no civil-service sanction"),
    Level.NONE_FOUND: _("no level found in any text"),
}
MARKS: Final[dict[Mark, Label]] = {
    Mark.SEEN: _("text of the law seen"),
    Mark.TRANSCRIPTION: _("transcription"),
    Mark.PRESS: _("press or page of an agency"),
    Mark.MEMORY: _("unconfirmed"),
    Mark.READING: _("own reading"),
}
PENALTIES: Final[dict[Penalty, Label]] = {
    Penalty.PRISON: _("imprisonment"),
    Penalty.CONFINEMENT: _("confinement (kurungan)"),
    Penalty.FINE: _("fine"),
}
CRIMINAL_OUTCOMES: Final[dict[CriminalOutcome, Label]] = {
    CriminalOutcome.CONVICTED: _("A court found the accused guilty"),
    CriminalOutcome.ACQUITTED: _("A court acquitted the accused"),
    CriminalOutcome.PASSED_ON: _("Sentra Gakkumdu suspects a crime and passed it on for investigation"),
    CriminalOutcome.STOPPED: _("Sentra Gakkumdu found no crime and stopped"),
}
ANSWERS: Final[dict[Answer, Label]] = {
    Answer.NO: _("no article of criminal law found"),
    Answer.DEPENDS: _("may be a crime"),
    Answer.YES: _("falls under this article, if it is proven"),
}
# The conditions of a rule, as they are told where a report does not say them.
CONDITIONS: Final[dict[str, Label]] = {
    "category": _("category"),
    "accused": _("kind of accused"),
    "status": _("status of the accused"),
    "election": _("kind of election"),
    "stage": _("stage of the election"),
    "harm": _("how far the harm reaches"),
    "post": _("post of the accused"),
    "agency_rule": _("the agency's own rule"),
    "circumstances": _("circumstances"),
}
STATUS: Final[dict[str, Label]] = {
    ServiceStatus.PNS: _("PNS"),
    ServiceStatus.PPPK: _("PPPK"),
    ServiceStatus.PPPK_PART_TIME: _("part-time PPPK"),
    ServiceStatus.HONORER: _("worker without civil-service status (honorer)"),
    ServiceStatus.NOT_ASN: _("not a civil servant"),
    ServiceStatus.RETIRED: _("retired"),
}
# The values of the conditions and of what rules say; a code that stands here nowhere is a proper name.
CODES: Final[dict[str, Label]] = {
    **STATUS,
    AccusedKind.SUPERIOR: _("superior"),
    AccusedKind.COLLEAGUE: _("colleague or another civil servant"),
    AccusedKind.ACTING_HEAD: _("acting regional head (Pj)"),
    AccusedKind.REGIONAL_HEAD: _("regional head or state official"),
    AccusedKind.CAMPAIGN_TEAM: _("campaign team, party or candidate"),
    AccusedKind.VILLAGE_HEAD: _("village head or village official"),
    AccusedKind.MILITARY_POLICE: _("armed forces or police"),
    AccusedKind.UNKNOWN: _("not known"),
    ElectionKind.NONE: _("no election"),
    Stage.BEFORE_STAGES: _("before any stage"),
    Stage.BEFORE_CANDIDATES: _("stages before candidates are confirmed"),
    Stage.CANDIDATES_CONFIRMED: _("candidates confirmed"),
    Stage.CAMPAIGN: _("campaign"),
    Stage.QUIET: _("quiet period"),
    Stage.VOTING_DAY: _("voting day"),
    Stage.AFTER_VOTING: _("after voting"),
    Harm.UNIT: _("the unit"),
    Harm.AGENCY: _("the agency"),
    Harm.STATE: _("the state"),
    Post.OFFICIAL: _("official with a structural post"),
    Post.ORDINARY: _("no such post"),
    Circumstance.ATTRIBUTES: _("attributes of a party or of the civil service were worn"),
    Circumstance.PASSIVE: _("present as a listener only"),
    Circumstance.FOLLOWS_PRIVATE: _("follows a private account only"),
    Circumstance.OFFICIALS_REPLACED: _("officials were replaced"),
    Circumstance.MONEY_GIVEN: _("money was given"),
    Circumstance.HONORER_INVOLVED: _("a worker without civil-service status carried it out"),
    Circumstance.VICTIM_HONORER: _("the person under pressure has no civil-service status"),
    Circumstance.VILLAGE_VOTE: _("election of a village head"),
    Circumstance.DISMISSAL_DECIDED: _("dismissal was chosen"),
    Circumstance.REPLACEMENT_WINDOW: _("within the months before candidates are confirmed"),
    Circumstance.BAWASLU_PASSED: _("Bawaslu's last day has passed"),
    Circumstance.WAITING_AGENCY: _("the agency has not answered"),
    Circumstance.WAITING_BODY: _("the body has not answered"),
    Body.OVERSIGHT: _("the oversight body of the day"),
    Body.PPK: _("head of the agency (PPK)"),
    Body.HOME_PPK: _("head of the home agency (PPK)"),
    Body.AGENCY_HEAD: _("head of the office"),
    Body.COURT: _("court"),
    Body.MILITARY: _("superior in the armed forces or police"),
    # Proper names.
    Body.BKN: "BKN",
    Body.KASN: "KASN",
    Body.KPU: "KPU",
    Body.SP4N: "SP4N-LAPOR!",
    LimitUnit.WORKING_DAYS: _("working days"),
    LimitUnit.CALENDAR_DAYS: _("calendar days"),
    LimitUnit.HOURS: _("hours"),
    LimitUnit.MONTHS: _("months"),
    Start.KNOWN: _("from the day of knowing"),
    Start.ENTERED: _("from the day of receipt"),
    Start.ASKED: _("from the day of the question"),
    Start.BODY_ASKED: _("from the day of the body's question"),
    Start.VERIFIED: _("from the day of verification"),
    Start.FORWARDED: _("from the day of forwarding"),
    Start.TAKEN_UP: _("from the day on which the body begins"),
    Start.FOUND: _("from the day of the finding"),
    Start.PROPOSED: _("from the day of the proposal"),
    Start.LETTER_PREPARED: _("from the day on which the letter is prepared"),
    Start.RECOMMENDED: _("from the day of the recommendation"),
    Start.CANDIDATES_CONFIRMED: _("before candidates are confirmed"),
    Start.RETALIATION_TOLD: _("from the day on which a reporter tells of retaliation"),
    Start.DECISION_RECEIVED: _("from the day on which the decision is received or announced"),
    Start.CLOSED: _("from the day of the closing decision"),
    Start.ENDED: _("from the day on which the work on it ends"),
    Start.ERASURE_DUE: _("from the day on which it is due for erasure"),
    Start.REQUESTED: _("from the day of the request"),
}
LIMITS: Final[dict[str, Label]] = {
    "bawaslu_report": _("report to Bawaslu"),
    "replacement_window": _("replacement of officials forbidden"),
    "first look": _("first look"),
    "verified or asked": _("verified or asked"),
    "reporter's answer": _("the reporter's answer"),
    "forwarded": _("forwarding"),
    "body's joint verification": _("joint verification by the body"),
    "agency's answer": _("the agency's answer"),
    "body's examination": _("examination by the body"),
    "body's recommendation": _("recommendation of the body"),
    "body's question answered or passed on": _("question of a body answered or passed on"),
    "inquiry answered": _("answer to an inquiry"),
    "second decision": _("second decision"),
    "reporter's objection": _("the reporter's objection to an end"),
    "letter delivered": _("letter delivered"),
    "urgent forwarding": _("forwarding, urgent case"),
    "agency reminder": _("reminder to the agency"),
    "retaliation read": _("message about retaliation read"),
    "check-in": _("question whether the reporter is safe"),
    "objection": _("objection to the office that decided"),
    "claim at the PTUN": _("claim at the administrative court (PTUN)"),
    "report kept that no body got": _("retention of a report that was forwarded to no body"),
    "report kept that a body got": _("retention of a report that was forwarded to a body"),
    "withdrawn report kept": _("retention of a withdrawn report"),
    "report kept that waits for its reporter": _("retention of a report that waits for its reporter"),
    "inquiry kept": _("retention of an inquiry"),
    "erased once it is due": _("erasure of what is due for it"),
    "request for erasure answered": _("answer to a request for erasure"),
}
TABLES: Final[dict[str, Label]] = {
    "sanctions": _("Sanctions"),
    "crimes": _("Crimes"),
    "penalties": _("Penalties"),
    "routes": _("Who examines and who punishes"),
    "limits": _("Limits"),
    "cautions": _("What must not be shown"),
    "bodies": _("Bodies"),
    "statuses": _("Status of employment"),
}
# What cannot be right in a row of the rules. Names of keys and codes stay as they stand in the row.
RULE_FAULTS: Final[dict[Fault, Label]] = {
    Fault.NO_TEXT: _("%(key)s is missing or no text"),
    Fault.NO_LIST: _("%(key)s is no list"),
    Fault.NO_FLAG: _("%(key)s is neither true nor false"),
    Fault.EMPTY: _("%(key)s is empty"),
    Fault.ITEM_NO_TEXT: _("%(key)s has a value that is not text"),
    Fault.NO_NUMBER: _("%(key)s is no number of days"),
    Fault.NO_DAY: _("%(key)s is no day: %(value)s"),
    Fault.UNKNOWN_CODE: _("%(key)s has an unknown code: %(value)s"),
    Fault.UNREAD: _("nothing reads %(key)s"),
    Fault.MISSING: _("%(key)s is missing"),
    Fault.DAYS_SWAPPED: _("valid_until lies before valid_from"),
    Fault.UNSEEN_QUOTATION: _("quotation of a text that nobody saw"),
    Fault.TWO_STATUSES: _("applies_to names more than one status"),
    Fault.OFFENCE: _("offence is required unless answer is “no”, and not allowed where it is"),
    Fault.NUMBER_WITHOUT_UNIT: _("number and unit do not go together"),
    Fault.OVERLAP: _("both are valid on the same days"),
    Fault.TWICE: _("the code occurs twice"),
    Fault.NO_OFFENCE: _("penalties.json has no offence %(value)s"),
    Fault.TOO_HIGH: _("number is above %(value)s"),
    Fault.COUNTED: _(
        "deadlines are counted by this limit: it has one row, without valid_from and valid_until, with number, and "
        "unit is one of %(value)s"
    ),
    Fault.KEY_TWICE: _("a key occurs twice"),
    Fault.NO_JSON: _("no JSON in line %(key)s, column %(value)s"),
    Fault.UNREADABLE: _("no JSON that can be read"),
    Fault.NO_OBJECT: _("the row is no object in braces"),
    Fault.BAD_CODE: _("code is missing, or not of at most 40 letters, digits, hyphens"),
    Fault.TOO_LONG: _("the row is longer than %(value)s characters"),
    Fault.OTHER_CODE: _("code is another one: %(value)s"),
}


def code_label(code: str) -> str:
    """Return a code in words; the name of a body, as "bawaslu", in capitals where it has no words."""
    return str(CODES.get(code, code if len(code) > 10 else code.capitalize()))


def condition_lines(rule: Rule, names: Collection[str] = tuple(CONDITIONS)) -> list[str]:
    """Return those of the conditions in ``names`` as name and values, circumstances last."""
    lines = []
    for name, label in CONDITIONS.items():
        if name == "circumstances" or name not in names:
            continue
        field = "categories" if name == "category" else name
        values: Collection[str] = getattr(rule.conditions, field)
        if values == CONFIRMED:
            since = gettext("from the confirmation of candidates on")
            lines.append(f"{label}: {since}")
        elif values:
            lines.append(f"{label}: {', '.join(_value_words(name, values))}")
    if "circumstances" not in names:
        return lines
    lacks = (gettext("unless: %(words)s") % {"words": code_label(item)} for item in sorted(rule.conditions.lacks))
    stated = [*map(code_label, sorted(rule.conditions.has)), *lacks]
    return [*lines, f"{CONDITIONS['circumstances']}: {', '.join(stated)}"] if stated else lines


def _value_words(name: str, values: Collection[str]) -> list[str]:
    """Return the values of a condition in words; a whole group of categories is told by its first and last code."""
    if name == "agency_rule":
        return sorted(values)
    if name != "category":
        return sorted(map(code_label, values))
    words: list[str] = []
    for letter in dict.fromkeys(code[0] for code in CATEGORIES):
        group = [code for code in CATEGORIES if code[0] == letter]
        codes = [code for code in group if code in values]
        words += [f"{group[0]}–{group[-1]}"] if codes == group and len(group) > 2 else codes
    return words
