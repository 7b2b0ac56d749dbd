"""Altered files of every kind end in a copy or in a word for the reporter, within the time limit, and never crash.

FUZZED_FILES is how many of each kind, 5 by default; ``make fuzz`` takes 200.
"""

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from complaints.adapters.media import kinds
from complaints.adapters.media.refusal import CODES
from complaints.adapters.sandbox import Sandbox, hold, limits_of
from tests.adapters.fuzzed import altered, everything

FILES = int(os.environ.get("FUZZED_FILES", "5"))
CLEAR = CODES - {"crashed"}


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    made = Sandbox()
    yield made
    made.close()


def fault_of(box: Sandbox, media_type: str, seed: int) -> str:
    """Return what is amiss with the answer to an altered file, "" where nothing is."""
    data, begun = altered(media_type, seed), time.monotonic()
    media_type = kinds.recognise(data)
    if media_type not in kinds.ALLOWED:
        return ""  # refused at its first bytes: the page names the kinds that are taken
    with hold([data], 10**8) as held:
        limits = limits_of(held, jobs=2)
        # As the worker asks: anew where the whole file turns out to be of another kind.
        for _ in range(2):
            with box.run_steps("derive", held, media_type, limits=limits) as steps:
                found = steps.done["recognise"].type if "recognise" in steps.done else media_type
                codes, ended_early = dict(steps.failed), steps.ended_early
                copied = (
                    [(part.type, part.read()) for part in steps.done["clean"].parts] if "clean" in steps.done else []
                )
            if copied or codes or kinds.no_copy_reason(found) or found == media_type:
                break
            media_type = found
    for kind, copy in copied:
        with hold([copy], 10**8) as held, box.run_steps("draw", held, kind, limits=limits, limit=3) as drawn:
            codes |= drawn.failed
            ended_early |= drawn.ended_early
    unclear = {step: code for step, code in codes.items() if code not in CLEAR}
    if ended_early or unclear:
        return f"{media_type} {seed}: {codes}"
    if not (copied or "clean" in codes or kinds.no_copy_reason(found)):
        return f"{media_type} {seed}: neither a copy nor a word"
    if (
        any(not copy or kind not in kinds.copy_types(found) for kind, copy in copied)
        or time.monotonic() - begun > limits.wall_seconds
    ):
        return f"{media_type} {seed}: {[(kind, len(copy)) for kind, copy in copied]}"
    return ""


@pytest.mark.parametrize("media_type", everything())
def test_an_altered_file_ends_in_a_copy_or_a_word(box: Sandbox, media_type: str) -> None:
    with ThreadPoolExecutor(2) as pool:
        faults = pool.map(lambda seed: fault_of(box, media_type, seed), range(FILES))
        assert [fault for fault in faults if fault] == []


def test_the_same_seed_gives_the_same_file() -> None:
    assert altered("image/png", 3) == altered("image/png", 3) != altered("image/png", 4)
