"""The form of a finding, and the columns of a table of findings; one row of a table is judged as the form is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from complaints.admin.forms import DayInput, HouseForm, words
from complaints.domain import posts
from complaints.forms.fields import EvidenceField
from complaints.models.case import AgencyKind
from complaints.models.post import Act
from complaints.services import reference_data

DAYS: Final = ["%Y-%m-%d", "%d/%m/%Y", "%d-%m-%Y"]
NOT_A_DAY: Final = gettext_lazy("Write the day as 2026-11-25 or 25/11/2026.")
# Column of a table and field of the form; the template names them in this order.
COLUMNS: Final[dict[str, str]] = {
    "tautan": "url",
    "nama_atau_akun": "accused_name",
    "nip": "accused_nip",
    "jabatan": "accused_position",
    "terlapor": "accused_kind",
    "kategori": "category",
    "perbuatan": "act",
    "jenis_instansi": "agency_kind",
    "instansi": "agency",
    "kabupaten_kota": "regency",
    "provinsi": "province",
    "tanggal": "event_from",
    "uraian": "story",
}
NEEDED: Final = ("tautan", "terlapor", "kategori", "uraian")


def line(label: Any, *, limit: int, required: bool = False, help_text: Any = "") -> forms.CharField:
    """Return a field for one line that no browser remembers."""
    widget = forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"})
    return forms.CharField(label=label, max_length=limit, required=required, help_text=help_text, widget=widget)


class FindingForm(HouseForm):
    """What staff saw: the post, who, where, when, and what it shows."""

    url = line(
        gettext_lazy("Link to the post"),
        limit=posts.MOST_CHARS,
        required=True,
        help_text=gettext_lazy("The portal never opens it. What names whoever shared the link is taken off."),
    )
    accused_name = line(gettext_lazy("Name or account"), limit=200)
    accused_nip = line(gettext_lazy("NIP"), limit=40)
    accused_position = line(gettext_lazy("Position"), limit=200)
    accused_kind = forms.ChoiceField(label=gettext_lazy("Kind of accused"))
    category = forms.ChoiceField(label=gettext_lazy("What happened"))
    act = forms.ChoiceField(label=gettext_lazy("What the account did"), required=False)
    agency_kind = forms.ChoiceField(label=gettext_lazy("Kind of agency"), required=False)
    agency = line(gettext_lazy("Agency"), limit=200)
    regency = line(gettext_lazy("Regency or city"), limit=200)
    province = forms.ChoiceField(label=gettext_lazy("Province"), required=False)
    event_from = forms.DateField(
        label=gettext_lazy("Happened on"),
        required=False,
        input_formats=DAYS,
        error_messages={"invalid": NOT_A_DAY},
        widget=DayInput(attrs={"autocomplete": "off"}),
    )
    story = words(gettext_lazy("What is to be seen"), required=True, rows=6)
    evidence = EvidenceField(label=gettext_lazy("Screenshots"), required=False)

    def __init__(self, *args: Any, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = today
        for name, choices in _choices().items():
            field = self.fields[name]
            field.choices = [("", _("choose") if field.required else _("not known")), *choices]  # type: ignore[attr-defined]

    def clean_event_from(self) -> date | None:
        """Refuse days to come."""
        day: date | None = self.cleaned_data["event_from"]
        if day and day > self.today:
            raise ValidationError(_("This day is still to come."))
        return day

    def found(self) -> dict[str, Any]:
        """Return the answers as a report holds them, days as ISO text."""
        answers = {name: value for name, value in self.cleaned_data.items() if name != "evidence"}
        day = answers["event_from"]
        own = {"event_from": day.isoformat() if day else "", "accused_unknown": not answers["accused_name"]}
        return answers | own | {"seen_on": self.today.isoformat(), "account": ""}


def _choices() -> dict[str, list[tuple[str, str]]]:
    seen = [row for row in reference_data.categories() if row.group != "elsewhere"]
    return {
        "accused_kind": [(kind.code, str(kind)) for kind in reference_data.accused_kinds()],
        "category": [(row.code, f"{row.code} {row}") for row in seen],
        "act": [(code, str(label)) for code, label in Act.choices],
        "agency_kind": [(code, str(label)) for code, label in AgencyKind.choices if code != "unknown"],
        "province": [(row.code, row.name) for row in reference_data.provinces()],
    }


def codes() -> list[tuple[str, list[tuple[str, str]]]]:
    """Return what may stand in the columns that take a code: column, and code with its meaning."""
    known = _choices()
    return [(column, known[field]) for column, field in COLUMNS.items() if field in known]


# --- Rows of a table


@dataclass(frozen=True)
class Mistake:
    """What to mend in a table: row as the spreadsheet counts it, column, and what to do."""

    row: int
    column: str
    words: str


def headers(row: Sequence[str]) -> tuple[dict[int, str], list[Mistake]]:
    """Return which field each column is, by its place, and what is wrong with the names."""
    names = [cell.strip().lower().replace(" ", "_").replace("/", "_") for cell in row]
    mistakes = [
        Mistake(1, name, _("Unknown column. Take the names of the template."))
        for name in names
        if name and name not in COLUMNS
    ]
    mistakes += [Mistake(1, name, _("This column is missing.")) for name in NEEDED if name not in names]
    mistakes += [Mistake(1, name, _("This column is there twice.")) for name in COLUMNS if names.count(name) > 1]
    return {place: COLUMNS[name] for place, name in enumerate(names) if name in COLUMNS}, mistakes


def judged(
    rows: Iterable[tuple[int, Sequence[str]]], fields: dict[int, str], *, today: date
) -> tuple[list[dict[str, Any]], list[Mistake]]:
    """Return the rows that can be stored, each with its number as "row", and what is wrong with the others."""
    by_field = {field: column for column, field in COLUMNS.items()}
    spelled = _spellings()
    good: list[dict[str, Any]] = []
    mistakes: list[Mistake] = []
    for number, cells in rows:
        if not any(cells):
            continue
        typed = {field: cells[place] if place < len(cells) else "" for place, field in fields.items()}
        for name, known in spelled.items():
            typed[name] = known.get(typed.get(name, "").casefold(), typed.get(name, ""))
        form = FindingForm(typed, today=today)
        if form.is_valid():
            good.append(form.found() | {"row": number})
        for field, errors in form.errors.items():
            mistakes += [Mistake(number, by_field.get(field, ""), str(error)) for error in errors]
    return good, mistakes


def _spellings() -> dict[str, dict[str, str]]:
    """Return by field how a code may be written: itself, or its name in the language of the page."""
    return {
        name: {text.casefold(): code for code, label in choices for text in (code, label)}
        for name, choices in _choices().items()
    }
