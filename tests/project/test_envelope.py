"""The test vectors of docs/envelope.json: made anew they are the same, the product opens them, and so does a reader
that was written from docs/envelope.md alone."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from nacl import bindings
from nacl.exceptions import CryptoError

from complaints.domain import codes, hashchain
from complaints.domain.errors import SealError
from complaints.domain.sealing import segments
from complaints.domain.sealing.commitment import ProvenAnswer, commit, verify_answer
from complaints.domain.sealing.keys import KeySet, reporter_keys
from complaints.domain.sealing.primitives import random_bytes, seal, unseal, verify
from complaints.domain.sealing.records import Context, open_record
from complaints.models.identity import Identity
from complaints.services import reporter_reading
from tests import envelope

STORED: dict[str, Any] = json.loads(envelope.FILE.read_text(encoding="utf-8"))
Vector = dict[str, Any]


def vectors(*parts: str, refused: bool = False) -> list[Any]:
    """Return the vectors of some parts of the file that open, or those that must not."""
    chosen = [(part, vector) for part in parts for vector in STORED[part] if ("error" in vector) == refused]
    return [pytest.param(whole(part, vector), id=vector["name"]) for part, vector in chosen]


def whole(part: str, vector: Vector) -> Vector:
    """Return a vector with what it takes from the one that it is like."""
    like = next((other for other in STORED[part] if other["name"] == vector.get("like")), {})
    merged = like | vector
    for place, name in (("first_byte", "sealed"), ("fourth_byte", "stored")):
        if place in vector:
            content = bytearray.fromhex(merged[name])
            content[0 if place == "first_byte" else 3] = vector[place]
            merged[name] = content.hex()
    return merged


def key_set(holder: str) -> KeySet:
    keys = STORED["keys"][holder]
    return KeySet.from_bytes(bytes.fromhex(keys["box_private"] + keys["sign_seed"]))


def test_the_file_is_what_the_script_makes() -> None:
    """Where this fails after a wanted change of a format: python -m tests.envelope, and say so in the change."""
    assert envelope.FILE.read_text(encoding="utf-8") == envelope.text()


def test_no_randomness_stays_replaced() -> None:
    envelope.record_vectors()
    assert random_bytes(32) != random_bytes(32)
    assert seal(key_set("member").box.public, b"") != seal(key_set("member").box.public, b"")
    assert segments.random_bytes is random_bytes


# --- As the product opens them


def open_vector(vector: Vector) -> Any:
    context = Context(vector["kind"], vector["row"], vector["owner"], vector["sequence"])
    signer, sealed = key_set(vector["signer"]).sign.public, bytes.fromhex(vector["sealed"])
    return open_record(key_set(vector["recipient"]).box, sealed, context, signer, sizes=tuple(vector["sizes"]))


def read_vector(vector: Vector) -> bytes:
    key, file_id = bytes.fromhex(vector["key"]), bytes.fromhex(vector["file_id"])
    pieces = segments.read_range(io.BytesIO(bytes.fromhex(vector["stored"])), key, file_id, vector["length"])
    return b"".join(segments.compared(pieces, vector["sha256"]))


@pytest.mark.parametrize("vector", vectors("records", "grants"))
def test_records_and_grants_open(vector: Vector) -> None:
    assert open_vector(vector) == vector["body"]


@pytest.mark.parametrize("vector", vectors("records", refused=True))
def test_other_records_are_refused(vector: Vector) -> None:
    with pytest.raises(SealError) as refusal:
        open_vector(vector)
    assert str(refusal.value) == vector["error"]


@pytest.mark.parametrize("vector", vectors("objects"))
def test_objects_open(vector: Vector) -> None:
    content = envelope.plaintext(vector["length"])
    if "stored" in vector:
        assert read_vector(vector) == content
        assert hashlib.sha256(bytes.fromhex(vector["stored"])).hexdigest() == vector["stored_sha256"]
    assert hashlib.sha256(content).hexdigest() == vector["sha256"]


@pytest.mark.parametrize("vector", vectors("objects", refused=True))
def test_other_objects_are_refused(vector: Vector) -> None:
    with pytest.raises(SealError) as refusal:
        read_vector(vector)
    assert str(refusal.value) == vector["error"]


@pytest.mark.parametrize("vector", vectors("signatures"))
def test_signatures_hold(vector: Vector) -> None:
    statement = b"".join(bytes.fromhex(part) for _label, part in vector["parts"])
    signer, signature = key_set(vector["signer"]).sign.public, bytes.fromhex(vector["signature"])
    verify(signer, statement, signature)
    for number, (_label, part) in enumerate(vector["parts"]):
        others = [bytes.fromhex(other) for _label, other in vector["parts"]]
        others[number] = bytes([others[number][0] ^ 1]) + bytes.fromhex(part)[1:]
        with pytest.raises(SealError):
            verify(signer, b"".join(others), signature)
    if "payload" in vector:
        assert hashchain.next_digest(bytes.fromhex(vector["previous"]), vector["payload"].encode()) == statement


def identity_of(vector: Vector) -> Identity:
    identity = Identity(
        complaint_id=uuid.UUID(vector["complaint"]), blob=bytes.fromhex(vector["sealed"]), version=vector["version"]
    )
    for holder, sealed in vector["outer"].items():
        setattr(identity, f"outer_{holder}", bytes.fromhex(sealed))
    return identity


OUTER_HOLDERS = {"reporter": "reporter", "recipient": "body"}


@pytest.mark.parametrize("vector", vectors("identities"))
def test_identities_open_for_their_two_holders(vector: Vector) -> None:
    identity = identity_of(vector)
    for column, holder in OUTER_HOLDERS.items():
        outer_key = unseal(key_set(holder).box, bytes(getattr(identity, f"outer_{column}")))
        inner = reporter_reading.open_outer(identity, outer_key)
        assert {name: len(part) for name, part in inner.items()} == {"slot": 4145, "mine": 561}


@pytest.mark.parametrize("vector", vectors("identities", refused=True))
def test_other_identities_are_refused(vector: Vector) -> None:
    identity = identity_of(vector)
    outer_key = unseal(key_set("reporter").box, bytes(identity.outer_reporter))
    with pytest.raises(SealError, match=vector["error"]):
        reporter_reading.open_outer(identity, outer_key)


@pytest.mark.parametrize("vector", vectors("commitments"))
def test_commitments_and_their_proofs_hold(vector: Vector) -> None:
    root = bytes.fromhex(vector["commitment"])
    assert commit(vector["answers"], bytes.fromhex(vector["seed"])) == root
    for proof in vector["proofs"]:
        siblings = tuple(map(bytes.fromhex, proof["siblings"]))
        salt = bytes.fromhex(proof["salt"])
        verify_answer(root, ProvenAnswer(proof["name"], proof["value"], salt, proof["place"], siblings))
        with pytest.raises(SealError):
            verify_answer(root, ProvenAnswer(proof["name"], proof["value"] + ".", salt, proof["place"], siblings))


@pytest.mark.parametrize("vector", vectors("codes"))
def test_codes_lead_to_their_keys(vector: Vector) -> None:
    for typed in vector["typed"]:
        code = codes.normalise(typed)
        keys = reporter_keys(code)
        assert code == vector["code"]
        assert codes.lookup_digest(code).hex() == vector["lookup"]
        assert [keys.box.private.hex(), keys.box.public.hex()] == [vector["box_private"], vector["box_public"]]
        assert [keys.sign.seed.hex(), keys.sign.public.hex()] == [vector["sign_seed"], vector["sign_public"]]


@pytest.mark.parametrize("vector", vectors("codes", refused=True))
def test_other_codes_are_refused(vector: Vector) -> None:
    for typed in vector["typed"]:
        with pytest.raises(codes.MalformedCode, match=vector["error"]):
            codes.normalise(typed)


# --- As a stranger opens them, who has the document and libsodium


def blake2b(data: bytes, person: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=32, person=person).digest()


@pytest.mark.parametrize("vector", vectors("records", "grants"))
def test_a_stranger_opens_a_record(vector: Vector) -> None:
    recipient, signer = (STORED["keys"][vector[name]] for name in ("recipient", "signer"))
    sealed = bytes.fromhex(vector["sealed"])
    assert sealed[0] == 1
    public, private = bytes.fromhex(recipient["box_public"]), bytes.fromhex(recipient["box_private"])
    padded = bindings.crypto_box_seal_open(sealed[1:], public, private)
    assert len(padded) in vector["sizes"]
    signature, inner = (plain := padded[: padded.rindex(b"\x80")])[:64], plain[64:]
    assert bindings.crypto_sign_open(signature + inner, bytes.fromhex(signer["sign_public"])) == inner
    assert json.loads(inner) == {
        "f": 1,
        "k": vector["kind"],
        "r": vector["row"],
        "o": vector["owner"],
        "n": vector["sequence"],
        "s": signer["sign_public"],
        "t": recipient["box_public"],
        "b": vector["body"],
    }


def open_sealed(sealed: bytes, keys: Vector) -> bytes:
    public, private = bytes.fromhex(keys["box_public"]), bytes.fromhex(keys["box_private"])
    opened: bytes = bindings.crypto_box_seal_open(sealed, public, private)
    return opened


def open_cipher(key: bytes, sealed: bytes, associated: bytes) -> bytes:
    padded = bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(sealed[24:], associated, sealed[:24], key)
    content: bytes = padded[: padded.rindex(b"\x80")]
    return content


@pytest.mark.parametrize("vector", vectors("identities"))
def test_a_stranger_with_the_body_s_key_reads_a_name(vector: Vector) -> None:
    owner, blob = vector["complaint"].encode() + vector["version"].to_bytes(4, "big"), bytes.fromhex(vector["sealed"])
    outer_key = open_sealed(bytes.fromhex(vector["outer"]["recipient"]), STORED["keys"]["body"])
    assert (blob[0], len(blob)) == (2, 1 + 24 + 8192 + 16)
    inner = {name: base64.b64decode(part) for name, part in json.loads(open_cipher(outer_key, blob[1:], owner)).items()}
    if vector["content"] is None:
        with pytest.raises(CryptoError):
            open_sealed(inner["slot"][1:], STORED["keys"]["body"])
    else:
        record = opened_record(inner["slot"], "body")
        assert (record["k"], record["o"], record["n"]) == ("name", vector["body"], vector["key_number"])
        assert record["b"] == vector["content"]
    told = opened_record(inner["mine"], "reporter")
    assert (told["k"], told["b"]) == ("name-state", vector["told"])


def opened_record(sealed: bytes, holder: str) -> Vector:
    padded = open_sealed(sealed[1:], STORED["keys"][holder])
    content: Vector = json.loads(padded[64 : padded.rindex(b"\x80")])
    return content


@pytest.mark.parametrize("vector", vectors("codes"))
def test_a_stranger_derives_from_a_code(vector: Vector) -> None:
    code = "".join(symbol for place, symbol in enumerate(vector["code"]) if place % 5 < 4).encode()
    derived = [blake2b(code, person).hex() for person in (b"lookup 1", b"reporter 1", b"sign 1")]
    assert derived == [vector["lookup"], vector["box_private"], vector["sign_seed"]]


@pytest.mark.parametrize("vector", vectors("objects"))
def test_a_stranger_reads_an_object(vector: Vector) -> None:
    key, file_id, mebibyte = bytes.fromhex(vector["key"]), bytes.fromhex(vector["file_id"]), 1024 * 1024
    header = b"KN\x00\x01" + blake2b(key + file_id, b"object key")
    stored = bytes.fromhex(vector["stored"]) if "stored" in vector else b""
    assert (stored[:36] or bytes.fromhex(vector["header"])) == header
    content = envelope.plaintext(vector["length"])
    starts = range(0, max(1, len(content)), mebibyte)
    for number, start in enumerate(starts):
        is_last = number == len(starts) - 1
        associated = b"file" + file_id + number.to_bytes(8, "big") + bytes([is_last])
        size = len(content[start : start + mebibyte])
        if stored:
            nonce, sealed = stored[36:60], stored[60 : 60 + size + 16]
        else:
            nonce = bytes.fromhex(vector["nonces"][number])
            sealed = bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(
                content[start : start + mebibyte], associated, nonce, key
            )
            assert sealed[-16:].hex() == vector["tags"][number]
        opened: Callable[..., bytes] = bindings.crypto_aead_xchacha20poly1305_ietf_decrypt
        assert opened(sealed, associated, nonce, key) == content[start : start + mebibyte]
