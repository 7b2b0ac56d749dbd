"""Promise 7 in arithmetic: every flipped bit, swap, removal and insertion is found."""

import json
from collections.abc import Iterable
from hashlib import blake2b
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from complaints.domain.hashchain import (
    DIGEST_BYTES,
    GENESIS,
    ChainLink,
    NotCanonical,
    canonical,
    follows,
    merkle_root,
    next_digest,
)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
entries = st.dictionaries(texts, values, max_size=6)
digest_lists = st.lists(st.binary(min_size=DIGEST_BYTES, max_size=DIGEST_BYTES), max_size=20)
payload_lists = st.lists(st.binary(max_size=40), min_size=1, max_size=12, unique=True)


def chain_of(payloads: list[bytes]) -> list[ChainLink]:
    links, before = [], GENESIS
    for payload in payloads:
        digest = next_digest(before, payload)
        links.append(ChainLink(before, payload, digest))
        before = digest
    return links


def verify_run(links: Iterable[ChainLink], *, start: bytes = GENESIS, head: bytes | None = None) -> int | None:
    """The index of the first link that does not follow, the number of links if they do not end at ``head``."""
    before, count = start, 0
    for count, link in enumerate(links, start=1):
        if not follows(link, before):
            return count - 1
        before = link.digest
    return count if head is not None and head != before else None


