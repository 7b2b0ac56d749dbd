"""Proposals on likely junk that several people move: decided in the middle, shared, and held up by altered cases."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from complaints.domain import lane as rule
from complaints.domain.errors import SealError
from complaints.domain.workflow import Status, TransitionRefused
from complaints.models.case import Case, Lane
from complaints.models.lane import LaneProposal
from complaints.models.search_document import SearchDoc, SearchKey
from complaints.services import conflicts, follow_up, lane, lane_proposals, search_documents
from complaints.services.evidence import posts
from complaints.services.lane_proposals import LaneRefused
from complaints.services.search_documents import DocumentKeys
from tests.floods import close_day, first_looks, flood
from tests.services.test_lane import NOTE, WORDS, actor, in_lane, proposal, proposed, read_sample, statuses
from tests.world import Cast, Sent, send_report


@pytest.fixture(autouse=True)
def _few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rule, "ALIKE_AT_LEAST", 6)


def ids(sent: Collection[Sent]) -> list[uuid.UUID]:
    return sorted(report.case.pk for report in sent)


def add_file(report: Sent) -> None:
    """Add a post without words, on the day on which the report came."""
    post = posts.describe({"url": "https://www.instagram.com/p/Cx1yZ2aB3cD/"})
    follow_up.add_message(ticket=report.ticket, text="", files=[], posts=[post], today=timezone.localdate())


def shared(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> list[Sent]:
    """A proposal of which vera has moved four cases, and vino four."""
    monkeypatch.setattr(lane_proposals, "SLICE", 4)
    sent = proposed(cast)
    assert lane_proposals.go_on(actor=actor(cast, "vino")) == 4
    return sent


def test_a_slice_stops_where_a_colleague_withdraws_in_the_middle(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane_proposals, "SLICE", 3)
    sent = proposed(cast)
    original, withdrawn = lane_proposals._take, list[uuid.UUID]()

    def interrupted(row: LaneProposal, *arguments: Any) -> bool:
        if not withdrawn:
            withdrawn.append(row.pk)
            lane_proposals.withdraw(actor=actor(cast, "vino"), proposal_id=row.pk, note=NOTE)
        return original(row, *arguments)

    with patch.object(lane_proposals, "_take", interrupted):
        assert lane_proposals.go_on(actor=actor(cast, "vera")) == 0
    assert statuses(sent) == {Status.RECEIVED, Status.IN_REVIEW} and proposal().is_finished


def test_nothing_is_confirmed_while_a_part_is_still_to_be_proposed(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane_proposals, "SLICE", 3)
    sent = proposed(cast)
    with pytest.raises(LaneRefused, match="waiting"):
        lane_proposals.confirm(actor=actor(cast, "fitri"), proposal_id=proposal().pk)
    assert statuses(sent) == {Status.RECEIVED, Status.INELIGIBLE_PROPOSED}


def test_two_verifiers_who_shared_the_proposing_share_the_confirming(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = shared(cast, monkeypatch)
    assert lane_proposals.confirm(actor=actor(cast, "vino"), proposal_id=proposal().pk) == 4
    # What is left vino has proposed himself.
    assert lane_proposals.go_on(actor=actor(cast, "vino")) == 0
    views = [lane_proposals.open_lane(actor=actor(cast, name)).proposal for name in ("vino", "vera")]
    assert [(view.left, view.theirs) for view in views if view] == [(4, 0), (4, 4)]
    assert lane_proposals.go_on(actor=actor(cast, "vera")) == 4
    assert statuses(sent) == {Status.INELIGIBLE} and proposal().is_finished


def test_a_forwarder_is_not_told_to_go_on_with_proposing(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane_proposals, "SLICE", 3)
    proposed(cast)
    view = lane_proposals.open_lane(actor=actor(cast, "fitri")).proposal
    assert view and (view.left, view.theirs, view.goes_on) == (5, 0, True)
    assert lane_proposals.go_on(actor=actor(cast, "fitri")) == 0


def test_cases_that_refuse_a_step_hold_up_no_others_and_end_with_the_proposal(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane_proposals, "SLICE", 2)
    sent = proposed(cast)
    first, others = ids(sent)[:3], ids(sent)[3:]
    Case.objects.filter(pk__in=first).update(step_count=7)
    while lane_proposals.go_on(actor=actor(cast, "vera")):
        pass
    Case.objects.filter(pk__in=first[:2]).update(step_count=7)
    lane_proposals.confirm(actor=actor(cast, "vino"), proposal_id=proposal().pk)
    while lane_proposals.go_on(actor=actor(cast, "vino")):
        pass
    assert set(Case.objects.filter(pk__in=others).values_list("status", flat=True)) == {Status.INELIGIBLE}
    assert proposal().is_finished
    view = lane_proposals.open_lane(actor=actor(cast, "vino"))
    assert view.proposal is None and {case.pk for case in view.altered} <= set(first) and view.altered
    with pytest.raises(TransitionRefused):
        lane_proposals.take_out(actor=actor(cast, "vino"), case_id=view.altered[0].pk, note=NOTE)


def test_of_the_sample_only_what_a_person_may_see_is_shown(cast: Cast) -> None:
    proposed(cast)
    view = lane_proposals.open_lane(actor=actor(cast, "vino")).proposal
    assert view and (len(view.sample), view.hidden) == (5, 0)
    hidden = view.sample[0].case.pk
    conflicts.declare_conflict(actor=actor(cast, "vino"), case_id=hidden, reason="Teman saya.")
    view = lane_proposals.open_lane(actor=actor(cast, "vino")).proposal
    assert view and (len(view.sample), view.hidden) == (4, 1)
    assert hidden not in {sampled.case.pk for sampled in view.sample}


def test_what_is_above_one_proposal_waits_for_the_next(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    flood(8)
    first_looks(cast)
    close_day()
    monkeypatch.setattr(lane_proposals, "PROPOSED_AT_MOST", 5)
    view = lane_proposals.open_lane(actor=actor(cast, "vera"))
    assert (view.ready, view.later, view.not_closed) == (5, 3, 0)


def test_nothing_is_proposed_where_the_chain_says_of_no_case_that_it_is_in_the_lane(cast: Cast) -> None:
    honest = send_report()
    first_looks(cast)
    Case.objects.filter(pk=honest.case.pk).update(lane=Lane.JUNK)
    close_day()
    view = lane_proposals.open_lane(actor=actor(cast, "vera"))
    assert (view.ready, list(view.sample)) == (0, [])
    with pytest.raises(LaneRefused, match="nothing"):
        lane_proposals.propose(actor=actor(cast, "vera"), words=WORDS)
    assert not LaneProposal.objects.exists()


def test_what_has_left_the_lane_is_not_judged_anew_at_each_first_look(cast: Cast) -> None:
    sent = flood(8)
    first_looks(cast)
    for report in sent:
        lane_proposals.take_out(actor=actor(cast, "vera"), case_id=report.case.pk, note=NOTE)
    flood(1)
    told: list[int] = []
    original = lane._put_into_lane

    def spied(by: Any, verdicts: Any, evidence: Any) -> int:
        told.append(len(verdicts))
        return original(by, verdicts, evidence)

    with patch.object(lane, "_put_into_lane", spied):
        first_looks(cast)
    assert told == [1] and len(in_lane()) == 1


def test_the_page_names_those_that_came_back(cast: Cast) -> None:
    sent = flood(7)
    first_looks(cast)
    follow_up.add_message(ticket=sent[0].ticket, text="Halo?", files=[], today=timezone.localdate())
    view = lane_proposals.open_lane(actor=actor(cast, "vera"))
    assert [case.pk for case in view.to_read] == [sent[0].case.pk] and read_sample(cast) == 0


def test_a_file_sent_on_the_day_of_the_report_counts_as_sent_since(cast: Cast) -> None:
    sent = flood(7)
    first_looks(cast)
    add_file(sent[0])
    view = lane_proposals.open_lane(actor=actor(cast, "vera"))
    assert [case.pk for case in view.to_read] == [sent[0].case.pk]
    close_day()
    assert lane_proposals.open_lane(actor=actor(cast, "vera")).ready == 6


def test_a_file_sent_before_the_others_came_keeps_a_case_out(cast: Cast) -> None:
    sent = flood(5)
    first_looks(cast)
    add_file(sent[0])
    sent += flood(1)
    first_looks(cast)
    assert in_lane() == {report.case.pk for report in sent[1:]}


def test_a_search_key_that_does_not_open_is_tried_once_a_request(cast: Cast, caplog: pytest.LogCaptureFixture) -> None:
    flood(4)
    first_looks(cast)
    SearchKey.objects.update(sealed=b"x" * 80)
    keys = search_documents.keys_of_team(actor(cast, "vera").keyring)
    with CaptureQueriesContext(connection) as queries:
        for row in SearchDoc.objects.all():
            with pytest.raises(SealError):
                keys.open(row.complaint_id, row.version, row.next_sequence, row.sealed_number, row.sealed)
    assert sum("searchkey" in query["sql"] for query in queries) == 1
    assert [record.message for record in caplog.records if "search key" in record.message] == [
        "A search key does not open; documents under it are not compared"
    ]


def test_a_slice_opens_the_newest_documents_up_to_a_cap(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = flood(6)
    monkeypatch.setattr(lane, "COMPARED_AT_MOST", 3)
    first_looks(cast)
    before = in_lane()
    flood(1)
    with patch.object(DocumentKeys, "open", autospec=True, side_effect=DocumentKeys.open) as opened:
        first_looks(cast)
    assert opened.call_count == 1 + 3 and before <= {report.case.pk for report in sent}
