"""What came in since a body's newest release is counted and ticked, and what was left out on purpose is not."""

from __future__ import annotations

from datetime import timedelta

from django.urls import reverse
from django.utils import timezone

from complaints.domain.workflow import Action
from complaints.models.complaint import Message
from complaints.models.evidence import Evidence
from complaints.models.oversight import OversightBody
from complaints.services import follow_up
from complaints.services.evidence import processing
from complaints.services.forwarding import reading
from complaints.services.forwarding.contents import ANSWERS, Choice
from complaints.services.forwarding.late_parts import parts_since
from complaints.services.forwarding.release import forward
from complaints.services.keyring import Actor
from tests.cases import act, body_act, chosen, in_review
from tests.images import photo
from tests.world import Cast, Sent, SignedIn, sealed_upload


def writes(sent: Sent, text: str, *, days: int = 0, file: bool = False) -> None:
    today = timezone.localdate() + timedelta(days=days)
    files = [sealed_upload(photo())] if file else []
    follow_up.add_message(ticket=sent.ticket, text=text, files=files, today=today)


def test_late_parts_reach_the_body_with_one_click(signed_in: SignedIn, cast: Cast) -> None:
    sent = in_review(cast)
    writes(sent, "Jangan diteruskan.")
    writes(sent, "Ini diteruskan.")
    held = Message.objects.from_reporter().latest("sequence")
    act(cast, "vera", sent, Action.VERIFY)
    release = forward(
        actor=Actor(cast.ring("fitri"), timezone.now()),
        case_id=sent.case.pk,
        body=OversightBody.objects.get(pk="bkn"),
        choice=Choice({sent.ticket.complaint_id: set(ANSWERS)}, messages={held.pk}),
    )
    body_act(cast, "kirana", release, Action.TAKE_UP)
    sent.case.refresh_from_db()
    releases = reading.chain_of(release)
    assert parts_since(keyring=cast.ring("vera"), case=sent.case, releases=releases).count == 0
    writes(sent, "Susulan hari ini.")
    writes(sent, "Susulan besok, dengan foto.", days=1, file=True)
    processing.process_pending()
    late = parts_since(keyring=cast.ring("vera"), case=sent.case, releases=releases)
    new = Message.objects.from_reporter().order_by("-sequence")[:2]
    assert (set(late.messages), set(late.evidence)) == ({row.pk for row in new}, {Evidence.objects.get().pk})
    fitri, url = signed_in("fitri"), reverse("admin:complaints_case_supplement", args=[sent.case.pk])
    page = fitri.get(reverse("admin:complaints_case_change", args=[sent.case.pk])).content.decode()
    assert "3 bagian baru sejak penerusan terakhir" in page and f"{url}?new=1" in page
    ticked = chosen(fitri.get(url, {"new": "1"}))
    assert set(ticked["messages"]) == {str(row.pk) for row in new}
    assert len(ticked["objects"]) == 1
    assert str(held.pk) not in ticked["messages"]
