"""Two members remove a person in the browser: the team gets a new key, and the page goes on by itself to the end."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from complaints.models.team import Team, TeamKey, TeamMembership
from complaints.services.team_key_history import team_fingerprint
from complaints.services.team_keys import removal, resealing
from tests.browser.people import Officer
from tests.browser.window import Opener
from tests.world import Cast, send_report

pytestmark = pytest.mark.django_db(transaction=True)
DONE = "Tidak ada lagi yang dikunci dengan kunci lama tim ini."


def test_a_removal_to_the_end(window: Opener, live_cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resealing.reseal, "__kwdefaults__", {"limit": 2})
    sent = [send_report() for _ in range(5)]
    vera, vino = Officer(window(), "vera"), Officer(window(), "vino")
    vera.window.go("/kantor/complaints/team/")
    vera.window.follow(vera.page.get_by_role("link", name="Keluarkan vino"))
    vera.page.locator("[name=reason]").fill("Pindah ke instansi lain.")
    vera.window.follow(vera.page.locator("form button.main"))
    second = Officer(window(), "fitri")
    second.window.go("/kantor/")
    second.window.follow(second.page.get_by_role("link", name="Lihat permintaan"))
    second.page.locator("button[value=confirm]").click()
    second.page.get_by_text(DONE).wait_for()
    assert not TeamKey.objects.filter(sealed_previous__isnull=False).exists()
    assert team_fingerprint(Team.objects.get(slug="triage")) in second.page.locator("main").inner_text()
    vera.opens("case", sent[0].case.reference)
    vino.window.go("/kantor/")
    assert vino.window.path == "/kantor/masuk/"

    fitri = Officer(window(script=False, width=768), "fitri")
    team = Team.objects.get(slug="triage")
    fitri.window.go(reverse("admin:complaints_team_change_key", args=[team.pk]))
    fitri.window.follow(fitri.page.locator("form button.main"))
    assert fitri.page.locator("progress").get_attribute("value") == "0"
    presses = 0
    while DONE not in fitri.window.words:
        fitri.window.follow(fitri.page.locator("form button.main"))
        presses += 1
    assert presses >= 3


def test_one_alone_removes_a_member_a_day_after_everybody_was_told(
    window: Opener, live_cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock of the portal is moved by a day; sessions of the day before have ended by then."""
    members = TeamMembership.objects.filter(team__slug="triage", left_at=None, sealed_key__isnull=False)
    vera = Officer(window(width=360), "vera")
    vera.window.go("/kantor/complaints/team/")
    vera.window.follow(vera.page.get_by_role("link", name="Keluarkan vino"))
    vera.page.locator("[name=reason]").fill("Pindah ke instansi lain.")
    vera.window.follow(vera.page.locator("form button.main"))
    request, real_now = vera.window.path, timezone.now
    assert vera.page.locator("button[value=withdraw]").count() == 1
    assert vera.page.locator("button[value=complete]").count() == 0
    for name in ("vino", "fitri"):
        assert "vino" in Officer(window(), name).window.go("/kantor/").words

    monkeypatch.setattr(timezone, "now", lambda: real_now() + removal.ALARM + timedelta(minutes=1))
    again = Officer(window(width=360), "vera")
    again.window.go(request)
    again.page.locator("button[value=complete]").click()
    again.page.get_by_text(DONE).wait_for()
    assert not members.filter(staff=live_cast["vino"]).exists()
    assert Team.objects.get(slug="triage").key_number == 2
