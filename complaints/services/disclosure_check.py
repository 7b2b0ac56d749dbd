"""What a text to reporters would give away, checked against the opened case; and what was sent in spite of it.

The rules are those of domain.leaks. What is found goes back to the page that asked and nowhere else: the chain takes
the kinds and their number. A warning never forbids: it is overridden with a reason, which is sealed.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from complaints.domain import disclosure
from complaints.domain.disclosure import Disclosure, KnownFacts
from complaints.domain.sealing.keys import KeySet
from complaints.domain.sealing.records import Context, open_record
from complaints.models.case import CaseStep
from complaints.models.complaint import Complaint, Message
from complaints.models.oversight import Release
from complaints.models.team import Staff
from complaints.services import case_membership
from complaints.services.actor import Actor
from complaints.services.keyring import Keyring
from complaints.services.messages import read, send_to_reporter, write_note


@dataclass(frozen=True)
class Override:
    """A text that is sent in spite of warnings: of which kinds, and why in the officer's words (to be sealed)."""

    kinds: tuple[str, ...]
    words: str


@dataclass(frozen=True)
class ReporterWords:
    """One reporter's words, opened: the answers, and what they wrote later."""

    answers: dict[str, Any]
    said: tuple[str, ...]

    @property
    def words(self) -> tuple[str, ...]:
        """All that this reporter wrote in sentences."""
        return (str(self.answers.get("story", "")), *self.said)


@transaction.atomic
def check(*, actor: Actor, case_id: uuid.UUID, readers: Sequence[uuid.UUID], text: str) -> list[Disclosure]:
    """Return what ``text`` would give away to the reporters ``readers`` (complaints of the case; empty: all of it).

    Opens every complaint of the case, so the chain learns that it was done.

    Raises:
        Locked: the person was not admitted to triage.
    """
    complaints = list(Complaint.objects.filter(case=case_id).prefetch_related("grants").order_by("day", "pk"))
    told = {complaint.pk: _open(actor.keyring, complaint) for complaint in complaints}
    own = tuple(case_membership.own_reference(one) for one in complaints if len(told) == 1 or [one.pk] == list(readers))
    held = known_facts([told[pk] for pk in readers or told], list(told.values()), references=own)
    found = disclosure.check(text, held)
    record_check(actor=actor, case_id=case_id, found=found)
    return found


def known_facts(
    readers: Sequence[ReporterWords], everybody: Sequence[ReporterWords], *, references: tuple[str, ...] = ()
) -> KnownFacts:
    """Return what a text to ``readers`` is held against; where several read it, each is another to the others."""
    alone = readers[0] if len(readers) == 1 else None
    return KnownFacts(
        accused=_values(everybody, "accused_name"),
        stories=alone.words if alone else (),
        offices=(*_values(everybody, "agency"), *_values(everybody, "regency")),
        others=tuple(words for one in everybody if one is not alone for words in one.words),
        staff=_staff(),
        references=references,
    )


def _values(told: Iterable[ReporterWords], name: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(one.answers.get(name, "")) for one in told))


def _staff() -> tuple[str, ...]:
    people = Staff.objects.filter(is_active=True).order_by("pk").values_list("first_name", "last_name", "username")
    return tuple(name for first, last, user in people for name in (f"{first} {last}".strip(), user) if name)


def _open(keyring: Keyring, complaint: Complaint) -> ReporterWords:
    pair, owner = keyring.complaint(complaint), str(complaint.pk)
    signer = bytes(complaint.reporter_verify_key)
    answers = open_record(pair, complaint.sealed_answers, Context("answers", owner, owner), signer)
    said = complaint.messages.filter(direction=Message.Direction.FROM_REPORTER).order_by("sequence")
    return ReporterWords(answers, tuple(read(message, pair=pair, complaint=complaint) for message in said))


def record_check(*, actor: Actor, case_id: uuid.UUID, found: Sequence[Disclosure]) -> None:
    """Write into the chain that a text was checked, and which kinds of warnings there were."""
    facts = {"found": len(found), "kinds": kinds_of(found)}
    actor.record("leak.checked", case=case_id, facts=facts)


def kinds_of(found: Iterable[Disclosure] | Override) -> str:
    """Return the kinds as the chain keeps them, each once."""
    kinds = found.kinds if isinstance(found, Override) else [leak.kind.value for leak in found]
    return "+".join(dict.fromkeys(kinds))


def record_override(
    *,
    actor: Actor,
    speaker: KeySet,
    complaints: Iterable[Complaint],
    override: Override,
    about: Message | CaseStep,
) -> None:
    """Keep an office's reason as a note of each complaint, and bind it to the message or step that it is about."""
    step = about if isinstance(about, CaseStep) else None
    for complaint in complaints:
        note = write_note(complaint=complaint, text=override.words, actor=actor, speaker=speaker, transition=step)
        _bind(actor, complaint.case_id, override, note=note.pk, about=about.pk)


def record_override_by_body(
    *,
    actor: Actor,
    speaker: KeySet,
    release: Release,
    complaint: Complaint,
    override: Override,
    step: CaseStep,
) -> None:
    """Keep a body's reason as its word to the office on the release, and bind it to the step."""
    said = send_to_reporter(
        complaint=complaint,
        text=override.words,
        actor=actor,
        speaker=speaker,
        transition=step,
        release=release,
        to_reporter=False,
    )
    _bind(actor, release.case_id, override, note=said.pk, about=step.pk)


def _bind(actor: Actor, case_id: uuid.UUID, override: Override, *, note: uuid.UUID, about: uuid.UUID) -> None:
    facts = {"kinds": kinds_of(override), "note": str(note), "about": str(about)}
    actor.record("leak.overridden", case=case_id, facts=facts)
