"""What a password must not be besides short: words that everybody at the office would try first, and what a list knows.

Both say what to do in place of it. They follow ASVS 6.2.11 and 6.2.12.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from complaints.models.oversight import OversightBody
from complaints.models.team import Staff

# Words about the portal itself; the labels of its address are added.
PORTAL_WORDS: Final = ("kanal netral", "netral", "netralitas", "pelapor", "whistleblower")
# Words of agencies and addresses that say nothing by themselves.
COMMON_WORDS: Final = frozenset({
    "and", "badan", "biro", "bidang", "daerah", "dan", "dinas", "direktorat", "instansi", "kabupaten", "kantor",
    "kecamatan", "kementerian", "kota", "localhost", "pemerintah", "provinsi", "republik", "satuan", "sekretariat",
    "the", "unit", "www",
})  # fmt: skip
# A shorter word is looked for as a word of its own only: its letters may meet by chance.
SHORTEST_PART: Final = 5
SHORTEST_WORD: Final = 3
# Guesses of an attacker who knows words, names, dates and keyboards; 10^10 is zxcvbn's "very unguessable".
FEWEST_GUESSES: Final = 10**10
# zxcvbn's time grows with the square of the length; what is longer is judged by its beginning.
JUDGED_CHARACTERS: Final = 72


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.casefold())


def _phrases(user: Staff | None) -> Iterator[str]:
    """Yield names and words that have to do with the portal, the bodies and the person."""
    yield from PORTAL_WORDS
    yield from (urlsplit(settings.PUBLIC_ORIGIN).hostname or "").split(".")
    for name, short_name in OversightBody.objects.values_list("name", "short_name"):
        yield from (name, short_name)
    if user is not None:
        yield from (user.get_full_name(), user.username, user.nip, user.agency)
        for text in (user.get_full_name(), user.username, user.agency):
            yield from _words(text)


def context_words(user: Staff | None) -> set[str]:
    """Return what a password must not hold, in small letters and without spaces; ``user`` is None for nobody."""
    joined = {"".join(_words(phrase)) for phrase in _phrases(user)}
    return {word for word in joined if len(word) >= SHORTEST_WORD and word not in COMMON_WORDS}


class ContextWordValidator:
    """Refuses a password that holds the name of the portal, of a body, or of the person and their agency."""

    def validate(self, password: str, user: Staff | None = None) -> None:
        """Raise ValidationError with the word; spaces, hyphens and capitals in the password do not count."""
        words, joined = _words(password), "".join(_words(password))
        for word in sorted(context_words(user), key=len, reverse=True):
            if word in words or (len(word) >= SHORTEST_PART and word in joined):
                text = _(
                    "“%(word)s” has to do with the portal, a body or yourself and would be tried first. Take words "
                    "that have nothing to do with your work."
                )
                raise ValidationError(text % {"word": word}, code="context_word")

    def get_help_text(self) -> str:
        """Return the rule for a person."""
        return _("Without the names of the portal, of a body, of yourself or your agency.")


class GuessableValidator:
    """Refuses a password that zxcvbn guesses early: its lists of leaked passwords, words and names, and patterns."""

    def validate(self, password: str, user: Staff | None = None) -> None:
        """Raise ValidationError where FEWEST_GUESSES would find the password."""
        # Its lists take 15 MiB and a fifth of a second to load; a process that changes no password goes without.
        from zxcvbn import zxcvbn

        known = sorted(context_words(user))
        # Without its spaces too: they hide from zxcvbn that a word comes again and again.
        texts = {text[:JUDGED_CHARACTERS] for text in (password, "".join(password.split()))}
        guesses = (zxcvbn(text, user_inputs=known, max_length=JUDGED_CHARACTERS)["guesses"] for text in texts if text)
        if min(guesses, default=0) < FEWEST_GUESSES:
            text = _(
                "This password can be guessed: it is made of what many people take, of a pattern, or of a repetition. "
                "Take four or five words that do not belong together."
            )
            raise ValidationError(text, code="guessable")

    def get_help_text(self) -> str:
        """Return the rule for a person."""
        return _("Four or five words that do not belong together are good.")
