"""``manage.py create_account USERNAME --role ROLE``: an account of a first member, before the portal is served.

Teams need members, and the admin needs TLS, which is opened last. The account has no password: its person chooses one
at the terminal of ``setup_keys``. Auditors and further administrators are made in the admin.
"""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone, translation

from complaints.models.team import Role, Staff
from complaints.services.team_keys import personal

# Roles whose people hold the key of a team.
ROLES = (Role.VERIFIER, Role.FORWARDER, Role.OVERSEER)


class Command(BaseCommand):
    """Exit status 1: refused with the reasons, and nothing was written."""

    help = "Make the account of a first member of a team; setup_keys then asks the person for a password."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the columns of the account; all of them are clear text."""
        parser.add_argument("username")
        parser.add_argument("--role", required=True, choices=[role.value for role in ROLES])
        parser.add_argument("--body", metavar="CODE", help="Of a liaison: the oversight body.")
        for name in ("first-name", "last-name", "email"):
            parser.add_argument(f"--{name}", default="")
        for name in ("nip", "agency"):
            parser.add_argument(f"--{name}", default="", help="Reports that name it are kept from the person.")

    def handle(self, *args: object, **options: object) -> None:
        username = str(options["username"])
        names = ("role", "first_name", "last_name", "email", "nip", "agency")
        staff = Staff(username=username, **{name: str(options[name]) for name in names})
        staff.body_id = str(options["body"]) if options["body"] else None
        staff.is_staff = staff.must_recheck = staff.must_recheck_separate = True
        staff.set_unusable_password()
        if Staff.objects.filter(username__iexact=username).exists():
            raise CommandError(f"There is an account {username} already.")
        try:
            with translation.override("en"):
                staff.full_clean()
        except ValidationError as error:
            raise CommandError("\n".join(error.messages)) from error
        personal.create_account(staff, now=timezone.now())
        self.stdout.write(f"{username} is made. The person chooses a password at setup_keys.")
