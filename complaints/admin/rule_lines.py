"""A rule of the law in words, whole: whoever signs it reads everything that the portal takes from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from complaints.admin.labels import Label
from complaints.domain.law.rules import (
    BodyRule,
    CrimeRule,
    LimitRule,
    PenaltyRule,
    RouteRule,
    Rule,
    SanctionRule,
    StatusRule,
)
from complaints.domain.law.vocabulary import Body, Gap, Handler, Promisor
from complaints.forms.law_labels import (
    ANSWERS,
    LEVELS,
    LIMITS,
    MARKS,
    PENALTIES,
    STATUS,
    code_label,
    condition_lines,
)

# In addresses, in place of the first day of a rule that has none.
NO_FIRST_DAY: Final = "0"
HANDLERS: Final[dict[Handler, Label]] = {
    Handler.ELECTION_CRIME: gettext_lazy("Bawaslu and Sentra Gakkumdu, then the court"),
    Handler.POLICE: gettext_lazy("the police"),
}
# Whose a limit is: only that of the first is a promise.
PROMISORS: Final[dict[Promisor, Label]] = {
    Promisor.OURS: gettext_lazy("a promise of the verification team"),
    Promisor.REPORTER: gettext_lazy("by when the reporter is asked to act; nothing is closed without it"),
    Promisor.BODY: gettext_lazy("a target of the body, outside our control"),
    Promisor.AGENCY: gettext_lazy("outside our control: nobody is called late by it"),
    Promisor.LAW: gettext_lazy("a limit of the law"),
}
GAPS: Final[dict[Gap, Label]] = {
    Gap.VIOLATION: gettext_lazy("calling the act a breach"),
    Gap.LEVEL: gettext_lazy("a level of sanction"),
    Gap.LATE: gettext_lazy("calling somebody late"),
    Gap.CRIME: gettext_lazy("calling the act a crime"),
    Gap.PROTECTION: gettext_lazy("promising protection"),
}


@dataclass(frozen=True)
class RuleLine:
    """A rule in words, for the page of all rules; ``table`` and ``version`` lead to the page that proposes a change.

    ``says`` is the heart of it, ``more`` what else the portal takes from it.
    """

    rule: Rule
    table: str
    version: str
    says: str
    more: list[str]
    conditions: list[str]
    validity: str
    mark: str
    sources: list[str]


def rule_line(rule: Rule, table: str) -> RuleLine:
    """Return a rule of a table in words."""
    return RuleLine(
        rule=rule,
        table=table,
        version=rule.period.valid_from.isoformat() if rule.period.valid_from else NO_FIRST_DAY,
        says=_says(rule),
        more=[*_details(rule), *_refusals(rule)],
        conditions=[*condition_lines(rule), *_handled(rule)],
        validity=validity(rule),
        mark=str(MARKS[rule.mark]),
        sources=list(rule.sources),
    )


def validity(rule: Rule) -> str:
    """Return from which day until which a rule holds."""
    period = rule.period
    if period.valid_from and period.valid_until:
        return _("valid from %(first)s to %(last)s") % {
            "first": _day(period.valid_from),
            "last": _day(period.valid_until),
        }
    if period.valid_from:
        return _("valid from %(first)s") % {"first": _day(period.valid_from)}
    return _("valid until %(last)s") % {"last": _day(period.valid_until)} if period.valid_until else _("no start date")


def route_words(finds: Body | None, punishes: Sequence[Body], also: Sequence[Body]) -> str:
    """Return who examines, who punishes and who else may receive a case, each by its name."""
    says = _("examined by: %(body)s") % {"body": code_label(finds) if finds else _("no body")}
    if punishes:
        says += "; " + _("punished by: %(bodies)s") % {"bodies": ", ".join(map(code_label, punishes))}
    if also:
        says += "; " + _("may also receive it: %(bodies)s") % {"bodies": ", ".join(map(code_label, also))}
    return says


def _day(day: date) -> str:
    return date_format(day, "j M Y")


def _says(rule: Rule) -> str:
    """Return what a rule says, in one line."""
    if isinstance(rule, SanctionRule):
        return str(LEVELS[rule.level])
    if isinstance(rule, CrimeRule):
        return str(ANSWERS[rule.answer])
    if isinstance(rule, PenaltyRule):
        return rule.words
    if isinstance(rule, RouteRule):
        return route_words(rule.finds, rule.punishes, rule.also)
    if isinstance(rule, LimitRule):
        number = _("no limit known") if rule.number is None else f"{rule.number} {code_label(rule.unit)}"
        return f"{LIMITS[rule.what]}: {number}, {code_label(rule.start)}"
    if isinstance(rule, BodyRule):
        return f"{rule.name} ({rule.short_name})"
    return str(STATUS[rule.status]) if isinstance(rule, StatusRule) else ""


def _details(rule: Rule) -> Iterator[str]:
    """Yield what the kind of rule says beside its heart."""
    if isinstance(rule, SanctionRule) and rule.conditions.status != {rule.applies_to}:
        applies_to = STATUS[rule.applies_to] if rule.applies_to else _("nobody in the civil service")
        yield _("sanction for: %(status)s") % {"status": applies_to}
    elif isinstance(rule, CrimeRule) and rule.offence:
        yield _("penalty: row %(code)s") % {"code": rule.offence}
    elif isinstance(rule, PenaltyRule):
        yield _("kinds of punishment: %(kinds)s") % {"kinds": _listed(PENALTIES[kind] for kind in rule.kinds)}
        yield _("handled by: %(who)s") % {"who": HANDLERS[rule.handler]}
        if rule.milder:
            yield _("milder: applies to earlier acts too that are handled from that day on")
    elif isinstance(rule, LimitRule):
        yield str(PROMISORS[rule.promisor])
    elif isinstance(rule, BodyRule):
        yield _("task: %(task)s") % {"task": code_label(rule.task)}
        if code_label(rule.body) != rule.short_name:
            yield _("stands in the rules as: %(code)s") % {"code": rule.body}


def _refusals(rule: Rule) -> Iterator[str]:
    """Yield what no page may say where the rule applies."""
    if rule.never_show:
        yield _("never to be shown: %(words)s") % {"words": "; ".join(rule.never_show)}
    if rule.never_levels:
        yield _("no such level by this rule: %(levels)s") % {
            "levels": _listed(LEVELS[level] for level in rule.never_levels)
        }
    if rule.gaps:
        yield _("no legal basis found for: %(what)s") % {"what": _listed(GAPS[gap] for gap in rule.gaps)}


def _handled(rule: Rule) -> Iterator[str]:
    first, last = rule.conditions.handled_from, rule.conditions.handled_until
    if first:
        yield _("handled from %(day)s on") % {"day": _day(first)}
    if last:
        yield _("handled until %(day)s") % {"day": _day(last)}


def _listed(labels: Iterable[object]) -> str:
    return ", ".join(sorted(map(str, labels)))
