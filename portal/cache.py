"""The cache in Redis: values lie there as JSON, because a pickle that somebody else put there would run code here, and
Redis away is an empty cache. Each value bears a keyed digest: what somebody else wrote there counts as absent too."""

from __future__ import annotations

import json
import logging
import time
from contextlib import suppress

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.redis import RedisCache
from django.utils.crypto import constant_time_compare, salted_hmac
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
    """Django's Redis cache, but that a value counts as absent while Redis is away: what it holds is counted anew.

    So does a value that the portal has not written under this key, or whose time is over: with the sum of the evidence
    store in it, whoever writes to Redis could tell reporters that there is no room for files.
    """

    def get(self, key: str, default: object = None, version: int | None = None) -> object:
        """Return the value, or ``default``."""
        try:
            stored = super().get(key, None, version)
        except RedisError as error:
            logger.warning("Redis did not answer: %s", type(error).__name__)
            return default
        if not isinstance(stored, list) or len(stored) != 3:
            return default
        value, until, digest = stored
        is_ours = isinstance(digest, str) and constant_time_compare(digest, self._digest(key, version, value, until))
        return value if is_ours and (until is None or until > time.time()) else default

    def set(self, key: str, value: object, timeout: float | None = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        """Store the value where Redis takes it."""
        seconds = self.default_timeout if timeout is DEFAULT_TIMEOUT else timeout
        until = None if seconds is None else time.time() + seconds
        with suppress(RedisError):
            super().set(key, [value, until, self._digest(key, version, value, until)], timeout, version)

    def _digest(self, key: str, version: int | None, value: object, until: object) -> str:
        text = json.dumps([self.make_key(key, version), value, until], sort_keys=True)
        return salted_hmac("portal.cache", text, algorithm="sha256").hexdigest()
