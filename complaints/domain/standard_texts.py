"""Standard texts: which words in braces are filled in, and filling them in.

Plain replacement on purpose: an administrator writes these texts, and a template language would let them reach for
more than these three values. Anybody may call it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

PLACEHOLDERS: Final = ("reference", "body", "due_on")
_IN_BRACES: Final = re.compile(r"\{[^{}]*\}")


def unknown(text: str) -> list[str]:
    """Return what stands in braces and is no placeholder, in order, each once."""
    known = {f"{{{name}}}" for name in PLACEHOLDERS}
    return list(dict.fromkeys(found for found in _IN_BRACES.findall(text) if found not in known))


def fill(text: str, values: Mapping[str, str]) -> str:
    """Return ``text`` with its placeholders filled in; one without a value becomes "…", which nobody overlooks."""
    return _IN_BRACES.sub(lambda found: values.get(found.group()[1:-1]) or "…", text)
