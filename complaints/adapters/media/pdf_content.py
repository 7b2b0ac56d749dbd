"""Content streams of PDF files: a copy of their operators without comments and without the texts of marked content.

Only the tokens that can hold a text are looked at, because the streams of drawings are long. For ``pdf_rules`` only.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

_WORD: Final = re.compile(
    rb"""
    (?P<string>\()
    | (?P<dictionary><<)
    | (?P<hex><[0-9A-Fa-f\s]*>)
    | (?P<comment>%[^\r\n]*)
    | (?P<name>/[^\x00\t\n\f\r ()<>\[\]{}/%]*)
    | (?P<picture>(?<![^\s\])>])BI(?=[\s/]))
    """,
    re.VERBOSE,
)
_PARENTHESES: Final = re.compile(rb"\\.|[()]", re.DOTALL)
_ENDS: Final = re.compile(rb"<<|>>|\(|%[^\r\n]*|<[^<>]*>", re.DOTALL)
_MARKED: Final = re.compile(rb"\s*(BDC|DP)\b")
_TAG: Final = re.compile(rb"\s*(BMC|MP)\b")
_PICTURE_BEGINS: Final = re.compile(rb"(?<=[\s\])>])(?:ID\s|BI(?=[\s/])|\Z)")
_PICTURE_ENDS: Final = re.compile(rb"\sEI(?=[\s/]|\Z)")
_PICTURE_WORDS: Final = re.compile(
    rb"/[^\s()<>\[\]{}/%]*|\[[^\]]*\]|<<[^>]*>>|<[^>]*>|\((?:\\.|[^()\\])*\)|[^\s/\[<(%]+|%[^\r\n]*"
)
# ISO 32000-2, tables 91 and 92: the entries of an inline image.
_PICTURE_ENTRIES: Final = frozenset(
    b"/BPC /BitsPerComponent /CS /ColorSpace /D /Decode /DP /DecodeParms /F /Filter /H /Height /IM /ImageMask /I"
    b" /Interpolate /W /Width /L /Length /Intent".split()
)
_LOSSY: Final = re.compile(rb"/(DCT|DCTDecode|JPXDecode)\b")
_UNDRAWN: Final = re.compile(rb"(?<![\d.+-])3\s+Tr(?![A-Za-z])")
_LOOSE_END: Final = re.compile(rb"EI(?=\s|\Z)")
# Data that are no end of a picture by chance are followed by operators.
_AFTER_PICTURE: Final = re.compile(rb"[\s\x20-\x7e]{0,12}")


def without_comments(data: bytes) -> bytes:
    """Return a program of PostScript, as a table of characters, without its comments."""
    return _rewritten(data, lambda name: name, set(), is_content=False)


def bare(data: bytes, rename: Callable[[bytes], bytes], losses: set[str]) -> bytes:
    """Return a content stream without comments, and with empty property lists of marked content.

    ``rename`` gives each name, as ``/F1``, the one of the copy. A JPEG between the operators is left out: ``losses``
    gets "pictures".
    """
    return _rewritten(data, rename, losses, is_content=True)


def draws_no_text(data: bytes) -> bool:
    """Return whether a content stream asks for text that is not drawn (ISO 32000-2, table 104: mode 3)."""
    return _UNDRAWN.search(data) is not None


def _rewritten(data: bytes, rename: Callable[[bytes], bytes], losses: set[str], *, is_content: bool) -> bytes:
    out, position = list[bytes](), 0
    while match := _WORD.search(data, position):
        kind, start, end = match.lastgroup, match.start(), match.end()
        out.append(data[position:start])
        if kind == "string":
            end = _string_end(data, end)
            out.append(data[start:end])
        elif kind == "comment":
            out.append(b" ")
        elif kind == "dictionary" and is_content:
            end = _dictionary_end(data, end)
            out.append(b"<<>>" if _MARKED.match(data, end) else b"")
        elif kind == "name" and is_content:
            out.append(b"/Span" if _TAG.match(data, end) or _is_tag(data, end) else rename(match.group()))
        elif kind == "picture" and is_content:
            picture, end = _picture(data, end, rename, losses)
            out.append(picture)
        else:
            out.append(match.group())
        position = end
    out.append(data[position:])
    return b"".join(out)


def _is_tag(data: bytes, end: int) -> bool:
    """Return whether a name is the tag of marked content: a property list follows it."""
    while end < len(data) and data[end : end + 1].isspace():
        end += 1
    return data.startswith(b"<<", end)


def _string_end(data: bytes, position: int) -> int:
    depth = 1
    while match := _PARENTHESES.search(data, position):
        position = match.end()
        depth += {b"(": 1, b")": -1}.get(match.group(), 0)
        if not depth:
            return position
    return len(data)  # a reader finds no operator behind a string without an end


def _dictionary_end(data: bytes, position: int) -> int:
    depth = 1
    while match := _ENDS.search(data, position):
        position, word = match.end(), match.group()
        if word == b"(":
            position = _string_end(data, position)
        depth += {b"<<": 1, b">>": -1}.get(word, 0)
        if not depth:
            return position
    return len(data)


def _picture(data: bytes, position: int, rename: Callable[[bytes], bytes], losses: set[str]) -> tuple[bytes, int]:
    """Return an inline image with the entries that draw it, and where it ends."""
    begins = _PICTURE_BEGINS.search(data, position)
    if begins is None or not begins.group().startswith(b"ID"):
        return b"BI", position  # no image, but an operator that is not known
    words = [word for word in _PICTURE_WORDS.findall(data[position : begins.start()]) if not word.startswith(b"%")]
    entries, is_lossy = [], False
    for key, value in zip(words[::2], words[1::2], strict=False):
        is_lossy = is_lossy or (key in {b"/F", b"/Filter"} and _LOSSY.search(value) is not None)
        if key in _PICTURE_ENTRIES and not value.startswith(b"("):
            is_name = value.startswith(b"/") and key in {b"/CS", b"/ColorSpace"}
            entries.append(key + b" " + (rename(value) if is_name else value))
    end = _pixels_end(data, begins.end())
    if is_lossy:  # it may hold remarks, and no program is known to write one
        losses.add("pictures")
        return b"", end
    return b"BI " + b" ".join(entries) + b" ID " + data[begins.end() : end], end


def _pixels_end(data: bytes, position: int) -> int:
    """Return where a picture ends, whose length is not written down: at "EI", which its data may hold by chance."""
    end, first = position, 0
    while ends := _PICTURE_ENDS.search(data, end):
        end = ends.end()
        first = first or end
        following = data[end : end + 12]
        match = _AFTER_PICTURE.match(following)
        if match and match.end() == len(following):
            return end
    loose = _LOOSE_END.search(data, position)
    return first or (loose.end() if loose else len(data))
