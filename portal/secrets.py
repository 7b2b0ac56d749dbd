"""Makes the file of secrets that one installation needs, once. Plain Python and libsodium, no Django:
settings read what this writes, so it runs before them. Called by `make` and by whoever installs a node."""

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
    """Draw every secret anew; hexadecimal, so that neither a shell nor an env parser can misread one."""
    worker = PrivateKey.generate()
    return {
        "SECRET_KEY": secrets.token_hex(SECRET_BYTES),
        "PASSWORD_PEPPER": secrets.token_hex(SECRET_BYTES),
        "WORKER_PRIVATE_KEY": bytes(worker).hex(),
        "WORKER_PUBLIC_KEY": bytes(worker.public_key).hex(),
        "SERVER_SIGNING_KEY": bytes(SigningKey.generate()).hex(),
    }


def write_once(path: Path) -> bool:
    """Write new secrets to `path` with mode 0600, unless it exists; tell whether it was written.

    The file appears whole or not at all: it is filled and flushed under another name, and `link` refuses
    to replace, so of two racing calls one wins and the other keeps its hands off. Raises OSError.
    """
    if path.exists():
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    # mkstemp opens with O_EXCL and 0600, in the same folder, so that link stays on one file system.
    handle, draft = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as stream:
            stream.writelines(f"{name}={value}\n" for name, value in new_secrets().items())
            stream.flush()
            os.fsync(stream.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
            return True
        return False
    finally:
        Path(draft).unlink()
        _flush_folder(path.parent)


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def main() -> int:
    """Command line: `python -m portal.secrets PATH`. Prints what it did, never a secret."""
    parser = argparse.ArgumentParser(prog="python -m portal.secrets", description=main.__doc__)
    parser.add_argument("path", type=Path)
    path: Path = parser.parse_args().path
    if write_once(path):
        sys.stdout.write(f"Secrets written to {path}; keep it, nothing can be opened without it.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
