"""What an officer states for the rules of the law: the form, the facts with their origin, and what is still open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from django import forms
from django.http import QueryDict
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from complaints.admin.base import BaseForm
from complaints.admin.labels import Label, category_label, staff_name
from complaints.domain.law.facts import Facts, StatedFacts
from complaints.domain.law.judgment import Judgment
from complaints.domain.law.vocabulary import Circumstance, ElectionKind, Harm, Post, ServiceStatus
from complaints.forms.law_labels import ANSWERS, CONDITIONS, LEVELS, code_label
from complaints.models.case import Case
from complaints.services import legal_basis, reference_data
from complaints.services.assessments import Statement

NOT_KNOWN: Final[tuple[str, Label]] = ("", gettext_lazy("not known"))
_YES_NO: Final[list[tuple[str, Label]]] = [
    NOT_KNOWN,
    ("yes", pgettext_lazy("answer", "yes")),
    ("no", pgettext_lazy("answer", "no")),
]
_CODES: Final = {"status": ServiceStatus, "post": Post, "harm": Harm, "election": ElectionKind}
# The fields of the form in order, by the names that the conditions of the rules bear.
_HELP: Final[dict[str, Label]] = {
    "status": gettext_lazy("On the day of the act. Which sanctions exist depends on it."),
    "election": gettext_lazy(
        "For which election the act was done. Where two run at once, ask; the portal guesses none."
    ),
    "post": gettext_lazy("Some articles name a post."),
    "harm": gettext_lazy("Some levels of discipline depend on how far the harm reaches."),
    "agency_rule": gettext_lazy("Only for PPPK: their discipline follows a rule of their own agency."),
}


class FactsForm(BaseForm):
    """The facts that the rules ask for and no report tells; each begins as not known."""

    def __init__(self, data: QueryDict | None, *, case: Case, initial: Mapping[str, str]) -> None:
        super().__init__(data, initial=initial)
        self.circumstances = legal_basis.circumstances_for(*reference_data.codes_of(case))
        for name, help_text in _HELP.items():
            values = (
                legal_basis.agency_rules() if name == "agency_rule" else {c.value: code_label(c) for c in _CODES[name]}
            )
            self._add(name, _capitalized(CONDITIONS[name]), [NOT_KNOWN, *values.items()], help_text)
        for item in self.circumstances:
            self._add(item.value, _capitalized(code_label(item)), _YES_NO)

    def _add(self, name: str, label: str, choices: list[tuple[str, Label]], help_text: Label = "") -> None:
        self.fields[name] = forms.ChoiceField(label=label, choices=choices, required=False, help_text=help_text)

    def named(self) -> list[forms.boundfield.BoundField]:
        """Return the fields of single facts, for the page."""
        return [self[name] for name in _HELP]

    def asked(self) -> list[forms.boundfield.BoundField]:
        """Return the fields of circumstances, for the page."""
        return [self[item.value] for item in self.circumstances]

    def stated(self) -> StatedFacts:
        """Return what a valid form states."""
        values = self.cleaned_data
        answers = {item.value: values[item.value] == "yes" for item in self.circumstances if values[item.value]}
        return StatedFacts.of({name: values[name] for name in _HELP}, answers)


def form_values(stated: StatedFacts | None) -> dict[str, str]:
    """Return a statement as the form shows it."""
    if stated is None:
        return {}
    answers = {item.value: "yes" if was_so else "no" for item, was_so in stated.circumstances}
    return stated.codes | answers


def _capitalized(label: Label) -> str:
    """Return a label with a capital at its beginning; what is written in capitals stays."""
    return f"{label[:1].upper()}{label[1:]}"


@dataclass(frozen=True)
class FactLine:
    """A fact as the rules were read with it, and who told it."""

    name: str
    value: str
    origin: str


def fact_lines(case: Case, facts: Facts | None, statement: Statement | None) -> list[FactLine]:
    """Return what a report is judged by, in order: what it tells, then what an officer stated or left open."""
    told = _("from the report")
    days = (facts.act_on, facts.known_on) if facts else (None, None)
    lines = [
        FactLine(_("What happened"), category_label(case), told),
        FactLine(_("Kind of accused"), _capitalized(code_label(case.accused_kind_id or "")), told),
        *(
            FactLine(name, _day(day) if day else _("not told"), told)
            for name, day in zip((_("Day of the act"), _("Known to the reporter since")), days, strict=True)
        ),
    ]
    stated = statement.stated if statement else StatedFacts()
    stated_lines = _stated_by(statement) if statement else ""
    for name, value in _stated_values(stated):
        line = FactLine(
            _capitalized(name), value or str(NOT_KNOWN[1]), stated_lines if value else _("nobody stated it")
        )
        lines.append(line)
    if facts and facts.election and not stated.election:
        known = FactLine(_("Kind of election"), code_label(facts.election), _("the only election entered for that day"))
        lines = [known if line.name == known.name else line for line in lines]
    return lines


def statement_words(statement: Statement) -> tuple[str, str]:
    """Return who stated when, and what, for the list of earlier statements."""
    return _stated_by(statement), stated_words(statement.stated) or str(NOT_KNOWN[1])


def stated_words(stated: StatedFacts) -> str:
    """Return what a statement says in one line; "" where it says nothing."""
    return "; ".join(f"{name}: {value}" for name, value in _stated_values(stated) if value)


def _stated_values(stated: StatedFacts) -> Iterator[tuple[str, str]]:
    codes = stated.codes
    for name in _HELP:
        named = legal_basis.agency_rules() if name == "agency_rule" else {}
        yield str(CONDITIONS[name]), named.get(codes[name]) or code_label(codes[name])
    answers = dict(_YES_NO)
    circumstances = [
        f"{code_label(item)} ({answers['yes' if was_so else 'no']})" for item, was_so in stated.circumstances
    ]
    yield str(CONDITIONS["circumstances"]), ", ".join(circumstances)


def _stated_by(statement: Statement) -> str:
    at = date_format(timezone.localtime(statement.at), "j M Y, H:i")
    return _("stated by %(who)s, %(at)s") % {"who": staff_name(statement.author), "at": at}


def _day(day: date) -> str:
    return date_format(day, "l, j F Y")


# --- What is still open


def open_lines(
    case: Case, facts: Facts, judged: Judgment, stated: StatedFacts
) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return each fact that is open and decides something, with what would follow from each of its values.

    Values from which the same follows stand together.
    """
    missing = frozenset[str]().union(
        *(sanction.missing for sanction in judged.sanctions),
        *(crime.applied.missing for crime in judged.crimes),
        *(route.applied.missing for route in judged.routes),
    )
    lines, now = [], _outcome(judged)
    for name in CONDITIONS:
        groups: dict[str, list[str]] = {}
        for value, then in _options(case, name, stated) if name in missing else []:
            words = _outcome(legal_basis.judge_facts(legal_basis.with_stated(facts, then)))
            groups.setdefault(words, []).append(value)
        # Where every value leads to what stands already, nothing depends on it by itself.
        if groups.keys() - {now}:
            lines.append((str(CONDITIONS[name]), [(", ".join(values), words) for words, values in groups.items()]))
    return lines


