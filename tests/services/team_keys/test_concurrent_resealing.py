"""Two members seal again at once while reports arrive: nothing is lost or done twice, and the old key goes at last."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import connection

from complaints.models.complaint import KeyGrant
from complaints.models.team import Team, TeamKey
from complaints.services import case_file, team_key_history
from complaints.services.audit import verify
from complaints.services.keyring import Actor
from complaints.services.team_keys import membership, resealing, rotation
from tests.security.promises.test_concurrency import at_once
from tests.world import Cast, Sent, at, send_report

DAY = date(2026, 11, 9)
NOW = at(DAY)
# Of this database alone: another process of the same run may wait in its own.
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


def seal_again(cast: Cast, name: str, team: Team) -> None:
    for _ in range(200):
        try:
            if not resealing.reseal(actor=Actor(cast.ring(name), NOW), team_id=team.pk, limit=3).open:
                return
        except membership.AdmissionRefused:  # the key was changed between reading the ring and the slice
            continue
    raise AssertionError("never done")


def test_members_and_reporters_at_once(live_cast: Cast) -> None:
    cast, team = live_cast, Team.objects.get(slug="triage")
    before = [send_report(today=DAY) for _ in range(12)]
    rotation.rotate(actor=Actor(cast.ring("vera"), NOW), team_id=team.pk)
    arrived: list[Sent] = []

    def act(number: int) -> None:
        if number < 2:
            seal_again(cast, ("vera", "vino")[number], team)
        elif number == 2:
            arrived.extend(send_report(today=DAY) for _ in range(4))
        else:
            rotation.rotate(actor=Actor(cast.ring("fitri"), NOW), team_id=team.pk)

    at_once(4, act)
    seal_again(cast, "fitri", team)
    team.refresh_from_db()
    assert team.key_number == 3
    assert set(KeyGrant.objects.values_list("sealed_number", flat=True)) == {3}
    assert not TeamKey.objects.filter(sealed_previous__isnull=False).exists()
    for sent in [*before, *arrived]:
        opened = case_file.open_case(actor=Actor(cast.ring("vino"), NOW), case_id=sent.case.pk)
        assert opened.complaints[0].answers["story"]
    assert verify.verify_chain().whole


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer, who holds the whole file")
def test_a_change_waits_for_a_report_that_is_being_sealed(live_cast: Cast) -> None:
    """Whoever has read the team's key in a transaction ends it before that key can be replaced, let alone forgotten."""
    from threading import Event

    from django.db import transaction

    team = Team.objects.get(slug="triage")
    ring, read, numbers = live_cast.ring("vera"), Event(), []

    def act(number: int) -> None:
        if number == 0:
            with transaction.atomic():
                team_key_history.pinned_team("triage")
                read.set()
                with connection.cursor() as cursor:
                    # Until the other one waits for this transaction, as the server itself tells.
                    for _ in range(10_000):
                        cursor.execute(WAITING)
                        if cursor.fetchone()[0]:
                            break
                numbers.append(Team.objects.get(pk=team.pk).key_number)
        else:
            read.wait(30)
            rotation.rotate(actor=Actor(ring, NOW), team_id=team.pk)

    at_once(2, act)
    assert numbers == [1]
    team.refresh_from_db()
    assert team.key_number == 2
