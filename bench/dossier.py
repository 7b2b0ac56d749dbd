"""How much memory the download of all that a body holds takes: one ZIP with 1 GiB of files, and what reaches the disk.

The view of the portal answers in a process of its own, as in production. Keys: mib_above_idle, resident memory at its
highest while the ZIP is taken, above what it was after a download of the same release without the large files;
mib_per_s; written_mib, what the process handed to any file while the ZIP was taken; whole, whether it opens.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

sys.path.pop(0)  # this folder: bench/queue.py would stand in for the standard library's
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.server import run_python, running

LIMITS = {"EVIDENCE_MIN_FREE_BYTES": "0", "EVIDENCE_MAX_FILE_BYTES": str(200 * 1024 * 1024)}


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sqlite", action="store_true")
    parser.add_argument("--big", type=int, default=1024, help="MiB of all large files together")
    options = parser.parse_args()
    with running(sqlite=options.sqlite, settings=LIMITS, cases=True) as portal:
        printed = run_python(portal.environment, "-m", "bench.dossier_inside", str(options.big))
    figures = json.loads(printed.splitlines()[-1])
    print(json.dumps(figures | {"database": "sqlite" if options.sqlite else "postgresql"}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
