"""Erasing one of several linked, released reports: nothing of it is left, the others open, and the chain is whole."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from complaints.domain.workflow import Action
from complaints.models.complaint import Complaint
from complaints.models.evidence import EvidenceObject
from complaints.models.oversight import OversightBody, Release
from complaints.services import case_actions, case_links, follow_up
from complaints.services.actor import Actor
from complaints.services.audit import log, verify
from complaints.services.erasure import remains
from complaints.services.evidence import storage
from complaints.services.forwarding import reading, release
from complaints.services.forwarding.contents import whole
from tests.cases import act, body_act, body_asks, complaint_of, with_photo
from tests.decisions import find
from tests.erasures import erased
from tests.world import Cast, Sent, close_batch, send_report

pytestmark = pytest.mark.django_db
LATER = timedelta(days=400)


def actor(cast: Cast, name: str) -> Actor:
    return Actor(cast.ring(name), timezone.now())


def faults() -> list[tuple[str, str, str]]:
    return [(fault.code, fault.subject, fault.state) for fault in verify.verify_chain().faults]


def joint(cast: Cast, number: int = 3) -> tuple[list[Sent], Release]:
    """So many linked reports, each with a photo, a message and a note, released to a body that asked and decided."""
    sent = [send_report(story=f"Kisah rahasia nomor {place}.") for place in range(number)]
    objects = [with_photo(report)["working"] for report in sent]
    first = sent[0]
    act(cast, "vera", first, Action.START_REVIEW)
    for report in sent:
        complaint = complaint_of(report)
        case_actions.write_note(actor=actor(cast, "vera"), complaint=complaint, text="Catatan dalam.")
    case_links.link(
        actor=actor(cast, "vera"),
        target_id=first.case.pk,
        sources={report.case.pk: None for report in sent[1:]},
        reason="Sama.",
    )
    act(cast, "vera", first, Action.VERIFY)
    row = release.forward(
        actor=actor(cast, "fitri"),
        case_id=first.case.pk,
        body=OversightBody.objects.get(pk="bkn"),
        choice=whole(first.case.pk, objects=objects),
        cover="Mohon ditindaklanjuti.",
    )
    body_act(cast, "kirana", row, Action.TAKE_UP)
    body_asks(cast, row, "Siapa yang hadir?")
    for report in sent:
        follow_up.add_message(ticket=report.ticket, text="Jawaban rahasia.", files=[], today=timezone.localdate())
    return sent, row


def test_one(cast: Cast) -> None:
    sent, row = joint(cast)
    find(actor=actor(cast, "kirana"), release_id=row.pk, finding=Action.DISMISS, text="Tidak terbukti.", reply="Tidak terbukti.")
    complaint = Complaint.objects.get(pk=sent[1].case.pk)
    close_batch(timezone.now() + timedelta(days=1))
    heads = log.heads()
    assert faults() == []
    names = remains.objects_of(remains.of_report(complaint.pk))
    done = erased(complaint.pk, now=timezone.now() + LATER)
    assert done.state == "done"
    assert faults() == []
    assert verify.verify_chain(heads=heads).whole
    assert not remains.left_of(complaint.pk)
    stored = {item.name for item in storage.storage().present()}
    assert names and not set(names) & stored
    opened = reading.open_release(actor=actor(cast, "kirana"), release_id=row.pk)
    assert opened
