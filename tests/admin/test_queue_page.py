"""Pages of the queue by keys: every case once, whatever ties, has no deadline, comes or goes; and what a page costs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from complaints.admin import queue_list
from complaints.models.case import Case
from complaints.models.team import Staff
from complaints.services import assignment, saved_filters
from complaints.services.keyring import Actor
from tests.world import Cast, SignedIn, send_report

QUEUE = "admin:complaints_case_changelist"
pytestmark = pytest.mark.django_db


def many_cases(number: int, **changes: Any) -> list[Case]:
    """Cases without reports: two days of receipt, three deadlines, and every fourth without one."""
    today = timezone.localdate()
    rows = [
        Case(
            reference=f"KN-26-{place:06}",
            category_id="A1",
            accused_kind_id="superior",
            received_on=today - timedelta(days=place % 2),
            status_on=today,
            due_on=None if place % 4 == 3 else today + timedelta(days=place % 3),
            **changes,
        )
        for place in range(number)
    ]
    return Case.objects.bulk_create(rows)


def shown(page: Any) -> list[str]:
    return [case.reference for case in page.context["cl"].result_list]


def walk(client: Client, query: str, way: str) -> list[list[str]]:
    """Follow "next" or "previous" to its end."""
    pages, base = [], reverse(QUEUE)
    while True:
        page = client.get(f"{base}?{query}")
        pages.append(shown(page))
        place = getattr(page.context["page"], way)
        if not place:
            return pages
        query = "&".join([part for part in query.split("&") if part.startswith("status")] + [f"{way}={place}"])


@pytest.mark.parametrize("query", ["", "status=every", "status=ended"])
def test_pagination_covers_each_case_once_in_both_directions(signed_in: SignedIn, cast: Cast, query: str) -> None:
    many_cases(120, **({"status": "referred"} if query == "status=ended" else {}))
    client = signed_in("vera")
    there = walk(client, query, "after")
    assert [len(page) for page in there] == [50, 50, 20]
    assert len({reference for page in there for reference in page}) == 120
    last = client.get(f"{reverse(QUEUE)}?{query}").context["page"]
    second = client.get(f"{reverse(QUEUE)}?{query}&after={last.after}").context["page"]
    third = client.get(f"{reverse(QUEUE)}?{query}&after={second.after}").context["page"]
    assert (last.before, third.after) == ("", "")
    back = client.get(f"{reverse(QUEUE)}?{query}&before={third.before}")
    assert shown(back) == there[1]
    assert shown(client.get(f"{reverse(QUEUE)}?{query}&before={second.before}")) == there[0]


def test_the_order_is_that_of_the_deadlines_with_none_last(signed_in: SignedIn, cast: Cast) -> None:
    many_cases(120)
    listed = [reference for page in walk(signed_in("vera"), "", "after") for reference in page]
    cases = {case.reference: case for case in Case.objects.all()}
    keys = [
        (case.due_on is None, case.due_on or case.received_on, case.received_on, case.pk.hex)
        for case in (cases[reference] for reference in listed)
    ]
    assert keys == sorted(keys)


def test_cases_that_go_or_come_meanwhile_shift_no_line(signed_in: SignedIn, cast: Cast) -> None:
    many_cases(120)
    client, base = signed_in("vera"), reverse(QUEUE)
    pages = walk(client, "", "after")
    first = client.get(base).context["page"]
    # The line by which the next page is found, and others of the first, are dealt with meanwhile.
    Case.objects.filter(reference__in=pages[0][40:]).update(status="referred")
    assert shown(client.get(f"{base}?after={first.after}")) == pages[1]
    # All that came before the second page is gone: its "previous" is the first page, and full.
    second = client.get(f"{base}?after={first.after}").context["page"]
    Case.objects.filter(reference__in=pages[0]).update(status="referred")
    before = client.get(f"{base}?before={second.before}")
    assert shown(before) == pages[1]
    assert before.context["page"].before == ""
    # All that came after it is gone: whoever goes on stands at the beginning again, not before nothing.
    Case.objects.filter(reference__in=pages[2]).update(status="referred")
    assert shown(client.get(f"{base}?after={second.after}")) == pages[1]


def test_a_full_last_page_has_no_next(signed_in: SignedIn, cast: Cast) -> None:
    many_cases(50)
    page = signed_in("vera").get(reverse(QUEUE)).context["page"]
    assert (len(page.cases), page.before, page.after) == (50, "", "")


@pytest.mark.parametrize("place", ["", "x", "20261101", "20261101.20261101.x", "x.20261101." + "a" * 32, "." * 9])
def test_malformed_cursor_shows_the_first_page(place: str) -> None:
    assert queue_list.BY_DEADLINE.after(place) is None


def test_a_page_with_everything_on_it_costs_a_dozen_queries(signed_in: SignedIn, cast: Cast) -> None:
    today = timezone.localdate()
    for _number in range(3):
        send_report(accused_name="Sasongko", agency="Dinas Contoh", today=today)
    many_cases(110, assignee=cast["vino"])
    now, ring = timezone.now(), cast.ring("vera")
    for number in range(4):
        saved_filters.save_filter(
            actor=Actor(ring, now), name=f"Filter {number}", query="due=late", shared=number % 2 == 0
        )
    Staff.objects.filter(username="vera").update(
        queue_columns="deadline,status,line,age,officer,category,accused,province,agency,received,since,body,reports"
    )
    client, base = signed_in("vera"), reverse(QUEUE)
    searched = reverse("admin:complaints_case_search")
    client.post(searched, {"words": "Sasongko contoh"})
    assert len(shown(client.get(searched))) == 3
    assert cost(client, searched) <= 12
    client.get(base)  # ends the search, which is written into the session
    assert len(shown(client.get(f"{base}?officer=none"))) == 3
    narrowed = ("", "&due=today", "&answers=unread", "&group=pressure", "&province=33", "&tick=all")
    queries = [f"?officer=none{more}" for more in narrowed]
    costs = {query: cost(client, base + query) for query in queries}
    costs["without a filter"] = cost(client, base)
    after = client.get(base).context["page"].after
    costs["second"] = cost(client, f"{base}?after={after}")
    # These two hold cases that no report came with, so that they are read once more with their rows locked.
    with_altered = [costs.pop("without a filter"), costs.pop("second")]
    assert max(costs.values()) <= 12, costs
    assert max(with_altered) <= 15


def cost(client: Client, address: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert client.get(address).status_code == 200
    return len(queries)


# --- Saved filters


def names(client: Client) -> list[str]:
    return [row.name for row, _number in client.get(reverse(QUEUE)).context["saved"]]


def keep(client: Client, name: str, *, shared: bool = False, back: str = "due=late&province=33") -> None:
    form = {"name": name, "back": back} | ({"shared": "on"} if shared else {})
    assert client.post(reverse("admin:complaints_case_keep_filter"), form).status_code == 302


def test_filters_are_kept_for_a_person_or_for_triage(signed_in: SignedIn, cast: Cast) -> None:
    vera, vino, fitri = signed_in("vera"), signed_in("vino"), signed_in("fitri")
    keep(vera, "Jateng terlambat")
    keep(vera, "Bersama <b>", shared=True)
    assert names(vera) == ["Jateng terlambat", "Bersama <b>"]
    assert names(vino) == ["Bersama <b>"]
    page = vera.get(reverse(QUEUE)).content.decode()
    assert "?due=late&amp;province=33" in page
    assert "Bersama &lt;b&gt;" in page
    shared, personal = (
        next(row for row, _number in vera.get(reverse(QUEUE)).context["saved"] if row.is_shared == is_)
        for is_ in (True, False)
    )
    drop = "admin:complaints_case_drop_filter"
    assert vino.post(reverse(drop, args=[shared.id])).status_code == 404
    assert vino.post(reverse(drop, args=[personal.id])).status_code == 404
    assert fitri.post(reverse(drop, args=[shared.id])).status_code == 302
    assert vera.post(reverse(drop, args=[personal.id])).status_code == 302
    assert names(vera) == []


def test_only_known_filters_are_kept(signed_in: SignedIn, cast: Cast) -> None:
    client = signed_in("vera")
    keep(client, "Aneh", back="due=late&q=Sasongko&status=Sasongko&reference__startswith=KN")
    keep(client, "Kosong", back="q=Sasongko")
    keep(client, "", back="due=late")
    keep(client, "n" * 61, back="due=late")
    ((only, _number),) = client.get(reverse(QUEUE)).context["saved"]
    assert (only.name, only.query) == ("Aneh", "due=late")


def test_saved_filter_name_is_sealed_and_bound_to_its_row(signed_in: SignedIn, cast: Cast) -> None:
    from complaints.models.audit import AuditEntry
    from complaints.models.saved_filters import SavedFilter

    client = signed_in("vera")
    keep(client, "Kenari Sasongko", shared=True)
    row = SavedFilter.objects.get()
    assert b"Sasongko" not in bytes(row.sealed)
    assert "Sasongko" not in str(list(AuditEntry.objects.values_list("facts", flat=True)))
    # Whoever writes to the database gives a name no other meaning.
    SavedFilter.objects.update(query="status=ended")
    assert names(client) == [""]
    assert "tidak dapat dibuka" in client.get(reverse(QUEUE)).content.decode()


def test_there_is_an_end_to_saved_filters(cast: Cast) -> None:
    ring, now = cast.ring("vera"), timezone.now()
    for number in range(saved_filters.OWN_AT_MOST):
        saved_filters.save_filter(actor=Actor(ring, now), name=str(number), query="due=late", shared=False)
    with pytest.raises(saved_filters.TooManyFilters):
        saved_filters.save_filter(actor=Actor(ring, now), name="lagi", query="due=late", shared=False)


# --- Columns and keys


def test_columns_are_a_persons_own(signed_in: SignedIn, cast: Cast) -> None:
    sent = send_report(province="33")
    assignment.assign(actor=Actor(cast.ring("vera"), timezone.now()), case_id=sent.case.pk, assignee=cast["vino"])
    vera, vino = signed_in("vera"), signed_in("vino")
    answer = vera.post(
        reverse("admin:complaints_case_columns"),
        {"column": ["reports", "province", "officer", "received", "password"], "back": "province=33"},
    )
    assert answer.headers["Location"].endswith("?province=33")
    assert Staff.objects.get(username="vera").queue_columns == "officer,province,received,reports"
    page = vera.get(reverse(QUEUE))
    assert [column.code for column in page.context["columns"]] == ["officer", "province", "received", "reports"]
    assert "Vino" in page.content.decode()
    assert "Kepala Bidang X" not in page.content.decode()
    assert [column.code for column in vino.get(reverse(QUEUE)).context["columns"]][:2] == ["deadline", "status"]
    vera.post(reverse("admin:complaints_case_columns"), {})
    assert "Kepala Bidang X" in vera.get(reverse(QUEUE)).content.decode()


def test_keys_can_be_switched_off_and_columns_stay(signed_in: SignedIn, cast: Cast) -> None:
    send_report()
    client, keys = signed_in("vera"), reverse("admin:complaints_case_keys")
    client.post(reverse("admin:complaints_case_columns"), {"column": ["province"]})
    client.post(keys, {"keys": "off"})
    assert 'data-on="no"' in client.get(reverse(QUEUE)).content.decode()
    client.post(reverse("admin:complaints_case_columns"), {"column": ["status"]})
    assert 'data-on="no"' in client.get(reverse(QUEUE)).content.decode()
    client.post(keys, {"keys": "on"})
    page = client.get(reverse(QUEUE))
    assert 'data-on="yes"' in page.content.decode()
    assert [column.code for column in page.context["columns"]] == ["status"]
