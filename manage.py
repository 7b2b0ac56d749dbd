#!/usr/bin/env python
"""Django's command line utility for this portal."""

import os
import sys

from django.core.management import execute_from_command_line


def main() -> None:
    """Run a management command with portal.settings."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
