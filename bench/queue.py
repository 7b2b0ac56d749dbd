"""What a page of the queue and the page of a case cost at a thousand and at a million cases, on PostgreSQL.

The requests go through the whole portal with its production settings, in one process, as a signed-in verifier. Every
page of the queue shows fifty lines with real sealed content: the first and the second page, each filter, a search.
Keys: p95_ms_1000 and p95_ms_1000000, over all these pages; growth, the second to the first; queries, the most that
any of them made; case_p95_ms_1000, case_p95_ms_1000000, case_growth and case_queries, the same of the case page;
pages_p50_ms, the median of each page at either size. Both sizes are asked in turns, so that other work on the machine
disturbs them alike. Takes databases of its own and drops them.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.pop(0)  # this folder: bench/queue.py would stand in for the standard library's
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.client import percentile
from bench.server import ROOT, database, environment_of

SIZES = (1_000, 1_000_000)
ROUNDS = 5
AFTER = re.compile(r"after=([\w.]+)\"")
LINE = re.compile(r"/case/([0-9a-f-]{36})/change/\"")
CASES = 12
FILTERS = (
    "",
    "status=every",
    "status=ended",
    "status=ours",
    "status=verified",
    "status=referred",
    "due=late",
    "due=today",
    "officer=me",
    "officer=none",
    "answers=unread",
    "group=pressure",
    "accused=superior",
    "province=33",
    "province=none",
    "officer=me&province=33",
    "status=ended&officer=me",
)


@dataclass(frozen=True)
class Page:
    """A page that is measured: whose browser asks for it, and its address."""

    client: Any
    address: str

    def milliseconds(self) -> float:
        """Ask once; raises AssertionError for anything but a page."""
        begun = time.perf_counter()
        assert self.client.get(self.address).status_code == 200
        return (time.perf_counter() - begun) * 1000

    def queries(self) -> int:
        """Ask once more and count; the second time, because the first may renew what is kept in memory."""
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        self.milliseconds()
        with CaptureQueriesContext(connection) as found:
            self.milliseconds()
        # Where a transaction begins and ends goes with the query beside it.
        return sum(1 for one in found if not one["sql"].startswith(("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")))

    def text(self) -> str:
        """Return what the page says."""
        return str(self.client.get(self.address).content.decode())


def inside(size: int) -> None:
    """Fill the database that the settings name, then answer to a page's name on each line of input with its time."""
    # Nobody waits for an expensive wrapping here: each person signs in once.
    os.environ.update(KEY_WRAP_OPSLIMIT="1", KEY_WRAP_MEMLIMIT="8192")
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    from tests.cast import make_cast

    settings.PASSWORD_HASH_MEMORY_KIB = 8
    settings.ALLOWED_HOSTS = ["testserver"]
    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    cast = make_cast()
    settings.TEAM_KEY_PINS = cast.pins
    begun = time.perf_counter()
    pages, lines = _pages(size, cast)
    print(
        json.dumps({"pages": list(pages), "lines": lines, "filled_s": round(time.perf_counter() - begun)}), flush=True
    )
    for line in sys.stdin:
        name, _space, what = line.strip().partition(" ")
        page = pages[name]
        print(page.queries() if what else page.milliseconds(), flush=True)


def _pages(size: int, cast: Any) -> tuple[dict[str, Page], int]:
    from django.test import Client
    from django.urls import reverse

    from bench import crowd
    from tests.cast import sign_in

    # All modules are read before the long part: whoever edits files meanwhile changes nothing here.
    queue, client, seeker = reverse("admin:complaints_case_changelist"), Client(), Client()
    crowd.fill(size, cast.ring("vera"))
    sign_in(client, "vera")
    sign_in(seeker, "vino")
    pages = {query or "first": Page(client, f"{queue}?{query}") for query in FILTERS}
    pages["second"] = Page(client, f"{queue}?after={AFTER.findall(pages['first'].text())[0]}")
    lines = sorted({pk for page in pages.values() for pk in LINE.findall(page.text())})
    crowd.display(lines)
    seeker.post(reverse("admin:complaints_case_search"), {"words": crowd.NIP})
    pages["search"] = Page(seeker, queue)
    for number, pk in enumerate(lines[:CASES]):
        pages[f"case-{number}"] = Page(client, reverse("admin:complaints_case_change", args=[pk]))
    return pages, len(lines)


class Portal:
    """A portal of a size in a process of its own, with a folder and a database of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.about: dict[str, Any] = json.loads(self._read())

    def _read(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("the portal ended before it answered")
        return line

    def ask(self, words: str) -> float:
        """Return what a page took, or with "queries" behind its name how many it makes."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{words}\n")
        self.process.stdin.flush()
        return float(self._read())


@contextmanager
def portal(size: int) -> Iterator[Portal]:
    """Run a portal while the context lasts."""
    with tempfile.TemporaryDirectory(prefix="kanal-netral-bench-") as name:
        folder = Path(name)
        with database(folder, sqlite=False) as address:
            environment = environment_of(folder, address, {})
            for command in (["portal.messages"], ["portal.secrets", str(folder / "portal.env")]):
                subprocess.run([sys.executable, "-m", *command], cwd=ROOT, env=environment, check=True, stdout=-3)
            command = [sys.executable, "-m", "bench.queue", "--inside", str(size)]
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
            with subprocess.Popen(command, cwd=ROOT, env=environment, **pipes) as process:
                yield Portal(process)
                process.terminate()


def compare(small: Portal, large: Portal) -> dict[str, Any]:
    """Ask both in turns, so that other work on the machine disturbs them alike."""
    times: dict[str, list[list[float]]] = {name: [[], []] for name in small.about["pages"]}
    for _round in range(ROUNDS + 1):
        for name, found in times.items():
            for place, one in enumerate((small, large)):
                found[place].append(one.ask(name))
    # The first look at each page warms what a running portal has warm.
    kept = {name: [found[place][1:] for place in (0, 1)] for name, found in times.items()}
    queries = {name: max(one.ask(f"{name} queries") for one in (small, large)) for name in times}
    figures: dict[str, Any] = {}
    for prefix, wanted in (
        ("", [n for n in kept if n[:5] != "case-"]),
        ("case_", [n for n in kept if n[:5] == "case-"]),
    ):
        both = [[one for name in wanted for one in kept[name][place]] for place in (0, 1)]
        figures |= {
            f"{prefix}p95_ms_1000": _percent(both[0], 0.95),
            f"{prefix}p95_ms_1000000": _percent(both[1], 0.95),
            f"{prefix}growth": round(percentile(both[1], 0.95) / percentile(both[0], 0.95), 2),
            f"{prefix}p50_ms_1000": _percent(both[0], 0.5),
            f"{prefix}p50_ms_1000000": _percent(both[1], 0.5),
            f"{prefix}queries": int(max(queries[name] for name in wanted)),
        }
    pages = {name: [_percent(one, 0.5) for one in kept[name]] for name in kept if name[:5] != "case-"}
    return figures | {"pages_p50_ms": pages}


def _percent(values: list[float], share: float) -> float:
    return round(percentile(values, share), 1)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inside", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--large", type=int, default=SIZES[1], help="how many cases stand for a million")
    options = parser.parse_args()
    if options.inside:
        inside(options.inside)
        return 0
    with portal(options.large) as large, portal(SIZES[0]) as small:
        print(f"filled: {small.about}, {large.about}", file=sys.stderr)
        print(json.dumps(compare(small, large) | {"cases": options.large}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
