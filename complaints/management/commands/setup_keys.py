"""``manage.py setup_keys``: create the teams that hold the keys, with their first members and recovery keys.

Run it at the server's terminal with the first members present: each chooses a password unseen by others. TEAM_KEY_PINS,
which it prints, belongs in the environment of every node; without it nothing can be sealed, and so no report sent.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from complaints.management.terminal import ask_password
from complaints.models.team import Staff, Team
from complaints.services.samples.people import SamplesRefused, create_sample_staff
from complaints.services.team_key_history import team_fingerprint
from complaints.services.team_keys import personal, setup
from complaints.services.team_keys.setup import SetupRefused, SetupRequest


class Command(BaseCommand):
    """Refuses with all reasons at once, and then writes nothing."""

    help = "Make the teams triage and separate and, with --body CODE, a body's; print the pins for the environment."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options; none of them takes a secret, because others can read a command line."""
        parser.add_argument("--body", action="append", default=[], metavar="CODE", help="A body to make a team for.")
        parser.add_argument(
            "--member", action="append", default=[], metavar="TEAM:USERNAME", help="A first member; two or more each."
        )
        parser.add_argument(
            "--recovery", action="append", default=[], metavar="TEAM:HEX:HEX", help="Two keepers' public keys."
        )
        parser.add_argument("--make-recovery-key", action="store_true", help="Print one new pair and do nothing else.")
        parser.add_argument("--sample", action="store_true", help="Sample staff, teams and pins, in sample mode only.")

    def handle(self, *args: object, **options: object) -> None:
        if options["make_recovery_key"]:
            public, private = setup.recovery_pair()
            self.stdout.write(f"public   {public}\nprivate  {private}")
            self.stderr.write(
                "Write the private half on paper, twice, and clear this screen. It cannot be shown again."
            )
        elif options["sample"]:
            self._sample()
        else:
            self._create_teams(_setup_request(options))

    def _sample(self) -> None:
        try:
            samples = create_sample_staff(now=timezone.now(), env_file=settings.ENV_FILE)
        except SamplesRefused as error:
            raise CommandError(str(error)) from error
        if samples is None:
            self.stdout.write("The sample teams are there")
            return
        self.stdout.write(f"Sample staff and {len(samples.teams)} teams made, pinned in {settings.ENV_FILE}")
        self.stdout.write("Recovery keys of the samples (a real installation makes them offline):")
        for slug, (first, second) in samples.recovery.items():
            self.stdout.write(f"  {slug:<12} {first} {second}")

    def _create_teams(self, request: SetupRequest) -> None:
        try:
            plans = setup.check_request(request)
        except SetupRefused as refused:
            raise CommandError("\n".join(refused.problems)) from refused
        for person in setup.without_key(plans):
            self._choose_password(person)
        teams = setup.create_teams(plans, now=timezone.now())
        self._print_fingerprints(teams, {person for plan in plans for person in plan.members})

    def _choose_password(self, person: Staff) -> None:
        self.stdout.write(f"{person.username}, choose your password now; nobody else should see the keyboard.")
        while True:
            password = ask_password("Password: ")
            if password != ask_password("Once more: "):
                self.stderr.write("The two differ.")
                continue
            try:
                validate_password(password, person)
            except ValidationError as error:
                self.stderr.write(" ".join(error.messages))
                continue
            personal.change_password(staff=person, password=password, now=timezone.now())
            return

    def _print_fingerprints(self, teams: Iterable[Team], people: Iterable[Staff]) -> None:
        self.stdout.write("Read these aloud and let each member write down their own team's and person's:")
        for team in teams:
            self.stdout.write(f"  {team.slug:<20} {team_fingerprint(team)}")
        for username in sorted(person.username for person in people):
            self.stdout.write(f"  {username:<20} {personal.fingerprint(Staff.objects.get(username=username))}")
        self.stdout.write("Put this line into the environment of every node, then run check --deploy:")
        self.stdout.write(f"TEAM_KEY_PINS={setup.pins(teams)}")


def _setup_request(options: dict[str, Any]) -> SetupRequest:
    members: dict[str, list[str]] = {}
    for text in options["member"]:
        slug, username = _parts(text, 2, "--member TEAM:USERNAME")
        members.setdefault(slug, []).append(username)
    recovery: dict[str, tuple[str, str]] = {}
    for text in options["recovery"]:
        slug, first, second = _parts(text, 3, "--recovery TEAM:HEX:HEX")
        if slug in recovery:
            raise CommandError(f"--recovery names {slug} twice")
        recovery[slug] = (first, second)
    return SetupRequest(options["body"], members, recovery)


def _parts(text: str, number: int, form: str) -> list[str]:
    parts = text.split(":")
    if len(parts) != number or not all(parts):
        raise CommandError(f"{form}: not so: {text}")
    return parts
