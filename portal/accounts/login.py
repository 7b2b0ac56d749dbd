"""The login pages: password, second factor, reauthentication, and the change of the password.

django-allauth's views with three changes: failed attempts are delayed by account and source, a code works once, and a
change of a factor requires that password and factor were given just before.
"""

from __future__ import annotations

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

from complaints.models.team import Staff
from complaints.services import login_throttle, mfa
from portal.accounts import step_up
from portal.accounts.adapters import source


@contextmanager
def attempted(user: Staff) -> Iterator[None]:
    """Count an attempt at a second factor as failed unless the block ends without an error; raises Throttled."""
    attempt = {"kind": "factor", "account": str(user.pk), "source": source(context.request)}
    login_throttle.begin(**attempt, now=timezone.now())
    yield
    login_throttle.succeeded(**attempt, now=timezone.now())


class CodeForm(AuthenticateForm):
    """A code of the authenticator app or a recovery code; each works once."""

    def clean_code(self) -> str:
        code = str(self.cleaned_data["code"])
        with attempted(self.user):
            self.authenticator = mfa.use_code(staff=self.user, code=code, now=time.time())
            if self.authenticator is None:
                raise get_adapter().validation_error("incorrect_code")
        return code


class KeyForm(AuthenticateWebAuthnForm):
    """The signed challenge of a security key."""

    def clean_credential(self) -> Any:
        with attempted(self.user):
            try:
                return super().clean_credential()
            except (InvalidSignature, KeyError, TypeError, AttributeError) as error:
                # allauth does not catch these, so that a malformed credential would be a server error.
                raise get_adapter().validation_error("incorrect_code") from error


class ThrottledView(FormView):  # type: ignore[type-arg]
    """Answers an attempt during a delay with 429 and the remaining seconds on the same page."""

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        try:
            return super().dispatch(request, *args, **kwargs)
        except login_throttle.Throttled as error:
            return self.throttled(error.seconds)

    def throttled(self, seconds: int) -> HttpResponse:
        """Return the page with the wait in seconds; the posted secrets are not checked."""
        response = self.render_to_response(self.get_context_data(form=self.empty_form(), wait=seconds), status=429)
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
        return response


class SecondFactorView(AuthenticateView):
    """The second factor, after the right password."""

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        try:
            response: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        except login_throttle.Throttled as error:
            user = self.stage.login.user
            self.auth_form, self.webauthn_form = CodeForm(user=user), KeyForm(user=user)
            response = self.render_to_response(self.get_context_data(wait=error.seconds), status=429)
            response.headers["Retry-After"] = str(error.seconds)
        return response

    def form_valid(self, form: CodeForm | KeyForm) -> HttpResponse:
        """Release the key that the password opened; allauth then logs in under a new cookie."""
        form.save()
        step_up.release_pending_key(self.request, self.stage.login.user)
        return cast(HttpResponse, self.stage.exit())

    def get_context_data(self, **kwargs: object) -> dict[str, Any]:
        user = self.stage.login.user
        return {**super().get_context_data(**kwargs), **kwargs, **factor_kinds(user)}


def factor_kinds(user: Staff) -> dict[str, object]:
    """Return which factors a person has; for a sample account in sample mode also the code of now."""
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
        if is_right and self.asks_factor:
            name, form = ("credential", KeyForm) if cleaned.get("credential") else ("code", CodeForm)
            is_right = form(user=self.user, data={name: self.data.get(name, "")}).is_valid()
        if not is_right:
            raise forms.ValidationError(_("Password or second factor is not right."))
        return cleaned


@method_decorator(login_required, name="dispatch")
class ConfirmView(ThrottledView):
    """Asks for password and factor again before a person changes how they sign in."""

    form_class = ConfirmForm
    template_name = "account/reauthenticate.html"

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "user": self.request.user}

    def form_valid(self, form: ConfirmForm) -> HttpResponse:
        """Record the moment in the session and redirect to the page that asked, if it is one of this portal."""
        step_up.repeat_login(self.request, form.user, factor=form.asks_factor)
        target = self.request.POST.get("next", "")
        is_safe = url_has_allowed_host_and_scheme(target, {self.request.get_host()}, require_https=settings.SECURE)
        return redirect(target if is_safe else "mfa_index")

    def get_context_data(self, **kwargs: object) -> dict[str, Any]:
        request = self.request
        target = request.POST.get("next") or request.GET.get("next", "")
        values = {**super().get_context_data(**kwargs), "next": target, **factor_kinds(cast(Staff, request.user))}
        if values["has_key"]:
            values["js_data"] = {"request_options": webauthn.begin_authentication(request.user)}
        return values


class PasswordView(PasswordChangeView):
    """Changes the password; replacing the initial one, which an administrator set, needs no confirmation."""

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        if request.user.is_authenticated and not request.user.must_change_password:
            step_up.require_confirmation(request)
        return cast(HttpResponseBase, super().dispatch(request, *args, **kwargs))
