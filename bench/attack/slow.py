"""The attack by connections that send a form a byte at a time: how do other visitors fare beside them?"""

from __future__ import annotations

from bench.attack.target import Target
from bench.client import percentile


def slow_p95_ms(target: Target) -> float:
    """Return the milliseconds within which nineteen of twenty requests of reporters are answered, in the worst case.

    Of pages that a visitor opens at the server itself, without the proxy, the slowest counts.
    """
    through, direct = target.beside_slow_connections()
    if not all(visits.times for visits in (*through, *direct)):
        raise RuntimeError("Nobody was answered, so that nothing was measured.")
    slowest = [percentile(visits.times, 0.95) for visits in through] + [max(visits.times) for visits in direct]
    return round(max(slowest) * 1000, 1)


def slow_errors(target: Target) -> int:
    """Return how many requests of reporters and visitors were answered wrongly or not at all."""
    through, direct = target.beside_slow_connections()
    return sum(visits.errors for visits in (*through, *direct))
