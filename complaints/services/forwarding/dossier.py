"""The dossier: all that a body holds of a forwarding as one ZIP, piece by piece, and what the chain records of it.

A downloaded dossier counts as an opening of each file in it. No signature, key or id of a reporter is in it, and never
a name.
"""

from __future__ import annotations

import json
import logging
import uuid
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Final

from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from complaints.adapters.media import kinds
from complaints.domain.errors import SealError
from complaints.domain.file_names import exhibit_name
from complaints.models.evidence import EvidenceObject
from complaints.models.oversight import Release, ReleasedFile
from complaints.models.team import Staff
from complaints.services.audit import log
from complaints.services.audit.log import RecordedEntry
from complaints.services.evidence import storage
from complaints.services.forwarding import decision_copies, reading
from complaints.services.forwarding.contents import ReleasedItem
from complaints.services.forwarding.decision_copies import CopyLine
from complaints.services.keyring import Actor, Keyring, signer_of

DOWNLOADED: Final = "release.downloaded"
MANIFEST: Final = "manifest.json"
# What a body reads of the chain: the releases to it, and what its own people opened of them.
_EVENTS: Final = frozenset({"release.made", "release.opened", DOWNLOADED, "object.opened"})
# A copy is the usual file; another version of the same file says what it is.
_MARKS: Final = {EvidenceObject.Variant.ORIGINAL.value: "-asli", EvidenceObject.Variant.REDACTED.value: "-dihitamkan"}

logger = logging.getLogger(__name__)


class DownloadBroken(Exception):
    """A download ends before its end: a file is missing, or is not the one that was sealed."""


@dataclass(frozen=True)
class DossierFile:
    """A released file: its ``name`` in the ZIP, the release that it came with, and the object where its bytes lie."""

    name: str
    item: ReleasedItem
    release: Release
    stored: EvidenceObject


@dataclass(frozen=True)
class HistoryEntry:
    """An entry of the chain on a dossier's releases; ``person`` is of the body, None where the office acted."""

    entry: RecordedEntry
    person: Staff | None


@dataclass(frozen=True)
class Dossier:
    """What goes into the ZIP; ``left_out`` are the files that the scanner warned of, unless the person knows."""

    opened: reading.ReleaseFile
    files: list[DossierFile]
    left_out: list[DossierFile]
    history: list[HistoryEntry]
    day: date
    # Copies of decisions by the decision that the body recorded.
    copies: dict[uuid.UUID, list[CopyLine]]

    @property
    def decision_files(self) -> list[tuple[str, CopyLine]]:
        """The copies of decisions, each with its name in the ZIP: "Putusan-1/putusan-asli.pdf"."""
        recorded = [entry for entry in self.opened.decisions if self.copies.get(entry.id)]
        return [
            (f"Putusan-{number}/putusan{_mark(line)}.{kinds.ending(line.info.type, line.info.name)}", line)
            for number, entry in enumerate(sorted(recorded, key=lambda entry: entry.at), start=1)
            for line in self.copies[entry.id]
        ]

    @property
    def releases(self) -> list[Release]:
        """The forwarding and its supplements, the oldest first."""
        return [opened.release for opened in reversed(self.opened.opened)]


@dataclass(frozen=True)
class Document:
    """A document that the portal writes into the ZIP."""

    name: str
    content: bytes


@transaction.atomic
def open_dossier(*, actor: Actor, release_id: uuid.UUID, knowing: bool, is_replaced: bool | None = None) -> Dossier:
    """Open all that a body holds of a forwarding, for a liaison; audited before a byte of a file is read.

    Args:
        knowing: whether the person wants the files that the scanner warned of as well.

    Raises as ``reading.open_release``, SealError also where no entry records a release.
    """
    opened = reading.open_release(actor=actor, release_id=release_id, is_replaced=is_replaced)
    everything = _files(opened)
    files = [file for file in everything if knowing or not file.item.info.threat]
    facts: dict[str, str | int] = {"release": str(release_id), "newest": opened.opened[0].release.number}
    facts |= {"files": len(files), "knowing": int(knowing)}
    actor.record(DOWNLOADED, case=opened.case.pk, facts=facts)
    left_out = [file for file in everything if file not in files]
    pair = actor.keyring.release(opened.release)
    kept = decision_copies.of_decisions(release=opened.release, pair=pair, entries=opened.decisions)
    return Dossier(opened, files, left_out, _history(opened), timezone.localdate(actor.now), kept)


