"""The lane of likely junk: what comes into it at the first look, the proposal for all of it, and each way out."""

from __future__ import annotations

import uuid
from typing import Any
from unittest.mock import patch

import pytest
from django.utils import timezone

from complaints import access
from complaints.domain import lane as rule
from complaints.domain.workflow import Action, Status
from complaints.models.audit import AuditEntry
from complaints.models.case import Case, InternalNote, Lane
from complaints.models.lane import LaneProposal
from complaints.models.search_document import SearchDoc, SearchKey
from complaints.models.team import Staff, Team
from complaints.services import (
    assignment,
    case_actions,
    case_file,
    case_links,
    case_summary,
    conflicts,
    follow_up,
    lane_proposals,
    search,
)
from complaints.services.audit import verify
from complaints.services.evidence import posts
from complaints.services.keyring import Actor, Locked
from complaints.services.lane_proposals import LaneRefused, Words
from complaints.services.search_documents import DocumentKeys
from complaints.services.team_keys import resealing, rotation
from complaints.services.transitions import CaseChanged
from tests.floods import NOBODY, STORY, TOLD, close_day, first_looks, flood
from tests.world import Cast, Sent, change_account, send_report

WORDS = Words(
    reason="Kiriman massal dengan isi sama.", text="Laporan {reference} kami tutup karena isinya tidak jelas."
)
NOTE = "Dikeluarkan."


@pytest.fixture(autouse=True)
def _no_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine ends no slice before its number is reached."""
    monkeypatch.setattr(lane_proposals, "SECONDS", 3600.0)


@pytest.fixture(autouse=True)
def _few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Six alike are many here; thirty are in tests/domain/test_lane.py and tests/security/test_flood.py."""
    monkeypatch.setattr(rule, "ALIKE_AT_LEAST", 6)


def actor(cast: Cast, name: str) -> Actor:
    return Actor(cast.ring(name), timezone.now())


def in_lane() -> set[uuid.UUID]:
    return set(Case.objects.filter(lane=Lane.JUNK).values_list("pk", flat=True))


def read_sample(cast: Cast, name: str = "vera") -> int:
    sample = lane_proposals.open_lane(actor=actor(cast, name)).sample
    for sampled in sample:
        case_file.open_case(actor=actor(cast, name), case_id=sampled.case.pk)
    return len(sample)


def proposed(cast: Cast, number: int = 8) -> list[Sent]:
    """A flood that vera has proposed as not eligible."""
    sent = flood(number)
    first_looks(cast)
    close_day()
    read_sample(cast)
    lane_proposals.propose(actor=actor(cast, "vera"), words=WORDS)
    return sent


def proposal() -> LaneProposal:
    return LaneProposal.objects.get()


def statuses(sent: list[Sent]) -> set[str]:
    return set(Case.objects.filter(pk__in=[report.case.pk for report in sent]).values_list("status", flat=True))


# --- Into the lane


def test_the_last_of_many_equal_reports_brings_the_others_into_the_lane(cast: Cast) -> None:
    sent = flood(5)
    first_looks(cast)
    assert not in_lane()
    sent += flood(1)
    first_looks(cast, "vino")
    assert in_lane() == {report.case.pk for report in sent}
    entries = AuditEntry.objects.filter(event="lane.set")
    assert {(entry.facts["rule"], entry.facts["count"]) for entry in entries} == {("text", 6)}
    assert {entry.actor for entry in entries} == {None}
    assert verify.verify_chain().whole


def test_copies_that_name_a_superior_and_other_reports_stay_among_the_others(cast: Cast) -> None:
    junk = flood(7)
    wave = flood(7, accused_name="Budi Santoso")
    agency = flood(7, agency="Dinas Contoh")
    told = flood(7, story=TOLD)
    other = [send_report(**NOBODY), send_report()]
    first_looks(cast)
    assert in_lane() == {report.case.pk for report in junk}
    assert not in_lane() & {report.case.pk for report in (*wave, *agency, *told, *other)}


def test_a_report_that_says_nothing_comes_into_the_lane_alone(cast: Cast) -> None:
    nothing, urgent = flood(1, story="tolong pak " * 10), flood(1, story="tolong pak " * 10, category="A2")
    first_looks(cast)
    assert in_lane() == {nothing[0].case.pk} and urgent[0].case.pk not in in_lane()


