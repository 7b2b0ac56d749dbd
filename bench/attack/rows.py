"""Attacks by whoever can write to the database only: on files that the portal keeps, and on what its lists tell."""

from __future__ import annotations

from bench.attack.target import Target

# As many objects of sent evidence as are tried.
OBJECTS = 5


def evidence_destroyed(target: Target) -> int:
    """Return how many objects of sent evidence are gone after rows of an unfinished report that ended named them.

    Raises RuntimeError where the job left the rows as they were, so that nothing was tried.
    """
    before = target.sent_objects()
    if not before:
        raise RuntimeError("No evidence was sent, so that nothing was tried.")
    stored = f"(SELECT * FROM complaints_evidenceobject ORDER BY id LIMIT {OBJECTS}) AS stored"
    target.execute(
        "INSERT INTO complaints_draft (id, data, ends, stored_size, expires_on)"
        " SELECT 'planted', NULL, object_digest, 0, '2020-01-01' FROM complaints_evidenceobject LIMIT 1"
    )
    target.execute(
        "INSERT INTO complaints_draftfile (id, draft_id, object_name, object_digest, sealed, stored_size, day)"
        f" SELECT id, 'planted', object_name, object_digest, object_digest, 4611686018427387904, '2020-01-01'"
        f" FROM {stored}"
    )
    target.execute("UPDATE complaints_jobrun SET due_at = '2020-01-01 00:00:00' WHERE name = 'end_drafts'")
    target.run_jobs()
    if "planted" in target.draft_traces():
        raise RuntimeError("The job left the planted rows as they were, so that nothing was tried.")
    return len(before - target.sent_objects())


def lines_told(target: Target) -> int:
    """Return how many columns of a case can be altered alone and are then told by a list, or could not be tried."""
    told = target.told_lines()
    for name in told:
        print(f"told by a list: {name}")
    return len(told)
