"""Findings by two people: what one person of a body proposes and another confirms, as the chain records it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from complaints.domain import workflow
from complaints.domain.sealing.records import JSON
from complaints.domain.workflow import Action, Refusal, TransitionRefused
from complaints.models.oversight import FindingProposal, Release
from complaints.models.team import Staff, Team, TeamMembership
from complaints.services.audit import log
from complaints.services.disclosure_check import Override
from complaints.services.forwarding.reading import DecisionEntry, actions_taken

FINDINGS: Final = frozenset({Action.SUBSTANTIATE, Action.DISMISS})


@dataclass(frozen=True)
class OpenProposal:
    """A finding that waits for a second person.

    ``finding`` is SUBSTANTIATE or DISMISS, ``text`` what the office will read, ``reply`` what the reporters will read,
    ``override`` why the latter goes despite a disclosure warning.
    """

    id: uuid.UUID
    author: uuid.UUID
    finding: Action
    text: str
    reply: str
    override: Override | None


def proposal_content(finding: Action, text: str, reply: str, override: Override | None) -> dict[str, JSON]:
    """Return what is sealed of a proposal."""
    warned = {"kinds": list(override.kinds), "words": override.words} if override else {}
    return {"finding": finding.value, "text": text, "reply": reply, "override": warned}


def open_proposal(release: Release, entries: Sequence[DecisionEntry]) -> OpenProposal | None:
    """Return the finding that waits for a second person, None where none does.

    ``entries`` are the opened decisions of the release. Raises TransitionRefused ("not_proposed") where the row is not
    as the genuine entry of its author records it: it counts for nothing.
    """
    if not workflow.has_open_proposal(actions_taken(release)):
        return None
    proposals = [entry for entry in entries if entry.kind == "findingproposal"]
    last = proposals[-1] if proposals else None
    if (
        last is None
        or last.content["outcome"] != Action.PROPOSE_FINDING
        or not log.is_decision_recorded(FindingProposal.objects.get(pk=last.id))
    ):
        raise TransitionRefused(Refusal.NOT_PROPOSED)
    content, warned = last.content, last.content["override"]
    return OpenProposal(
        id=last.id,
        author=last.author,
        finding=Action(content["finding"]),
        text=content["text"],
        reply=content["reply"],
        override=Override(tuple(warned["kinds"]), warned["words"]) if warned else None,
    )


def has_second_person(release: Release, person: Staff) -> bool:
    """Whether the body's team has a member beside ``person``, who could confirm what they propose."""
    members = TeamMembership.objects.filter(
        team__kind=Team.Kind.BODY, team__body=release.body_id, left_at=None, sealed_key__isnull=False
    )
    return members.exclude(staff=person).filter(staff__is_active=True).exists()
