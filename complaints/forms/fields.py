"""Fields and the base class of the reporter's forms."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence, Sized
from datetime import date, datetime
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypedDict, Unpack
from zoneinfo import ZoneInfo

from crispy_forms.helper import FormHelper
from crispy_forms.layout import Layout
from crispy_forms.utils import render_crispy_form
from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.core.validators import BaseValidator, MaxLengthValidator, MinLengthValidator
from django.http import QueryDict
from django.template.defaultfilters import filesizeformat
from django.utils.datastructures import MultiValueDict
from django.utils.functional import lazy
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from complaints.adapters.media import kinds
from complaints.domain.visible_text import visible
from complaints.reporter_session import stored_size

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

Files: TypeAlias = "MultiValueDict[str, UploadedFile[bytes]]"
# A choice as Django takes it: (code, label), or (name of a group, its choices).
Choice: TypeAlias = "tuple[str, StrOrPromise | Sequence[tuple[str, StrOrPromise]]]"

TOO_LONG = _("This is too long: it has %(show_value)d characters and may have %(limit_value)d. Please shorten it.")
TOO_MUCH = _("This is more than we can keep. Please shorten it; you can add the rest later with your ticket code.")
NOT_A_DAY = _("Write the day like 25/11/2026, or leave it empty.")
TOO_EARLY = _("This date is before the year 2000. Check the year, or leave the field empty.")
DAY_FORMATS = ["%Y-%m-%d", "%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y"]
# The rules that civil servants are held to are younger; an earlier day is a slip of the keyboard.
FIRST_DAY = date(2000, 1, 1)
# The easternmost of Indonesia's time zones, where each day begins first.
_EASTERN = ZoneInfo("Asia/Jayapura")
# Asks the browser not to remember the input on the device.
FORGET = {"autocomplete": "off"}


def latest_day(now: datetime) -> date:
    """Return the latest day that is today somewhere in Indonesia at ``now``, an aware datetime.

    Whoever writes a day judges it by their own clock, and in Papua a day begins two hours before it does in Jakarta.
    """
    return now.astimezone(_EASTERN).date()


def shortened(limit: int) -> MaxLengthValidator:
    """Return a validator that refuses more than ``limit`` characters and tells how many there are."""
    return MaxLengthValidator(limit, TOO_LONG)


class MinVisibleLength(MinLengthValidator):
    """Refuse a text of which too few characters can be seen."""

    def clean(self, x: Sized) -> int:
        """Return how many characters of ``x`` count."""
        return len(visible(str(x)))


class VisibleField(forms.CharField):
    """A field for text, empty where nothing of it can be seen."""

    def to_python(self, value: object) -> str:
        """Return the text as typed, without spaces at both ends."""
        typed = str(super().to_python(value))
        return typed if visible(typed) else ""


class DayField(forms.DateField):
    """A field for a day since FIRST_DAY; a blank is no day, as in any other field."""

    def to_python(self, value: str | datetime | date | None) -> date | None:
        """Return the day; raises ValidationError for text that is none, and for one before FIRST_DAY."""
        typed = super().to_python(visible(value) if isinstance(value, str) else value)
        if typed is not None and typed < FIRST_DAY:
            raise ValidationError(TOO_EARLY, code="too_early")
        return typed


def line(label: StrOrPromise, *, limit: int, help_text: StrOrPromise = "", mode: str = "") -> forms.CharField:
    """Return a field for one optional line of text."""
    return VisibleField(
        label=label,
        required=False,
        help_text=help_text,
        validators=[shortened(limit)],
        widget=forms.TextInput(attrs=FORGET | ({"inputmode": mode} if mode else {})),
    )


def text(
    label: StrOrPromise,
    *,
    rows: int,
    validators: list[BaseValidator],
    required: bool = True,
    help_text: StrOrPromise = "",
    error_messages: Mapping[str, StrOrPromise] | None = None,
) -> forms.CharField:
    """Return a field for several lines of text."""
    return VisibleField(
        label=label,
        required=required,
        help_text=help_text,
        validators=validators,
        error_messages=error_messages,
        widget=forms.Textarea(attrs={"rows": rows, "cols": False, **FORGET}),
    )


def day(label: StrOrPromise, help_text: StrOrPromise = "") -> forms.DateField:
    """Return a field for an optional day; in browsers without a date picker 25/11/2026 is accepted too."""
    return DayField(
        label=label,
        required=False,
        help_text=help_text,
        input_formats=DAY_FORMATS,
        error_messages={"invalid": NOT_A_DAY},
        widget=forms.DateInput(attrs={"type": "date", **FORGET}, format="%Y-%m-%d"),
    )


def card(name: str, example: str) -> str:
    """Return the label of a choice: its name, with an example below."""
    return format_html("{} <small>{}</small>", name, example) if example else name


class FilesInput(forms.FileInput):
    """A file input for several files."""

    allow_multiple_selected = True


REFUSALS = {
    "too_large": _("“%(name)s” is larger than %(each)s. Send a smaller copy, or a part of it."),
    "type": _(
        "We do not take this kind of file: “%(name)s”. "
        "Save it as one of these kinds, or take a screenshot of it: %(kinds)s."
    ),
    "empty": _("“%(name)s” is empty. Choose the file again."),
    "total": _(
        "“%(name)s” does not fit any more: at most %(count)d files, %(total)s together. "
        "You can add more later with your ticket code."
    ),
    "rest": _(
        "“%(name)s” and the files after it do not fit any more: at most %(count)d files, %(total)s together. "
        "You can add more later with your ticket code."
    ),
    "parked": _(
        "“%(name)s” does not fit: a report that is left and resumed takes at most %(parked)s of files. "
        "Send it, then add the file with your ticket code."
    ),
    "report": _("“%(name)s” does not fit any more: a report takes at most %(most)d files."),
    "full": _(
        "“%(name)s” cannot be kept now, because our store is full. "
        "Go on without it; you can add it later with your ticket code."
    ),
    "drafts": _(
        "“%(name)s” cannot be kept now: files of reports that are not sent yet have used up their part of our store. "
        "Send your report now without it, and add the file later with your ticket code."
    ),
    "no_session": _("“%(name)s” was not kept, because this page stood open too long. Choose it again."),
    "store": _("“%(name)s” could not be kept; the fault is ours. Choose it again."),
}
LIMITS = _("At most %(count)d files, each up to %(each)s.")


def size_words(size: int) -> str:
    """Return a number of bytes as people write it: "200 MB", "1,5 MB".

    The words for bytes are also those of Django's own filter, whose Indonesian for them nobody uses.
    """
    if size < 1024:
        return ngettext("%(size)d byte", "%(size)d bytes", size) % {"size": size}
    return re.sub(r"[.,]0(?=\s)", "", filesizeformat(size))


def _file_limits() -> dict[str, str | int]:
    return {
        "each": size_words(settings.EVIDENCE_MAX_FILE_BYTES),
        "total": size_words(settings.EVIDENCE_MAX_TOTAL_BYTES),
        "parked": size_words(settings.EVIDENCE_PARKED_BYTES),
        "count": settings.EVIDENCE_MAX_FILES,
        "most": settings.EVIDENCE_MAX_REPORT_FILES,
    }


_limits = lazy(lambda: str(LIMITS) % _file_limits(), str)


def refusal(name: str, code: str) -> str:
    """Return the message for a refused file: why, and what to do; ``code`` is a key of REFUSALS."""
    words = {**_file_limits(), "kinds": ", ".join(kinds.labels()), "name": name}
    return str(REFUSALS.get(code, REFUSALS["store"])) % words


class Upload(Protocol):
    """A file of a request that the upload handler has sealed, or refused."""

    @property
    def name(self) -> str:
        """The name of the file."""

    @property
    def refused(self) -> str:
        """The code of the refusal (a key of REFUSALS), or ""."""


class EvidenceField(forms.FileField):
    """Several uploads, already sealed; each refused one gives an error that says what to do."""

    widget = FilesInput

    def __init__(
        self, *, label: StrOrPromise, required: bool = True, error_messages: Mapping[str, StrOrPromise] | None = None
    ) -> None:
        limits = _limits()  # type: ignore[no-untyped-call]
        super().__init__(label=label, required=required, error_messages=error_messages, help_text=limits)

    def clean(self, data: Iterable[Upload] | None, initial: object = None) -> list[Upload]:
        """Return the SealedUpload objects; raises ValidationError with a message for each refused one."""
        uploads = list(data or [])
        if self.required and not uploads:
            raise ValidationError(self.error_messages["required"])
        problems = [ValidationError(refusal(upload.name, upload.refused)) for upload in uploads if upload.refused]
        if problems:
            raise ValidationError(problems)
        return uploads


class FormOptions(TypedDict, total=False):
    """What Django's forms take besides the posted data."""

    initial: MutableMapping[str, object] | None
    auto_id: str