def test_a_case_on_which_somebody_has_acted_does_not_come_into_the_lane(cast: Cast) -> None:
    sent = flood(5)
    first_looks(cast)
    by_vera = actor(cast, "vera")
    case_actions.act(actor=by_vera, case_id=sent[0].case.pk, action=Action.START_REVIEW)
    assignment.assign(actor=by_vera, case_id=sent[1].case.pk, assignee=cast["vino"])
    case_actions.write_case_note(actor=by_vera, complaint_id=sent[2].case.complaints.get().pk, text="Perlu dicek.")
    follow_up.add_message(ticket=sent[3].ticket, text="Ada tambahan.", files=[], today=timezone.localdate())
    sent += flood(1)
    first_looks(cast)
    assert in_lane() == {report.case.pk for report in sent[4:]}


def test_the_reporter_sees_nothing_of_the_lane(cast: Cast) -> None:
    sent, today = flood(6)[0], timezone.localdate()
    before = follow_up.status_page(ticket=sent.ticket, today=today)
    first_looks(cast)
    sent.case.refresh_from_db()
    assert sent.case.lane == Lane.JUNK
    assert follow_up.status_page(ticket=sent.ticket, today=today) == before


def test_clocks_run_and_auto_assignment_passes_the_lane_over(cast: Cast) -> None:
    assignment.set_auto_assignment_rule(actor=actor(cast, "vera"), by="province")
    sent, other = flood(6), send_report()
    due_on = sent[0].case.due_on
    first_looks(cast)
    sent[0].case.refresh_from_db()
    assert sent[0].case.due_on == due_on and sent[0].case.assignee is None
    assert Case.objects.get(pk=other.case.pk).assignee is not None


# --- Search documents


def test_the_session_of_a_conflicted_officer_never_opens_the_document(cast: Cast) -> None:
    change_account("vera", nip="198001012005011001")
    sent, against = flood(5), flood(1, accused_nip="198001012005011001")
    first_looks(cast, "vino")
    assert access.has_conflict(cast["vera"], against[0].case.pk)
    sent += flood(1)
    opened: list[uuid.UUID] = []
    original = DocumentKeys.open

    def spied(self: DocumentKeys, complaint: uuid.UUID, *columns: Any) -> Any:
        opened.append(complaint)
        return original(self, complaint, *columns)

    with patch.object(DocumentKeys, "open", spied):
        first_looks(cast, "vera")
    assert len(opened) == 6 and against[0].case.complaints.get().pk not in opened
    assert in_lane() == {report.case.pk for report in sent}


def test_a_document_opens_for_its_report_and_version_alone(cast: Cast) -> None:
    flood(2)
    first_looks(cast)
    first, second = SearchDoc.objects.order_by("pk")
    SearchDoc.objects.filter(pk=first.pk).update(sealed=second.sealed)
    SearchDoc.objects.filter(pk=second.pk).update(version=2)
    flood(5)
    first_looks(cast)
    assert not in_lane()  # two documents do not open, so 5 are alike


def test_documents_are_sealed_and_of_one_length(cast: Cast) -> None:
    flood(1)
    send_report(story="Kami diminta memilih. " * 400)
    first_looks(cast)
    assert {len(bytes(row.sealed)) for row in SearchDoc.objects.all()} == {1024 + 24 + 16}
    assert SearchKey.objects.count() == 1


def test_documents_and_proposals_follow_a_change_of_the_teams_key(cast: Cast) -> None:
    flood(5)
    first_looks(cast)
    proposed(cast, number=3)
    before = {row.pk: (row.version, bytes(row.sealed)) for row in SearchDoc.objects.all()}
    team = Team.objects.get(slug="triage")
    rotation.rotate(actor=actor(cast, "vera"), team_id=team.pk)
    resealing.reseal(actor=actor(cast, "vino"), team_id=team.pk, limit=1000)
    assert {row.number for row in SearchKey.objects.filter(sealed_number=2)} == {1, 2}
    rows = list(SearchDoc.objects.all())
    assert {row.sealed_number for row in rows} == {2}
    assert all((row.version, bytes(row.sealed)) != before[row.pk] and row.version == 2 for row in rows)
    view = lane_proposals.open_lane(actor=actor(cast, "vino"))
    assert view.proposal and view.proposal.words == WORDS
    sent = flood(1)
    first_looks(cast, "vino")
    assert {entry.facts["count"] for entry in AuditEntry.objects.filter(subject=sent[0].case.pk, event="lane.set")} == {
        9
    }
    assert verify.verify_chain().whole


