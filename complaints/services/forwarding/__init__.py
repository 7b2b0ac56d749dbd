"""Forwarding to a body and everything the body does: a release under a key of its own, and what is written on it.

Before a release the body's team has no key to anything; after it they hold the key of that release and never the
complaint's own.
"""

from complaints.services.forwarding.acting import SanctionRecord, act
from complaints.services.forwarding.checking import check
from complaints.services.forwarding.reading import (
    Decided,
    ReleasedItem,
    ReleaseFile,
    Said,
    actions,
    decisions_for_triage,
    open_file,
    open_release,
)
from complaints.services.forwarding.releasing import forward
from complaints.services.forwarding.viewing import open_copy, view_file

__all__ = [
    "Decided",
    "ReleaseFile",
    "ReleasedItem",
    "Said",
    "SanctionRecord",
    "act",
    "actions",
    "check",
    "decisions_for_triage",
    "forward",
    "open_copy",
    "open_file",
    "open_release",
    "view_file",
]
