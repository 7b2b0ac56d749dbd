"""What a body records on a release, with the steps that the rules want before it."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any

from complaints.domain.workflow import Action
from complaints.models.oversight import Release
from complaints.services.forwarding import decisions, reading
from complaints.services.forwarding.records import (
    CriminalRecord,
    HearingRecord,
    LetterRecord,
    RecommendationRecord,
    Record,
    SanctionRecord,
)
from complaints.services.keyring import Actor
from tests.world import ring

# The other member of each body's team.
SECOND = {"kirana": "kresna", "kresna": "kirana", "bima": "bayu", "bayu": "bima"}


def record_for(action: Action, day: date) -> Record | None:
    """A record with which a step can be taken; None for a step that records nothing beside its words."""
    return {
        Action.HEAR_ACCUSED: HearingRecord("in_person", day, "BAP/1"),
        Action.AWAIT_AGENCY: RecommendationRecord(("moral_open",), "pns", "PPK Kabupaten", "R-1", day),
        Action.REMIND: LetterRecord("PPK Kabupaten", "S-1", day),
        Action.ESCALATE: LetterRecord("Gubernur", "S-2", day),
        Action.SANCTION: SanctionRecord("moral_open", "800/1", day),
        Action.CORRECT: SanctionRecord("moral_open", "800/1", day),
        Action.NO_SANCTION: SanctionRecord("", "", day, why="agency"),
        Action.CRIMINAL_OUTCOME: CriminalRecord("convicted", ("denda",), "", "12/Pid", day),
    }.get(action)


def find(
    *,
    actor: Actor,
    release_id: uuid.UUID,
    finding: Action = Action.SUBSTANTIATE,
    text: str = "Terbukti.",
    reply: str = "",
    newest: int | None = None,
) -> None:
    """Hear the accused where nobody has, propose a finding and have the other member of the team confirm it."""
    release = Release.objects.select_related("case").get(pk=release_id)
    if finding is Action.SUBSTANTIATE and not reading.was_heard(release):
        record = record_for(Action.HEAR_ACCUSED, actor.today)
        decisions.act(actor=actor, release_id=release_id, action=Action.HEAR_ACCUSED, record=record, newest=newest)
    decisions.act(
        actor=actor,
        release_id=release_id,
        action=Action.PROPOSE_FINDING,
        finding=finding,
        text=text,
        reply=reply,
        newest=newest,
    )
    second = Actor(ring(SECOND[actor.staff.username]), actor.now)
    decisions.act(actor=second, release_id=release_id, action=finding, newest=newest)


def decide(*, actor: Actor, release_id: uuid.UUID, action: Action, **words: Any) -> None:
    """Take a step of a body, with what it wants before it and a record where none is given."""
    if action in (Action.SUBSTANTIATE, Action.DISMISS):
        find(actor=actor, release_id=release_id, finding=action, **words)
        return
    words.setdefault("record", record_for(action, actor.today))
    decisions.act(actor=actor, release_id=release_id, action=action, **words)
