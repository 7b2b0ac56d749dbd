"""Sealed records: bound to row, owner, kind, order, signer, recipient and version; whatever differs does not open."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from complaints.domain.errors import SealError
from complaints.domain.sealing.primitives import pad, seal, unpad, unseal
from complaints.domain.sealing.records import KEY_SIZES, TEXT_SIZES, VERSION, Context, open_record, seal_record
from tests.domain.sealing.strategies import ONE, OTHER, bits, bodies, flipped, places, texts

HERE = Context("message", "row", "complaint", 7)
RECIPIENT, SIGNER = ONE, OTHER


def sealed(body: Any = "isi", context: Context = HERE, **kwargs: Any) -> bytes:
    return seal_record(RECIPIENT.box.public, context, body, SIGNER.sign, **kwargs)


def opened(record: bytes, context: Context = HERE, **kwargs: Any) -> Any:
    return open_record(RECIPIENT.box, record, context, SIGNER.sign.public, **kwargs)


contexts = st.builds(Context, texts, texts, texts, st.integers(0, 2**31))


@given(bodies, contexts)
def test_round_trip(body: Any, context: Context) -> None:
    record = sealed(body, context)
    assert opened(record, context) == body
    assert opened(memoryview(record), context) == body
    assert sealed(body, context) != record


@given(texts, places, bits)
def test_any_flipped_bit_is_an_error(body: str, place: float, bit: int) -> None:
    with pytest.raises(SealError):
        opened(flipped(sealed(body), place, bit))


@given(places)
def test_a_cut_or_lengthened_record_is_an_error(place: float) -> None:
    record = sealed()
    for damaged in (record[: int(place * len(record))], record + b"\0", b""):
        with pytest.raises(SealError):
            opened(damaged)


@given(contexts)
def test_a_record_opens_in_its_own_place_only(context: Context) -> None:
    record = sealed("isi", context)
    moved = (
        replace(context, kind=context.kind + "x"),
        replace(context, row=context.row + "x"),
        replace(context, owner=context.owner + "x"),
        replace(context, sequence=context.sequence + 1),
        # What stands in one field does not count for another.
        Context(context.kind, context.owner + "y", context.row, context.sequence),
    )
    for place in moved:
        with pytest.raises(SealError, match="context"):
            opened(record, place)


def test_another_signer_is_an_error() -> None:
    forged = seal_record(RECIPIENT.box.public, HERE, "isi", ONE.sign)
    with pytest.raises(SealError, match="signature"):
        opened(forged)
    with pytest.raises(SealError):
        open_record(RECIPIENT.box, sealed(), HERE, ONE.sign.public)


def test_another_recipient_opens_nothing() -> None:
    with pytest.raises(SealError, match="box"):
        open_record(OTHER.box, sealed(), HERE, SIGNER.sign.public)


@pytest.mark.parametrize("version", [b"\x00", b"\x02", b"\xff", b""])
def test_another_version_is_an_error(version: bytes) -> None:
    with pytest.raises(SealError, match=f"unknown version {version[0]}" if version else "unknown version"):
        opened(version + sealed()[1:] if version else b"")


def signed_for(recipient: bytes, inner: bytes, sizes: tuple[int, ...] = TEXT_SIZES) -> bytes:
    """A box with anything inside that carries the right signer's signature."""
    return VERSION + seal(recipient, pad(SIGNER.sign.sign(inner) + inner, sizes))


def test_the_signature_is_bound_to_the_recipient() -> None:
    """Whoever may open a record cannot pass it on to another as if it had been written to them."""
    plain = unpad(unseal(RECIPIENT.box, sealed()[1:]), TEXT_SIZES)
    passed_on = VERSION + seal(OTHER.box.public, pad(plain, TEXT_SIZES))
    with pytest.raises(SealError, match="context"):
        open_record(OTHER.box, passed_on, HERE, SIGNER.sign.public)


def test_a_signer_cannot_speak_under_another_name() -> None:
    content = json.loads(unpad(unseal(RECIPIENT.box, sealed()[1:]), TEXT_SIZES)[64:])
    content["s"] = ONE.sign.public.hex()
    with pytest.raises(SealError, match="context"):
        opened(signed_for(RECIPIENT.box.public, json.dumps(content).encode()))


def test_another_format_is_an_error() -> None:
    content = json.loads(unpad(unseal(RECIPIENT.box, sealed()[1:]), TEXT_SIZES)[64:])
    for number in (0, 2, "1", None):
        with pytest.raises(SealError, match="context"):
            opened(signed_for(RECIPIENT.box.public, json.dumps(content | {"f": number}).encode()))


@pytest.mark.parametrize(
    "inner", [b"", bytes(range(224, 256)), b"{}", b"[]", b"1", b"null", b'"fkronst"', b'{"f":1,"k":"message"}', b"{"]
)
def test_a_signature_made_for_something_else_does_not_open(inner: bytes) -> None:
    """People's keys sign links of the audit chain as well, and those signatures stand in the database."""
    with pytest.raises(SealError):
        opened(signed_for(RECIPIENT.box.public, inner))


@given(st.integers(0, 70_000))
def test_the_size_tells_a_class_and_no_more(length: int) -> None:
    record = sealed("a" * length)
    inside = len(record) - 1 - 48
    assert inside in TEXT_SIZES or inside % TEXT_SIZES[-1] == 0
    assert opened(record) == "a" * length


def test_short_texts_are_of_one_size() -> None:
    assert len({len(sealed("a" * length)) for length in range(0, 3000, 100)}) == 1
    keys = {len(sealed("0" * length, sizes=KEY_SIZES)) for length in (64, 128)}
    assert len(keys) == 1


def test_sizes_of_another_kind_of_record_do_not_pass() -> None:
    with pytest.raises(SealError):
        opened(sealed("k", sizes=KEY_SIZES), sizes=TEXT_SIZES)
