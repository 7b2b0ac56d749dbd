"""Evidence on its way in, in storage, and out: sealed segments, draft rows, working copies."""

from complaints.services.evidence.copies import (
    Findings,
    ScannerDown,
    end_grants,
    process_pending,
    read_findings,
    work_for_officer,
)
from complaints.services.evidence.drafts import (
    DraftFileInfo,
    discard_draft,
    discard_draft_file,
    draft_files,
    keep_uploads,
    partial_files,
)
from complaints.services.evidence.intake import SealedUpload, Sink, discard_unclaimed, open_sink
from complaints.services.evidence.posts import Post, PostInfo, attach_posts, collect, describe, read_post
from complaints.services.evidence.resume import (
    BadSegmentError,
    Progress,
    UnknownFileError,
    begin,
    finish,
    progress,
    segment_bytes,
    take,
)
from complaints.services.evidence.stored import (
    FileInfo,
    attach,
    delete_object,
    read_info,
    referenced_objects,
    storage,
    stream,
)

__all__ = [
    "BadSegmentError",
    "DraftFileInfo",
    "FileInfo",
    "Findings",
    "Post",
    "PostInfo",
    "Progress",
    "ScannerDown",
    "SealedUpload",
    "Sink",
    "UnknownFileError",
    "attach",
    "attach_posts",
    "begin",
    "collect",
    "delete_object",
    "describe",
    "discard_draft",
    "discard_draft_file",
    "discard_unclaimed",
    "draft_files",
    "end_grants",
    "finish",
    "keep_uploads",
    "open_sink",
    "partial_files",
    "process_pending",
    "progress",
    "read_findings",
    "read_info",
    "read_post",
    "referenced_objects",
    "segment_bytes",
    "storage",
    "stream",
    "take",
    "work_for_officer",
]
