"""What the tests of the staff's door share: an empty rate limit, and people who are signed in."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.core.cache import cache
from django.test import Client

from tests.cast import Cast, sign_in

SignedIn = Callable[[str], Client]


@pytest.fixture(autouse=True)
def _no_limit_left_over() -> None:
    cache.clear()


@pytest.fixture
def signed_in(cast: Cast) -> SignedIn:
    """Signs somebody in through the real login, in a browser of their own."""
    return lambda name: sign_in(Client(), name)