# --- The proposal


def test_junk_is_closed_by_two_people_and_the_reporter_reads_why(cast: Cast) -> None:
    sent = proposed(cast)
    assert statuses(sent) == {Status.INELIGIBLE_PROPOSED} and not case_actions.awaiting_approval(cast["vino"]).exists()
    view = lane_proposals.open_lane(actor=actor(cast, "vino"))
    assert view.proposal and view.proposal.words == WORDS and view.proposal.proposed.read == 5
    assert (view.proposal.waits, view.proposal.left, view.proposal.done) == (8, 0, 8)
    lane_proposals.confirm(actor=actor(cast, "fitri"), proposal_id=proposal().pk)
    assert statuses(sent) == {Status.INELIGIBLE} and not in_lane() and proposal().is_finished
    page = follow_up.status_page(ticket=sent[7].ticket, today=timezone.localdate())
    reference = sent[7].case.reference
    assert any(f"Laporan {reference} kami tutup" in str(event) for event in page.events)
    assert verify.verify_chain().whole


def test_nothing_is_proposed_before_the_whole_sample_was_read(cast: Cast) -> None:
    flood(7)
    first_looks(cast)
    view = lane_proposals.open_lane(actor=actor(cast, "vera"))
    assert (view.number, view.ready, view.not_closed, list(view.sample)) == (7, 0, 7, [])
    with pytest.raises(LaneRefused, match="nothing"):
        lane_proposals.propose(actor=actor(cast, "vera"), words=WORDS)
    close_day()
    view = lane_proposals.open_lane(actor=actor(cast, "vera"))
    assert (view.ready, view.not_closed, view.unread, len(view.sample)) == (7, 0, 5, 5)
    read_sample(cast, "vino")
    with pytest.raises(LaneRefused, match="unread"):
        lane_proposals.propose(actor=actor(cast, "vera"), words=WORDS)
    assert not LaneProposal.objects.exists()


def test_a_case_taken_out_is_listed_again_and_another_one_is_drawn(cast: Cast) -> None:
    sent = flood(7)
    first_looks(cast)
    close_day()
    read_sample(cast)
    taken = lane_proposals.open_lane(actor=actor(cast, "vera")).sample[0].case
    lane_proposals.take_out(actor=actor(cast, "vera"), case_id=taken.pk, note=NOTE)
    view = lane_proposals.open_lane(actor=actor(cast, "vera"))
    assert view.ready == 6 and view.unread == 1 and taken.pk not in {one.case.pk for one in view.sample}
    send_report(**NOBODY, story=STORY)
    first_looks(cast)
    assert taken.pk not in in_lane() and len(in_lane()) == 7  # nor does it come back
    with pytest.raises(CaseChanged):
        lane_proposals.take_out(actor=actor(cast, "vera"), case_id=taken.pk, note=NOTE)
    assert sent and verify.verify_chain().whole


def test_who_proposed_does_not_confirm(cast: Cast) -> None:
    sent = proposed(cast)
    with pytest.raises(LaneRefused, match="same_person"):
        lane_proposals.confirm(actor=actor(cast, "vera"), proposal_id=proposal().pk)
    assert statuses(sent) == {Status.INELIGIBLE_PROPOSED}


def test_a_forwarder_proposes_nothing_and_nobody_outside_of_triage_sees_anything(cast: Cast) -> None:
    flood(7)
    first_looks(cast)
    close_day()
    read_sample(cast, "fitri")
    with pytest.raises(LaneRefused, match="permission"):
        lane_proposals.propose(actor=actor(cast, "fitri"), words=WORDS)
    with pytest.raises(Locked):
        lane_proposals.open_lane(actor=actor(cast, "luar"))
    change_account("vera", practising=True)
    with pytest.raises(Locked):
        lane_proposals.open_lane(actor=actor(cast, "vera"))


