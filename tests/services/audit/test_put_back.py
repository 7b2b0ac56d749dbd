"""Older genuine rows that are put back, and a batch that is kept open: named, though each row was once right."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest
from django.db.models import Model, Q
from django.utils import timezone

from complaints.models.audit import AuditEntry
from complaints.models.batch import Batch
from complaints.models.case import Case, CaseStep
from complaints.models.complaint import Complaint, KeyGrant, Message
from complaints.models.evidence import Evidence, EvidenceObject
from complaints.models.identity import Identity
from complaints.models.team import Team
from complaints.models.verification import VerificationFault, VerificationState
from complaints.services import case_links, follow_up
from complaints.services.audit import batches, entries, log, nightly_run, open_batch, verify
from complaints.services.evidence import processing
from complaints.services.keyring import Actor
from complaints.services.team_keys import resealing, rotation
from complaints.services.transitions import CaseVersion
from tests.cases import in_review
from tests.images import photo
from tests.services.audit.test_nightly_run import without_triggers
from tests.world import Cast, at, close_batch, database_clock, sealed_upload, send_report

DAY = date(2026, 11, 9)
pytestmark = pytest.mark.django_db


def codes() -> list[str]:
    return [fault.code for fault in verify.verify_chain().faults]


def set_day(day: date) -> None:
    with without_triggers():
        Batch.objects.filter(number=Batch.objects.count()).update(day=day)


# --- The open batch ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("closed", [0, 1])
def test_a_batch_whose_day_is_moved_on_each_day_is_named(cast: Cast, closed: int) -> None:
    sent = in_review(cast, today=DAY)
    began = timezone.localdate(AuditEntry.objects.order_by("sequence")[0].at)
    for number in range(closed):
        close_batch(at(began + timedelta(days=1 + number), 0))
    last_day = began + timedelta(days=closed)
    assert "batch.held" not in codes()
    set_day(last_day)
    assert "batch.held" not in codes()
    # By a day alone it may differ where the first entry was written shortly before midnight.
    for days in (2, 3):
        set_day(last_day + timedelta(days=days))
        close_batch(at(last_day + timedelta(days=days), 1))
        assert Batch.objects.count() == closed + 1, "its day is never over"
        held = [fault for fault in verify.verify_chain().faults if fault.code == "batch.held"]
        assert [fault.state for fault in held] == [(last_day + timedelta(days=days)).isoformat()]
    assert follow_up.status_page(ticket=sent.ticket, today=DAY).status == "in_review"


def test_a_batch_that_closed_while_the_clocks_differed_by_minutes_is_not_held(cast: Cast) -> None:
    """The database is past midnight, the job's clock not yet."""
    midnight = at(DAY + timedelta(days=1), 0)
    with database_clock(midnight + timedelta(minutes=5)):
        assert batches.close_due(now=midnight - timedelta(minutes=5)) is None
    assert Batch.objects.latest("number").day == DAY + timedelta(days=1)
    assert "batch.held" not in codes()


def test_an_older_version_of_an_identity_put_back_in_the_open_batch_is_named(cast: Cast) -> None:
    sent, other = send_report(today=DAY), send_report(today=DAY)
    rows = Identity.objects.filter(pk=sent.ticket.complaint_id)
    before = rows.values().get()
    for ticket in (sent.ticket, other.ticket):
        follow_up.add_message(ticket=ticket, text="Halo.", files=[], today=DAY)
    assert open_batch.look() == []
    rows.update(**before)
    assert [fault.subject for fault in open_batch.look()] == [f"batch {Batch.objects.count()} identity"]


def test_an_identity_that_is_rewritten_is_no_fault_of_the_open_batch(cast: Cast) -> None:
    sent = send_report(today=DAY)
    assert open_batch.look() == []
    for number in range(3):
        follow_up.add_message(ticket=sent.ticket, text=f"{number}", files=[], today=DAY)
    assert open_batch.look() == []
    close_batch(at(DAY + timedelta(days=1), 0))
    follow_up.add_message(ticket=sent.ticket, text="Lagi.", files=[], today=DAY)
    assert open_batch.look() == []
    assert open_batch.look() == []


def test_many_acts_of_one_reporter_between_two_looks_are_no_fault(cast: Cast) -> None:
    """The version only grows, however often it was rewritten."""
    sent = send_report(today=DAY)
    assert open_batch.look() == []
    Identity.objects.filter(pk=sent.ticket.complaint_id).update(version=1_000_000)
    assert open_batch.look() == []


