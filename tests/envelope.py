"""Makes docs/envelope.json, the test vectors of docs/envelope.md, from fixed keys: ``python -m tests.envelope``.

The product's own functions seal; what they draw at random is replaced for the time of one vector by bytes that follow
from its name. These hooks are patches of this module on the functions themselves: no setting leads to them.
"""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final, TypeAlias
from unittest.mock import patch

import django
from nacl import bindings

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()

from complaints.domain import codes, hashchain
from complaints.domain.sealing import commitment, keys, primitives, records, segments, succession
from complaints.domain.sealing.keys import KeySet, reporter_keys
from complaints.domain.sealing.records import KEY_SIZES, TEXT_SIZES, Context
from complaints.models.audit import AuditEntry
from complaints.models.complaint import Complaint
from complaints.models.identity import Identity
from complaints.models.oversight import Release
from complaints.models.removal import RemovalRequest
from complaints.models.team import Staff, Team, TeamMembership
from complaints.services import keyring, reporter_identity
from complaints.services.audit import identity_signature, log, verify_rows
from complaints.services.reporter_identity import Name
from complaints.services.team_keys import removal

FILE: Final = Path(__file__).resolve().parents[1] / "docs" / "envelope.json"
NAME: Final = Name("Ratna", "0812")
CODE: Final = "7Q2MF0K9X7WB3HHTD5ZBR8C6GJN1VV"
# Named after whose keys they could be; the private bytes follow from the name.
HOLDERS: Final = ("body", "complaint", "member", "newcomer", "release", "triage", "triage-2", "stranger")
Vector: TypeAlias = dict[str, Any]


def fixed(label: str, size: int) -> bytes:
    """Bytes that follow from a label: SHAKE-256 of it."""
    return hashlib.shake_256(label.encode()).digest(size)


def key_set(holder: str) -> KeySet:
    """The keys of one holder; the reporter's come from the code, as everywhere."""
    return reporter_keys(CODE) if holder == "reporter" else KeySet.from_bytes(fixed(f"keys of {holder}", 64))


def row(name: str) -> uuid.UUID:
    """The id of a row, which follows from its name."""
    return uuid.UUID(bytes=fixed(f"row {name}", 16), version=4)


def seal_with(ephemeral: bytes, public: bytes, data: bytes) -> bytes:
    """libsodium's sealed box, with a given private key in place of a drawn one."""
    sender = bindings.crypto_scalarmult_base(ephemeral)
    nonce = hashlib.blake2b(sender + public, digest_size=24).digest()
    return sender + bindings.crypto_box(data, nonce, public, ephemeral)


@contextmanager
def fixed_randomness(label: str) -> Iterator[None]:
    """Let everything that is drawn follow from ``label`` and its place in the order of drawing."""
    drawn = 0

    def draw(size: int) -> bytes:
        nonlocal drawn
        drawn += 1
        return fixed(f"{label} {drawn}", size)

    with ExitStack() as stack:
        for module in (primitives, segments, commitment, keys, reporter_identity):
            stack.enter_context(patch.object(module, "random_bytes", draw))
        for module in (records, reporter_identity):
            stack.enter_context(patch.object(module, "seal", lambda public, data: seal_with(draw(32), public, data)))
        yield


def record_vector(
    name: str, *, recipient: str, signer: str, context: Context, body: Any, sizes: tuple[int, ...] = TEXT_SIZES
) -> Vector:
    """A sealed record with all that opens it."""
    with fixed_randomness(name):
        sealed = records.seal_record(key_set(recipient).box.public, context, body, key_set(signer).sign, sizes=sizes)
    return {
        "name": name,
        "recipient": recipient,
        "signer": signer,
        "kind": context.kind,
        "row": context.row,
        "owner": context.owner,
        "sequence": context.sequence,
        "sizes": list(sizes),
        "body": body,
        "sealed": sealed.hex(),
    }


