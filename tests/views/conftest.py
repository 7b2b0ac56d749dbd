"""The reporter's door needs reference data and two teams to seal to, and nobody behind it."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from complaints.domain.sealing.keys import KeySet
from complaints.models.team import Team
from complaints.services import reference_data
from complaints.services.team_key_history import team_fingerprint


@pytest.fixture
def office(db: None, settings: Settings) -> None:
    """Load the catalogue and pin a triage and a custodian team without members."""
    reference_data.load()
    for slug in ("triage", "custodian"):
        keys = KeySet.new()
        Team.objects.create(
            slug=slug,
            kind=slug,
            public_key=keys.box.public,
            verify_key=keys.sign.public,
            recovery_a=b"",
            recovery_b=b"",
        )
    settings.TEAM_KEY_PINS = ",".join(f"{team.slug}={team_fingerprint(team)}" for team in Team.objects.all())
