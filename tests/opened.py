"""Everything that the private keys of all people open of a database, keys found in what was opened included."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import models

from complaints.domain.errors import SealError
from complaints.domain.sealing.primitives import BoxPair, unseal
from complaints.models.team import Staff
from complaints.services.team_keys import personal
from tests.world import PASSWORD, TEAMS, Sent, ring

_PRIVATE_KEY = re.compile(rb"[0-9a-f]{64}")


def everything(sent: Iterable[Sent]) -> bytes:
    """What the keys of all teams, people, reporters and of the worker open in every binary column, and all text."""
    pairs = {pair.private: pair for pair in [*_pairs_of_people(), *(item.ticket.keys.box for item in sent)]}
    pairs[_worker().private] = _worker()
    closed, opened = set(_binary_values()), [*_texts()]
    before = -1
    while before != len(pairs):
        before = len(pairs)
        for value in list(closed):
            text = _opened(value, pairs.values())
            if text is None:
                continue
            closed.discard(value)
            opened.append(text)
            for key in _PRIVATE_KEY.findall(text):
                pair = BoxPair.from_private(bytes.fromhex(key.decode()))
                pairs.setdefault(pair.private, pair)
    return b"\n".join([*opened, *closed])


def _opened(value: bytes, pairs: Iterable[BoxPair]) -> bytes | None:
    for pair in pairs:
        for raw in (value[1:], value):
            with suppress(SealError, ValueError):
                return unseal(pair, raw)
    return None


def _pairs_of_people() -> Iterable[BoxPair]:
    for slug, members in TEAMS.items():
        yield ring(members[0]).keys_of(slug).box
    for staff in Staff.objects.exclude(wrapped_key=None):
        with suppress(SealError):
            yield personal.unlock(staff=staff, password=PASSWORD).box


def _worker() -> BoxPair:
    return BoxPair.from_private(bytes.fromhex(settings.WORKER_PRIVATE_KEY))


def _columns() -> Iterable[tuple[type[models.Model], models.Field[Any, Any]]]:
    for model in apps.get_app_config("complaints").get_models(include_auto_created=True):
        yield from ((model, field) for field in model._meta.concrete_fields)


def _binary_values() -> Iterable[bytes]:
    for model, field in _columns():
        if isinstance(field, models.BinaryField):
            rows = model._base_manager.exclude(**{field.name: None}).values_list(field.name, flat=True)
            yield from (bytes(value) for value in rows if len(bytes(value)) > 48)


def _texts() -> Iterable[bytes]:
    for model, field in _columns():
        if isinstance(field, models.CharField | models.TextField | models.JSONField):
            yield from (str(value).encode() for value in model._base_manager.values_list(field.name, flat=True))
