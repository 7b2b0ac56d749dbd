"""Recognises files, reports their revealing metadata, and makes copies without it.

The upload path imports ``kinds`` and ``refusal`` only. The other modules parse hostile bytes with large libraries and
run in the sandbox, so no service imports them; a contract of import-linter holds it.
"""
