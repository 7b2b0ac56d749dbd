"""The pages of a key change: a member removes and goes on to the end, an administrator only ends, all are told."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from complaints.models.audit import AuditEntry
from complaints.models.team import Team, TeamKey, TeamMembership
from complaints.services.audit import verify
from complaints.services.keyring import SESSION_KEY, Actor
from complaints.services.team_key_history import team_fingerprint
from complaints.services.team_keys import personal, resealing, rotation
from tests.admin.test_teams import ACCOUNT
from tests.views import walk
from tests.world import Cast, SignedIn, send_report

TEAMS = "admin:complaints_team_changelist"
REVIEW = "admin:complaints_teamkey_changelist"
REASON = "Pindah tugas, kata rahasia durianmerah."


def triage() -> Team:
    return Team.objects.get(slug="triage")


def remove_url(cast: Cast, name: str) -> str:
    row = TeamMembership.objects.get(staff=cast[name], left_at=None)
    return reverse("admin:complaints_team_remove", args=[triage().pk, row.pk])


def in_english(client: Client) -> Client:
    client.post(reverse("admin:me"), {"language": "en"})
    return client


def test_a_member_removes_a_person_and_goes_on_to_the_end(
    signed_in: SignedIn, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resealing.reseal, "__kwdefaults__", {"limit": 2})
    for _ in range(3):
        send_report()
    vera, vino, url = signed_in("vera"), signed_in("vino"), remove_url(cast, "vino")
    assert url in vera.get(reverse(TEAMS)).content.decode()
    asked = vera.post(url, {"reason": REASON}).headers["Location"]
    assert triage().key_number == 1
    on = signed_in("fitri").post(asked, {"act": "confirm"}).headers["Location"]
    assert on == reverse("admin:complaints_team_reseal", args=[triage().pk]) + "?lanjut=1"
    assert vino.get(reverse("admin:index")).status_code == 302
    text = vera.get(on).content.decode()
    assert 'max="4"' in text and 'value="0"' in text and "admin-go-on.js" in text
    with monkeypatch.context() as patch:
        patch.setattr(resealing, "COUNTED_AT_MOST", 3)
        text = vera.get(on).content.decode()
        assert "Lebih dari 3 dari 4 masih menunggu dikunci ulang" in text
        assert "<progress" not in text
    steps = 0
    while "lanjut" in on:
        on = vera.post(on).headers["Location"]
        steps += 1
    assert steps == 2
    text = vera.get(on).content.decode()
    assert f"triage={team_fingerprint(triage()).replace(' ', '')}" in text
    assert "admin-go-on.js" not in text
    assert REASON in vera.get(reverse(TEAMS)).content.decode()
    assert REASON not in signed_in("adi").get(reverse(TEAMS)).content.decode()
    assert not TeamKey.objects.filter(sealed_previous__isnull=False).exists()
    assert vera.get(url).headers["Location"] == reverse(TEAMS)
    of_keys = AuditEntry.objects.filter(event__startswith="teamkey.").order_by("sequence")
    events = list(of_keys.values_list("event", flat=True))
    steps_of_it = ("removal_asked", "removal_confirmed", "removed", "rotated", "resealed", "resealed", "finished")
    assert events == [f"teamkey.{step}" for step in steps_of_it]
    assert "durianmerah" not in str(list(AuditEntry.objects.values_list("facts", flat=True)))
    assert verify.verify_chain().whole


def test_nobody_but_a_member_with_an_open_key_changes_it(signed_in: SignedIn, cast: Cast) -> None:
    url, team = remove_url(cast, "vino"), triage()
    others = [reverse(f"admin:complaints_team_{name}", args=[team.pk]) for name in ("change_key", "reseal")]
    for name in ("adi", "super", "audi", "kirana", "luar"):
        client = signed_in(name)
        for address in (url, *others):
            assert client.get(address).status_code == 404, name
            assert client.post(address, {"reason": REASON}).status_code == 404, name
    vera = signed_in("vera")
    session = vera.session
    session.pop(SESSION_KEY)
    session.save()
    for address in (url, *others):
        assert vera.post(address, {"reason": REASON}).status_code == 409
    assert triage().key_number == 1


def test_deactivation_shows_a_pending_key_rotation(signed_in: SignedIn, cast: Cast) -> None:
    admin, vino = in_english(signed_in("adi")), signed_in("vino")
    off = {key: value for key, value in ACCOUNT.items() if key != "is_active"} | {"username": "vino"}
    url = reverse("admin:complaints_staff_change", args=[cast["vino"].pk])
    assert admin.post(url, off).status_code == 302
    assert vino.get(reverse("admin:index")).status_code == 302
    row = TeamMembership.objects.get(staff=cast["vino"])
    assert (row.left_cause, row.sealed_key) == ("switched_off", None)
    notice, change = "Key still to be changed: vino", reverse("admin:complaints_team_change_key", args=[triage().pk])
    for name in ("adi", "vera", "audi"):
        client = in_english(signed_in(name))
        assert notice in client.get(reverse("admin:index")).content.decode(), name
        assert notice in client.get(reverse(REVIEW)).content.decode(), name
    assert notice not in in_english(signed_in("kirana")).get(reverse("admin:index")).content.decode()
    vera = in_english(signed_in("vera"))
    assert change in vera.get(reverse("admin:index")).content.decode()
    assert vera.post(change).status_code == 302
    text = vera.get(reverse("admin:index")).content.decode()
    assert notice not in text and "The key of “Triage” was changed" in text
    vera.post(reverse("admin:complaints_team_reseal", args=[triage().pk]))
    assert "The key of “Triage” was changed" not in vera.get(reverse("admin:index")).content.decode()


def test_an_unfinished_change_tells_outsiders_no_number(signed_in: SignedIn, cast: Cast) -> None:
    """It would tell administrators and auditors how much the separate team holds."""
    for _ in range(3):
        send_report(accused_kind="military_police")
    team = Team.objects.get(slug="separate")
    rotation.rotate(actor=Actor(cast.ring("sari"), timezone.now()), team_id=team.pk)
    left = resealing.progress(team=team).left
    for name, page in (("adi", TEAMS), ("adi", "admin:index"), ("audi", "admin:complaints_teamkey_changelist")):
        said = re.findall(r"Kunci “[^”]*” sudah diganti;[^.]*", walk.words(signed_in(name).get(reverse(page))))
        assert said and not re.search(r"\d", " ".join(said)), (name, page, left)


def test_nobody_gets_the_keys_of_two_teams(signed_in: SignedIn, cast: Cast) -> None:
    """Not while the key that the person may have kept still opens something."""
    left = {"left_at": timezone.now(), "left_cause": "removed", "sealed_key": None}
    TeamMembership.objects.filter(staff=cast["vino"]).update(**left)
    separate = Team.objects.get(slug="separate")
    row = TeamMembership.objects.create(team=separate, staff=cast["vino"])
    admit, sari = reverse("admin:complaints_team_admit", args=[row.pk]), signed_in("sari")
    typed = {"fingerprint": personal.fingerprint(cast["vino"])}
    assert sari.post(admit, typed).status_code == 400
    send_report()
    vera, reseal = signed_in("vera"), reverse("admin:complaints_team_reseal", args=[triage().pk])
    vera.post(reverse("admin:complaints_team_change_key", args=[triage().pk]))
    assert sari.post(admit, typed).status_code == 400
    vera.post(reseal)
    assert sari.post(admit, typed).status_code == 302


def test_the_access_review_is_read_and_signed_off(signed_in: SignedIn, cast: Cast, settings: Settings) -> None:
    signed_in("vera").get(reverse("admin:complaints_case_change", args=[send_report().case.pk]))
    sign, audi = reverse("admin:complaints_teamkey_sign_off"), in_english(signed_in("audi"))
    page = audi.get(reverse(REVIEW))
    text = page.content.decode()
    assert "Not reviewed yet." in text
    assert personal.fingerprint(cast["vera"]) in text and team_fingerprint(triage()) in text
    held = {holder.row.staff.username: holder for team in page.context["teams"] for holder in team.holders}
    assert held["vera"].opened and held["vera"].signed_in and not held["vino"].opened
    assert audi.get(sign).status_code == 405
    assert audi.post(sign).status_code == 302
    assert "by audi" in audi.get(reverse(REVIEW)).content.decode()
    facts = AuditEntry.objects.get(event="team.reviewed").facts
    assert set(facts) == {"digest", "teams"} and facts["teams"] == 4
    for name, seen in (("vera", ["triage"]), ("kirana", ["body-bkn"])):
        client = signed_in(name)
        assert [entry.team.slug for entry in client.get(reverse(REVIEW)).context["teams"]] == seen
        assert client.post(sign).status_code == 404
    assert signed_in("luar").get(reverse(REVIEW)).status_code == 404
    assert verify.verify_chain().whole
