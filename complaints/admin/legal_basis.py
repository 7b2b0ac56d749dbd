"""The rules of the law: all of them on one page to sign, and those that fit one case by the day of the act."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

from django.http import HttpResponse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from complaints import access
from complaints.admin.base import StaffRequest, case_or_404, render, staff_page
from complaints.admin.labels import Label
from complaints.domain.law.judgment import Applied, CrimeAnswer, Judgment
from complaints.domain.law.rules import BodyRule, CrimeRule, LimitRule, PenaltyRule, RouteRule, Rule, SanctionRule
from complaints.domain.law.vocabulary import Answer, Level, Mark
from complaints.services import case_file, legal_basis

LEVELS: Final[dict[Level, Label]] = {
    Level.MORAL: gettext_lazy("moral sanction"),
    Level.LIGHT: gettext_lazy("light disciplinary punishment"),
    Level.MEDIUM: gettext_lazy("medium disciplinary punishment"),
    Level.HEAVY: gettext_lazy("heavy disciplinary punishment"),
    Level.DISMISSAL: gettext_lazy("dishonourable dismissal"),
    Level.AGENCY_RULE: gettext_lazy("by the agency's own rule on discipline"),
    Level.NOT_ASN: gettext_lazy("no civil-service sanction"),
    Level.NONE_FOUND: gettext_lazy("no level found in any text"),
}
MARKS: Final[dict[Mark, Label]] = {
    Mark.SEEN: gettext_lazy("text of the law seen"),
    Mark.TRANSCRIPTION: gettext_lazy("transcription"),
    Mark.PRESS: gettext_lazy("press or page of an agency"),
    Mark.MEMORY: gettext_lazy("unconfirmed"),
    Mark.READING: gettext_lazy("own reading"),
}
ANSWERS: Final[dict[Answer, Label]] = {
    Answer.NO: gettext_lazy("no crime"),
    Answer.DEPENDS: gettext_lazy("may be a crime"),
    Answer.YES: gettext_lazy("falls under this article, if it is proven"),
}
# The conditions of a rule, as they are told where a report does not say them.
CONDITIONS: Final[dict[str, Label]] = {
    "category": gettext_lazy("category"),
    "accused": gettext_lazy("kind of accused"),
    "status": gettext_lazy("status of the accused"),
    "election": gettext_lazy("kind of election"),
    "stage": gettext_lazy("stage of the election"),
    "harm": gettext_lazy("how far the harm reaches"),
    "post": gettext_lazy("post of the accused"),
    "agency_rule": gettext_lazy("the agency's own rule"),
    "circumstances": gettext_lazy("circumstances"),
}
TABLES: Final[dict[str, Label]] = {
    "sanctions": gettext_lazy("Sanctions"),
    "crimes": gettext_lazy("Crimes"),
    "penalties": gettext_lazy("Penalties"),
    "routes": gettext_lazy("Who examines and who punishes"),
    "limits": gettext_lazy("Limits"),
    "cautions": gettext_lazy("What must not be shown"),
    "bodies": gettext_lazy("Bodies"),
    "statuses": gettext_lazy("Status of employment"),
}


@dataclass(frozen=True)
class RuleLine:
    """A rule in words, for the page of all rules."""

    rule: Rule
    says: str
    conditions: list[str]
    validity: str
    mark: str
    sources: list[str]


@dataclass(frozen=True)
class AppliedLine:
    """A rule that fits a report: what it says, on what it rests, and what would have to be so."""

    says: str
    basis: str
    mark: str
    note: str
    reason: str
    depends_on: str


@staff_page("GET", opens_for=lambda person: True)
def rules(request: StaffRequest) -> HttpResponse:
    """Show every rule with source and mark, to be read, printed and signed."""
    book = legal_basis.rule_book()
    tables = [(label, [_line(rule) for rule in getattr(book, name)]) for name, label in TABLES.items()]
    marks = dict.fromkeys(Mark, 0)
    for _label, lines in tables:
        for line in lines:
            marks[line.rule.mark] += 1
    counts = [(MARKS[mark], number) for mark, number in marks.items()]
    context = {"title": _("Rules of the law"), "tables": tables, "counts": counts, "sources": book.sources.values()}
    return render(request, "admin/rules.html", context)


@staff_page("GET", opens_for=access.is_triage)
def case_rules(request: StaffRequest, object_id: uuid.UUID) -> HttpResponse:
    """Open a case, which is recorded, and show what the rules say of each of its reports."""
    case = case_or_404(request, object_id)
    opened = case_file.open_case(actor=request.actor, case_id=case.pk)
    reports = [
        legal_basis.judge_report(
            category=case.category_id,
            accused_kind=case.accused_kind_id,
            answers=report.answers,
            handled_on=timezone.localdate(),
        )
        for report in opened.complaints
    ]
    context = {
        "title": _("Rules for %(case)s") % {"case": case.reference},
        "case": case,
        "judged": [judgment_lines(judged) for judged in reports],
    }
    return render(request, "admin/case_rules.html", context)


def judgment_lines(judged: Judgment | None) -> dict[str, object]:
    """Return what ``admin/judgment.html`` reads; with None nothing but that the day of the act is not told."""
    if judged is None:
        return {}
    return {
        "sanctions": [
            _applied_line(applied, str(LEVELS[applied.rule.level]), applied.rule.basis_text)
            for applied in judged.sanctions
        ],
        "crimes": [_crime_line(crime) for crime in judged.crimes],
        "never_show": judged.never_show,
        "judged": judged,
    }


def _crime_line(crime: CrimeAnswer) -> AppliedLine:
    says = str(ANSWERS[crime.applied.rule.answer])
    if crime.penalty:
        says = f"{says}: {crime.penalty.words}"
    return _applied_line(crime.applied, says, "; ".join(map(str, crime.basis)))


def _applied_line(applied: Applied[SanctionRule] | Applied[CrimeRule], says: str, basis: str) -> AppliedLine:
    rule = applied.rule
    names = ", ".join(str(CONDITIONS[name]) for name in CONDITIONS if name in applied.matched)
    return AppliedLine(
        says=says,
        basis=basis,
        mark=str(MARKS[rule.mark]),
        note=rule.note,
        reason=_("fits by %(names)s; %(validity)s")
        % {"names": names or _("every report"), "validity": _validity(rule)},
        depends_on=", ".join(str(CONDITIONS[name]) for name in CONDITIONS if name in applied.missing),
    )


def _validity(rule: Rule) -> str:
    period = rule.period
    if period.valid_from and period.valid_until:
        return _("valid from %(first)s to %(last)s") % {
            "first": _day(period.valid_from),
            "last": _day(period.valid_until),
        }
    if period.valid_from:
        return _("valid from %(first)s") % {"first": _day(period.valid_from)}
    return _("valid until %(last)s") % {"last": _day(period.valid_until)} if period.valid_until else _("no first day")


def _day(day: date) -> str:
    return date_format(day, "j M Y")


def _line(rule: Rule) -> RuleLine:
    book = legal_basis.rule_book()
    return RuleLine(
        rule=rule,
        says=_says(rule),
        conditions=_conditions(rule),
        validity=_validity(rule),
        mark=str(MARKS[rule.mark]),
        sources=[f"{code}: {book.sources[code].text}" for code in rule.sources],
    )


def _conditions(rule: Rule) -> list[str]:
    """Return the conditions as name and codes; the codes are those of the data files, which a lawyer signs."""
    lines = []
    for name, label in CONDITIONS.items():
        if name == "circumstances":
            continue
        field = "categories" if name == "category" else name
        values: Iterable[str] = getattr(rule.conditions, field)
        if values:
            lines.append(f"{label}: {', '.join(sorted(values))}")
    stated = [*sorted(rule.conditions.has), *(f"– {item}" for item in sorted(rule.conditions.lacks))]
    return [*lines, f"{CONDITIONS['circumstances']}: {', '.join(stated)}"] if stated else lines


def _says(rule: Rule) -> str:
    """Return what a rule says, in one line."""
    if isinstance(rule, SanctionRule):
        return str(LEVELS[rule.level])
    if isinstance(rule, CrimeRule):
        return str(ANSWERS[rule.answer])
    if isinstance(rule, PenaltyRule):
        return rule.words
    if isinstance(rule, RouteRule):
        return " → ".join(filter(None, [rule.finds or "", ", ".join(rule.punishes), ", ".join(rule.also)]))
    if isinstance(rule, LimitRule):
        return f"{rule.what}: {rule.number if rule.number is not None else '–'} {rule.unit}, {rule.start}"
    return rule.name if isinstance(rule, BodyRule) else "; ".join(rule.never_show)
