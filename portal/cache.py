"""The cache in Redis: values lie there as JSON, because a pickle that somebody else put there would run code here, and
Redis away is an empty cache."""

from __future__ import annotations

import json
import logging
from contextlib import suppress

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)


class JSONSerializer:
    """Serializer of Django's Redis cache for numbers, texts, and lists and dictionaries of them."""

    def dumps(self, value: object) -> bytes:
        """Return the bytes to store. Raises TypeError for what JSON cannot hold."""
        return json.dumps(value).encode()

    def loads(self, data: bytes) -> object:
        """Return the value that was stored; None, as for an absent one, where the bytes are no JSON."""
        try:
            return json.loads(data)
        except (ValueError, RecursionError):
            return None


class OptionalRedisCache(RedisCache):
    """Django's Redis cache, but that a value counts as absent while Redis is away: what it holds is counted anew."""

    def get(self, key: str, default: object = None, version: int | None = None) -> object:
        """Return the value, or ``default``."""
        try:
            return super().get(key, default, version)
        except RedisError as error:
            logger.warning("Redis did not answer: %s", type(error).__name__)
            return default

    def set(self, key: str, value: object, timeout: float | None = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        """Store the value where Redis takes it."""
        with suppress(RedisError):
            super().set(key, value, timeout, version)
