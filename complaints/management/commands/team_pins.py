"""``manage.py team_pins``: print the pins for the environment after a team's key was changed.

A key is printed only if it follows from the pinned one by signatures; being in the database is not enough.
"""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandError

from complaints.services import team_key_history
from complaints.services.team_keys import setup


class Command(BaseCommand):
    """Exit status 1: a team's key does not follow from its pin."""

    help = "Print TEAM_KEY_PINS with every pinned team's key of today; compare it with two members before using it."

    def handle(self, *args: object, **options: object) -> None:
        teams = []
        for slug in team_key_history.pinned_slugs():
            try:
                team = team_key_history.pinned_team(slug)
            except team_key_history.UnpinnedKey as error:
                raise CommandError(f"{slug}: the key in the database does not follow from the pinned one.") from error
            teams.append(team)
            state = "as pinned" if team_key_history.is_pinned_itself(team) else "changed"
            self.stdout.write(f"  {slug:<20} {team_key_history.team_fingerprint(team)}  no. {team.key_number}, {state}")
        self.stdout.write("Compare each with what two members read from the page Teams, then use this line:")
        self.stdout.write(f"TEAM_KEY_PINS={setup.pins(teams)}")