def record_vectors() -> list[Vector]:
    """Texts of several sizes, and records that must not open."""
    complaint = str(row("complaint"))
    made: Vector = {"recipient": "complaint", "signer": "reporter"}
    answers = {"accused_name": "Kepala Bidang X", "accused_unknown": False, "story": "Pada rapat pagi …", "seed": "00"}
    message = Context("message", str(row("message")), complaint, 7)
    good = [
        record_vector("answers", context=Context("answers", complaint, complaint), body=answers, **made),
        record_vector("summary", context=Context("summary", complaint, complaint), body="X · …", sizes=(1024,), **made),
        record_vector("message", context=message, body="Ini fotonya.", **made),
    ]
    return good + [{"like": "message", **change} for change in _REFUSED_RECORDS]


# A refused vector names another one and what differs from it: "first_byte" of the sealed bytes, or a field.
_REFUSED_RECORDS: Final[tuple[Vector, ...]] = (
    {"name": "message of version 2", "error": "unknown version 2", "first_byte": 2},
    {"name": "message in another row", "error": "context", "row": str(row("another message"))},
    {"name": "message out of its order", "error": "context", "sequence": 8},
    {"name": "message of another signer", "error": "signature", "signer": "stranger"},
    {"name": "message to another recipient", "error": "box", "recipient": "stranger"},
)


def grant_vectors() -> list[Vector]:
    """The key of a complaint sealed to triage by the reporter, and again by triage; a team's key sealed to a member."""
    complaint, team = _complaint(), str(row("triage"))
    owner, secret = str(complaint.pk), key_set("complaint").box.private.hex()
    digest = keyring.keys_digest(complaint, key_set("reporter").sign.public)
    member = Context("membership", str(row("membership")), team)
    made: Vector = {"sizes": KEY_SIZES}
    return [
        record_vector(
            "grant", recipient="triage", signer="reporter", context=Context("grant", owner, team), body=secret, **made
        ),
        record_vector(
            "regrant",
            recipient="triage-2",
            signer="triage-2",
            context=Context("regrant", owner, team),
            body={"key": secret, "keys": digest},
            **made,
        ),
        record_vector(
            "membership",
            recipient="newcomer",
            signer="member",
            context=member,
            body=key_set("triage").to_bytes().hex(),
            **made,
        ),
    ]


def _complaint() -> Complaint:
    keys, box = key_set("reporter"), key_set("complaint").box
    complaint = Complaint(
        pk=row("complaint"),
        public_key=box.public,
        reporter_key=keys.box.public,
        reporter_verify_key=keys.sign.public,
    )
    keyring.bind_keys(complaint, keys.sign)
    return complaint


def signature_vector(name: str, signer: str, parts: list[tuple[str, bytes]], signature: bytes) -> Vector:
    """A statement in its parts, which are joined without anything between them, and its signature."""
    return {
        "name": name,
        "signer": signer,
        "parts": [[label, part.hex()] for label, part in parts],
        "signature": bytes(signature).hex(),
    }


