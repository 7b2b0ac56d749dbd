"""What a page of the queue and the page of a case cost at a thousand and at a million cases, on PostgreSQL.

The requests go through the whole portal with its production settings, in one process, as a signed-in verifier. Every
page of the queue shows fifty lines with real sealed content: the first and the second page, each filter, a search.
Keys: p95_ms_1000 and p95_ms_1000000, over all these pages; growth, the second to the first; queries, the most that
any of them made; case_p95_ms_1000, case_p95_ms_1000000, case_growth and case_queries, the same of the case page;
pages, the p95 in milliseconds of each page at the larger size. Takes a database of its own and drops it.
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
from pathlib import Path
from typing import Any

sys.path.pop(0)  # this folder: bench/queue.py would stand in for the standard library's
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.client import percentile
from bench.server import ROOT, database, environment_of

SIZES = (1_000, 1_000_000)
ROUNDS = 10
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


def measure(size: int) -> dict[str, Any]:
    """Fill the database that the settings name, and measure; runs in a process of its own."""
    # Nobody waits for an expensive wrapping here: the person signs in once.
    os.environ.update(KEY_WRAP_OPSLIMIT="1", KEY_WRAP_MEMLIMIT="8192")
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command
    from django.test import Client
    from django.urls import reverse

    from bench import crowd
    from tests.cast import make_cast, sign_in

    settings.PASSWORD_HASH_MEMORY_KIB = 8
    settings.ALLOWED_HOSTS = ["testserver"]
    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    cast = make_cast()
    settings.TEAM_KEY_PINS = cast.pins
    begun = time.perf_counter()
    crowd.fill(size, cast.ring("vera"))
    client, queue = sign_in(Client(), "vera"), reverse("admin:complaints_case_changelist")
    addresses = {query or "first": f"{queue}?{query}" for query in FILTERS}
    addresses["second"] = f"{queue}?after={AFTER.findall(_text(client, queue))[0]}"
    lines = {pk for address in addresses.values() for pk in LINE.findall(_text(client, address))}
    crowd.display(sorted(lines))
    filled = time.perf_counter() - begun
    pages = {name: _times(client, address) for name, address in addresses.items()}
    counts = [_queries(client, address) for address in addresses.values()]
    client.post(reverse("admin:complaints_case_search"), {"words": crowd.NIP})
    pages["search"] = _times(client, queue)
    counts.append(_queries(client, queue))
    cases = [reverse("admin:complaints_case_change", args=[pk]) for pk in sorted(lines)[:CASES]]
    looks = [seconds for address in cases for seconds in _times(client, address, rounds=3)]
    return {
        "filled_s": round(filled, 1),
        "lines": len(lines),
        "queries": max(counts),
        "times": pages,
        "case_times": looks,
        "case_queries": max(_queries(client, address) for address in cases),
    }


def _text(client: Any, address: str) -> str:
    return str(client.get(address).content.decode())


def _times(client: Any, address: str, rounds: int = ROUNDS) -> list[float]:
    client.get(address)
    found = []
    for _round in range(rounds):
        begun = time.perf_counter()
        assert client.get(address).status_code == 200
        found.append((time.perf_counter() - begun) * 1000)
    return found


def _queries(client: Any, address: str) -> int:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as queries:
        client.get(address)
    return len(queries)


def apart(size: int) -> dict[str, Any]:
    """Measure in a process of its own, with a folder and a database of its own."""
    with tempfile.TemporaryDirectory(prefix="kanal-netral-bench-") as name:
        folder = Path(name)
        with database(folder, sqlite=False) as address:
            environment = environment_of(folder, address, {})
            for command in (["portal.messages"], ["portal.secrets", str(folder / "portal.env")]):
                subprocess.run([sys.executable, "-m", *command], cwd=ROOT, env=environment, check=True, stdout=-3)
            inside = [sys.executable, "-m", "bench.queue", "--inside", str(size)]
            done = subprocess.run(inside, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _p95(values: list[float]) -> float:
    return round(percentile(values, 0.95), 1)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inside", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--large", type=int, default=SIZES[1], help="how many cases stand for a million")
    options = parser.parse_args()
    if options.inside:
        print(json.dumps(measure(options.inside)))
        return 0
    small, large = apart(SIZES[0]), apart(options.large)
    all_of = [[time for times in found["times"].values() for time in times] for found in (small, large)]
    few, many = _p95(all_of[0]), _p95(all_of[1])
    case_few, case_many = _p95(small["case_times"]), _p95(large["case_times"])
    print(f"filled in {small['filled_s']} s and {large['filled_s']} s; {large['lines']} lines shown", file=sys.stderr)
    print(
        json.dumps(
            {
                "p95_ms_1000": few,
                "p95_ms_1000000": many,
                "growth": round(many / few, 2),
                "queries": max(small["queries"], large["queries"]),
                "case_p95_ms_1000": case_few,
                "case_p95_ms_1000000": case_many,
                "case_growth": round(case_many / case_few, 2),
                "case_queries": max(small["case_queries"], large["case_queries"]),
                "cases": options.large,
                "pages": {name: _p95(times) for name, times in large["times"].items()},
                "pages_1000": {name: _p95(times) for name, times in small["times"].items()},
            }
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
