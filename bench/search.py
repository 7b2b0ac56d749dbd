"""What a search for cases costs with many cases that an officer may find, on PostgreSQL: requests through the whole
portal with its production settings, in one process, as a signed-in verifier.

Each report has a search document with words by Zipf's law: most of 1 KiB, every twentieth of 4 KiB. Searched are a
frequent name, a rare one, an agency in other words, a word of stories, a part of a word, and words that are nowhere.

Keys, milliseconds by the clock: ``p50_ms``, ``p95_ms`` of the request that searches, over all of them; ``risk_p95_ms``
of reading the grades of all cases for a list; ``list_p95_ms`` of the list that is shown. ``reports`` is their number.
Takes a database of its own and drops it.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.pop(0)  # this folder: bench/queue.py would stand in for the standard library's
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.client import percentile
from bench.server import database, environment_of, fill

OFFICER = "verifikator1"
SEARCHES = ("nama1", "nama4711", "disdik kab tempat3", "kata7", "ata19", "tidak-ada-di-mana-pun")
LONG_IN_100 = 5


def write_documents() -> int:
    """Give each report a document of its own; return how many."""
    from django.utils import timezone

    from complaints.domain import search_words
    from complaints.domain.risk import RiskGrade
    from complaints.domain.search_document import SearchedTexts, of_story
    from complaints.models.complaint import Complaint
    from complaints.models.search_document import SearchDoc
    from complaints.services import search_documents
    from complaints.services.keyring import Actor
    from complaints.services.samples import play
    from complaints.services.team_key_history import pinned_team

    keyring = Actor(play._keyrings()[OFFICER], timezone.now()).keyring
    keys, team, chance = search_documents.keys_of_team(keyring), pinned_team(keyring.report_team), random.Random(7)

    def ranked(most: int) -> int:
        return int(most ** chance.random())  # each rank as often as its reciprocal

    SearchDoc.objects.all().delete()
    rows = []
    for complaint in Complaint.objects.order_by("pk").iterator():
        number = chance.randint(500, 900) if chance.randrange(100) < LONG_IN_100 else chance.randint(20, 160)
        story = " ".join(f"kata{ranked(20_000)}" for _word in range(number))
        texts = SearchedTexts(
            names=tuple(search_words.name_spellings(f"Drs. Nama{ranked(8_000)}")),
            agencies=tuple(search_words.office_spellings(f"Dinas Pendidikan Kabupaten Tempat{ranked(500)}")),
            places=tuple(search_words.office_spellings(f"Kabupaten Tempat{ranked(500)}")),
            words=tuple(dict.fromkeys(search_words.words_of(story))),
        )
        risk = chance.choice((None, *RiskGrade))
        row = SearchDoc(complaint=complaint, team=team, next_sequence=complaint.next_sequence)
        keys.seal(row, of_story(story, files=(), evidence=0, names=True, risk=risk, texts=texts))
        rows.append(row)
    SearchDoc.objects.bulk_create(rows, batch_size=1000)
    return len(rows)


def seconds(act: Callable[[], object]) -> float:
    """Return how long something takes."""
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


def measure(size: int, rounds: int) -> dict[str, float]:
    """Fill the database and measure."""
    from django.db import connection
    from django.urls import reverse
    from django.utils import timezone

    from bench import crowd
    from bench.inprocess import signed_in
    from complaints import access
    from complaints.services import risk_grades
    from complaints.services.keyring import Actor
    from complaints.services.samples import play

    browser = signed_in(OFFICER)
    crowd.fill(size, browser)
    reports = write_documents()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    queue, address = reverse("admin:complaints_case_changelist"), reverse("admin:complaints_case_search")
    form = browser.open(queue)
    searches, lists, risks = list[float](), list[float](), list[float]()
    for turn in range(rounds + 1):
        for words in SEARCHES:
            # The first round warms what a running portal has warm.
            taken = seconds(partial(browser.post, form, {"words": words}, path=address))
            shown = browser.open(address).seconds
            if turn:
                searches.append(taken)
                lists.append(shown)
        actor = Actor(play._keyrings()[OFFICER], timezone.now())
        taken = seconds(partial(risk_grades.risk_grades, actor=actor, cases=access.cases_for(actor.staff)))
        risks += [taken] * bool(turn)
    figures = {
        "p50_ms": percentile(searches, 0.5),
        "p95_ms": percentile(searches, 0.95),
        "list_p95_ms": percentile(lists, 0.95),
        "risk_p95_ms": percentile(risks, 0.95),
    }
    return {"reports": float(reports)} | {name: float(round(value * 1000)) for name, value in figures.items()}


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000, help="how many cases there are")
    parser.add_argument("--rounds", type=int, default=5, help="how often each search is made")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kanal-netral-bench-") as name:
        folder = Path(name)
        with database(folder, sqlite=False) as address:
            environment = environment_of(folder, address, {})
            fill(environment)
            os.environ.update(environment)
            import bench.inprocess  # noqa: F401 (sets Django up)

            print(json.dumps(measure(options.cases, options.rounds)))
            from django.db import connection

            connection.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
