"""The commands of docs/operations.md and docs/incidents.md: each is run here, by .ci/first-day, or by a test that is
named. A line that nothing runs fails, because nobody would notice when it stops working.

What runs here runs as ``deploy/manage`` would run it: in a process of its own, against a production installation.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.postgresql import roles
from tests.project.test_deploy_check import alone, errors, installation, run

__all__ = ["installation"]

ROOT = Path(__file__).resolve().parents[2]
PAGES = [(ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8") for name in ("operations", "incidents")]
FENCE = re.compile(r"^```\n(.*?)^```", re.M | re.S)
INLINE = re.compile(r"`(deploy/manage [a-z_]+[^`]*)`")
FIRST_DAY = (".ci/first-day", "tests/first_day.py", "deploy/install")
RECOVERY = ("tests/services/team_keys/test_recovery.py",)
BACKUPS = ("tests/services/backup/test_backup.py",)
# What runs elsewhere: the beginning of a line, the files that run it, and what stands in one of them. Where nothing
# stands, a person does it.
ELSEWHERE: dict[str, tuple[tuple[str, ...], str]] = {
    "apt-get ": (FIRST_DAY, "apt-get install"),
    "git clone": (FIRST_DAY, "git clone"),
    "ln -s": (FIRST_DAY, "ln -s first"),
    "deploy/install units": (FIRST_DAY, "units"),
    "deploy/reload-web": (FIRST_DAY, "deploy/reload-web"),
    "/srv/kanal-netral/app/deploy/reload-web": (FIRST_DAY, "deploy/reload-web"),
    "editor ": ((), ""),
    "cd ": ((), ""),
    "read -rs ": ((), ""),
    "unset ": ((), ""),
    "export ": ((), ""),
    "make messages": (FIRST_DAY, "make messages"),
    "install -D -m 600 deploy/site.env": (FIRST_DAY, "site.env"),
    "install -d -o kanal": (FIRST_DAY, "install -d -o kanal -g kanal -m 700 /srv/kanal-backups"),
    "deploy/install prepare": (FIRST_DAY, "prepare)"),
    "deploy/install open": (FIRST_DAY, "deploy/install open"),
    "deploy/install certificate": (FIRST_DAY, "deploy/install certificate"),
    "deploy/install packages": (FIRST_DAY, '"$app/deploy/install" packages account portal'),
    "install -o kanal": (FIRST_DAY, "install -o kanal -g kanal -m 600"),
    "BACKUP_KEY=": (FIRST_DAY, "deploy/install system restore scanner proxy units"),
    "deploy/install check seal": (FIRST_DAY, "open) set -- check seal start"),
    "systemctl ": (FIRST_DAY, "systemctl start"),
    "(umask 077 && systemd-creds decrypt": (FIRST_DAY, "portal.env.cred /run/portal.env"),
    "su postgres": (FIRST_DAY, "CREATE ROLE kanal_setup"),
    ".venv/bin/python manage.py database_roles": (FIRST_DAY, "database_roles --owner-file"),
    "deploy/manage --owner database_roles": (FIRST_DAY, "--owner database_roles"),
    "(set -a; . /etc/kanal-netral/owner.env": (FIRST_DAY, "--owner migrate"),
    "deploy/manage --owner createsuperuser": (FIRST_DAY, '"createsuperuser"'),
    "deploy/manage --owner setup_keys": (FIRST_DAY, '"setup_keys"'),
    "tar xzf keeper.tar.gz": (FIRST_DAY, '"xzf"'),
    "python3 keeper/keeper.py new-key": (FIRST_DAY, '"new-key"'),
    "python3 keeper/keeper.py open": (RECOVERY, "keeper"),
    "deploy/manage --owner recover_team triage": (RECOVERY, "recover_team"),
    "deploy/manage backup": (FIRST_DAY, "kanal-backup"),
    ".venv/bin/python manage.py restore": (BACKUPS, '"restore"'),
    # Below, together.
    "openssl ": ((), "here"),
    "touch ": ((), "here"),
    "echo ": ((), "here"),
    "printf ": ((), "here"),
}
# Errors of the installation that runs here: on SQLite, and as root where the tests run so.
OF_THIS_ONE = {"E030", "E039"}


def commands() -> Iterator[str]:
    """Every command of both pages, one after the other, without comments."""
    for page in PAGES:
        for block in FENCE.findall(page):
            for line in block.replace("\\\n", " ").splitlines():
                if line.startswith("(") or not line.strip():
                    yield from [line] if line.strip() else []
                else:
                    yield from re.split(r" && |; (?=su )", re.sub(r"\s{2,}#.*", "", line).strip())
        yield from (text for text in INLINE.findall(page) if "COMMAND" not in text)


def elsewhere(command: str) -> tuple[tuple[str, ...], str] | None:
    """Where a command runs; None for one that runs here."""
    found = [name for name in ELSEWHERE if command.startswith(name)]
    return ELSEWHERE[max(found, key=len)] if found else None


def of_the_portal(command: str) -> list[str]:
    """The arguments of ``manage.py``."""
    match = re.fullmatch(r"(?:deploy/manage|\.venv/bin/python manage\.py) (?:--owner )?(.+)", command)
    assert match, f"nothing runs: {command}"
    return match[1].split()


def test_every_command_runs_somewhere() -> None:
    for command in commands():
        place = elsewhere(command)
        if place is None:
            assert of_the_portal(command)
        elif place[0]:
            assert any(place[1] in (ROOT / file).read_text(encoding="utf-8") for file in place[0]), command


def test_the_owner_is_named_where_the_owner_is_needed() -> None:
    for command in commands():
        if command.startswith("deploy/manage"):
            name = of_the_portal(command)[0]
            # Of the bundle nothing but files is read.
            assert ("--owner" in command) == (name in (*roles.OWNER_COMMANDS, "database_roles")), command


@alone
def test_the_commands_of_the_portal_do_what_the_pages_say(installation: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "heads-from-the-mailbox.txt").write_text("", encoding="ascii")
    for number, command in enumerate(dict.fromkeys(commands())):
        if elsewhere(command) is not None:
            continue
        words = of_the_portal(command.replace("/root/", f"{tmp_path}/").replace("USERNAME", f"orang{number}"))
        if words[0] == "confirm_account":
            words[1] = "triage1"
        done = run(installation, "manage.py", *words)
        if words[0] == "check":
            assert errors(done) <= OF_THIS_ONE, command
        elif words[0] == "confirm_account" and len(words) == 2:
            assert "No administrator has asked" in done.stderr
        else:
            assert done.returncode == 0, f"{command}: {done.stderr}"
    assert (tmp_path / "keeper.tar.gz").exists()


def test_the_certificates_of_the_staff_are_made_and_revoked(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("SKIPPED: no openssl here")
    blocks = [block for block in FENCE.findall(PAGES[0]) if "staff-" in block]
    assert len(blocks) == 3
    script = "\n".join(blocks).replace("openssl pkcs12 -export", "openssl pkcs12 -export -passout pass:contoh")
    subprocess.run(["sh", "-eu", "-c", script], cwd=tmp_path, capture_output=True, check=True)
    listed = ["openssl", "crl", "-in", "staff-revoked.pem", "-noout", "-text"]
    done = subprocess.run(listed, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "Serial Number" in done.stdout


def test_the_steps_of_the_script_are_explained_in_their_order() -> None:
    script = (ROOT / "deploy" / "install").read_text(encoding="utf-8")
    steps = re.findall(r"^  (?:prepare|open)\) set -- (.+) ;;$", script, re.M)
    prepare, opening = (line.split() for line in steps)
    first_day = PAGES[0].split("## The first day\n", 1)[1].split("\n## ", 1)[0]
    assert re.findall(r"^\| `(\w+)` \| ", first_day, re.M) == prepare
    assert opening == ["check", "seal", "start"]
    # Accounts before teams before pins before the opening.
    order = ["deploy/install prepare", "createsuperuser", "create_account", "setup_keys", "TEAM_KEY_PINS"]
    places = [first_day.index(word) for word in (*order, "deploy/install open", "deploy/install certificate")]
    assert places == sorted(places)


def test_the_letter_says_what_the_law_asks_for() -> None:
    letter = (ROOT / "docs" / "breach-notice.txt").read_text(encoding="utf-8")
    for words in ("Pasal 46", "Nomor 27 Tahun 2022", "3 x 24 jam", "1. Data pribadi yang terungkap"):
        assert words in letter
    assert "2. Kapan dan bagaimana" in letter
    assert "3. Upaya penanganan dan pemulihan" in letter