def signature_vectors() -> list[Vector]:
    """Each kind of statement that a key of the portal signs."""
    complaint, triage, second = _complaint(), key_set("triage"), key_set("triage-2")
    release = Release(pk=row("release"), case_id=row("case"), body_id="kasn", public_key=key_set("release").box.public)
    keyring.bind_keys(release, triage.sign)
    newcomer = key_set("newcomer")
    membership = TeamMembership(
        pk=row("membership"),
        team=Team(pk=row("triage")),
        staff=Staff(pk=row("newcomer"), public_key=newcomer.box.public, verify_key=newcomer.sign.public),
    )
    certificate = triage.sign.sign(keyring.membership_statement(membership))
    link = succession.sign_successor(team=row("triage").bytes, number=2, old=triage, new=second)
    followed = [
        ("prefix", b"team key succession"),
        ("team", row("triage").bytes),
        ("number of the new key", (2).to_bytes(4, "big")),
        *((f"old {part}", value) for part, value in _publics(triage)),
        *((f"new {part}", value) for part, value in _publics(second)),
    ]
    return [
        signature_vector(
            "keys of a complaint",
            "reporter",
            [
                ("prefix", b"keys of a complaint 2"),
                ("complaint", row("complaint").bytes),
                ("length of the channel", bytes([len("web")])),
                ("channel", b"web"),
                ("public_key", bytes(complaint.public_key)),
                ("reporter_key", bytes(complaint.reporter_key)),
                ("reporter_verify_key", bytes(complaint.reporter_verify_key)),
            ],
            complaint.key_signature,
        ),
        signature_vector(
            "keys of a release",
            "triage",
            [
                ("prefix", b"release key 2"),
                ("release", row("release").bytes),
                ("case", row("case").bytes),
                ("epoch", (1).to_bytes(4, "big")),
                ("length of the body's code", (4).to_bytes(2, "big")),
                ("body", b"kasn"),
                ("public_key", bytes(release.public_key)),
                ("closes", bytes(32)),
            ],
            release.key_signature,
        ),
        signature_vector(
            "certificate of a member",
            "triage",
            [
                ("prefix", b"member"),
                ("membership", row("membership").bytes),
                ("team", row("triage").bytes),
                ("person", row("newcomer").bytes),
                *_publics(newcomer),
            ],
            certificate,
        ),
        signature_vector("succession, by the old key", "triage", followed, link.by_predecessor),
        signature_vector("succession, by the new key", "triage-2", followed, link.by_itself),
        _reseal_vector(),
        _identity_vector(),
        _removal_vector(),
        _entry_vector(),
    ]


def _publics(keys: KeySet) -> list[tuple[str, bytes]]:
    return [("public_key", keys.box.public), ("verify_key", keys.sign.public)]


def _reseal_vector() -> Vector:
    """What a team signs when it seals a grant again: the digest of the first box and that of the new one."""
    first, sealed = fixed("first digest", 32), b"a sealed grant"
    signed = key_set("triage-2").sign.sign(verify_rows.reseal_statement(row("grant"), first, sealed))
    digest = bytes.fromhex(log.digest_of(sealed))
    parts = [("prefix", b"resealed grant"), ("grant", row("grant").bytes), ("first_digest", first), ("sealed", digest)]
    return signature_vector("a grant that was sealed again", "triage-2", parts, signed)


def _identity(name: Name | None = NAME) -> Identity:
    """The sealed place of a name, with one in it or none, as it is first sent in batch 5 for the body ``kasn``."""
    team = Team(pk=row("body"), body_id="kasn", key_number=2, public_key=key_set("body").box.public)
    complaint = _complaint()
    complaint.batch, complaint.day = 5, date(2026, 11, 9)
    with fixed_randomness("identity"):
        return reporter_identity.build(complaint=complaint, reporter=key_set("reporter"), team=team, name=name)


def _identity_vector() -> Vector:
    """What a reporter signs with each version of the place of their name."""
    identity = _identity()
    parts = [("prefix", b"identity 2"), ("complaint", row("complaint").bytes)]
    parts += [("version", (1).to_bytes(4, "big")), ("batch", (5).to_bytes(4, "big"))]
    parts += [("length of the body's code", bytes([4])), ("body", b"kasn")]
    names = ("blob", "outer_reporter", "outer_recipient")
    parts += [(name, bytes.fromhex(log.digest_of(getattr(identity, name)))) for name in names]
    assert identity_signature.statement(identity) == b"".join(part for _label, part in parts)
    return signature_vector("an identity", "reporter", parts, bytes(identity.signature))


def identity_vectors() -> list[Vector]:
    """Identities with and without a name, with all that opens them, and blobs that must not open."""
    return [
        _identity_row("identity", _identity(), {"name": "Ratna", "contact": "0812"}, "given"),
        _identity_row("identity without a name", _identity(None), None, "none"),
        {"like": "identity", "name": "identity of format 3", "error": "unknown version 3", "first_byte": 3},
        {"like": "identity", "name": "identity of another report", "error": "aead", "complaint": str(row("other"))},
        {"like": "identity", "name": "identity of an older version", "error": "aead", "version": 2},
    ]


