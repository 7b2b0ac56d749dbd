"""Sealing of records, files and keys, built from libsodium's constructions; services, checks and sessions use it."""
