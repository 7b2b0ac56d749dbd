"""What happens around every request: headers, the reporter's sealed session, the staff member's language and keys."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import cast
from urllib.parse import parse_qs, urlencode, urlsplit

from allauth.core.exceptions import ReauthenticationRequired
from csp.utils import build_policy
from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.views import redirect_to_login
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.deprecation import MiddlewareMixin
from django.utils.functional import SimpleLazyObject
from django.utils.http import url_has_allowed_host_and_scheme

from complaints.models.team import Staff
from complaints.services import mfa
from complaints.services.actor import Actor
from complaints.services.evidence import intake
from complaints.services.keyring import Keyring, keyring_of
from portal.accounts import step_up
from portal.accounts.sessions import ReporterSession
from portal.requests import PortalRequest

Handler = Callable[[PortalRequest], HttpResponse]

HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()",
    "X-Robots-Tag": "noarchive",
}


class HeadersMiddleware:
    """Sets the headers that Django does not, the content security policy among them; nobody keeps a dynamic page.

    The policy is the same everywhere and built once; an answer that wants a stricter one sets its own header.
    """

    def __init__(self, get_response: Handler) -> None:
        """Wrap the next handler."""
        self.get_response = get_response
        self.policy = build_policy()

    def __call__(self, request: PortalRequest) -> HttpResponse:
        """Answer with headers."""
        response = self.get_response(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        response.headers.setdefault("Content-Security-Policy", self.policy)
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.setdefault("X-Frame-Options", "DENY")
        return response


class LanguageMiddleware:
    """Speaks the language that the address names; neither cookies nor the browser's wishes change a public page."""

    def __init__(self, get_response: Handler) -> None:
        """Wrap the next handler."""
        self.get_response = get_response
        others = [code for code, _ in settings.LANGUAGES if code != settings.LANGUAGE_CODE]
        self.prefixes = {f"/{code}/": code for code in others}

    def __call__(self, request: PortalRequest) -> HttpResponse:
        """Answer in that language."""
        # Not every path has a slash in it: "OPTIONS *".
        prefix = f"/{request.path_info.removeprefix('/').split('/', 1)[0]}/"
        language = self.prefixes.get(prefix, settings.LANGUAGE_CODE)
        with translation.override(language):
            request.LANGUAGE_CODE = language
            response = self.get_response(request)
        response.headers.setdefault("Content-Language", language)
        return response


class StaffsDoorOnly(MiddlewareMixin):
    """Keeps a middleware of the staff's door off every other request: a reporter's touches no staff session."""

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass through whatever does not go to the staff's door."""
        staff = request.path_info.startswith(f"/{settings.ADMIN_PATH}")
        return cast(HttpResponse, super().__call__(request) if staff else self.get_response(request))


class StaffSessionMiddleware(StaffsDoorOnly, SessionMiddleware):
    """Gives staff their sealed session."""


class StaffAuthenticationMiddleware(StaffsDoorOnly, AuthenticationMiddleware):
    """Gives ``request.user`` to the staff's door."""


class StaffMessageMiddleware(StaffsDoorOnly, MessageMiddleware):
    """Gives the staff's door its notices."""


class ReporterSessionMiddleware:
    """Gives ``request.reporter`` and writes it back; throws away uploads that no view has claimed."""

    def __init__(self, get_response: Handler) -> None:
        """Wrap the next handler."""
        self.get_response = get_response

    def __call__(self, request: PortalRequest) -> HttpResponse:
        """Answer, then save the session and set or drop its cookie."""
        session = request.reporter = ReporterSession(request.COOKIES.get(settings.REPORTER_COOKIE_NAME))
        try:
            response = self.get_response(request)
        finally:
            intake.discard_unclaimed(request)
        session.save()
        if cookie := session.cookie_to_set:
            response.set_cookie(
                settings.REPORTER_COOKIE_NAME,
                cookie,
                secure=settings.SECURE,
                httponly=True,
                samesite="Strict",
                path="/",
            )
        elif session.cookie_to_drop:
            response.delete_cookie(settings.REPORTER_COOKIE_NAME, path="/", samesite="Strict")
        return response


class StaffMiddleware:
    """Gives ``request.keyring``, speaks the person's language, insists on an own password and a second factor."""

    def __init__(self, get_response: Handler) -> None:
        """Wrap the next handler."""
        self.get_response = get_response

    def __call__(self, request: PortalRequest) -> HttpResponse:
        """Answer for the staff's door; pass everything else through."""
        if not request.path_info.startswith(f"/{settings.ADMIN_PATH}"):
            return self.get_response(request)
        keyring = SimpleLazyObject(lambda: keyring_of(request.user, request.session))
        request.keyring = cast(Keyring, keyring)
        request.actor = Actor(request.keyring, timezone.now())
        if not request.user.is_authenticated:
            return _login_to_the_form(request, self.get_response(request))
        with translation.override(request.user.language):
            response = _first_steps(request) or self.get_response(request)
            if hasattr(response, "render") and not getattr(response, "is_rendered", True):
                response.render()
            return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Ask for password and factor again. What was posted is not kept meanwhile: it may hold a password."""
        if not isinstance(exception, ReauthenticationRequired):
            return None
        if not request.user.is_authenticated:
            return redirect("account_login")
        return redirect(f"{reverse('account_reauthenticate')}?{urlencode({'next': request.path})}")


class MethodNotAllowedMiddleware:
    """Gives the empty answer 405 a page, in the language that the outer middlewares have chosen."""

    def __init__(self, get_response: Handler) -> None:
        """Wrap the next handler."""
        self.get_response = get_response

    def __call__(self, request: PortalRequest) -> HttpResponse:
        """Answer, with the same status and headers."""
        response = self.get_response(request)
        if response.status_code == HTTPStatus.METHOD_NOT_ALLOWED and not response.content:
            response.content = render_to_string("405.html", request=request)
        return response


def _login_to_the_form(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Let the login after a form that came too late lead to the page with the form: its own address takes POST only.

    The browser names that page as the referrer; where it names none the login leads to the desk.
    """
    if request.method in ("GET", "HEAD") or not isinstance(response, HttpResponseRedirect):
        return response
    following = parse_qs(urlsplit(response.url).query).get(REDIRECT_FIELD_NAME)
    if following != [request.get_full_path()]:
        return response
    referrer = request.headers.get("Referer", "")
    page = urlsplit(referrer)
    is_ours = url_has_allowed_host_and_scheme(referrer, {request.get_host()}, require_https=request.is_secure())
    if not is_ours or not page.path.startswith(f"/{settings.ADMIN_PATH}"):
        return redirect_to_login(reverse("admin:index"), settings.LOGIN_URL)
    return redirect_to_login(page._replace(scheme="", netloc="", fragment="").geturl(), settings.LOGIN_URL)


# Where a person can be before the second factor was given.
_ENROLMENT = ("mfa_index", "mfa_activate_totp", "mfa_picture", "mfa_add_webauthn", "account_reauthenticate")


def _first_steps(request: PortalRequest) -> HttpResponse | None:
    """Lead to an own password first, then to a second factor; until then nothing else is there to be seen."""
    person = cast(Staff, request.user)
    if request.path == reverse("account_logout"):
        return None
    if person.must_change_password:
        password = reverse("account_change_password")
        return redirect(password) if request.path != password else None
    if step_up.passed(request, person):
        return None
    if mfa.has_factor(person):
        # It was added in another session: this one has to come in by it.
        request.session.flush()
        return redirect("account_login")
    return redirect("mfa_index") if request.path not in map(reverse, _ENROLMENT) else None