def _identity_row(name: str, identity: Identity, content: dict[str, str] | None, state: str) -> Vector:
    day = "2026-11-09" if content else ""
    return {
        "name": name,
        "complaint": str(identity.complaint_id),
        "version": identity.version,
        "body": "kasn",
        "key_number": 2,
        "content": content,
        "told": {"state": state, "body": "kasn" if content else "", "day": day},
        "outer": {holder: bytes(getattr(identity, f"outer_{holder}")).hex() for holder in ("reporter", "recipient")},
        "sealed": bytes(identity.blob).hex(),
    }


def _removal_vector() -> Vector:
    """What a member signs who asks to remove another: the rows, and the time in microseconds since 1970."""
    membership = TeamMembership(pk=row("membership"), staff=Staff(pk=row("newcomer")))
    asked_at, team, asker = datetime(2026, 11, 9, 3, 0, tzinfo=UTC), Team(pk=row("triage")), Staff(pk=row("member"))
    request = RemovalRequest(
        pk=row("removal request"), team=team, membership=membership, asked_by=asker, asked_at=asked_at
    )
    names = ("removal request", "triage", "membership", "newcomer", "member")
    labels = ("request", "team", "membership", "person concerned", "person who asks")
    parts = [("prefix", b"removal request 1")]
    parts += [(label, row(name).bytes) for label, name in zip(labels, names, strict=True)]
    parts.append(("microseconds", (int(asked_at.timestamp()) * 1_000_000).to_bytes(8, "big")))
    signature = key_set("member").sign.sign(removal.statement(request))
    return signature_vector("a request to remove a member", "member", parts, signature)


def _entry_vector() -> Vector:
    """An entry of the audit chain: its signature is over the digest of its canonical bytes and the entry before."""
    signer = key_set("member").sign
    entry = AuditEntry(
        sequence=1,
        at=datetime(2026, 11, 9, 3, 0, tzinfo=UTC),
        event="case.opened",
        actor=row("member"),
        case=row("case"),
        facts={"day": "2026-11-09", "count": 2},
        rights="verifier",
        signer=signer.public,
        previous=hashchain.GENESIS,
    )
    payload = log.payload(entry)
    digest = hashchain.next_digest(hashchain.GENESIS, payload)
    vector = signature_vector("an entry of the audit chain", "member", [("digest", digest)], signer.sign(digest))
    return vector | {"previous": hashchain.GENESIS.hex(), "payload": payload.decode()}


def commitment_vectors() -> list[Vector]:
    """A short story, and one with more lines than leaves; of each some answers with their proofs."""
    answers: dict[str, object] = {"accused_name": "Kepala Bidang X", "accused_unknown": False, "agency": ""}
    short = answers | {"story": "Pada rapat pagi kami disuruh memilih …\nSaya menolak."}
    long = answers | {"story": "\n".join(f"Baris {number}" for number in range(70))}
    return [
        commitment_vector("short story", short, ("accused_name", "accused_unknown", "story.1")),
        commitment_vector("more lines than leaves", long, ("story.0", "story.60")),
    ]


def commitment_vector(name: str, answers: dict[str, object], proven: tuple[str, ...]) -> Vector:
    """Answers, seed and commitment, with the proofs of some answers."""
    with fixed_randomness(name):
        seed = commitment.new_seed()
    proofs = []
    for field in proven:
        proof = commitment.prove(answers, seed, field)
        siblings = [sibling.hex() for sibling in proof.siblings]
        proofs.append(
            {"name": field, "value": proof.value, "salt": proof.salt.hex(), "place": proof.place, "siblings": siblings}
        )
    root = commitment.commit(answers, seed)
    return {"name": name, "answers": answers, "seed": seed.hex(), "commitment": root.hex(), "proofs": proofs}


