"""Stores a report sealed, exactly once, in one durable transaction."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final, TypedDict, cast

from django.conf import settings
from django.db import IntegrityError, transaction

from complaints.domain import codes, normalization
from complaints.domain.circle import CIRCLE, Circle
from complaints.domain.sealing import commitment
from complaints.domain.sealing.keys import reporter_keys
from complaints.domain.sealing.primitives import BoxPair, SignPair, blake2b
from complaints.domain.sealing.records import Context, seal_record
from complaints.domain.workflow import Status
from complaints.fast_sql import insert
from complaints.models.case import AgencyKind, Case, CaseKind, Holder
from complaints.models.complaint import Complaint
from complaints.models.oversight import OversightBody
from complaints.services import bawaslu, case_membership, reference_data, reporter_identity, transitions
from complaints.services.audit import batches
from complaints.services.evidence import drafts, storage
from complaints.services.evidence.posts import Post, attach_posts, collect
from complaints.services.keyring import bind_keys, grant_key
from complaints.services.reporter_reading import read_sent
from complaints.services.team_key_history import pinned_slugs, pinned_teams

SUMMARY_CHARS = 160
SUMMARY_BYTES = 600
TOKEN_CHARS = 64
PAGE_VERSION_CHARS = 16
# What stands in the clear columns of every inquiry: they tell nothing of what it is about.
FILED_AS: Final = {"category": "D2", "accused_kind": "unknown", "province": "", "agency_kind": "unknown"}
# How often a new random reference is drawn when the drawn one is taken.
ATTEMPTS = 4
ANSWER_FIELDS = (
    "door", "accused_kind", "category", "accused_name", "accused_unknown", "accused_nip", "accused_position",
    "agency_kind", "agency", "regency", "province", "event_from", "event_until", "learnt_on", "story", "links",
    CIRCLE,
)  # fmt: skip


class Parked(TypedDict):
    """Until when a draft waits for its reporter, in seconds since the epoch, and the URL name of the page left."""

    until: int
    page: str


class Draft(TypedDict, total=False):
    """An unfinished report, as the reporter's sealed session keeps it: the answers by field and the state of the pages.

    Days are ISO dates or "". ``recipient`` is the code of the body that a name would go to. ``code`` is the normalised
    ticket code, ``posts`` are as from ``evidence.posts.describe``, ``post`` is the post form as entered, ``done`` names
    the completed pages, ``kept`` are passages that may tell who the reporter is and stay, ``chosen`` is what was chosen
    for such passages and not applied yet, ``renewed`` says that the session had ended before this draft, ``windows``
    tells by page which window kept its answers last, and ``parked`` is there once the reporter has asked for the code.
    The fields that begin with "asked" are those of an inquiry that is not sent yet.
    """

    door: str
    accused_kind: str
    category: str
    accused_name: str
    accused_unknown: bool
    accused_nip: str
    accused_position: str
    agency_kind: str
    agency: str
    regency: str
    province: str
    event_from: str
    event_until: str
    learnt_on: str
    story: str
    links: str
    circle: str
    identity: str
    name: str
    contact: str
    recipient: str
    code: str
    posts: list[Post]
    post: dict[str, str | bool]
    done: list[str]
    kept: list[str]
    chosen: dict[str, list[str]]
    renewed: bool
    asked: str
    asked_category: str
    asked_kind: str
    asked_operator: bool
    windows: dict[str, str]
    parked: Parked


@dataclass(frozen=True)
class Receipt:
    """What the reporter is shown once the report is durable; ``check_by`` is the last day of the first check."""

    code: str
    reference: str
    check_by: date | None
    held_by: Holder = Holder.TRIAGE

    @property
    def is_separate(self) -> bool:
        """Whether the separate team holds the report, in triage's place."""
        return self.held_by is Holder.SEPARATE


class KeptFromTriage(StrEnum):
    """Why a report is about somebody whom triage must not judge: of the operator itself, of police or armed forces.

    LIKE_OPERATOR: the agency is spelled almost like the operator's, so that it may be another one.
    """

    OPERATOR = "operator"
    LIKE_OPERATOR = "like_operator"
    SECURITY_FORCES = "security_forces"