def test_rows_beyond_what_the_node_remembers_hide_none_that_it_does(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others may have come since, which the database gives first."""
    monkeypatch.setattr(open_batch, "ROWS_AT_MOST", 2)
    for _ in range(2):
        send_report(today=DAY)
    assert open_batch.look() == []
    for _ in range(6):
        send_report(today=DAY)
    assert open_batch.look() == []


def test_names_of_tables_that_this_release_does_not_know_say_nothing(cast: Cast) -> None:
    send_report(today=DAY)
    assert open_batch.look() == []
    content = json.loads(open_batch.batch_path().read_text())
    content["rows"]["another"] = ["00" * 8]
    open_batch.batch_path().write_text(json.dumps(content))
    assert open_batch.look() == []


@pytest.mark.parametrize("altered", [{"reference": "KN-26-ABC234"}, {"category": "B2"}, {"province": None}], ids=str)
def test_a_case_filed_otherwise_in_the_open_batch_is_named(cast: Cast, altered: dict[str, object]) -> None:
    """Before anybody has read the report, so that nothing but the node knows how it came in."""
    sent, joint = send_report(today=DAY), in_review(cast, today=DAY)
    assert open_batch.look() == []
    sources = {sent.case.pk: CaseVersion("received")}
    actor = Actor(cast.ring("vera"), timezone.now())
    case_links.link(actor=actor, target_id=joint.case.pk, sources=sources, reason="Satu perkara.")
    assert open_batch.look() == [], "a link changes no filing"
    Case.objects.filter(pk=sent.case.pk).update(**altered)
    assert [fault.subject for fault in open_batch.look()] == [f"batch {Batch.objects.count()} filing"]


OPEN = {
    "code exchanged": (Complaint, {"lookup": b"\0" * 16}, "complaint"),
    "deadline": (Complaint, {"check_by": None}, "complaint"),
    "day": (Complaint, {"day": DAY - timedelta(days=9)}, "complaint"),
    "channel": (Complaint, {"channel": Complaint.Channel.IMPORT}, "complaint"),
    "answers": (Complaint, {"sealed_answers": b"\0" * 64}, "complaint"),
    "grant": (KeyGrant, {"sealed": b"\0" * 64}, "grant"),
    "message's day": (Message, {"day": DAY - timedelta(days=9)}, "message"),
    "message's signer": (Message, {"signer": b"\0" * 32}, "message"),
    "step's day": (CaseStep, {"due_on": DAY}, "step"),
    "file": (EvidenceObject, {"sealed": b"\0" * 64}, "object"),
    "file worked on": (Evidence, {"state": Evidence.State.FAILED}, "worked"),
}


@pytest.mark.parametrize("altered", OPEN)
def test_what_a_batch_would_take_otherwise_is_named_before_it_is_closed(cast: Cast, altered: str) -> None:
    """A root binds its rows as they stand when the batch is closed: an alteration before would be bound for ever."""
    sent = send_report(today=DAY, files=[sealed_upload(photo())])
    assert processing.process_pending() == 1
    follow_up.withdraw(ticket=sent.ticket, reason="Batal.", today=DAY)
    assert open_batch.look() == []
    model, values, kind = OPEN[altered]
    with without_triggers():
        model._default_manager.filter(batch_of(model)).update(**values)
    assert [fault.subject for fault in open_batch.look()] == [f"batch {Batch.objects.count()} {kind}"]


def batch_of(model: type[Model]) -> Q:
    names = {KeyGrant: "complaint__batch", EvidenceObject: "evidence__batch"}
    open_rows = Q(**{names.get(model, "batch"): Batch.objects.count()})
    return open_rows & Q(variant="original") if model is EvidenceObject else open_rows


def test_what_is_sealed_again_or_worked_on_is_no_fault_of_the_open_batch(cast: Cast) -> None:
    sent = send_report(today=DAY, files=[sealed_upload(photo())])
    assert open_batch.look() == []
    assert processing.process_pending() == 1
    team = Team.objects.get(slug="triage")
    rotation.rotate(actor=Actor(cast.ring("vera"), timezone.now()), team_id=team.pk)
    resealing.reseal(actor=Actor(cast.ring("vera"), timezone.now()), team_id=team.pk)
    assert KeyGrant.objects.filter(complaint=sent.ticket.complaint_id).exclude(first_digest=None).exists()
    assert open_batch.look() == []


# --- The record of the verification -----------------------------------------------------------------------------------


def test_a_record_from_earlier_in_the_same_run_put_back_is_named(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that was cut off: the node remembers each record that it stored, not only the last of a run."""
    monkeypatch.setattr(entries, "CHUNK", 2)
    in_review(cast, today=DAY)
    stored = []

    def cut_off(_run: nightly_run._Run) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(nightly_run._Run, "read_back", cut_off)
    for _run in range(2):
        with pytest.raises(KeyboardInterrupt):
            nightly_run.run(today=DAY, seconds=0)
        stored.append(VerificationState.objects.values().get())
    monkeypatch.undo()
    VerificationState.objects.update(**stored[0])
    assert nightly_run.run(today=DAY, seconds=600)
    assert list(VerificationFault.objects.values_list("code", flat=True)) == ["record.older"]
    assert log.head()[0] == VerificationState.objects.get().record["sequence"]
