"""The inventory of cryptography: every module that imports a cryptographic library is listed, and nothing else is."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "cryptography.md"
LIBRARIES = {"nacl", "hashlib", "hmac", "secrets", "cryptography", "argon2", "random", "fido2", "ssl", "jwt", "Crypto"}
# Digests that no new use may take. SHA-1 is that of authenticator apps.
WEAK = re.compile(r"\b(md5|md4|sha1|ripemd\w*)\b", re.IGNORECASE)
SHA1_HERE = {"complaints/services/mfa.py"}


def sources() -> Iterator[Path]:
    for folder in ("complaints", "portal", "deploy"):
        yield from (ROOT / folder).rglob("*.py")


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imported(path: Path) -> set[str]:
    """The first parts of all modules that a file imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


def test_every_use_of_cryptography_is_listed() -> None:
    listed = re.findall(r"^\| `((?:complaints|portal)/[\w/]+\.py)` \|", DOCUMENT.read_text(encoding="utf-8"), re.M)
    assert len(set(listed)) == len(listed)
    assert set(listed) == {name(path) for path in sources() if imported(path) & LIBRARIES}


def test_no_weak_digest_is_used() -> None:
    found = {name(path) for path in sources() if WEAK.search(path.read_text(encoding="utf-8"))}
    assert found - SHA1_HERE == set()


def test_random_numbers_that_can_be_guessed_decide_nothing() -> None:
    """Python's random is imported where a retry waits, and nowhere else."""
    assert {name(path) for path in sources() if "random" in imported(path)} == {"complaints/services/transitions.py"}
