"""What a reporter reads with the keys of the ticket code: messages, requests for their name, and what became of it.

The place of a name is opened here as far as a reporter can: that one was given, to which body and when. The name itself
is sealed to that body, so that a found code shows none.
"""

from __future__ import annotations

import json
import uuid
from base64 import b64decode
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import chain
from typing import Final

from django.db.models import F

from complaints.domain.sealing.keys import KeySet
from complaints.domain.sealing.primitives import BoxPair, decrypt, unknown_version, unpad, unseal
from complaints.domain.sealing.records import KEY_SIZES, Context, open_record, open_record_of
from complaints.models.complaint import Complaint, Message
from complaints.models.identity import Identity, NameRequest
from complaints.models.oversight import OversightBody
from complaints.services import reference_data, team_key_history
from complaints.services.audit import recorded_acts
from complaints.services.keyring import message_context, team_of
from complaints.services.team_key_history import trusted_signer

BLOB_SIZES: Final = (8192,)
_OPENERS: Final[Mapping[bytes, Callable[[bytes, bytes, bytes], bytes]]] = {b"\x02": decrypt}
TO_REPORTERS: Final = {Message.Direction.TO_REPORTER.value, Message.Direction.BODY_TO_REPORTER.value}


def read_as_reporter(messages: Iterable[Message], box: BoxPair, *, team: str) -> dict[uuid.UUID, str]:
    """Return the texts written to a reporter by message id; others of ``messages`` are left out.

    ``team`` is the slug of the team that holds the report.

    Raises UnpinnedKey where another team has signed a message than the one that it names, and SealError.
    """
    texts = {}
    trusted: dict[tuple[bytes, str], bytes] = {}
    for message in messages:
        if message.direction not in TO_REPORTERS:
            continue
        claim = bytes(message.signer), team_of(message, team)
        signer = trusted.get(claim) or trusted.setdefault(claim, trusted_signer(*claim))
        context = message_context(message, kind="to-reporter")
        texts[message.pk] = str(open_record(box, message.sealed_for_reporter or b"", context, signer))
    return texts


@dataclass(frozen=True)
class NameState:
    """What a reporter is told of their name: ``state`` is "none", "given", or "void" where a team emptied its place.

    ``body`` is the code of the body that it was given for, or whose release ended; ``day`` is an ISO date.
    """

    state: str
    body: str
    day: str


@dataclass(frozen=True)
class ShownRequest:
    """A request for the name: its day, the body's short name, and the reason ("": it came with the release).

    ``is_over`` where the body has no open request any more, so that it can read no name.
    """

    day: date
    body: str
    reason: str
    is_over: bool


@dataclass(frozen=True)
class OwnName:
    """What the status page says of the reporter's name; ``body`` and ``asker`` are short names.

    ``asker`` is the body that could get it now ("": none has a team here). ``readings`` are day and body of each time
    that a name was read, and ``is_read`` says whether the body that it was given for has.
    """

    state: str
    body: str
    day: date | None
    asker: str
    requests: list[ShownRequest]
    readings: list[tuple[date, str]]
    is_read: bool


def own_name(complaint: Complaint, keys: KeySet, *, today: date, has_requests: bool) -> OwnName:
    """Return what the status page says of the name of a report, which was read with its identity.

    Without requests nothing was read. Raises SealError where the place of the name, or a reason, was replaced.
    """
    requests = requests_of(complaint.pk) if has_requests else []
    readings = recorded_acts.name_readings(complaint.pk) if has_requests else []
    asking = {row.body_id for row in requests if row.closed_on is None}
    identity = complaint.identity
    stored = read_state(identity, open_outer(identity, unseal(keys.box, bytes(identity.outer_reporter))), keys)
    asker = asking_body(requests, today)
    return OwnName(
        state=stored.state,
        body=reference_data.body_name(stored.body),
        day=date.fromisoformat(stored.day) if stored.day else None,
        asker=asker.short_name if asker else "",
        requests=[
            ShownRequest(row.day, row.body.short_name, _reason(row, keys.box), row.body_id not in asking)
            for row in requests
        ],
        readings=[(day, reference_data.body_name(code)) for day, code in readings],
        is_read=stored.body in {code for _day, code in readings},
    )


def asking_body(requests: Sequence[NameRequest], today: date) -> OversightBody | None:
    """Return the body that can get a name now: of the newest open request, else the one of today with a team here.

    ``requests`` are those of the report, by day. What follows from them and the day alone tells of no name.
    """
    asking = [row.body for row in requests if row.closed_on is None]
    return asking[-1] if asking else reference_data.body_with_team(today, team_key_history.pinned_slugs())


def requests_of(complaint_id: uuid.UUID) -> list[NameRequest]:
    """Return the requests of a report, by day, each with its body."""
    rows = NameRequest.objects.filter(complaint=complaint_id).select_related("body")
    return list(rows.order_by("day", "release__at", F("closed_on").asc(nulls_last=True), "pk"))


def _reason(request: NameRequest, box: BoxPair) -> str:
    if request.by_id is None:
        return ""
    signers = team_key_history.signers(f"body-{request.body_id}")
    return str(open_record_of(box, request.sealed_for_reporter or b"", reason_context(request), signers))


def reason_context(request: NameRequest, kind: str = "to-reporter") -> Context:
    """Return the context of a copy of the reason; ``kind`` is "to-reporter", or "name-request" for the body's own."""
    return Context(kind, str(request.pk), str(request.complaint_id))


def read_state(identity: Identity, inner: Mapping[str, bytes], keys: KeySet) -> NameState:
    """Return what the reporter is told of their name; ``inner`` is from :func:`open_outer`; raises SealError."""
    # Mostly the reporter wrote it; otherwise the teams' keys are read from the database.
    signers = chain([keys.sign.public], team_key_history.writers_of_name(identity.body_id))
    content = open_record_of(keys.box, inner["mine"], state_context(identity.complaint_id), signers, sizes=KEY_SIZES)
    return NameState(content["state"], content["body"], content["day"])


def state_context(complaint_id: uuid.UUID) -> Context:
    """Return the context of what the reporter is told of their name."""
    return Context("name-state", str(complaint_id), str(complaint_id))


def associated_data(identity: Identity) -> bytes:
    """Return what the cipher of ``blob`` is bound to: the report and the version of the row."""
    return str(identity.complaint_id).encode() + identity.version.to_bytes(4, "big")


def open_outer(identity: Identity, outer_key: bytes) -> dict[str, bytes]:
    """Decrypt the outer layer: the slot of the name, and what the reporter is told (``mine``).

    Raises SealError for an unknown version, for another key, and for the blob of another report or version.
    """
    raw = bytes(identity.blob)
    opener = _OPENERS.get(raw[:1])
    if opener is None:
        raise unknown_version(raw[:1])
    content = json.loads(unpad(opener(outer_key, raw[1:], associated_data(identity)), BLOB_SIZES))
    return {name: b64decode(value) for name, value in content.items()}
