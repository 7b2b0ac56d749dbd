"""The guide "Is this a breach?": an act, a person and a day come by POST, and the page says what the rules say of them.

Nothing is stored, no session is begun, and no address holds what was chosen or typed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from complaints.domain.law.facts import Facts
from complaints.domain.law.judgment import Applied, Judgment, Route
from complaints.domain.law.rules import CrimeRule, RouteRule, Rule, SanctionRule
from complaints.domain.law.vocabulary import Answer, Body, ServiceStatus, Stage
from complaints.forms.fields import Choice, card, latest_day
from complaints.forms.guide import GuideForm, SearchForm
from complaints.forms.law_labels import ANSWERS, CONDITIONS, LEVELS, STATUS, code_label, condition_lines
from complaints.page_cache import still_page
from complaints.services import bawaslu, guide, legal_basis, reference_data, retaliation
from complaints.services.guide import GuideAnswer
from complaints.services.reporter_reading import OwnReport
from complaints.views import page

# The headings of the acts, by the group of their category. "None of these" is no act, so it has none.
GROUPS: Final = {
    "pressure": gettext_noop("What is done to you"),
    "offline": gettext_noop("What you saw"),
    "online": gettext_noop("What you saw online"),
    "elsewhere": gettext_noop("Not for this portal; we show you the right door"),
}
ANSWER_WORDS: Final = {
    GuideAnswer.MAY_BREACH: gettext_lazy("This act may be against the rules for civil servants."),
    GuideAnswer.DEPENDS: gettext_lazy(
        "This act may be against the rules for civil servants. It depends on what is not known yet; see below."
    ),
    GuideAnswer.BY_AGENCY: gettext_lazy(
        "Whether this is allowed follows from the rules on discipline of that person's own agency."
    ),
    GuideAnswer.MAY_BE_CRIME: gettext_lazy(
        "The rules for civil servants do not apply to this person. The act may be a crime."
    ),
    GuideAnswer.NOT_CIVIL_SERVANT: gettext_lazy(
        "The rules for civil servants do not apply to this person. Bawaslu judges whether it is an election offence."
    ),
    GuideAnswer.NO_BASIS: gettext_lazy("We found no rule that forbids this act to a person of that status."),
    GuideAnswer.NO_RULE: gettext_lazy(
        "We know of no rule that sets a sanction for this act on that date. That does not mean that it is allowed."
    ),
    GuideAnswer.ELSEWHERE: gettext_lazy("This is not a matter for this portal. Another institution judges it."),
}
# What officers look at, by the group of the category; then what the rules depend on, by the condition.
LOOKED_AT: Final = {
    "pressure": (
        gettext_lazy("The words that were used, as you remember them."),
        gettext_lazy("The date, and by which way it was said: in a meeting, in a message, in person."),
        gettext_lazy("What was said would follow if somebody refuses."),
    ),
    "offline": (
        gettext_lazy("What the person did or said, and in which place."),
        gettext_lazy("The date, and which candidate or party it was about."),
    ),
    "online": (
        gettext_lazy("Whose account it was, and what stood in the post."),
        gettext_lazy("The date of the post, and which candidate or party it was about."),
    ),
}
DEPENDS_ON: Final = {
    "status": gettext_lazy("Whether the person is PNS, PPPK or something else."),
    "election": gettext_lazy("For which election it was done."),
    "post": gettext_lazy("The position of the person."),
    "harm": gettext_lazy("How far the harm reaches: the unit, the agency or the state."),
}
QUOTED_LETTERS: Final = 180
# Of the conditions of a route, those that are told with it; of other persons and statuses it is not this case's route.
_SITUATION: Final = {"circumstances", "election", "stage"}


@dataclass(frozen=True)
class RuleLine:
    """A rule that may apply: what it says, under which conditions that are not known, and what it rests on."""

    says: str
    rule: Rule
    only_if: str
    basis: str
    note: str
    quotation: str


def show(request: HttpRequest) -> HttpResponse:
    """Ask for an act, a person and a day; by POST say what the rules say of them, or which acts words have found."""
    if request.method != "POST":
        today = latest_day(timezone.now())
        return still_page(request, "guide/ask", lambda: _asking(_form(initial={"act_on": today})), (today,))
    go = request.POST.get("go")
    if go == "search":
        return _search(request)
    if go == "change":
        return page(request, "guide/ask", _asking(_form(initial=dict(request.POST.items()))))
    form = _form(request.POST)
    if not form.is_valid() or not (facts := _facts(form)):
        return page(request, "guide/ask", _asking(form))
    return page(request, "guide/answer", _answer(facts, form))


def acts(request: HttpRequest) -> HttpResponse:
    """Show all acts with what the rules say of each today, to be read and printed."""
    today = timezone.localdate()

    def context() -> dict[str, object]:
        groups: dict[str, list[dict[str, object]]] = {}
        for row in guide.acts():
            judged = guide.judge_for_list(row.code, today)
            lines = [_line(applied, str(LEVELS[applied.rule.level])) for applied in judged.sanctions]
            act: dict[str, object] = {"name": str(row), "example": row.text("example"), "lines": lines}
            groups.setdefault(_(GROUPS[row.group]), []).append(act)
        return {"groups": groups.items(), "today": today}

    return still_page(request, "guide/acts", context, (today,))


def _form(
    data: QueryDict | None = None, *, acts: Sequence[Choice] = (), initial: dict[str, object] | None = None
) -> GuideForm:
    groups: dict[str, list[tuple[str, str]]] = {}
    for row in guide.acts():
        groups.setdefault(_(GROUPS[row.group]), []).append((row.code, str(row)))
    kinds = [(row.code, row.text("label")) for row in reference_data.accused_kinds()]
    today = latest_day(timezone.now())
    return GuideForm(data, today=today, kinds=kinds, categories=list(groups.items()), acts=acts, initial=initial)


def _asking(form: GuideForm, search: SearchForm | None = None, **more: object) -> dict[str, object]:
    mistakes = [*(search.mistakes() if search and search.is_bound else []), *(form.mistakes() if form.is_bound else [])]
    parts = {"search_parts": (search or SearchForm()).rendered(), "parts": form.rendered()}
    return {**parts, "mistakes": mistakes, **more}


def _search(request: HttpRequest) -> HttpResponse:
    search, acts = SearchForm(request.POST), list[Choice]()
    words = search.cleaned_data["text"] if search.is_valid() else ""
    for code in guide.find_acts(words) if words else ():
        if row := reference_data.category(code):
            acts.append((code, card(str(row), row.text("example"))))
    form = _form(acts=acts, initial={"act_on": latest_day(timezone.now())})
    return page(request, "guide/ask", _asking(form, search, found=len(acts), nothing=bool(words) and not acts))


def _facts(form: GuideForm) -> Facts | None:
    """Return the facts of a valid form; None, with an error, where the status did not exist on the day."""
    answers, (status, election) = form.cleaned_data, form.said()
    facts = guide.facts_of_act(
        category=answers["category"],
        accused_kind=answers["accused_kind"],
        status=status,
        election=election,
        act_on=answers["act_on"],
        today=timezone.localdate(),
    )
    if not legal_basis.judge_facts(facts).status_unknown_then:
        return facts
    form.add_error("status", _("This status did not exist yet on the day of the act. Choose another one."))
    return None


def _answer(facts: Facts, form: GuideForm) -> dict[str, object]:
    judged = legal_basis.judge_facts(facts)
    category = reference_data.category(facts.category)
    group = category.group if category else ""
    crimes = [_line(item.applied, str(ANSWERS[Answer.DEPENDS])) for item in judged.crimes if _is_told(item.applied)]
    routes = [route for route in reversed(judged.routes) if route.applied.missing <= _SITUATION]
    bodies = {body for route in routes for body in (route.finds, *route.also)}
    sanctions = _sanctions(guide.sanctions_for(facts, judged))
    rules = [line.rule for line in crimes + [line for _title, rows in sanctions for line in rows]]
    return {
        "act": str(category),
        "chosen": _chosen(facts, form),
        "kept": {**form.answers(), "act_on": facts.act_on.isoformat()},
        "answer": ANSWER_WORDS[guide.answer_of(group, judged)],
        "pressed": group == "pressure",
        "anybody": facts.accused is None,
        "sanctions": sanctions,
        "crimes": crimes,
        "routes": [_route_words(route) for route in routes],
        "looked_at": [*LOOKED_AT.get(group, ()), *_depends_on(facts, judged)],
        "review_due": min((rule.review.due for rule in rules if not rule.review.by), default=None),
        "read_at": guide.where_read([*rules, *(route.applied.rule for route in routes)]),
        "bawaslu": Body.BAWASLU in bodies or (category is not None and category.door == "bawaslu"),
        "days": _bawaslu_days(facts),
        "sp4n": category is not None and category.door == "sp4n",
        "reportable": group != "elsewhere",
        "legal": retaliation.legal_lines(),
        "claim": retaliation.remedy(retaliation.CLAIM, None),
    }


def _is_told(applied: Applied[SanctionRule] | Applied[CrimeRule]) -> bool:
    """Tell whether a rule stands on the page: it says something, and is not for persons of whom nobody has spoken."""
    rule = applied.rule
    return "accused" not in applied.missing and not (isinstance(rule, CrimeRule) and rule.answer is Answer.NO)


def _chosen(facts: Facts, form: GuideForm) -> str:
    """Return person, status, day, and what the calendar of elections says of the day, in one line."""
    kind = reference_data.accused_kind(form.cleaned_data["accused_kind"])
    parts = [kind.text("label") if kind else "", STATUS[facts.status] if facts.status else ""]
    parts += [date_format(facts.act_on, "j F Y"), code_label(facts.election) if facts.election else ""]
    parts += [code_label(stage) for stage in sorted(facts.stages) if stage is not Stage.NONE]
    return " · ".join(str(part) for part in parts if part)


def _sanctions(sanctions: Iterable[Applied[SanctionRule]]) -> list[tuple[str, list[RuleLine]]]:
    """Return the rules, those for civil servants first; of other statuses each line names its own."""
    first, others, title = list[RuleLine](), list[RuleLine](), ""
    for applied in filter(_is_told, sanctions):
        statuses = sorted(applied.rule.conditions.status, key=list(ServiceStatus).index)
        status = ", ".join(str(STATUS[code]) for code in statuses) if "status" in applied.missing else ""
        level = str(LEVELS[applied.rule.level])
        title = title or status
        if status == title:
            first.append(_line(applied, level))
        else:
            others.append(_line(applied, f"{status}: {level}"))
    heading = _("If the person is: %(status)s") % {"status": title} if title else ""
    return [group for group in ((heading, first), (_("With another status"), others)) if group[1]]


def _line(applied: Applied[SanctionRule] | Applied[CrimeRule], says: str) -> RuleLine:
    rule = applied.rule
    # An article on a crime tells its punishment as it was once; which one counts today is not said here.
    quotation = "" if isinstance(rule, CrimeRule) else rule.quotation
    return RuleLine(
        says=says,
        rule=rule,
        only_if="; ".join(condition_lines(rule, applied.missing - {"status"})),
        basis=rule.basis_text,
        note=rule.note,
        quotation=Truncator(quotation).chars(QUOTED_LETTERS, truncate=" […]"),
    )


def _route_words(route: Route) -> dict[str, object]:
    rule: RouteRule = route.applied.rule
    return {
        "rule": rule,
        "only_if": "; ".join(condition_lines(rule, route.applied.missing)),
        "finds": code_label(route.finds) if route.finds else "",
        "punishes": ", ".join(map(code_label, route.punishes)),
        "also": ", ".join(map(code_label, route.also)),
    }


def _depends_on(facts: Facts, judged: Judgment) -> list[str]:
    """Return what is not known and decides something, as things that somebody may know already."""
    missing = frozenset[str]().union(
        *(sanction.missing for sanction in judged.sanctions), *(crime.applied.missing for crime in judged.crimes)
    )
    lines = [str(DEPENDS_ON[name]) for name in CONDITIONS if name in missing and name in DEPENDS_ON]
    if "circumstances" in missing:
        asked = legal_basis.circumstances_for(facts.category, facts.accused or "")
        lines.append(
            _("Whether this was so: %(circumstances)s.") % {"circumstances": "; ".join(map(code_label, asked))}
        )
    return lines


def _bawaslu_days(facts: Facts) -> OwnReport | None:
    """Return until when Bawaslu takes a report, if the reporter learnt of the act on its day; None for no election."""
    if facts.election and facts.stages <= {Stage.NONE}:
        return None
    today = latest_day(timezone.now())
    return OwnReport.on(
        today, bawaslu.window({"category": facts.category, "event_from": facts.act_on.isoformat()}, today)
    )
