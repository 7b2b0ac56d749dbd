"""The attack by a thief of a password, who guesses at the second factor from many addresses.

The thief is as lucky as one could be: now and then the code is the right one. It takes no time between the codes,
since the portal accepts those of a half minute before and after. tests/security/attacks/factor.py has the long form.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from itertools import count

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.hotp import HOTP

from bench.attack.target import Account, Target
from bench.client import Browser

OFFICE = "/kantor/"
LOGIN = "/kantor/masuk/"
FACTOR = "/kantor/masuk/faktor/"
PERIOD = 30
# After so many wrong codes a sign-in has ended, and after so many of a day one code is not enough: docs/adr/0033.
MOST_WRONG_CODES, SINGLE_CODES = 5, 10
# Sign-ins after that, each with a right code in another place.
ROUNDS = 6


class Thief:
    """Signs in with a password again and again; every request comes from another address."""

    def __init__(self, target: Target, account: Account) -> None:
        """Take the account whose password the thief knows; the codes of its app are luck."""
        self.account = account
        self._target = target
        # RFC 6238, as docs/adr/0017 has it.
        self._app = HOTP(base64.b32decode(account.secret), 6, SHA1(), enforce_key_length=False)  # noqa: S303  RFC 6238
        self._addresses: Iterator[str] = (f"203.0.{number // 250}.{number % 250 + 1}" for number in count())
        self._guesses = (number % 1_000_000 for number in count(100_000, 7_919))

    def at_factor(self) -> tuple[Browser, str]:
        """Return a browser in which the password was given, and its CSRF token.

        Raises RuntimeError where no code is asked for.
        """
        browser = self._target.browser()
        browser.has_assets = True
        browser.source = next(self._addresses)
        form = browser.open(LOGIN).hidden()
        answer = browser.post_to(LOGIN, {**form, "login": self.account.username, "password": self.account.password})
        if answer.status != 302 or FACTOR not in answer.location:
            raise RuntimeError(f"The password led to {answer.status} {answer.location}, so that nothing was tried.")
        return browser, form.get("csrfmiddlewaretoken", "")

    def give(self, browser: Browser, token: str, code: str) -> None:
        """Give a code from an address of its own; raises RuntimeError where the portal did not look at it."""
        browser.source = next(self._addresses)
        answer = browser.post_to(FACTOR, {"csrfmiddlewaretoken": token, "code": code})
        if answer.status not in (200, 302):
            raise RuntimeError(f"{answer.status} for a code, so that nothing was tried.")

    def right(self, *, steps: int = 1) -> list[str]:
        """Return the last ``steps`` codes that the app showed, that of now at the end."""
        present = int(time.time()) // PERIOD
        shown = range(present - steps + 1, present + 1)
        return [self._app.generate(step).decode() for step in shown]

    def wrong(self) -> str:
        """Return a code that the app neither shows now nor showed or will show within minutes."""
        present = int(time.time()) // PERIOD
        near = {int(self._app.generate(present + step)) for step in range(-5, 6)}
        return next(f"{number:06}" for number in self._guesses if number not in near)


def is_in(browser: Browser) -> bool:
    """Whether a browser shows the office."""
    return browser.request("GET", OFFICE).status == 200


def factor_tries(target: Target) -> int:
    """Return how many sign-ins went further than they may, and 1 more where the owner does not get in afterwards.

    Counted are those that accept a code after five wrong ones, a right code alone after the tenth wrong one of a day,
    or a wrong code.
    """
    thief = Thief(target, target.account())
    entered = 0
    for _sign_in in range(SINGLE_CODES // MOST_WRONG_CODES):
        wrong = [thief.wrong() for _code in range(MOST_WRONG_CODES)]
        entered += _gets_in(thief, [*wrong, *thief.right()])
    for number in range(ROUNDS):
        entered += _gets_in(thief, _not_successive(thief, number))
    if not _gets_in(thief, thief.right(steps=2), is_owner=True):
        print("not let in: the owner with two successive codes")
        return entered + 1
    return entered


def _not_successive(thief: Thief, number: int) -> list[str]:
    (right,), wrong = thief.right(), thief.wrong()
    codes = ([right], [right, wrong], [wrong, right], [right, right], [right, wrong, right], [wrong, wrong, right])
    return codes[number % len(codes)]


def _gets_in(thief: Thief, codes: list[str], *, is_owner: bool = False) -> bool:
    """Sign in and give the codes one after the other; return whether one of them opened the office."""
    browser, token = thief.at_factor()
    for number, code in enumerate(codes, 1):
        thief.give(browser, token, code)
        if is_in(browser):
            if not is_owner:
                print(f"let in: the thief, by code {number} of {len(codes)}")
            return True
    return False
