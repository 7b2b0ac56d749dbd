"""Erasing one of several linked, released reports: nothing of it is left, the others open, and the chain is whole."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from complaints.domain.workflow import Action
from complaints.models.complaint import Complaint
from complaints.models.oversight import OversightBody, Release
from complaints.services import case_actions, case_links
from complaints.services.actor import Actor
from complaints.services.audit import log, verify
from complaints.services.erasure import remains
from complaints.services.forwarding import release
from complaints.services.forwarding.contents import whole
from tests.cases import act, complaint_of, with_photo
from tests.erasures import erased
from tests.world import Cast, Sent, close_batch, send_report


def actor(cast: Cast, name: str) -> Actor:
    return Actor(cast.ring(name), timezone.now())


def faults() -> list[tuple[str, str]]:
    return [(fault.code, fault.subject) for fault in verify.verify_chain().faults]


def joint(cast: Cast, number: int = 3) -> tuple[list[Sent], Release]:
    """So many linked reports, each with a photo, a message and a note, released to a body that asked and decided."""
    sent = [send_report(story=f"Kisah rahasia nomor {place}.") for place in range(number)]
    for report in sent:
        with_photo(report)
    first = sent[0]
    act(cast, "vera", first, Action.START_REVIEW)
    for report in sent:
        complaint = complaint_of(report)
        case_actions.write_note(actor=actor(cast, "vera"), complaint_id=complaint.pk, text="Catatan dalam.")
    case_links.link(
        actor=actor(cast, "vera"),
        target_id=first.case.pk,
        sources={report.case.pk: None for report in sent[1:]},
        reason="Sama.",
    )
    act(cast, "vera", first, Action.VERIFY)
    objects = [
        item.pk
        for item in Complaint.objects.first().evidence.model.objects.none()  # type: ignore[union-attr]
    ]
    row = release.forward(
        actor=actor(cast, "fitri"),
        case_id=first.case.pk,
        body=OversightBody.objects.get(pk="bkn"),
        choice=whole(first.case.pk, objects=objects),
        cover="Mohon ditindaklanjuti.",
    )
    return sent, row


@pytest.mark.django_db
def test_one(cast: Cast) -> None:
    sent = send_report()
    with_photo(sent)
    complaint = complaint_of(sent)
    close_batch(timezone.now() + timedelta(days=1))
    heads = log.heads()
    assert faults() == []
    done = erased(complaint.pk)
    assert done.state == "done"
    assert faults() == []
    assert verify.verify_chain(heads=heads).whole
    assert not remains.left_of(complaint.pk)