def _mark(line: CopyLine) -> str:
    return _MARKS.get(line.row.variant, "")


@transaction.atomic
def open_custody(*, actor: Actor, release_id: uuid.UUID, is_replaced: bool | None = None) -> Dossier:
    """Open a forwarding for the custody sheet of all its files; no file is read. Raises as :func:`open_dossier`."""
    opened = reading.open_release(actor=actor, release_id=release_id, is_replaced=is_replaced)
    actor.record("custody.printed", case=opened.case.pk, facts={"release": str(release_id)})
    return Dossier(opened, _files(opened), [], _history(opened), timezone.localdate(actor.now), {})


def warned_of(opened: reading.ReleaseFile) -> list[str]:
    """Return the names in the ZIP of the files that the scanner warned of."""
    return [_name(item, release) for item, release in _items(opened) if item.info.threat]


def _files(opened: reading.ReleaseFile) -> list[DossierFile]:
    """Return the files of a forwarding, then of each supplement, in the order of reports and files."""
    of_releases = ReleasedFile.objects.filter(release__in=[release.release.pk for release in opened.opened])
    stored = {row.pk: row.stored for row in of_releases.select_related("stored")}
    return [DossierFile(_name(item, release), item, release, stored[item.id]) for item, release in _items(opened)]


def _items(opened: reading.ReleaseFile) -> Iterator[tuple[ReleasedItem, Release]]:
    for release in reversed(opened.opened):
        for item in release.content.files:
            yield item, release.release


def _name(item: ReleasedItem, release: Release) -> str:
    """Return the neutral name of a file: "Laporan-2/bukti-1.jpg", in a supplement "Penerusan-3/Laporan-2/...".

    It is the same in each language, so that office and body speak of one file by one name.
    """
    folder = f"Penerusan-{release.number}/" if release.first_id else ""
    ending = kinds.ending(item.info.type, item.info.name)
    return f"{folder}Laporan-{item.report}/{exhibit_name(item.number)}{_MARKS.get(item.variant, '')}.{ending}"


# --- What the chain records


def _history(opened: reading.ReleaseFile) -> list[HistoryEntry]:
    releases = {str(release.release.pk) for release in opened.opened}
    recorded = log.entries_of_cases(cases={opened.case.pk}, events=_EVENTS)
    entries = [entry for entry in recorded if entry.facts.get("release") in releases]
    if {entry.facts["release"] for entry in entries if entry.event == "release.made"} != releases:
        # The manifest names the entry of each; without one the download would break off at its end.
        raise SealError("release")
    # The office speaks as one to a body: it is not told which officer released.
    people = Staff.objects.in_bulk({entry.actor for entry in entries if entry.actor and entry.event != "release.made"})
    return [
        HistoryEntry(entry, people.get(entry.actor) if entry.actor and entry.event != "release.made" else None)
        for entry in entries
    ]


def downloads_by_object(*, keyring: Keyring, entries: Sequence[RecordedEntry]) -> dict[str, list[RecordedEntry]]:
    """Return the downloads of dossiers among ``entries`` by the id of each object that was in them, for triage.

    ``entries`` are in order and hold the recalls of the same cases. Raises Locked, SealError, UnpinnedKey.
    """
    downloads = [entry for entry in entries if entry.event == DOWNLOADED]
    firsts = {str(entry.facts["release"]) for entry in downloads}
    recalls = {str(e.facts["release"]): e.sequence for e in entries if e.event == "release.recalled"}
    rows = ReleasedFile.objects.filter(Q(release__in=firsts) | Q(release__first__in=firsts))
    rows = rows.exclude(stored__variant=EvidenceObject.Variant.PAGE).select_related("stored", "release__case")
    by_object: dict[str, list[RecordedEntry]] = defaultdict(list)
    for row in rows.prefetch_related("release__grants") if firsts else []:
        since = [entry for entry in downloads if _held(row.release, entry, recalls.get(str(row.release_id)))]
        if any(not entry.facts["knowing"] for entry in since) and _is_warned_of(keyring, row):
            since = [entry for entry in since if entry.facts["knowing"]]
        by_object[str(row.stored_id)] += since
    return by_object


def _held(release: Release, download: RecordedEntry, recalled: int | None) -> bool:
    """Whether a release was in a dossier; ``recalled`` is the number of the entry that recalled it."""
    is_of = str(release.first_id or release.pk) == download.facts["release"]
    is_there = release.number <= int(download.facts["newest"])
    return is_of and is_there and (recalled is None or download.sequence < recalled)


