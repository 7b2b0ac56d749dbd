"""What surrounds every request: headers, language, encoding, the sealed sessions, the login."""

from __future__ import annotations

import codecs
import logging
import secrets
from collections.abc import Callable
from contextlib import nullcontext
from functools import cache
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
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.functional import SimpleLazyObject
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.defaults import bad_request

from complaints import access
from complaints.models.team import Staff
from complaints.services import mfa, password_hashing
from complaints.services.evidence import intake, limits
from complaints.services.keyring import Actor, Keyring, keyring_of
from portal import bodies, errors
from portal.accounts import browser_mark, step_up, unsent
from portal.accounts.reporter_session import ReporterSession
from portal.accounts.sessions import gave_second_factor

HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()",
    "X-Robots-Tag": "noarchive",
}
logger = logging.getLogger(__name__)
# What a person is answered who asks for what is not for them, not there any more, or not in order.
REFUSED = (400, 403, 404, 405, 409, 413, 429)
STAFF_PREFIX = f"/{settings.ADMIN_PATH}"
# The pages with passwords; below the last one administrators set initial ones.
WITH_PASSWORDS = (
    "account_login", "account_change_password", "account_reauthenticate", "admin:complaints_staff_changelist"
)  # fmt: skip
# Where a person may go before the second factor was given.
ENROLMENT = ("mfa_index", "mfa_activate_totp", "mfa_picture", "mfa_add_webauthn", "account_reauthenticate")


class PortalRequest(HttpRequest):
    """A request with what the middleware adds: the reporter's session, or below STAFF_PREFIX the person's keys."""

    reporter: ReporterSession
    keyring: Keyring
    actor: Actor
    script_nonce: ScriptNonce


class ScriptNonce:
    """The nonce of a response's own scripts (128 random bits), drawn when a template first writes it."""

    value = ""

    def __str__(self) -> str:
        self.value = self.value or secrets.token_urlsafe(16)
        return self.value


Handler = Callable[[PortalRequest], HttpResponse]


class HeadersMiddleware:
    """Sets the headers that Django does not, among them the content security policy, and forbids caches.

    The policy is built once, but for the nonce: a page without a script of ours runs none at all. A response that needs
    a stricter one sets its own header.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response
        self.without_scripts = build_policy()
        self.before, self.after = build_policy(replace={"script-src": ["'nonce-here'"]}).split("here")

    def __call__(self, request: PortalRequest) -> HttpResponse:
        nonce = request.script_nonce = ScriptNonce()
        response = self.get_response(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        policy = f"{self.before}{nonce.value}{self.after}" if nonce.value else self.without_scripts
        response.headers.setdefault("Content-Security-Policy", policy)
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.setdefault("X-Frame-Options", "DENY")
        return response


class LanguageMiddleware:
    """Activates the language that the address names; neither a cookie nor Accept-Language changes a public page."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response
        others = [code for code, _ in settings.LANGUAGES if code != settings.LANGUAGE_CODE]
        self.prefixes = {f"/{code}/": code for code in others}

    def __call__(self, request: PortalRequest) -> HttpResponse:
        # A path need not begin with a slash: "OPTIONS *".
        prefix = f"/{request.path_info.removeprefix('/').split('/', 1)[0]}/"
        language = self.prefixes.get(prefix, settings.LANGUAGE_CODE)
        with translation.override(language):
            request.LANGUAGE_CODE = language
            response = self.get_response(request)
        response.headers.setdefault("Content-Language", language)
        return response


