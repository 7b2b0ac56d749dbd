"""The digests that Python computes are libsodium's: keys derived by one must be found by the other."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from nacl.bindings import crypto_generichash_blake2b_salt_personal

from complaints.domain.sealing.primitives import blake2b


@given(
    data=st.binary(max_size=400),
    person=st.binary(max_size=16),
    key=st.binary(max_size=64),
    size=st.integers(min_value=1, max_value=64),
)
def test_hashlib_and_libsodium_agree(data: bytes, person: bytes, key: bytes, size: int) -> None:
    other = crypto_generichash_blake2b_salt_personal(data, digest_size=size, key=key, person=person)
    assert blake2b(data, person=person, key=key, size=size) == other
