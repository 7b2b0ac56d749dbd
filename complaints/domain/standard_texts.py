"""Placeholders of standard texts, and filling them in.

Plain replacement on purpose: administrators write these texts, and a template language would give them access to more
than these three values.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

PLACEHOLDERS: Final = ("reference", "body", "due_on")
_IN_BRACES: Final = re.compile(r"\{[^{}]*\}")


def unknown(text: str) -> list[str]:
    """Return the parts of ``text`` in braces that are no placeholder, in order, each once."""
    known = {f"{{{name}}}" for name in PLACEHOLDERS}
    return list(dict.fromkeys(part for part in _IN_BRACES.findall(text) if part not in known))


def fill(text: str, values: Mapping[str, str]) -> str:
    """Return ``text`` with its placeholders filled in; one without a value becomes "…"."""
    return _IN_BRACES.sub(lambda match: values.get(match.group()[1:-1]) or "…", text)
