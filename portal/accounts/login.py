"""The login pages: password, second factor, reauthentication, and the change of the password.

django-allauth's views with four changes: failed attempts are delayed by account and source, a code works once, after
many wrong codes of a day it counts only together with the next one, and a change of a factor requires that password and
factor were given just before.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from allauth.account.adapter import get_adapter as account_adapter
from allauth.account.views import LoginView, LogoutView, PasswordChangeView
from allauth.core import context
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.forms import AuthenticateForm
from allauth.mfa.base.views import AuthenticateView
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.forms import AuthenticateWebAuthnForm
from allauth.mfa.webauthn.internal import auth as webauthn
from django import forms
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.exceptions import NON_FIELD_ERRORS
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse_lazy
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.generic import FormView

from complaints.models.team import Staff
from complaints.services import account_confirmation, login_throttle, mfa, password_hashing, signin_counts
from complaints.services.signin_counts import Kind
from portal.accounts import browser_mark, step_up
from portal.accounts.adapters import source
from portal.accounts.security_key import CredentialField, wrong_if_malformed

# The code of the ValidationError that asks for another code before it says anything of the first, and that of one for a
# wrong password or factor.
NEXT_CODE, WRONG = "next_code", "wrong"


@contextmanager
def attempted(user: Staff) -> Iterator[None]:
    """Count an attempt at a second factor as failed unless the block ends without an error; raises Throttled."""
    attempt = {"kind": "factor", "account": str(user.pk), "source": source(context.request)}
    try:
        login_throttle.begin(**attempt, now=timezone.now())
    except login_throttle.Throttled:
        signin_counts.count(kind=Kind.ADDRESS, account=user.pk, day=timezone.localdate())
        raise
    yield
    login_throttle.succeeded(**attempt, now=timezone.now())


class CodeForm(AuthenticateForm):
    """A code of the authenticator app or a recovery code; each works once.

    After signin_counts.SINGLE_CODES wrong ones of a day, a code is kept unjudged until the next one comes with it.
    """

    def clean_code(self) -> str:
        request, code = context.request, str(self.cleaned_data["code"])
        before = step_up.code_before(request, self.user)
        step_up.forget_code(request)
        if before is None and signin_counts.needs_two_codes(staff=self.user, day=timezone.localdate()):
            step_up.hold_code(request, self.user, code)
            raise forms.ValidationError(_("Now the code that follows."), code=NEXT_CODE)
        with attempted(self.user):
            self.authenticator = self._use(code, before)
            if self.authenticator is None:
                raise get_adapter().validation_error("incorrect_code")
        return code

    def _use(self, code: str, before: str | None) -> Authenticator | None:
        """Count the code as wrong, judge it, and take it back if it was right.

        It is counted first, so that of a hundred posts at once no more than SINGLE_CODES are judged alone.
        """
        counted = {"kind": Kind.CODE, "account": self.user.pk, "day": timezone.localdate()}
        number = signin_counts.count(**counted)
        if before is None and number > signin_counts.SINGLE_CODES:
            return None
        keys = step_up.held_keys(context.request, self.user)
        row = mfa.use_code(staff=self.user, keys=keys, code=code, now=time.time(), code_before=before)
        if row is not None:
            signin_counts.take_back(**counted)
        return row

    @property
    def asks_next(self) -> bool:
        """Whether a code was kept and the one that follows is asked for."""
        return bool(self.has_error("code", NEXT_CODE))


class KeyForm(AuthenticateWebAuthnForm):
    """The signed challenge of a security key."""

    credential = CredentialField(widget=forms.HiddenInput)

    def clean_credential(self) -> Any:
        with attempted(self.user), wrong_if_malformed():
            return super().clean_credential()


def wait_words(seconds: int) -> dict[str, int]:
    """Return what account/wait.html shows: the seconds, and from a minute on the minutes, rounded up."""
    return {"wait": seconds, "wait_minutes": math.ceil(seconds / 60) if seconds >= 60 else 0}


class ThrottledView(FormView):  # type: ignore[type-arg]
    """Answers an attempt during a delay, or without a place, with 429 and the seconds to wait on the same page."""

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        try:
            return super().dispatch(request, *args, **kwargs)
        except login_throttle.Throttled as error:
            return self.throttled(error.seconds, "wait")
        except password_hashing.Busy as error:
            return self.throttled(error.seconds, "busy")

    def throttled(self, seconds: int, why: str) -> HttpResponse:
        """Return the page with the wait and its reason ("wait", "busy"); the posted secrets are not checked."""
        words = wait_words(seconds) if why == "wait" else {why: seconds}
        context = self.get_context_data(form=self.empty_form(), **words)
        response = self.render_to_response(context, status=429)
        response.headers["Retry-After"] = str(seconds)
        return response

    def empty_form(self) -> forms.Form:
        kwargs = self.get_form_kwargs()
        return cast(forms.Form, self.get_form_class()(**{**kwargs, "data": None, "files": None}))


class StaffLoginView(ThrottledView, LoginView):
    """Username and password."""

    def empty_form(self) -> forms.Form:
        initial = {"login": self.request.POST.get("login", "")}
        return cast(forms.Form, self.get_form_class()(initial=initial, request=self.request))


class StaffLogoutView(LogoutView):
    """Ends the session by POST, also one that waits for its second factor; a GET asks for confirmation."""

    def post(self, *args: object, **kwargs: object) -> HttpResponse:
        response: HttpResponse = super().post(*args, **kwargs)
        self.request.session.flush()
        if self.request.is_secure():  # browsers take it over https alone
            # Also what a browser kept of the pages in spite of no-store, to show it on "Back".
            response.headers["Clear-Site-Data"] = '"cache", "storage"'
        return response


class SecondFactorView(AuthenticateView):
    """The second factor, after the right password; MOST_WRONG_CODES wrong codes lead back to the password."""

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        try:
            response: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        except login_throttle.Throttled as error:
            user = self.stage.login.user
            self.auth_form, self.webauthn_form = CodeForm(user=user), KeyForm(user=user)
            response = self.render_to_response(self.get_context_data(**wait_words(error.seconds)), status=429)
            response.headers["Retry-After"] = str(error.seconds)
        return response

    def post(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        """Judge a factor, where all is as recorded still: a row may have changed since the password was given."""
        if why := step_up.why_refused(self.stage.login.user):
            return step_up.end_session(request, why)
        return cast(HttpResponse, super().post(request, *args, **kwargs))

    def form_invalid(self, form: CodeForm | KeyForm) -> HttpResponse:
        """Show the page again, or end the sign-in where too many codes were wrong; a security key is never counted."""
        is_wrong = isinstance(form, CodeForm) and not form.asks_next
        if is_wrong and step_up.count_wrong_code(self.request):
            why = _("Several codes were wrong, so the sign-in has ended. Begin with the password.")
            return step_up.end_session(self.request, why)
        return cast(HttpResponse, super().form_invalid(form))

    def form_valid(self, form: CodeForm | KeyForm) -> HttpResponse:
        """Release the key that the password opened; allauth then logs in under a new cookie."""
        form.save()
        step_up.release_pending_key(self.request, self.stage.login.user)
        response = cast(HttpResponse, self.stage.exit())
        browser_mark.set_mark(response)
        return response

    def get_context_data(self, **kwargs: object) -> dict[str, Any]:
        user = self.stage.login.user
        return {**super().get_context_data(**kwargs), **kwargs, **factor_context(self.request, user)}


def factor_context(request: HttpRequest, user: Staff) -> dict[str, object]:
    """Return which factors a person has, and whether two codes are asked for and the second of them.

    For a sample account in sample mode it has the code of now, too.
    """
    kinds = set(Authenticator.objects.filter(user=user).values_list("type", flat=True))
    practice = settings.SAMPLE_MODE and user.is_sample
    before, keys = step_up.code_before(request, user), step_up.held_keys(request, user)
    code = mfa.practice_code(staff=user, keys=keys, now=time.time(), code_before=before) if practice else ""
    return {
        "has_app": mfa.TOTP in kinds,
        "has_key": mfa.WEBAUTHN in kinds,
        "asks_next": before is not None,
        "needs_two_codes": signin_counts.needs_two_codes(staff=user, day=timezone.localdate()),
        "practice": practice,
        "practice_code": code,
    }


class ConfirmForm(forms.Form):
    """Password and factor together; a person without a factor gives the password alone."""

    password = forms.CharField(label=gettext_lazy("Password"), strip=False, widget=forms.PasswordInput)
    code = forms.CharField(required=False)
    credential = CredentialField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, user: Staff, **kwargs: Any) -> None:
        self.user = user
        self.asks_factor = mfa.has_factor(user)
        super().__init__(*args, **kwargs)

    def clean(self) -> dict[str, Any]:
        """Check both, without telling which of them was wrong; raises services.login_throttle.Throttled."""
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        # The adapter's check counts towards the same delays as the login.
        is_right = account_adapter(context.request).reauthenticate(self.user, cleaned["password"])
        if is_right and (why := step_up.why_refused(self.user)):
            raise forms.ValidationError(why)
        if is_right and self.asks_factor:
            name, kind = ("credential", KeyForm) if cleaned.get("credential") else ("code", CodeForm)
            form = kind(user=self.user, data={name: self.data.get(name, "")})
            is_right = form.is_valid()
            if isinstance(form, CodeForm) and form.asks_next:
                raise forms.ValidationError(_("Now the code that follows."), code=NEXT_CODE)
        if not is_right:
            raise forms.ValidationError(_("Password or second factor is not right."), code=WRONG)
        return cleaned


@method_decorator(login_required, name="dispatch")
class ConfirmView(ThrottledView):
    """Asks for password and factor again before a person changes how they sign in.

    MOST_WRONG_CODES wrong answers end the session: whoever has only a cookie learns neither by trying.
    """

    form_class = ConfirmForm
    template_name = "account/reauthenticate.html"

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "user": self.request.user}

    def form_invalid(self, form: ConfirmForm) -> HttpResponse:
        """Show the page again, or end the session; a wrong password counts like a wrong code, so neither is told."""
        if form.has_error(NON_FIELD_ERRORS, WRONG) and step_up.count_wrong_code(self.request):
            why = _("Several answers were wrong, so the session has ended. Sign in again.")
            return step_up.end_session(self.request, why)
        return super().form_invalid(form)

    def form_valid(self, form: ConfirmForm) -> HttpResponse:
        """Record the moment in the session and redirect to the page that asked, if it is one of this portal."""
        step_up.repeat_login(self.request, form.user, factor=form.asks_factor)
        # Whoever has copied the cookie before does not profit from the confirmation.
        self.request.session.cycle_key()
        target = self.request.POST.get("next", "")
        is_safe = url_has_allowed_host_and_scheme(target, {self.request.get_host()}, require_https=settings.SECURE)
        return redirect(target if is_safe else "mfa_index")

    def get_context_data(self, **kwargs: object) -> dict[str, Any]:
        request = self.request
        target = request.POST.get("next") or request.GET.get("next", "")
        values = {
            **super().get_context_data(**kwargs),
            "next": target,
            **factor_context(request, cast(Staff, request.user)),
        }
        if values["has_key"]:
            values["js_data"] = {"request_options": webauthn.begin_authentication(request.user)}
        return values


class PasswordView(PasswordChangeView):
    """Changes the password; replacing one that somebody else set, or making the first key, needs no confirmation."""

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        user = request.user
        if user.is_authenticated and user.has_key and not user.must_change_password:
            step_up.require_confirmation(request)
        return cast(HttpResponseBase, super().dispatch(request, *args, **kwargs))


class ConfirmationForm(forms.Form):
    """The code that a second administrator was shown when they confirmed the account."""

    code = forms.CharField(label=gettext_lazy("Code of the second administrator"), max_length=60)

    def __init__(self, *args: Any, user: Staff, **kwargs: Any) -> None:
        self.user = user
        super().__init__(*args, **kwargs)

    def clean_code(self) -> str:
        """Open the account with the code; raises services.login_throttle.Throttled."""
        code = str(self.cleaned_data["code"])
        with attempted(self.user):
            if not account_confirmation.open_account(staff=self.user, code=code, now=timezone.now()):
                raise forms.ValidationError(_("That is not the code."))
        return code


@method_decorator(login_required, name="dispatch")
class ConfirmationView(ThrottledView):
    """All that a person sees whose account waits for a second administrator."""

    form_class = ConfirmationForm
    template_name = "account/confirmation.html"
    success_url = reverse_lazy("admin:index")

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        if request.user.is_authenticated and not request.user.awaits_confirmation:
            return redirect("admin:index")
        return super().dispatch(request, *args, **kwargs)

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "user": self.request.user}