def test_a_proposal_is_withdrawn_and_made_again(cast: Cast) -> None:
    sent = proposed(cast)
    with pytest.raises(LaneRefused, match="nothing"):
        lane_proposals.propose(actor=actor(cast, "vera"), words=WORDS)
    lane_proposals.withdraw(actor=actor(cast, "vera"), proposal_id=proposal().pk, note=NOTE)
    assert statuses(sent) == {Status.IN_REVIEW} and len(in_lane()) == 8 and proposal().is_finished
    with pytest.raises(LaneRefused, match="decided"):
        lane_proposals.confirm(actor=actor(cast, "vino"), proposal_id=proposal().pk)
    read_sample(cast)
    lane_proposals.propose(actor=actor(cast, "vera"), words=WORDS)
    assert statuses(sent) == {Status.INELIGIBLE_PROPOSED}
    assert verify.verify_chain().whole


def test_a_proposed_case_is_taken_out_and_the_others_are_closed(cast: Cast) -> None:
    sent = proposed(cast)
    lane_proposals.take_out(actor=actor(cast, "vino"), case_id=sent[0].case.pk, note=NOTE)
    assert statuses(sent[:1]) == {Status.IN_REVIEW} and sent[0].case.pk not in in_lane()
    lane_proposals.confirm(actor=actor(cast, "vino"), proposal_id=proposal().pk)
    assert statuses(sent[:1]) == {Status.IN_REVIEW} and statuses(sent[1:]) == {Status.INELIGIBLE}


def test_whoever_comes_back_is_read_alone(cast: Cast) -> None:
    sent, today = flood(8), timezone.localdate()
    first_looks(cast)
    close_day()
    read_sample(cast)
    follow_up.add_message(ticket=sent[0].ticket, text="Saya masih menunggu.", files=[], today=today)
    view = lane_proposals.open_lane(actor=actor(cast, "vera"))
    assert (view.number, view.answered, view.ready) == (8, 1, 7)
    read_sample(cast)
    lane_proposals.propose(actor=actor(cast, "vera"), words=WORDS)
    follow_up.add_message(ticket=sent[1].ticket, text="Ini sungguh terjadi.", files=[], today=today)
    lane_proposals.confirm(actor=actor(cast, "vino"), proposal_id=proposal().pk)
    assert statuses(sent[:1]) == {Status.RECEIVED} and statuses(sent[2:]) == {Status.INELIGIBLE}
    # With the other proposals, for a decision of its own.
    assert set(case_actions.awaiting_approval(cast["vino"])) == {sent[1].case} and proposal().is_finished
    assert in_lane() == {sent[0].case.pk}


def test_a_bulk_goes_on_slice_by_slice_in_any_members_session(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane_proposals, "SLICE", 3)
    sent = proposed(cast)
    assert statuses(sent) == {Status.RECEIVED, Status.INELIGIBLE_PROPOSED}
    assert [lane_proposals.go_on(actor=actor(cast, "vera")) for _ in range(3)] == [3, 2, 0]
    lane_proposals.confirm(actor=actor(cast, "vino"), proposal_id=proposal().pk)
    assert not proposal().is_finished
    # Who proposed moves nothing of it on.
    assert lane_proposals.go_on(actor=actor(cast, "vera")) == 0
    assert [lane_proposals.go_on(actor=actor(cast, "fitri")) for _ in range(3)] == [3, 2, 0]
    assert statuses(sent) == {Status.INELIGIBLE} and proposal().is_finished


def test_a_slice_ends_after_its_seconds(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane_proposals, "SECONDS", -1.0)
    sent = proposed(cast)
    assert statuses(sent) == {Status.RECEIVED, Status.INELIGIBLE_PROPOSED}
    # On a busy machine each slice finds its time over; whoever goes on comes to the end all the same.
    slices = 1
    while lane_proposals.go_on(actor=actor(cast, "vera")):
        slices += 1
    assert (statuses(sent), slices) == ({Status.INELIGIBLE_PROPOSED}, len(sent))


def test_reports_in_a_conflict_of_interest_are_left_to_a_colleague(cast: Cast) -> None:
    sent = proposed(cast)
    conflicts.declare_conflict(actor=actor(cast, "vino"), case_id=sent[0].case.pk, reason="Teman saya.")
    lane_proposals.confirm(actor=actor(cast, "vino"), proposal_id=proposal().pk)
    assert statuses(sent[:1]) == {Status.INELIGIBLE_PROPOSED} and not proposal().is_finished
    view = lane_proposals.open_lane(actor=actor(cast, "vino"))
    assert view.proposal and (view.proposal.left, view.proposal.theirs) == (1, 0)
    lane_proposals.go_on(actor=actor(cast, "fitri"))
    assert statuses(sent) == {Status.INELIGIBLE} and proposal().is_finished


