"""The commitment to answers: each is proven alone, nothing else fits, and the 32 bytes tell nothing of them."""

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from complaints.domain.errors import SealError
from complaints.domain.sealing.commitment import (
    DEPTH,
    LEAVES,
    ProvenAnswer,
    commit,
    new_seed,
    prove,
    verify_answer,
)
from tests.domain.sealing.strategies import texts

SEED = bytes(range(32))
ANSWERS: dict[str, object] = {"accused_name": "Kepala Bidang X", "accused_unknown": False, "story": "Satu.\nDua.\n"}
stories = st.lists(texts.map(lambda text: text.replace("\n", " ")), min_size=1, max_size=90).map("\n".join)


def blake2b(data: bytes, person: bytes, key: bytes = b"") -> bytes:
    return hashlib.blake2b(data, digest_size=32, person=person, key=key).digest()


def independent_root(values: dict[str, str], seed: bytes) -> bytes:
    """The root as docs/envelope.md describes it, written a second time."""
    leaves = []
    for name, value in values.items():
        salt = blake2b(name.encode(), b"answer salt", seed)
        text = len(name.encode()).to_bytes(4, "big") + name.encode() + value.encode()
        leaves.append(blake2b(text, b"answer leaf", salt))
    leaves += [blake2b(n.to_bytes(4, "big"), b"answer filler", seed) for n in range(64 - len(leaves))]
    level = sorted(leaves)
    while len(level) > 1:
        level = [blake2b(level[n] + level[n + 1], b"answer node") for n in range(0, len(level), 2)]
    return level[0]


def test_the_root_is_the_one_that_the_document_describes() -> None:
    values = {"accused_name": "Kepala Bidang X", "accused_unknown": "false"}
    values |= {"story.0": "Satu.", "story.1": "Dua.", "story.2": ""}
    assert commit(ANSWERS, SEED) == independent_root(values, SEED)
    assert commit({}, SEED) == independent_root({"story.0": ""}, SEED)


@given(stories, st.dictionaries(st.sampled_from(["agency", "door", "links"]), texts | st.booleans()))
def test_every_answer_and_line_is_proven_alone(story: str, others: dict[str, object]) -> None:
    answers, seed = others | {"story": story}, new_seed()
    root, lines = commit(answers, seed), story.split("\n")
    room = LEAVES - len(others)
    for name in (*others, "story.0", f"story.{min(len(lines), room) - 1}"):
        proof = prove(answers, seed, name)
        verify_answer(root, proof)
        for wrong in (
            replace(proof, value=proof.value + "x"),
            replace(proof, name=proof.name + "1"),
            replace(proof, salt=bytes(32)),
            replace(proof, place=proof.place ^ 1),
            replace(proof, place=-1),
            replace(proof, place=LEAVES + proof.place),
            replace(proof, siblings=proof.siblings[1:]),
            replace(proof, siblings=(*proof.siblings, bytes(32))),
            replace(proof, siblings=(bytes(32), *proof.siblings[1:])),
        ):
            with pytest.raises(SealError, match="commitment"):
                verify_answer(root, wrong)


def test_lines_without_a_leaf_of_their_own_are_joined_in_the_last() -> None:
    """Two fields leave 62 leaves: 61 for a line each, the last for all that follow."""
    lines = [f"Baris {number}" for number in range(200)]
    answers = ANSWERS | {"story": "\n".join(lines)}
    root = commit(answers, SEED)
    assert prove(answers, SEED, "story.60").value == "Baris 60"
    last = prove(answers, SEED, "story.61")
    assert last.value == "\n".join(lines[61:])
    verify_answer(root, last)
    with pytest.raises(KeyError):
        prove(answers, SEED, "story.62")
    # What fits exactly is not joined, and no line is lost: any change changes the root.
    fits = ANSWERS | {"story": "\n".join(lines[:62])}
    assert prove(fits, SEED, "story.61").value == "Baris 61"
    assert len({commit(ANSWERS | {"story": "\n".join(lines[:count])}, SEED) for count in range(1, 201)}) == 200


def test_without_the_seed_nothing_can_be_guessed() -> None:
    """Equal answers have unequal roots, and an answer that is shown leaves the salts of all others unknown."""
    assert len({commit(ANSWERS, new_seed()) for _ in range(50)}) == 50
    proof = prove(ANSWERS, SEED, "accused_name")
    shown = {proof.salt, *proof.siblings}
    for name, value in {"accused_unknown": "false", "story.0": "Satu."}.items():
        guess = ProvenAnswer(name, value, proof.salt, proof.place ^ 1, proof.siblings)
        with pytest.raises(SealError):
            verify_answer(commit(ANSWERS, SEED), guess)
        assert prove(ANSWERS, SEED, name).salt not in shown
    assert len(proof.siblings) == DEPTH


@pytest.mark.parametrize("seed", [b"", bytes(31), bytes(33)])
def test_another_length_of_the_seed_is_refused(seed: bytes) -> None:
    with pytest.raises(ValueError, match="seed"):
        commit(ANSWERS, seed)


def test_so_many_fields_that_the_story_has_no_leaf_are_refused() -> None:
    fields: dict[str, object] = {f"field{number}": "" for number in range(LEAVES)}
    with pytest.raises(ValueError, match="too many answers"):
        commit(fields, SEED)
    fields.popitem()
    assert prove(fields | {"story": "a\nb"}, SEED, "story.0").value == "a\nb"
