"""Renders a letter to another authority as a PDF, in memory; see ``custody_pdf``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import typst

from complaints.adapters.custody_pdf import fonts

_FOLDER: Final = Path(__file__).resolve().parent


def render(letter: Mapping[str, object]) -> bytes:
    """Return the letter as a PDF; raises typst.TypstError where a key that ``letter.typ`` needs is missing."""
    return typst.compile(
        _FOLDER / "letter.typ", root=_FOLDER, font_paths=fonts(), sys_inputs={"letter": json.dumps(letter)}, timestamp=0
    )
