"""Attacks on a portal that runs as in production: ``make attack``. bench/README.md says how to add one."""
