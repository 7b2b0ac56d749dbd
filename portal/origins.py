"""To which of the portal's origins a request came: the public one, its onion service, or the staff's own.

Where the onion or the staff's origin is configured, :class:`OriginMiddleware` keeps the three apart: each serves its
own pages and takes no form from another. Without them it is not used.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from enum import Enum
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import DisallowedHost, MiddlewareNotUsed
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponsePermanentRedirect,
    HttpResponseRedirect,
)
from django.http.request import split_domain_port
from django.middleware import security
from django.shortcuts import render
from django.utils.encoding import escape_uri_path
from django.views.csrf import csrf_failure
from django.views.defaults import bad_request, page_not_found

# In the environ, true where the request came over the onion's listener. The worker sets it; no header can.
ONION_LISTENER: Final = "portal.onion_listener"
# By it the proxy proves that it has seen a client certificate of the staff's authority.
CERTIFICATE_HEADER: Final = "X-Staff-Certificate"
_SAFE_METHODS: Final = ("GET", "HEAD", "OPTIONS", "TRACE")
_USUAL_PORTS: Final = ("", "80", "443")


class Origin(Enum):
    """The portal's origins."""

    PUBLIC = "public"
    ONION = "onion"
    STAFF = "staff"

    @property
    def address(self) -> str:
        """The configured address, "" where there is none."""
        addresses = {Origin.PUBLIC: settings.PUBLIC_ORIGIN, Origin.ONION: settings.ONION_ORIGIN}
        return addresses.get(self, settings.STAFF_ORIGIN).lower().rstrip("/")


class OriginRequest(HttpRequest):
    """A request with what OriginMiddleware adds."""

    origin: Origin


def origin_of(request: HttpRequest) -> Origin | None:
    """Return the origin that a request came to, None where its Host does not belong to the listener."""
    try:
        host = _host(request.get_host())
    except DisallowedHost:
        return None
    is_onion = host == _host(urlsplit(Origin.ONION.address).netloc)
    if is_onion or request.META.get(ONION_LISTENER):
        return Origin.ONION if is_onion and request.META.get(ONION_LISTENER) else None
    return Origin.STAFF if host == _host(urlsplit(Origin.STAFF.address).netloc) else Origin.PUBLIC


def _host(netloc: str) -> tuple[str, str] | None:
    """Return host and port, "" for the usual one; None for none."""
    domain, port = split_domain_port(netloc)
    return (domain, "" if port in _USUAL_PORTS else port) if domain else None


class SecurityMiddleware(security.SecurityMiddleware):
    """Django's, but it redirects nobody from the onion to https: there is none, and Tor encrypts."""

    def process_request(self, request: HttpRequest) -> HttpResponsePermanentRedirect | None:
        return None if request.META.get(ONION_LISTENER) else super().process_request(request)


class OriginMiddleware:
    """Keeps the origins apart, and tells visitors of the public one of the onion.

    - A Host that does not belong to the listener is refused, and so is a form that comes from another of our origins.
    - The staff's pages are on their own origin alone where there is one, and never on the onion.
    - Over the onion cookies bear neither the prefixes nor the attribute that ask for https.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        if not (settings.ONION_ORIGIN or settings.STAFF_ORIGIN or settings.STAFF_CLIENT_CERT):
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request: OriginRequest) -> HttpResponse:
        origin = origin_of(request)
        if origin is not None:
            request.origin = origin
        # Not by DisallowedHost, which would write a line for each.
        refusal = _refusal(request) if origin is not None else bad_request(request, ValueError("host"))
        if refusal is not None:
            refusal.headers["Content-Length"] = str(len(refusal.content))
            return refusal
        if origin is Origin.ONION:
            return _with_plain_cookies(request, self.get_response)
        response = self.get_response(request)
        if origin is Origin.PUBLIC and settings.ONION_ORIGIN and _is_beginning(request, response):
            response.headers["Onion-Location"] = Origin.ONION.address + escape_uri_path(request.path)
        return response


def _refusal(request: OriginRequest) -> HttpResponse | None:
    """Return the answer to a request that its origin does not serve, None where it does."""
    staff_prefix = f"/{settings.ADMIN_PATH}"
    is_staff = f"{request.path_info}/".startswith(staff_prefix)
    if request.origin is Origin.STAFF and request.path_info == "/":
        return HttpResponseRedirect(staff_prefix)
    has_staff = request.origin is Origin.STAFF or (request.origin is Origin.PUBLIC and not settings.STAFF_ORIGIN)
    if (is_staff and not has_staff) or (request.origin is Origin.STAFF and not is_staff):
        return page_not_found(request, Http404())
    if is_staff and settings.STAFF_CLIENT_CERT and not _has_certificate(request):
        return render(request, "403.html", status=HTTPStatus.FORBIDDEN)
    if request.method not in _SAFE_METHODS and _comes_from_another(request):
        return csrf_failure(request)
    return None


def _has_certificate(request: HttpRequest) -> bool:
    shown = request.headers.get(CERTIFICATE_HEADER, "")
    return secrets.compare_digest(shown.encode(), settings.STAFF_CLIENT_CERT.encode())


def _comes_from_another(request: OriginRequest) -> bool:
    """Tell whether the browser names another origin of ours; Django's own check then refuses those of strangers.

    That one takes the public origin wherever the form was sent to.
    """
    named = request.headers.get("Origin") or request.headers.get("Referer", "")
    try:
        parts = urlsplit(named)
    except ValueError:
        return False
    sender = (parts.scheme.lower(), _host(parts.netloc))
    others = [urlsplit(origin.address) for origin in Origin if origin is not request.origin and origin.address]
    return sender in [(other.scheme, _host(other.netloc)) for other in others]


def _is_beginning(request: HttpRequest, response: HttpResponse) -> bool:
    """Tell whether a visitor may go on at the onion: on a public page, while no session holds what was typed here."""
    is_page = response.status_code == HTTPStatus.OK and response.headers.get("Content-Type", "").startswith("text/html")
    has_session = settings.REPORTER_COOKIE_NAME in (*request.COOKIES, *response.cookies)
    is_staff = request.path_info.startswith(f"/{settings.ADMIN_PATH}")
    return request.method in ("GET", "HEAD") and is_page and not has_session and not is_staff


def _with_plain_cookies(request: HttpRequest, get_response: Callable[[HttpRequest], HttpResponse]) -> HttpResponse:
    """Answer a request whose cookies have their plain names, and rename those of the answer.

    Not every browser keeps a cookie with Secure, or one whose prefix demands it, of an http address.
    """
    names = {name: name.removeprefix("__Host-") for name in (settings.REPORTER_COOKIE_NAME, settings.CSRF_COOKIE_NAME)}
    request.COOKIES = {name: request.COOKIES[plain] for name, plain in names.items() if plain in request.COOKIES}
    response = get_response(request)
    for name in [name for name in names if name in response.cookies]:
        cookie = response.cookies.pop(name)
        response.cookies[names[name]] = cookie.value
        response.cookies[names[name]].update({key: value for key, value in cookie.items() if key != "secure"})
    return response
