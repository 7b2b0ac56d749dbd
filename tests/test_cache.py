"""What lies in a Redis cache is JSON; everything else counts as absent, and so does all while Redis is away."""

from __future__ import annotations

import pickle

import pytest

from portal.cache import JSONSerializer, OptionalRedisCache


@pytest.mark.parametrize("value", [0, 12, -3, "y", "ä", None, True, [1, "a"], {"a": [1]}])
def test_a_value_comes_back(value: object) -> None:
    assert JSONSerializer().loads(JSONSerializer().dumps(value)) == value


@pytest.mark.parametrize("data", [pickle.dumps(12), b"", b"\xff", b"{", b"nothing", b"[" * 100_000])
def test_what_is_no_json_counts_as_absent(data: bytes) -> None:
    assert JSONSerializer().loads(data) is None


def test_redis_away_is_an_empty_cache(caplog: pytest.LogCaptureFixture) -> None:
    """Files are taken on: how much is stored is counted anew."""
    cache = OptionalRedisCache("redis://127.0.0.1:9/", {"OPTIONS": {"socket_connect_timeout": 3}})
    assert cache.get("x", 7) == 7
    cache.set("x", 8)
    assert [record.getMessage() for record in caplog.records] == ["Redis did not answer: ConnectionError"]
