"""The audit chain: append in the act's own transaction, close the day, verify everything.

Only this package writes audit rows. Facts are ids, codes and digests of ciphertext; an unknown event or a fact of
another kind is refused, so that content cannot slip in.
"""

from complaints.services.audit.chain import (
    EVENTS,
    AuditError,
    append,
    close_day,
    day_digests,
    digest_of,
    heads,
    server_signer,
)
from complaints.services.audit.places import move_facts
from complaints.services.audit.reading import Recorded, head, last_days, last_of, recorded, recorded_today
from complaints.services.audit.resealed import reseal_statement
from complaints.services.audit.verification import Head, Verdict, parse_heads, verify_chain

__all__ = [
    "EVENTS",
    "AuditError",
    "Head",
    "Recorded",
    "Verdict",
    "append",
    "close_day",
    "day_digests",
    "digest_of",
    "head",
    "heads",
    "last_days",
    "last_of",
    "move_facts",
    "parse_heads",
    "recorded",
    "recorded_today",
    "reseal_statement",
    "server_signer",
    "verify_chain",
]
