"""The attack by whoever can write to the database on what the audit chain is to make visible."""

from __future__ import annotations

from bench.attack.target import Target


def chain_blind_columns(target: Target) -> int:
    """Return how many of the alterations of :mod:`bench.attack.columns` nobody named, or could not be tried."""
    blind = target.blind_columns()
    for name in blind:
        print(f"not named: {name}")
    return len(blind)
