"""The facts of a case as codes and days, and the stage of an election on a day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from complaints.domain.law.vocabulary import (
    STATABLE,
    AccusedKind,
    Circumstance,
    ElectionKind,
    Harm,
    Post,
    ServiceStatus,
    Stage,
    Start,
)


@dataclass(frozen=True, slots=True)
class Contest:
    """An election with the days of its stages; a day that is not known is None.

    Contests of one election whose candidates are confirmed on different days (president, legislature) are contests
    of their own.
    """

    kind: ElectionKind
    starts_on: date | None
    candidates_on: date
    campaign_from: date | None
    campaign_until: date | None
    voting_on: date
    ends_on: date | None

    def stages_on(self, day: date) -> frozenset[Stage]:
        """Return the stage on ``day``; on the day of confirmation both, because its hour is not known here."""
        if (self.starts_on and day < self.starts_on) or (self.ends_on and day > self.ends_on):
            return frozenset({Stage.NONE})
        if day == self.candidates_on:
            return frozenset({Stage.BEFORE_CANDIDATES, Stage.CANDIDATES_CONFIRMED})
        return frozenset({self._stage_on(day)})

    def _stage_on(self, day: date) -> Stage:
        ends = [
            (self.candidates_on, Stage.BEFORE_CANDIDATES),
            (self.campaign_from, Stage.CANDIDATES_CONFIRMED),
            (self.campaign_until and date.fromordinal(self.campaign_until.toordinal() + 1), Stage.CAMPAIGN),
            (self.voting_on, Stage.QUIET if self.campaign_until else Stage.CANDIDATES_CONFIRMED),
        ]
        before = next((stage for end, stage in ends if end and day < end), None)
        if before is not None:
            return before
        return Stage.VOTING_DAY if day == self.voting_on else Stage.AFTER_VOTING


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedFacts:
    """What an officer states of an act where no report asks for it; None, "" or a missing circumstance is not known.

    ``circumstances`` says of each of those that are known whether it was so.
    """

    status: ServiceStatus | None = None
    post: Post | None = None
    harm: Harm | None = None
    election: ElectionKind | None = None
    agency_rule: str = ""
    circumstances: tuple[tuple[Circumstance, bool], ...] = ()

    @classmethod
    def of(cls, codes: Mapping[str, str], circumstances: Mapping[str, bool]) -> StatedFacts:
        """Return what the codes of the vocabulary say, "" for not known; raises ValueError for an unknown code."""
        return cls(
            status=ServiceStatus(codes["status"]) if codes["status"] else None,
            post=Post(codes["post"]) if codes["post"] else None,
            harm=Harm(codes["harm"]) if codes["harm"] else None,
            election=ElectionKind(codes["election"]) if codes["election"] else None,
            agency_rule=codes["agency_rule"],
            circumstances=tuple((Circumstance(code), was_so) for code, was_so in circumstances.items()),
        )

    @property
    def codes(self) -> dict[str, str]:
        """The codes of all but the circumstances, "" for not known."""
        named = {"status": self.status, "post": self.post, "harm": self.harm, "election": self.election}
        return {name: code or "" for name, code in named.items()} | {"agency_rule": self.agency_rule}

    @property
    def present(self) -> frozenset[Circumstance] | None:
        """The circumstances that were so; None where none is known."""
        return frozenset(item for item, was_so in self.circumstances if was_so) if self.circumstances else None

    @property
    def unsaid(self) -> frozenset[Circumstance]:
        """The circumstances of which nothing is known."""
        return STATABLE - {item for item, _was_so in self.circumstances}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of a case. None, or an empty set of stages, means that nobody has said it yet.

    ``candidates_on`` is the day of confirmation of the contest, where there is one. ``agency_rule`` is the code of the
    agency's own rule on the discipline of PPPK, "" while unknown. ``circumstances`` is None while no officer has
    stated any, and ``unsaid`` are those that the officer left open; ``derived`` are those that ``judge`` finds by the
    days.
    ``starts`` holds the day of each event from which a limit runs.
    """

    category: str
    accused: AccusedKind | None
    status: ServiceStatus | None
    election: ElectionKind | None
    stages: frozenset[Stage]
    act_on: date
    known_on: date | None
    handled_on: date
    candidates_on: date | None = None
    harm: Harm | None = None
    post: Post | None = None
    agency_rule: str = ""
    circumstances: frozenset[Circumstance] | None = None
    unsaid: frozenset[Circumstance] = frozenset()
    starts: Mapping[Start, date] = field(default_factory=dict)
    derived: frozenset[Circumstance] = frozenset()
