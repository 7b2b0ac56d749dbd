"""Checks what a text to reporters would disclose, against the opened case, and records texts sent despite a warning.

The rules are those of domain.disclosure. Their result goes only to the page that asked for it: the audit chain records
kinds and numbers. A warning never forbids; the officer overrides it with a reason, which is sealed.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db import transaction

from complaints.domain import disclosure
from complaints.domain.disclosure import Disclosure, KnownFacts
from complaints.models.case import CaseStep
from complaints.models.complaint import Complaint, Message
from complaints.models.oversight import Release
from complaints.models.step import Step
from complaints.models.team import Staff
from complaints.services import case_membership
from complaints.services.keyring import Actor, Keyring, read_answers
from complaints.services.messages import read, send_to_reporter, write_note


@dataclass(frozen=True)
class Override:
    """Why a text is sent despite warnings: their kinds, and the reason in the officer's words, which is sealed."""

    kinds: tuple[str, ...]
    words: str


@dataclass(frozen=True)
class ReporterWords:
    """What one reporter wrote, opened: the answers of the report, and later messages."""

    answers: Mapping[str, object]
    messages: tuple[str, ...]

    @property
    def texts(self) -> tuple[str, ...]:
        """The account of facts and all messages."""
        return (str(self.answers.get("story", "")), *self.messages)


@transaction.atomic
def check(*, actor: Actor, case_id: uuid.UUID, readers: Sequence[uuid.UUID], text: str) -> list[Disclosure]:
    """Return what ``text`` would disclose; recorded in the audit chain, because it opens every complaint of the case.

    ``readers`` are the complaints whose reporters would read it; empty for all. Raises Locked outside of triage.
    """
    complaints = list(Complaint.objects.filter(case=case_id).prefetch_related("grants").order_by("day", "pk"))
    written = _open(actor.keyring, complaints)
    references = tuple(
        case_membership.own_reference(complaint)
        for complaint in complaints
        if len(complaints) == 1 or [complaint.pk] == list(readers)
    )
    known = known_facts([written[pk] for pk in readers or written], list(written.values()), references=references)
    disclosures = disclosure.check(text, known)
    record_check(actor=actor, case_id=case_id, disclosures=disclosures)
    return disclosures


def known_facts(
    readers: Sequence[ReporterWords], everybody: Sequence[ReporterWords], *, references: tuple[str, ...] = ()
) -> KnownFacts:
    """Return the facts that a text to ``readers``, of ``everybody`` who reported the case, is checked against.

    With several readers, what each of them wrote counts as another reporter's words, because the others would read it.
    ``references`` are those by which the readers know their report.
    """
    single = readers[0] if len(readers) == 1 else None
    return KnownFacts(
        accused=_answers(everybody, "accused_name"),
        stories=single.texts if single else (),
        offices=(*_answers(everybody, "agency"), *_answers(everybody, "regency")),
        others=tuple(text for reporter in everybody if reporter is not single for text in reporter.texts),
        staff=_staff_names(),
        references=references,
    )


def _answers(reporters: Iterable[ReporterWords], name: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(reporter.answers.get(name, "")) for reporter in reporters))


def _staff_names() -> tuple[str, ...]:
    people = Staff.objects.filter(is_active=True).order_by("pk").values_list("first_name", "last_name", "username")
    return tuple(name for first, last, user in people for name in (f"{first} {last}".strip(), user) if name)


def _open(keyring: Keyring, complaints: Sequence[Complaint]) -> dict[uuid.UUID, ReporterWords]:
    """Open what the reporters of a case wrote, by report; one query, however many reports there are."""
    messages: dict[uuid.UUID, list[Message]] = {complaint.pk: [] for complaint in complaints}
    from_reporters = Message.objects.filter(complaint__in=complaints, direction=Message.Direction.FROM_REPORTER)
    for message in from_reporters.order_by("sequence"):
        messages[message.complaint_id].append(message)
    return {complaint.pk: _words(keyring, complaint, messages[complaint.pk]) for complaint in complaints}


def _words(keyring: Keyring, complaint: Complaint, messages: Iterable[Message]) -> ReporterWords:
    pair, team = keyring.complaint(complaint), keyring.report_team
    texts = (read(message, pair=pair, complaint=complaint, team=team) for message in messages)
    return ReporterWords(read_answers(pair, complaint), tuple(texts))


def record_check(*, actor: Actor, case_id: uuid.UUID, disclosures: Sequence[Disclosure]) -> None:
    """Record that a text was checked, with the number and kinds of the warnings."""
    actor.record("leak.checked", case=case_id, facts={"found": len(disclosures), "kinds": _join_kinds(disclosures)})


def _join_kinds(warnings: Iterable[Disclosure] | Override) -> str:
    """Return the kinds of warnings as audit entries hold them, each once, joined by "+"."""
    kinds = warnings.kinds if isinstance(warnings, Override) else [warning.kind.value for warning in warnings]
    return "+".join(dict.fromkeys(kinds))


def record_override(
    *,
    actor: Actor,
    complaints: Iterable[Complaint],
    override: Override,
    about: Message | Step,
) -> None:
    """Store triage's reason as an internal note of each complaint, and record which message or step it is about."""
    step = about if isinstance(about, CaseStep) else None
    for complaint in complaints:
        note = write_note(complaint=complaint, text=override.words, actor=actor, step=step)
        _record_override(actor, complaint.case_id, override, note=note.pk, about=about.pk)


def record_override_by_body(
    *, actor: Actor, release: Release, complaint: Complaint, override: Override, step: Step
) -> None:
    """Store a body's reason as its message to triage on the release, and record which step it is about."""
    message = send_to_reporter(
        complaint=complaint, text=override.words, actor=actor, step=step, release=release, to_reporter=False
    )
    _record_override(actor, release.case_id, override, note=message.pk, about=step.pk)


def _record_override(
    actor: Actor, case_id: uuid.UUID, override: Override, *, note: uuid.UUID, about: uuid.UUID
) -> None:
    facts = {"kinds": _join_kinds(override), "note": str(note), "about": str(about)}
    actor.record("leak.overridden", case=case_id, facts=facts)
