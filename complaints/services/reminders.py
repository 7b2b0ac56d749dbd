"""Reminders of a member of staff: on which day the own desk shows a case again.

They lie among the person's kept forms, in the one record that is sealed to the person's own key: no row tells of which
case somebody thinks, or when. They last as long as that record keeps anything, so a day further away is refused.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

from django.db.models import Subquery

from complaints import access
from complaints.models.case import Case
from complaints.models.session import KeptForms
from complaints.services import kept_forms
from complaints.services.keyring import Actor, Keyring

_PREFIX: Final = kept_forms.REMINDER
# The furthest day: what is kept of a person ends kept_forms.DAYS after it was written.
FURTHEST: Final = timedelta(days=kept_forms.DAYS - 1)
# So many a person has at most: they share a record with begun forms.
AT_MOST: Final = 100


class ReminderRefused(Exception):
    """A reminder that is not kept: "day" for a day past or too far away, "many" where there are AT_MOST already."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def remind(*, actor: Actor, case_id: uuid.UUID, day: date) -> None:
    """Have the person's desk show a case on a day, in place of an earlier reminder of it.

    Raises ReminderRefused, Locked, and Case.DoesNotExist for a case that the person may not see.
    """
    access.cases_for(actor.staff).get(pk=case_id)
    if not actor.today < day <= actor.today + FURTHEST:
        raise ReminderRefused("day")
    forms = kept_forms.forms_of(keyring=actor.keyring, today=actor.today)
    name = f"{_PREFIX}{case_id}"
    if name not in forms and sum(key.startswith(_PREFIX) for key in forms) >= AT_MOST:
        raise ReminderRefused("many")
    kept_forms.keep(keyring=actor.keyring, name=name, values={"day": [day.isoformat()]}, today=actor.today)


def forget(*, actor: Actor, case_id: uuid.UUID) -> None:
    """Drop the reminder of a case, where there is one. Raises Locked."""
    kept_forms.forget(keyring=actor.keyring, name=f"{_PREFIX}{case_id}", today=actor.today)


def columns(keyring: Keyring) -> dict[str, Subquery]:
    """Return what the query of the desk reads for :func:`due`; nothing for a person without an open key."""
    if keyring.staff is None or keyring.keys is None:
        return {}
    return {"kept_forms": Subquery(KeptForms.objects.filter(pk=keyring.staff.pk).values("sealed")[:1])}


def due(*, actor: Actor, values: Mapping[str, object]) -> list[tuple[Case, date]]:
    """Return the cases to be shown today with the day that was asked for, the earliest first.

    ``values`` are those of :func:`columns`. A case that the person may not see any more is left out. One query where
    something is due, else none.
    """
    sealed = values.get("kept_forms")
    if not isinstance(sealed, bytes | memoryview):
        return []
    row = KeptForms(staff=actor.staff, sealed=bytes(sealed))
    forms = kept_forms.opened(actor.keyring, row, actor.today)
    days = {
        uuid.UUID(name.removeprefix(_PREFIX)): date.fromisoformat(form.values["day"][0])
        for name, form in forms.items()
        if name.startswith(_PREFIX)
    }
    wanted = {case: day for case, day in days.items() if day <= actor.today}
    if not wanted:
        return []
    cases = access.cases_for(actor.staff).filter(pk__in=wanted).select_related("lead_body")
    return sorted(((case, wanted[case.pk]) for case in cases), key=lambda item: (item[1], item[0].reference))
