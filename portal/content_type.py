"""The content types that reach Django: it reads them before any page could answer, and some break it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

_NAME: Final = r"[A-Za-z0-9!#$&^_.+-]+"
# Without the extended parameters of RFC 2231 ("name*0*=utf-8''x"), which no form has (RFC 7578, 4.2): of those some
# raise in the standard library's parser.
_PARAMETER: Final = rf'{_NAME}=(?:{_NAME}|"[^"\\\x00-\x1f]*")'
_READABLE: Final = re.compile(rf"{_NAME}/{_NAME}(?:[ \t]*;(?:[ \t]*{_PARAMETER})?)*[ \t]*")
_MOST_CHARS: Final = 300


def with_readable_type(application: WSGIApplication) -> WSGIApplication:
    """Return the WSGI application, given content types that Django can read; any other counts as absent."""

    def readable(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        kind = str(environ.get("CONTENT_TYPE", ""))
        if len(kind) > _MOST_CHARS or not _READABLE.fullmatch(kind):
            environ["CONTENT_TYPE"] = ""
        return application(environ, start_response)

    return readable
