"""Attack a portal that runs as in production. Its last line is one JSON object: the number of each attack.

It returns 1 where a number is above that of :mod:`bench.attack.catalogue`, and 2 where something was not attacked,
because PostgreSQL or redis-server is missing: the number is null then, and a line says so. ALLOW_SKIPS=1 makes that 0.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time

import psycopg

from bench.attack.catalogue import ATTACKS, Attack
from bench.attack.served import attacked
from bench.attack.stores import pickle_ran
from bench.attack.target import Skipped, Target
from bench.server import POSTGRES


def main() -> int:
    """Attack and print; return 1 where an attack went further than it may, and 2 where one was skipped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sqlite", action="store_true", help="without PostgreSQL and its roles")
    options = parser.parse_args()
    # So that the database, its roles and the folder are removed then as well.
    signal.signal(signal.SIGTERM, lambda *_signal: sys.exit(143))
    if not options.sqlite and (reason := without_postgresql()):
        print(f"!! SKIPPED: every attack, {reason}. Set DATABASE_URL_TEST_PG; --sqlite attacks without it.")
        return end({attack.__name__: None for attack in ATTACKS})
    with attacked(sqlite=options.sqlite) as target:
        if target.cache is None:
            print("!! SKIPPED: values in the cache, no redis-server. pickle_ran tries the database alone.")
        numbers: dict[str, float | None] = {attack.__name__: run(attack, target) for attack in ATTACKS}
        if target.cache is None and not numbers[pickle_ran.__name__]:
            numbers[pickle_ran.__name__] = None
    return end(numbers)


def end(numbers: dict[str, float | None]) -> int:
    """Print the numbers by attack, None for what was skipped, and return the exit code."""
    limits = {attack.__name__: most for attack, most in ATTACKS.items()}
    withstood = all(number is None or number <= limits[name] for name, number in numbers.items())
    skipped = [name for name, number in numbers.items() if number is None]
    print(
        ("withstood" if withstood else "NOT WITHSTOOD") + (f", but for what was skipped: {skipped}" if skipped else "")
    )
    print(json.dumps(numbers))
    if not withstood:
        return 1
    return 2 if skipped and os.environ.get("ALLOW_SKIPS") != "1" else 0


def run(attack: Attack, target: Target) -> float | None:
    """Run an attack, print its number, the highest that it may have and its seconds; return it, None where skipped."""
    begun = time.monotonic()
    try:
        number = attack(target)
    except Skipped as why:
        print(f"!! SKIPPED: {attack.__name__}, {why}.", flush=True)
        return None
    print(f"{attack.__name__}: {number}, at most {ATTACKS[attack]} ({time.monotonic() - begun:.0f} s)", flush=True)
    return number


def without_postgresql() -> str:
    """Return why there is no PostgreSQL to make a database with roles of its own, "" where there is one."""
    try:
        with psycopg.connect(POSTGRES, connect_timeout=3) as connection:
            row = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
    except psycopg.Error as error:
        return f"no PostgreSQL ({str(error).strip().splitlines()[0]})"
    return "" if row and row[0] else "no superuser of PostgreSQL, who makes the roles"


if __name__ == "__main__":
    raise SystemExit(main())
