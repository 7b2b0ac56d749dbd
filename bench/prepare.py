"""Fills the empty database of a measurement: tables, catalogue, people and teams, static files; prints the teams' pins.
Run by bench/server.py in a process of its own, because Django reads its settings once."""

from __future__ import annotations

import os
import sys

# Nobody signs in during a measurement, so nobody waits for an expensive wrapping.
os.environ.update(KEY_WRAP_OPSLIMIT="1", KEY_WRAP_MEMLIMIT="8192")

import django


def main() -> int:
    """Prepare what the environment names."""
    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    from tests.cast import make_cast

    settings.PASSWORD_HASH_MEMORY_KIB = 8
    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    print(make_cast().pins)
    return 0


if __name__ == "__main__":
    sys.exit(main())
