"""Figures: medians, milestones, promises with what is late now, and how long others hold cases."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import pytest
from django.utils import timezone

from complaints import access
from complaints.domain.workflow import Action, Status
from complaints.models.case import Case, CaseStep
from complaints.services import figures, follow_up
from complaints.services.forwarding import decisions
from complaints.services.keyring import Actor
from tests.cases import forwarded, in_review, verified
from tests.services.audit.test_nightly_run import without_triggers
from tests.world import Cast, Sent, send_report


def moved(sent: Sent, *, received: date, **days: date) -> None:
    """Move a case and its steps to days of the past, by action; the rows alone, which figures count."""
    Case.objects.filter(pk=sent.case.pk).update(received_on=received)
    for action, day in days.items():
        write(sent, action, day=day)


def write(sent: Sent, action: str, **values: object) -> None:
    with without_triggers():
        assert CaseStep.objects.filter(case=sent.case, action=action).update(**values)


@pytest.mark.parametrize(
    ("histogram", "middle"), [({}, None), ({3: 1}, 3), ({1: 1, 9: 1}, 1), ({1: 2, 9: 3}, 9), ({0: 5, 400: 4}, 0)]
)
def test_the_median_is_that_of_the_days(histogram: dict[int, int], middle: int | None) -> None:
    assert figures.median(histogram) == middle


def test_milestones_count_the_first_time_alone(cast: Cast) -> None:
    today = timezone.localdate()
    first, second = verified(cast), in_review(cast)
    moved(first, received=today - timedelta(10), start_review=today - timedelta(9), verify=today - timedelta(2))
    moved(second, received=today - timedelta(10), start_review=today - timedelta(7))
    send_report()
    rows = {row.code: (row.number, row.days) for row in figures.milestones(access.cases_for(cast["vera"]))}
    assert rows["reviewed"] == (2, 1) and rows["verified"] == (1, 8) and rows["forwarded"] == (0, None)


def test_what_is_late_now_counts_as_not_kept(cast: Cast) -> None:
    today = timezone.localdate()
    in_time, missed, waiting = in_review(cast), in_review(cast), send_report()
    write(in_time, Action.START_REVIEW, was_late=False)
    write(missed, Action.START_REVIEW, was_late=True)
    Case.objects.filter(pk=waiting.case.pk).update(due_on=today - timedelta(1))
    cases = access.cases_for(cast["vera"])
    rows = {row.status: row for row in figures.promises(cases, today)}
    first_look = rows[Status.RECEIVED.value]
    assert (first_look.turns, first_look.missed, first_look.late_now, first_look.share) == (3, 1, 1, 33)
    assert rows[Status.VERIFIED.value].share is None


def test_a_case_late_once_and_again_is_one_turn(cast: Cast) -> None:
    today = timezone.localdate()
    sent = in_review(cast)
    write(sent, Action.START_REVIEW, was_late=False)
    Case.objects.filter(pk=sent.case.pk).update(status=Status.RECEIVED, due_on=today - timedelta(1))
    row = next(row for row in figures.promises(access.cases_for(cast["vera"]), today) if row.status == "received")
    assert (row.turns, row.missed, row.late_now, row.kept) == (1, 0, 1, 0)


def test_the_wait_for_a_body_and_an_agency(cast: Cast) -> None:
    today = timezone.localdate()
    sent, release = forwarded(cast)
    other, _release = forwarded(cast)
    moved(other, received=today, forward=today - timedelta(4))
    Case.objects.filter(pk=other.case.pk).update(status_on=today - timedelta(4))
    decisions.act(actor=Actor(cast.ring("kirana"), timezone.now()), release_id=release.pk, action=Action.TAKE_UP)
    write(sent, Action.FORWARD, day=today - timedelta(6))
    waits = {(row.holder, row.body): row for row in figures.waits(access.cases_for(cast["vera"]), today)}
    taking_up, examining = waits["body_new", "bkn"], waits["body_examines", "bkn"]
    assert (taking_up.waiting, taking_up.ended) == (Counter({4: 1}), Counter({6: 1}))
    assert (examining.waiting, examining.ended) == (Counter({0: 1}), Counter())


def test_provinces_weeks_channels_and_answers(cast: Cast) -> None:
    today = timezone.localdate()
    sent = send_report(province="71")
    send_report(province="")
    follow_up.add_message(ticket=sent.ticket, text="Masih.", files=[], today=today)
    cases = access.cases_for(cast["vera"])
    monday = today - timedelta(days=today.weekday())
    assert figures.by_province_and_week(cases) == {"71": Counter({monday: 1}), None: Counter({monday: 1})}
    assert figures.by_channel(cases) == {"web": 2}
    assert list(figures.written_again(cases)) == [sent.case]
    assert figures.ages(cases, today) == {0: 2} and not figures.until_end(cases)


def test_workloads_name_who_holds_what(cast: Cast) -> None:
    sent = in_review(cast)
    Case.objects.filter(pk=sent.case.pk).update(assignee=cast["vera"], due_on=date(2020, 1, 1))
    send_report()
    rows = figures.workloads(access.cases_for(cast["vera"]), timezone.localdate())
    assert [(row.person, row.held, row.late, row.steps) for row in rows] == [
        (cast["vera"].pk, 1, 1, 1),
        (None, 1, 0, 0),
    ]
