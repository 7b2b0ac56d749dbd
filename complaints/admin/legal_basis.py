"""The rules of the law: all of them on one page to sign, and those that fit one case by the day of the act."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from complaints import access
from complaints.admin.base import StaffRequest, case_or_404, render, reports_page, reports_query, staff_page
from complaints.admin.case import paging_context
from complaints.admin.labels import change_lines
from complaints.admin.rule_lines import route_words, rule_line, validity
from complaints.admin.stated_facts import FactsForm, fact_lines, form_values, open_lines, statement_words
from complaints.domain.law.facts import Facts, StatedFacts
from complaints.domain.law.judgment import Applied, CrimeAnswer, Judgment, Route
from complaints.domain.law.rules import (
    CrimeRule,
    RouteRule,
    SanctionRule,
)
from complaints.domain.law.vocabulary import Mark, ServiceStatus
from complaints.forms.law_labels import (
    ANSWERS,
    CONDITIONS,
    LEVELS,
    MARKS,
    STATUS,
    TABLES,
)
from complaints.models.case import Case
from complaints.models.rule_change import RuleChange
from complaints.models.team import Staff
from complaints.services import case_actions, case_file, legal_basis, reference_data, rule_changes
from complaints.services.rule_book import content_mark, rule_book
from complaints.services.transitions import CaseChanged, CaseVersion


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
    book = rule_book(reference_data.edition())
    tables = [(label, [rule_line(rule, name) for rule in getattr(book, name)]) for name, label in TABLES.items()]
    marks = dict.fromkeys(Mark, 0)
    for _label, lines in tables:
        for line in lines:
            marks[line.rule.mark] += 1
    counts = [(MARKS[mark], number) for mark, number in marks.items()]
    context = {
        "title": _("Rules of the law"),
        "categories": reference_data.categories(),
        "tables": tables,
        "counts": counts,
        "sources": [(source, MARKS[source.mark]) for source in book.sources.values()],
        "mark": content_mark(reference_data.edition()),
        "changes": _changes_to_see(request.user),
    }
    return render(request, "admin/rules.html", context)


def _changes_to_see(person: Staff) -> dict[str, object]:
    """Return what the page says of changes; nothing to people who may not read them."""
    if not access.may_see_rule_changes(person):
        return {}
    in_force = rule_changes.rules_in_force()
    return {
        "waiting": RuleChange.objects.filter(state=RuleChange.State.PROPOSED)[:100].count(),
        "may_propose": access.may_administer(person),
        "conflicts": in_force.conflicts,
        "left_out": in_force.left_out,
        "lost": in_force.lost,
    }


@staff_page("GET", "POST", opens_for=access.is_triage)
def case_rules(request: StaffRequest, object_id: uuid.UUID) -> HttpResponseBase:
    """Open a case, which is recorded, and show what the rules say of each of its reports; by POST, state facts."""
    case = case_or_404(request, object_id)
    opened = case_file.open_case(actor=request.actor, case_id=case.pk, page=reports_page(request))
    last = opened.statement.stated if opened.statement else None
    form = FactsForm(request.POST if request.method == "POST" else None, case=case, initial=form_values(last))
    if not form.is_valid() or _refused_then(form, opened):
        return _rules_page(request, opened, form)
    seen = request.POST.get("seen")
    version = None if seen is None else CaseVersion.parse(seen)
    try:
        case_actions.state_facts(actor=request.actor, case_id=case.pk, stated=form.stated(), seen=version)
    except CaseChanged:
        return _rules_page(request, opened, form, changes=change_lines(case, seen or ""))
    messages.success(request, _("The facts are saved. The rules below take them into account."))
    return redirect(reverse("admin:complaints_case_rules", args=[case.pk]) + reports_query(request))


def _refused_then(form: FactsForm, opened: case_file.CaseFile) -> bool:
    """Add the error of a status that did not exist on the day of an act; whether there is one."""
    judged = [_facts(opened.case, report, form.stated()) for report in opened.complaints]
    if not any(facts and legal_basis.judge_facts(facts).status_unknown_then for facts in judged):
        return False
    form.add_error("status", _("This status did not exist yet on the day of the act. Choose another one."))
    return True


def _facts(case: Case, report: case_file.ComplaintFile, stated: StatedFacts | None) -> Facts | None:
    return legal_basis.facts_of(
        category=case.category_id or "",
        accused_kind=case.accused_kind_id or "",
        answers=report.answers,
        handled_on=timezone.localdate(),
        stated=stated,
    )


def _rules_page(
    request: StaffRequest, opened: case_file.CaseFile, form: FactsForm, *, changes: list[str] | None = None
) -> HttpResponse:
    """Show the rules and the form; with ``changes``, as what changed since, so that nothing was written."""
    context = {
        "title": _("Rules for %(case)s") % {"case": opened.case.reference},
        "case": opened.case,
        "mark": opened.version,
        "form": form,
        "changes": changes,
        "stale": changes is not None,
        "paging": paging_context(opened.paging),
        "lost": rule_changes.rules_in_force().lost,
        # Which rules fit follows from how the case is filed.
        "differs": "filing" in opened.differing,
        "judged": []
        if "filing" in opened.differing
        else [_report_lines(opened.case, report) for report in opened.complaints],
    }
    status = 409 if changes is not None else 400 if form.is_bound else 200
    return render(request, "admin/case_rules.html", context, status=status)


def _report_lines(case: Case, report: case_file.ComplaintFile) -> dict[str, object]:
    """Return what ``admin/case_rules.html`` reads of one report."""
    statement = report.statements[-1] if report.statements else None
    stated = statement.stated if statement else StatedFacts()
    facts = _facts(case, report, stated)
    judged = legal_basis.judge_facts(facts) if facts else None
    return judgment_lines(judged) | {
        "facts": fact_lines(case, facts, statement),
        "open": open_lines(case, facts, judged, stated) if facts and judged else [],
        "earlier": [statement_words(earlier) for earlier in reversed(report.statements[:-1])],
    }


def judgment_lines(judged: Judgment | None) -> dict[str, object]:
    """Return what ``admin/judgment.html`` reads; with None nothing but that the day of the act is not told."""
    if judged is None:
        return {}
    groups = sanction_groups(judged)
    return {
        "groups": groups,
        "levels": list(dict.fromkeys(line.says for _title, lines in groups[:1] for line in lines)),
        "crimes": crime_lines(judged),
        "routes": [_route_line(route) for route in judged.routes],
        "never_show": judged.never_show,
        "judged": judged,
    }


def sanction_groups(judged: Judgment) -> list[tuple[str, list[AppliedLine]]]:
    """Return the sanctions by the status of the accused on which they depend; those of civil servants come first."""
    groups: dict[str, list[AppliedLine]] = {}
    for applied in judged.sanctions:
        statuses = sorted(applied.rule.conditions.status, key=list(ServiceStatus).index)
        title = ", ".join(str(STATUS[status]) for status in statuses) if "status" in applied.missing else ""
        groups.setdefault(title, []).append(
            _applied_line(applied, str(LEVELS[applied.rule.level]), applied.rule.basis_text)
        )
    return list(groups.items())


def crime_lines(judged: Judgment) -> list[AppliedLine]:
    """Return what the rules say of crimes."""
    return [_crime_line(crime) for crime in judged.crimes]


def _crime_line(crime: CrimeAnswer) -> AppliedLine:
    says = str(ANSWERS[crime.applied.rule.answer])
    if crime.penalty:
        says = f"{says}: {crime.penalty.words}"
    return _applied_line(crime.applied, says, "; ".join(map(str, crime.basis)))


def _route_line(route: Route) -> AppliedLine:
    says = route_words(route.finds, route.punishes, route.also)
    return _applied_line(route.applied, says, route.applied.rule.basis_text)


def _applied_line(
    applied: Applied[SanctionRule] | Applied[CrimeRule] | Applied[RouteRule], says: str, basis: str
) -> AppliedLine:
    rule = applied.rule
    # The heading above a sanction says the status already.
    hidden = {"status"} if isinstance(rule, SanctionRule) else set[str]()
    names = ", ".join(str(CONDITIONS[name]) for name in CONDITIONS if name in applied.matched)
    if not names and not applied.missing:
        names = _("every report")
    held = validity(rule)
    return AppliedLine(
        says=says,
        basis=basis,
        mark=str(MARKS[rule.mark]),
        note=rule.note,
        reason=_("matched by: %(names)s; %(validity)s") % {"names": names, "validity": held} if names else held,
        depends_on=", ".join(str(CONDITIONS[name]) for name in CONDITIONS if name in applied.missing - hidden),
    )
