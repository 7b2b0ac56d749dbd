"""Recognises files, reports their revealing metadata, and makes copies without it.

This module exports what the upload path needs. The modules for other kinds of files parse hostile bytes with large
libraries and run in the sandbox only, so nothing here imports them.
"""

from complaints.adapters.media.images import CLEANABLE, clean_image
from complaints.adapters.media.kinds import ALLOWED, HEAD_BYTES, disagrees, is_container, no_copy_reason, recognise
from complaints.adapters.media.refusal import Unreadable

__all__ = [
    "ALLOWED",
    "CLEANABLE",
    "HEAD_BYTES",
    "Unreadable",
    "clean_image",
    "disagrees",
    "is_container",
    "no_copy_reason",
    "recognise",
]