def plaintext(length: int) -> bytes:
    """The content of a file in the vectors: byte ``n`` is ``n`` modulo 251."""
    return (bytes(range(251)) * (length // 251 + 1))[:length]


def object_vectors() -> list[Vector]:
    """A small object whole, one of three segments by its digests, and some that must not open."""
    small = {"like": "small file"}
    return [
        object_vector("small file", 100),
        object_vector("empty file", 0),
        object_vector("three segments", 2 * segments.SEGMENT_BYTES + 5),
        small | {"name": "small file under another key", "error": "object key", "key": fixed("another key", 32).hex()},
        small | {"name": "small file of another row", "error": "object key", "file_id": fixed("another id", 16).hex()},
        small | {"name": "small file of version 2", "error": "unknown version 2", "fourth_byte": 2},
        small | {"name": "small file with another digest", "error": "digest", "sha256": "00" * 32},
    ]


def object_vector(name: str, length: int) -> Vector:
    """A stored object; of a large one only the nonces and tags of its segments, from which it can be made again."""
    key, file_id = fixed(f"key of {name}", 32), fixed(f"id of {name}", 16)
    with fixed_randomness(name):
        writer = segments.SegmentWriter(key, file_id)
        stored = b"".join(map(bytes, [*writer.update(plaintext(length)), *writer.finish()]))
    vector = {
        "name": name,
        "key": key.hex(),
        "file_id": file_id.hex(),
        "length": length,
        "sha256": writer.sha256,
        "stored_bytes": len(stored),
        "stored_sha256": writer.object_digest.hex(),
    }
    if len(stored) <= segments.SEGMENT_BYTES:
        return vector | {"stored": stored.hex()}
    ends = range(0, length, segments.SEGMENT_BYTES)
    parts = [stored[segments.HEADER_BYTES + n * segments.STORED_SEGMENT_BYTES :] for n, _ in enumerate(ends)]
    sizes = [min(segments.SEGMENT_BYTES, length - start) for start in ends]
    tags = [part[24 + size : 40 + size].hex() for part, size in zip(parts, sizes, strict=True)]
    header = {"header": stored[: segments.HEADER_BYTES].hex()}
    return vector | header | {"nonces": [part[:24].hex() for part in parts], "tags": tags}


def code_vectors() -> list[Vector]:
    """Ticket codes as typed, and the keys that follow from them; texts that are no code."""
    keys, alike = reporter_keys(CODE), CODE.replace("1", "l").replace("0", "o")
    wrong = [CODE[:-1], CODE + "0", CODE[:-1] + "U", CODE[:-1] + "W", CODE[1::-1] + CODE[2:], ""]
    code = {
        "name": "code",
        "typed": [CODE, codes.grouped(CODE), f" {CODE.lower()} ", alike, f"Kode: {CODE}{CODE}."],
        "code": CODE,
        "lookup": codes.lookup_digest(CODE).hex(),
        "box_private": codes.reporter_seed(CODE).hex(),
        "box_public": keys.box.public.hex(),
        "sign_seed": codes.sign_seed(CODE).hex(),
        "sign_public": keys.sign.public.hex(),
    }
    return [
        code,
        {
            "name": "no codes",
            "typed": wrong,
            "error": "malformed code",
        },
    ]


def build() -> Vector:
    """All vectors, the same at every call."""
    holders = {}
    for holder in (*HOLDERS, "reporter"):
        keys = key_set(holder)
        holders[holder] = {
            "box_private": keys.box.private.hex(),
            "box_public": keys.box.public.hex(),
            "sign_seed": keys.sign.seed.hex(),
            "sign_public": keys.sign.public.hex(),
            "fingerprint": keys.fingerprint,
        }
    return {
        "about": "Test vectors of docs/envelope.md. Bytes are hexadecimal. Made by: python -m tests.envelope",
        "keys": holders,
        "codes": code_vectors(),
        "records": record_vectors(),
        "grants": grant_vectors(),
        "signatures": signature_vectors(),
        "identities": identity_vectors(),
        "commitments": commitment_vectors(),
        "objects": object_vectors(),
    }


def text() -> str:
    """The file as it is written."""
    return json.dumps(build(), ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
