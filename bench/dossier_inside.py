"""The part of bench/dossier.py that runs in a process with the environment of a portal with sample cases."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from unittest import mock

from django.http import StreamingHttpResponse
from django.urls import reverse

from bench.inprocess import InProcessBrowser, signed_in
from complaints import access
from complaints.models.evidence import EvidenceObject
from complaints.models.oversight import Release
from complaints.models.team import Staff
from complaints.services.evidence.intake import Sink
from complaints.services.forwarding import dossier
from complaints.services.forwarding.contents import ReleasedItem
from complaints.services.forwarding.dossier import Dossier, DossierFile

MIB: Final = 1024 * 1024
FILE_MIB: Final = 128
LIAISON: Final = "bkn1"
# The signature of the record with which a ZIP ends.
END: Final = b"PK\x05\x06"
PAGE: Final = os.sysconf("SC_PAGE_SIZE")


class Outlet:
    """Reads the ZIP as an unpacker does that keeps only its end: the list of what is in it."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.length, self.end = 0, b""

    def take(self, piece: bytes) -> None:
        """Count a piece, and keep the last of all."""
        self.length += len(piece)
        self.end = (self.end + piece[-65536:])[-65536:]


def large_files(release: Release, mib: int) -> list[DossierFile]:
    """Store files of ``mib`` MiB together, as evidence is stored."""
    files = []
    for number in range(mib // FILE_MIB or 1):
        sink = Sink("v.pdf")
        sink.write(b"%PDF-1.4\n" + b"\x5a" * (MIB - 9))
        for _ in range(min(FILE_MIB, mib) - 1):
            sink.write(b"\x5a" * MIB)
        upload = sink.finish()
        assert upload.info is not None
        stored = EvidenceObject(pk=upload.id, object_name=upload.object_name)
        item = ReleasedItem(stored.pk, "original", upload.info, 99, number + 1, stored)
        files.append(DossierFile(f"Laporan-99/bukti-{number + 1}.pdf", item, release, stored))
    return files


def pieces(browser: InProcessBrowser, release: Release) -> Iterator[bytes]:
    """Press the button."""
    answer: Any = browser.client.post(reverse("admin:complaints_release_download", args=[release.pk]))
    assert isinstance(answer, StreamingHttpResponse), answer.status_code
    return iter(answer)


def resident() -> int:
    """Return the resident memory of this process in bytes."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * PAGE


def written() -> int:
    """Return how many bytes this process has handed to files, sockets and pipes."""
    lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith("wchar")).split()[1])


def measure(mib: int) -> dict[str, float | bool]:
    """Download without the large files three times, then with them."""
    browser = signed_in(LIAISON)
    release = access.releases_for(Staff.objects.get(username=LIAISON)).filter(first=None).first()
    assert release is not None
    files, opens = large_files(release, mib), dossier.open_dossier

    def with_files(**named: Any) -> Dossier:
        opened = opens(**named)
        return replace(opened, files=[*opened.files, *files])

    for _ in range(3):
        for _piece in pieces(browser, release):
            pass
    idle = highest = resident()
    outlet, before, begun = Outlet(), 0, time.perf_counter()
    with mock.patch.object(dossier, "open_dossier", with_files):
        for number, piece in enumerate(pieces(browser, release)):
            before = before or written()
            outlet.take(piece)
            if number % 16 == 0:
                highest = max(highest, resident())
    seconds = time.perf_counter() - begun
    return {
        "mib_above_idle": round((highest - idle) / MIB, 1),
        "mib_per_s": round(outlet.length / MIB / seconds, 1),
        "written_mib": round((written() - before) / MIB, 2),
        "mib": round(outlet.length / MIB, 1),
        "whole": outlet.end.rfind(END) >= 0,
    }


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]))))
