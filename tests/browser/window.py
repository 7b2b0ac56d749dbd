"""A browser window as one person has it: own cookies, own history, and a record of everything that it asked for and
complained about."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.test import Client
from playwright.sync_api import BrowserContext, ConsoleMessage, Cookie, Download, Locator, Request, Response

TIMEOUT_MS = 30_000
Opener = Callable[..., "Window"]

# A violation without a line on the console of its own must not pass either.
_TELL = """document.addEventListener("securitypolicyviolation",
    (event) => console.error("CSP: " + event.violatedDirective + " " + event.blockedURI));"""
_LEFT = """async () => ({
    local: Object.keys(localStorage), session: Object.keys(sessionStorage), cookies: document.cookie,
    caches: await caches.keys(), databases: (await indexedDB.databases()).map((base) => base.name),
    workers: (await navigator.serviceWorker.getRegistrations()).length })"""
NOTHING_LEFT = {"local": [], "session": [], "cookies": "", "caches": [], "databases": [], "workers": 0}


class Window:
    """One person's window; ``complaints`` stays empty while all is well."""

    def __init__(self, context: BrowserContext, origin: str, may_leave_for: str = "") -> None:
        self.context, self.origin, self.may_leave_for = context, origin, may_leave_for
        self.asked: list[str] = []
        self.complaints: list[str] = []
        self.may_answer: set[int] = set()  # refusals that a test means to meet
        context.set_default_timeout(TIMEOUT_MS)
        context.add_init_script(_TELL)
        context.on("request", self._requested)
        context.on("response", self._answered)
        context.on("console", self._log)
        context.on("weberror", lambda error: self.complaints.append(f"uncaught: {error.error}"))
        self.page = context.new_page()

    def _requested(self, request: Request) -> None:
        self.asked.append(f"{request.method} {unquote(request.url)}")
        if not request.url.startswith(f"{self.origin}/") and request.url != self.may_leave_for:
            self.complaints.append(f"left the portal for {request.url}")
        address = urlsplit(request.url)
        if address.query and not address.path.startswith(f"/{settings.ADMIN_PATH}"):
            self.complaints.append(f"put something into an address: {request.url}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self.may_answer:
            self.complaints.append(f"{response.status} for {response.request.method} {response.url}")

    def _log(self, message: ConsoleMessage) -> None:
        meant = any(f"status of {status}" in message.text for status in self.may_answer)
        if message.type in {"error", "warning"} and not meant:
            self.complaints.append(f"console: {message.text}")

    def go(self, path: str) -> Window:
        """Type an address."""
        self.page.goto(f"{self.origin}{path}")
        return self

    def press(self, name: str) -> Window:
        """Press the button or follow the link of that name, and wait for the page behind it."""
        button = self.page.get_by_role("button", name=name, exact=True)
        return self.follow(button.or_(self.page.get_by_role("link", name=name, exact=True)))

    def follow(self, target: Locator) -> Window:
        """Press something that leads to a page, and wait until that page is complete."""
        with self.page.expect_navigation():
            target.click()
        return self

    @property
    def host(self) -> str:
        """The name of the server."""
        return urlsplit(self.origin).hostname or ""

    @property
    def path(self) -> str:
        """Where the window is."""
        return urlsplit(self.page.url).path

    @property
    def words(self) -> str:
        """The page's visible text, white space evened out."""
        return " ".join(self.page.locator("body").inner_text().split())

    @property
    def heading(self) -> str:
        """The page's one heading."""
        return " ".join(self.page.locator("h1").inner_text().split())

    def status_of(self, path: str) -> int:
        """Ask for a page beside the window, with its cookies; return the answer's status."""
        return self.context.request.get(f"{self.origin}{path}", max_redirects=0).status

    def download(self, press: Callable[[], None]) -> tuple[str, bytes]:
        """Press something that gives a file; return the name it would be saved under, and its bytes."""
        with self.page.expect_download() as waiting:
            press()
        saved: Download = waiting.value
        return saved.suggested_filename, saved.path().read_bytes()

    def cookie(self, name: str) -> Cookie | None:
        """Return one of the window's cookies."""
        return next((cookie for cookie in self.context.cookies() if cookie.get("name") == name), None)

    def puts_back(self, cookie: Cookie) -> None:
        """Give the window a cookie that it had before, as somebody who copied it would."""
        name, value, domain, path = cookie["name"], cookie["value"], cookie["domain"], cookie["path"]
        self.context.add_cookies([{"name": name, "value": value, "domain": domain, "path": path}])

    def takes_cookies(self, client: Client) -> None:
        """Give the window the cookies of a client of Django's."""
        self.context.add_cookies(
            [
                {"name": name, "value": morsel.value, "domain": self.host, "path": morsel["path"], "httpOnly": True}
                for name, morsel in client.cookies.items()
            ]
        )

    def left_behind(self) -> object:
        """Return what the pages left on the device beside HttpOnly cookies; a window with scripts only."""
        return self.page.evaluate(_LEFT)
