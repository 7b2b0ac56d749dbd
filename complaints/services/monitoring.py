"""Findings from monitoring: what staff saw themselves, one by one or from a table, sealed as reports are.

There is no reporter: the ticket code is thrown away, so that nobody returns, and nothing is sealed to nobody. A case
begins at ``received`` and takes the same steps; verifying and forwarding stay two people's work.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from django.db import transaction
from django.utils import timezone

from complaints.domain.errors import SealError
from complaints.domain.sealing.primitives import decrypt, encrypt, random_bytes
from complaints.models.case import Case
from complaints.models.complaint import Complaint
from complaints.models.team import Staff, Team
from complaints.services import similarity, submission
from complaints.services.actor import Actor
from complaints.services.audit import log
from complaints.services.evidence import posts, storage
from complaints.services.keyring import Keyring, Locked
from complaints.services.similarity import Similar
from complaints.services.team_key_history import pinned_team

# One table; what is more comes in another.
MOST_ROWS = 300
Found = Mapping[str, Any]


@transaction.atomic
def enter_report(
    *,
    actor: Actor,
    found: Found,
    files: Sequence[storage.Attachable] = (),
    channel: str = Complaint.Channel.MONITORING,
) -> Case:
    """Store one finding as a case of its own, with its post and the screenshots that show it.

    Args:
        found: answers by their names in a report, and of the post "url", "platform", "account", "act" and "seen_on".

    Raises:
        Locked: the person was not admitted to triage.
        UnpinnedKey: nothing was stored.
    """
    person = _may(actor.keyring)
    complaint = _store(found, files, person, actor.now, channel)
    _record(actor, complaint)
    similarity.index_reports(actor=actor, complaints=[complaint], pictures=False)
    return complaint.case


@transaction.atomic
def enter_reports(*, actor: Actor, rows: Sequence[Found]) -> list[Case]:
    """Store all rows of a table or none; raises as :func:`enter_report`, and ValueError above MOST_ROWS."""
    person = _may(actor.keyring)
    if len(rows) > MOST_ROWS:
        raise ValueError("rows")
    # All sealing before the chain is touched: whoever appends waits for this transaction's end from then on.
    complaints = [_store(row, (), person, actor.now, Complaint.Channel.IMPORT) for row in rows]
    for complaint in complaints:
        _record(actor, complaint)
    for start in range(0, len(complaints), similarity.REPORTS_AT_ONCE):
        some = complaints[start : start + similarity.REPORTS_AT_ONCE]
        similarity.index_reports(actor=actor, complaints=some, pictures=False)
    return [complaint.case for complaint in complaints]


def known_posts(*, keyring: Keyring, urls: Iterable[str]) -> dict[str, list[Similar]]:
    """Return, by link as typed, the cases of this person that hold the same post already."""
    spelled = {typed: str(posts.describe({"url": typed})["url"]) for typed in urls}
    found = similarity.known_posts(keyring=keyring, urls=set(spelled.values()))
    return {typed: found[url] for typed, url in spelled.items() if url in found}


def canonical_url(url: str) -> str:
    """Return a link in the spelling in which posts are compared."""
    return str(posts.describe({"url": url})["url"])


def _may(keyring: Keyring) -> Staff:
    keyring.team(pinned_team(Team.Kind.TRIAGE))
    if keyring.staff is None:
        raise Locked(Team.Kind.TRIAGE)
    return keyring.staff


def _store(found: Found, files: Sequence[storage.Attachable], person: Staff, now: datetime, channel: str) -> Complaint:
    shown = str(files[0].id) if files else ""
    post = posts.describe({**found, "screenshot": shown})
    report = {**found, "door": "", "links": "", "posts": [post], "identity": "anonymous"}
    today = timezone.localdate(now)
    return submission.submit_for_staff(
        found=cast(submission.Draft, report), files=files, today=today, channel=channel, practice=person.practising
    )


def _record(actor: Actor, complaint: Complaint) -> None:
    facts = {
        "complaint": str(complaint.pk),
        "channel": complaint.channel,
        "digest": log.digest_of(complaint.sealed_answers),
    }
    actor.record("finding.entered", case=complaint.case_id, facts=facts)


# --- Between the dry run and the confirmation


def new_key() -> str:
    """Draw the key under which one table's rows wait; it stands in the officer's sealed session alone."""
    return random_bytes(32).hex()


def seal_rows(*, key: str, staff: Staff, rows: Sequence[Found]) -> str:
    """Return rows as the confirm form carries them: what waits is in the officer's own page, and only as ciphertext."""
    return b64encode(encrypt(bytes.fromhex(key), json.dumps(list(rows)).encode(), staff.pk.bytes)).decode()


def open_rows(*, key: str, staff: Staff, sealed: str) -> list[dict[str, Any]]:
    """Return the rows of :func:`seal_rows`; none for another's, another table's, altered ones, or without a key."""
    try:
        opened = decrypt(bytes.fromhex(key), b64decode(sealed, validate=True), staff.pk.bytes)
    except (SealError, ValueError):
        return []
    return list(json.loads(opened))
