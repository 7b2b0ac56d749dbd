"""Key sets: derived from a code, wrapped under a password, split in two, known by a fingerprint."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from complaints.domain import codes
from complaints.domain.errors import SealError
from complaints.domain.sealing import keys
from complaints.domain.sealing.keys import KeySet
from tests.domain.sealing.strategies import ONE, OTHER, bits, flipped, places

PEPPER, OWNER, SECRET = bytes(32), b"0123456789abcdef", ONE.to_bytes()
PASSWORD = "sandi yang cukup panjang"
# The least that libsodium takes.
CHEAP = {"opslimit": 1, "memlimit": 8192}


def wrapped(password: str = PASSWORD) -> bytes:
    return keys.wrap(SECRET, password=password, pepper=PEPPER, owner=OWNER, **CHEAP)


@settings(max_examples=25)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60), st.text(max_size=60))
def test_wrapping_opens_with_the_same_password_only(password: str, other: str) -> None:
    other = other.encode(errors="replace").decode()
    assume(password != other)
    closed = wrapped(password)
    opened = keys.unwrap(memoryview(closed), password=password, pepper=PEPPER, owner=OWNER)
    assert opened == SECRET
    with pytest.raises(SealError):
        keys.unwrap(closed, password=other, pepper=PEPPER, owner=OWNER)


def test_wrapping_is_bound_to_pepper_and_owner() -> None:
    closed = wrapped()
    for pepper, owner in ((bytes(31) + b"\1", OWNER), (PEPPER, b"another person!!")):
        with pytest.raises(SealError):
            keys.unwrap(closed, password=PASSWORD, pepper=pepper, owner=owner)


@settings(max_examples=150)
@given(places, bits)
def test_any_flipped_bit_of_a_wrapped_key_is_an_error(place: float, bit: int) -> None:
    """The cost parameters stand in front of it: whoever alters them must not keep the server busy for hours."""
    with pytest.raises(SealError):
        keys.unwrap(flipped(wrapped(), place, bit), password=PASSWORD, pepper=PEPPER, owner=OWNER)


@pytest.mark.parametrize("head", range(13))
def test_no_parameter_of_a_wrapped_key_can_be_blown_up(head: int) -> None:
    closed = bytearray(wrapped())
    closed[head] |= 0x80
    with pytest.raises(SealError):
        keys.unwrap(bytes(closed), password=PASSWORD, pepper=PEPPER, owner=OWNER)


@pytest.mark.parametrize("size", [0, 1, 12, 13, 28, 29, 50])
def test_a_cut_wrapped_key_is_an_error(size: int) -> None:
    with pytest.raises(SealError):
        keys.unwrap(wrapped()[:size], password=PASSWORD, pepper=PEPPER, owner=OWNER)


def test_every_wrapping_has_a_salt_of_its_own() -> None:
    assert wrapped()[13:29] != wrapped()[13:29]


def test_a_key_set_survives_its_bytes() -> None:
    assert KeySet.from_bytes(ONE.to_bytes()) == ONE
    for size in (0, 32, 63, 65):
        with pytest.raises(SealError):
            KeySet.from_bytes(bytes(size))


def test_a_code_makes_the_same_keys_for_ever_and_no_others() -> None:
    code = codes.new_code()
    assert keys.reporter_keys(code) == keys.reporter_keys(code)
    assert keys.reporter_keys(code) != keys.reporter_keys(codes.new_code())
    # The stored digest is none of the seeds.
    assert codes.lookup_digest(code) not in {codes.reporter_seed(code), codes.sign_seed(code)}
    assert codes.reporter_seed(code) != codes.sign_seed(code)


@given(st.binary(max_size=80))
def test_two_halves_make_the_whole(secret: bytes) -> None:
    half, other = keys.split(secret)
    assert len(half) == len(other) == len(secret)
    assert keys.join(half, other) == keys.join(other, half) == secret


@given(st.binary(min_size=16, max_size=80))
def test_a_half_is_not_the_secret_and_never_twice_the_same(secret: bytes) -> None:
    half, other = keys.split(secret)
    again, _ = keys.split(secret)
    assert secret not in (half, other)
    assert half != again


def test_halves_of_two_lengths_do_not_join() -> None:
    with pytest.raises(SealError):
        keys.join(bytes(3), bytes(4))


def test_a_fingerprint_knows_both_public_halves() -> None:
    prints = {
        keys.fingerprint(box.public, sign.public) for box in (ONE.box, OTHER.box) for sign in (ONE.sign, OTHER.sign)
    }
    assert len(prints) == 4
    assert ONE.fingerprint == keys.fingerprint(memoryview(ONE.box.public), memoryview(ONE.sign.public))
    groups = ONE.fingerprint.split(" ")
    assert len(groups) == 8
    assert all(len(group) == 4 for group in groups)


def test_fingerprints_are_compared_as_people_type_them() -> None:
    mine = ONE.fingerprint
    assert keys.same_fingerprint(mine.upper().replace(" ", ""), mine)
    assert not keys.same_fingerprint(mine, OTHER.fingerprint)
    for empty in ("", " "):
        assert not keys.same_fingerprint(empty, empty)
        assert not keys.same_fingerprint(empty, mine)


def test_pins_are_read_as_written() -> None:
    pins = keys.parse_pins(" triage = aaaa bbbb ,body-kasn=cccc,, nothing")
    assert dict(pins) == {"triage": "aaaa bbbb", "body-kasn": "cccc"}
    assert dict(keys.parse_pins("")) == {}
