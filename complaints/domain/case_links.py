"""Which cases may be linked (SP4N-LAPOR: gabung), and which reports may be unlinked again.

A case whose reports are moved was never released to a body, the case that receives them is open, and a report that a
body holds is not moved. The rules know no people and no text; services act on them.
"""

from __future__ import annotations

from collections.abc import Set
from enum import StrEnum
from typing import Final

from complaints.domain.workflow import OPEN, Permission, Status

LINKABLE: Final = frozenset({Status.RECEIVED, Status.IN_REVIEW, Status.NEEDS_INFORMATION, Status.VERIFIED})
# The states of a case that receives the reports of others.
TAKES_IN: Final = OPEN


class LinkRefusal(StrEnum):
    """The stable codes of :class:`LinkRefused`."""

    MISSING_PERMISSION = "missing_permission"
    REASON_MISSING = "reason_missing"
    NOTHING = "nothing"
    SAME_CASE = "same_case"
    SOURCE_STATE = "source_state"
    RELEASED = "released"
    OBJECTED = "objected"
    TARGET_ENDED = "target_ended"
    ALONE = "alone"
    HELD = "held"
    UNDER_CHECK = "under_check"


class LinkRefused(Exception):
    """Reports cannot be linked or unlinked like this; carries a code and never anything of a case."""

    def __init__(self, code: str) -> None:
        self.code = LinkRefusal(code)
        super().__init__(self.code.value)


def check_act(*, permissions: Set[Permission], reason: str) -> None:
    """Check that a person may link or unlink: triage, with a reason; raises LinkRefused."""
    if Permission.TRIAGE not in permissions:
        raise LinkRefused(LinkRefusal.MISSING_PERMISSION)
    if not reason.strip():
        raise LinkRefused(LinkRefusal.REASON_MISSING)


def target_refusal(status: Status) -> LinkRefusal | None:
    """Return why a case in this state receives no reports, or None."""
    return None if status in TAKES_IN else LinkRefusal.TARGET_ENDED


def source_refusal(
    status: Status, asked_from: Status | None, *, was_released: bool, is_objected: bool = False
) -> LinkRefusal | None:
    """Return why the reports of a case in this state cannot be moved, or None.

    ``was_released``: a body once received the case. Its decisions and questions refer to that case, so other cases are
    linked into it and never the reverse. ``is_objected``: an objection stands, which the history of another case would
    not know, and so would let whoever closed the case decide.
    """
    if was_released:
        return LinkRefusal.RELEASED
    if is_objected:
        return LinkRefusal.OBJECTED
    asked_here = status is not Status.NEEDS_INFORMATION or asked_from is Status.IN_REVIEW
    return None if status in LINKABLE and asked_here else LinkRefusal.SOURCE_STATE
