"""Creates the file of secrets of an installation, once; ``make`` calls it, and an operator on a production node.

It imports no Django, because the settings read what it writes.
"""

import argparse
import secrets
import sys
from pathlib import Path

from nacl.public import PrivateKey
from nacl.signing import SigningKey

from complaints.adapters import private_file

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

    The file appears complete or not at all, and only one of two concurrent calls writes. Raises OSError.
    """
    if path.exists():
        return False
    text = "".join(f"{name}={value}\n" for name, value in new_secrets().items())
    return private_file.write(path, text, replace=False)


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
