"""Rows that were away or altered for a while and put back are named within the hour, by the transaction of each row."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from complaints.domain.workflow import Action
from complaints.models import rights, triggers
from complaints.models.case import Case, CaseStep
from complaints.models.complaint import Complaint
from complaints.models.oversight import ReleasedReport
from complaints.models.redaction import Redaction
from complaints.services import (
    assignment,
    case_actions,
    case_file,
    case_links,
    first_look,
    follow_up,
    redactions,
)
from complaints.services.audit import rewritten_entries, rewritten_rows, verify
from complaints.services.keyring import Actor
from complaints.services.transitions import current_versions
from tests.cases import act, body_act, body_asks, complaint_of, forwarded, in_review
from tests.database import editor
from tests.services.test_redactions import marks
from tests.world import Cast, Sent, close_batch, send_report

# Appended, and compared otherwise: by the chain, by the root of a batch, by the list of faults of each node.
ELSEWHERE = {"AuditEntry", "Batch", "KeptLeaf", "EvidenceObject", "VerificationFault"}


@pytest.fixture
def on_postgresql() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SKIPPED: SQLite does not say which transaction wrote a row")


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows count as late in the minute in which they are written, and an act under way as over."""
    monkeypatch.setattr(rewritten_rows, "LATE", timedelta(seconds=-2))
    monkeypatch.setattr(rewritten_rows, "UNDER_WAY", 0)


def test_every_table_to_which_rows_are_only_appended_is_compared() -> None:
    appended = {
        name.partition(".")[2]
        for name, line in rights.LINES.items()
        if name.startswith("complaints.")
        and any(role.insert for role in (line.web, line.jobs))
        and not any(set(role.update) - set(rights.LOCK) or role.delete for role in (line.web, line.jobs))
    }
    assert appended == {model.__name__ for model in rewritten_rows.APPENDED} | ELSEWHERE


def faults() -> set[str]:
    return {fault.subject for fault in rewritten_entries.keep(whole=True) if fault.code == "row.rewritten"}


def redacted(cast: Cast) -> Sent:
    sent, _release = forwarded(cast)
    actor, complaint = Actor(cast.ring("vera"), timezone.now()), complaint_of(sent)
    story = redactions.read_texts(keyring=actor.keyring, complaints=[complaint])[complaint.pk]["answer-story"]
    spans = marks(story, story.split()[0])
    redactions.save_text(actor=actor, complaint_id=complaint.pk, target="answer-story", spans=spans)
    close_batch(timezone.now() + timedelta(days=1))
    return sent


def away(model: type[Redaction] | type[ReleasedReport]) -> None:
    """Delete the rows of a table for a while."""
    rows = list(model._default_manager.all())
    with transaction.atomic():
        connection.check_constraints()
        triggers.remove_append_only(editor())
    model._default_manager.all()._raw_delete("default")
    for row in rows:
        row.save(force_insert=True)
    with transaction.atomic():
        triggers.install_append_only(editor())


def altered(model: type[Case] | type[CaseStep] | type[Complaint], column: str, value: object) -> None:
    """Alter a column for a while."""
    with transaction.atomic():
        triggers.remove_append_only(editor())
    before = dict(model._default_manager.values_list("pk", column))
    model._default_manager.update(**{column: value})
    for key, earlier in before.items():
        model._default_manager.filter(pk=key).update(**{column: earlier})
    with transaction.atomic():
        triggers.install_append_only(editor())


@pytest.mark.usefixtures("on_postgresql", "at_once")
@pytest.mark.parametrize(
    ("put_back", "table"),
    [
        (lambda: altered(CaseStep, "day", "2020-01-01"), "casestep"),
        (lambda: away(Redaction), "redaction"),
        (lambda: away(ReleasedReport), "releasedreport"),
        (lambda: altered(Case, "received_on", "2020-01-01"), "case"),
        (lambda: altered(Case, "lane", "junk"), "case"),
        (lambda: altered(Complaint, "day", "2020-01-01"), "complaint"),
    ],
)
def test_what_was_put_back_is_named(live_cast: Cast, put_back: Callable[[], None], table: str) -> None:
    redacted(live_cast)
    first_look.process_new_reports(actor=Actor(live_cast.ring("vera"), timezone.now()))
    rewritten_entries.keep(whole=True)
    put_back()
    assert verify.verify_chain().whole, "the night says nothing"
    assert faults() == {table}
    assert faults() == set()


@pytest.mark.usefixtures("on_postgresql", "at_once")
def test_whatever_people_do_is_not(live_cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each act writes rows again, and says so by an entry, a step, a move or a message."""
    monkeypatch.setattr(rewritten_rows, "LATE", timedelta(seconds=1))
    cast = live_cast

    def vera() -> Actor:
        return Actor(cast.ring("vera"), timezone.now())

    sent, release = forwarded(cast)
    other, third, new = in_review(cast), in_review(cast), send_report()
    close_batch(timezone.now() + timedelta(days=1))
    first_look.process_new_reports(actor=vera())
    rewritten_entries.keep(whole=True)
    case_file.open_case(actor=vera(), case_id=other.case.pk)
    follow_up.add_message(ticket=other.ticket, text="Ada lagi.", files=[], today=timezone.localdate())
    assert faults() == set()
    case_file.open_case(actor=vera(), case_id=other.case.pk)
    assignment.claim(actor=vera(), case_id=third.case.pk, seen=None)
    case_file.open_case(actor=vera(), case_id=third.case.pk)
    case_actions.write_case_note(actor=vera(), complaint_id=other.ticket.complaint_id, text="Dibaca.")
    assert faults() == set()
    seen = current_versions([other.case, third.case])
    case_links.link(
        actor=vera(),
        target_id=other.case.pk,
        sources={third.case.pk: seen[third.case.pk]},
        reason="Satu perkara.",
        seen=seen[other.case.pk],
    )
    assert faults() == set()
    case_links.unlink(actor=vera(), complaint_id=third.ticket.complaint_id, reason="Bukan.")
    body_act(cast, "kirana", release, Action.TAKE_UP)
    body_asks(cast, release, "Siapa?")
    assert faults() == set()
    follow_up.add_message(ticket=sent.ticket, text="Semua.", files=[], today=timezone.localdate())
    follow_up.withdraw(ticket=new.ticket, reason="", today=timezone.localdate())
    act(cast, "vera", other, Action.VERIFY)
    assert faults() == set()
