"""The pages of signing in: password, second factor, confirming both again, and a person's own factors.

django-allauth's views with three changes: wrong attempts are slowed by account and source, a code works once, and
whoever changes a factor has just given the password and the factor. What it offers beyond that has no address.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from allauth.account.adapter import get_adapter as account_adapter
from allauth.account.views import LoginView, LogoutView, PasswordChangeView
from allauth.core import context
from allauth.core.exceptions import ReauthenticationRequired
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.forms import AuthenticateForm
from allauth.mfa.base.views import AuthenticateView
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.forms import AuthenticateWebAuthnForm
from allauth.mfa.webauthn.internal import auth as webauthn
from cryptography.exceptions import InvalidSignature
from django import forms
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.generic import FormView

from complaints.services import login_throttle, mfa
from portal.accounts import step_up
from portal.accounts.adapters import source


@contextmanager
def attempted(user: Any) -> Iterator[None]:
    """Count a try at a second factor as failed, unless what stands inside passes. Raises services.login_throttle.Slow."""
    counted = {"kind": "factor", "account": str(user.pk), "source": source(context.request)}
    login_throttle.begin(**counted, now=timezone.now())
    yield
    login_throttle.succeeded(**counted, now=timezone.now())


class CodeForm(AuthenticateForm):
    """A code of the app, or a recovery code; either works once."""

    def clean_code(self) -> str:
        """Check the code. Raises services.login_throttle.Slow."""
        code = str(self.cleaned_data["code"])
        with attempted(self.user):
            self.authenticator = mfa.use_code(staff=self.user, code=code, now=time.time())
            if self.authenticator is None:
                raise get_adapter().validation_error("incorrect_code")
        return code


class KeyForm(AuthenticateWebAuthnForm):
    """What a security key has signed."""

    def clean_credential(self) -> Any:
        """Check the signature. Raises services.login_throttle.Slow."""
        with attempted(self.user):
            try:
                return super().clean_credential()
            except (InvalidSignature, KeyError, TypeError, AttributeError) as error:
                # allauth leaves these to the server's error page.
                raise get_adapter().validation_error("incorrect_code") from error


class ThrottledView(FormView):  # type: ignore[type-arg]
    """Answers an attempt that came too early with 429 and the wait in words, on the same page."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer."""
        try:
            return super().dispatch(request, *args, **kwargs)
        except login_throttle.Throttled as slow:
            return self.slow(slow.seconds)

    def slow(self, seconds: int) -> HttpResponse:
        """Show the page again with the wait on it; what was typed into secret fields is not looked at."""
        answer = self.render_to_response(self.get_context_data(form=self.empty_form(), wait=seconds), status=429)
        answer.headers["Retry-After"] = str(seconds)
        return answer

    def empty_form(self) -> Any:
        """Return the form without what was posted."""
        kwargs = self.get_form_kwargs()
        return self.get_form_class()(**{**kwargs, "data": None, "files": None})


class StaffLoginView(ThrottledView, LoginView):
    """Username and password."""

    def empty_form(self) -> Any:
        """Keep the username."""
        return self.get_form_class()(initial={"login": self.request.POST.get("login", "")}, request=self.request)


class StaffLogoutView(LogoutView):
    """Ends the session by POST, a pending one too; a GET only asks."""

    def post(self, *args: Any, **kwargs: Any) -> HttpResponse:
        """End it."""
        answer: HttpResponse = super().post(*args, **kwargs)
        self.request.session.flush()
        return answer


class SecondFactorView(AuthenticateView):
    """The second factor, after the right password."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer, with 429 to an attempt that came too early."""
        try:
            answer: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        except login_throttle.Throttled as slow:
            user = self.stage.login.user
            self.auth_form, self.webauthn_form = CodeForm(user=user), KeyForm(user=user)
            answer = self.render_to_response(self.get_context_data(wait=slow.seconds), status=429)
            answer.headers["Retry-After"] = str(slow.seconds)
        return answer

    def form_valid(self, form: Any) -> HttpResponse:
        """Let the key be used, under a new cookie."""
        form.save()
        step_up.release_pending_key(self.request, self.stage.login.user)
        answer: HttpResponse = self.stage.exit()
        return answer

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add which factors there are, and the sample account's code."""
        user = self.stage.login.user
        return {**super().get_context_data(**kwargs), **kwargs, **factor_kinds(user)}


def factor_kinds(user: Any) -> dict[str, Any]:
    """Return which factors a person has, and what a sample account may read off the page."""
    kinds = set(Authenticator.objects.filter(user=user).values_list("type", flat=True))
    practice = settings.SAMPLE_MODE and user.is_sample
    return {
        "has_app": mfa.TOTP in kinds,
        "has_key": mfa.WEBAUTHN in kinds,
        "practice": practice,
        "practice_code": mfa.practice_code(staff=user, now=time.time()) if practice else "",
    }


class ConfirmForm(forms.Form):
    """Password and factor together; a person without a factor gives the password alone."""

    password = forms.CharField(label=gettext_lazy("Password"), strip=False, widget=forms.PasswordInput)
    code = forms.CharField(required=False)
    credential = forms.JSONField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        """Ask for what the person has."""
        self.user = user
        self.asks_factor = mfa.has_factor(user)
        super().__init__(*args, **kwargs)

    def clean(self) -> dict[str, Any]:
        """Check both. Which of them was wrong is not told. Raises services.login_throttle.Slow."""
        given = super().clean() or {}
        if self.errors:
            return given
        # allauth's own check, so that the same delays count as at the login.
        right = account_adapter(context.request).reauthenticate(self.user, given["password"])
        if right and self.asks_factor:
            name, form = ("credential", KeyForm) if given.get("credential") else ("code", CodeForm)
            right = form(user=self.user, data={name: self.data.get(name, "")}).is_valid()
        if not right:
            raise forms.ValidationError(_("Password or second factor is not right."))
        return given


@method_decorator(login_required, name="dispatch")
class ConfirmView(ThrottledView):
    """Ask for password and factor again before somebody changes how they sign in."""

    form_class = ConfirmForm
    template_name = "account/reauthenticate.html"

    def get_form_kwargs(self) -> dict[str, Any]:
        """Give the form its person."""
        return {**super().get_form_kwargs(), "user": self.request.user}

    def form_valid(self, form: Any) -> HttpResponse:
        """Note it and go on."""
        user = self.request.user
        step_up.repeat_login(self.request, user, factor=form.asks_factor)
        wanted = self.request.POST.get("next", "")
        safe = url_has_allowed_host_and_scheme(wanted, {self.request.get_host()}, require_https=settings.SECURE)
        return redirect(wanted if safe else "mfa_index")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the way on, and what a security key has to sign."""
        request = self.request
        wanted = request.POST.get("next") or request.GET.get("next", "")
        found = {**super().get_context_data(**kwargs), "next": wanted, **factor_kinds(request.user)}
        if found["has_key"]:
            found["js_data"] = {"request_options": webauthn.begin_authentication(request.user)}
        return found


def require_confirmation(request: HttpRequest) -> None:
    """Raise ReauthenticationRequired unless password and factor were given just now."""
    if not step_up.confirmed(request):
        raise ReauthenticationRequired


class PasswordView(PasswordChangeView):
    """The own password; the first one, in place of what somebody else gave, needs no confirmation."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Ask for confirmation first."""
        if request.user.is_authenticated and not request.user.must_change_password:
            require_confirmation(request)
        answer: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        return answer
