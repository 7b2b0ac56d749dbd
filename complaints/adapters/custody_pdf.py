"""Sheets on paper: a PDF from plain data, made in memory. For the admin.

typst takes the data from memory and gives bytes; our templates import nothing, so it asks no network.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import typst

_FOLDER: Final = Path(__file__).resolve().parent


@cache
def _fonts() -> typst.Fonts:
    # Its own fonts give every sheet the same face; the system's fill in for scripts that those do not have.
    return typst.Fonts(include_system_fonts=True, include_embedded_fonts=True)


def render(sheet: Mapping[str, Any]) -> bytes:
    """Return the custody sheet as a PDF; ``sheet`` holds every word on it, as ``custody.typ`` names them.

    Raises:
        typst.TypstError: something the template needs is not there.
    """
    # No archive profile: those refuse a sheet whose fonts lack a single sign of a file's name.
    return typst.compile(
        _FOLDER / "custody.typ", root=_FOLDER, font_paths=_fonts(), sys_inputs={"sheet": json.dumps(sheet)}, timestamp=0
    )
