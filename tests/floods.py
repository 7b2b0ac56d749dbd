"""Floods of likely junk: equal reports that name nobody, seen by an officer, in a batch that is closed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from django.utils import timezone

from complaints.models.complaint import Complaint
from complaints.services import first_look
from complaints.services.keyring import Actor
from tests.world import Cast, Sent, close_batch, send_report

NOBODY: Final = {"accused_name": "", "accused_position": "", "agency": "", "accused_unknown": True}
STORY: Final = (
    "Kepada yang terhormat, tolong segera tindak semua pegawai yang curang di kantor itu sekarang juga, terima kasih."
)

# Names a superior, but only in the story.
TOLD: Final = (
    "Pada apel pagi kami semua diminta Pak Lurah Darmo memakai kaus partai dan berfoto, lalu foto itu dibagikan "
    "di grup pegawai. Siapa yang tidak ikut dicatat."
)


def flood(number: int, **changes: Any) -> list[Sent]:
    """So many equal reports that name nobody."""
    return [send_report(**{**NOBODY, "story": STORY, **changes}) for _ in range(number)]


def first_looks(cast: Cast, name: str = "vera") -> None:
    """Let an officer's session meet all that is new, as far as it may."""
    before = -1
    while (waiting := Complaint.objects.filter(index_entry=None).count()) not in {0, before}:
        before = waiting
        first_look.process_new_reports(actor=Actor(cast.ring(name), timezone.now()))


def close_day() -> None:
    """Close the open batch, by the clock of tomorrow."""
    close_batch(timezone.now() + timedelta(days=1))
