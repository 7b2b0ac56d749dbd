"""Writes small files that only their owner may read: the file of secrets, the list of sample accounts."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write(path: Path, text: str, *, replace: bool = True) -> bool:
    """Write ``text`` atomically and durably with mode 0600; raises OSError.

    A file that is replaced keeps its owner, its group and what they may read: root may write it for a service.
    Without ``replace`` an existing file stays, and of two concurrent calls only one writes. Returns whether it wrote.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # mkstemp opens with 0600; in the same folder, because neither a rename nor a link crosses file systems.
    handle, draft = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            if replace and path.exists():
                _keep_readers(handle, path.stat())
            os.fsync(stream.fileno())
        if replace:
            Path(draft).replace(path)
        else:
            os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        Path(draft).unlink(missing_ok=True)
    sync_folder(path.parent)
    return True


def _keep_readers(handle: int, replaced: os.stat_result) -> None:
    if os.geteuid() == 0:
        os.fchown(handle, replaced.st_uid, replaced.st_gid)
    # A mode that lets everybody read was set by nobody on purpose.
    os.fchmod(handle, 0o600 if replaced.st_mode & 0o007 else 0o600 | (replaced.st_mode & 0o040))


def open_private(path: str, flags: int) -> int:
    """Open a file as the opener of ``open``; one that is made can be read by its owner alone."""
    return os.open(path, flags, 0o600)


def sync_folder(folder: Path) -> None:
    """Make new names in ``folder`` durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def put(path: Path, name: str, value: str) -> None:
    """Set ``name`` to ``value`` in an environment file and keep its other lines; create the file if it is missing.

    Raises ValueError where a shell or an environment file would interpret the value, and OSError.
    """
    if not value.isprintable() or set(value) & set(" \"'\\#$`"):
        raise ValueError(name)
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    other_lines = [line for line in lines if line.partition("=")[0].strip() != name]
    write(path, "".join(f"{line}\n" for line in [*other_lines, f"{name}={value}"]))
