"""Seals a reporter's name to the team of the one body that it is for: nobody else opens it, or sees if it is there.

A report without a name has the same place for one, made by the same functions with a throw-away recipient and signer.
Every act of the reporter writes it anew (docs/adr/0058).
"""

from __future__ import annotations

import json
import uuid
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from complaints.domain.errors import SealError
from complaints.domain.sealing.keys import KeySet
from complaints.domain.sealing.primitives import BoxPair, SignPair, encrypt, pad, random_bytes, seal, unseal
from complaints.domain.sealing.records import KEY_SIZES, Context, open_record_of, seal_record
from complaints.models.complaint import Complaint
from complaints.models.identity import Identity
from complaints.models.team import Team
from complaints.services import reporter_reading, resealing_registry, team_key_history
from complaints.services.audit import batches, identity_signature, leaves
from complaints.services.keyring import Keyring, Locked
from complaints.services.reporter_reading import BLOB_SIZES, NameState, associated_data, open_outer, read_state
from complaints.services.team_key_history import pinned_team

# New rows have this version. It stands for the whole row: the blob, the records in it and the outer keys.
VERSION: Final = b"\x02"
# A name has to fit one size: another would tell that there is one.
SLOT_SIZES: Final = (4096,)
NOT_GIVEN: Final = NameState("none", "", "")


@dataclass(frozen=True)
class Name:
    """A name as its reporter gave it, and how to reach them ("": not told)."""

    name: str
    contact: str


@dataclass(frozen=True)
class Change:
    """What a reporter does with their name: gives it, or with None takes it back."""

    name: Name | None


def build(*, complaint: Complaint, reporter: KeySet, team: Team | None, name: Name | None) -> Identity:
    """Return the unsaved identity of a new report.

    Args:
        team: of the body that could read a name, with its current key; None where no body has one.
        name: to be sealed to it, None for a place without a name.
    """
    identity = Identity(complaint=complaint, body_id=team.body_id if team else None, batch=complaint.batch)
    identity.sealed_number = team.key_number if team else 1
    inner = _changed(identity, Change(name), team, reporter, complaint.day)
    _seal(identity, inner, reporter_key=reporter.box.public, team=team, signer=reporter.sign)
    return identity


def locked(complaint: Complaint) -> Identity:
    """Return the identity of a report, locked until the transaction ends: no body reads a name meanwhile."""
    rows = Identity.objects.select_for_update(of=("self",)).select_related("complaint")
    return rows.get(complaint=complaint)


def rewrite(*, identity: Identity, reporter: KeySet, today: date, change: Change | None = None) -> None:
    """Write the locked identity anew, under a new outer key and signed, and save it; every act of the reporter does.

    The slot and what the reporter is told stay as they are, but where the reporter changes them, or the report has gone
    to another body: no name goes with it. Raises SealError where it does not open, UnpinnedKey for the body's team.
    """
    identity_signature.check(identity)
    old_leaf = leaves.identity_leaf(identity)
    inner = open_outer(identity, unseal(reporter.box, bytes(identity.outer_reporter)))
    stored = read_state(identity, inner, reporter)
    batches.move_to_open_batch(identity, old_leaf)
    body = reporter_reading.asking_body(reporter_reading.requests_of(identity.complaint_id), today)
    team = pinned_team(f"body-{body.pk}") if body else None
    is_other_body = (team.body_id if team else None) != identity.body_id
    if is_other_body:
        identity.body_id, identity.sealed_number = (team.body_id, team.key_number) if team else (None, 1)
    if change is not None:
        inner = _changed(identity, change, team, reporter, today)
    elif is_other_body:
        left = NOT_GIVEN if stored.state == "none" else NameState("void", stored.body, today.isoformat())
        inner = _without_name(identity, left, reporter.box.public, reporter.sign)
    _seal(identity, inner, reporter_key=reporter.box.public, team=team, signer=reporter.sign)
    _save(identity)


def empty(*, identity: Identity, signer: SignPair, today: date) -> None:
    """Overwrite the locked identity of a report whose release ended, whether there was a name or not, and save it.

    ``signer`` is the key of the case's team or of the body's. Raises UnpinnedKey, SealError.
    """
    identity_signature.check(identity)
    old_leaf = leaves.identity_leaf(identity)
    batches.move_to_open_batch(identity, old_leaf)
    team = pinned_team(f"body-{identity.body_id}")
    identity.sealed_number = team.key_number
    reporter_key = bytes(identity.complaint.reporter_key)
    left = NameState("void", team.body_id or "", today.isoformat())
    inner = _without_name(identity, left, reporter_key, signer)
    _seal(identity, inner, reporter_key=reporter_key, team=team, signer=signer)
    _save(identity)


def open_name(*, identity: Identity, keyring: Keyring, team: Team) -> Name | None:
    """Return the name that was given to a body's team; None where there is none that this team's keys open."""
    try:
        identity_signature.check(identity)
        slot = open_outer(identity, _outer_key(identity, keyring, team))["slot"]
        return Name(**_opened_slot(identity, slot, keyring, team))
    except (SealError, Locked):
        return None


