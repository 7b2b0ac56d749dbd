"""Changes of rules of the law: proposing a row, the list of proposals, the open cases that differ, the decision.

A slice of the comparison is a POST of its own, so it works without scripts; a small script only presses the button
again. What was found waits in the sealed session of the person who compares.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypedDict, cast

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from complaints import access
from complaints.admin.base import BaseForm, StaffRequest, render, staff_page, text_field
from complaints.admin.labels import Label, staff_name
from complaints.admin.rule_lines import NO_FIRST_DAY, RuleLine, route_words, rule_line
from complaints.domain.law.changes import COUNTED, Reading, Row, RowKey, check_change, read_row, row_text
from complaints.domain.law.reading import TABLES as RULE_TABLES
from complaints.domain.law.reading import RuleError
from complaints.forms.law_labels import ANSWERS, CONDITIONS, LEVELS, RULE_FAULTS, TABLES
from complaints.models.rule_change import RuleChange
from complaints.services import first_look, rule_book, rule_changes, rule_comparison
from complaints.services.rule_changes import ProposedRow, RuleChangeRefused
from complaints.services.rule_comparison import ComparedSlice, Outcome

REFUSALS: Final[dict[str, Label]] = {
    "permission": gettext_lazy("Only the person who made this proposal can withdraw it."),
    "reason": gettext_lazy("Write a reason first."),
    "gone": gettext_lazy("This row is no longer in force. Choose it again from the rules."),
    "same": gettext_lazy("The row is the same as the one in force."),
    "proposed": gettext_lazy("A change of this rule waits for a decision already."),
    "same_person": gettext_lazy("Somebody else has to decide on what you proposed."),
    "decided": gettext_lazy("This proposal is decided already. Nothing was changed."),
    "record": gettext_lazy("The record of this proposal is under check, so nothing was done. Tell the auditor."),
    "outdated": gettext_lazy(
        "In the meantime an update of the program changed this rule. Decline this proposal, and ask for a new one."
    ),
    "unread": gettext_lazy("Compare the open cases to the end first."),
}
TABLE_LABELS: Final[dict[str, Label]] = {
    **TABLES,
    "sources": gettext_lazy("Sources"),
    "closed_days": gettext_lazy("Holidays and voting days"),
    "elections": gettext_lazy("Elections"),
}
# What a key of a new row begins with, by the kind of what stands there in other rows; a number begins as null.
_EMPTY: Final[dict[type, object]] = {str: "", list: [], bool: False}
SESSION_KEY: Final = "rule_comparison"
# Characters of the lines of a comparison that the session keeps; more are counted.
LINES_AT_MOST: Final = 30_000


class Comparison(TypedDict):
    """How far a comparison has come, as the session holds it; a line is a case, its reference, and what changes."""

    change: str
    after: str
    end: bool
    read: int
    without_day: int
    unread: int
    differ: int
    lines: list[tuple[str, str, list[tuple[str, str, str]]]]


class ProposalForm(BaseForm):
    """A row as JSON, where a new one stands, and why."""

    row = forms.CharField(
        label=gettext_lazy("The whole row"),
        help_text=gettext_lazy(
            "JSON in the form shown. A date is written as 2026-01-31. A key that the rule does not need may be removed."
            " Who signed the rule on paper is “reviewed_by”, and the day “reviewed_on”."
        ),
        max_length=rule_changes.ROW_CHARACTERS,
        widget=forms.Textarea(
            attrs={"rows": 18, "cols": None, "class": "mono", "autocomplete": "off", "spellcheck": "false"}
        ),
    )
    before = forms.ChoiceField(
        label=gettext_lazy("Place"),
        help_text=gettext_lazy("Among crimes and among routes the first rule that fits decides."),
        required=False,
    )
    reason = text_field(
        gettext_lazy("Your reason"),
        help_text=gettext_lazy("State the source. It is read by those who decide; name no report here."),
        required=True,
        rows=3,
    )

    def __init__(self, data: Mapping[str, object] | None, *, text: str, places: Iterable[str] | None) -> None:
        super().__init__(data, initial={"row": text})
        if places is None:
            del self.fields["before"]
            return
        field = cast(forms.ChoiceField, self.fields["before"])
        rows = ((code, _("before %(code)s") % {"code": code}) for code in dict.fromkeys(places))
        field.choices = [("", _("at the end")), *rows]


@dataclass(frozen=True)
class KeyLine:
    """A key of a row with its values before and after, "" where the key is not there."""

    name: str
    before: str
    after: str


# --- Proposing


@staff_page("GET", "POST", opens_for=access.may_administer)
def propose(request: StaffRequest, table: str, code: str, version: str) -> HttpResponseBase:
    """Show a row of the rules to be changed; by POST propose it."""
    key = RowKey(table, code, "" if version == NO_FIRST_DAY else version)
    rule = rule_changes.rules_in_force().find(key)
    if rule is None:
        raise Http404
    update = rule.delivered if rule.base is not None and rule.base != rule.delivered else ""
    return _proposal_page(request, key, row_text(rule.values), places=None, update=update)


@staff_page("GET", "POST", opens_for=access.may_administer)
def propose_new(request: StaffRequest, table: str) -> HttpResponseBase:
    """Show the form of a new row; by POST propose it."""
    rows = rule_changes.rules_in_force().rows.get(table)
    if rows is None:
        raise Http404
    places = [str(row.values["code"]) for row in rows]
    empty = {key: _EMPTY.get(type(value)) for row in rows for key, value in row.values.items()}
    return _proposal_page(request, RowKey(table, ""), row_text(empty | {"mark": "reading"}), places=places)


def _proposal_page(
    request: StaffRequest, key: RowKey, text: str, *, places: list[str] | None, update: str = ""
) -> HttpResponseBase:
    is_post = request.method == "POST"
    form = ProposalForm(request.POST if is_post else None, text=text, places=places)
    if is_post and form.is_valid():
        data = form.cleaned_data
        typed = ProposedRow(key, places is not None, data.get("before", ""), data["row"], data["reason"])
        try:
            row = rule_changes.propose(actor=request.actor, proposed=typed)
        except RuleError as error:
            form.add_error(
                "row", _("The rules cannot be read with this row: %(fault)s") % {"fault": _fault_words(error)}
            )
        except RuleChangeRefused as refusal:
            form.add_error(None, str(REFUSALS[refusal.code]))
        else:
            messages.success(request, _("Proposed. A member of the verification team decides on it."))
            return redirect("admin:rule_change", row.pk)
    context = {
        "title": _("Propose a change of a rule"),
        "table": TABLE_LABELS[key.table],
        "key": key,
        "form": form,
        "update": update,
        "counts_deadlines": _counts_deadlines(key),
    }
    return render(request, "admin/rule_propose.html", context, model=RuleChange, status=400 if is_post else 200)


def _fault_words(error: RuleError) -> str:
    """Return what cannot be right in a row, after the table, the row and its code."""
    place = str(TABLE_LABELS[error.table])
    if error.rows:
        numbers = ", ".join(map(str, error.rows))
        place = ngettext("%(table)s, row %(rows)s", "%(table)s, rows %(rows)s", len(error.rows)) % {
            "table": place,
            "rows": numbers,
        }
    place += f" ({error.code})" if error.code else ""
    return f"{place}: {RULE_FAULTS[error.fault] % {'key': error.key, 'value': error.value}}"


def _counts_deadlines(key: RowKey) -> bool:
    return key.table == "limits" and key.code in COUNTED


# --- Reading


@staff_page("GET", opens_for=access.may_see_rule_changes)
def change_list(request: StaffRequest) -> HttpResponse:
    """Show all proposals, those that wait first."""
    rows = [(row, TABLE_LABELS[row.table], staff_name(row.proposed_by)) for row in rule_changes.changes_newest_first()]
    context = {"title": _("Proposed changes"), "rows": rows, "may_review": access.may_compare_rules(request.user)}
    return render(request, "admin/rule_changes.html", context, model=RuleChange)


@staff_page("GET", "POST", opens_for=access.may_see_rule_changes)
def change_page(request: StaffRequest, change_id: uuid.UUID) -> HttpResponseBase:
    """Show a proposal: before and after, the open cases that differ, what may be done; by POST do it."""
    row = get_object_or_404(RuleChange.objects.select_related("proposed_by", "decided_by"), pk=change_id)
    return _act(request, row) if request.method == "POST" else _change_page(request, row)


def _change_page(request: StaffRequest, row: RuleChange, *, typed: str = "", status: int = 200) -> HttpResponse:
    """Show a proposal; ``typed`` is the answer of a decision that was refused."""
    person, is_open = request.user, row.state == RuleChange.State.PROPOSED
    decides, is_calendar = rule_changes.may_decide(person, row), row.table in rule_changes.CALENDAR
    comparison = _comparison_of(request, row)
    context: dict[str, object] = {
        "title": _("Proposed change: %(code)s") % {"code": row.code},
        "row": row,
        "table": TABLE_LABELS[row.table],
        "proposer": staff_name(row.proposed_by),
        "decider": staff_name(row.decided_by) if row.decided_by else "",
        "decides": decides,
        "is_calendar": is_calendar,
        "confirms": decides and (is_calendar or bool(comparison and comparison["end"])),
        "withdraws": is_open and row.proposed_by_id == person.pk and access.may_administer(person),
        "counts_deadlines": _counts_deadlines(RowKey(row.table, row.code)),
        "typed": typed,
        **_before_and_after(row),
    }
    if decides and not is_calendar:
        context["comparison"] = comparison
        context |= _comparison_words(request, comparison) if comparison else {}
    return render(request, "admin/rule_change.html", context, model=RuleChange, status=status)


def _before_and_after(row: RuleChange) -> dict[str, object]:
    """Return the keys of a row before and after, of a proposal that waits also the rule in words."""
    if row.table in rule_changes.CALENDAR:
        return {"keys": _calendar_lines(row)}
    after = read_row(row.table, row.row)
    if row.state != RuleChange.State.PROPOSED:
        before = read_row(row.table, row.base) if row.base else {}
        return {"keys": _key_lines(before, after)}
    in_force, change = rule_changes.rules_in_force(), rule_book.as_change(row)
    rule = None if row.is_new else in_force.find(change.key)
    context: dict[str, object] = {"keys": _key_lines(rule.values if rule else {}, after)}
    try:
        changed = check_change(rule_book.delivered_rules(), rule_book.confirmed_changes(), change)
    except RuleError as error:
        return context | {"fault": _fault_words(error)}
    version = str(after.get("valid_from") or "")
    lines = [
        _in_words(in_force, change.key) if rule else None,
        _in_words(changed, RowKey(row.table, row.code, version)),
    ]
    return context | {"before_line": lines[0], "after_line": lines[1]}


def _calendar_lines(row: RuleChange) -> list[KeyLine]:
    fields = rule_changes.CALENDAR[row.table]._meta.concrete_fields
    names = {field.name: str(field.verbose_name) for field in fields}
    lines = _key_lines(json.loads(row.base or "{}"), json.loads(row.row))
    return [replace(line, name=names.get(line.name, line.name)) for line in lines]


def _in_words(rules: Reading, key: RowKey) -> RuleLine | None:
    """Return a rule in words; None for a source, which says nothing, and for a row that is not there."""
    lines = (rule_line(rule, key.table) for rule in getattr(rules.book, key.table)) if key.table in TABLES else ()
    wanted = (key.code, key.version or NO_FIRST_DAY)
    return next((line for line in lines if (line.rule.code, line.version) == wanted), None)


def _key_lines(before: Row, after: Row) -> list[KeyLine]:
    names = dict.fromkeys([*after, *before])
    lines = [KeyLine(name, _value(before.get(name)), _value(after.get(name))) for name in names]
    return [line for line in lines if line.before != line.after]


def _value(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return value if isinstance(value, str) else json.dumps(value)


# --- Comparing the open cases


@staff_page("POST", opens_for=access.may_compare_rules)
def compare(request: StaffRequest, change_id: uuid.UUID) -> HttpResponseBase:
    """Compare the next slice of the open cases, from the first where none is under way or the button says so."""
    row = get_object_or_404(RuleChange, pk=change_id, table__in=RULE_TABLES)
    if not rule_changes.may_decide(request.user, row):
        raise Http404
    first_look.process_new_reports(actor=request.actor)
    state = None if request.POST.get("do") == "begin" else _comparison_of(request, row)
    if state is None or state["end"]:
        state = Comparison(change=str(row.pk), after="", end=False, read=0, without_day=0, unread=0, differ=0, lines=[])
    try:
        compared = rule_comparison.compare_slice(
            actor=request.actor, change_id=row.pk, after=uuid.UUID(state["after"]) if state["after"] else None
        )
    except RuleChangeRefused as refusal:
        messages.error(request, str(REFUSALS[refusal.code]))
        row.refresh_from_db()
        return _change_page(request, row, typed=request.POST.get("answer", ""), status=409)
    except RuleError as error:
        messages.error(request, _("The rules cannot be read with this row: %(fault)s") % {"fault": _fault_words(error)})
    else:
        request.session[SESSION_KEY] = _moved(state, compared)
        # A script there presses the button for the next slice.
        return HttpResponseRedirect(reverse("admin:rule_change", args=[row.pk]) + "?lanjut=1")
    return redirect("admin:rule_change", row.pk)


def _comparison_of(request: StaffRequest, row: RuleChange) -> Comparison | None:
    state: Comparison | None = request.session.get(SESSION_KEY)
    return state if state and state["change"] == str(row.pk) else None


def _moved(state: Comparison, compared: ComparedSlice) -> Comparison:
    """Return a comparison with one slice more; of lines beyond LINES_AT_MOST characters only the number is kept."""
    lines = list(state["lines"])
    size = len(json.dumps(lines))
    for report in compared.differing:
        line = (str(report.case.pk), report.case.reference, _changed_parts(report.before, report.after))
        size += len(json.dumps(line))
        lines += [line] if size <= LINES_AT_MOST else []
    return Comparison(
        change=state["change"],
        after=str(compared.after or ""),
        end=compared.after is None,
        read=state["read"] + compared.read,
        without_day=state["without_day"] + compared.without_day,
        unread=state["unread"] + compared.unread,
        differ=state["differ"] + len(compared.differing),
        lines=lines,
    )


def _comparison_words(request: StaffRequest, state: Comparison) -> dict[str, object]:
    # A case in which the person has a conflict of interest by now is not named.
    seen = (
        access.cases_for(request.user).filter(pk__in=[line[0] for line in state["lines"]]).values_list("pk", flat=True)
    )
    visible = set(map(str, seen))
    lines = [line for line in state["lines"] if line[0] in visible]
    more = state["differ"] - len(state["lines"])
    counts = [
        (ngettext("%(n)d report compared", "%(n)d reports compared", state["read"]), state["read"]),
        (
            ngettext("%(n)d without a day of the act", "%(n)d without a day of the act", state["without_day"]),
            state["without_day"],
        ),
        (ngettext("%(n)d could not be read", "%(n)d could not be read", state["unread"]), state["unread"]),
    ]
    return {
        "lines": lines,
        "more": ngettext("and %(n)d more report", "and %(n)d more reports", more) % {"n": more} if more else "",
        "counts": [words % {"n": number} for place, (words, number) in enumerate(counts) if number or not place],
        "goes_on": not state["end"] and request.GET.get("lanjut") == "1",
    }


def _changed_parts(before: Outcome, after: Outcome) -> list[tuple[str, str, str]]:
    """Return the parts of an outcome that differ in words: name, what falls away, what comes instead."""
    changed = []
    for label, words in _PARTS:
        old, new = words(before), words(after)
        if old != new:
            # Of parts in another order all are told: among crimes and routes the first one counts.
            gone = [line for line in old if line not in new] or ([] if set(new) - set(old) else old)
            come = [line for line in new if line not in old] or ([] if set(old) - set(new) else new)
            changed.append((str(label), "; ".join(gone) or "–", "; ".join(come) or _unchanged(new)))
    return changed


def _unchanged(lines: Sequence[str]) -> str:
    """Return what still applies where something fell away and nothing took its place."""
    return _("still applies: %(words)s") % {"words": "; ".join(lines)} if lines else "–"


def _if_known(words: str, missing: Iterable[str]) -> str:
    names = ", ".join(str(CONDITIONS[name]) for name in missing)
    return _("%(words)s (depends on: %(names)s)") % {"words": words, "names": names} if names else words


def _levels(outcome: Outcome) -> list[str]:
    return [_if_known(str(LEVELS[level]), missing) for level, missing in outcome.levels]


def _crimes(outcome: Outcome) -> list[str]:
    crimes = (
        (f"{ANSWERS[answer]}: {penalty}".removesuffix(": "), missing) for answer, penalty, missing in outcome.crimes
    )
    return [_if_known(words, missing) for words, missing in crimes]


def _routes(outcome: Outcome) -> list[str]:
    lines = []
    for finds, punishes, also, missing in outcome.routes:
        lines.append(_if_known(route_words(finds, punishes, also), missing))
    return lines


def _bawaslu(outcome: Outcome) -> list[str]:
    days = outcome.bawaslu
    return [f"{date_format(days.safe_day, 'j M Y')} – {date_format(days.last_day, 'j M Y')}"] if days else []


def _never_show(outcome: Outcome) -> list[str]:
    return list(outcome.never_show)


_PARTS: Final[tuple[tuple[Label, Callable[[Outcome], list[str]]], ...]] = (
    (gettext_lazy("Sanction"), _levels),
    (gettext_lazy("Criminal law"), _crimes),
    (gettext_lazy("Who examines and who punishes"), _routes),
    (gettext_lazy("Deadline of a report to Bawaslu"), _bawaslu),
    (gettext_lazy("What must not be shown"), _never_show),
)


# --- Deciding


def _act(request: StaffRequest, row: RuleChange) -> HttpResponseBase:
    acts: Mapping[str, tuple[Callable[[], None], Label]] = {
        "confirm": (
            lambda: rule_changes.confirm(actor=request.actor, change_id=row.pk),
            gettext_lazy("Confirmed. It applies from now on; other servers follow within a minute."),
        ),
        "decline": (
            lambda: rule_changes.decline(
                actor=request.actor, change_id=row.pk, answer=request.POST.get("answer", "")[:2000]
            ),
            gettext_lazy("Declined. Nothing was changed."),
        ),
        "withdraw": (
            lambda: rule_changes.withdraw(actor=request.actor, change_id=row.pk),
            gettext_lazy("Withdrawn. Nothing was changed."),
        ),
    }
    chosen = request.POST.get("act", "")
    # What the services refuse does not exist for people who may only read.
    if chosen not in acts or not (chosen == "withdraw" or rule_changes.decides_on(request.user, row)):
        raise Http404
    service, done = acts[chosen]
    try:
        service()
    except RuleChangeRefused as refusal:
        messages.error(request, str(REFUSALS[refusal.code]))
    except RuleError as error:
        messages.error(request, _("The rules cannot be read with this row: %(fault)s") % {"fault": _fault_words(error)})
    else:
        messages.success(request, str(done))
        request.session.pop(SESSION_KEY, None)
    return redirect("admin:rule_change", row.pk)
