"""The real jobs, one of which breaks down where the words of the file say so: "%refuse preview", "%die inspect"."""

import os
from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO

from complaints.adapters.media import jobs
from complaints.adapters.media.jobs import JOBS, Answer, preload
from complaints.adapters.media.refusal import Unreadable

__all__ = ["JOBS", "SEQUENCES", "preload"]


def derive(source: BinaryIO, out: BinaryIO, media_type: str, options: Mapping[str, int]) -> Iterator[jobs.Step]:
    _, _, words = source.read().rpartition(b"%")
    for name, do in jobs.derive(source, out, media_type, options):
        yield name, _broken(words.decode("latin-1"), name, do)


def _broken(words: str, name: str, do: Callable[[], Answer]) -> Callable[[], Answer]:
    def instead() -> Answer:
        if words == f"refuse {name}":
            raise Unreadable
        if words == f"die {name}":
            os._exit(3)
        return do()

    return instead


SEQUENCES = {"derive": derive}
