"""The acts of a body on its release: taking it up, asking, returning it, findings, recommendations and sanctions."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from django.db import transaction
from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override as in_language

from complaints import access
from complaints.domain import workflow
from complaints.domain.sealing.primitives import SignPair
from complaints.domain.sealing.records import seal_record
from complaints.domain.workflow import Action, ActorKind, TransitionRefused
from complaints.models.case import CaseStep
from complaints.models.oversight import Finding, Recommendation, Release, ReleaseStep, Sanction
from complaints.models.reference_data import SanctionKind
from complaints.services import case_membership, disclosure_check, release_steps, transitions
from complaints.services.actor import Actor
from complaints.services.audit import log
from complaints.services.audit.log import row_digest
from complaints.services.forwarding.reading import (
    OpenedRelease,
    actions,
    chain_of,
    decision_context,
    open_contents,
    reporters_of,
)
from complaints.services.forwarding.release import end_releases
from complaints.services.keyring import check_keys
from complaints.services.messages import send_to_reporter
from complaints.services.transitions import CaseChanged, CaseVersion

_DECISIONS: dict[Action, type[Finding | Recommendation | Sanction]] = {
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
OUTCOMES: Final = frozenset({Action.SANCTION, Action.NO_SANCTION, Action.CORRECT})
# Steps by which a body gives a case back to the office, which reads their text.
_GIVES_BACK: Final = frozenset({Action.RETURN, Action.DECLINE})


class NoSanction(TextChoices):
    """Why no sanction stands; sealed with the decision."""

    AGENCY = "agency", _("The agency decided on no sanction")
    LEFT = "left", _("The accused no longer serves, so that no disciplinary sanction can be imposed")
    DIED = "died", _("The accused has died")
    CLEARED = "cleared", _("The accused was cleared")
    SET_ASIDE = "set_aside", _("The decision on the sanction was set aside")


@dataclass(frozen=True)
class SanctionRecord:
    """What the agency decided: the kind of sanction (code), or ``why`` none stands, and its number and date.

    ``accused_status`` is "pns" or "pppk" as the liaison said, ``rule`` the agency's own rule if the kind asks for it.
    """

    kind: str
    number: str
    decided_on: date
    accused_status: str = ""
    rule: str = ""
    why: str = ""


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
    sanction: SanctionRecord | None = None,
    seen: CaseVersion | None = None,
    newest: int | None = None,
    override: disclosure_check.Override | None = None,
) -> CaseStep | ReleaseStep:
    """Perform an action of the body on its release; it moves the case only where the body leads it.

    Args:
        text: what triage reads on the release: the finding, the recommendation, or the question of a return.
        reply: what the reporter reads; required for a question, and where the workflow requires a reason.
        sanction: what the agency decided; required with the actions of OUTCOMES.
        seen: the version of the case that the person saw; None skips the comparison.
        newest: the number of the newest release that the person saw; None skips the comparison.
        override: why ``reply`` was sent despite a disclosure warning.

    Raises:
        Release.DoesNotExist: no release of this person's body.
        TransitionRefused, CaseChanged, Locked: nothing was written; "wrong_day" for a decision before the act that the
            reports tell, or of a day to come.
    """
    release = access.releases_for(actor.staff).select_related("case", "body").get(pk=release_id)
    if action not in {row.action for row in actions(keyring=actor.keyring, release=release)}:
        raise TransitionRefused(workflow.Refusal.NOT_FROM_HERE)
    signer = actor.keyring.keys_of(f"body-{release.body_id}").sign
    opened = open_contents(actor.keyring, chain_of(release))
    if newest not in (None, opened[0].release.number):
        # What came meanwhile is read first.
        raise CaseChanged
    _check_words(action, text, reply)
    _check_outcome(action, sanction, opened, actor.today)
    step = _take_step(actor, release, action, text if action is Action.RETURN else reply, seen)
    if action in _DECISIONS:
        _store_decision(actor, release, action, text or reply, sanction, signer)
    reporters = reporters_of(opened)
    if action in _GIVES_BACK:
        _send_messages(actor, release, step, reporters, text, to_triage=True)
    _send_messages(actor, release, step, reporters, "" if action is Action.RETURN else _with_sanction(reply, sanction))
    if reply and override:
        first = release.case.complaints.filter(pk__in=reporters).order_by("pk").first()
        if first:
            disclosure_check.record_override_by_body(
                actor=actor, release=release, complaint=first, override=override, step=step
            )
    if action in _GIVES_BACK:
        end_releases(actor=actor, step=step)
    return step


def _take_step(
    actor: Actor, release: Release, action: Action, reason: str, seen: CaseVersion | None
) -> CaseStep | ReleaseStep:
    """Take the step of the body: of the case where the body leads it, else of its release alone."""
    if release.is_further:
        return release_steps.perform(
            release_id=release.pk, action=action, actor_kind=ActorKind.BODY, actor=actor, reason=reason, seen=seen
        )
    return transitions.perform(
        case_id=release.case_id, action=action, actor_kind=ActorKind.BODY, actor=actor, reason=reason, seen=seen
    )


def _check_words(action: Action, text: str, reply: str) -> None:
    if action is Action.CRIMINAL_OUTCOME and not (text.strip() and reply.strip()):
        raise TransitionRefused(workflow.Refusal.REASON_MISSING)


def _check_outcome(
    action: Action, sanction: SanctionRecord | None, opened: Sequence[OpenedRelease], today: date
) -> None:
    if action not in OUTCOMES:
        return
    if sanction is None:
        raise TransitionRefused(workflow.Refusal.REASON_MISSING)
    if not (first_day(opened) or date.min) <= sanction.decided_on <= today:
        raise TransitionRefused(workflow.Refusal.WRONG_DAY)


def _with_sanction(message: str, sanction: SanctionRecord | None) -> str:
    if sanction is None:
        return message
    with in_language("id"):
        outcome = str(NoSanction(sanction.why).label) if sanction.why else ""
    label = outcome or SanctionKind.objects.get(pk=sanction.kind).label_id
    return f"{label}. {message}".strip() if message else f"{label}."


def _store_decision(
    actor: Actor, release: Release, action: Action, text: str, sanction: SanctionRecord | None, signer: SignPair
) -> None:
    row = _DECISIONS[action](release=release, author=actor.staff, signer=signer.public, at=actor.now)
    content: dict[str, str] = {"outcome": action.value, "text": text}
    if sanction is not None:
        content |= {"kind": sanction.kind, "number": sanction.number, "decided_on": sanction.decided_on.isoformat()}
        content |= {"accused_status": sanction.accused_status, "rule": sanction.rule, "why": sanction.why}
    row.sealed = seal_record(bytes(release.public_key), decision_context(row, release), content, signer)
    row.save(force_insert=True)
    facts = {"decision": str(row.pk), "kind": action.value, "digest": log.digest_of(row.sealed), "row": row_digest(row)}
    actor.record("decision.recorded", case=release.case_id, facts=facts)


def _send_messages(
    actor: Actor,
    release: Release,
    step: CaseStep | ReleaseStep,
    reporters: dict[str, bytes],
    message: str,
    *,
    to_triage: bool = False,
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
        )