def _is_warned_of(keyring: Keyring, row: ReleasedFile) -> bool:
    return bool(reading.open_released(row, keyring.release(row.release), signer_of(row.release)).info.threat)


# --- The ZIP


class _Outlet:
    """Takes what the ZIP's writer writes, until the next piece leaves; it cannot be sought in, so nothing is kept."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes, /) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Do nothing: what was written leaves with the next piece."""

    def close(self) -> None:
        """Do nothing: there is nothing to close."""

    def taken(self) -> bytes:
        """Return what was written since the last call."""
        pieces, self._pieces = self._pieces, []
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def pieces_of_zip(dossier: Dossier, documents: Sequence[Document]) -> Iterator[bytes]:
    """Yield the ZIP of a dossier, each file stored as it is; no more than some pieces of 1 MiB are in memory.

    The SHA-256 of each file is compared with the sealed one before its last piece leaves. Raises DownloadBroken, so
    that the ZIP has no end, where a file is missing or is not the one that was sealed.
    """
    # The connection is for others in the time that a slow visitor takes; nothing is read from the database any more.
    if not connection.in_atomic_block:
        connection.close()
    try:
        yield from _zipped(dossier, documents)
    except (OSError, SealError) as error:
        logger.error("The download of a release broke off: %s", type(error).__name__)
        raise DownloadBroken from None


def _zipped(dossier: Dossier, documents: Sequence[Document]) -> Iterator[bytes]:
    outlet = _Outlet()
    # Where a piece fails, both writers still end what they have begun, but that goes to nobody.
    with zipfile.ZipFile(outlet, "w", zipfile.ZIP_STORED) as target:
        for name, size, pieces in _entries(dossier, documents):
            entry = zipfile.ZipInfo(name, date_time=(*dossier.day.timetuple()[:3], 0, 0, 0))
            entry.file_size = size  # from 4 GiB on the entry is one of ZIP64
            with target.open(entry, "w") as file:
                for piece in pieces:
                    file.write(piece)
                    yield outlet.taken()
    yield outlet.taken()


def _entries(dossier: Dossier, documents: Sequence[Document]) -> Iterator[tuple[str, int, Iterable[bytes]]]:
    """Yield name, length and pieces of each entry; the manifest is the last, so that it lists what was written."""
    for document in documents:
        yield document.name, len(document.content), [document.content]
    for file in dossier.files:
        info = file.item.info
        yield file.name, info.length, storage.stream(file.stored, info)
    for name, line in dossier.decision_files:
        yield name, line.info.length, decision_copies.stream(line.row, line.info)
    manifest = _manifest(dossier, documents)
    yield MANIFEST, len(manifest), [manifest]


def _manifest(dossier: Dossier, documents: Sequence[Document]) -> bytes:
    """Return what is in the ZIP, as JSON; lengths are in bytes, digests in hexadecimal."""
    made = {
        str(line.entry.facts["release"]): line.entry for line in dossier.history if line.entry.event == "release.made"
    }
    release = dossier.opened.release
    content = {
        "reference": dossier.opened.case.reference,
        "body": release.body.short_name,
        "day": dossier.day.isoformat(),
        "releases": [
            {
                "number": row.number,
                "day": timezone.localdate(row.at).isoformat(),
                "supplement": row.first_id is not None,
                # By these the office finds the release in its chain.
                "entry": made[str(row.pk)].sequence,
                "entry_digest": made[str(row.pk)].digest,
            }
            for row in dossier.releases
        ],
        "files": [
            *(
                {"name": document.name, **_measures(len(document.content), sha256(document.content).hexdigest())}
                for document in documents
            ),
            *(_file_lines(file) for file in dossier.files),
            *({"name": name, **_measures(line.info.length, line.info.sha256)} for name, line in dossier.decision_files),
        ],
        "left_out": [_file_lines(file) | {"reason": "malware_warning"} for file in dossier.left_out],
    }
    return json.dumps(content, ensure_ascii=False, indent=2).encode()


def _measures(length: int, digest: str) -> dict[str, str | int]:
    return {"bytes": length, "sha256": digest}


def _file_lines(file: DossierFile) -> dict[str, str | int]:
    where: dict[str, str | int] = {"name": file.name, "release": file.release.number, "report": file.item.report}
    return where | _measures(file.item.info.length, file.item.info.sha256)
