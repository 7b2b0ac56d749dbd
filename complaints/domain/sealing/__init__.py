"""Sealing: libsodium constructions for records, files and keys. Services, checks and the session store use it."""