_REGIONAL: Final = frozenset({AgencyKind.PROVINCE, AgencyKind.REGENCY, AgencyKind.CITY, AgencyKind.VILLAGE})
# The accused of this kind (a code of AccusedKind) belong to the armed forces or the police.
MILITARY_POLICE = "military_police"


@dataclass(frozen=True)
class Destination:
    """The team that a report is sealed to, and why it is one that is kept from triage; None where it is not.

    With a reason and ``held_by`` triage, the separate team is not set up: triage reads the report all the same.
    """

    held_by: Holder
    reason: KeptFromTriage | None = None


def destination(answers: Mapping[str, object]) -> Destination:
    """Return the team that a report with these ``answers`` (by their names in a report) is sealed to.

    Agency, place and post as typed are compared with OPERATOR_AGENCIES here, in memory; nothing but the team keeps the
    result.
    """
    reason: KeptFromTriage | None = None
    texts, operators = list(_agency_texts(answers)), settings.OPERATOR_AGENCIES
    is_regional = answers.get("agency_kind") in _REGIONAL
    if any(normalization.names_office(text, operators) for text in texts):
        reason = KeptFromTriage.OPERATOR
    elif answers.get("accused_kind") == MILITARY_POLICE:
        reason = KeptFromTriage.SECURITY_FORCES
    elif any(normalization.resembles_office(text, operators, is_regional=is_regional) for text in texts):
        reason = KeptFromTriage.LIKE_OPERATOR
    is_kept = reason is not None and Holder.SEPARATE in pinned_slugs()
    return Destination(Holder.SEPARATE if is_kept else Holder.TRIAGE, reason)


def _agency_texts(answers: Mapping[str, object]) -> Iterator[str]:
    """Yield the texts that may name the agency of the accused.

    The form asks for the place in fields of its own, so that many write no more than "Diskominfo" as the agency.
    """
    agency, regency, code, kind, post = (
        str(answers.get(name) or "") for name in ("agency", "regency", "province", "agency_kind", "accused_position")
    )
    yield agency
    yield post
    province = next((row.name for row in reference_data.provinces() if row.pk == code), "") if code else ""
    if agency and kind == AgencyKind.MINISTRY:
        yield f"kementerian {agency}"
    elif agency and kind == AgencyKind.PROVINCE:
        yield f"{agency} provinsi {province}"
    elif agency:
        yield f"{agency} {regency or province}"


def start_code(draft: Draft) -> str:
    """Return the ticket code of an unfinished report, drawing it at the first call; the sealed draft keeps it."""
    if not draft.get("code"):
        draft["code"] = codes.new_code()
    return draft["code"]


def form_token(draft: Draft, version: int) -> str:
    """Return what the check page carries: which draft it shows (TOKEN_CHARS), and how often that was written.

    The first part is the lookup digest of its code, by which :func:`was_received` knows a sent report.
    """
    return f"{codes.lookup_digest(start_code(draft)).hex()}{version:x}"


