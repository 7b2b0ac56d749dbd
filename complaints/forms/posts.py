"""The form of a social media post: its address, the account, what the account did, and the screenshot."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Unpack

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from complaints.adapters import post_rules
from complaints.domain import posts
from complaints.forms.fields import EvidenceField, Files, FormOptions, ReporterForm, day, line
from complaints.models.post import Platform, PostAct

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

PLATFORM_LABELS = dict(Platform.choices)
ACT_LABELS = dict(PostAct.choices)


def one_link(text: str, *, is_needed: bool = False) -> str:
    """Return the address of one post as typed; raises ValidationError for several links ("links").

    Where one ``is_needed``, a text without a link is refused too ("no_link").
    """
    count = len(posts.find(text, post_rules.load()))
    if count > 1:
        message = _("There are %(count)d links here. Enter each post on its own.")
        raise forms.ValidationError(message, code="links", params={"count": count})
    if is_needed and not count:
        message = _("This is not a link. Copy the address of the post, for example %(example)s.")
        raise forms.ValidationError(message, code="no_link", params={"example": "https://instagram.com/p/AbC123"})
    return text


def _link(help_text: StrOrPromise = "") -> forms.CharField:
    return line(_("Link to the post"), limit=2_000, mode="url", help_text=help_text)


class PostForm(ReporterForm):
    """A post on page 3; only a link or an account is required, and a link tells the platform.

    ``today`` is the latest day that may be written (``fields.latest_day``).
    """

    url = _link()
    account = line(
        _("Account of the person you report"),
        limit=200,
        help_text=_("For example: @name. Leave it empty if the link says it."),
    )
    platform = forms.ChoiceField(label=_("Where"), required=False)
    act = forms.ChoiceField(label=_("What did the account do?"), required=False)
    seen_on = day(_("The day you saw it"), _("Leave it empty if that day could point to you."))
    screenshot = forms.ChoiceField(label=_("Which file shows it?"), required=False)

    def __init__(
        self,
        data: QueryDict | None = None,
        uploads: Files | None = None,
        /,
        *,
        today: date,
        files: Sequence[tuple[str, str]] = (),
        **options: Unpack[FormOptions],
    ) -> None:
        super().__init__(data, uploads, **options)
        self.today = today
        unlisted = _("Choose one from the list.")
        self.set_choices("platform", [("", _("The link says it, or I do not know")), *Platform.choices], unlisted)
        self.set_choices("act", [("", _("I do not know")), *PostAct.choices], unlisted)
        if files:
            self.set_choices("screenshot", [("", _("None")), *files], unlisted)
        else:
            self.fields.pop("screenshot", None)

    def clean_url(self) -> str:
        """Return the address as typed; several links are an error."""
        return one_link(self.cleaned_data["url"])

    def clean_seen_on(self) -> date | None:
        """Return the day; a future one is an error."""
        seen_on: date | None = self.cleaned_data["seen_on"]
        if seen_on and seen_on > self.today:
            raise forms.ValidationError(_("This day is still to come. Choose today or earlier, or leave it empty."))
        return seen_on

    def clean(self) -> None:
        """Require a link or an account."""
        answers = self.cleaned_data
        if not (answers.get("url") or answers.get("account")) and not {"url", "account"} & set(self.errors):
            self.add_error("url", _("Write the link, or the account."))


class MorePostForm(PostForm):
    """A post for a report already sent, with its screenshots."""

    # On page 3 the field for links says so already.
    url = _link(_("We store it as you paste it, and once more without what is known to name who shared it."))
    screenshots = EvidenceField(label=_("Screenshots of it"), required=False)
