"""Seals the reporter's name and contact apart from the report, under a key that is split into two halves.

One half is sealed to the custodians, one to the reporter, so that neither opens the identity alone. A report without a
name has an identity of the same shape and size. The release of a name to a body is not implemented yet.
"""

from __future__ import annotations

import json
import uuid
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from typing import Final

from complaints.domain.errors import SealError
from complaints.domain.sealing.keys import KeySet, split
from complaints.domain.sealing.primitives import (
    decrypt,
    encrypt,
    pad,
    random_bytes,
    seal,
    unknown_version,
    unpad,
    unseal,
)
from complaints.domain.sealing.records import KEY_SIZES, Context, open_record, open_record_of, seal_record
from complaints.models.complaint import Complaint, Identity
from complaints.models.team import Team
from complaints.services import resealing_registry, team_key_history
from complaints.services.audit import batches, identity_signature, leaves
from complaints.services.keyring import Keyring, Locked

BOX_SIZES = (4096,)
BLOB_SIZES = (16384,)
# New rows have this version. It stands for the whole row: the blob, the box in it and the three outer keys.
VERSION = b"\x01"
_OPENERS: Final[Mapping[bytes, Callable[[bytes, bytes, bytes], bytes]]] = {b"\x01": decrypt}


def build(*, complaint: Complaint, name: str, contact: str, reporter: KeySet, custodians: Team) -> Identity:
    """Return the unsaved identity of a complaint; empty ``name`` and ``contact`` give one of the same size."""
    owner = str(complaint.pk).encode()
    key = random_bytes(32)
    content = json.dumps({"name": name, "contact": contact}).encode()
    custodian_half, reporter_half = split(key)
    context = _half_context(complaint.pk)
    inner = {
        "box": encrypt(key, pad(content, BOX_SIZES), owner),
        "custodian": seal_record(
            bytes(custodians.public_key), context, custodian_half.hex(), reporter.sign, sizes=KEY_SIZES
        ),
        "reporter": seal_record(reporter.box.public, context, reporter_half.hex(), reporter.sign, sizes=KEY_SIZES),
        # Space for the reporter's consent, always of this size; random bytes stand for a missing one.
        "consent": random_bytes(1024),
    }
    identity = Identity(complaint=complaint, sealed_number=custodians.key_number, batch=complaint.batch)
    _seal_outer(identity, inner, reporter=reporter, complaint=complaint, custodian_key=bytes(custodians.public_key))
    identity_signature.sign(identity, reporter.sign)
    return identity


def rewrite(*, identity: Identity, reporter: KeySet, custodians: Team) -> None:
    """Encrypt the identity again under a new key and save it, signed; raises SealError where it does not open.

    Every message or withdrawal of the reporter calls this, so that a change of the row does not reveal a consent.
    """
    identity_signature.check(identity)
    old_leaf = leaves.identity_leaf(identity)
    inner = open_outer(identity, unseal(reporter.box, bytes(identity.outer_reporter)))
    context = _half_context(identity.complaint_id)
    half = open_record(reporter.box, inner["reporter"], context, reporter.sign.public, sizes=KEY_SIZES)
    inner["reporter"] = seal_record(reporter.box.public, context, half, reporter.sign, sizes=KEY_SIZES)
    key = bytes(custodians.public_key)
    _seal_outer(identity, inner, reporter=reporter, complaint=identity.complaint, custodian_key=key)
    batches.move_to_open_batch(identity, old_leaf)
    identity_signature.sign(identity, reporter.sign)
    identity.save(update_fields=[*leaves.IDENTITY_COLUMNS, "version", "batch"])


def open_outer(identity: Identity, outer_key: bytes) -> dict[str, bytes]:
    """Decrypt the outer layer: the box, the two halves and the consent.

    Raises SealError for an unknown version and for another key.
    """
    owner, raw = str(identity.complaint_id).encode(), bytes(identity.blob)
    opener = _OPENERS.get(raw[:1])
    if opener is None:
        raise unknown_version(raw[:1])
    content = json.loads(unpad(opener(outer_key, raw[1:], owner), BLOB_SIZES))
    return {name: b64decode(value) for name, value in content.items()}


def _seal_outer(
    identity: Identity,
    inner: dict[str, bytes],
    *,
    reporter: KeySet,
    complaint: Complaint,
    custodian_key: bytes,
) -> None:
    outer_key = random_bytes(32)
    identity.blob = _blob(inner, outer_key, str(complaint.pk).encode())
    identity.outer_reporter = seal(reporter.box.public, outer_key)
    identity.outer_complaint = seal(bytes(complaint.public_key), outer_key)
    identity.outer_custodian = seal(custodian_key, outer_key)


def _blob(inner: dict[str, bytes], outer_key: bytes, owner: bytes) -> bytes:
    content = json.dumps({name: b64encode(value).decode() for name, value in inner.items()}).encode()
    return VERSION + encrypt(outer_key, pad(content, BLOB_SIZES), owner)


def _half_context(complaint_id: uuid.UUID) -> Context:
    return Context("identity-half", str(complaint_id), str(complaint_id))


def _reseal(identity: Identity, keyring: Keyring, team: Team) -> None:
    """Seal the custodians' half and their copy of the outer key to their current key; the other parts stay."""
    identity_signature.check(identity)
    old_leaf = leaves.identity_leaf(identity)
    outer_key = _outer_key(identity, keyring, team)
    inner = open_outer(identity, outer_key)
    context, old_keys = _half_context(identity.complaint_id), keyring.team_at(team.pk, identity.sealed_number)
    signers = [bytes(identity.complaint.reporter_verify_key), *team_key_history.signers(team.slug)]
    half = open_record_of(old_keys.box, inner["custodian"], context, signers, sizes=KEY_SIZES)
    inner["custodian"] = keyring.seal_for_team(team, context, half, sizes=KEY_SIZES)
    identity.blob = _blob(inner, outer_key, str(identity.complaint_id).encode())
    identity.outer_custodian = seal(bytes(team.public_key), outer_key)
    batches.move_to_open_batch(identity, old_leaf)
    identity_signature.sign(identity, keyring.team(team).sign)


def _outer_key(identity: Identity, keyring: Keyring, team: Team) -> bytes:
    # A rewrite by the reporter seals the outer key to the custodians' current key and leaves their half as it was.
    for number in range(team.key_number, abs(identity.sealed_number) - 1, -1):
        try:
            return unseal(keyring.team_at(team.pk, number).box, bytes(identity.outer_custodian))
        except (SealError, Locked):
            continue
    raise SealError("identity")


resealing_registry.register(
    resealing_registry.SealedTable(
        "identity",
        rows=lambda team: (
            Identity.objects.select_related("complaint")
            if team.kind == Team.Kind.CUSTODIAN
            else Identity.objects.none()
        ),
        reseal=_reseal,
        columns=("blob", "outer_custodian", "signature", "version", "batch"),
    )
)