def page_version(answers: Mapping[str, object]) -> str:
    """Return a digest of one page's answers, PAGE_VERSION_CHARS hexadecimal digits; "" where nothing is answered.

    The page carries it. A window that shows older answers than those kept carries another, so that it cannot replace
    them unnoticed. It tells nothing that the page does not show.
    """
    given = {name: value for name, value in answers.items() if value}
    text = json.dumps(given, sort_keys=True).encode()
    return blake2b(text, person=b"page-version", size=PAGE_VERSION_CHARS // 2).hex() if given else ""


def was_received(token: str) -> bool:
    """Whether a report whose form carried ``token`` has been stored."""
    try:
        digest = bytes.fromhex(token[:TOKEN_CHARS])
    except ValueError:
        return False
    return Complaint.stored.filter(lookup=digest).exists()


def submit(
    *, draft: Draft, files: Sequence[drafts.DraftFileInfo], today: date, practice_of: Holder | None = None
) -> Receipt:
    """Store a report, sealed, in one durable transaction; sending the same draft again returns the first receipt.

    Only services.practice sets ``practice_of``, the team that makes a practice case. Raises UnpinnedKey, with nothing
    stored.
    """
    held_by = practice_of or destination(draft).held_by
    return _store_once(draft, files, today, held_by=held_by, practice=practice_of is not None)


def submit_inquiry(*, draft: Draft, today: date) -> Receipt:
    """Store an inquiry as :func:`submit` stores a report: the same rows, in one transaction, once.

    The choices that help with the answer are sealed with the question; the clear columns of every inquiry are alike.
    """
    asked = {"story": "asked", "category": "asked_category", "accused_kind": "asked_kind"}
    answers = cast(Draft, {name: draft.get(source, "") for name, source in asked.items()} | {"code": draft["code"]})
    return _store_once(answers, (), today, held_by=inquiry_holder(draft), channel=Complaint.Channel.INQUIRY)


def has_separate_team() -> bool:
    """Whether there is a separate team for what concerns the operator."""
    return Holder.SEPARATE in pinned_slugs()


def inquiry_holder(draft: Draft) -> Holder:
    """Return the team that an inquiry is sealed to: the separate one, if there is one, for what triage must not judge.

    An inquiry names no agency, so whoever asks says whether it concerns the operator.
    """
    if draft.get("asked_operator") and has_separate_team():
        return Holder.SEPARATE
    return destination({"accused_kind": draft.get("asked_kind", "")}).held_by


def _store_once(
    draft: Draft,
    files: Sequence[drafts.DraftFileInfo],
    today: date,
    *,
    held_by: Holder,
    practice: bool = False,
    channel: str = Complaint.Channel.WEB,
) -> Receipt:
    code = codes.normalise(draft["code"])
    for _attempt in range(ATTEMPTS):
        case = _try_to_store(draft, files, today, code=code, held_by=held_by, practice=practice, channel=channel)
        if case is not None:
            return Receipt(code, case.reference, case.due_on, held_by)
        stored = Complaint.objects.select_related("case").filter(lookup=codes.lookup_digest(code)).first()
        if stored is not None:
            own_reference = read_sent(stored, reporter_keys(code))["reference"]
            return Receipt(code, own_reference, stored.case.due_on, Holder(stored.case.held_by))
    raise IntegrityError("reference")


def submit_for_staff(
    *,
    draft: Draft,
    files: Sequence[storage.Attachable],
    today: date,
    channel: str,
    held_by: Holder,
    practice: bool = False,
) -> Complaint:
    """Store a monitoring report that staff entered (``draft``), sealed like any report; it has no reporter.

    The ticket code is drawn here and not kept, so nobody can open the status page or be asked a question. ``channel``
    is a value of ``Complaint.Channel``; ``held_by`` is the team of whoever entered it. Raises UnpinnedKey, with nothing
    stored.
    """
    for _attempt in range(ATTEMPTS):
        code = codes.new_code()
        case = _try_to_store(draft, files, today, code=code, held_by=held_by, practice=practice, channel=channel)
        if case is not None:
            return case.complaints.get()
    raise IntegrityError("reference")


def _try_to_store(
    draft: Draft,
    files: Sequence[storage.Attachable],
    today: date,
    *,
    code: str,
    held_by: Holder,
    practice: bool,
    channel: str,
) -> Case | None:
    """Store a report whole; None, with nothing stored, where its code or the random reference is taken."""
    try:
        with transaction.atomic():
            return _store(draft, files, today, code=code, held_by=held_by, practice=practice, channel=channel)
    except IntegrityError:
        return None


def _store(
    draft: Draft,
    files: Sequence[storage.Attachable],
    today: date,
    *,
    code: str,
    held_by: Holder,
    practice: bool,
    channel: str,
) -> Case:
    batch = batches.open_batch()
    keys, box = reporter_keys(code), BoxPair.new()
    is_named = draft.get("identity") == "confidential"
    # A name goes to the body that the page named; without one the place is made for the body of today all the same.
    recipient = draft.get("recipient", "") if is_named else ""
    body_slug = f"body-{recipient}" if recipient else _body_slug(today)
    teams = pinned_teams(held_by.value, *filter(None, [body_slug]))
    posts, surplus_links = collect(draft.get("links", ""), draft.get("posts", ()))
    answers = _answers(draft, surplus_links)
    case = _new_case(answers, today, held_by=held_by, practice=practice, channel=channel)
    complaint = Complaint(
        # A report and the case that it comes with have one key, so that it can be laid into no other case unseen.
        id=case.pk,
        case=case,
        lookup=codes.lookup_digest(code),
        reporter_key=keys.box.public,
        reporter_verify_key=keys.sign.public,
        public_key=box.public,
        channel=channel,
        day=today,
        batch=batch,
        check_by=case.due_on,
        next_sequence=1 + len(files) + len(posts),
    )
    bind_keys(complaint, keys.sign)
    _seal_answers(complaint, answers, keys.sign)
    bawaslu.seal_days(complaint, answers, keys)
    grant = grant_key(owner=complaint, box=box, team=teams[held_by.value], signer=keys.sign)
    identity = reporter_identity.build(
        complaint=complaint,
        reporter=keys,
        team=teams.get(body_slug),
        name=reporter_identity.Name(draft.get("name", ""), draft.get("contact", "")) if is_named else None,
    )
    insert(case, complaint, grant, identity)
    _attach(complaint, keys.sign, files, posts)
    return case


def _answers(draft: Draft, surplus_links: str) -> dict[str, object]:
    """Return the answers as they are sealed: the circle as one character, and of the links what is no post."""
    circle = Circle.read(draft.get("circle")).value
    return {name: draft.get(name, "") for name in ANSWER_FIELDS} | {"links": surplus_links, CIRCLE: circle}


def name_recipient(today: date) -> OversightBody | None:
    """Return the body that a name would go to: responsible on ``today``, with a team here; None where there is none."""
    return reference_data.body_with_team(today, pinned_slugs())


def _body_slug(today: date) -> str:
    body = name_recipient(today)
    return f"body-{body.pk}" if body else ""


def _seal_answers(complaint: Complaint, answers: Mapping[str, object], signer: SignPair) -> None:
    """Seal the summary, and the answers with the seed of their commitment, which stands in the row and the root."""
    owner, seed, key = str(complaint.pk), commitment.new_seed(), bytes(complaint.public_key)
    complaint.commitment = commitment.commit(answers, seed)
    body = {**answers, commitment.SEED: seed.hex()}
    complaint.sealed_answers = seal_record(key, Context("answers", owner, owner), body, signer)
    summary = Context("summary", owner, owner)
    complaint.sealed_summary = seal_record(key, summary, summary_of(answers), signer, sizes=(1024,))


def _attach(
    complaint: Complaint,
    signer: SignPair,
    files: Sequence[storage.Attachable],
    posts: Sequence[Post],
) -> None:
    sequence, today, batch = 1, complaint.day, complaint.batch
    if files:
        sequence = storage.attach(complaint=complaint, signer=signer, files=files, first=1, today=today, batch=batch)
    if posts:
        screenshots = {str(item.id): number for number, item in enumerate(files, start=1)}
        attach_posts(
            complaint=complaint,
            signer=signer,
            described=posts,
            screenshots=screenshots,
            first=sequence,
            today=today,
            batch=batch,
        )


def _new_case(answers: Mapping[str, object], today: date, *, held_by: Holder, practice: bool, channel: str) -> Case:
    is_inquiry = channel == Complaint.Channel.INQUIRY
    filed, status = (FILED_AS, Status.ASKED) if is_inquiry else (answers, Status.RECEIVED)
    kind = str(filed["agency_kind"])
    return Case(
        kind=CaseKind.INQUIRY if is_inquiry else CaseKind.REPORT,
        status=status,
        is_practice=practice,
        held_by=held_by,
        reference=case_membership.new_reference(today, practice=practice, inquiry=is_inquiry),
        category_id=str(filed["category"]),
        accused_kind_id=str(filed["accused_kind"]),
        province_id=str(filed["province"]) or None,
        agency_kind=kind if kind in AgencyKind.values else AgencyKind.UNKNOWN.value,
        received_on=today,
        status_on=today,
        due_on=transitions.due_date(status, received_on=today, entered_on=today, source=None, urgent=False),
    )


def summary_of(answers: Mapping[str, object]) -> str:
    """Return a report's line in the queue: the accused, the agency or regency, and the beginning of the account."""
    story = " ".join(str(answers["story"]).split())
    parts = [str(answers["accused_name"]), str(answers["agency"]) or str(answers["regency"]), story]
    return _shortened(" · ".join(part for part in parts if part))


def _shortened(line: str) -> str:
    # The length in bytes counts too: a longer line would be padded to a larger size, which reveals its letters.
    cut = line[:SUMMARY_CHARS]
    while len(json.dumps(cut, ensure_ascii=False).encode()) > SUMMARY_BYTES:
        cut = cut[:-1]
    return line if cut == line else cut[:-1] + "…"