class BodyMiddleware:
    """Answers with a page that says why where a body is too large, too slow, found no thread, or is not in UTF-8.

    The worker tells by the attribute ``refusal`` of ``wsgi.input``, before anything was read or while it was. No form
    of the portal sends another encoding. Django would refuse it as well, but its pages for errors look for a CSRF token
    in the body and so fail again.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: PortalRequest) -> HttpResponse:
        body = request.META.get("wsgi.input")
        status = getattr(body, "refusal", None)
        length = request.META.get("CONTENT_LENGTH") or "0"
        is_small = not length.isdecimal() or int(length) <= bodies.SMALL_BYTES
        if status is None and not is_small and int(length) > bodies.largest_body(request.path_info):
            status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        if status is None and "\0" in request.path_info:
            # PostgreSQL takes it in no text, and some addresses have the key of a row.
            return bad_request(request, ValueError("path"))
        if status is None and request.encoding is not None:
            is_ours = codecs.lookup(request.encoding).name == "utf-8"
            # Django refuses a form even of UTF-8 where it is spelt otherwise.
            request.encoding = None  # type: ignore[assignment]
            if not is_ours:
                # As Django does after a body that it cannot read.
                request._mark_post_parse_error()  # type: ignore[attr-defined]
                return bad_request(request, ValueError("charset"))
        if status is None:
            response = self.get_response(request)
            # What the rest made of half a body is no answer to the person who sent it.
            status = getattr(body, "refusal", None)
            if status is None:
                return response
        return bodies.refusal_page(request, status)


class ReporterSessionMiddleware:
    """Gives ``request.reporter``, but to the staff's pages, and saves it; deletes uploads that no view has claimed."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: PortalRequest) -> HttpResponse:
        session = None
        if not request.path_info.startswith(STAFF_PREFIX):
            session = request.reporter = ReporterSession(request.COOKIES.get(settings.REPORTER_COOKIE_NAME))
        try:
            response = self.get_response(request)
        finally:
            if hasattr(request, "evidence_sinks"):
                intake.discard_unclaimed(request)
        if session is None or not session.loaded:
            return response
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

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Keep the words of a report that cannot be begun while unfinished ones take all of their room."""
        return errors.busy_page(request) if isinstance(exception, limits.DraftsFull) else None


class StaffMiddleware(SessionMiddleware, AuthenticationMiddleware, MessageMiddleware):
    """Gives requests below STAFF_PREFIX a session, user, messages, key ring and language, and insists on two factors.

    It takes the place of Django's three middlewares, whose hooks it calls in the order of their documentation, so that
    no other request reads or writes a staff session.
    """

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith(STAFF_PREFIX):
            return cast(HttpResponse, self.get_response(request))
        is_asked = request.path_info.startswith(_password_pages())
        with password_hashing.known_browser(is_known=browser_mark.has_mark(request)) if is_asked else nullcontext():
            SessionMiddleware.process_request(self, request)
            AuthenticationMiddleware.process_request(self, request)
            MessageMiddleware.process_request(self, request)
            staff_request = cast(PortalRequest, request)
            # Lazy: the login view fills the session before it asks for the keys.
            keyring = SimpleLazyObject(lambda: keyring_of(request.user, request.session))
            staff_request.keyring = cast(Keyring, keyring)
            staff_request.actor = Actor(staff_request.keyring, timezone.now())
            if isinstance(request.user, Staff):
                with translation.override(request.user.language):
                    response = _login_step(request, request.user) or self.get_response(request)
            else:
                response = _login_to_the_form(request, cast(HttpResponse, self.get_response(request)))
            response = cast(HttpResponse, response)
            if response.status_code in REFUSED:
                _log_refusal(request, response)
            response = MessageMiddleware.process_response(self, request, response)
            return SessionMiddleware.process_response(self, request, response)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Say what is missing: the open key, a place for a password, or password and factor given again.

        What was posted is dropped, as it may hold a password.
        """
        if isinstance(exception, mfa.NoKey):
            # The page of the own key says why it is not open, and what to do.
            return redirect("admin:me")
        if isinstance(exception, password_hashing.Busy):
            response = render(request, "429.html", status=HTTPStatus.TOO_MANY_REQUESTS)
            response.headers["Retry-After"] = str(exception.seconds)
            return response
        if not isinstance(exception, ReauthenticationRequired):
            return None
        if not request.user.is_authenticated:
            return redirect("account_login")
        return _to_confirmation(request)


