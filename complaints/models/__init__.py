"""Tables. Imported here for registration only: import classes from the module that defines them."""

from complaints.models import (
    assignment,
    audit,
    batch,
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
    verification,
)

__all__ = [
    "assignment",
    "audit",
    "batch",
    "blind_index",
    "case",
    "case_links",
    "complaint",
    "conflict",
    "evidence",
    "oversight",
    "reference_data",
    "saved_filters",
    "session",
    "team",
    "verification",
]
