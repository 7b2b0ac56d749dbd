"""The tool of a recovery keeper, for a machine without network: ``python keeper.py`` of the offline bundle.

It imports neither Django nor the settings; ``manage.py recover_team --bundle`` packs it with what it needs.
"""

from __future__ import annotations

import argparse
import getpass
import sys
from pathlib import Path

from complaints.domain.errors import SealError
from complaints.domain.sealing.primitives import BoxPair
from complaints.domain.sealing.recovery import RecoveryRequest, open_half


def main(arguments: list[str] | None = None) -> int:
    """Run the tool; returns the exit status, 0 where an answer was written or a key was printed."""
    parser = argparse.ArgumentParser(prog="keeper.py", description="Keeps one half of a team's key.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("new-key", help="print a new pair of keys")
    opening = commands.add_parser("open", help="open this keeper's half for one person")
    opening.add_argument("request", type=Path, help="the file that the server wrote")
    opening.add_argument("answer", type=Path, help="the file to bring back")
    options = parser.parse_args(arguments)
    if options.command == "new-key":
        return _new_key()
    return _open(options.request, options.answer)


def _new_key() -> int:
    pair = BoxPair.new()
    sys.stdout.write(f"public   {pair.public.hex()}\nprivate  {pair.private.hex()}\n")
    sys.stderr.write("Write the private half on paper, twice, and clear this screen. It cannot be shown again.\n")
    return 0


def _open(request_file: Path, answer_file: Path) -> int:
    try:
        request = RecoveryRequest.from_json(request_file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, SealError):
        return _refuse(f"{request_file} is not a request that the server wrote.")
    sys.stdout.write(
        f"The key of the team {request.team} would go to {request.username}.\n"
        f"  team    {request.team_fingerprint}   compare it with the paper\n"
        f"  person  {request.member_fingerprint}   the person reads it out, before you\n"
    )
    sys.stdout.write("Do both agree, letter by letter? Type yes: ")
    sys.stdout.flush()
    if sys.stdin.readline().strip().lower() != "yes":
        return _refuse("Nothing was opened.")
    try:
        answer = open_half(request, bytes.fromhex(getpass.getpass("Your private key: ").strip()))
    except (ValueError, SealError):
        return _refuse("This key opens no half of this team's key.")
    answer_file.write_text(answer, encoding="ascii")
    sys.stdout.write(f"Bring {answer_file} back. Only {request.username} can open it.\n")
    return 0


def _refuse(words: str) -> int:
    sys.stderr.write(f"{words}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
