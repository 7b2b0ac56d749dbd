"""``manage.py audit_verify``: verify the audit chain, the rows it names and the structure, also on a restored copy."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import translation

from complaints.adapters import mail as mails
from complaints.models.verification import FAULTS
from complaints.services import retention
from complaints.services.audit import log, rewritten_entries, structure, verify
from complaints.services.audit.faults import Fault
from complaints.services.erasure import listed


class Command(BaseCommand):
    """Exit status 0: intact. 1: broken, with a line for each fault."""

    help = "Verify the audit chain, the rows it speaks of, the structure and, with --files, every stored object."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--heads", type=Path, help="A file of heads that left the machine: era, batch, day, number, digest."
        )
        parser.add_argument(
            "--own-heads", action="store_true", help="Also the heads in AUDIT_HEADS_FILE, if it exists."
        )
        parser.add_argument("--files", action="store_true", help="Also read every stored object of evidence.")
        parser.add_argument(
            "--mail", action="store_true", help="Mail AUDIT_HEADS_MAIL how many faults there are, if any."
        )

    def handle(
        self,
        *args: object,
        heads: Path | None = None,
        own_heads: bool = False,
        files: bool = False,
        mail: bool = False,
        **options: object,
    ) -> None:
        if own_heads and heads is None and settings.AUDIT_HEADS_FILE.exists():
            heads = settings.AUDIT_HEADS_FILE
        try:
            self._verify(heads, files=files)
        except CommandError as error:
            if mail and settings.AUDIT_HEADS_MAIL:
                # Which reports and cases they are stays on this machine.
                number = len(str(error).splitlines())
                mails.send(
                    [settings.AUDIT_HEADS_MAIL], "audit_verify", f"Faults: {number}. Run audit_verify on the server."
                )
            raise

    def _verify(self, heads: Path | None, *, files: bool) -> None:
        published = _read_heads(heads) if heads else []
        altered = [*structure.structure_faults(), *rewritten_entries.faults()]
        altered += listed.faults(_read_list(heads), heads=published) if heads else []
        verdict = verify.verify_chain(heads=published)
        if altered or not verdict.whole:
            more = [f"and {verdict.more} more faults"] if verdict.more else []
            raise CommandError("\n".join([*map(_line, (*altered, *verdict.faults)), *more]))
        self.stdout.write(f"{verdict.entries} entries, whole")
        if heads:
            self.stdout.write(f"{len(published)} heads from outside agree")
        if files:
            if faults := [f"Object {name} {why}." for name, why in retention.damaged_objects()]:
                raise CommandError("\n".join(faults))
            self.stdout.write("Every stored object is what was stored")


def _line(fault: Fault) -> str:
    place = f"entry {fault.sequence}" if fault.sequence is not None else "the stored rows"
    subject = f" ({fault.subject})" if fault.subject else ""
    with translation.override("en"):
        return f"Broken at {place}{subject}: {fault.code}, {FAULTS[fault.code]}."


def _read_list(path: Path) -> listed.ErasureList:
    try:
        return listed.parse(path.read_text(encoding="ascii"))
    except ValueError as error:
        raise CommandError(f"{path} holds a line of the list of erasures that was cut or altered: {error}") from error


def _read_heads(path: Path) -> list[log.Head]:
    try:
        return log.parse_heads(path.read_text(encoding="ascii"))
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise CommandError(
            f"{path} holds something else than lines of era, batch, day, number and digest: {error}"
        ) from error
