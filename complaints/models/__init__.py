"""Tables. Imported here for registration only: import classes from the module that defines them."""

from complaints.models import (
    assignment,
    audit,
    blind_index,
    case,
    case_links,
    complaint,
    conflict,
    evidence,
    oversight,
    reference_data,
    saved_filters,
    session,
    team,
)

__all__ = [
    "audit",
    "case",
    "reference_data",
    "complaint",
    "conflict",
    "assignment",
    "evidence",
    "blind_index",
    "case_links",
    "saved_filters",
    "oversight",
    "session",
    "team",
]
