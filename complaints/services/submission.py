"""Sending a report: once, sealed, in one durable transaction."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import IntegrityError, transaction

from complaints.domain import codes
from complaints.domain.sealing.keys import reporter_keys
from complaints.domain.sealing.primitives import BoxPair, SignPair
from complaints.domain.sealing.records import Context, seal_record
from complaints.domain.workflow import Status
from complaints.fast_sql import insert
from complaints.models.case import AgencyKind, Case
from complaints.models.complaint import Complaint
from complaints.models.evidence import DraftFile
from complaints.services import case_membership, reporter_identity, transitions
from complaints.services.evidence import drafts, storage
from complaints.services.evidence.posts import Post, attach_posts, collect
from complaints.services.keyring import bind_keys
from complaints.services.keyring import grant_key as keyring_grant
from complaints.services.team_key_history import pinned_teams

SUMMARY_CHARS = 160
SUMMARY_BYTES = 600


ANSWER_FIELDS = (
    "door", "accused_kind", "category", "accused_name", "accused_unknown", "accused_nip", "accused_position",
    "agency_kind", "agency", "regency", "province", "event_from", "event_until", "learnt_on", "story", "links",
)  # fmt: skip


@dataclass(frozen=True)
class Receipt:
    """What the reporter is told once the report is durable."""

    code: str
    reference: str
    check_by: date | None


def start_code(draft: dict[str, Any]) -> str:
    """Draw the ticket code of an unfinished report, once; it lives in the sealed draft until it is shown."""
    if not draft.get("code"):
        draft["code"] = codes.new_code()
    return str(draft["code"])


def form_token(draft: dict[str, Any]) -> str:
    """Return what the last form carries so that a lost draft can be told from a sent one: the lookup digest."""
    return codes.lookup_digest(start_code(draft)).hex()


def was_received(token: str) -> bool:
    """Whether a report whose form carried ``token`` has been stored."""
    try:
        digest = bytes.fromhex(token)
    except ValueError:
        return False
    return Complaint.objects.filter(lookup=digest).exists()


def submit(
    *, draft: dict[str, Any], files: Sequence[drafts.DraftFileInfo], today: date, practice: bool = False
) -> Receipt:
    """Store a report, sealed, in one durable transaction; the same draft sent again finds the first.

    ``practice`` is for services.practice alone: nothing that a reporter sends can say it.

    Raises:
        UnpinnedKey: the triage or custodian key is not the pinned one; nothing is stored.
    """
    code = codes.normalise(draft["code"])
    digest = codes.lookup_digest(code)
    for _attempt in range(4):
        try:
            with transaction.atomic():
                case = _store(draft, files, code=code, digest=digest, today=today, practice=practice)
        except IntegrityError:
            stored = Complaint.objects.select_related("case").filter(lookup=digest).first()
            if stored is None:  # the random reference was taken; draw another
                continue
            return Receipt(code, case_membership.own_reference(stored), stored.case.due_on)
        return Receipt(code, case.reference, case.due_on)
    raise IntegrityError("reference")


def submit_for_staff(
    *, found: dict[str, Any], files: Sequence[storage.Attachable], today: date, channel: str, practice: bool = False
) -> Complaint:
    """Store what staff found themselves, sealed as a report is; it has no reporter.

    Its code is drawn here and known to nobody a moment later: nobody can come back, and nobody could be asked.

    Args:
        found: answers and posts, as an unfinished report holds them.

    Raises:
        UnpinnedKey: the triage or custodian key is not the pinned one; nothing is stored.
    """
    for _attempt in range(4):
        code = codes.new_code()
        digest = codes.lookup_digest(code)
        try:
            with transaction.atomic():
                case = _store(found, files, code=code, digest=digest, today=today, practice=practice, channel=channel)
        except IntegrityError:  # the random reference was taken; draw another
            continue
        return case.complaints.get()
    raise IntegrityError("reference")


def _store(
    draft: dict[str, Any],
    files: Sequence[storage.Attachable],
    *,
    code: str,
    digest: bytes,
    today: date,
    practice: bool,
    channel: str = Complaint.Channel.WEB,
) -> Case:
    keys, box = reporter_keys(code), BoxPair.new()
    teams = pinned_teams("triage", "custodian")
    posts, rest = collect(str(draft.get("links", "")), draft.get("posts", ()))
    answers = {name: draft.get(name, "") for name in ANSWER_FIELDS} | {"links": rest}
    case = _new_case(answers, today, practice=practice)
    complaint = Complaint(
        case=case,
        lookup=digest,
        reporter_key=keys.box.public,
        reporter_verify_key=keys.sign.public,
        public_key=box.public,
        channel=channel,
        day=today,
        next_sequence=1 + len(files) + len(posts),
    )
    bind_keys(complaint, keys.sign)
    owner = str(complaint.pk)
    complaint.sealed_answers = seal_record(box.public, Context("answers", owner, owner), answers, keys.sign)
    complaint.sealed_summary = seal_record(
        box.public, Context("summary", owner, owner), summary_of(answers), keys.sign, sizes=(1024,)
    )
    grant = keyring_grant(owner=complaint, box=box, team=teams["triage"], signer=keys.sign)
    named = draft.get("identity") == "confidential"
    apart = reporter_identity.build(
        complaint=complaint,
        name=str(draft.get("name", "")) if named else "",
        contact=str(draft.get("contact", "")) if named else "",
        reporter=keys,
        custodians=teams["custodian"],
    )
    insert(case, complaint, grant, apart)
    _attach(complaint, keys.sign, files, posts)
    return case


def _attach(
    complaint: Complaint,
    signer: SignPair,
    files: Sequence[storage.Attachable],
    posts: Sequence[Post],
) -> None:
    following, today = 1, complaint.day
    if files:
        following = storage.attach(complaint=complaint, signer=signer, files=files, first=1, today=today)
        DraftFile.objects.filter(pk__in=[item.id for item in files]).delete()
    if posts:
        shown = {str(item.id): place for place, item in enumerate(files, start=1)}
        attach_posts(
            complaint=complaint, signer=signer, described=posts, screenshots=shown, first=following, today=today
        )


def _new_case(answers: dict[str, Any], today: date, *, practice: bool) -> Case:
    kind = str(answers["agency_kind"])
    return Case(
        is_practice=practice,
        reference=case_membership.new_reference(today, practice=practice),
        category_id=answers["category"],
        accused_kind_id=answers["accused_kind"],
        province_id=answers["province"] or None,
        agency_kind=kind if kind in AgencyKind.values else AgencyKind.UNKNOWN.value,
        received_on=today,
        status_on=today,
        due_on=transitions.due_date(Status.RECEIVED, received_on=today, entered_on=today, source=None, urgent=False),
    )


def summary_of(answers: dict[str, Any]) -> str:
    """Return the one line that an officer reads in the queue: who, where, and how the story begins."""
    story = " ".join(str(answers["story"]).split())
    parts = [str(answers["accused_name"]), str(answers["agency"]) or str(answers["regency"]), story]
    line = " · ".join(part for part in parts if part)
    return _shortened(line)


def _shortened(line: str) -> str:
    # By what it takes when sealed as well: a longer one would go into a larger box, and tell of its letters.
    cut = line[:SUMMARY_CHARS]
    while len(json.dumps(cut, ensure_ascii=False).encode()) > SUMMARY_BYTES:
        cut = cut[:-1]
    return line if cut == line else cut[:-1] + "…"
