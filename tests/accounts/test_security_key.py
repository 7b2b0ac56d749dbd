"""Malformed credentials of security keys: each counts as wrong, on each of the three pages, and none is a 500."""

from __future__ import annotations

import base64
import json
from typing import Any, Final

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from fido2 import cbor
from fido2.cose import ES256, RS256, CoseKey
from fido2.webauthn import AttestationObject, AttestedCredentialData, AuthenticatorData

from complaints.services import mfa
from portal.accounts import security_key
from tests.world import PASSWORD, Cast, SignedIn, at, sign_in

NESTED: Final = "[" * 5_000
CREATED: Final = b'{"type": "webauthn.create", "challenge": "AAAA", "origin": "x"}'


def in_base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def credential(client_data: bytes = b"{}", attestation: bytes = b"", signature: bytes = b"") -> str:
    """A credential whose outer shape is right."""
    response = {
        "clientDataJSON": in_base64(client_data),
        "attestationObject": in_base64(attestation),
        "authenticatorData": in_base64(bytes(37)),
        "signature": in_base64(signature),
    }
    return json.dumps({"id": "AAAA", "rawId": "AAAA", "type": "public-key", "response": response})


def attested(data: bytes) -> bytes:
    return cbor.encode({"fmt": "none", "attStmt": {}, "authData": data})


KINDS: Final = {
    "empty": "{}",
    "nothing": "",
    "null": "null",
    "zero": "0",
    "false": "false",
    "a text": '"x"',
    "a list": "[]",
    "two ids": '{"id": "AAAA", "rawId": "BBBB", "response": {}}',
    "a surrogate": '{"id": "\\ud800", "rawId": 1, "response": []}',
    "nested": NESTED,
    "many digits": "9" * 5_000,
    "nested inside": credential(NESTED.encode()),
    "nested in cbor": credential(b"{}", b"\x81" * 5_000),
    "no cbor": credential(CREATED),
    "no data": credential(CREATED, attested(b"")),
    "cut": credential(CREATED, attested(bytes(32) + b"\x41" * 9)),
    "no extension": credential().replace('"type"', '"clientExtensionResults": 1, "type"'),
}


@pytest.fixture
def noon() -> Any:
    with time_machine.travel(at(timezone.localdate(), 12), tick=False) as clock:
        yield clock


@pytest.mark.parametrize("kind", KINDS)
def test_a_malformed_credential_counts_as_wrong(cast: Cast, signed_in: SignedIn, noon: Any, kind: str) -> None:
    signing_in, owner = Client(), sign_in(Client(), "vera")
    signing_in.post(reverse("account_login"), {"login": "vera", "password": PASSWORD})
    pages = {
        "mfa_authenticate": (signing_in, {}),
        "mfa_add_webauthn": (signed_in("vino"), {}),
        "account_reauthenticate": (owner, {"password": PASSWORD}),
    }
    for name, (client, fields) in pages.items():
        answer = client.post(reverse(name), {**fields, "credential": KINDS[kind]})
        assert answer.status_code == 200, name
        assert client.get(reverse(name)).status_code == 200, name
    assert "_auth_user_id" not in signing_in.session
    assert not Authenticator.objects.filter(type=mfa.WEBAUTHN).exists()


def created(key: CoseKey) -> dict[str, object]:
    """What a browser posts of a new key."""
    data = AttestedCredentialData.create(bytes(16), b"id", key)
    attestation = AttestationObject.create("none", AuthenticatorData.create(bytes(32), 0x41, 0, data), {})
    response = {"clientDataJSON": in_base64(CREATED), "attestationObject": in_base64(bytes(attestation))}
    return {"id": "AAAA", "rawId": "AAAA", "type": "public-key", "response": response}


def test_keys_of_an_old_kind_are_neither_offered_nor_taken(cast: Cast, signed_in: SignedIn) -> None:
    """RSA with PKCS #1 v1.5."""
    page = signed_in("vino").get(reverse("mfa_add_webauthn"))
    options = page.context["js_data"]["creation_options"]["publicKey"]
    offered = options["pubKeyCredParams"]
    assert len(base64.urlsafe_b64decode(options["challenge"] + "==")) >= 16
    assert {kind["alg"] for kind in offered} == security_key.ALGORITHMS
    assert RS256.ALGORITHM not in security_key.ALGORITHMS
    assert security_key.has_known_algorithm(created(ES256({1: 2, 3: -7, -1: 1, -2: bytes(32), -3: bytes(32)})))
    assert not security_key.has_known_algorithm(created(RS256({1: 3, 3: -257, -1: bytes(256), -2: b"\1\0\1"})))