def flip(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@given(entries)
def test_canonical_bytes_are_json_and_do_not_depend_on_order(entry: dict[str, Any]) -> None:
    encoded = canonical(entry)
    assert json.loads(encoded) == entry
    assert canonical(dict(reversed(entry.items()))) == encoded
    assert encoded.decode("utf-8").encode("utf-8") == encoded


def test_canonical_has_sorted_keys_no_spaces_and_plain_utf8() -> None:
    entry = {"b": [1, True, None], "a": {"é": "ya, tidak"}, "Z": (1, 2)}
    assert canonical(entry) == '{"Z":[1,2],"a":{"é":"ya, tidak"},"b":[1,true,null]}'.encode()


@given(entries, entries)
def test_different_entries_have_different_bytes(entry: dict[str, Any], other: dict[str, Any]) -> None:
    same = json.dumps(entry, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (canonical(entry) == canonical(other)) == same


@pytest.mark.parametrize(
    "entry",
    [
        {"a": 1.0},
        {"a": [float("nan")]},
        {1: "a"},
        {"a": {None: 1}},
        {"a": b"bytes"},
        {"a": {"set"}},
        {"a": object()},
        {"a": "\ud800"},
    ],
)
def test_ambiguous_json_is_refused_without_quoting_it(entry: dict[str, Any]) -> None:
    with pytest.raises(NotCanonical) as refused:
        canonical(entry)
    assert "bytes" not in str(refused.value)
    assert "ud800" not in ascii(refused.value)


def test_digests_are_the_published_construction() -> None:
    expected = blake2b(GENESIS + b"payload", digest_size=32, person=b"kn-audit").digest()
    assert next_digest(GENESIS, b"payload") == expected
    assert blake2b(b"", digest_size=32, person=b"kn-audit-genesis").digest() == GENESIS
    assert next_digest(memoryview(GENESIS), memoryview(b"payload")) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_previous_digest_of_another_length_is_an_error(length: int) -> None:
    with pytest.raises(ValueError, match="length"):
        next_digest(bytes(length), b"payload")


@given(payload_lists)
def test_an_untouched_run_is_whole(payloads: list[bytes]) -> None:
    links = chain_of(payloads)
    assert verify_run(links) is None
    assert verify_run(iter(links), head=links[-1].digest) is None
    assert verify_run(links[1:], start=links[0].digest) is None


def test_an_empty_run_is_whole_unless_a_head_says_otherwise() -> None:
    assert verify_run([]) is None
    assert verify_run([], head=GENESIS) is None
    assert verify_run([], head=next_digest(GENESIS, b"lost")) == 0


@given(payload_lists, st.data())
def test_any_flipped_bit_is_found_where_it_is(payloads: list[bytes], data: st.DataObject) -> None:
    links = chain_of(payloads)
    index = data.draw(st.integers(0, len(links) - 1))
    field = data.draw(st.sampled_from([name for name in ChainLink._fields if getattr(links[index], name)]))
    content = getattr(links[index], field)
    bit = data.draw(st.integers(0, len(content) * 8 - 1))
    links[index] = links[index]._replace(**{field: flip(content, bit)})
    assert verify_run(links) == index


@given(payload_lists.filter(lambda payloads: len(payloads) > 1), st.data())
def test_any_swap_is_found(payloads: list[bytes], data: st.DataObject) -> None:
    links = chain_of(payloads)
    first, other = sorted(data.draw(st.permutations(range(len(links))))[:2])
    links[first], links[other] = links[other], links[first]
    assert verify_run(links) == first


@given(payload_lists, st.data())
def test_any_removal_is_found(payloads: list[bytes], data: st.DataObject) -> None:
    links = chain_of(payloads)
    head = links[-1].digest
    index = data.draw(st.integers(0, len(links) - 1))
    del links[index]
    assert verify_run(links, head=head) == index


@given(payload_lists, st.binary(max_size=40), st.data())
def test_any_insertion_is_found(payloads: list[bytes], added: bytes, data: st.DataObject) -> None:
    links = chain_of(payloads)
    head = links[-1].digest
    index = data.draw(st.integers(0, len(links)))
    before = links[index - 1].digest if index else GENESIS
    forged = ChainLink(before, added, next_digest(before, added))
    links.insert(index, forged)
    fault = verify_run(links, head=head)
    # a well made insertion is a valid link itself: what follows it no longer fits, or the head does not
    assert fault == index + 1


@given(payload_lists, st.binary(max_size=40), st.data())
def test_rewritten_chain_does_not_reach_the_exported_head(
    payloads: list[bytes], other: bytes, data: st.DataObject
) -> None:
    head = chain_of(payloads)[-1].digest
    index = data.draw(st.integers(0, len(payloads) - 1))
    rewritten = [*payloads[:index], other + b"!", *payloads[index + 1 :]]
    if rewritten != payloads:
        assert verify_run(chain_of(rewritten), head=head) == len(payloads)


def test_merkle_root_of_three_is_the_published_construction() -> None:
    def digest(data: bytes, person: bytes) -> bytes:
        return blake2b(data, digest_size=32, person=person).digest()

    a, b, c = (digest(letter, b"kn-leaf") for letter in (b"a" * 32, b"b" * 32, b"c" * 32))
    expected = digest(digest(a + b, b"kn-node") + c, b"kn-node")
    assert merkle_root([b"c" * 32, b"a" * 32, b"b" * 32]) == expected
    assert merkle_root([]) == digest(b"", b"kn-empty")
    assert merkle_root([b"a" * 32]) == a


@given(digest_lists, st.randoms())
def test_merkle_root_does_not_depend_on_order(digests: list[bytes], random: Any) -> None:
    shuffled = list(digests)
    random.shuffle(shuffled)
    assert merkle_root(iter(shuffled)) == merkle_root(digests)


@given(digest_lists, digest_lists)
def test_only_the_same_digests_have_the_same_root(some: list[bytes], other: list[bytes]) -> None:
    assert (merkle_root(some) == merkle_root(other)) == (sorted(some) == sorted(other))


@given(digest_lists.filter(bool), st.data())
def test_a_changed_removed_or_doubled_digest_changes_the_root(digests: list[bytes], data: st.DataObject) -> None:
    root = merkle_root(digests)
    index = data.draw(st.integers(0, len(digests) - 1))
    bit = data.draw(st.integers(0, DIGEST_BYTES * 8 - 1))
    changed = [*digests[:index], flip(digests[index], bit), *digests[index + 1 :]]
    assert merkle_root(changed) != root
    assert merkle_root(digests[:index] + digests[index + 1 :]) != root
    assert merkle_root([*digests, digests[index]]) != root
    assert merkle_root([*digests, max(digests)]) != root


@given(digest_lists.filter(bool))
def test_merkle_root_is_no_valid_leaf(digests: list[bytes]) -> None:
    assert merkle_root([merkle_root(digests)]) != merkle_root(digests)
