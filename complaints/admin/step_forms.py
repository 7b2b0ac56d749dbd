"""Forms of the office's steps: what stands before a decision, and the words that go with it."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.utils.translation import gettext_lazy as _

from complaints.admin.checklist import ChecklistForm
from complaints.admin.forms import HouseForm, words
from complaints.domain.workflow import Action
from complaints.models.oversight import OversightBody


class StepForm(ChecklistForm, HouseForm):
    """A staff step: its checklist, and a reason where the table asks for one, read by the reporter or kept here."""

    def __init__(
        self, *args: Any, required: bool, is_read: bool, action: Action, only_looking: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.ask(action, only_looking=only_looking)
        if is_read:
            label = _("What you write to the reporter") if required else _("Words to the reporter, if you like")
            help_text = _("The reporter reads this on the status page. Name no other person and no other report.")
        else:
            label = _("Your reason") if required else _("A note, if you like")
            help_text = _("Stays in the house, as an internal note.")
        self.fields["reason"] = words(label, help_text=help_text, required=required)


class ForwardForm(ChecklistForm, HouseForm):
    """What a body gets: which body, which files, and the covering note."""

    body = forms.ModelChoiceField(
        label=_("To which body"), queryset=OversightBody.objects.none(), widget=forms.RadioSelect, empty_label=None
    )
    objects = forms.MultipleChoiceField(required=False)
    cover = words(_("Covering note to the body"), help_text=_("The body reads it above the report."))
    told = words(
        _("Words to the reporter, if you like"),
        help_text=_("The reporter reads them on the status page beside the new state."),
        rows=3,
    )

    def __init__(
        self,
        *args: Any,
        bodies: list[OversightBody],
        objects: list[str],
        only_looking: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.ask(Action.FORWARD, only_looking=only_looking)
        field = cast("forms.ModelChoiceField[OversightBody]", self.fields["body"])
        field.queryset = OversightBody.objects.filter(pk__in=[body.pk for body in bodies]).order_by("order", "code")
        if len(bodies) == 1:
            field.initial = bodies[0].pk
        self.fields["objects"].choices = [(name, name) for name in objects]  # type: ignore[attr-defined]
