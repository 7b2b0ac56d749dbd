"""The text of an office document or a plain text, and the same without passages of it. Runs in the sandbox only."""

from __future__ import annotations

import io
from collections.abc import Mapping
from types import ModuleType
from typing import BinaryIO, Final

from complaints.adapters.media import kinds, odf_passages, ooxml_passages, texts
from complaints.adapters.media.instructions import passages_of
from complaints.adapters.media.passages import MOST_LETTERS, Passages
from complaints.adapters.media.refusal import Unreadable

_WRITERS: Final[Mapping[str, ModuleType]] = {"ooxml": ooxml_passages, "odf": odf_passages}
PLAIN: Final = "text/plain"


def _write(source: BinaryIO, out: BinaryIO, media_type: str, passages: Passages) -> None:
    source.seek(0)
    if media_type != PLAIN:
        _WRITERS[kinds.FAMILIES[media_type]].write(source, out, media_type, passages)
        return
    # Four bytes are the most that a letter takes.
    data = source.read(4 * MOST_LETTERS + 1)
    text = texts.decoded(data)
    if len(data) > 4 * MOST_LETTERS:
        raise Unreadable("too_large")
    # What is packed into letters that nobody reads could hold anything.
    if "partly" in texts.codes_of_text(text):
        raise Unreadable("unsupported")
    out.write(passages.part(PLAIN).add(text).encode("utf-8", "replace"))


def learned(source: BinaryIO, media_type: str) -> Passages:
    """Return the texts of a working copy of an office document, or of a plain text.

    Raises Unreadable, "too_large" where nobody would read all of it.
    """
    passages = Passages()
    _write(source, io.BytesIO(), media_type, passages)
    return passages


def read(source: BinaryIO, media_type: str) -> str:
    """Return the text of a document, a paragraph or a line of a table a line; raises as :func:`learned`."""
    return learned(source, media_type).text()


def redact(source: BinaryIO, out: BinaryIO, media_type: str, options: Mapping[str, int]) -> tuple[str, int]:
    """Write a working copy without the passages of the options; return its media type and 0, for it has no pages.

    Raises as :func:`learned`.
    """
    passages = learned(source, media_type).arranged(passages_of(options))
    _write(source, out, media_type, passages)
    return media_type, 0
