"""Backups of database and evidence, encrypted to offline age keys, and their restoration into an empty portal."""
