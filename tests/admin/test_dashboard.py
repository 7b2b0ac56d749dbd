"""My desk: every number is the length of the list it leads to; the election's stage; charts with a table beneath."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone, translation

from complaints.admin import dashboard, queue_filters
from complaints.admin.base import capped_count
from complaints.domain.workflow import Action
from complaints.models.assignment import Absence
from complaints.models.audit import AuditEntry
from complaints.models.case import Case
from complaints.models.oversight import OversightBody
from complaints.models.reference_data import Election
from complaints.models.rule_change import RuleChange
from complaints.services import after_the_end, assignment, case_file, conflicts, follow_up
from complaints.services.audit import recorded_backups
from complaints.services.keyring import Actor
from tests.cases import act, forwarded, in_review
from tests.rules import record_table
from tests.services.audit.test_nightly_run import without_triggers
from tests.world import Cast, SignedIn, send_report

pytestmark = pytest.mark.django_db
TODAY = timezone.localdate()


def counts(page: Any) -> dict[str, int]:
    return {count.url.partition("?")[2]: count.number for count in page.context["counts"]}


def listed(client: Client, url: str) -> int:
    context = client.get(url).context
    return len(context["waiting"] if url == reverse("admin:inquiries") else context["cl"].result_list)


def day_of_work(cast: Cast) -> None:
    """Something of everything: late, due, new, with others, given both ways, of somebody absent, idle, unread, kept."""
    now = timezone.now()

    def give(by: str, to: str) -> Case:
        case = send_report().case
        assignment.assign(actor=Actor(cast.ring(by), now), case_id=case.pk, assignee=cast[to])
        return case

    late = send_report(today=TODAY - timedelta(days=40))
    follow_up.add_message(ticket=late.ticket, text="Masih ada?", files=[], today=TODAY)
    Case.objects.filter(pk=send_report().case.pk).update(due_on=TODAY)
    give("vera", "vera")
    give("fitri", "vera")
    give("vera", "vino")
    Case.objects.filter(pk=give("vera", "fitri").pk).update(owner_seen_on=TODAY - timedelta(days=20))
    asked = send_report()
    assignment.claim(actor=Actor(cast.ring("vera"), now), case_id=asked.case.pk, seen=None)
    act(cast, "vera", asked, Action.START_REVIEW)
    act(cast, "vera", asked, Action.ASK_REPORTER, "Kapan itu terjadi?")
    there, _release = forwarded(cast)
    assignment.claim(actor=Actor(cast.ring("vera"), now), case_id=there.case.pk, seen=None)
    Absence.objects.create(staff=cast["vino"], stand_in=cast["vera"], from_on=TODAY, until_on=TODAY)
    locked = send_report(today=TODAY - timedelta(days=40))
    for name in ("vera", "fitri"):
        conflicts.declare_conflict(actor=Actor(cast.ring(name), now), case_id=locked.case.pk, reason="Saudara.")


@pytest.mark.parametrize("name", ["vera", "fitri", "vino"])
def test_every_number_is_the_length_of_its_list(cast: Cast, signed_in: SignedIn, name: str) -> None:
    day_of_work(cast)
    client = signed_in(name)
    page = client.get(reverse("admin:index"))
    numbers = counts(page)
    wrong = {count.url: (count.number, listed(client, count.url)) for count in page.context["counts"]}
    assert {url: both for url, both in wrong.items() if both[0] != both[1]} == {}
    expected: dict[str, dict[str, int]] = {
        "vera": {"due=today": 1, "due=late": 1, "status=received": 6, "status=ours&officer=me": 2},
        "fitri": {"due=late": 1, "officer=unconfirmed": 1, "officer=idle": 1, "officer=given": 1},
        "vino": {"due=late": 2, "officer=unconfirmed": 1},
    }
    assert {query: numbers.get(query) for query in expected[name]} == expected[name]
    if name == "vera":
        assert (numbers["status=others&officer=me"], numbers["officer=standin"], numbers["officer=given"]) == (2, 1, 2)
        assert "officer=idle" not in numbers


def test_an_objection_stays_on_the_desk_until_the_case_is_closed_anew(cast: Cast, signed_in: SignedIn) -> None:
    sent = in_review(cast)
    act(cast, "vera", sent, Action.REFER, "Bukan ASN.")
    after_the_end.object_to_end(ticket=sent.ticket, reason="Ia ASN.", today=TODAY)
    # Whoever reads the message leaves the objection undecided.
    case_file.open_case(actor=Actor(cast.ring("vino"), timezone.now()), case_id=sent.case.pk)
    client, query = signed_in("vino"), "status=objected"
    assert counts(client.get(reverse("admin:index")))[query] == 1
    assert sent.case.reference in client.get(reverse("admin:complaints_case_changelist") + f"?{query}").content.decode()
    act(cast, "vino", sent, Action.REFER, "Tetap bukan ASN.")
    act(cast, "vera", sent, Action.REOPEN, "Bukti baru.")
    assert query not in counts(client.get(reverse("admin:index")))


def test_rows_that_cannot_exist_are_counted_as_none(cast: Cast) -> None:
    cases = Case.objects.filter(pk__in=[])
    assert dashboard.read_counts(cast["vera"], {"cases": capped_count(cases)}) == {"cases": 0}


def test_dashboard_stays_within_fifteen_queries(cast: Cast, signed_in: SignedIn) -> None:
    day_of_work(cast)
    client = signed_in("fitri")
    client.get(reverse("admin:index"))
    with CaptureQueriesContext(connection) as queries:
        page = client.get(reverse("admin:index"))
    assert page.context["mine"]
    assert len(queries) <= 15, "\n".join(query["sql"][:150] for query in queries)


def test_the_charts_say_the_same_in_a_table(cast: Cast, signed_in: SignedIn) -> None:
    day_of_work(cast)
    page = signed_in("vera").get(reverse("admin:index"))
    intake, age, punctual = page.context["charts"]
    assert sum(int(bar.words) for bar in intake.bars) == Case.objects.count() - 1
    assert [int(bar.words) for bar in age.bars] == [Case.objects.count() - 2, 0, 0, 1]
    # One of the cases that are late is still open.
    assert "83%" in punctual.bars[-1].words
    text = page.content.decode()
    assert text.count('<figure class="chart"') == text.count('<caption class="vh">') == 3
    assert " style=" not in text


@pytest.mark.parametrize(
    ("day", "words", "coming"),
    [
        (date(2026, 5, 1), "It has not begun", date(2026, 6, 1)),
        (date(2026, 6, 1), "Preparation", date(2026, 10, 26)),
        (date(2026, 10, 28), "Candidates are settled", date(2026, 10, 29)),
        (date(2027, 1, 23), "Campaign", date(2027, 1, 24)),
        (date(2027, 1, 24), "Quiet days", date(2027, 1, 27)),
        (date(2027, 1, 27), "Voting", date(2027, 1, 28)),
        (date(2027, 2, 28), "Counting", date(2027, 3, 1)),
    ],
)
def test_the_election_stands_where_its_calendar_says(cast: Cast, day: date, words: str, coming: date) -> None:
    with translation.override("en"):
        stage = dashboard.election_stage(day)
    assert stage is not None
    assert stage.words.startswith(words)
    assert (stage.next_on, stage.days) == (coming, (coming - day).days)
    assert dashboard.election_stage(date(2027, 3, 1)) is None
    assert Election.objects.exists()


def test_every_officer_filter_has_words(cast: Cast, signed_in: SignedIn) -> None:
    client = signed_in("vera")
    officer = next(choice for choice in queue_filters.FILTERS if choice.name == "officer")
    for value, label in officer.choices():
        page = client.get(reverse("admin:complaints_case_changelist") + f"?officer={value}")
        assert str(label) in page.content.decode().replace("&#x27;", "'")


def test_administrators_and_auditors_are_told_of_backups(
    signed_in: SignedIn, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients = {name: signed_in(name) for name in ("adi", "audi", "vera")}

    def desk(name: str) -> str:
        return clients[name].get(reverse("admin:index")).content.decode()

    for name in ("adi", "audi"):
        assert "Belum ada cadangan data." in desk(name) and "Pemulihan belum pernah diuji coba." in desk(name)
    assert "cadangan" not in desk("vera")
    now = timezone.now()
    recorded_backups.record_made(digest="a" * 64, now=now - timedelta(days=2))
    assert not recorded_backups.record_rehearsed(digest="b" * 64, day=TODAY, now=now)
    assert recorded_backups.record_rehearsed(digest="a" * 64, day=TODAY - timedelta(days=92), now=now)
    page = desk("adi")
    assert "Cadangan data terakhir:" in page and "Uji coba pemulihan terakhir:" in page
    assert "Beri tahu pengelola server." not in page
    # Somebody alters the day of a backup in the table.
    with without_triggers():
        AuditEntry.objects.filter(event="backup.made").update(at=now)
        assert "Belum ada cadangan data." in desk("audi")
        AuditEntry.objects.filter(event="backup.made").update(at=now - timedelta(days=2))
    for change in ({"MADE_EVERY": timedelta(days=1)}, {"REHEARSED_EVERY": timedelta(days=91)}):
        with monkeypatch.context() as patch:
            for setting, value in change.items():
                patch.setattr(recorded_backups, setting, value)
            assert "Beri tahu pengelola server." in desk("audi")


def test_the_end_of_the_only_body_is_told_before_and_after(signed_in: SignedIn, cast: Cast) -> None:
    today = timezone.localdate()
    adi, desk = signed_in("adi"), reverse("admin:index")
    for last_on, words in (
        (None, ""),
        (today + timedelta(days=91), ""),
        (today + timedelta(days=30), "tidak ada lembaga pengawas yang berwenang, dan"),
        (today - timedelta(days=1), "Hari ini tidak ada lembaga pengawas yang berwenang"),
    ):
        OversightBody.objects.filter(pk="bkn").update(valid_until=last_on)
        record_table(OversightBody)
        page = adi.get(desk).content.decode()
        assert ("tidak ada lembaga pengawas yang berwenang" in page) == bool(words) and words in page, last_on
        assert ("Isi lembaga penggantinya" in page) == bool(words)
    body = reverse("admin:complaints_oversightbody_change", args=["bkn"])
    form = {"name": "BKN", "short_name": "BKN", "task": "oversight", "order": 2, "valid_from": "2024-09-04"}
    page = adi.post(body, form | {"valid_until": "2020-01-01"}).content.decode()
    assert "Tanggal berakhir lebih awal daripada tanggal mulai." in page and "body_valid_in_order" not in page


def test_stages_of_an_election_in_the_wrong_order_are_refused(signed_in: SignedIn, cast: Cast) -> None:
    row = Election.objects.get(pk="cakrawala-2027")
    names = ("starts_on", "candidates_on", "campaign_from", "campaign_until", "voting_on", "ends_on")
    form = {"name_id": "A", "name_en": "A", "kind": "pilkada", "fictional": "on", "reason": "Keputusan KPU."}
    form |= {name: getattr(row, name).isoformat() for name in names} | {"voting_on": "2019-01-01"}
    page = signed_in("adi").post(reverse("admin:complaints_election_change", args=[row.pk]), form).content.decode()
    assert "Tanggal ini lebih awal daripada tahapan sebelumnya." in page
    assert not RuleChange.objects.exists()
