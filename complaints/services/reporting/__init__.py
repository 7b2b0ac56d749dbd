"""What a reporter can do: send a report once, come back by its code, answer, add, withdraw.

Reporters write no audit entry, enqueue nothing and leave a day, never an hour: the day's root in the chain binds what
they sent. Nothing here gives a reporter's own words back.
"""

from complaints.services.reporting.history import Event
from complaints.services.reporting.returning import (
    UNREADABLE,
    Entry,
    Stage,
    StatusPage,
    add_message,
    may_withdraw,
    open_ticket,
    status_page,
    withdraw,
)
from complaints.services.reporting.sending import (
    ANSWER_FIELDS,
    SUMMARY_CHARS,
    Receipt,
    form_token,
    start_code,
    submit,
    summary_of,
    take_in,
    was_received,
)

__all__ = [
    "ANSWER_FIELDS",
    "SUMMARY_CHARS",
    "UNREADABLE",
    "Entry",
    "Event",
    "Receipt",
    "Stage",
    "StatusPage",
    "add_message",
    "form_token",
    "may_withdraw",
    "open_ticket",
    "start_code",
    "status_page",
    "submit",
    "summary_of",
    "take_in",
    "was_received",
    "withdraw",
]
