"""Evidence: sealed uploads, files of unfinished reports, stored objects, and copies without metadata."""
