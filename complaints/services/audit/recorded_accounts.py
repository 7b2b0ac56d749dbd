"""What the chain records of an account: keys, factors, own data, its confirmation; asked before the account counts."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import Final

from complaints.models.audit import AuditEntry
from complaints.services.audit import log
from complaints.services.audit.entitlement import RecordedAccount, is_entitled
from complaints.services.audit.state import STATES, blank_states, states_of

FACTOR_RESET: Final = "factor.reset"
# How many of the newest entries on an account say which rights it has, and had while a request was under way.
EARLIER: Final = 5


def is_signed_by_actor(entry: AuditEntry) -> bool:
    """Whether an entry bears the signature of its person, by a key that the server recorded as theirs."""
    signer = bytes(entry.signer)
    return entry.actor is not None and log.is_signed(entry, signer) and was_key_of(entry.actor, signer)


def was_key_of(person: uuid.UUID, signer: bytes) -> bool:
    """Whether the server recorded ``signer`` as a key of a person: of one who has left, or has another key by now."""
    return signer in _keys_of(person)


def _keys_of(person: uuid.UUID) -> set[bytes]:
    made = AuditEntry.objects.filter(subject=person, event="staff.key_made")
    by_server = (entry for entry in made if log.is_signed_by_server(entry))
    return {bytes.fromhex(str(entry.facts.get("verify_key", ""))) for entry in by_server}


def confirmation_code(person: uuid.UUID) -> str:
    """Return the digest of the code by which an administrator has confirmed an account; "" where none is in force.

    The row alone does not count: whoever writes to the database could put the digest of a code of their own there, or
    take themselves off the list of those who asked.
    """
    askers: set[object] = {person}
    given: AuditEntry | None = None
    entries = AuditEntry.objects.filter(subject=person, event__startswith="confirmation.").order_by("sequence")
    for entry in entries:
        if entry.event == "confirmation.given":
            given = entry
            continue
        askers = {*askers, entry.actor} if entry.event == "confirmation.asked" else {person}
        given = None
    if given is None or (given.actor is not None and given.actor in askers):
        return ""
    # At the server's terminal no person confirms.
    if not _is_signed_for(given, person, ()):
        return ""
    return str(given.facts.get("code", ""))


def factors_are_recorded(person: uuid.UUID) -> bool:
    """Whether a person's second factors are as the chain records them, each entry following from the one before.

    The entries count from the last reset on, which begins anew. Each must be genuine, and signed by the server, by the
    person, or a reset by an administrator: somebody who writes to the database could append an entry with a row.
    """
    return _follows(person, "factors")


def account_is_recorded(person: uuid.UUID) -> bool:
    """Whether a person's account is as the chain records it: role, marks, keys, password and own data.

    As :func:`factors_are_recorded`; a new initial password, which an administrator gives, begins anew.
    """
    return _follows(person, "staff")


def _follows(person: uuid.UUID, state: str) -> bool:
    last, holds = blank_states([person], state).get(person, ""), True
    own_keys = _keys_of(person)
    for entry in AuditEntry.objects.filter(subject=person, event__in=STATES[state].events).order_by("sequence"):
        follows = _begins_anew(entry) or (holds and entry.facts.get("before") == last)
        holds = follows and _is_signed_for(entry, person, own_keys)
        last = str(entry.facts.get("state"))
    return holds and states_of([person], state).get(person) == last


def _begins_anew(entry: AuditEntry) -> bool:
    if entry.event == "staff.changed":
        return entry.facts.get("change") == "password" and entry.actor != entry.subject
    return entry.event == FACTOR_RESET


def _is_signed_for(entry: AuditEntry, person: uuid.UUID, own_keys: Collection[bytes]) -> bool:
    """Whether an entry on an account holds: by the server, by the person, or by who was an administrator then.

    ``own_keys`` are those of the person.
    """
    if entry.actor is None or entry.actor == person:
        signer = bytes(entry.signer)
        return signer in (*own_keys, *log.server_keys(entry.sequence)) and log.is_signed(entry, signer)
    return is_signed_by_actor(entry) and was_entitled(entry)


def was_entitled(entry: AuditEntry) -> bool:
    """Whether who acted had the rights that an entry holds, by genuine entries before it, and may act so with them."""
    events = STATES["staff"].events
    earlier = AuditEntry.objects.filter(subject=entry.actor, event__in=events, sequence__lt=entry.sequence)
    account = RecordedAccount()
    for given in reversed(earlier.order_by("-sequence")[:EARLIER]):
        if log.is_genuine(given):
            account.gets(str(given.facts.get("rights")), given.at)
    return account.had(entry.rights, entry.at) and is_entitled(entry)
