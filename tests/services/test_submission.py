"""What a report is stored with besides its sealed text: the commitment to its answers."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.utils import timezone

from complaints.domain.sealing.commitment import SEED, commit, prove, verify_answer
from complaints.models.complaint import Complaint
from complaints.services import case_file
from complaints.services.forwarding import reading
from complaints.services.keyring import Actor
from complaints.services.submission import ANSWER_FIELDS
from tests.cases import forwarded
from tests.services.test_monitoring import enter
from tests.world import Cast, send_report

pytestmark = pytest.mark.django_db


def opened_answers(cast: Cast, case_id: uuid.UUID) -> tuple[dict[str, Any], bytes]:
    """The answers as they were sealed, and the seed that lies among them."""
    opened = case_file.open_case(actor=Actor(cast.ring("vera"), timezone.now()), case_id=case_id)
    answers = dict(opened.complaints[0].answers)
    return answers, bytes.fromhex(answers.pop(SEED))


@pytest.mark.parametrize("channel", ["web", "monitoring"])
def test_the_row_commits_to_the_sealed_answers(cast: Cast, channel: str) -> None:
    case = send_report(story="Satu.\nDua.").case if channel == "web" else enter(cast)
    complaint = Complaint.objects.get()
    assert complaint.channel == channel
    answers, seed = opened_answers(cast, case.pk)
    assert set(answers) == set(ANSWER_FIELDS)
    assert bytes(complaint.commitment) == commit(answers, seed)
    for name in ("accused_name", "accused_unknown", "story.0"):
        verify_answer(complaint.commitment, prove(answers, seed, name))


def test_equal_reports_have_unequal_commitments(cast: Cast) -> None:
    for _report in range(2):
        send_report()
    first, second = Complaint.objects.all()
    assert bytes(first.commitment) != bytes(second.commitment)


def test_a_body_gets_the_answers_without_the_seed(cast: Cast) -> None:
    """The seed would let it guess at answers that a later release leaves out."""
    sent, release = forwarded(cast)
    seed = opened_answers(cast, sent.case.pk)[1]
    seen = reading.open_release(actor=Actor(cast.ring("kirana"), timezone.now()), release_id=release.pk)
    [report] = seen.opened[0].content.reports
    assert set(report.answers) == set(ANSWER_FIELDS) - {"circle"}
    assert seed.hex() not in str(seen)
