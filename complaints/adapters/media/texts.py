"""Codes of what texts name: mails, contacts, tables, chats and their exports. Runs in the sandbox only.

A text has no clean copy: it is passed on as it is. What is recognised has a form that tells it, such as a header of a
mail, a line of a chat, a label, the head of a column, or a number of that length. Names within sentences are not
recognised. Of a long text the beginning and the end are read.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Mapping
from typing import BinaryIO, Final

from complaints.adapters.media.refusal import Unreadable

# Chats of years are below this; what names people stands on every page of them.
HEAD_BYTES: Final = 1024 * 1024
TAIL_BYTES: Final = 256 * 1024
# What chat programs and keyboards write invisibly, and their spaces.
_MARKS: Final = {
    **dict.fromkeys(map(ord, "\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\ufeff")),
    **dict.fromkeys(map(ord, "\u00a0\u2009\u202f"), " "),
}
_DAY: Final = r"\d{1,4}[/.\-]\d{1,2}[/.\-]\d{1,4}"
_HOUR: Final = r"(?:[01]?\d|2[0-3])[.:][0-5]\d(?:[.:][0-5]\d)?(?: ?[AaPp]\.?[Mm]\.?)?"
# WhatsApp on Android: "12/01/26, 10.11 - Name: text"; on iOS: "[12/01/26 10.11.12] Name: text".
_CHAT: Final = rf"^(?:{_DAY},? {_HOUR} - |\[{_DAY},? {_HOUR}\] )"
_FLAGS: Final = re.MULTILINE | re.IGNORECASE
# Each pattern looks at a bounded number of characters from where it begins, so that long lines cost no more.
_PATTERNS: Final[Mapping[str, tuple[re.Pattern[str], ...]]] = {
    "names": (
        re.compile(rf"{_CHAT}[^:\n]{{1,80}}: ", _FLAGS),
        re.compile(
            r"^(?:from|to|cc|bcc|reply-to|sender|dari|kepada|tembusan|pengirim|penerima|nama|name)"
            r"[ \t]{0,20}:[ \t]{0,20}\S",
            _FLAGS,
        ),
        re.compile(r"^(?:FN|N|NICKNAME|ORGANIZER|ATTENDEE)(?:;[^:\n]{0,200})?:[; ]{0,20}[^;\s]", _FLAGS),
        re.compile(r'"(?:from|sender|sender_name|author|actor|name|full_name|nama)"\s{0,4}:\s{0,4}"[^"]', _FLAGS),
        re.compile(r'class="(?:from_name|sender|author)"', _FLAGS),
    ),
    "phones": (
        re.compile(r"(?<![\w+])\+\d(?:[ .()\-]{0,2}\d){7,13}(?!\d)", _FLAGS),
        re.compile(r"(?<![\w+.,/\-])(?:62|0)[ .\-]?8(?:[ .\-]?\d){7,11}(?!\d)", _FLAGS),
        re.compile(r"(?<![\w+.,/\-])\(?0[2-79]\d{1,2}\)?[ \-]{1,2}\d{3,4}[ \-]?\d{3,4}(?!\d)", _FLAGS),
        re.compile(r"^(?:[\w\-]{1,20}\.)?TEL(?:;[^:\n]{0,200})?:\s{0,4}[+\d]", _FLAGS),
    ),
    "emails": (re.compile(r"(?<=[\w.+%\-])@[a-z0-9](?:[a-z0-9\-]{0,62}\.){1,6}[a-z]{2,24}", _FLAGS),),
    "numbers": (re.compile(r"(?<!\d)(?:\d{18}|\d{16}|\d{8}[ .]\d{6}[ .]\d[ .]\d{3})(?!\d)"),),
    "addresses": (
        re.compile(r"^(?:[\w\-]{1,20}\.)?ADR(?:;[^:\n]{0,200})?:[; ]{0,20}[^;\s]", _FLAGS),
        re.compile(r"^[ \t]{0,20}(?:alamat|address)\b[^:\n]{0,40}:[ \t]{0,20}\S", _FLAGS),
        re.compile(r"\b(?:jl|jln|gg)\.[ ]?[a-z]|\bRT\.? ?\d{1,3} ?/ ?(?:RW)?\.? ?\d|\bkode ?pos\b", _FLAGS),
    ),
    "hours": (
        re.compile(rf"{_CHAT}", _FLAGS),
        re.compile(rf"\b(?:jam|pukul|at) {_HOUR}|\b{_HOUR} ?(?:WIB|WITA|WIT)\b", _FLAGS),
        re.compile(r"(?<![\d:.,])(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d)?(?![\d:]|[.,]\d{3} ?(?:-->|$))", _FLAGS),
        re.compile(r"(?<!\d)[12]\d{3}-?[01]\d-?[0-3]\dT[0-2]\d:?[0-5]\d", _FLAGS),
    ),
    "network": (
        re.compile(r"^(?:X-Originating-IP|X-Sender-IP|X-Client-IP)[ \t]{0,4}:", _FLAGS),
        re.compile(r"^Received:[^\n]{0,400}\[(?:IPv6:)?[0-9a-f.:]{7,45}\]", _FLAGS),
    ),
    # Attachments and pictures in mails, contacts and pages are not read.
    "partly": (re.compile(r"\bContent-Transfer-Encoding: ?base64|;ENCODING=b(?:ase64)?\b|\bdata:image/\w", _FLAGS),),
    "device": (re.compile(r"^(?:X-Mailer|User-Agent)[ \t]{0,4}:[ \t]{0,4}\S", _FLAGS),),
    "author": (re.compile(r"\{\\(?:author|operator) ?[^}\s]|<meta[^>\n]{0,80}name=[\"']author[\"']", _FLAGS),),
    "organisation": (re.compile(r"\{\\\*?\\company ?[^}\s]|^ORG(?:;[^:\n]{0,200})?:[; ]{0,20}[^;\s]", _FLAGS),),
    "time": (re.compile(r"\{\\(?:creatim|revtim|printim)\b", _FLAGS),),
    "software": (re.compile(r"\{\\\*?\\generator\b|<meta[^>\n]{0,80}name=[\"']generator[\"']", _FLAGS),),
}
# Heads of columns, in lower case without anything but letters.
_COLUMNS: Final[Mapping[str, str]] = {
    word: code
    for code, words in {
        "names": "nama namalengkap namapegawai namalengkapdangelar name fullname firstname lastname pengirim",
        "phones": "hp nohp nomorhp telepon telp notelp notelepon phone mobile wa nowa whatsapp nomorwhatsapp",
        "emails": "email surel alamatemail emailaddress",
        "numbers": "nip nipbaru nik noktp ktp nuptk npwp",
        "addresses": "alamat alamatrumah address street",
        "hours": "jam pukul waktu time timestamp",
    }.items()
    for word in words.split()
}
_HEAD_LINES: Final = 10
_HEAD_CHARACTERS: Final = 4000


def inspect(source: BinaryIO, media_type: str) -> set[str]:
    """Return the codes of ``hints.CODES`` that apply; "partly" where only beginning and end were read.

    Raises Unreadable where it is no text.
    """
    length = source.seek(0, 2)
    source.seek(0)
    head = source.read(HEAD_BYTES)
    encoding = _encoding(head)
    codes = codes_of_text(decoded(head, encoding))
    if length > HEAD_BYTES:
        source.seek(max(HEAD_BYTES, length - TAIL_BYTES) & ~1)  # even, for texts of two bytes a character
        codes |= codes_of_text(decoded(source.read(TAIL_BYTES), encoding))
        if length > HEAD_BYTES + TAIL_BYTES:
            codes.add("partly")
    return codes


def decoded(data: bytes, encoding: str = "") -> str:
    """Return a text without invisible characters, in the encoding of its first bytes; raises Unreadable."""
    text = data.decode(encoding or _encoding(data), "replace")
    if text.count("\0") > len(text) // 4:
        raise Unreadable
    if not text.isascii():
        text = text.translate(_MARKS)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _encoding(head: bytes) -> str:
    """Return the encoding of a text: by its mark, by the zeros of two bytes a character, else UTF-8."""
    if head.startswith(BOM_UTF8):
        return "utf-8-sig"
    if head.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        return "utf-16-le" if head.startswith(BOM_UTF16_LE) else "utf-16-be"
    start = head[:4096]
    if start.count(0) > len(start) // 4:
        return "utf-16-le" if start[1::2].count(0) > start[::2].count(0) else "utf-16-be"
    return "utf-8"


def codes_of_text(text: str) -> set[str]:
    """Return the codes of what a text names."""
    codes = {code for code, patterns in _PATTERNS.items() if any(pattern.search(text) for pattern in patterns)}
    return codes | _codes_of_columns(text)


def _codes_of_columns(text: str) -> set[str]:
    """Return the codes of the heads of columns, in the first lines of a table."""
    codes = set[str]()
    for line in text[:_HEAD_CHARACTERS].split("\n")[:_HEAD_LINES]:
        cells = re.split(r"[;,\t|]", line)
        if len(cells) > 1:
            words = (re.sub(r"[^a-z]", "", cell.lower()) for cell in cells)
            codes |= {_COLUMNS[word] for word in words if word in _COLUMNS}
    return codes
