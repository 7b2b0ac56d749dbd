"""Looks for what must not be found: a text in every shape it could have been written in, in everything that is kept.

Tests plant markers and ask here; each place is read raw, past models and caches.
"""

from __future__ import annotations

import base64
import os
import stat
import subprocess
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.apps import apps
from django.conf import settings
from django.core import mail
from django.core.cache import cache
from django.db import connection, models

from complaints.domain.errors import SealError
from complaints.domain.sealing.primitives import BoxPair, unseal

Place = tuple[str, bytes]
# Nothing that these tests send is larger; other programs' files in the temporary folder may be.
LARGEST = 64 * 1024 * 1024


def shapes(text: str) -> dict[str, bytes]:
    """How ``text`` looks in the encodings in which it could lie around, base64 at each of its three offsets."""
    raw = text.encode()
    encodings = {
        "utf-8": raw,
        "utf-16": text.encode("utf-16-le"),
        "hex": raw.hex().encode(),
        "json": text.encode("unicode_escape"),
        "url": quote(text).encode(),
    }
    for offset in range(3):
        # The characters that depend on their neighbours are left out at both ends.
        whole = base64.b64encode(b"\0" * offset + raw)
        encodings[f"base64+{offset}"] = whole[-(-offset * 4 // 3) : (offset + len(raw)) * 4 // 3]
    return encodings


def hits(marker: str, places: Iterable[Place]) -> list[str]:
    """Where and in what shape ``marker`` is found."""
    return hits_of({"it": marker}, places).get("it", [])


def hits_of(markers: dict[str, str], places: Iterable[Place], *, stem: str = "") -> dict[str, list[str]]:
    """Where each of several markers is found; a ``stem`` that all begin with is looked for first, which is fast."""
    needles_of = {name: shapes(marker) for name, marker in markers.items()}
    stems = shapes(stem).values() if stem else ()
    hit_places: dict[str, list[str]] = {}
    for place, content in places:
        # Hexadecimal digits come in either case.
        lowered = content.lower()
        if stem and not any(needle in content or needle.lower() in lowered for needle in stems):
            continue
        for name, needles in needles_of.items():
            for shape, needle in needles.items():
                if needle in content or (shape in {"hex", "url"} and needle.lower() in lowered):
                    hit_places.setdefault(name, []).append(f"{place} ({shape})")
    return hit_places


def _raw(value: Any) -> bytes:
    if isinstance(value, bytes | memoryview):
        return bytes(value)
    return str(value).encode("utf-8", "surrogatepass")


def tables() -> Iterator[Place]:
    """Every column of every row of every table, as the database hands it out."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            names = [column.name if hasattr(column, "name") else column[0] for column in cursor.description or ()]
            for row in cursor.fetchall():
                for name, value in zip(names, row, strict=True):
                    yield f"{table}.{name}", _raw(value)


def database_files() -> Iterator[Place]:
    """The bytes of SQLite's file and its log; of PostgreSQL, the pages of all tables as they lie on its disk."""
    if connection.vendor == "sqlite":
        for path in (Path(f"{connection.settings_dict['NAME']}{tail}") for tail in ("", "-wal", "-journal")):
            if path.exists():
                yield path.name, _read_apart(path)
        return
    with connection.cursor() as cursor:
        cursor.execute("CHECKPOINT")
        cursor.execute(
            "SELECT relname, pg_read_binary_file(pg_relation_filepath(oid)) FROM pg_class"
            " WHERE relkind IN ('r', 'i', 't') AND relpersistence = 'p' AND relfilenode <> 0"
            " AND oid >= 16384"
        )
        for name, content in cursor.fetchall():
            yield f"file of {name}", _raw(content or b"")


def _read_apart(path: Path) -> bytes:
    """Read a file in another process: closing SQLite's file here would drop the locks of this process's connections,
    and the next connection anywhere would take its log away from under them."""
    return subprocess.run(["cat", str(path)], capture_output=True, check=False).stdout


def evidence_files() -> Iterator[Place]:
    """The stored objects, their names included."""
    return files_below(settings.EVIDENCE_DIR)


def files_below(folder: Path, *, since: float = 0) -> Iterator[Place]:
    """Every file below ``folder`` that was changed after ``since`` (seconds since the epoch), name and content.

    A checkout, if one lies there, is left out as one elsewhere is: its tests name the same password as these.
    """
    for where, folders, names in os.walk(folder):
        if ".git" in folders or ".git" in names:
            folders.clear()
            continue
        for path in (Path(where, name) for name in names):
            try:
                facts = path.lstat()
                if stat.S_ISREG(facts.st_mode) and facts.st_ctime >= since and facts.st_size <= LARGEST:
                    # Another run's test database may lie there.
                    read = _read_apart if ".sqlite3" in path.name else Path.read_bytes
                    yield str(path), str(path).encode() + b"\n" + read(path)
            except OSError:  # gone meanwhile, or not ours to read
                continue


def mails() -> Iterator[Place]:
    """Everything that was mailed."""
    for message in mail.outbox:
        yield "mail", message.message().as_bytes()


def cached() -> Iterator[Place]:
    """The cache of this process, keys and values."""
    for key, value in getattr(cache, "_cache", {}).items():
        yield "cache", _raw(key) + b"\n" + _raw(value)


def open_files(pids: Iterable[int]) -> Iterator[Place]:
    """What processes hold open: names, and the bytes of regular files, deleted ones too."""
    for pid in pids:
        for link in Path(f"/proc/{pid}/fd").iterdir():
            try:
                target = str(link.readlink())
                content = _read_apart(link) if link.is_file() else b""
            except OSError:
                continue
            yield f"{pid} holds {target}", target.encode() + b"\n" + content


def now() -> float:
    """A moment to compare file stamps with; a little early, because they are coarse."""
    return time.time() - 0.05


def opened_by(boxes: Iterable[BoxPair]) -> Iterator[str]:
    """The columns, by model, that hold something which opens with one of these private keys; every row is tried."""
    tried = list(boxes)
    for model in apps.get_app_config("complaints").get_models():
        binary = [field for field in model._meta.concrete_fields if isinstance(field, models.BinaryField)]
        for field in binary:
            for stored in model._default_manager.values_list(field.attname, flat=True):
                if any(_opens(box, bytes(stored or b"")) for box in tried):
                    yield f"{model.__name__}.{field.name}"


def _opens(box: BoxPair, stored: bytes) -> bool:
    for start in (0, 1):
        try:
            unseal(box, stored[start:])
        except SealError:
            continue
        return True
    return False
