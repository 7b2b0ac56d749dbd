"""The page of figures: every number is the length of the list it leads to; the sheet leaves small cells out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from complaints.admin import figures as page
from complaints.admin.figures import Figure
from complaints.domain.workflow import Action
from complaints.models.audit import AuditEntry
from complaints.models.case import Case, CaseStep
from complaints.services import follow_up, reference_data
from complaints.services.forwarding import decisions
from complaints.services.keyring import Actor
from tests.cases import forwarded, in_review, verified
from tests.services.audit.test_nightly_run import without_triggers
from tests.world import Cast, SignedIn, change_account, send_report

URL, SHEET = "/kantor/angka/", "/kantor/angka/lembar/"
TABLES = ("standing", "promises", "waits", "provinces", "bodies", "categories", "indicators", "workloads")


def figures_of(answer: Any) -> Iterator[tuple[str, Figure]]:
    """Every figure of the page with where it stands."""
    context = answer.context
    for stat in context["stats"]:
        yield stat.name, stat.figure
    for step in context["funnel"]:
        yield step.name, step.figure
    for table in TABLES:
        for line in context[table]:
            for cell in line["cells"]:
                yield f"{table}: {line['head']}", cell
    for tile in context["tiles"]:
        yield tile.name, Figure(str(tile.number), tile.url)


def a_varied_week(cast: Cast) -> None:
    """Cases in seven places, of two provinces, one with a body twice, one likely junk, some late."""
    today = timezone.localdate()
    send_report(province="71")
    sent = in_review(cast, province="")
    follow_up.add_message(ticket=sent.ticket, text="Masih.", files=[], today=today)
    late = verified(cast, province="71", category="A2")
    Case.objects.filter(pk=late.case.pk).update(due_on=today - timedelta(1), assignee=cast["fitri"])
    _sent, release = forwarded(cast)
    decisions.act(actor=Actor(cast.ring("kirana"), timezone.now()), release_id=release.pk, action=Action.TAKE_UP)
    forwarded(cast, body="kasn")
    junk = send_report()
    Case.objects.filter(pk=junk.case.pk).update(lane="junk")
    old = send_report()
    Case.objects.filter(pk=old.case.pk).update(received_on=today - timedelta(weeks=30))
    with without_triggers():
        CaseStep.objects.filter(case=late.case, action=Action.VERIFY).update(was_late=True)


def test_every_number_is_the_length_of_its_list(cast: Cast, signed_in: SignedIn) -> None:
    a_varied_week(cast)
    vera = signed_in("vera")
    answer = vera.get(URL)
    assert answer.status_code == 200
    counted = [(name, figure) for name, figure in figures_of(answer) if figure.url]
    assert sum(figure.words != "0" for _name, figure in counted) > 25
    lists = {figure.url: len(vera.get(figure.url).context["cl"].result_list) for _name, figure in counted}
    assert [(name, figure) for name, figure in counted if str(lists[figure.url]) != figure.words] == []


def test_numbers_without_a_list_are_days_shares_and_steps(cast: Cast, signed_in: SignedIn) -> None:
    a_varied_week(cast)
    bare = {name for name, figure in figures_of(signed_in("vera").get(URL)) if not figure.url}
    assert all(
        name.startswith(("waits", "promises", "workloads", "indicators", "Janji kami ditepati")) for name in bare
    )


def test_a_span_narrows_and_other_parameters_do_not(cast: Cast, signed_in: SignedIn) -> None:
    today = timezone.localdate()
    sent = send_report()
    Case.objects.filter(pk=sent.case.pk).update(received_on=today - timedelta(weeks=30))
    vera = signed_in("vera")
    assert vera.get(URL).context["total"] == 0
    since = {"since": (today - timedelta(weeks=31)).isoformat()}
    assert vera.get(URL, since).context["total"] == 1
    assert vera.get(URL, {**since, "province": "71"}).context["total"] == 0
    assert vera.get(URL, {"since": "2026-13-01", "until": "x", "status": "sanctioned"}).context["total"] == 0


def test_what_a_person_may_not_find_is_not_counted(cast: Cast, signed_in: SignedIn) -> None:
    change_account("vera", first_name="Siti", last_name="Aminah")
    send_report(accused_name="Dra. Hj. Siti Aminah, M.Si.")
    vera = signed_in("vera")
    assert vera.get(URL).context["total"] == 0
    assert vera.get(SHEET).context["total"] == 0
    assert signed_in("fitri").get(URL).context["total"] == 1


@pytest.mark.parametrize("name", ["kirana", "audi", "adi"])
def test_the_figures_are_for_members_of_triage(cast: Cast, signed_in: SignedIn, name: str) -> None:
    client = signed_in(name)
    assert [client.get(url).status_code for url in (URL, SHEET)] == [404, 404]


def test_all_provinces_have_a_square_of_their_own(empty_database: None) -> None:
    tiles = json.loads(Path(page.TILES).read_text(encoding="utf-8"))
    catalog = Path(reference_data.__file__).parents[1] / "data" / "catalog" / "provinces.json"
    assert {tile["code"] for tile in tiles} == {row["code"] for row in json.loads(catalog.read_text(encoding="utf-8"))}
    assert len({(tile["column"], tile["row"]) for tile in tiles}) == len(tiles) == 38


def cells_of(answer: Any, table: str) -> dict[str, list[str]]:
    context = answer.context
    return {line["head"]: [cell.words for cell in line["cells"]] for line in context[table]}


def send(numbers: dict[str, int]) -> None:
    for province, number in numbers.items():
        for _report in range(number):
            send_report(province=province)


def test_the_sheet_leaves_out_what_could_point_at_a_person(cast: Cast, signed_in: SignedIn) -> None:
    send({"71": 2, "33": 6, "32": 7})
    vera = signed_in("vera")
    answer = vera.get(SHEET)
    assert "TERBATAS" in answer.content.decode() and "RAHASIA" not in answer.context["level"]
    assert cells_of(answer, "provinces") == {"Jawa Barat": ["7"], "Jawa Tengah": ["…"], "Sulawesi Utara": ["< 5"]}
    assert "<a href" not in answer.content.decode().partition('class="sheet"')[2]
    assert not AuditEntry.objects.filter(event="figures.printed").exists()


def test_the_whole_sheet_is_marked_and_recorded(cast: Cast, signed_in: SignedIn) -> None:
    send({"71": 2, "33": 6})
    vera = signed_in("vera")
    since = (timezone.localdate() - timedelta(weeks=9)).isoformat()
    answer = vera.post(f"{SHEET}?since={since}")
    assert answer.context["level"] == "RAHASIA"
    assert cells_of(answer, "provinces") == {"Jawa Tengah": ["6"], "Sulawesi Utara": ["2"]}
    entry = AuditEntry.objects.get(event="figures.printed")
    assert entry.actor == cast["vera"].pk and f"since:{since}" in entry.facts["filters"]


@pytest.mark.django_db
def test_weeks_end_with_the_span() -> None:
    span = page.span_of({"since": "2026-11-04", "until": "2026-11-29"}, date(2026, 11, 30))
    assert page.weeks_of(span) == [date(2026, 11, 2), date(2026, 11, 9), date(2026, 11, 16), date(2026, 11, 23)]
    assert len(page.weeks_of(page.span_of({}, date(2026, 11, 30)))) == page.WEEKS
