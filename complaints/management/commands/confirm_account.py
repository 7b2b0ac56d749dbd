"""``manage.py confirm_account USERNAME``: the second administrator where there is only one, at the server's terminal.

It prints the code that opens an account which an administrator has changed. With its options it does what an
administrator does in the admin, for the only administrator who cannot sign in. All of it stands in the audit chain.
"""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from complaints.models.team import Staff
from complaints.services import account_confirmation, mfa
from complaints.services.account_confirmation import ConfirmationRefused
from complaints.services.team_keys import personal


class Command(BaseCommand):
    """Exit status 1: no such account, or nothing to confirm."""

    help = "Confirm an account in place of a second administrator; print the code that opens it."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the account and what is done to it before."""
        parser.add_argument("username")
        parser.add_argument("--new-password", action="store_true", help="Give a new initial password before.")
        parser.add_argument("--reset-factor", action="store_true", help="Reset the second factor before.")

    def handle(self, *args: object, **options: object) -> None:
        now, username = timezone.now(), str(options["username"])
        person = Staff.objects.filter(username=username).first()
        if person is None:
            raise CommandError(f"No account has the name {username}.")
        if options["new_password"]:
            password = account_confirmation.draw_code()
            personal.set_initial_password(staff=person, password=password, now=now)
            self.stdout.write(f"initial password  {password}")
        if options["reset_factor"]:
            mfa.reset(staff=person, by=None, signer=None, now=now)
        if options["new_password"] and account_confirmation.waiting_for(person) is None:
            self.stdout.write("The account was never used, so nobody needs to confirm it.")
            return
        try:
            code = account_confirmation.confirm(staff=person, by=None, signer=None, now=now)
        except ConfirmationRefused as refused:
            raise CommandError("No administrator has asked for a confirmation of this account.") from refused
        self.stdout.write(f"code              {code}")
        self.stdout.write("Hand it over in person and clear this screen: it cannot be shown again.")
