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
    job,
    oversight,
    reference_data,
    saved_filters,
    session,
    team,
)

__all__ = [
    "assignment",
    "audit",
    "blind_index",
    "case",
    "case_links",
    "complaint",
    "conflict",
    "evidence",
    "job",
    "oversight",
    "reference_data",
    "saved_filters",
    "session",
    "team",
]
