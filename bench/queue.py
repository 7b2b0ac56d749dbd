"""What a page of the queue and the page of a case cost at a thousand and at a million cases, on PostgreSQL.

The requests go through the whole portal with its production settings, in one process, as a signed-in verifier. Every
page of the queue shows fifty lines with real sealed content: the first and the second page, each filter, a search.
Keys: p95_ms_1000 and p95_ms_1000000, over all these pages; growth, the second to the first; queries, the most that
any of them made; case_p95_ms_1000, case_p95_ms_1000000, case_growth and case_queries, the same of the case page;
joint_..., the same of the pages of one case of 500 linked reports: the first and the last page of its reports, its
custody sheet, linking, and the status page of one of its reporters; pages_p50_ms, the median of each page but the case
pages at either size. Both sizes are asked in turns, so that other work on the machine
disturbs them alike. Takes databases of its own and drops them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypedDict

sys.path.pop(0)  # this folder: bench/queue.py would stand in for the standard library's
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.client import percentile
from bench.server import ROOT, database, environment_of, fill

SIZES = (1_000, 1_000_000)
ROUNDS = 5


class About(TypedDict):
    """What a portal says once it is filled: names of its pages, how many cases they list, seconds."""

    pages: list[str]
    lines: int
    filled_s: int


class Portal:
    """A portal of a size in a process of its own, with a folder and a database of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        """Wait until it is filled."""
        self.process = process
        self.about: About = json.loads(self._read())

    def _read(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("the portal ended before it answered")
        return line

    def measure(self, command: str) -> float:
        """Return how long a page took (ms), or with "queries" behind its name how many queries it makes."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{command}\n")
        self.process.stdin.flush()
        return float(self._read())


@contextmanager
def portal(size: int) -> Iterator[Portal]:
    """Run a portal while the context lasts."""
    with tempfile.TemporaryDirectory(prefix="kanal-netral-bench-") as name:
        folder = Path(name)
        with database(folder, sqlite=False) as address:
            environment = environment_of(folder, address, {})
            fill(environment)
            command = [sys.executable, "-m", "bench.queue_inside", str(size)]
            with subprocess.Popen(
                command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            ) as process:
                try:
                    yield Portal(process)
                finally:
                    process.terminate()


def compare(small: Portal, large: Portal) -> dict[str, object]:
    """Measure both in turns, so that other work on the machine disturbs them alike."""
    portals = (small, large)
    times: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in small.about["pages"]}
    for _round in range(ROUNDS + 1):
        for name, lists in times.items():
            for measured, values in zip(portals, lists, strict=True):
                values.append(measured.measure(name))
    # The first request of each page warms what a running portal has warm.
    warm = {name: [values[1:] for values in lists] for name, lists in times.items()}
    queries = {name: max(int(measured.measure(f"{name} queries")) for measured in portals) for name in times}
    figures: dict[str, object] = {}
    for prefix in ("", "case_", "joint_"):
        names = [name for name in times if prefix_of(name) == prefix]
        at_small, at_large = ([ms for name in names for ms in warm[name][place]] for place in (0, 1))
        figures |= {
            f"{prefix}p95_ms_1000": rounded(at_small, 0.95),
            f"{prefix}p95_ms_1000000": rounded(at_large, 0.95),
            f"{prefix}growth": round(percentile(at_large, 0.95) / percentile(at_small, 0.95), 2),
            f"{prefix}p50_ms_1000": rounded(at_small, 0.5),
            f"{prefix}p50_ms_1000000": rounded(at_large, 0.5),
            f"{prefix}queries": max(queries[name] for name in names),
        }
    medians = {name: [rounded(values, 0.5) for values in warm[name]] for name in times if prefix_of(name) != "case_"}
    return figures | {"pages_p50_ms": medians}


def prefix_of(page: str) -> str:
    """Return what the keys of a page's figures begin with."""
    kind = page.partition("-")[0]
    return f"{kind}_" if kind in {"case", "joint"} else ""


def rounded(values: list[float], share: float) -> float:
    """Return a percentile of ``values`` to a tenth."""
    return round(percentile(values, share), 1)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", type=int, default=SIZES[1], help="how many cases stand for a million")
    options = parser.parse_args()
    with portal(options.large) as large, portal(SIZES[0]) as small:
        print(f"filled: {small.about}, {large.about}", file=sys.stderr)
        print(json.dumps(compare(small, large) | {"cases": options.large}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
