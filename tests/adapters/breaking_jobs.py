"""The real jobs, one of which breaks down where the words of the file say so: "%refuse clean", "%die inspect".

No words stay in a copy: of a PDF of three pages the preview dies, of one of four it is refused.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import BinaryIO

from complaints.adapters.media import jobs, pages
from complaints.adapters.media.jobs import JOBS, Answer, preload
from complaints.adapters.media.refusal import Unreadable

__all__ = ["JOBS", "SEQUENCES", "preload"]


def derive(source: BinaryIO, out: BinaryIO, media_type: str, options: Mapping[str, int]) -> Iterator[jobs.Step]:
    _, _, words = source.read().rpartition(b"%")
    for name, do in jobs.derive(source, out, media_type, options):
        text = words.decode("latin-1")
        is_forged = name == "clean" and text.startswith("forge ")
        yield name, partial(_forged, out, text) if is_forged else _broken(text, name, do)


def draw(source: BinaryIO, out: BinaryIO, media_type: str, options: Mapping[str, int]) -> Iterator[jobs.Step]:
    words = {3: "die preview", 4: "refuse preview"}.get(pages.count(source), "")
    for name, do in jobs.draw(source, out, media_type, options):
        yield name, _broken(words, name, do)


def _broken(words: str, name: str, do: Callable[[], Answer]) -> Callable[[], Answer]:
    def instead() -> Answer:
        if words == f"refuse {name}":
            raise Unreadable
        if words == f"die {name}":
            os._exit(3)
        return do()

    return instead


def _forged(out: BinaryIO, words: str) -> Answer:
    """Return the clean copy of a reader that a file has taken over."""
    out.write(b"<html>")
    types = {"nothing": [], "page": ["text/html"], "pages": ["application/pdf"] * 2, "program": ["image/jpeg"]}
    return Answer(type="application/pdf", parts=[(kind, 3) for kind in types[words.removeprefix("forge ")]])


SEQUENCES = {"derive": derive, "draw": draw}
