"""The reporter's name apart: in two halves that no single team holds, in a box whose presence and size tell nothing.

Release of a name to a body is not built yet; what is here seals it so that it can be: one half waits for the
custodians, one for the reporter's own consent.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode

from complaints.domain.sealing.keys import KeySet, split
from complaints.domain.sealing.primitives import decrypt, encrypt, pad, random_bytes, seal, unpad, unseal
from complaints.domain.sealing.records import KEY_SIZES, Context, open_record, seal_record
from complaints.models.complaint import Complaint, Identity
from complaints.models.team import Team

BOX_SIZES = (4096,)
BLOB_SIZES = (16384,)


def build(*, complaint: Complaint, name: str, contact: str, reporter: KeySet, custodians: Team) -> Identity:
    """Return the unsaved identity of a complaint; empty ``name`` and ``contact`` give the same shape."""
    owner = str(complaint.pk).encode()
    key = random_bytes(32)
    content = json.dumps({"name": name, "contact": contact}).encode()
    half_custodian, half_reporter = split(key)
    context = Context("identity-half", str(complaint.pk), str(complaint.pk))
    inner = {
        "box": encrypt(key, pad(content, BOX_SIZES), owner),
        "custodian": seal_record(
            bytes(custodians.public_key), context, half_custodian.hex(), reporter.sign, sizes=KEY_SIZES
        ),
        "reporter": seal_record(reporter.box.public, context, half_reporter.hex(), reporter.sign, sizes=KEY_SIZES),
        # Room for a consent of one size, filled with noise until there is one.
        "consent": random_bytes(1024),
    }
    identity = Identity(complaint=complaint)
    _close(identity, inner, reporter=reporter, complaint=complaint, custodian_key=bytes(custodians.public_key))
    return identity


def rewrite(*, identity: Identity, reporter: KeySet, custodians: Team) -> None:
    """Write the identity anew under new keys, as every act of the reporter does, so that a change tells nothing."""
    inner = open_outer(identity, unseal(reporter.box, bytes(identity.outer_reporter)))
    context = Context("identity-half", str(identity.complaint_id), str(identity.complaint_id))
    half = open_record(reporter.box, inner["reporter"], context, reporter.sign.public, sizes=KEY_SIZES)
    inner["reporter"] = seal_record(reporter.box.public, context, half, reporter.sign, sizes=KEY_SIZES)
    key = bytes(custodians.public_key)
    _close(identity, inner, reporter=reporter, complaint=identity.complaint, custodian_key=key)
    identity.save(update_fields=["blob", "outer_reporter", "outer_complaint", "outer_custodian"])


def open_outer(identity: Identity, outer_key: bytes) -> dict[str, bytes]:
    """Open the outer layer: four sealed parts of fixed size, none of which says whether there is a name."""
    owner = str(identity.complaint_id).encode()
    content = json.loads(unpad(decrypt(outer_key, bytes(identity.blob), owner), BLOB_SIZES))
    return {name: b64decode(value) for name, value in content.items()}


def _close(
    identity: Identity,
    inner: dict[str, bytes],
    *,
    reporter: KeySet,
    complaint: Complaint,
    custodian_key: bytes,
) -> None:
    outer_key = random_bytes(32)
    content = json.dumps({name: b64encode(value).decode() for name, value in inner.items()}).encode()
    identity.blob = encrypt(outer_key, pad(content, BLOB_SIZES), str(complaint.pk).encode())
    identity.outer_reporter = seal(reporter.box.public, outer_key)
    identity.outer_complaint = seal(bytes(complaint.public_key), outer_key)
    identity.outer_custodian = seal(custodian_key, outer_key)
