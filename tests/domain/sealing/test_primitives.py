"""The primitives: what goes in comes out, and anything else is a SealError that says nothing."""

import contextlib

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from complaints.domain.errors import SealError
from complaints.domain.sealing import primitives
from complaints.domain.sealing.primitives import BoxPair, SignPair
from complaints.domain.sealing.records import KEY_SIZES, TEXT_SIZES
from tests.domain.sealing.strategies import ONE, OTHER, bits, flipped, places

KEY = bytes(range(32))


@given(st.binary(max_size=300), st.binary(max_size=40))
def test_encryption_round_trip(data: bytes, associated: bytes) -> None:
    sealed = primitives.encrypt(KEY, data, associated)
    assert primitives.decrypt(KEY, sealed, associated) == data
    assert primitives.encrypt(KEY, data, associated) != sealed


@given(st.binary(max_size=300), st.binary(max_size=40), places, bits)
def test_encryption_refuses_a_flipped_bit(data: bytes, associated: bytes, place: float, bit: int) -> None:
    sealed = primitives.encrypt(KEY, data, associated)
    with pytest.raises(SealError):
        primitives.decrypt(KEY, flipped(sealed, place, bit), associated)


@given(st.binary(max_size=99), st.binary(max_size=40), st.binary(max_size=40), places)
def test_encryption_refuses_another_context_or_key_or_length(
    data: bytes, context: bytes, two: bytes, cut: float
) -> None:
    assume(context != two)
    sealed = primitives.encrypt(KEY, data, context)
    for key, body, associated in (
        (KEY, sealed, two),
        (bytes(32), sealed, context),
        (KEY, sealed[: int(cut * len(sealed))], context),
        (KEY, sealed + b"\0", context),
    ):
        with pytest.raises(SealError):
            primitives.decrypt(key, body, associated)


@given(st.binary(max_size=300), places, bits, places)
def test_sealed_box(data: bytes, place: float, bit: int, cut: float) -> None:
    sealed = primitives.seal(ONE.box.public, data)
    assert primitives.unseal(ONE.box, sealed) == data
    assert len(sealed) == len(data) + 48
    for pair, body in (
        (OTHER.box, sealed),
        (ONE.box, flipped(sealed, place, bit)),
        (ONE.box, sealed[: int(cut * len(sealed))]),
        (ONE.box, sealed + b"\0"),
    ):
        with pytest.raises(SealError):
            primitives.unseal(pair, body)


@given(st.binary(max_size=300), places, bits)
def test_signature(message: bytes, place: float, bit: int) -> None:
    signature = ONE.sign.sign(message)
    primitives.verify(ONE.sign.public, message, signature)
    for public, claimed, signed in (
        (OTHER.sign.public, message, signature),
        (ONE.sign.public, message + b"\0", signature),
        (ONE.sign.public, message, flipped(signature, place, bit)),
        (ONE.sign.public, message, signature[:-1]),
        (ONE.sign.public, message, b""),
    ):
        with pytest.raises(SealError):
            primitives.verify(public, claimed, signed)


@pytest.mark.parametrize("public", [b"", bytes(31), bytes(33), bytes(32)])
def test_a_key_that_is_none_verifies_nothing(public: bytes) -> None:
    """The all-zero key is a point of small order: with a lax verifier, anybody signs for it."""
    for signature in (ONE.sign.sign(b"x"), bytes(64)):
        with pytest.raises(SealError):
            primitives.verify(public, b"x", signature)


@given(st.binary(max_size=70_000), st.sampled_from([TEXT_SIZES, KEY_SIZES, (1024,)]))
def test_padding_round_trip_and_sizes(data: bytes, sizes: tuple[int, ...]) -> None:
    padded = primitives.pad(data, sizes)
    assert primitives.unpad(padded, sizes) == data
    assert len(padded) > len(data)
    assert len(padded) in sizes or len(padded) % sizes[-1] == 0
    smaller = [size for size in sizes if size < len(padded)]
    assert all(len(data) >= size for size in smaller if len(padded) in sizes)


@given(st.binary(max_size=600), st.sampled_from([TEXT_SIZES, KEY_SIZES]))
def test_unpadding_anything_is_a_seal_error_or_a_beginning_of_it(data: bytes, sizes: tuple[int, ...]) -> None:
    with contextlib.suppress(SealError):
        assert data.startswith(primitives.unpad(data, sizes))


def test_blake2b_uses_are_domain_separated() -> None:
    digests = {primitives.blake2b(b"x", person=person) for person in (b"", b"a", b"b", b"session-id", b"session-key")}
    assert len(digests) == 5
    assert primitives.blake2b(b"x", person=b"a", key=b"k") not in digests


def test_private_halves_do_not_show_in_a_traceback() -> None:
    pair, sign = BoxPair.new(), SignPair.from_seed(KEY)
    for text in (repr(pair), repr(sign), repr(ONE)):
        assert "private" not in text
        assert "seed" not in text
    assert repr(KEY)[2:-1] not in repr(sign)
    assert repr(pair.private)[2:-1] not in repr(pair)


def test_an_error_carries_no_content() -> None:
    sealed = primitives.encrypt(KEY, b"rahasia", b"")
    with pytest.raises(SealError) as caught:
        primitives.decrypt(KEY, sealed, b"rahasia")
    assert str(caught.value) == "aead"
