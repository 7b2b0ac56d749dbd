"""What a lawyer signed on paper: recorded for many rules at once, and confirmed at once by another person.

Nothing that a rule says changes by it, so no open case is compared.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from complaints import access
from complaints.admin.base import BaseForm, DayInput, StaffRequest, render, staff_page, text_field
from complaints.admin.labels import staff_name
from complaints.admin.rule_changes import REFUSALS
from complaints.admin.rule_lines import NO_FIRST_DAY, RuleLine, rule_line
from complaints.domain.law.changes import RowKey
from complaints.domain.law.rules import RuleBook
from complaints.forms.law_labels import TABLES
from complaints.models.rule_change import RuleChange
from complaints.services import rule_changes
from complaints.services.rule_changes import Review, RuleChangeRefused


class ReviewForm(BaseForm):
    """Which rules were signed, by whom and when, and when they are due again."""

    by = forms.CharField(
        label=gettext_lazy("Name and profession of who signed"),
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    on = forms.DateField(label=gettext_lazy("Date of the signature"), widget=DayInput)
    due = forms.DateField(label=gettext_lazy("Next review due on"), widget=DayInput)
    reason = text_field(
        gettext_lazy("Your reason"),
        help_text=gettext_lazy("Name the state of the rules on the signed sheets, and where they are kept."),
        required=True,
        rows=3,
    )
    every = forms.BooleanField(label=gettext_lazy("All rules of this page were signed"), required=False)
    rules = forms.MultipleChoiceField(required=False)

    def __init__(self, *args: object, keys: list[str], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.keys = keys
        field = self.fields["rules"]
        if isinstance(field, forms.MultipleChoiceField):
            field.choices = [(key, key) for key in keys]

    def clean(self) -> dict[str, Any]:
        """Refuse no rule at all, a signature of tomorrow, and a next review that does not lie ahead."""
        values = super().clean() or {}
        on, due, today = values.get("on"), values.get("due"), timezone.localdate()
        if isinstance(on, date) and on > today:
            self.add_error("on", _("This day is still to come."))
        if isinstance(due, date) and due <= today:
            self.add_error("due", _("Choose a day that is still to come."))
        if not values.get("every") and not values.get("rules"):
            self.add_error(None, _("Select the rules that were signed."))
        return values

    def chosen(self) -> list[RowKey]:
        """Return the rules that were signed, of a form that was validated."""
        keys = self.keys if self.cleaned_data["every"] else self.cleaned_data["rules"]
        return [_key_of(key) for key in keys]


def _key_of(text: str) -> RowKey:
    table, code, version = text.split("/")
    return RowKey(table, code, "" if version == NO_FIRST_DAY else version)


def _tables(book: RuleBook) -> list[tuple[str, list[tuple[str, RuleLine]]]]:
    tables = []
    for name, label in TABLES.items():
        lines = [rule_line(rule, name) for rule in getattr(book, name)]
        tables.append((str(label), [(f"{name}/{line.rule.code}/{line.version}", line) for line in lines]))
    return tables


@staff_page("GET", "POST", opens_for=access.may_administer)
def sign(request: StaffRequest) -> HttpResponseBase:
    """Show all rules to tick those that were signed; by POST propose that they were."""
    tables = _tables(rule_changes.rules_in_force().book)
    form = ReviewForm(request.POST or None, keys=[key for _label, lines in tables for key, _line in lines])
    if form.is_valid():
        data = form.cleaned_data
        review = Review(data["by"], data["on"], data["due"])
        try:
            number, left = rule_changes.propose_reviews(
                actor=request.actor, keys=form.chosen(), review=review, reason=data["reason"]
            )
        except RuleChangeRefused as refusal:
            form.add_error(None, str(REFUSALS[refusal.code]))
        else:
            words = ngettext("%(n)d review proposed.", "%(n)d reviews proposed.", number) % {"n": number}
            messages.success(request, words)
            if left:
                later = ngettext(
                    "%(n)d has to wait: a change of the same rule is to be decided first. Then record it again.",
                    "%(n)d have to wait: a change of the same rule is to be decided first. Then record them again.",
                    left,
                )
                messages.warning(request, later % {"n": left})
            return redirect("admin:rule_changes")
    ticked = set(request.POST.getlist("rules"))
    context = {"title": _("Record signatures"), "form": form, "tables": tables, "ticked": ticked}
    return render(request, "admin/rule_sign.html", context, model=RuleChange, status=400 if form.is_bound else 200)


@staff_page("GET", "POST", opens_for=access.may_compare_rules)
def reviews(request: StaffRequest) -> HttpResponseBase:
    """Show the proposed reviews; by POST confirm those of others."""
    if request.method == "POST":
        try:
            number = rule_changes.confirm_reviews(actor=request.actor)
        except RuleChangeRefused as refusal:
            messages.error(request, str(REFUSALS[refusal.code]))
        else:
            messages.success(
                request, ngettext("%(n)d review confirmed.", "%(n)d reviews confirmed.", number) % {"n": number}
            )
        return redirect("admin:rule_reviews")
    return _reviews_page(request)


def _reviews_page(request: StaffRequest) -> HttpResponse:
    rows = rule_changes.waiting_reviews()
    lines = [(row, TABLES[row.table], staff_name(row.proposed_by)) for row in rows]
    context = {
        "title": _("Proposed reviews"),
        "lines": lines,
        "confirms": any(rule_changes.may_decide(request.user, row) for row in rows),
    }
    return render(request, "admin/rule_reviews.html", context, model=RuleChange)
