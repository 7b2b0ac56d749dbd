"""``manage.py audit_verify``: read the whole audit chain and say whether it is whole; at any time, on any copy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from complaints.services import retention
from complaints.services.audit import verify


class Command(BaseCommand):
    """Exit status 0: whole. 1: broken, and where."""

    help = "Verify the audit chain, the rows it speaks of and, with --files, every stored object."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare --heads and --files."""
        parser.add_argument("--heads", type=Path, help="A file of heads that left the machine: day, number, digest.")
        parser.add_argument("--files", action="store_true", help="Also read every stored object of evidence.")

    def handle(self, *args: Any, heads: Path | None = None, files: bool = False, **options: Any) -> None:
        """Verify and report. Raises CommandError, and so exits with 1, where something does not hold."""
        known = _read_heads(heads) if heads else []
        verdict = verify.verify_chain(heads=known)
        if not verdict.whole:
            raise CommandError(_sentence(verdict))
        self.stdout.write(f"{verdict.entries} entries, whole")
        if heads:
            self.stdout.write(f"{len(known)} heads from outside agree")
        if files:
            self._verify_files()

    def _verify_files(self) -> None:
        damaged = [f"Object {name} {why}." for name, why in retention.damaged_objects()]
        if damaged:
            raise CommandError("\n".join(damaged))
        self.stdout.write("Every stored object is what was stored")


def _read_heads(path: Path) -> list[verify.Head]:
    try:
        return verify.parse_heads(path.read_text(encoding="ascii"))
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise CommandError(f"{path} holds something else than lines of day, number and digest: {error}") from error


def _sentence(verdict: verify.Verdict) -> str:
    place = f"entry {verdict.broken_at}" if verdict.broken_at is not None else "the stored rows"
    subject = f" ({verdict.subject})" if verdict.subject else ""
    return f"Broken at {place}{subject}: {verdict.why}."
