"""Monitoring reports: what staff observed themselves, entered one by one or from a table, sealed like any report.

They have no reporter: the ticket code is discarded, and nothing is sealed to a reporter. Their cases begin as received
and take the same steps, so that verifying and forwarding still need two persons.
"""

from __future__ import annotations

import json
import uuid
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from django.db import transaction

from complaints import access
from complaints.domain.errors import SealError
from complaints.domain.sealing.primitives import decrypt, encrypt, random_bytes
from complaints.models.case import Case, Holder
from complaints.models.complaint import Complaint
from complaints.models.team import Staff, Team
from complaints.services import blind_index, imports, similarity, submission
from complaints.services.audit import log
from complaints.services.audit.recorded_imports import ENTERED
from complaints.services.evidence import posts, storage
from complaints.services.keyring import Actor, Keyring
from complaints.services.similarity import Similar
from complaints.services.submission import Draft


class HeldElsewhere(Exception):
    """Triage enters what only the separate team may handle; nothing was stored."""


# Rows of one table.
MOST_ROWS = 300
Answers = Mapping[str, object]


@transaction.atomic
def enter_report(
    *,
    actor: Actor,
    answers: Answers,
    files: Sequence[storage.Attachable] = (),
    channel: str = Complaint.Channel.MONITORING,
) -> Case:
    """Store a monitoring report as a case, with its post and screenshots; raises Locked outside triage, UnpinnedKey.

    The team of whoever enters it holds it; HeldElsewhere where only the separate team may (:func:`is_held_elsewhere`).

    ``answers`` go by their names in a report; of the post "url", "platform", "account", "act" and "seen_on".
    """
    _check_triage(actor)
    complaint = _store(answers, files, actor, channel)
    _record(actor, complaint)
    blind_index.index_reports(actor=actor, complaints=[complaint], pictures=False)
    return complaint.case


@transaction.atomic
def enter_reports(*, actor: Actor, rows: Sequence[Answers], key: uuid.UUID | None = None) -> list[Case]:
    """Store all rows of a table or none; raises as :func:`enter_report`, and ValueError above MOST_ROWS.

    ``key`` is that of the import, by which services.imports finds its cases; without one it is drawn.
    """
    _check_triage(actor)
    if len(rows) > MOST_ROWS:
        raise ValueError("rows")
    # All rows are sealed before the first audit entry, because that entry blocks the chain until the commit.
    complaints = [_store(row, (), actor, Complaint.Channel.IMPORT) for row in rows]
    key = key or uuid.uuid4()
    for complaint in complaints:
        _record(actor, complaint, key)
    for start in range(0, len(complaints), blind_index.REPORTS_AT_ONCE):
        part = complaints[start : start + blind_index.REPORTS_AT_ONCE]
        blind_index.index_reports(actor=actor, complaints=part, pictures=False)
    return [complaint.case for complaint in complaints]


def is_held_elsewhere(*, person: Staff, answers: Answers) -> bool:
    """Whether a monitoring report is one that the separate team handles, and the person is not of that team.

    A name that only resembles the operator's is taken: no other spelling of a true name could be entered instead.
    """
    if person.practising or access.report_team(person) == Team.Kind.SEPARATE:
        return False
    destination = submission.destination(answers)
    is_alike = destination.reason is submission.KeptFromTriage.LIKE_OPERATOR
    return destination.held_by == Holder.SEPARATE and not is_alike


def known_posts(*, keyring: Keyring, urls: Iterable[str]) -> dict[str, list[Similar]]:
    """Return, by URL as entered, the visible cases that report the same post already.

    Cases of an import that was taken back do not count: their rows may come again, corrected.
    """
    canonical = {url: canonical_url(url) for url in urls}
    known = similarity.known_posts(keyring=keyring, urls=set(canonical.values()))
    undone = imports.undone_cases([case.case_id for cases in known.values() for case in cases])
    standing = {url: [case for case in cases if case.case_id not in undone] for url, cases in known.items()}
    return {url: standing[spelling] for url, spelling in canonical.items() if standing.get(spelling)}


def canonical_url(url: str) -> str:
    """Return a URL in the spelling in which posts are compared."""
    return str(posts.describe({"url": url})["url"])


def _check_triage(actor: Actor) -> None:
    """Raise Locked unless the person holds the keys of a team that reports are sealed to."""
    actor.keyring.keys_of(actor.keyring.report_team)


def _store(answers: Answers, files: Sequence[storage.Attachable], actor: Actor, channel: str) -> Complaint:
    if is_held_elsewhere(person=actor.staff, answers=answers):
        raise HeldElsewhere
    post = posts.describe({**answers, "screenshot": str(files[0].id) if files else ""})
    report = cast(Draft, {**answers, "door": "", "links": "", "posts": [post], "identity": "anonymous"})
    return submission.submit_for_staff(
        draft=report,
        files=files,
        today=actor.today,
        channel=channel,
        held_by=Holder(actor.keyring.report_team),
        practice=actor.staff.practising,
    )


def _record(actor: Actor, complaint: Complaint, key: uuid.UUID | None = None) -> None:
    facts = {
        "complaint": str(complaint.pk),
        "channel": complaint.channel,
        "digest": log.digest_of(complaint.sealed_answers),
    }
    actor.record(ENTERED, case=complaint.case_id, subject=key, facts=facts)


# Rows between the dry run of an import and its confirmation


def new_key() -> str:
    """Draw the key that encrypts the rows of one table, in hexadecimal; only the officer's sealed session holds it."""
    return random_bytes(32).hex()


def seal_rows(*, key: str, staff: Staff, rows: Sequence[Answers]) -> str:
    """Return rows encrypted, in base64, for the confirmation form; the server stores nothing of them."""
    return b64encode(encrypt(bytes.fromhex(key), json.dumps(list(rows)).encode(), staff.pk.bytes)).decode()


def open_rows(*, key: str, staff: Staff, sealed: str) -> list[dict[str, object]]:
    """Return the rows of :func:`seal_rows`; [] where they are of another person or table, altered, or without a key."""
    try:
        opened = decrypt(bytes.fromhex(key), b64decode(sealed, validate=True), staff.pk.bytes)
    except (SealError, ValueError):
        return []
    return list(json.loads(opened))
