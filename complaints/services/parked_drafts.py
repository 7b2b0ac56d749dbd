"""Unfinished reports that wait 72 hours for their reporter, who comes back on any device with the ticket code.

A door, a row whose id and key derive from the code, holds the secret of the draft. Whoever has the code reads the draft
until it is sent; from then on the code opens the report (docs/adr/0069).
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from datetime import date, datetime
from typing import Final

from django.db import connection, transaction
from django.utils import timezone

from complaints.domain import codes
from complaints.domain.errors import SealError
from complaints.domain.sealing.keys import DraftKeys, reporter_keys
from complaints.domain.sealing.primitives import KEY_BYTES, Stored, decrypt, encrypt, random_bytes
from complaints.models.complaint import Complaint
from complaints.models.draft import DraftDoor
from complaints.reporter_session import ReporterSession
from complaints.services import draft_rows, submission
from complaints.services.draft_rows import DRAFT, PARKED_SECONDS
from complaints.services.evidence import drafts, limits, worker_key
from complaints.services.follow_up import Ticket
from complaints.services.submission import Draft, Receipt

_UNTIL_BYTES: Final = 8
# No draft stands behind a door, so no segment either: the worker gets this in the place of the key of their names.
_NO_NAMES: Final = bytes(KEY_BYTES)
# One statement, so that a code costs the same whatever it opens.
_LOOK_UP: Final = """
    SELECT complaint.id, complaint.channel, door.data
    FROM (SELECT 1) AS always_one_row
    LEFT JOIN complaints_complaint AS complaint ON complaint.lookup = %s
    LEFT JOIN complaints_draftdoor AS door ON door.id = %s"""


def park(*, session: ReporterSession, page: str) -> str:
    """Keep the draft of a session for PARKED_SECONDS, and let its code open it; asked again, they begin anew.

    Args:
        page: the URL name of the page that its reporter leaves.

    Returns:
        Why it does not wait: as from ``limits.parking_refusal``, or "gone" where it was deleted meanwhile; else "". A
        draft that waits already goes on waiting until its end where it cannot wait for longer.
    """
    if refused := limits.parking_refusal(session):
        return "" if session.is_parked else refused
    draft: Draft = session[DRAFT]
    code, until = submission.start_code(draft), int(time.time()) + PARKED_SECONDS
    draft["parked"] = {"until": until, "page": page}
    session[DRAFT] = draft
    # First the draft, which may be lost for a second, then the door: the database is asked to keep it, and with it all
    # that was written before.
    if not session.write_now():
        return "gone"
    _write_door(code, session.secret, until)
    return ""


def _write_door(code: str, secret: str, until: int) -> None:
    identifier = codes.door_id(code)
    text = until.to_bytes(_UNTIL_BYTES, "big") + secret.encode()
    door = DraftDoor(
        id=identifier,
        data=encrypt(codes.door_key(code), text, _associated(identifier)),
        ends=draft_rows.seal_end(identifier, until, _NO_NAMES),
        expires_on=draft_rows.last_day(timezone.localdate()),
    )
    columns = ("data", "ends", "expires_on")
    DraftDoor.objects.bulk_create([door], update_conflicts=True, unique_fields=("id",), update_fields=columns)


def _associated(identifier: str) -> bytes:
    return b"door " + identifier.encode()


def look_up(code: str) -> tuple[Ticket | None, str]:
    """Return the ticket of a canonical code where its report was sent, and the secret of its draft.

    Both are asked for and all keys derived whatever there is; where there is no draft the secret opens nothing. Raises
    MalformedCode.
    """
    keys, digest = reporter_keys(code), codes.lookup_digest(code)
    identifier, key = codes.door_id(code), codes.door_key(code)
    with connection.cursor() as cursor:
        cursor.execute(_LOOK_UP, [digest, identifier])
        complaint, channel, door = cursor.fetchone()
    secret = (door and _open_door(identifier, key, door)) or random_bytes(KEY_BYTES).hex()
    is_inquiry = channel == Complaint.Channel.INQUIRY
    return (Ticket(uuid.UUID(str(complaint)), keys, is_inquiry) if complaint else None), secret


def _open_door(identifier: str, key: bytes, sealed: Stored) -> str:
    try:
        text = decrypt(key, bytes(sealed), _associated(identifier))
    except SealError:
        return ""
    until = int.from_bytes(text[:_UNTIL_BYTES], "big")
    return text[_UNTIL_BYTES:].decode() if until > time.time() else ""


def resume(*, session: ReporterSession, code: str, secret: str) -> str:
    """Let a session go on with the draft behind a door; return the URL name of the page that was left, or "".

    What the session held ends, unless it is parked. "" where the draft is not there any more; the session stays then.
    """
    row = draft_rows.read_row(DraftKeys.of(secret))
    draft: Draft = row.content.get(DRAFT, {}) if row else {}
    if not draft.get("parked") or draft.get("code") != code:
        return ""
    leave(session=session)
    session.adopt(secret)
    return draft["parked"]["page"]


def code_of(session: ReporterSession) -> str:
    """Return the code of a parked draft, or ""."""
    return str(session[DRAFT]["code"]) if session.is_parked else ""


def ends_here(session: ReporterSession) -> bool:
    """Whether a session has a draft that ends where the session does."""
    return DRAFT in session and not session.is_parked


def leave(*, session: ReporterSession) -> None:
    """Delete the files that wait with a session, unless they belong to a parked draft."""
    if not session.is_parked:
        drafts.discard_draft(session=session)


def delete(*, session: ReporterSession) -> None:
    """Delete the draft of a session for every device: files, row, door, and the session."""
    drafts.discard_draft(session=session)
    _close_door(session)
    session.end(with_parked=True)


def _close_door(session: ReporterSession) -> None:
    if code := code_of(session):
        DraftDoor.objects.filter(pk=codes.door_id(code)).delete()


def send(*, session: ReporterSession, draft: Draft, files: Sequence[drafts.DraftFileInfo], today: date) -> Receipt:
    """Store a report as ``submission.submit`` does; what is parked of it goes in the same transaction."""
    if not session.is_parked:
        return submission.submit(draft=draft, files=files, today=today)
    with transaction.atomic():
        receipt = submission.submit(draft=draft, files=files, today=today)
        _close_door(session)
        draft_rows.delete_row(session.draft_keys.id)
    return receipt


def delete_ended(*, now: datetime) -> None:
    """Delete the doors whose end has come; that of each draft is a matter of ``retention``."""
    pairs = worker_key.pairs()
    for identifier, sealed_end, expires_on in DraftDoor.objects.values_list("pk", "ends", "expires_on").iterator():
        end = draft_rows.open_end(pairs, identifier, sealed_end)
        if draft_rows.is_over(end, expires_on, now):
            # A door that was written anew meanwhile has another end.
            DraftDoor.objects.filter(pk=identifier, ends=bytes(sealed_end)).delete()
