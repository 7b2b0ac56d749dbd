"""What the pages of reporters need behind them: reference data, and teams to seal to."""

from __future__ import annotations

import pytest

from tests.world import Cast


@pytest.fixture
def office(cast: Cast) -> None:
    """Pin the teams of the cast. Reporters do not depend on who is a member."""
