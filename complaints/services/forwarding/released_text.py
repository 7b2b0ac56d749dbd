"""What of a text and of a file goes to a body: the one place where something is taken out of a chosen part.

Each text of a release passes :func:`released_text` once, each file :func:`released_object`. Nothing is taken out yet.
"""

from __future__ import annotations

from complaints.models.complaint import Complaint
from complaints.models.evidence import EvidenceObject


def released_text(complaint: Complaint, target: str, text: str) -> str:
    """Return a text as the body reads it.

    Args:
        target: which text of the report: "answers.NAME" of an answer, else "message.ID", "note.ID", "post.ID.NAME".
    """
    return text


def released_object(stored: EvidenceObject) -> EvidenceObject:
    """Return the stored object that goes where ``stored`` was chosen."""
    return stored
