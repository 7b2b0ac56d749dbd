"""Before a decision every item is ticked or explained, and what is required is ticked."""

import pytest

from complaints.domain.checklists import CHECKLISTS, CheckedItem, ChecklistIncomplete, items, open_items, settle
from complaints.domain.workflow import Action

DONE = CheckedItem(done=True)


def all_done(action: Action) -> dict[str, CheckedItem]:
    return {item.code: DONE for item in items(action)}


@pytest.mark.parametrize("action", [Action.VERIFY, Action.FORWARD, Action.REFER, Action.PROPOSE_INELIGIBLE])
def test_decisions_have_a_checklist_with_something_required(action: Action) -> None:
    assert any(item.required for item in items(action))
    assert len({item.code for item in items(action)}) == len(items(action))
    assert open_items(action, {}) == [item.code for item in items(action)]
    assert list(settle(action, all_done(action))) == [item.code for item in items(action)]


def test_what_closes_a_case_has_one_and_small_steps_have_none() -> None:
    assert set(CHECKLISTS) >= {Action.REFER, Action.PROPOSE_INELIGIBLE, Action.CONFIRM_INELIGIBLE}
    assert settle(Action.START_REVIEW, {}) == {}


def test_an_explanation_stands_for_a_tick_only_where_it_may() -> None:
    for action, asked in CHECKLISTS.items():
        for item in asked:
            explained = all_done(action) | {item.code: CheckedItem(done=False, why="Tidak perlu.")}
            assert open_items(action, explained) == ([item.code] if item.required else [])
            assert open_items(action, all_done(action) | {item.code: CheckedItem(done=False, why="  ")}) == [item.code]


def test_the_refusal_carries_codes_only() -> None:
    with pytest.raises(ChecklistIncomplete) as refusal:
        settle(Action.VERIFY, {"no_conflict": CheckedItem(done=False, why="rahasia")})
    assert "no_conflict" in refusal.value.codes
    assert "rahasia" not in str(refusal.value)


def test_unexpected_answers_are_not_stored() -> None:
    assert "stranger" not in settle(Action.VERIFY, all_done(Action.VERIFY) | {"stranger": DONE})
