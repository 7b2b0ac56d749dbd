"""What lies in a Redis cache is JSON; everything else counts as absent, and so does all while Redis is away."""

from __future__ import annotations

import pickle

import pytest
import time_machine

from portal.cache import JSONSerializer, OptionalRedisCache


class Redis:
    """A Redis in memory, behind Django's cache."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}

    def get(self, key: str, default: object) -> object:
        return JSONSerializer().loads(self.values[key]) if key in self.values else default

    def set(self, key: str, value: object, _timeout: object) -> None:
        self.values[key] = JSONSerializer().dumps(value)


def cache_with(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> OptionalRedisCache:
    monkeypatch.setattr(OptionalRedisCache, "_cache", redis)
    return OptionalRedisCache("redis://127.0.0.1:9/", {})


def test_only_what_the_portal_wrote_under_a_key_counts_and_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    redis = Redis()
    cache = cache_with(redis, monkeypatch)
    with time_machine.travel(0, tick=False) as clock:
        cache.set("used", 12, 600)
        cache.set("other", [1, "a"])
        cache.set("kept", 5, None)
        assert [cache.get(name) for name in ("used", "other", "kept", "none")] == [12, [1, "a"], 5, None]
        old = dict(redis.values)
        for planted in (b"99", b"[99]", b'[99, null, "x"]', b"[99, null, 5]", redis.values[":1:kept"]):
            redis.values[":1:used"] = planted
            assert cache.get("used", 7) == 7
        clock.shift(601)
        redis.values = old
        assert [cache.get(name) for name in ("used", "other", "kept")] == [None, None, 5], "an older one put back"


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
