"""Renders the custody sheet of a case as a PDF, in memory.

typst compiles from memory to bytes. The template imports no package, so typst makes no network request.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

import typst

_FOLDER: Final = Path(__file__).resolve().parent


@cache
def fonts() -> typst.Fonts:
    """Return the fonts of everything that is printed here."""
    # The embedded fonts make all sheets look the same; the system's fonts cover scripts that those lack.
    return typst.Fonts(include_system_fonts=True, include_embedded_fonts=True)


def render(sheet: Mapping[str, object]) -> bytes:
    """Return the sheet as a PDF; raises typst.TypstError where a key or font that ``custody.typ`` needs is missing."""
    # No PDF/A profile: typst refuses it when the fonts lack one character of a file's name.
    return typst.compile(
        _FOLDER / "custody.typ", root=_FOLDER, font_paths=fonts(), sys_inputs={"sheet": json.dumps(sheet)}, timestamp=0
    )
