"""Two-person rules hold by keys: no step of a person without that person's own unlocked key."""

from __future__ import annotations

import pytest
from django.utils import timezone

from complaints.domain.sealing.keys import KeySet
from complaints.domain.workflow import Action, ActorKind
from complaints.models.case import Case, CaseStep
from complaints.services import case_actions, transitions
from complaints.services.keyring import Actor, Keyring, Locked
from tests.cases import act, in_review, verified
from tests.world import Cast, Sent, send_report

PAIRS = {
    Action.VERIFY: ("vera", in_review),
    Action.FORWARD: ("fitri", verified),
    Action.PROPOSE_INELIGIBLE: ("vera", in_review),
}


def perform(cast: Cast, name: str, sent: Sent, action: Action, keys: KeySet | None) -> None:
    transitions.perform(
        case_id=sent.case.pk,
        action=action,
        actor_kind=ActorKind.STAFF,
        actor=Actor(Keyring(cast[name], keys), timezone.now()),
        reason="Sebab.",
    )


@pytest.mark.parametrize("action", PAIRS)
def test_no_step_without_the_persons_own_key(cast: Cast, action: Action) -> None:
    name, prepare = PAIRS[action]
    sent = prepare(cast)
    steps, status = CaseStep.objects.count(), sent.case.status
    for keys in (None, cast.ring("vino").keys, KeySet.new()):
        with pytest.raises(Locked):
            perform(cast, name, sent, action, keys)
    assert CaseStep.objects.count() == steps
    assert Case.objects.get(pk=sent.case.pk).status == status
    perform(cast, name, sent, action, cast.ring(name).keys)
    assert CaseStep.objects.count() == steps + 1


def test_the_second_person_signs_with_another_key(cast: Cast) -> None:
    sent = in_review(cast)
    act(cast, "vera", sent, Action.PROPOSE_INELIGIBLE, "Bukan ASN.")
    with pytest.raises(Locked):
        perform(cast, "vino", sent, Action.CONFIRM_INELIGIBLE, cast.ring("vera").keys)
    act(cast, "vino", sent, Action.CONFIRM_INELIGIBLE, "Benar.")
    assert sent.case.status == "ineligible"


def test_a_locked_session_acts_on_nothing(cast: Cast) -> None:
    sent = send_report()
    with pytest.raises(Locked):
        case_actions.act(
            actor=Actor(Keyring(cast["vera"], None), timezone.now()),
            case_id=sent.case.pk,
            action=Action.START_REVIEW,
        )