class ReporterForm(forms.Form):
    """The base of the reporter's forms; rendered without form tag and CSRF token, so that empty ones can be cached."""

    use_required_attribute = False
    too_much = False

    def __init__(
        self, data: QueryDict | None = None, files: Files | None = None, /, **options: Unpack[FormOptions]
    ) -> None:
        super().__init__(data, files, **options)
        self.helper = FormHelper()
        self.helper.form_tag = False
        self.helper.disable_csrf = True

    def parts(self) -> tuple[Layout, ...]:
        """Return the layouts that the template places separately."""
        return (Layout(*self.fields),)

    def rendered(self) -> list[SafeString]:
        """Return each of :meth:`parts` as HTML."""
        parts = []
        for layout in self.parts():
            self.helper.layout = layout
            parts.append(render_crispy_form(self, self.helper))
        return parts

    def set_choices(self, name: str, choices: Sequence[Choice], unknown: StrOrPromise) -> None:
        """Set the choices of a field, and the error for a value that is not among them."""
        field = self.fields[name]
        # Django copies a list of choices from field to widget, and evaluates a callable only when it is needed.
        field.choices = lambda: choices  # type: ignore[attr-defined]
        field.error_messages["invalid_choice"] = unknown

    def mistakes(self) -> list[tuple[str, str]]:
        """Return (id of the control, error message) in the order of the page."""
        return [
            (self[name].id_for_label or self[name].subwidgets[0].id_for_label, str(message))
            for name in self.fields
            for message in self.errors.get(name, [])
        ]

    def judge_only(self, name: str) -> None:
        """Remove the errors of all fields but ``name``, for a page that is not finished yet."""
        for unfinished in set(self.errors) - {name}:
            del self.errors[unfinished]

    def answers(self) -> dict[str, str | bool]:
        """Return the cleaned data as a draft stores it: texts, ISO dates, booleans."""
        return {
            name: value.isoformat() if isinstance(value, date) else "" if value is None else value
            for name, value in self.cleaned_data.items()
            if not isinstance(value, list)
        }

    def typed(self) -> dict[str, str | bool]:
        """Return the posted data as typed, valid or not."""
        return {
            name: name in self.data if isinstance(field, forms.BooleanField) else str(self.data.get(name, ""))
            for name, field in self.fields.items()
            if not isinstance(field, forms.FileField)
        }

    def taken_into(self, draft: Mapping[str, object], limit: Callable[[int, int], int]) -> dict[str, object]:
        """Return ``draft`` with the form's answers, or as typed where they are invalid.

        ``limit`` returns how many bytes a draft may have that would have so many, and has so many now. Above it the
        draft is returned unchanged, ``too_much`` is set and the longest text gets an error.
        """
        merged = dict(draft) | (self.answers() if self.is_valid() else self.typed())
        size = stored_size(merged)
        if size <= limit(size, stored_size(draft)):
            return merged
        self.too_much = True
        texts = self.typed()
        self.add_error(max(texts, key=lambda name: stored_size(texts[name])), TOO_MUCH)
        return dict(draft)
