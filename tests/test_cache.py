"""What lies in a Redis cache is JSON; everything else counts as absent."""

from __future__ import annotations

import pickle

import pytest

from portal.cache import JSONSerializer


@pytest.mark.parametrize("value", [0, 12, -3, "y", "ä", None, True, [1, "a"], {"a": [1]}])
def test_a_value_comes_back(value: object) -> None:
    assert JSONSerializer().loads(JSONSerializer().dumps(value)) == value


@pytest.mark.parametrize("data", [pickle.dumps(12), b"", b"\xff", b"{", b"nothing", b"[" * 100_000])
def test_what_is_no_json_counts_as_absent(data: bytes) -> None:
    assert JSONSerializer().loads(data) is None
