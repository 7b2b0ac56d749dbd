"""``manage.py recover_team``: give a team's key to one of its people, by both keepers, where nobody holds it any more.

At the server's terminal, as the owner of the tables. First it writes a request; each keeper opens a half on a machine
without network (``--bundle`` makes what they need); then the person types the password, and both answers are joined.
"""

from __future__ import annotations

import io
import sysconfig
import tarfile
from collections.abc import Iterator
from pathlib import Path

import nacl
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from complaints.management.terminal import ask_password
from complaints.models.team import Staff
from complaints.services.team_key_history import UnpinnedKey
from complaints.services.team_keys import personal, recovery
from complaints.services.team_keys.membership import AdmissionRefused

REFUSALS = {
    "team": "There is no team of this name.",
    "person": "There is no active account of this name.",
    "role": "The role of this account does not belong to this team.",
    "no_key": "The person has no key yet: they sign in and choose a password of their own first.",
    "elsewhere": "The person belongs to another team, whose key still opens something.",
    "admitted": "The person holds the team's key.",
    "record": "The account is not as the audit chain records it. Run audit_verify.",
    "keepers": "The team has no recovery keys.",
    "answers": "The answers do not give the team's key of today. Bring those of both keepers to this request.",
}
# What the keepers' tool imports of this portal.
_MODULES = (
    *("complaints/__init__.py", "complaints/domain/__init__.py"),
    *("complaints/domain/errors.py", "complaints/domain/codes.py"),
)
_ENTRY = 'import sys\n\nfrom portal.keeper import main\n\nif __name__ == "__main__":\n    sys.exit(main())\n'


class Command(BaseCommand):
    """Writes no secret anywhere; the team's key is sealed to the person at once."""

    help = "Recover a team's key for one of its people, by its two keepers."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("team", nargs="?", help="triage, separate or body-CODE.")
        parser.add_argument("username", nargs="?", help="Who gets the key; this person is present.")
        parser.add_argument("--request", type=Path, help="Write the file for both keepers.")
        parser.add_argument("--answer", type=Path, action="append", default=[], help="A keeper's answer; give two.")
        parser.add_argument("--bundle", type=Path, help="Write the keepers' tool as a .tar.gz and do nothing else.")

    def handle(
        self,
        *args: object,
        team: str | None = None,
        username: str | None = None,
        request: Path | None = None,
        answer: list[Path],
        bundle: Path | None = None,
        **options: object,
    ) -> None:
        if bundle:
            self._write_bundle(bundle)
            return
        if not team or not username or bool(request) == bool(answer):
            raise CommandError("Name the team and the person, and either --request FILE or two --answer FILE.")
        try:
            if request:
                request.write_text(recovery.request_for(slug=team, username=username).to_json(), encoding="ascii")
                self.stdout.write(f"Take {request} to both keepers.")
            else:
                self._recover(team, username, [path.read_text(encoding="ascii") for path in answer])
        except AdmissionRefused as refused:
            raise CommandError(REFUSALS[refused.code]) from refused
        except UnpinnedKey as error:
            raise CommandError("The team's key is not the pinned one: treat the database as attacked.") from error
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"A file cannot be read or written: {error}") from error

    def _recover(self, team: str, username: str, answers: list[str]) -> None:
        person = Staff.objects.filter(username=username).first()
        if person is None:
            raise AdmissionRefused("person")
        keys = personal.unlock(
            staff=person,
            password=ask_password(f"{username}, type your password; nobody else should see the keyboard: "),
        )
        if keys is None:
            raise CommandError("This password opens no key of this account.")
        recovery.recover(slug=team, person_keys=keys, username=username, answers=answers, now=timezone.now())
        self.stdout.write(
            f"{username} holds the key of {team}. Sign in, admit the others, then change the team's key in the admin."
        )

    def _write_bundle(self, path: Path) -> None:
        with tarfile.open(path, "w:gz") as archive:
            for name, file in _files():
                archive.add(file, arcname=f"keeper/{name}", recursive=False, filter=_plain)
            entry = tarfile.TarInfo("keeper/keeper.py")
            entry.size = len(_ENTRY)
            archive.addfile(entry, io.BytesIO(_ENTRY.encode()))
        version = sysconfig.get_python_version()
        self.stdout.write(f"Unpack {path} on a machine of this kind with Python {version}: python3 keeper/keeper.py")


def _files() -> Iterator[tuple[str, Path]]:
    """Yield name and file of all that the keepers' tool needs: its modules, and libsodium by PyNaCl."""
    root = Path(settings.BASE_DIR)
    for name in ("portal/__init__.py", "portal/keeper.py", *_MODULES):
        yield name, root / name
    for file in sorted((root / "complaints" / "domain" / "sealing").glob("*.py")):
        yield str(file.relative_to(root)), file
    packages = Path(nacl.__file__).parents[1]
    for file in sorted((*packages.glob("nacl/**/*"), *packages.glob("_cffi_backend*.so"))):
        if file.is_file() and file.suffix in (".py", ".so"):
            yield str(file.relative_to(packages)), file


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = member.mtime = 0
    member.uname = member.gname = ""
    return member
