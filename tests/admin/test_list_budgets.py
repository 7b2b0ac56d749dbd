"""What each list costs in queries while work piles up: within its budget, and the same for 20 cases as for 200."""

from __future__ import annotations

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from complaints.domain.workflow import Action
from complaints.models.case import Case
from complaints.models.oversight import OversightBody
from complaints.services import assignment, case_actions, first_look, follow_up, saved_filters
from complaints.services.forwarding.contents import whole
from complaints.services.forwarding.release import forward
from complaints.services.keyring import Actor
from tests.browser.day import reports
from tests.world import Cast, SignedIn

QUEUE, DESK = "admin:complaints_case_changelist", "admin:index"
# By whom, which list, and how many queries at most. A first look at anything writes what nobody has met; these are
# the looks after it.
LISTS: dict[tuple[str, str, str], int] = {
    ("vera", QUEUE, ""): 12,
    ("vera", QUEUE, "?status=every"): 12,
    ("vera", QUEUE, "?status=in_review&officer=me"): 12,
    ("vera", QUEUE, "?status=every&answers=unread"): 12,
    ("vera", DESK, ""): 15,
    ("fitri", DESK, ""): 15,
    ("kirana", DESK, ""): 15,
    ("vera", "admin:complaints_case_second", ""): 14,
    ("fitri", "admin:complaints_case_second", ""): 14,
    ("vera", QUEUE, "?lane=junk"): 12,
    ("vera", "admin:complaints_case_lane", ""): 14,
    ("vera", "admin:complaints_absence_changelist", ""): 14,
    ("fitri", "admin:complaints_conflict_changelist", ""): 12,
    # The names of the page are opened for it, and who has each release is read from the chain.
    ("kirana", "admin:complaints_release_changelist", ""): 16,
    ("kirana", "admin:complaints_release_changelist", "?turn=every&owner=nobody"): 16,
    ("vera", "admin:complaints_team_changelist", ""): 12,
    ("vera", "admin:complaints_teamkey_changelist", ""): 12,
    ("adi", "admin:complaints_duty_changelist", ""): 12,
    ("adi", "admin:complaints_jobfailure_changelist", ""): 12,
    ("adi", "admin:complaints_staff_changelist", ""): 12,
    ("audi", "admin:complaints_auditentry_changelist", ""): 12,
}


def piles_up(cast: Cast, number: int) -> None:
    """Bring in that many reports: an eighth each with a body, verified, proposed for closing, in review; half new."""
    now, sent = timezone.now(), reports(timezone.localdate(), number=number, burst=number // 4)
    vera, vino, fitri = cast.ring("vera"), cast.ring("vino"), cast.ring("fitri")
    for _look in range(0, number, 50):
        first_look.process_new_reports(actor=Actor(vera, now))
    eighth = number // 8
    follow_up.add_message(ticket=sent[-1].ticket, text="Masih ada?", files=[], today=timezone.localdate())
    body = OversightBody.objects.get(pk="bkn")
    started = sent[: 4 * eighth]
    for report in started:
        case_actions.act(actor=Actor(vino, now), case_id=report.case.pk, action=Action.START_REVIEW)
        assignment.assign(actor=Actor(vera, now), case_id=report.case.pk, assignee=cast["vera"])
    for place, report in enumerate(started[: 3 * eighth]):
        if place < 2 * eighth:
            case_actions.act(actor=Actor(vino, now), case_id=report.case.pk, action=Action.VERIFY)
        else:
            case_actions.act(
                actor=Actor(vino, now), case_id=report.case.pk, action=Action.PROPOSE_INELIGIBLE, reason="Tidak."
            )
        if place < eighth:
            forward(actor=Actor(fitri, now), case_id=report.case.pk, body=body, choice=whole(report.case.pk))


def costs(clients: dict[str, Client]) -> dict[tuple[str, str, str], list[str]]:
    """The queries of a second look at each list."""
    statements = {}
    for who, name, query in LISTS:
        url = reverse(name) + query
        assert clients[who].get(url).status_code == 200, url
        with CaptureQueriesContext(connection) as queries:
            assert clients[who].get(url).status_code == 200, url
        statements[who, name, query] = [executed["sql"] for executed in queries if "SAVEPOINT" not in executed["sql"]]
    return statements


def test_lists_stay_within_query_budgets_at_20_and_200_cases(cast: Cast, signed_in: SignedIn) -> None:
    clients = {name: signed_in(name) for name in sorted({who for who, _name, _query in LISTS})}
    saved_filters.save_filter(
        actor=Actor(cast.ring("vera"), timezone.now()), name="Tinjau", query="status=in_review", shared=True
    )
    piles_up(cast, 20)
    few = costs(clients)
    piles_up(cast, 180)
    assert Case.objects.count() == 200
    many = costs(clients)
    for place, budget in LISTS.items():
        assert len(many[place]) <= budget, "\n".join([str(place), *(sql[:160] for sql in many[place])])
        assert len(many[place]) == len(few[place]), "\n".join([str(place), *(sql[:160] for sql in many[place])])
