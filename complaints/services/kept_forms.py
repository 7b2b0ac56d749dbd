"""Forms that a member of staff has begun and not sent: one record a person, sealed to the person's own key.

They outlive the session, so that nobody begins a release of fifty reports anew the next morning; only the person's
password opens them again. Each is kept for DAYS after it was last changed. Nothing is decided by them: what they hold
is shown in its form, and counts once the person sends it.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from django.db import transaction

from complaints.domain.errors import SealError
from complaints.domain.sealing.records import Context, open_record, seal_record
from complaints.models.session import KeptForms
from complaints.services.keyring import Keyring, Locked

DAYS: Final = 14
# What a record of the largest size holds, beside the names of its place.
BYTES_AT_MOST: Final = 60_000

# Names that begin so are reminders (services.reminders): a begun form never takes their room.
REMINDER: Final = "remind "

Values = dict[str, list[str]]


@dataclass(frozen=True)
class Form:
    """What a form held when it was last kept, and on which day that was."""

    values: Values
    day: date


def forms_of(*, keyring: Keyring, today: date) -> dict[str, Form]:
    """Return the forms of a person by name, the one that was kept first in front; {} where nothing opens.

    What was sealed to a key that the person has no more is gone, as is what somebody else has written.
    """
    if keyring.staff is None or keyring.keys is None:
        return {}
    row = KeptForms.objects.filter(pk=keyring.staff.pk).first()
    return opened(keyring, row, today) if row else {}


@transaction.atomic
def keep(*, keyring: Keyring, name: str, values: Mapping[str, list[str]], today: date) -> bool:
    """Keep a form under a name, in place of what was kept of it; return False where it is too large.

    The oldest other forms make room. Raises Locked.
    """
    row = _locked(keyring)
    forms = {key: form for key, form in opened(keyring, row, today).items() if key != name}
    forms[name] = Form(dict(values), today)
    while len(_encoded(forms)) > BYTES_AT_MOST:
        oldest = next(key for key in forms if key == name or not key.startswith(REMINDER))
        if oldest == name:
            return False
        del forms[oldest]
    _save(keyring, row, forms, today)
    return True


@transaction.atomic
def forget(*, keyring: Keyring, name: str, today: date) -> None:
    """Drop what is kept of a form: it was sent, or the person does not want it. Raises Locked."""
    if name not in forms_of(keyring=keyring, today=today):
        return
    row = _locked(keyring)
    forms = {key: form for key, form in opened(keyring, row, today).items() if key != name}
    if forms:
        _save(keyring, row, forms, today)
    else:
        row.delete()


def forget_all(staff_id: uuid.UUID) -> None:
    """Delete what a person has kept, who leaves the team whose reports it is about."""
    KeptForms.objects.filter(pk=staff_id).delete()


def delete_expired(today: date) -> None:
    """Delete what nobody has changed for DAYS."""
    KeptForms.objects.filter(expires_on__lte=today).delete()


def _locked(keyring: Keyring) -> KeptForms:
    """Return the person's row, locked; a new one, not saved yet, where there is none."""
    if keyring.staff is None or keyring.keys is None:
        raise Locked("own key")
    row = KeptForms.objects.select_for_update().filter(pk=keyring.staff.pk).first()
    return row or KeptForms(staff=keyring.staff, sealed=b"")


def opened(keyring: Keyring, row: KeptForms, today: date) -> dict[str, Form]:
    """Return what a person's row holds, by name; {} where it does not open."""
    if keyring.keys is None or not row.sealed:
        return {}
    try:
        content = open_record(keyring.keys.box, row.sealed, _context(row), keyring.keys.sign.public)
    except SealError:
        return {}
    forms = {name: Form(values, date.fromisoformat(day)) for name, day, values in content}
    return {name: form for name, form in forms.items() if form.day > today - timedelta(days=DAYS)}


def _save(keyring: Keyring, row: KeptForms, forms: Mapping[str, Form], today: date) -> None:
    if keyring.keys is None:
        raise Locked("own key")
    keys = keyring.keys
    row.sealed = seal_record(keys.box.public, _context(row), _content(forms), keys.sign)
    row.expires_on = today + timedelta(days=DAYS)
    row.save()


def _content(forms: Mapping[str, Form]) -> list[list[object]]:
    return [[name, form.day.isoformat(), form.values] for name, form in forms.items()]


def _encoded(forms: Mapping[str, Form]) -> bytes:
    return json.dumps(_content(forms), ensure_ascii=False, separators=(",", ":")).encode()


def _context(row: KeptForms) -> Context:
    return Context("kept-forms", str(row.pk), str(row.pk))