# --- Acts on one case


def test_whoever_acts_on_a_case_takes_it_out_of_the_lane(cast: Cast) -> None:
    sent, by_vera = flood(7), actor(cast, "vera")
    target = send_report()
    first_looks(cast)
    ids = [report.case.pk for report in sent]
    case_actions.act(actor=by_vera, case_id=ids[0], action=Action.START_REVIEW)
    assignment.claim(actor=by_vera, case_id=ids[1], seen=None)
    case_links.link(
        actor=by_vera,
        target_id=target.case.pk,
        sources={ids[2]: case_actions.version_of(Case.objects.get(pk=ids[2]))},
        reason="Perkara yang sama.",
    )
    assert in_lane() == set(ids[3:])
    assert set(Case.objects.filter(pk__in=ids[:3]).values_list("lane", flat=True)) == {Lane.OUT}
    assert {entry.facts["why"] for entry in AuditEntry.objects.filter(event="lane.left")} == {"act"}
    assert verify.verify_chain().whole


# --- Whoever writes to the database


@pytest.mark.parametrize("hidden", [{"evidence": 1}, None], ids=str)
def test_a_file_sent_on_the_day_of_the_report_is_not_hidden_by_its_document(
    cast: Cast, hidden: dict[str, int] | None
) -> None:
    """What was sent since a document was written is told by its count, which stood in clear alone."""
    sent = flood(8)
    first_looks(cast)
    post = posts.describe({"url": "https://www.instagram.com/p/Cx1yZ2aB3cD/"})
    follow_up.add_message(ticket=sent[0].ticket, text="", files=[], posts=[post], today=timezone.localdate())
    close_day()
    rows = SearchDoc.objects.filter(complaint=sent[0].ticket.complaint_id)
    known = set(verify.verify_chain().faults)
    assert sent[0].case.pk not in ready()
    rows.update(**hidden) if hidden else rows.delete()
    assert sent[0].case.pk not in ready()
    (fault,) = set(verify.verify_chain().faults) - known
    assert fault.subject == f"search document of case {sent[0].case.pk}"


def ready() -> set[uuid.UUID]:
    return {case for case, _root in lane_proposals._ready(Staff.objects.get(username="vera"))}


def test_a_report_put_into_the_lane_by_hand_is_named_and_not_proposed(cast: Cast) -> None:
    sent, honest = flood(7), send_report()
    first_looks(cast)
    Case.objects.filter(pk=honest.case.pk).update(lane=Lane.JUNK)
    close_day()
    faults = [(fault.code, fault.subject) for fault in verify.verify_chain().faults]
    assert faults == [("state.altered", f"case {honest.case.pk}")]
    read_sample(cast)
    lane_proposals.propose(actor=actor(cast, "vera"), words=WORDS)
    assert statuses([honest]) == {Status.RECEIVED} and statuses(sent) == {Status.INELIGIBLE_PROPOSED}


@pytest.mark.parametrize("change", [{"state": "confirmed"}, {"cases": b"\1" * 16}])
def test_an_altered_proposal_moves_nothing(cast: Cast, change: dict[str, Any]) -> None:
    sent = proposed(cast)
    LaneProposal.objects.update(**change)
    with pytest.raises(LaneRefused, match="record"):
        lane_proposals.go_on(actor=actor(cast, "vino"))
    assert statuses(sent) == {Status.INELIGIBLE_PROPOSED}
    assert [fault.code for fault in verify.verify_chain().faults] == ["state.altered"]


def test_each_case_keeps_the_reason_as_a_note(cast: Cast) -> None:
    proposed(cast)
    assert InternalNote.objects.count() == 8


def test_a_search_and_a_page_of_the_queue_meet_new_reports_as_well(cast: Cast) -> None:
    sent = flood(3)
    me = actor(cast, "vera")
    search.search_cases(actor=me, words="198001012005011001", cases=access.cases_for(me.staff))
    assert SearchDoc.objects.count() == 3
    sent += flood(3)
    case_summary.summaries(actor=actor(cast, "vino"), cases=[report.case for report in sent])
    assert in_lane() == {report.case.pk for report in sent}
