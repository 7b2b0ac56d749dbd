"""What the status page says of a name stays true when a report ends, and when a body does."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from complaints.domain.workflow import Action
from complaints.models.identity import Identity
from complaints.models.oversight import OversightBody
from complaints.models.team import Team
from complaints.services import reporter_identity
from complaints.services.audit import verify
from complaints.services.forwarding import names
from complaints.services.keyring import Actor
from complaints.services.reporter_identity import Name
from tests.cases import body_act, forwarded
from tests.rules import record_table
from tests.views import walk
from tests.world import Cast, Sent, at, send_report

PAGE, NAME = "/cek/laporan/", "/cek/laporan/nama/"
DAY = timezone.localdate()
NAMED = {"identity": "confidential", "name": "Ratna Penanda", "contact": "", "recipient": "bkn"}
pytestmark = pytest.mark.django_db


def opened(sent: Sent) -> Client:
    client = Client()
    client.post("/cek/", {"code": sent.code})
    return client


def sealed_name(cast: Cast) -> Name | None:
    """What the body's key opens in the place of the one report."""
    identity, team = Identity.objects.select_related("complaint").get(), Team.objects.get(slug="body-bkn")
    return reporter_identity.open_name(identity=identity, keyring=cast.ring("kirana"), team=team)


def test_a_withdrawn_report_takes_the_name_with_it(cast: Cast) -> None:
    """Nothing is sent for it any more: a name would stay sealed to the body, and out of its reporter's reach."""
    client = opened(send_report(**NAMED))
    assert sealed_name(cast) == Name("Ratna Penanda", "")
    assert "belum dibaca siapa pun ikut ditarik" in walk.words(client.get("/cek/laporan/cabut/"))
    client.post("/cek/laporan/cabut/", {"reason": ""})
    assert sealed_name(cast) is None
    assert "Kami tidak tahu siapa Anda." in walk.words(client.get(PAGE))
    assert verify.verify_chain().whole


def test_a_name_that_was_read_is_not_called_closed(cast: Cast) -> None:
    """What was read opens again when the report comes back to that body."""
    sent, release = forwarded(cast, today=DAY, **NAMED)
    actor = Actor(cast.ring("kirana"), at(DAY))
    assert names.open_name(actor=actor, release_id=release.pk, complaint_id=sent.ticket.complaint_id)
    body_act(cast, "kirana", release, Action.TAKE_UP)
    body_act(cast, "kirana", release, Action.RETURN, text="Mohon dilengkapi.")
    words = walk.words(opened(sent).get(PAGE))
    assert "BKN sudah membaca nama yang Anda berikan." in words
    assert "tidak dapat dibuka lagi" not in words


def test_a_name_is_taken_back_also_when_no_body_can_get_one(cast: Cast) -> None:
    client = opened(send_report(**NAMED))
    OversightBody.objects.filter(pk__in=["bkn", "kasn"]).update(valid_until=DAY - timedelta(days=1))
    record_table(OversightBody)
    page = client.get(NAME)
    assert "Saat ini tidak ada lembaga pengawas" in walk.words(page)
    assert 'name="do" value="take"' in page.content.decode()
    assert client.post(NAME, {"do": "take"}).headers["Location"] == PAGE
    assert sealed_name(cast) is None
    assert "Kami tidak tahu siapa Anda." in walk.words(client.get(PAGE))
