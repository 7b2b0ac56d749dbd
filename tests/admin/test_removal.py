"""The pages of a removal: asked, told on the desk, confirmed or stopped, and a way back at each step."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from complaints.models.removal import RemovalRequest
from complaints.models.team import TeamMembership
from complaints.services.keyring import Actor
from complaints.services.team_keys import personal, removal
from tests.admin.test_key_rotation import REASON, TEAMS, in_english, remove_url, triage
from tests.world import Cast, SignedIn

DESK = "admin:index"
pytestmark = pytest.mark.django_db


def request_url() -> str:
    return reverse("admin:complaints_team_removal", args=[RemovalRequest.objects.get(state="open").pk])


def is_member(cast: Cast, name: str) -> bool:
    return TeamMembership.objects.filter(staff=cast[name], left_at=None, sealed_key__isnull=False).exists()


def test_one_asks_and_another_confirms(signed_in: SignedIn, cast: Cast) -> None:
    vera, vino, fitri = (in_english(signed_in(name)) for name in ("vera", "vino", "fitri"))
    url = remove_url(cast, "vino")
    assert url in vera.get(reverse(TEAMS)).content.decode()
    assert vera.post(url, {"reason": ""}).status_code == 400
    asked = vera.post(url, {"reason": REASON})
    assert asked.headers["Location"] == request_url()
    assert vino.get(reverse(DESK)).status_code == 200
    for client in (vera, vino, fitri, in_english(signed_in("adi")), in_english(signed_in("audi"))):
        assert "vera requested the removal of vino" in client.get(reverse(DESK)).content.decode()
    assert "requested the removal" not in in_english(signed_in("kirana")).get(reverse(DESK)).content.decode()
    page = fitri.get(request_url()).content.decode()
    assert REASON in page and 'value="confirm"' in page and 'value="stop"' in page
    assert personal.fingerprint(cast["vera"]) in page and personal.fingerprint(cast["vino"]) not in page
    own = vera.get(request_url()).content.decode()
    assert 'value="withdraw"' in own and 'value="confirm"' not in own and 'value="complete"' not in own
    concerned = vino.get(request_url()).content.decode()
    assert "This request concerns you" in concerned and 'name="act"' not in concerned and REASON not in concerned
    address = request_url()
    answer = fitri.post(address, {"act": "confirm"})
    assert answer.headers["Location"] == reverse("admin:complaints_team_reseal", args=[triage().pk]) + "?lanjut=1"
    assert not is_member(cast, "vino")
    assert vino.get(reverse(DESK)).status_code == 302
    text = fitri.get(address).content.decode()
    assert "Request carried out: Fitri" in text and 'name="act"' not in text
    assert "requested the removal" not in vera.get(reverse(DESK)).content.decode()


def test_after_the_alarm_one_click_carries_it_out(signed_in: SignedIn, cast: Cast) -> None:
    row = TeamMembership.objects.get(staff=cast["vino"])
    earlier = Actor(cast.ring("vera"), timezone.now() - removal.ALARM - timedelta(minutes=1))
    removal.ask(actor=earlier, team_id=triage().pk, membership_id=row.pk, reason=REASON)
    vera = signed_in("vera")
    assert 'value="complete"' in vera.get(request_url()).content.decode()
    assert vera.post(request_url(), {"act": "complete"}).status_code == 302
    assert not is_member(cast, "vino")


@pytest.mark.parametrize(("name", "act"), [("vera", "withdraw"), ("fitri", "stop")])
def test_there_is_a_way_back(signed_in: SignedIn, cast: Cast, name: str, act: str) -> None:
    vera = signed_in("vera")
    vera.post(remove_url(cast, "vino"), {"reason": REASON})
    address, client = request_url(), vera if name == "vera" else signed_in(name)
    assert client.post(address, {"act": "something"}).headers["Location"] == address
    assert client.post(address, {"act": act}).headers["Location"] == reverse(TEAMS)
    for other in ("confirm", "complete", "stop", "withdraw"):
        assert client.post(address, {"act": other}).headers["Location"] == address
    assert is_member(cast, "vino") and triage().key_number == 1


def test_the_one_concerned_can_be_signed_out_at_once(signed_in: SignedIn, cast: Cast) -> None:
    vera, vino = signed_in("vera"), signed_in("vino")
    vera.post(remove_url(cast, "vino"), {"reason": REASON, "end_sessions": "on"})
    assert vino.get(reverse(DESK)).status_code == 302
    assert is_member(cast, "vino")


def test_an_administrator_stops_it_in_a_team_of_two_alone(signed_in: SignedIn, cast: Cast) -> None:
    vera, kirana, admin = signed_in("vera"), signed_in("kirana"), in_english(signed_in("adi"))
    vera.post(remove_url(cast, "vino"), {"reason": REASON})
    page = admin.get(request_url()).content.decode()
    assert 'name="act"' not in page and REASON not in page
    admin.post(request_url(), {"act": "stop"})
    row = RemovalRequest.objects.get()
    assert row.state == "open"
    signed_in("fitri").post(request_url(), {"act": "stop"})
    kresna = TeamMembership.objects.get(staff=cast["kresna"])
    ask = reverse("admin:complaints_team_remove", args=[kresna.team_id, kresna.pk])
    assert kirana.post(ask, {"reason": REASON}).status_code == 302
    page = admin.get(request_url()).content.decode()
    assert 'value="stop"' in page and REASON not in page
    assert "No other member can confirm it." in page and "Another member can confirm it" not in page
    concerned = in_english(signed_in("kresna")).get(request_url()).content.decode()
    assert "An administrator can stop it." in concerned and "Any member" not in concerned
    assert admin.post(request_url(), {"act": "stop"}).headers["Location"] == reverse(TEAMS)
    assert not RemovalRequest.objects.filter(state="open").exists() and is_member(cast, "kresna")


@pytest.mark.parametrize("name", ["kirana", "luar", "audi"])
def test_for_other_people_a_request_does_not_exist(signed_in: SignedIn, cast: Cast, name: str) -> None:
    signed_in("vera").post(remove_url(cast, "vino"), {"reason": REASON})
    client = signed_in(name)
    assert client.get(request_url()).status_code == 404
    assert client.post(request_url(), {"act": "stop"}).status_code == 404
