"""The acts of a body on its release: taking it up, asking, hearing, findings, recommendations and outcomes."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from django.db import transaction
from django.utils.translation import override as in_language

from complaints import access
from complaints.domain import workflow
from complaints.domain.sealing.primitives import SignPair
from complaints.domain.sealing.records import JSON, seal_record
from complaints.domain.workflow import Action, ActorKind, Refusal, TransitionRefused
from complaints.models.oversight import (
    Finding,
    FindingProposal,
    Hearing,
    Recommendation,
    Release,
    Sanction,
)
from complaints.models.reference_data import SanctionKind
from complaints.models.step import Step
from complaints.services import case_membership, disclosure_check, release_steps, transitions
from complaints.services.audit import log
from complaints.services.audit.log import row_digest
from complaints.services.forwarding import decision_copies
from complaints.services.forwarding.findings import FINDINGS, open_proposal, proposal_content
from complaints.services.forwarding.reading import (
    AnyDecision,
    OpenedRelease,
    actions,
    chain_of,
    decision_context,
    decisions_of,
    open_contents,
    reporters_of,
    was_heard,
)
from complaints.services.forwarding.records import NoSanction, Record, SanctionRecord, check_record
from complaints.services.forwarding.release import end_releases
from complaints.services.forwarding.release_assignment import take_by_acting
from complaints.services.keyring import Actor, check_keys
from complaints.services.messages import send_to_reporter
from complaints.services.transitions import CaseChanged, CaseVersion

_DECISIONS: dict[Action, type[AnyDecision]] = {
    Action.HEAR_ACCUSED: Hearing,
    Action.POSTPONE_HEARING: Hearing,
    Action.PROPOSE_FINDING: FindingProposal,
    Action.RETURN_FINDING: FindingProposal,
    Action.TAKE_BACK_FINDING: FindingProposal,
    Action.SUBSTANTIATE: Finding,
    Action.DISMISS: Finding,
    Action.RECONSIDER: Finding,
    Action.AWAIT_AGENCY: Recommendation,
    Action.REMIND: Recommendation,
    Action.ESCALATE: Recommendation,
    Action.SANCTION: Sanction,
    Action.NO_SANCTION: Sanction,
    Action.CORRECT: Sanction,
    Action.CRIMINAL_OUTCOME: Sanction,
}
# Steps by which a body gives a case back to the office, which reads their text.
_GIVES_BACK: Final = frozenset({Action.RETURN, Action.DECLINE})
# Steps of which the reporter reads nothing.
_INTERNAL: Final = workflow.UNTOLD | {Action.RETURN}


@dataclass(frozen=True)
class Statement:
    """What a body says with a step.

    Attributes:
        text: what stays on the release, where the office reads it: a finding, a recommendation, the question of a
            return; of a proposal and its return, what the other person of the body reads.
        reply: what the reporter reads; required for a question, and where the workflow requires a reason.
        record: what is recorded beside the words; required for the steps of ``records.DATED``.
        finding: what is proposed, SUBSTANTIATE or DISMISS, with PROPOSE_FINDING alone.
        override: why ``reply`` is sent despite a disclosure warning.
        copy: the copy of the decision that the step records, stored already.
    """

    text: str = ""
    reply: str = ""
    record: Record | None = None
    finding: Action | None = None
    override: disclosure_check.Override | None = None
    copy: decision_copies.PreparedCopy | None = None
    # The proposal that the step confirms.
    proposal: uuid.UUID | None = None


def first_day(opened: Sequence[OpenedRelease]) -> date | None:
    """Return the earliest day of the act that the released reports tell, None where none tells one."""
    reports = [report for release in opened for report in release.content.reports]
    days = [report.answers.get("event_from") for report in reports]
    return min((date.fromisoformat(day) for day in days if day), default=None)


@transaction.atomic
def act(
    *,
    actor: Actor,
    release_id: uuid.UUID,
    action: Action,
    text: str = "",
    reply: str = "",
    record: Record | None = None,
    finding: Action | None = None,
    seen: CaseVersion | None = None,
    newest: int | None = None,
    override: disclosure_check.Override | None = None,
    copy: decision_copies.PreparedCopy | None = None,
) -> Step:
    """Perform an action of the body on its release; it moves the case only where the body leads it.

    A finding is recorded in the words in which another person proposed it: SUBSTANTIATE and DISMISS take neither
    ``text`` nor ``reply``.

    Args:
        text, reply, record, finding, override, copy: as for :class:`Statement`.
        seen: the version of the case that the person saw; None skips the comparison.
        newest: the number of the newest release that the person saw; None skips the comparison.

    Raises:
        Release.DoesNotExist: no release of this person's body.
        TransitionRefused, CaseChanged, Locked: nothing was written; "wrong_day" for a day before the act that the
            reports tell, or a day to come; "unheard" for a finding "proven" without the right of reply.
    """
    release = access.releases_for(actor.staff).select_related("case", "body").get(pk=release_id)
    if action not in {row.action for row in actions(keyring=actor.keyring, release=release)}:
        raise TransitionRefused(Refusal.NOT_FROM_HERE)
    opened = open_contents(actor.keyring, chain_of(release))
    if newest not in (None, opened[0].release.number):
        # What came meanwhile is read first.
        raise CaseChanged
    statement = Statement(text, reply, record, finding, override, copy)
    if action in FINDINGS:
        statement = _proposed(actor, release, action)
    _check_words(action, statement)
    check_record(action, statement.record, first_day=first_day(opened), today=actor.today)
    if statement.finding is Action.SUBSTANTIATE and not was_heard(release):
        raise TransitionRefused(Refusal.UNHEARD)
    step = _take_step(actor, release, action, statement.text if action in _INTERNAL else statement.reply, seen)
    take_by_acting(actor, release)
    if action in _DECISIONS:
        _store_decision(actor, release, action, statement)
    _tell(actor, release, step, reporters_of(opened), statement)
    if action in _GIVES_BACK:
        end_releases(actor=actor, case=release.case, body=release.body_id, step=step)
    return step


def _take_step(actor: Actor, release: Release, action: Action, reason: str, seen: CaseVersion | None) -> Step:
    """Take the step of the body: of the case where the body leads it, else of its release alone."""
    if release.is_further:
        return release_steps.perform(
            release_id=release.pk, action=action, actor_kind=ActorKind.BODY, actor=actor, reason=reason, seen=seen
        )
    return transitions.perform(
        case_id=release.case_id, action=action, actor_kind=ActorKind.BODY, actor=actor, reason=reason, seen=seen
    )


def _proposed(actor: Actor, release: Release, action: Action) -> Statement:
    """Return what was proposed and is now confirmed; raises TransitionRefused where it is another finding, or none."""
    proposal = open_proposal(release, decisions_of(release, actor.keyring.release(release)))
    if proposal is None or proposal.finding is not action:
        raise TransitionRefused(Refusal.NOT_PROPOSED)
    if proposal.author == actor.staff.pk:
        raise TransitionRefused(Refusal.SAME_PERSON)
    return Statement(proposal.text, proposal.reply, override=proposal.override, proposal=proposal.id)


def _check_words(action: Action, statement: Statement) -> None:
    """Refuse a step without the words that it needs, so that a second person never confirms what is refused then."""
    needs_reply = action is Action.CRIMINAL_OUTCOME or statement.finding is Action.DISMISS
    if action is Action.PROPOSE_FINDING and statement.finding not in FINDINGS:
        raise TransitionRefused(Refusal.REASON_MISSING)
    if (action is Action.CRIMINAL_OUTCOME and not statement.text.strip()) or (
        needs_reply and not statement.reply.strip()
    ):
        raise TransitionRefused(Refusal.REASON_MISSING)


def _with_sanction(message: str, record: Record | None) -> str:
    if not isinstance(record, SanctionRecord):
        return message
    with in_language("id"):
        outcome = str(NoSanction(record.why).label) if record.why else ""
    label = outcome or SanctionKind.objects.get(pk=record.kind).label_id
    return f"{label}. {message}".strip() if message else f"{label}."


def _store_decision(actor: Actor, release: Release, action: Action, statement: Statement) -> None:
    signer = actor.keyring.keys_of(f"body-{release.body_id}").sign
    row = _DECISIONS[action](release=release, author=actor.staff, signer=signer.public, at=actor.now)
    content: dict[str, JSON] = {"outcome": action.value, "text": statement.text or statement.reply}
    if statement.record is not None:
        content |= statement.record.content()
    if statement.finding is not None:
        content |= proposal_content(statement.finding, statement.text, statement.reply, statement.override)
    facts = {"decision": str(row.pk), "kind": action.value}
    if statement.proposal is not None:
        content["proposal"] = facts["proposal"] = str(statement.proposal)
    if statement.copy is not None:
        content["copies"] = statement.copy.ids
    _save(actor, release, row, content, facts, signer)
    if statement.copy is not None and isinstance(row, Sanction):
        decision_copies.store(actor=actor, release=release, sanction=row, copy=statement.copy, signer=signer)


def _save(
    actor: Actor,
    release: Release,
    row: AnyDecision,
    content: dict[str, JSON],
    facts: dict[str, str],
    signer: SignPair,
) -> None:
    row.sealed = seal_record(bytes(release.public_key), decision_context(row, release), content, signer)
    row.save(force_insert=True)
    facts |= {"digest": log.digest_of(row.sealed), "row": row_digest(row)}
    actor.record("decision.recorded", case=release.case_id, facts=facts)


def _tell(actor: Actor, release: Release, step: Step, reporters: dict[str, bytes], statement: Statement) -> None:
    """Send the words of a step to whom they are for."""
    action = Action(step.action)
    if action in _GIVES_BACK:
        _send_messages(actor, release, step, reporters, statement.text, to_triage=True)
    if action in _INTERNAL:
        return
    given = statement.override.kinds if statement.override else ()
    _send_messages(actor, release, step, reporters, _with_sanction(statement.reply, statement.record), given=given)
    if statement.reply and statement.override:
        first = release.case.complaints.filter(pk__in=reporters).order_by("pk").first()
        if first:
            disclosure_check.record_override_by_body(
                actor=actor, release=release, complaint=first, override=statement.override, step=step
            )


def _send_messages(
    actor: Actor,
    release: Release,
    step: Step,
    reporters: dict[str, bytes],
    message: str,
    *,
    to_triage: bool = False,
    given: Collection[str] = (),
) -> None:
    if not message:
        return
    for complaint in release.case.complaints.filter(pk__in=reporters):
        if not (to_triage or complaint.has_reporter):
            continue
        check_keys(complaint, reporters[str(complaint.pk)])
        send_to_reporter(
            complaint=complaint,
            text=message if to_triage else case_membership.with_reference(message, complaint),
            actor=actor,
            step=step,
            release=release,
            to_reporter=not to_triage,
            given=given,
        )
