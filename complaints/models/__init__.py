"""Tables. Imported here for registration only: import classes from the module that defines them."""

from complaints.models import (
    audit,
    case,
    catalog,
    complaint,
    conflict,
    duty,
    evidence,
    index,
    linking,
    lists,
    oversight,
    session,
    team,
)

__all__ = [
    "audit",
    "case",
    "catalog",
    "complaint",
    "conflict",
    "duty",
    "evidence",
    "index",
    "linking",
    "lists",
    "oversight",
    "session",
    "team",
]
