"""Short forms of the attacks of bench/attack/rows.py, and weaker portals that they get through."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.utils import timezone

from bench.attack.rows import evidence_destroyed, lines_told
from complaints.models.case import Case
from complaints.models.evidence import EvidenceObject
from complaints.models.job import JobName
from complaints.services import assignment, first_look
from complaints.services.audit import recorded_lines
from complaints.services.evidence import storage
from complaints.services.keyring import Actor
from tests.cases import in_review
from tests.images import photo
from tests.runner import only_due
from tests.security.attacks.portal import TestPortal
from tests.world import Cast, sealed_upload, send_report


@pytest.mark.parametrize("weaker", [False, True])
def test_planted_rows_have_the_portal_destroy_no_evidence(
    cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weaker: bool
) -> None:
    send_report(files=[sealed_upload(photo())])
    only_due(JobName.END_DRAFTS)
    if weaker:
        none = EvidenceObject.objects.none()
        monkeypatch.setattr(storage.EvidenceObject.objects, "filter", lambda **_conditions: none)
    assert evidence_destroyed(TestPortal(tmp_path, None, monkeypatch)) == (1 if weaker else 0)


def test_an_altered_line_is_told_by_no_list(cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_review(cast)
    target = TestPortal(tmp_path, None, monkeypatch)
    now = timezone.now()
    first_look.process_new_reports(actor=Actor(cast.ring("vera"), now))
    assignment.assign(actor=Actor(cast.ring("vera"), now), case_id=Case.objects.get().pk, assignee=cast["vino"])
    assert lines_told(target) == 0
    answers = iter([set[object](), *[set[object]()] * 50])
    monkeypatch.setattr(recorded_lines, "differing", lambda _cases: next(answers))
    assert lines_told(target) > 10
