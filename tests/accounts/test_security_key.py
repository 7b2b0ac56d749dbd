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

from complaints.services import mfa
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


def test_a_challenge_cannot_be_foreseen(cast: Cast, signed_in: SignedIn) -> None:
    client, drawn = signed_in("vino"), set()
    for _page in range(3):
        options = client.get(reverse("mfa_add_webauthn")).context["js_data"]["creation_options"]["publicKey"]
        drawn.add(options["challenge"])
        assert len(base64.urlsafe_b64decode(options["challenge"] + "==")) >= 16
    assert len(drawn) == 3
