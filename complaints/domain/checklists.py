"""What an officer goes through before a decision, as codes; the words stand with the other words of the admin.

An item is ticked, or it says why not. A required one has to be ticked: without it the decision is not made. Codes are
stored, sealed, with the decision: one that is no longer asked keeps its words.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from complaints.domain.workflow import Action


@dataclass(frozen=True, slots=True)
class ChecklistItem:
    """One thing to make sure of."""

    code: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class CheckedItem:
    """What an officer said to an item: done, or why not."""

    done: bool
    why: str = ""


class ChecklistIncomplete(Exception):  # noqa: N818  a refusal is an answer, not a fault
    """A checklist with open items; carries their codes and nothing that was typed."""

    def __init__(self, codes: list[str]) -> None:
        self.codes = codes
        super().__init__(",".join(codes))


_READ = ChecklistItem("read_all", required=True)
_NO_CONFLICT = ChecklistItem("no_conflict", required=True)
_DANGER = ChecklistItem("danger_graded")
# proposal: practice asks whether the accused is a civil servant, whether the time fits, whether the report was made
# before, and whether the officer is impartial (domain.md 8; ISO 37002:2021, 8.3.1 and 8.4)
CHECKLISTS: Final[Mapping[Action, tuple[ChecklistItem, ...]]] = MappingProxyType(
    {
        Action.VERIFY: (
            _READ,
            _NO_CONFLICT,
            ChecklistItem("accused_asn"),
            ChecklistItem("in_window"),
            ChecklistItem("looked_alike"),
            _DANGER,
        ),
        Action.FORWARD: (
            ChecklistItem("files_looked_at", required=True),
            ChecklistItem("no_trace", required=True),
            ChecklistItem("right_body", required=True),
            _NO_CONFLICT,
            _DANGER,
        ),
        Action.REFER: (_READ, _NO_CONFLICT, ChecklistItem("says_where"), _DANGER),
        Action.PROPOSE_INELIGIBLE: (_READ, _NO_CONFLICT, ChecklistItem("asked_first"), ChecklistItem("looked_alike")),
        Action.CONFIRM_INELIGIBLE: (
            ChecklistItem("looked_myself", required=True),
            _NO_CONFLICT,
            ChecklistItem("says_where"),
        ),
    }
)


def items(action: Action) -> tuple[ChecklistItem, ...]:
    """Return what is asked before a step; nothing for most."""
    return CHECKLISTS.get(action, ())


def open_items(action: Action, answers: Mapping[str, CheckedItem]) -> list[str]:
    """Return the codes still in the way: required and not ticked, or neither ticked nor explained."""
    found = []
    for item in items(action):
        said = answers.get(item.code, CheckedItem(done=False))
        if not said.done and (item.required or not said.why.strip()):
            found.append(item.code)
    return found


def settle(action: Action, answers: Mapping[str, CheckedItem]) -> dict[str, CheckedItem]:
    """Return the answers to what is asked, in its order; raises :class:`ChecklistIncomplete`."""
    if codes := open_items(action, answers):
        raise ChecklistIncomplete(codes)
    return {item.code: answers[item.code] for item in items(action)}
