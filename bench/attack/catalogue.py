"""The list of attacks, each with the highest number at which the portal has withstood it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bench.attack import chain, drafts, escapes, factor, flood, memory, rows, slow, stores
from bench.attack.target import Target

Attack = Callable[[Target], float]

# The name of the function is the key of its number in the last line of ``make attack``.
ATTACKS: Final[dict[Attack, float]] = {
    stores.foreign_job_ran: 0,
    stores.pickle_ran: 0,
    chain.chain_blind_columns: 0,
    rows.lines_told: 0,
    rows.evidence_destroyed: 0,
    factor.factor_tries: 0,
    escapes.escapes: 0,
    slow.slow_p95_ms: 1000,
    slow.slow_errors: 0,
    memory.multipart_rss_mib: 32,
    memory.parts_s: 2,
    memory.signin_rss_mib: 32,
    flood.lane_lost: 0,
    # Last: the report is left at the beginning, and ends while the others go on.
    drafts.draft_free_min: 15,
}