def _options(case: Case, name: str, stated: StatedFacts) -> list[tuple[str, StatedFacts]]:
    """Return the values of a fact in words, each with the statement that would say it; none for what nobody states."""
    if name == "circumstances":
        asked = legal_basis.circumstances_for(*reference_data.codes_of(case))
        return [(code_label(item), _with_circumstance(stated, item)) for item in asked if item in stated.unsaid]
    answers = {item.value: was_so for item, was_so in stated.circumstances}
    return [
        (code_label(code), StatedFacts.of(stated.codes | {name: code.value}, answers)) for code in _CODES.get(name, ())
    ]


def _with_circumstance(stated: StatedFacts, item: Circumstance) -> StatedFacts:
    return replace(stated, circumstances=(*stated.circumstances, (item, True)))


def _outcome(judged: Judgment) -> str:
    """Return in one line which sanctions are possible, whether it may be a crime, and who examines it."""
    levels = ", ".join(str(LEVELS[level]) for level in judged.levels) or _("no level")
    answers = {crime.applied.rule.answer for crime in judged.crimes}
    crime = next((str(words) for answer, words in reversed(ANSWERS.items()) if answer in answers), "")
    finds = code_label(judged.route.finds) if judged.route and judged.route.finds else _("no body")
    return "; ".join(part for part in (levels, crime, _("examined by: %(body)s") % {"body": finds}) if part)