def _changed(identity: Identity, change: Change, team: Team | None, reporter: KeySet, today: date) -> dict[str, bytes]:
    if change.name is None:
        return _without_name(identity, NOT_GIVEN, reporter.box.public, reporter.sign)
    if team is None:
        raise SealError("recipient")
    given = NameState("given", str(team.body_id), today.isoformat())
    content = {"name": change.name.name, "contact": change.name.contact}
    context = _slot_context(identity.complaint_id, str(team.body_id), team.key_number)
    return {
        "slot": seal_record(bytes(team.public_key), context, content, reporter.sign, sizes=SLOT_SIZES),
        "mine": _told(identity, given, reporter.box.public, reporter.sign),
    }


def _without_name(identity: Identity, left: NameState, reporter_key: bytes, signer: SignPair) -> dict[str, bytes]:
    return {"slot": _empty_slot(identity), "mine": _told(identity, left, reporter_key, signer)}


def _empty_slot(identity: Identity) -> bytes:
    # By the function that seals a name: random bytes in its place would be told from a record.
    context = _slot_context(identity.complaint_id, identity.body_id or "", identity.sealed_number)
    signer, content = SignPair.from_seed(random_bytes(32)), {"name": "", "contact": ""}
    return seal_record(BoxPair.new().public, context, content, signer, sizes=SLOT_SIZES)


def _told(identity: Identity, state: NameState, reporter_key: bytes, signer: SignPair) -> bytes:
    content = {"state": state.state, "body": state.body, "day": state.day}
    context = reporter_reading.state_context(identity.complaint_id)
    return seal_record(reporter_key, context, content, signer, sizes=KEY_SIZES)


def _slot_context(complaint_id: uuid.UUID, body: str, number: int) -> Context:
    """Return the context of a name: the report, the code of the body, and the number of the key of its team."""
    return Context("name", str(complaint_id), body, number)


def _seal(
    identity: Identity, inner: Mapping[str, bytes], *, reporter_key: bytes, team: Team | None, signer: SignPair
) -> None:
    """Encrypt the parts under a new outer key; body, version and batch of the row are those of the new version."""
    outer_key = random_bytes(32)
    content = json.dumps({name: b64encode(value).decode() for name, value in inner.items()}).encode()
    identity.blob = VERSION + encrypt(outer_key, pad(content, BLOB_SIZES), associated_data(identity))
    identity.outer_reporter = seal(reporter_key, outer_key)
    # Whether there is a name or not: the body's team seals every row again when its key changes.
    identity.outer_recipient = seal(bytes(team.public_key) if team else BoxPair.new().public, outer_key)
    identity_signature.sign(identity, signer)


def _save(identity: Identity) -> None:
    identity.save(update_fields=[*leaves.IDENTITY_COLUMNS, "body", "sealed_number", "version", "batch"])


def _reseal(identity: Identity, keyring: Keyring, team: Team) -> None:
    """Seal slot and outer key to the current key of the body's team; a slot without a name becomes another empty one.

    Whoever sees the database cannot tell the two apart.
    """
    identity_signature.check(identity)
    old_leaf = leaves.identity_leaf(identity)
    inner = open_outer(identity, _outer_key(identity, keyring, team))
    try:
        content = _opened_slot(identity, inner["slot"], keyring, team)
    except SealError:
        inner["slot"] = _empty_slot(identity)
    else:
        context = _slot_context(identity.complaint_id, str(team.body_id), team.key_number)
        inner["slot"] = keyring.seal_for_team(team, context, content, sizes=SLOT_SIZES)
    batches.move_to_open_batch(identity, old_leaf)
    reporter_key = bytes(identity.complaint.reporter_key)
    _seal(identity, inner, reporter_key=reporter_key, team=team, signer=keyring.team(team).sign)


def _outer_key(identity: Identity, keyring: Keyring, team: Team) -> bytes:
    for number in _numbers(identity, team):
        try:
            return unseal(keyring.team_at(team.pk, number).box, bytes(identity.outer_recipient))
        except (SealError, Locked):
            continue
    raise SealError("identity")


def _opened_slot(identity: Identity, slot: bytes, keyring: Keyring, team: Team) -> dict[str, str]:
    signers = [bytes(identity.complaint.reporter_verify_key), *team_key_history.signers(team.slug)]
    for number in _numbers(identity, team):
        context = _slot_context(identity.complaint_id, str(team.body_id), number)
        try:
            content = open_record_of(keyring.team_at(team.pk, number).box, slot, context, signers, sizes=SLOT_SIZES)
        except (SealError, Locked):
            continue
        return {"name": str(content["name"]), "contact": str(content["contact"])}
    raise SealError("slot")


def _numbers(identity: Identity, team: Team) -> range:
    # The reporter's acts seal to the newest key and leave the number as it is: a change of it would tell which act.
    return range(team.key_number, abs(identity.sealed_number) - 1, -1)


resealing_registry.register(
    resealing_registry.SealedTable(
        "identity",
        rows=lambda team: (
            Identity.objects.filter(body=team.body_id).select_related("complaint")
            if team.kind == Team.Kind.BODY
            else Identity.objects.none()
        ),
        reseal=_reseal,
        columns=("blob", "outer_reporter", "outer_recipient", "signature", "version", "batch"),
    )
)
