"""The checklists that an officer completes before a step, as codes; complaints.admin labels them.

An item is ticked, or the officer says why not; a required item must be ticked before the step is taken. What the
portal knows is derived, and nobody ticks it. The codes are stored, sealed, with the step, so the label of an item that
is no longer in use must stay.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from complaints.domain.workflow import Action


@dataclass(frozen=True, slots=True)
class ChecklistItem:
    """One item of a checklist."""

    code: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class CheckedItem:
    """An officer's answer to an item: done, or the reason why not."""

    done: bool
    why: str = ""


class ChecklistIncomplete(Exception):
    """A checklist has open items; the error carries their codes and no typed text."""

    def __init__(self, codes: list[str]) -> None:
        self.codes = codes
        super().__init__(",".join(codes))


_NO_CONFLICT = ChecklistItem("no_conflict", required=True)
_FILES = ChecklistItem("files_opened")
_RISK = ChecklistItem("risk_graded")
# What the portal works out by itself, where a step has the item. Whether the files of a release were looked at, and
# whether it goes to the body that the rules name, depends on what is chosen.
DERIVED: Final = frozenset({"files_opened", "files_looked_at", "risk_graded", "by_rule", "asked_first"})
# proposal: practice asks whether the report can be judged at all, whether the reporter was asked first, and whether the
# officer is impartial (domain.md 8; ISO 37002:2021, 8.3.1 and 8.4)
CHECKLISTS: Final[Mapping[Action, tuple[ChecklistItem, ...]]] = {
    Action.VERIFY: (
        _NO_CONFLICT,
        ChecklistItem("is_clear", required=True),
        _FILES,
        ChecklistItem("by_rule"),
        _RISK,
    ),
    Action.FORWARD: (
        ChecklistItem("files_looked_at"),
        ChecklistItem("no_trace", required=True),
        ChecklistItem("right_body"),
        _NO_CONFLICT,
        _RISK,
    ),
    Action.DELIVER: (
        ChecklistItem("no_trace", required=True),
        ChecklistItem("right_body", required=True),
        _NO_CONFLICT,
    ),
    Action.PREPARE_REFERRAL: (_NO_CONFLICT, _FILES, _RISK),
    Action.REFER: (_NO_CONFLICT, _FILES, ChecklistItem("says_where"), _RISK),
    Action.PROPOSE_INELIGIBLE: (_NO_CONFLICT, _FILES, ChecklistItem("asked_first")),
    Action.CONFIRM_INELIGIBLE: (
        ChecklistItem("looked_myself", required=True),
        _NO_CONFLICT,
        ChecklistItem("says_where"),
    ),
}


def items(action: Action) -> tuple[ChecklistItem, ...]:
    """Return the checklist of a step; empty for most steps."""
    return CHECKLISTS.get(action, ())


def open_items(action: Action, answers: Mapping[str, CheckedItem]) -> list[str]:
    """Return the codes of open items: required and not ticked, or neither ticked nor explained."""
    codes = []
    for item in items(action):
        answer = answers.get(item.code, CheckedItem(done=False))
        if not answer.done and (item.required or not answer.why.strip()):
            codes.append(item.code)
    return codes


def settle(action: Action, answers: Mapping[str, CheckedItem]) -> dict[str, CheckedItem]:
    """Return the answers to the items of a step, in their order; raises ChecklistIncomplete where an item is open."""
    if codes := open_items(action, answers):
        raise ChecklistIncomplete(codes)
    return {item.code: answers[item.code] for item in items(action)}
