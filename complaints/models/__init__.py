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
    removal,
    saved_filters,
    session,
    sign_in,
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
    "oversight",
    "reference_data",
    "removal",
    "saved_filters",
    "session",
    "sign_in",
    "team",
]
