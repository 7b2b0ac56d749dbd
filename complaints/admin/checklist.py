"""The form of a checklist: each item ticked, or a line why not; what is required has to be ticked."""

from __future__ import annotations

from typing import Any

from django import forms
from django.forms.boundfield import BoundField
from django.utils.translation import gettext_lazy as _

from complaints.admin.questions import CHECKS
from complaints.domain import checklists
from complaints.domain.checklists import CheckedItem
from complaints.domain.workflow import Action

WHY_AT_MOST = 500


class ChecklistForm(forms.Form):
    """A form that asks what stands before a step; :meth:`ask` says which."""

    action: Action | None = None
    only_looking = False

    def ask(self, action: Action, *, only_looking: bool = False) -> None:
        """Add the items of a step, none for most; ``only_looking``: nothing is decided yet, so nothing is missed."""
        self.action, self.only_looking = action, only_looking
        for item in checklists.items(action):
            label = CHECKS[item.code]
            self.fields[f"check-{item.code}"] = forms.BooleanField(label=label, required=False)
            if not item.required:
                attrs = {"autocomplete": "off"}
                why = forms.CharField(
                    label=_("If not, why"), required=False, max_length=WHY_AT_MOST, widget=forms.TextInput(attrs=attrs)
                )
                self.fields[f"why-{item.code}"] = why

    def checks(self) -> list[tuple[BoundField, BoundField | None]]:
        """Return the items for the page: the box, and the line beside it where one may say why not."""
        asked = checklists.items(self.action) if self.action else ()
        return [(self[f"check-{item.code}"], None if item.required else self[f"why-{item.code}"]) for item in asked]

    def answers(self) -> dict[str, CheckedItem]:
        """Return what was ticked and said; of a form that was validated."""
        asked = checklists.items(self.action) if self.action else ()
        return {item.code: self._said(item.code) for item in asked}

    def _said(self, code: str) -> CheckedItem:
        done = bool(self.cleaned_data.get(f"check-{code}"))
        return CheckedItem(done, "" if done else str(self.cleaned_data.get(f"why-{code}") or "").strip())

    def clean(self) -> dict[str, Any] | None:
        """Say at each open item what it still needs."""
        cleaned = super().clean()
        if self.action and not self.only_looking:
            required = {item.code for item in checklists.items(self.action) if item.required}
            for code in checklists.open_items(self.action, self.answers()):
                must, may = _("Tick this: nothing is decided without it."), _("Tick it, or say why not.")
                self.add_error(f"check-{code}", must if code in required else may)
        return cleaned
