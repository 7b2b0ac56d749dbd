"""Renders what is printed as a PDF, in memory: the custody sheet of a case, letters, and dossiers.

typst compiles from memory to bytes. The templates import no package, so typst makes no network request.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final, Literal

import typst

_FOLDER: Final = Path(__file__).resolve().parent


@cache
def _fonts() -> typst.Fonts:
    # The embedded fonts make all prints look the same; the system's fonts cover scripts that those lack.
    return typst.Fonts(include_system_fonts=True, include_embedded_fonts=True)


def render(template: Literal["custody", "letter", "dossier"], values: Mapping[str, object]) -> bytes:
    """Return a print as a PDF; raises typst.TypstError where a key or font that the template needs is missing."""
    # No PDF/A profile: typst refuses it when the fonts lack one character of a file's name.
    return typst.compile(
        _FOLDER / f"{template}.typ",
        root=_FOLDER,
        font_paths=_fonts(),
        sys_inputs={"values": json.dumps(values)},
        timestamp=0,
    )
