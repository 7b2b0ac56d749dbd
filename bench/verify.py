"""What the nightly verification of everything takes at a hundred thousand and at a million entries, on PostgreSQL.

The chain is valid and skewed: half of its entries are about one case, which also took every tenth of them as a step;
every fiftieth is a note of 4 KiB. Each size is verified from its first entry on, in a process of its own, as the job
does, without its time limit. Keys: seconds_small, seconds_large, peak_mib_small, peak_mib_large, the most memory that
the process ever held; idle_mib, what it held before; growth_mib, the second peak above the first; entries_per_s;
entries, faults (0), small_entries. Takes databases of its own and drops them.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

sys.path.pop(0)  # this folder: bench/queue.py would stand in for the standard library's
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.server import database, environment_of, fill, run_python

SIZES = (100_000, 1_000_000)
KEYS = ("seconds", "peak_mib")


def measure(entries: int) -> dict[str, float]:
    """Return what a verification of so many entries took."""
    with tempfile.TemporaryDirectory(prefix="kanal-netral-bench-") as name:
        folder = Path(name)
        with database(folder, sqlite=False) as address:
            environment = environment_of(folder, address, {})
            fill(environment)
            run_python(environment, "-m", "bench.verify_inside", "fill", str(entries))
            printed = run_python(environment, "-m", "bench.verify_inside", "verify")
            figures: dict[str, float] = json.loads(printed.splitlines()[-1])
            return figures


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", type=int, default=SIZES[0], help="entries of the small chain")
    parser.add_argument("--large", type=int, default=SIZES[1], help="entries of the large chain")
    options = parser.parse_args()
    small, large = measure(options.small), measure(options.large)
    figures = {f"{key}_{size}": taken[key] for size, taken in (("small", small), ("large", large)) for key in KEYS}
    figures |= {
        "idle_mib": large["idle_mib"],
        "growth_mib": round(large["peak_mib"] - small["peak_mib"], 1),
        "entries_per_s": round(large["entries"] / large["seconds"]),
        "faults": small["faults"] + large["faults"],
        "small_entries": small["entries"],
        "entries": large["entries"],
    }
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
