"""How values lie in a Redis cache: as JSON, because a pickle that somebody else put there would run code here."""

from __future__ import annotations

import json


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
