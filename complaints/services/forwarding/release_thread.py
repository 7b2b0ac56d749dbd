"""The messages on a release, as its body reads them: answers of reporters, and what was written to them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from complaints.domain.retaliation import TOLD, Retaliation
from complaints.domain.sealing.primitives import BoxPair
from complaints.models.complaint import Message
from complaints.models.oversight import Release
from complaints.services.messages import read_marked, read_released


@dataclass(frozen=True)
class ReleaseMessage:
    """A message on a release, with its opened text, and the retaliation that its reporter told with it.

    What a step of the body said to several reporters is one message, and ``readers`` says to how many.
    """

    message: Message
    text: str
    told: Retaliation | None = None
    readers: int = 1


def thread_of(release: Release, pair: BoxPair, reporters: dict[str, bytes]) -> list[ReleaseMessage]:
    """Return the messages on a release in order, opened; ``reporters`` are the released keys of its reporters by id."""
    rows = release.messages.select_related("complaint", "release").order_by("day", "sequence")
    return opened_thread(release, pair, reporters, rows)


def opened_thread(
    release: Release, pair: BoxPair, reporters: dict[str, bytes], rows: Iterable[Message]
) -> list[ReleaseMessage]:
    """Open ``rows``, the messages on a release in order; ``reporters`` as above. Raises SealError, UnpinnedKey."""
    messages = []
    for message in rows:
        if message.direction == Message.Direction.FROM_REPORTER:
            signer = reporters.get(str(message.complaint_id), b"")
            text, marks = read_released(message, pair=pair, signer=signer)
        else:
            team = release.case.held_by
            text, marks = read_marked(message, pair=pair, complaint=message.complaint, team=team)
        told = Retaliation.from_mark(marks[TOLD]) if TOLD in marks else None
        messages.append(ReleaseMessage(message, text, told))
    return _once(messages)


def _once(messages: Sequence[ReleaseMessage]) -> list[ReleaseMessage]:
    """Return messages with those of one step, each sealed to another reporter, as one at the place of the last."""
    alike: dict[tuple[uuid.UUID, str], ReleaseMessage] = {}
    for entry in messages:
        step = entry.message.step_id or entry.message.release_step_id
        is_from_body = entry.message.direction in {Message.Direction.BODY_TO_REPORTER, Message.Direction.BODY_QUESTION}
        key = (step if step and is_from_body else entry.message.pk, entry.text)
        readers = alike.pop(key).readers + 1 if key in alike else 1
        alike[key] = replace(entry, readers=readers)
    return list(alike.values())
