"""Small files that their owner alone may read, replaced whole: the file of secrets, the list of sample accounts."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write(path: Path, text: str) -> None:
    """Write ``text`` with mode 0600; at every moment the old file is there whole, or the new one.

    Raises:
        OSError: the folder cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # mkstemp opens with 0600, in the same folder, so that the replacement is one step of the file system.
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
    """Set ``name`` to ``value`` in an environment file, its other lines untouched; makes the file where there is none.

    Raises:
        ValueError: a value that an environment file or a shell could read otherwise.
        OSError: see :func:`write`.
    """
    if not value.isprintable() or set(value) & set(" \"'\\#$`"):
        raise ValueError(name)
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    kept = [line for line in lines if line.partition("=")[0].strip() != name]
    write(path, "".join(f"{line}\n" for line in [*kept, f"{name}={value}"]))
