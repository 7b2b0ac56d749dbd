"""Rows of names that somebody put into the database decide nothing before the night names them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core.exceptions import ObjectDoesNotExist
from django.db import transaction
from django.utils import timezone

from complaints.domain.errors import SealError
from complaints.domain.sealing.records import Context
from complaints.domain.workflow import Action
from complaints.models.identity import Identity, NameRequest, ReadName
from complaints.models.oversight import Release
from complaints.models.team import Team
from complaints.services import follow_up, own_name, reporter_identity
from complaints.services.audit import verify
from complaints.services.forwarding import names
from complaints.services.keyring import Actor
from complaints.services.reporter_identity import SLOT_SIZES, Name
from complaints.services.reporter_reading import OwnName
from tests.cases import body_act, forwarded
from tests.world import Cast, Sent, at

DAY = timezone.localdate()
NAME = Name("Ibu A", "")


def opens(cast: Cast, sent: Sent, release: Release, *, by: str = "kirana") -> Name | None:
    actor = Actor(cast.ring(by), at(DAY))
    return names.open_name(actor=actor, release_id=release.pk, complaint_id=sent.ticket.complaint_id)


def give(sent: Sent, body: str) -> None:
    own_name.give(ticket=sent.ticket, name=NAME, body=body, today=DAY)


def told(sent: Sent) -> OwnName:
    return follow_up.status_page(ticket=sent.ticket, today=DAY).name


def test_a_planted_copy_is_read_by_nobody_and_stays_named(cast: Cast) -> None:
    """A liaison who writes to the database seals somebody's name as read. Opening it would record its digest: the night
    would find nothing, and a colleague would take the name for the reporter's."""
    sent, release = forwarded(cast, today=DAY)
    team = Team.objects.get(slug="body-bkn")
    row = ReadName(complaint_id=sent.ticket.complaint_id, request=NameRequest.objects.get(), day=DAY)
    row.body_id = "bkn"
    context = Context("read-name", str(row.pk), str(row.complaint_id))
    content = {"name": "Orang lain", "contact": ""}
    row.sealed = cast.ring("kirana").seal_for_team(team, context, content, sizes=SLOT_SIZES)
    row.save(force_insert=True)
    assert opens(cast, sent, release, by="kresna") is None
    assert told(sent).readings == []
    assert "name.altered" in {fault.code for fault in verify.verify_chain().faults}


def test_requests_that_the_chain_does_not_record_get_no_name(cast: Cast) -> None:
    """They decide to which body a name is sealed: a row that was planted, altered or deleted stops the page."""
    sent, release = forwarded(cast, today=DAY)
    (row,), tomorrow = NameRequest.objects.all(), DAY + timedelta(days=1)
    give(sent, told(sent).asker)
    planted = NameRequest(complaint_id=row.complaint_id, release=release, body_id="kasn", day=tomorrow)
    forged: list[Callable[[], object]] = [
        lambda: NameRequest.objects.update(body="kasn"),
        lambda: NameRequest.objects.update(closed_on=DAY),
        NameRequest.objects.all().delete,
        lambda: [NameRequest.objects.update(closed_on=DAY), NameRequest.objects.bulk_create([planted])],
    ]
    for forge in forged:
        forge()
        for attempt in (lambda: give(sent, "KASN"), lambda: give(sent, "BKN"), lambda: told(sent)):
            with pytest.raises(SealError):
                attempt()
        with pytest.raises(ObjectDoesNotExist):
            opens(cast, sent, release)
        NameRequest.objects.all().delete()
        row.save(force_insert=True)
    NameRequest.objects.update(day=tomorrow)
    with pytest.raises(ObjectDoesNotExist):
        opens(cast, sent, release)
    NameRequest.objects.update(day=DAY)
    assert (told(sent).state, opens(cast, sent, release)) == ("given", NAME)


def test_a_place_that_a_team_emptied_unasked_is_named(cast: Cast) -> None:
    """A liaison who writes to the database makes a name vanish, with the signature of a body that may write places."""
    for person, team in (("kirana", "body-bkn"), ("vera", "triage")):
        sent, _release = forwarded(cast, today=DAY)
        give(sent, "BKN")
        identity = Identity.objects.select_related("complaint").get(pk=sent.ticket.complaint_id)
        assert verify.verify_chain().whole
        with transaction.atomic():
            reporter_identity.empty(identity=identity, signer=cast.ring(person).keys_of(team).sign, today=DAY)
            assert "identity.signature" in {fault.code for fault in verify.verify_chain().faults}, team
            transaction.set_rollback(True)


def test_a_request_that_ended_lets_a_team_empty_no_place_a_second_time(cast: Cast) -> None:
    """The entry of the end names the place as it was emptied then: nothing that the same key writes later counts."""
    sent, release = forwarded(cast, today=DAY)
    body_act(cast, "kirana", release, Action.DECLINE, text="Bukan wewenang kami.", reply="Kembali.")
    assert verify.verify_chain().whole
    follow_up.add_message(ticket=sent.ticket, text="Masih ada.", files=[], today=DAY)
    assert verify.verify_chain().whole
    identity = Identity.objects.select_related("complaint").get(pk=sent.ticket.complaint_id)
    for person, team in (("kirana", "body-bkn"), ("vera", "triage")):
        with transaction.atomic():
            reporter_identity.empty(identity=identity, signer=cast.ring(person).keys_of(team).sign, today=DAY)
            assert "identity.signature" in {fault.code for fault in verify.verify_chain().faults}, team
            transaction.set_rollback(True)
