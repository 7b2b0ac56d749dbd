"""What a liaison's list and search cost with many releases to a body: in this process, over a sample portal on SQLite.

The releases are forwardings of one report of the sample to the body, each sealed under a key of its own and recorded as
the product does it. A search reads at most ``READ_AT_MOST`` of them; the keys are opened anew for each.

Keys, times in milliseconds of the processor: ``releases``; ``list_ms`` of a page of the list, median of five;
``search_ms`` of one search that finds nothing, so that all it may read is read; ``searches`` until all were read,
``all_ms`` what these take; ``danger_ms`` of the filter of danger.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.pop(0)  # this folder: bench/queue.py would stand in for the standard library's
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.paths import environment
from bench.server import fill

LIAISON, FORWARDER, BODY = "bkn1", "penerus1", "bkn"


def make(number: int) -> None:
    """Make that many forwardings of one report of the sample to the body; of the case they are one after the other."""
    from django.db import transaction
    from django.utils import timezone

    from complaints.models.complaint import Complaint
    from complaints.models.oversight import OversightBody
    from complaints.services.forwarding import release
    from complaints.services.forwarding.contents import compose, whole
    from complaints.services.keyring import Actor
    from complaints.services.samples import play

    actor = Actor(play._keyrings()[FORWARDER], timezone.now())
    reports = Complaint.objects.with_reporter().filter(case__held_by="triage", case__is_practice=False)
    complaint = reports.exclude(case__status="received").order_by("pk")[0]
    complaints, case = [complaint], complaint.case
    composed = compose(keyring=actor.keyring, case=case, complaints=complaints, choice=whole(case.pk))
    body = OversightBody.objects.get(pk=BODY)
    for _time in range(number):
        with transaction.atomic():
            release.write(actor, release.prepare(actor, body), case, complaints, composed, "Mohon ditindaklanjuti.")


def seconds(act: Callable[[], object]) -> float:
    """Return the time of the processor that something takes: other work of the machine does not count."""
    begun = time.process_time()
    act()
    return time.process_time() - begun


def measure() -> dict[str, int]:
    """Measure list, filter and search as the liaison."""
    from django.urls import reverse
    from django.utils import timezone

    from bench.inprocess import signed_in
    from complaints.services.forwarding import release_search
    from complaints.services.keyring import Actor
    from complaints.services.samples import play

    browser, url = signed_in(LIAISON), reverse("admin:complaints_release_changelist")
    browser.open(f"{url}?turn=every")
    pages = [seconds(lambda: browser.open(f"{url}?turn=every")) for _time in range(5)]
    danger = seconds(lambda: browser.open(f"{url}?turn=every&danger=urgent"))
    times, read, left = [], 0, 1
    while left:
        actor = Actor(play._keyrings()[LIAISON], timezone.now())
        begun = time.process_time()
        result = release_search.search(actor=actor, words="tidak-ada-di-mana-pun", skip=read)
        times.append(time.process_time() - begun)
        read, left = read + result.read, result.left
    figures = {"list_ms": statistics.median(pages), "danger_ms": danger, "search_ms": times[0], "all_ms": sum(times)}
    counts = {"releases": read, "searches": len(times)}
    return counts | {name: round(value * 1000) for name, value in figures.items()}


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--releases", type=int, default=2000, help="how many forwardings are made")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kanal-netral-bench-") as name:
        folder = Path(name)
        fill(environment(folder), cases=True)
        os.environ.update(environment(folder))
        import bench.inprocess  # noqa: F401 (sets Django up)

        make(options.releases)
        print(json.dumps(measure()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
