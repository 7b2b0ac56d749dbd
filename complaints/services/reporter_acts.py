"""What makes the acts of a reporter idempotent: a page that is sent twice adds what it says once.

A page carries a random token. The id of the first row that an act adds follows from the token, from what is sent, and
from the reporter's keys; so the second sending meets that row. To whoever lacks those keys the id is like a random one.
"""

from __future__ import annotations

import json
import secrets
import uuid
from collections.abc import Sequence

from complaints.domain.retaliation import Retaliation
from complaints.domain.sealing.keys import KeySet
from complaints.domain.sealing.primitives import blake2b
from complaints.models.complaint import Message
from complaints.models.evidence import Evidence
from complaints.services.evidence import intake
from complaints.services.evidence.posts import Post


def new_token() -> str:
    """Return what a page carries: 16 hexadecimal digits."""
    return secrets.token_hex(8)


def act_id(
    keys: KeySet,
    *,
    token: str,
    text: str,
    files: Sequence[intake.SealedUpload],
    posts: Sequence[Post],
    told: Retaliation | None,
    to: str = "",
) -> uuid.UUID:
    """Return the id of the first row of an act; a random one without a token. ``to`` is whose question it answers.

    Files count by what they hold, so that one which was uploaded twice is the same.
    """
    if not token:
        return uuid.uuid4()
    described = [{**post, "id": "", "screenshot": ""} for post in posts]
    digests = [upload.info.sha256 for upload in files if upload.info]
    sent = json.dumps([token, text, digests, described, told.as_mark() if told else None, to], sort_keys=True)
    key = blake2b(keys.to_bytes(), person=b"act-id")
    return uuid.UUID(bytes=blake2b(sent.encode(), person=b"act-id", key=key, size=16), version=4)


def is_stored(act: uuid.UUID) -> bool:
    """Whether the first row of an act is there."""
    return Message.objects.filter(pk=act).exists() or Evidence.objects.filter(pk=act).exists()
