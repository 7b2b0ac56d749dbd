"""Creates the file of secrets of an installation, once; ``make`` calls it, and an operator on a production node.

It imports no Django, because the settings read what it writes.
"""

import argparse
import contextlib
import os
import secrets
import sys
import tempfile
from pathlib import Path

from nacl.public import PrivateKey
from nacl.signing import SigningKey

SECRET_BYTES = 32


def new_secrets() -> dict[str, str]:
    """Return new random secrets by name, in hexadecimal, which neither a shell nor an env parser can misread."""
    worker = PrivateKey.generate()
    return {
        "SECRET_KEY": secrets.token_hex(SECRET_BYTES),
        "PASSWORD_PEPPER": secrets.token_hex(SECRET_BYTES),
        "WORKER_PRIVATE_KEY": bytes(worker).hex(),
        "WORKER_PUBLIC_KEY": bytes(worker.public_key).hex(),
        "SERVER_SIGNING_KEY": bytes(SigningKey.generate()).hex(),
    }


def write_once(path: Path) -> bool:
    """Write new secrets to ``path`` with mode 0600 unless it exists; return whether it was written.

    The file appears complete or not at all: it is written and flushed under a temporary name and then linked, and as
    ``link`` never replaces a file, only one of two concurrent calls writes. Raises OSError.
    """
    if path.exists():
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    # mkstemp opens with O_EXCL and 0600; in the same folder, because a link cannot cross file systems.
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as stream:
            stream.writelines(f"{name}={value}\n" for name, value in new_secrets().items())
            stream.flush()
            os.fsync(stream.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(temporary, path)
            return True
        return False
    finally:
        Path(temporary).unlink()
        _fsync_folder(path.parent)


def _fsync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def main() -> int:
    """Run as ``python -m portal.secrets PATH``; prints what it did and never a secret."""
    parser = argparse.ArgumentParser(prog="python -m portal.secrets", description=main.__doc__)
    parser.add_argument("path", type=Path)
    path: Path = parser.parse_args().path
    if write_once(path):
        sys.stdout.write(f"Secrets written to {path}; keep it, nothing can be opened without it.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
