"""Loads the portal's own templates without the line breaks that only format their source.

A line break (with the white space around it) in an HTML template becomes one space, as a browser would show it, or
nothing:

- beside a block-level element, where a browser shows nothing either;
- just inside an inline element, so that ``<a>`` and ``</a>`` may stand on lines of their own;
- beside a template tag that writes nothing to see (``if``, ``for``, ``block``, ...) or a hidden field, as Jinja's
  ``trim_blocks`` and ``lstrip_blocks`` do. Where a space must be seen there, it stands on the line of the tag, or is
  written ``{{ " " }}``.

Preformatted text, text fields, scripts, styles and translated blocks stay as they are.
"""

import re

from django.template import Origin
from django.template.loaders import filesystem

SILENT_TAGS = (
    "(?:end)?(?:autoescape|block|comment|for|if|with)|csrf_token|elif|else|empty|extends|get_current_language|load"
)
BLOCK_ELEMENTS = (
    "!doctype|address|article|aside|blockquote|body|br|caption|col|colgroup|dd|details|dialog|div|dl|dt|fieldset"
    "|figcaption|figure|footer|form|h[1-6]|head|header|hr|html|legend|li|link|main|meta|nav|noscript|ol|optgroup|option"
    "|p|search|section|source|summary|table|tbody|td|template|tfoot|th|thead|title|tr|track|ul"
)
VOID_INLINE_ELEMENTS = "embed|img|input|wbr"

_INSIDE_TAG = r"(?:{%.*?%}|{{.*?}}|[^>])*"
_TOKEN = re.compile(
    rf"""
    (?P<element><(?P<name>pre|script|style|textarea)\b{_INSIDE_TAG}>)(?P<content>.*?</(?P=name)>)
    |(?P<verbatim>{{%\s*(?P<tag>blocktranslate|verbatim)\b.*?{{%\s*end(?P=tag)\s*%}})
    |(?P<silent>{{%\s*(?:{SILENT_TAGS})\b.*?%}}|{{%(?:(?!%}}).)*\sas\s\w+\s*%}}|{{\#.*?\#}}
        |{{{{\s*"[ ]"\s*}}}}|<input\s+type="hidden"{_INSIDE_TAG}>)
    |(?P<output>{{%.*?%}}|{{{{.*?}}}})
    |(?P<block></?(?:{BLOCK_ELEMENTS})(?![\w-]){_INSIDE_TAG}>)
    |(?P<void><(?:{VOID_INLINE_ELEMENTS})(?![\w-]){_INSIDE_TAG}>)
    |(?P<end></[a-z]{_INSIDE_TAG}>)
    |(?P<start><[a-z]{_INSIDE_TAG}>)
    |(?P<line_break>\s*\n\s*)
    |(?P<text>(?:(?!\s*\n)[^<{{])+|.)
    """,
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
_LINE_BREAK = re.compile(r"\s*\n\s*")
_SWALLOW_BEFORE = {"silent", "block", "end"}
_SWALLOW_AFTER = {"silent", "block", "start"}


class Loader(filesystem.Loader):
    """Finds templates in ``DIRS``, as Django's own loader; HTML comes without its source's line breaks."""

    def get_contents(self, origin: Origin) -> str:
        contents: str = super().get_contents(origin)
        return collapse(contents) if origin.name.endswith(".html") else contents


def collapse(source: str) -> str:
    """Replace each line break of an HTML template by one space or by nothing, by the rule of this module."""
    parts: list[str] = []
    space = ""  # what the line break before this token is worth, unless this token swallows it
    swallow = True  # the start of the file swallows a line break, and so does its end
    for token in _TOKEN.finditer(source):
        kind, text = token.lastgroup or "", token.group()
        if kind == "line_break":
            space = "" if swallow else " "
            continue
        scripted = kind == "content" and token["name"].lower() in {"script", "style"}
        if kind == "content":
            text = _LINE_BREAK.sub(" ", token["element"]) + token["content"]
        elif kind not in {"verbatim", "text", "output"}:
            text = _LINE_BREAK.sub(" ", text)
        parts.append("" if scripted or kind in _SWALLOW_BEFORE else space)
        parts.append(text)
        swallow = scripted or kind in _SWALLOW_AFTER
        space = ""
    return "".join(parts)
