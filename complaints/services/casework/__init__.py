"""What triage staff can do with a case, and what the clock does."""

from complaints.services.casework.acting import (
    InfectedFile,
    act,
    assign,
    assignable,
    grade_danger,
    in_high_danger,
    note,
    open_object,
    reply,
)
from complaints.services.casework.clock import run_deadlines, work_waiting
from complaints.services.casework.conflict import (
    Standing,
    cases_without_anybody,
    declare_conflict,
    lift_conflict,
    may_declare_conflict,
    may_lift,
    standing_conflicts,
)
from complaints.services.casework.custody import Sheet, custody_sheet
from complaints.services.casework.many import MANY_AT_MOST, Outcome, assign_many, start_review_of
from complaints.services.casework.meeting import meet
from complaints.services.casework.opening import CaseFile, ComplaintFile, Note, ThreadEntry, open_case
from complaints.services.casework.reading import (
    Choice,
    EvidenceItem,
    ObjectInfo,
    PostItem,
    choices,
    open_evidence,
    open_posts,
    summaries,
)
from complaints.services.casework.viewing import open_copy, view_item, work_on
from complaints.services.leaks import check

__all__ = [
    "MANY_AT_MOST",
    "CaseFile",
    "Choice",
    "ComplaintFile",
    "EvidenceItem",
    "InfectedFile",
    "Note",
    "ObjectInfo",
    "Outcome",
    "PostItem",
    "Sheet",
    "Standing",
    "ThreadEntry",
    "act",
    "assign",
    "assign_many",
    "assignable",
    "cases_without_anybody",
    "check",
    "choices",
    "custody_sheet",
    "declare_conflict",
    "grade_danger",
    "in_high_danger",
    "lift_conflict",
    "may_declare_conflict",
    "may_lift",
    "meet",
    "note",
    "open_case",
    "open_copy",
    "open_evidence",
    "open_object",
    "open_posts",
    "reply",
    "run_deadlines",
    "standing_conflicts",
    "start_review_of",
    "summaries",
    "view_item",
    "work_on",
    "work_waiting",
]
