"""Texts that a member of staff is typing on the page of a case or a release: kept while they type, sealed to their key.

They lie among the person's kept forms (:mod:`complaints.services.kept_forms`), in the one padded record that no row
tells apart by case. A draft ends when its text was sent, when the person who held the case holds it no longer, when a
conflict of interest keeps the case from them, when they get a new key, and ``kept_forms.DAYS`` after its last change.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import transaction
from django.utils import timezone

from complaints.models.case import Case
from complaints.services import kept_forms
from complaints.services.kept_forms import Form
from complaints.services.keyring import Keyring

# Of one form: as many texts as the longest form has, and as many characters as all of them may hold together.
FIELDS_AT_MOST: Final = 12
CHARACTERS_AT_MOST: Final = 16_000
# A form is kept no more often than this; the script of the pages does it every ten seconds.
LEAST_MILLISECONDS: Final = 1000
_PREFIX, _STAMP, _HOLDER, _TEXT = "draft", "stamp", "holder", "text."


class DraftRefused(Exception):
    """A draft that is not kept: "size" where it is too large, "often" where the same form was kept a moment ago."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Place:
    """Where a draft belongs: the case or release, whoever holds it now (None for nobody), and the form on its page."""

    object_id: uuid.UUID
    form: str
    holder: uuid.UUID | None = None

    @property
    def name(self) -> str:
        """The name among the kept forms."""
        return f"{_PREFIX} {self.object_id} {self.form}"


@dataclass(frozen=True)
class Draft:
    """Texts of a form by the names of their fields; ``stamp`` is when they were kept, in milliseconds of the epoch."""

    texts: dict[str, str]
    stamp: int
    holder: str

    @property
    def at(self) -> datetime:
        """When the draft was kept."""
        return datetime.fromtimestamp(self.stamp / 1000, tz=timezone.get_current_timezone())


def holder_of(object_id: uuid.UUID) -> uuid.UUID | None:
    """Return who holds a case; None where nobody does, and for a release."""
    return Case.objects.filter(pk=object_id).values_list("assignee", flat=True).first()


def drafts_of(*, keyring: Keyring, object_id: uuid.UUID, holder: uuid.UUID | None, now: datetime) -> dict[str, Draft]:
    """Return a person's drafts on a case or release by the names of their forms; {} where nothing opens."""
    forms = kept_forms.forms_of(keyring=keyring, today=timezone.localdate(now))
    start = f"{_PREFIX} {object_id} "
    drafts = {name.removeprefix(start): _draft(form) for name, form in forms.items() if name.startswith(start)}
    return {name: draft for name, draft in drafts.items() if not _is_handed_over(keyring, draft, holder)}


@transaction.atomic
def keep(*, keyring: Keyring, place: Place, texts: Mapping[str, str], base: int, now: datetime) -> tuple[Draft, bool]:
    """Keep the texts of a form in place of what was kept of it; return the draft, and whether another window's went.

    The newest wins. ``base`` is the stamp of the draft that the form showed or kept last, 0 for none: a kept one of
    another stamp is of another window. Raises DraftRefused, Locked.
    """
    if len(texts) > FIELDS_AT_MOST or sum(map(len, texts.values())) > CHARACTERS_AT_MOST:
        raise DraftRefused("size")
    before = drafts_of(keyring=keyring, object_id=place.object_id, holder=place.holder, now=now).get(place.form)
    stamp = int(now.timestamp() * 1000)
    if before and 0 <= stamp - before.stamp < LEAST_MILLISECONDS:
        raise DraftRefused("often")
    draft = Draft(dict(texts), stamp, str(place.holder or ""))
    values = {_STAMP: [str(stamp)], _HOLDER: [draft.holder]}
    values |= {f"{_TEXT}{name}": [text] for name, text in texts.items()}
    if not kept_forms.keep(keyring=keyring, name=place.name, values=values, today=timezone.localdate(now)):
        raise DraftRefused("size")
    return draft, before is not None and before.stamp != base and before.texts != draft.texts


def forget(*, keyring: Keyring, name: str, now: datetime) -> None:
    """Drop the draft of a form by its name among the kept forms: it was sent, or is not wanted. Raises Locked."""
    if name.startswith(f"{_PREFIX} "):
        kept_forms.forget(keyring=keyring, name=name, today=timezone.localdate(now))


@transaction.atomic
def forget_all_on(*, keyring: Keyring, object_id: uuid.UUID, now: datetime) -> None:
    """Drop a person's drafts on a case or release that they hand over, or may see no more. Nothing while locked."""
    today = timezone.localdate(now)
    for name in kept_forms.forms_of(keyring=keyring, today=today):
        if name.startswith(f"{_PREFIX} {object_id} "):
            kept_forms.forget(keyring=keyring, name=name, today=today)


def _draft(form: Form) -> Draft:
    values = form.values
    texts = {name.removeprefix(_TEXT): text[0] for name, text in values.items() if name.startswith(_TEXT)}
    return Draft(texts, int(values[_STAMP][0]), values[_HOLDER][0])


def _is_handed_over(keyring: Keyring, draft: Draft, holder: uuid.UUID | None) -> bool:
    """Whether the person held the case while they typed, and another or nobody has it now."""
    me = str(keyring.staff.pk) if keyring.staff else ""
    return draft.holder == me and str(holder or "") != me
