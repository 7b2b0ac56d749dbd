"""The codes of the rule table and of the facts that it is read with; the values are written in the data files."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class ElectionKind(StrEnum):
    """For which election an act was done: general, of regional heads, or for none that the law names."""

    GENERAL = "pemilu"
    REGIONAL = "pilkada"
    NONE = "none"


class Stage(StrEnum):
    """The stage of an election on the day of an act."""

    BEFORE_STAGES = "before_stages"
    BEFORE_CANDIDATES = "stages_before_candidates"
    CANDIDATES_CONFIRMED = "candidates_confirmed"
    CAMPAIGN = "campaign"
    QUIET = "quiet"
    VOTING_DAY = "voting_day"
    AFTER_VOTING = "after_voting"
    NONE = "none"


class AccusedKind(StrEnum):
    """Who is accused, as the reporter says it; the codes of ``data/catalog/accused_kinds.json``."""

    SUPERIOR = "superior"
    COLLEAGUE = "colleague"
    ACTING_HEAD = "acting_head"
    REGIONAL_HEAD = "regional_head"
    CAMPAIGN_TEAM = "campaign_team"
    VILLAGE_HEAD = "village_head"
    MILITARY_POLICE = "military_police"
    UNKNOWN = "unknown"


class ServiceStatus(StrEnum):
    """The employment of the accused on the day of the act."""

    PNS = "pns"
    PPPK = "pppk"
    PPPK_PART_TIME = "pppk_part_time"
    HONORER = "honorer"
    NOT_ASN = "not_asn"
    RETIRED = "retired"


class Post(StrEnum):
    """The post of the accused where an article names it; OFFICIAL is a "pejabat ASN" with a structural post."""

    OFFICIAL = "official"
    LURAH = "lurah"
    VILLAGE_HEAD = "village_head"
    ORDINARY = "ordinary"


class Harm(StrEnum):
    """How far the harm of a breach reaches; the rules of discipline set some levels by it."""

    UNIT = "unit"
    AGENCY = "agency"
    STATE = "state"


class Circumstance(StrEnum):
    """What an officer states about the act where a rule depends on it."""

    ATTRIBUTES = "attributes"  # attributes of a party or of the civil service were worn
    PASSIVE = "passive"  # present as a listener, without attributes and without a word
    FOLLOWS_PRIVATE = "follows_private"  # follows somebody's private account, without a like or a comment
    OFFICIALS_REPLACED = "officials_replaced"  # officials were appointed, transferred or dismissed
    MONEY_GIVEN = "money_given"
    HONORER_INVOLVED = "honorer_involved"  # a worker without civil-service status carried the act out
    VICTIM_HONORER = "victim_honorer"  # the person under pressure has no civil-service status
    VILLAGE_VOTE = "village_vote"  # the election of a village head, which the laws on elections do not cover
    # The five below follow from days or from a recorded decision; nobody states them of the act.
    DISMISSAL_DECIDED = "dismissal_decided"  # the agency chose dismissal as the heavy punishment
    REPLACEMENT_WINDOW = "replacement_window"
    BAWASLU_PASSED = "bawaslu_passed"
    WAITING_AGENCY = "waiting_agency"
    WAITING_BODY = "waiting_body"


class Level(StrEnum):
    """The level of a sanction; the last four say why no level of discipline stands there."""

    MORAL = "moral"
    LIGHT = "light"
    MEDIUM = "medium"
    HEAVY = "heavy"
    DISMISSAL = "dismissal"
    AGENCY_RULE = "agency_rule"
    NOT_ASN = "not_asn"
    NONE_FOUND = "none_found"


class Answer(StrEnum):
    """Whether the act, as it is told, falls under an article of criminal law."""

    NO = "no"
    DEPENDS = "depends"
    YES = "yes"


class Mark(StrEnum):
    """How the text that a rule rests on was seen."""

    SEEN = "seen"  # the text of the law itself
    TRANSCRIPTION = "transcription"  # a copy by a third party
    PRESS = "press"  # press or a page of an agency
    MEMORY = "memory"  # unconfirmed
    READING = "reading"  # an inference of the project


class Body(StrEnum):
    """A body or an authority in the rules; OVERSIGHT stands for whoever holds that task on the day of handling."""

    OVERSIGHT = "oversight"
    KASN = "kasn"
    BKN = "bkn"
    SUCCESSOR = "successor"
    PPK = "ppk"
    HOME_PPK = "home_ppk"
    AGENCY_HEAD = "agency_head"
    BAWASLU = "bawaslu"
    COURT = "court"
    KPU = "kpu"
    HOME_AFFAIRS = "kemendagri"
    REGENCY = "pemkab"
    MILITARY = "military"
    SP4N = "sp4n"


class Start(StrEnum):
    """The event from whose day a limit runs."""

    KNOWN = "known_on"
    ENTERED = "entered"
    ASKED = "asked"
    BODY_ASKED = "body_asked"
    VERIFIED = "verified"
    FORWARDED = "forwarded"
    TAKEN_UP = "taken_up"
    FOUND = "found"
    PROPOSED = "proposed"
    LETTER_PREPARED = "letter_prepared"
    RECOMMENDED = "recommended"
    CANDIDATES_CONFIRMED = "candidates_on"
    RETALIATION_TOLD = "retaliation_told"
    DECISION_RECEIVED = "decision_received"
    CLOSED = "closed"
    ENDED = "ended"
    ERASURE_DUE = "erasure_due"
    REQUESTED = "requested"


class LimitUnit(StrEnum):
    """In what a limit of the rule table is counted; NONE where no limit is known."""

    WORKING_DAYS = "working_days"
    CALENDAR_DAYS = "calendar_days"
    HOURS = "hours"
    MONTHS = "months"
    NONE = "none"


class Promisor(StrEnum):
    """Whose limit it is: only OURS is a promise, of which "late" may be said."""

    OURS = "ours"
    REPORTER = "reporter"
    BODY = "body"
    AGENCY = "ppk"
    LAW = "law"


class Gap(StrEnum):
    """For what no legal basis was found, so that no page may say it."""

    VIOLATION = "violation"
    LEVEL = "level"
    LATE = "late"
    CRIME = "crime"
    PROTECTION = "protection"


class Penalty(StrEnum):
    """The kinds of punishment that an offence carries."""

    PRISON = "penjara"
    CONFINEMENT = "kurungan"
    FINE = "denda"


class CriminalOutcome(StrEnum):
    """How a court or Sentra Gakkumdu decided on the criminal side of an act; sealed with the case."""

    CONVICTED = "convicted"
    ACQUITTED = "acquitted"
    PASSED_ON = "passed_on"
    STOPPED = "stopped"


class Handler(StrEnum):
    """Who handles a crime."""

    ELECTION_CRIME = "gakkumdu"  # Bawaslu, then Gakkumdu (police and prosecutor), then the district court
    POLICE = "police"


CATEGORIES: Final = (
    *(f"A{number}" for number in range(1, 10)),
    *(f"B{number}" for number in range(1, 13)),
    *(f"C{number}" for number in range(1, 6)),
    "D1",
    "D2",
    "E1",
)
CONFIRMED: Final = frozenset(
    {Stage.CANDIDATES_CONFIRMED, Stage.CAMPAIGN, Stage.QUIET, Stage.VOTING_DAY, Stage.AFTER_VOTING}
)
# What follows from days or from a recorded decision: unlike what an officer states, it is always known.
DERIVED: Final = frozenset(
    {
        Circumstance.DISMISSAL_DECIDED,
        Circumstance.REPLACEMENT_WINDOW,
        Circumstance.BAWASLU_PASSED,
        Circumstance.WAITING_AGENCY,
        Circumstance.WAITING_BODY,
    }
)
# What an officer may state of an act.
STATABLE: Final = frozenset(Circumstance) - DERIVED
