"""What a body's words to the reporters would give away, held against what was released to it and nothing else."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db import transaction

from complaints import access
from complaints.domain import leaks as rules
from complaints.domain.leaks import Leak
from complaints.models.complaint import Message
from complaints.services import leaks
from complaints.services.forwarding.reading import open_content, reporters_of, said_on
from complaints.services.vault import Keyring


@transaction.atomic
def check(*, keyring: Keyring, release_id: uuid.UUID, text: str, now: datetime) -> list[Leak]:
    """Return what ``text`` would give away to the reporters of a release; written into the chain.

    Raises:
        Release.DoesNotExist, Locked: nothing for this person.
    """
    release = access.releases_for(keyring.staff).select_related("case").get(pk=release_id)
    pair, content = open_content(keyring, release)
    answered: dict[str, list[str]] = {}
    for one in said_on(release, pair, reporters_of(content)):
        if one.message.direction == Message.Direction.FROM_REPORTER:
            answered.setdefault(str(one.message.complaint_id), []).append(one.text)
    told = [leaks.Told(part["answers"], tuple(answered.get(part["complaint"], ()))) for part in content["complaints"]]
    found = rules.check(text, leaks.known(told, told))
    leaks.record_check(keyring=keyring, case_id=release.case_id, found=found, now=now)
    return found