class MethodNotAllowedMiddleware:
    """Gives the empty answer 405 a page, in the language that the outer middlewares have chosen."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: PortalRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code == HTTPStatus.METHOD_NOT_ALLOWED and not response.content:
            response.content = render_to_string("405.html", request=request)
        return response


def _to_confirmation(request: HttpRequest) -> HttpResponse:
    """Lead to the page that asks for password and factor, and from there back; what was posted is dropped."""
    return redirect(f"{reverse('account_reauthenticate')}?{urlencode({'next': request.path})}")


def _log_refusal(request: HttpRequest, response: HttpResponse) -> None:
    """Log what a signed-in person was refused: which account and which kind of page, never the address or a case."""
    if isinstance(request.user, Staff):
        page = request.resolver_match.view_name if request.resolver_match else ""
        logger.warning("Refused with status %d to the account %s: %s", response.status_code, request.user.pk, page)


@cache
def _password_pages() -> tuple[str, ...]:
    """Return where the addresses begin at which passwords are checked or set, which take a place for it."""
    return tuple(map(reverse, WITH_PASSWORDS))


def _login_to_the_form(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Let the login after a form that came too late lead to what it held, else to the page with the form.

    The form's own address takes POST only. The browser names that page as the referrer; where it names none the login
    leads to the desk.
    """
    if request.method in ("GET", "HEAD") or not isinstance(response, HttpResponseRedirect):
        return response
    following = parse_qs(urlsplit(response.url).query).get(REDIRECT_FIELD_NAME)
    if following != [request.get_full_path()]:
        return response
    referrer = request.headers.get("Referer", "")
    is_ours = url_has_allowed_host_and_scheme(referrer, {request.get_host()}, require_https=request.is_secure())
    # Only what is ours is taken apart: urlsplit raises for some of what others send.
    page = urlsplit(referrer) if is_ours else None
    is_known = page is not None and page.path.startswith(STAFF_PREFIX)
    address = page._replace(scheme="", netloc="", fragment="").geturl() if page and is_known else ""
    return unsent.hold(request, address) or redirect_to_login(address or reverse("admin:index"), settings.LOGIN_URL)


def _login_step(request: HttpRequest, person: Staff) -> HttpResponse | None:
    """Return a redirect while a password, a confirmation or a second factor is missing; before, one can only log out.

    An account without a key, as createsuperuser makes them, chooses a password first: the factor is sealed to the key.
    """
    if request.path == reverse("account_logout"):
        return None
    if person.must_change_password or not person.wrapped_key:
        password = reverse("account_change_password")
        return redirect(password) if request.path != password else None
    if person.awaits_confirmation:
        confirmation = reverse("account_confirmation")
        return redirect(confirmation) if request.path != confirmation else None
    if gave_second_factor(request, person):
        # Who may raise the rights of others must have their own by the chain, also when a session is under way.
        is_post = request.method == "POST"
        # Whoever has taken over one session of a person may not end the others, in which the person could act.
        # The same for who decides on a rule of the law, or confirms an erasure, which nothing brings back.
        is_weighty = request.path in (reverse("admin:sessions"), reverse("admin:erasure_confirm"))
        is_weighty = is_weighty or request.path.startswith(reverse("admin:rule_changes"))
        if is_post and is_weighty and not step_up.confirmed(request):
            return _to_confirmation(request)
        why = step_up.why_refused(person) if is_post and access.may_administer(person) else ""
        return step_up.end_session(request, why) if why else None
    if mfa.has_factor(person):
        # The factor was added in another session, so this session never gave it: it has to log in again.
        request.session.flush()
        return redirect("account_login")
    return redirect("mfa_index") if request.path not in map(reverse, ENROLMENT) else None
