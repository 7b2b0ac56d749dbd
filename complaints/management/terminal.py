"""What a command asks at the terminal."""

from __future__ import annotations

import getpass
import warnings

from django.core.management.base import CommandError


def ask_password(prompt: str) -> str:
    """Ask for a password without showing it; raises CommandError where the terminal would show it, or there is none."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return getpass.getpass(prompt)
        except (getpass.GetPassWarning, EOFError) as error:
            raise CommandError("A password is typed at a terminal that does not show it; there is none.") from error
