"""The acts of a body on its release: taking it up, asking, returning it, findings, recommendations and sanctions."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date

from django.db import transaction

from complaints import access
from complaints.domain import workflow
from complaints.domain.sealing.primitives import SignPair
from complaints.domain.sealing.records import seal_record
from complaints.domain.workflow import Action, ActorKind, TransitionRefused
from complaints.models.case import CaseStep
from complaints.models.oversight import Finding, Recommendation, Release, Sanction
from complaints.models.reference_data import SanctionKind
from complaints.services import case_membership, disclosure_check, transitions
from complaints.services.actor import Actor
from complaints.services.audit import log
from complaints.services.audit.state import row_digest
from complaints.services.forwarding.reading import actions, decision_context, open_content, reporters_of
from complaints.services.keyring import check_keys
from complaints.services.messages import send_to_reporter
from complaints.services.transitions import CaseVersion

_DECISIONS: dict[Action, type[Finding | Recommendation | Sanction]] = {
    Action.SUBSTANTIATE: Finding,
    Action.DISMISS: Finding,
    Action.AWAIT_AGENCY: Recommendation,
    Action.SANCTION: Sanction,
}


@dataclass(frozen=True)
class SanctionRecord:
    """The sanction that the agency imposed: its kind (code), and the number and date of the decision.

    ``accused_status`` is "pns" or "pppk" as the liaison said, ``rule`` the agency's own rule if the kind asks for it.
    """

    kind: str
    number: str
    decided_on: date
    accused_status: str = ""
    rule: str = ""


@transaction.atomic
def act(
    *,
    actor: Actor,
    release_id: uuid.UUID,
    action: Action,
    text: str = "",
    reply: str = "",
    sanction: SanctionRecord | None = None,
    seen: CaseVersion | None = None,
    override: disclosure_check.Override | None = None,
) -> CaseStep:
    """Perform an action of the body on its release.

    Args:
        text: what triage reads on the release: the finding, the recommendation, or the question of a return.
        reply: what the reporter reads; required for a question, and where the workflow requires a reason.
        sanction: with Action.SANCTION, required.
        seen: the version of the case that the person saw; None skips the comparison.
        override: why ``reply`` was sent despite a disclosure warning.

    Raises:
        Release.DoesNotExist: no release of this person's body.
        TransitionRefused, CaseChanged, Locked: nothing was written.
    """
    release = access.releases_for(actor.staff).select_related("case", "body").get(pk=release_id)
    if action not in {row.action for row in actions(keyring=actor.keyring, release=release)}:
        raise TransitionRefused(workflow.Refusal.NOT_FROM_HERE)
    if action is Action.SANCTION and sanction is None:
        raise TransitionRefused(workflow.Refusal.REASON_MISSING)
    signer = actor.keyring.keys_of(f"body-{release.body_id}").sign
    _pair, content = open_content(actor.keyring, release)
    step = transitions.perform(
        case_id=release.case_id,
        action=action,
        actor_kind=ActorKind.BODY,
        actor=actor,
        reason=text if action is Action.RETURN else reply,
        seen=seen,
    )
    if action in _DECISIONS:
        _store_decision(actor, release, action, text or reply, sanction, signer)
    reporters = reporters_of(content)
    _send_messages(actor, release, step, reporters, text=text, message=_with_sanction(reply, sanction))
    if reply and override:
        first = release.case.complaints.filter(pk__in=reporters).order_by("pk").first()
        if first:
            disclosure_check.record_override_by_body(
                actor=actor, release=release, complaint=first, override=override, step=step
            )
    if action is Action.RETURN:
        release.state = Release.State.RETURNED
        release.save(update_fields=["state"])
    return step


def _with_sanction(message: str, sanction: SanctionRecord | None) -> str:
    if sanction is None:
        return message
    label = SanctionKind.objects.get(pk=sanction.kind).label_id
    return f"{label}. {message}".strip() if message else f"{label}."


def _store_decision(
    actor: Actor, release: Release, action: Action, text: str, sanction: SanctionRecord | None, signer: SignPair
) -> None:
    row = _DECISIONS[action](release=release, author=actor.staff, signer=signer.public, at=actor.now)
    content: dict[str, str] = {"outcome": action.value, "text": text}
    if sanction is not None:
        content |= {"kind": sanction.kind, "number": sanction.number, "decided_on": sanction.decided_on.isoformat()}
        content |= {"accused_status": sanction.accused_status, "rule": sanction.rule}
    row.sealed = seal_record(bytes(release.public_key), decision_context(row, release), content, signer)
    row.save(force_insert=True)
    facts = {"decision": str(row.pk), "kind": action.value, "digest": log.digest_of(row.sealed), "row": row_digest(row)}
    actor.record("decision.recorded", case=release.case_id, facts=facts)


def _send_messages(
    actor: Actor,
    release: Release,
    step: CaseStep,
    reporters: dict[str, bytes],
    *,
    text: str,
    message: str,
) -> None:
    to_triage = Action(step.action) is Action.RETURN
    message = text if to_triage else message
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
        )
