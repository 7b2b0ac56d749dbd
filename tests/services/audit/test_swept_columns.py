"""What a sweep over every column of every table found unnamed, and what a row altered for a moment had people told."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.utils import timezone

from complaints.domain.workflow import Action
from complaints.models import triggers
from complaints.models.case import CaseStep
from complaints.models.complaint import Complaint, Message
from complaints.services import after_the_end, case_actions, first_look, transitions
from complaints.services.actor import Actor
from complaints.services.audit import verify
from tests.cases import act, in_review
from tests.database import editor
from tests.world import Cast, send_report

pytestmark = pytest.mark.django_db


def codes() -> set[str]:
    return {fault.code for fault in verify.verify_chain().faults}


def look(cast: Cast) -> None:
    first_look.process_new_reports(actor=Actor(cast.ring("vera"), timezone.now()))


# --- Named every night


def test_whoever_closed_a_case_and_decides_after_the_objection_is_named(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rule is asked when the step is taken; here it is not."""
    sent = in_review(cast)
    act(cast, "vera", sent, Action.REFER, "Bukan untuk kami.")
    after_the_end.object_to_end(ticket=sent.ticket, reason="Dibaca lagi.", today=timezone.localdate())
    assert codes() == set()
    monkeypatch.setattr(transitions, "_closer_objected_to", lambda _case: None)
    act(cast, "vera", sent, Action.REFER, "Tetap bukan untuk kami.")
    assert codes() == {"entry.same_person"}


def test_who_decides_after_another_person_settled_the_objection_is_no_fault(cast: Cast) -> None:
    sent = in_review(cast)
    act(cast, "vera", sent, Action.REFER, "Bukan untuk kami.")
    after_the_end.object_to_end(ticket=sent.ticket, reason="Dibaca lagi.", today=timezone.localdate())
    act(cast, "vino", sent, Action.REFER, "Tetap bukan untuk kami.")
    act(cast, "vera", sent, Action.REOPEN, "Ada bukti baru.")
    act(cast, "vera", sent, Action.VERIFY)
    assert codes() == set()


def sealed_for_a_body(cast: Cast) -> int:
    sent = in_review(cast)
    case_actions.reply_to_reporter(
        actor=Actor(cast.ring("vera"), timezone.now()), complaint_id=sent.ticket.complaint_id, text="Terima kasih."
    )
    return Message.objects.update(sealed_for_release=b"planted")


def signed_by_nobody(cast: Cast) -> int:
    in_review(cast)
    triggers.remove_append_only(editor())
    return CaseStep.objects.update(signature=b"\1" * 64)


def as_if_never_read(cast: Cast) -> int:
    send_report()
    look(cast)
    assert not Complaint.objects.filter(index_entry=None).exists()
    return Complaint.objects.update(index_entry=None)


def without_a_number(cast: Cast) -> int:
    send_report()
    return Complaint.objects.update(next_sequence=0)


@pytest.mark.parametrize(
    ("alter", "code"),
    [
        (sealed_for_a_body, "row.altered"),
        (signed_by_nobody, "case.step"),
        (as_if_never_read, "index.altered"),
        (without_a_number, "thread.rows"),
    ],
)
def test_an_altered_column_is_named(cast: Cast, alter: Callable[[Cast], int], code: str) -> None:
    assert alter(cast)
    assert code in codes()
