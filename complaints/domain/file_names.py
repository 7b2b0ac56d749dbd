"""What the name of a file tells, and the neutral names under which files are passed on.

Phones write date, hour and program into the names of photos and screenshots. Names of people cannot be recognised,
except where a chat program puts one behind fixed words.
"""

from __future__ import annotations

import re
from typing import Final

_YEAR, _MONTH, _DAY = r"20[0-4]\d", r"(?:0[1-9]|1[0-2])", r"(?:0[1-9]|[12]\d|3[01])"
_HOUR: Final = r"(?:[01]\d|2[0-3])(?P<colon>[._:\-]?)[0-5]\d(?P=colon)[0-5]\d(?:\d{1,3})?"
_MONTHS: Final = "jan|feb|mar|apr|mei|may|jun|jul|agu|aug|sep|okt|oct|nov|des|dec"
_DATE: Final = (
    rf"{_YEAR}{_MONTH}{_DAY}",
    rf"{_YEAR}(?P<between>[ ._\-]){_MONTH}(?P=between){_DAY}",
    rf"{_DAY}(?P<between>[ ._\-]){_MONTH}(?P=between){_YEAR}",
    rf"{_DAY}{_MONTH}{_YEAR}",
    rf"[0-3]?\d[ ._\-]?(?:{_MONTHS})[a-z]{{0,6}}[ ._\-]?{_YEAR}",
)
_DATES: Final = tuple(re.compile(rf"(?<!\d){form}(?=\D|[0-2]\d[0-5]\d(?:[0-5]\d)?(?!\d)|$)", re.I) for form in _DATE)
# What follows a date in the names that phones give: "_101112", " at 10.11.12", " pukul 10.11".
_HOURS: Final = (
    re.compile(
        rf"(?<!\d){_YEAR}[ ._\-]?{_MONTH}[ ._\-]?{_DAY}(?:[ _\-T.]{{0,2}}|[ _](?:at|pukul|jam)[ _]){_HOUR}(?!\d)", re.I
    ),
    re.compile(r"(?:at|pukul|jam)[ _](?:[01]?\d|2[0-3])[.:_][0-5]\d", re.I),
    re.compile(r"(?<!\d)(?:[01]\d|2[0-3])(?P<colon>[.:_\-])[0-5]\d(?P=colon)[0-5]\d(?!\d)"),
)
# Milliseconds since 1970, as Facebook and Instagram name saved pictures: a date with an hour.
_EPOCH: Final = re.compile(r"(?<!\d)1[3-9]\d{11}(?!\d)")
_APPS: Final = re.compile(
    r"whatsapp|(?<![a-z0-9])wa\d{4}(?!\d)|telegram|instagram|facebook|(?<![a-z])fb_img|messenger|tiktok|twitter"
    r"|snapchat|youtube|(?<![a-z])(?:line|signal|threads|chrome|gmail|outlook|zoom|teams)(?![a-z])"
    r"|screenshot[_ -][^/]*\d[_-][a-z][a-z .]{1,60}$|(?<![a-z])ptt-\d",
    re.I,
)
_PHONES: Final = re.compile(r"(?<!\d)(?:\+?62|0)[ \-]?8\d{1,3}[ \-]?\d{3,4}[ \-]?\d{3,5}(?!\d)")
_LONG: Final = re.compile(r"(?<!\d)\d{15,}(?!\d)|(?<!\d)\d{8} \d{6} \d \d{3}(?!\d)")
_CHATS: Final = re.compile(r"(?:whatsapp chat|chat whatsapp)(?: with| dengan| -)", re.I)
# The reasons, in the order in which they are told.
CODES: Final = ("date", "hour", "app", "phone", "number", "person")


def tells(name: str) -> list[str]:
    """Return what a file's name tells, as codes of :data:`CODES`."""
    name = name[-255:]
    has_epoch = bool(_EPOCH.search(name))
    is_told = {
        "date": has_epoch or any(form.search(name) for form in _DATES),
        "hour": has_epoch or any(form.search(name) for form in _HOURS),
        "app": bool(_APPS.search(name)),
        "phone": bool(_PHONES.search(name)),
        "number": bool(_LONG.search(name)),
        "person": bool(_CHATS.search(name)),
    }
    return [code for code in CODES if is_told[code]]


def exhibit_name(number: int, report: int = 0) -> str:
    """Return what a file is called in every language, by its number among the files of its report: "bukti-3".

    ``report`` is the number of the report where there are several: "laporan-2-bukti-3".
    """
    return f"laporan-{report}-bukti-{number}" if report else f"bukti-{number}"


def neutral_name(number: int, ending: str, page: int = 0, *, report: int = 0) -> str:
    """Return the name under which a file is passed on: "bukti-3.jpg", for a page of it "bukti-3-2.jpg"."""
    name = exhibit_name(number, report)
    return f"{name}-{page}.{ending}" if page else f"{name}.{ending}"
