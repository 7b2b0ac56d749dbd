"""The quick exit: it ends what is open in this browser and leads away; and the page that says what it can do.

It is a plain link, because ``form-action 'self'`` also stops the redirect after a POST. What a GET may change here, and
why no other site can make it happen, says ADR 0073.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpResponse, HttpResponseForbidden, HttpResponseRedirect
from django.utils.cache import add_never_cache_headers
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_safe

from complaints.page_cache import still_page
from complaints.services import parked_drafts
from complaints.views import ReporterRequest, parking

# What a browser says of a request that a person made on one of our pages, or by typing the address.
_OWN: Final = ("same-origin", "none")
_AHEAD: Final = ("Sec-Purpose", "Purpose", "X-Moz")


def end_session(request: ReporterRequest, response: HttpResponse) -> HttpResponse:
    """Close the ticket or the unfinished report of this browser, delete its files, and let the browser forget."""
    parked_drafts.leave(session=request.reporter)
    request.reporter.end()
    if request.is_secure():  # browsers take it over https alone
        # Also what a browser kept of the pages in spite of no-store, to show it on "Back". Not "cookies": it would end
        # the session of an officer in the same browser. The reporter's cookie is deleted by its name.
        response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


@require_safe
def quick_exit(request: ReporterRequest) -> HttpResponse:
    """Lead to the site that the operator chose, and end the session where a person on our own pages asked for it."""
    if any("prefetch" in request.headers.get(name, "").lower() for name in _AHEAD):
        # A browser that looks ahead must neither end anything nor keep an answer.
        return HttpResponseForbidden()
    response = HttpResponseRedirect(settings.EXIT_URL, status=303)
    response.headers["Referrer-Policy"] = "no-referrer"
    add_never_cache_headers(response)
    if request.method != "GET" or not _is_own(request):
        return response
    response.delete_cookie(settings.CSRF_COOKIE_NAME, samesite="Strict")
    return end_session(request, response)


def _is_own(request: ReporterRequest) -> bool:
    """Whether a person asked on one of our pages, or by typing the address.

    An older browser does not say so. It sends the reporter's cookie to nobody else's request (``SameSite``), and names
    our page as the referrer; otherwise another site could make it throw away its cache, and the cookie of the forms.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in _OWN
    referrer = request.headers.get("Referer", "")
    is_ours = url_has_allowed_host_and_scheme(referrer, {request.get_host()}, require_https=request.is_secure())
    return is_ours or settings.REPORTER_COOKIE_NAME in request.COOKIES


def explained(request: ReporterRequest) -> HttpResponse:
    """Say what the quick exit does and what it cannot undo, how to open a private window, and let one try it."""
    drafted, may_wait = "draft" in request.reporter, parking.may_wait(request)
    site = urlsplit(settings.EXIT_URL).hostname or ""
    context = {"site": site, "drafted": drafted, "may_wait": may_wait}
    return still_page(request, "public/exit", lambda: dict(context), (site, drafted, may_wait))
