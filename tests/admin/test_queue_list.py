"""The queue: who sees it, what a line says, in which order, and what it costs."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from complaints.domain.workflow import Action
from complaints.models.case import Case
from complaints.services import assignment, case_actions, follow_up
from complaints.services.keyring import Actor
from complaints.services.transitions import CaseVersion
from tests.images import photo
from tests.world import Cast, SignedIn, at, sealed_upload, send_report

QUEUE = "admin:complaints_case_changelist"


def listed(page: object) -> list[str]:
    return [case.reference for case in page.context["cl"].result_list]  # type: ignore[attr-defined]


def text_of(signed_in: SignedIn, name: str, query: str = "") -> str:
    response = signed_in(name).get(reverse(QUEUE) + query)
    assert response.status_code == 200
    return str(response.content.decode())


def test_queue_row_shows_what_an_officer_needs(signed_in: SignedIn, cast: Cast) -> None:
    today = timezone.localdate()
    sent = send_report(today=today - timedelta(days=20))
    follow_up.add_message(ticket=sent.ticket, text="Ini fotonya.", files=[sealed_upload(photo())], today=today)
    assignment.assign(actor=Actor(cast.ring("vera"), timezone.now()), case_id=sent.case.pk, assignee=cast["vino"])
    client = signed_in("vera")
    client.post(reverse("admin:me"), {"language": "en"})
    text = client.get(reverse(QUEUE)).content.decode()
    for words in (sent.case.reference, "Received", "Kepala Bidang X", "Vino", "days late", "new answer", "evidence"):
        assert words in text
    assert ">20<" in text
    assert "Jawa Tengah" in text


def test_late_and_due_first_then_oldest(signed_in: SignedIn) -> None:
    today = timezone.localdate()
    for reference, days, due in (
        ("KN-26-NONE00", 9, None),
        ("KN-26-LATE00", 1, -3),
        ("KN-26-NEWER0", 2, 4),
        ("KN-26-OLDER0", 5, 4),
        ("KN-26-TODAY0", 1, 0),
    ):
        received = today - timedelta(days=days)
        due_on = None if due is None else today + timedelta(days=due)
        sent = send_report(today=received)
        Case.objects.filter(pk=sent.case.pk).update(reference=reference, due_on=due_on)
    page = signed_in("vera").get(reverse(QUEUE))
    order = ["KN-26-LATE00", "KN-26-TODAY0", "KN-26-OLDER0", "KN-26-NEWER0", "KN-26-NONE00"]
    assert listed(page) == order


def test_filters_are_links_and_narrow(signed_in: SignedIn, cast: Cast) -> None:
    today = timezone.localdate()
    late = send_report(today=today - timedelta(days=30)).case
    mine = send_report(category="C1", province="").case
    assignment.assign(actor=Actor(cast.ring("vera"), timezone.now()), case_id=mine.pk, assignee=cast["vera"])
    answered = send_report()
    follow_up.add_message(ticket=answered.ticket, text="Tambahan.", files=[], today=today)
    ended = send_report()
    follow_up.withdraw(ticket=ended.ticket, reason="", today=today)
    client = signed_in("vera")
    everything = {late.reference, mine.reference, answered.case.reference}
    expected = {
        "": everything,
        "?status=every": everything | {ended.case.reference},
        "?status=ended": {ended.case.reference},
        "?status=withdrawn": {ended.case.reference},
        "?status=ours": everything,
        "?status=bodys": set(),
        "?status=verified": set(),
        "?due=late": {late.reference},
        "?officer=me": {mine.reference},
        "?officer=none": everything - {mine.reference},
        "?answers=unread": {answered.case.reference},
        f"?group={mine.category.group}": {mine.reference},
        "?group=pressure": everything - {mine.reference},
        "?accused=superior": everything,
        "?province=33": everything - {mine.reference},
        "?province=none": {mine.reference},
    }
    for query, references in expected.items():
        page = client.get(reverse(QUEUE) + query)
        assert set(listed(page)) == references, query
    text = client.get(reverse(QUEUE)).content.decode()
    assert "?officer=me" in text


@pytest.mark.parametrize("query", ["?reference__startswith=KN", "?complaints__lookup=x", "?q=Kepala"])
def test_nothing_is_searched_by_the_address(signed_in: SignedIn, query: str) -> None:
    sent = send_report()
    response = signed_in("vera").get(reverse(QUEUE) + query)
    assert listed(response) == [sent.case.reference]
    assert query not in response.content.decode()


@pytest.mark.parametrize(
    "query",
    [
        "?p=9999",
        "?o=1",
        "?all=1",
        "?status=x",
        "?after=x",
        "?before=20261101.x.y",
        "?after=..",
        "?after=99999999.20261101." + "a" * 32,
    ],
)
def test_odd_addresses_do_no_harm(signed_in: SignedIn, query: str) -> None:
    send_report()
    assert signed_in("vera").get(reverse(QUEUE) + query, follow=True).status_code == 200


def test_no_name_is_in_any_address(signed_in: SignedIn) -> None:
    sent = send_report(accused_name="Sasongko", agency="Dinas Rahasia")
    text = text_of(signed_in, "vera")
    addresses = [part.split('"')[0] for part in text.split('href="')[1:]]
    assert any(str(sent.case.pk) in address for address in addresses)
    assert not [url for url in addresses if "Sasongko" in url or "Rahasia" in url]


def test_a_superuser_sees_that_a_case_exists_and_nothing_in_it(signed_in: SignedIn) -> None:
    sent = send_report()
    text = text_of(signed_in, "super")
    assert sent.case.reference in text
    assert "Kepala Bidang X" not in text


@pytest.mark.parametrize("name", ["luar", "kirana", "audi", "adi"])
def test_for_everybody_else_there_is_no_queue(signed_in: SignedIn, name: str) -> None:
    client = signed_in(name)
    assert client.get(reverse(QUEUE)).status_code == 404
    assert client.get(reverse("admin:index")).status_code == 200
    assert reverse(QUEUE) not in client.get(reverse("admin:index")).content.decode()


def test_fifty_lines_cost_a_dozen_queries(signed_in: SignedIn, cast: Cast) -> None:
    for _number in range(51):
        send_report()
    client = signed_in("vera")
    for _number in range(2):  # a request indexes fifty new reports
        client.get(reverse(QUEUE))
    with CaptureQueriesContext(connection) as queries:
        page = client.get(reverse(QUEUE))
    assert len(page.context["cl"].result_list) == 50
    assert len(queries) <= 12, "\n".join(query["sql"][:120] for query in queries)


def test_dashboard_counts_link_to_filtered_lists(signed_in: SignedIn, cast: Cast) -> None:
    today = timezone.localdate()
    late = send_report(today=today - timedelta(days=30))
    follow_up.add_message(ticket=late.ticket, text="Masih ada?", files=[], today=today)
    case = send_report().case
    case_actions.act(
        actor=Actor(cast.ring("vera"), at(today)),
        case_id=case.pk,
        action=Action.START_REVIEW,
        seen=CaseVersion("received"),
    )
    assignment.assign(actor=Actor(cast.ring("vera"), timezone.now()), case_id=case.pk, assignee=cast["vera"])
    client = signed_in("vera")
    client.get(reverse("admin:index"))
    with CaptureQueriesContext(connection) as queries:
        page = client.get(reverse("admin:index"))
    assert len(queries) <= 15, "\n".join(query["sql"][:150] for query in queries)
    numbers = {count.url.partition("?")[2]: count.number for count in page.context["counts"]}
    assert numbers["status=received"] == 1
    assert numbers["due=late"] == 1
    assert numbers["status=ours&officer=me"] == 1
    assert numbers["status=every&answers=unread"] == 1
    for count in (number for number in page.context["counts"] if "?" in number.url):
        assert len(client.get(count.url).context["cl"].result_list) == count.number
    assert case.reference in page.content.decode()
