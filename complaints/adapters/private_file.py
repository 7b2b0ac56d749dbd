"""Writes small files that only their owner may read: the file of secrets, the list of sample accounts."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write(path: Path, text: str) -> None:
    """Write ``text`` atomically with mode 0600.

    Raises:
        OSError: the folder cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # mkstemp opens with 0600, in the same folder, so that the rename is atomic.
    handle, draft = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def put(path: Path, name: str, value: str) -> None:
    """Set ``name`` to ``value`` in an environment file and keep its other lines; create the file if it is missing.

    Raises:
        ValueError: the value has characters that a shell or an environment file would interpret.
        OSError: see :func:`write`.
    """
    if not value.isprintable() or set(value) & set(" \"'\\#$`"):
        raise ValueError(name)
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    other_lines = [line for line in lines if line.partition("=")[0].strip() != name]
    write(path, "".join(f"{line}\n" for line in [*other_lines, f"{name}={value}"]))
