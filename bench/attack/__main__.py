"""Attack a portal that runs as in production. Its last line is one JSON object: the number of each attack.

Numbers above those of :mod:`bench.attack.catalogue` make the command fail.
"""

from __future__ import annotations

import argparse
import json

from bench.attack.catalogue import ATTACKS
from bench.attack.served import attacked


def main() -> int:
    """Attack and print; return 1 where an attack went further than it may."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sqlite", action="store_true")
    options = parser.parse_args()
    with attacked(sqlite=options.sqlite) as target:
        if target.cache is None:
            print("SKIPPED: no redis-server here, so that no value in the cache was attacked")
        numbers = {attack.__name__: attack(target) for attack in ATTACKS}
    withstood = all(numbers[attack.__name__] <= most for attack, most in ATTACKS.items())
    print("withstood" if withstood else "NOT WITHSTOOD")
    print(json.dumps(numbers))
    return 0 if withstood else 1


if __name__ == "__main__":
    raise SystemExit(main())
