"""What can be seen of a text: characters without a shape count as none.

Keyboards, chat programs and word processors leave such characters behind, and sixty of them look like an empty field.
"""

from __future__ import annotations

import re
from typing import Final

# Unicode's format characters (category Cf), Default_Ignorable_Code_Point of DerivedCoreProperties.txt as far as it is
# assigned, and the blank pattern of Braille, which is drawn as a space. A set of a regular expression.
INVISIBLE: Final = re.compile(
    r"["
    r"\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890-\u0891\u08e2\u115f-\u1160\u17b4-\u17b5"
    r"\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\u2800\u3164\ufe00-\ufe0f"
    r"\ufeff\uffa0\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    r"\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f\U000e0100-\U000e01ef"
    r"]"
)
# Controls other than line breaks and tabs, which are spaces.
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]")


def visible(text: str) -> str:
    """Return ``text`` without characters that cannot be seen, and each run of spaces as one."""
    return " ".join(_CONTROLS.sub("", INVISIBLE.sub("", text)).split())
