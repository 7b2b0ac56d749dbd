"""The commitment to a report's answers: 32 bytes that reveal nothing, by which single answers can be proven later.

The 64 leaves of a Merkle tree are the answers, each under a salt of its own, the story with a leaf for each line; what
is missing to 64 is filled up. Salts and fillers are derived from a seed that is sealed with the answers. Whoever gets
an answer with its salt and six siblings can hold it against the stored commitment, and learns nothing of the others.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from complaints.domain.errors import SealError
from complaints.domain.sealing.primitives import Stored, blake2b, random_bytes

LEAVES: Final = 64
DEPTH: Final = 6
SEED_BYTES: Final = 32
STORY: Final = "story"
# The name under which the seed is sealed among the answers, in hexadecimal; it is no answer itself.
SEED: Final = "seed"


@dataclass(frozen=True)
class ProvenAnswer:
    """One answer with what proves it: its salt, its leaf's place among the sorted ones, the siblings up to the root.

    ``name`` is that of the field, or ``story.N`` for a line of the story. Salt and siblings have 32 bytes each.
    """

    name: str
    value: str
    salt: bytes
    place: int
    siblings: tuple[bytes, ...]


def new_seed() -> bytes:
    """Draw the 32 bytes that salts and fillers of one report are derived from."""
    return random_bytes(SEED_BYTES)


def commit(answers: Mapping[str, object], seed: bytes) -> bytes:
    """Return the 32 bytes that commit to ``answers`` (texts and booleans by field, without the seed).

    Raises ValueError for a seed of another length, or so many fields that the story gets no leaf.
    """
    level = _sorted_leaves(_values(answers), seed)
    while len(level) > 1:
        level = _parents(level)
    return level[0]


def prove(answers: Mapping[str, object], seed: bytes, name: str) -> ProvenAnswer:
    """Return the proof of one answer; raises KeyError for a name without a leaf, and ValueError as :func:`commit`."""
    values = _values(answers)
    value, salt = values[name], _salt(name, seed)
    level = _sorted_leaves(values, seed)
    place = index = level.index(_leaf(name, value, salt))
    siblings = []
    while len(level) > 1:
        siblings.append(level[index ^ 1])
        level, index = _parents(level), index >> 1
    return ProvenAnswer(name, value, salt, place, tuple(siblings))


def verify_answer(commitment: Stored, answer: ProvenAnswer) -> None:
    """Check that ``commitment`` (32 bytes) holds an answer; raises SealError where it does not."""
    if len(answer.siblings) != DEPTH or not 0 <= answer.place < LEAVES:
        raise SealError("commitment")
    node, index = _leaf(answer.name, answer.value, answer.salt), answer.place
    for sibling in answer.siblings:
        node = _node(sibling, node) if index & 1 else _node(node, sibling)
        index >>= 1
    if node != bytes(commitment):
        raise SealError("commitment")


def _values(answers: Mapping[str, object]) -> dict[str, str]:
    """Return the text of each leaf by its name: a line of the story each, the lines without room joined in the last."""
    values = {name: _text(value) for name, value in answers.items() if name != STORY}
    room = LEAVES - len(values)
    if room < 1:
        raise ValueError("too many answers")
    lines = _text(answers.get(STORY, "")).split("\n", room - 1)
    return values | {f"{STORY}.{number}": line for number, line in enumerate(lines)}


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _sorted_leaves(values: Mapping[str, str], seed: bytes) -> list[bytes]:
    if len(seed) != SEED_BYTES:
        raise ValueError("seed")
    leaves = [_leaf(name, value, _salt(name, seed)) for name, value in values.items()]
    # The fillers hide how many answers and lines there are. They come from the seed, so that a proof can be made later.
    fillers = (
        blake2b(number.to_bytes(4, "big"), person=b"answer filler", key=seed) for number in range(LEAVES - len(leaves))
    )
    return sorted([*leaves, *fillers])


def _salt(name: str, seed: bytes) -> bytes:
    return blake2b(name.encode(), person=b"answer salt", key=seed)


def _leaf(name: str, value: str, salt: bytes) -> bytes:
    label = name.encode()
    return blake2b(len(label).to_bytes(4, "big") + label + value.encode(), person=b"answer leaf", key=salt)


def _parents(level: list[bytes]) -> list[bytes]:
    return [_node(left, right) for left, right in zip(level[::2], level[1::2], strict=True)]


def _node(left: bytes, right: bytes) -> bytes:
    return blake2b(left + right, person=b"answer node")
