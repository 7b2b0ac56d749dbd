"""Asks a proxy for the certificate that visitors are shown, and judges it as a browser does."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

_SECONDS: Final = 3.0
# Whoever renews certificates of 90 days does so a month before their end.
_NEAR_END: Final = timedelta(days=14)


@dataclass(frozen=True)
class Certificate:
    """The certificate for a name: its days, or what is wrong: "away" (nobody answers), "refused" (by browsers)."""

    name: str
    begins: datetime | None = None
    ends: datetime | None = None
    problem: str = ""

    def is_near_end(self, now: datetime) -> bool:
        """Whether it should have been renewed: 14 days before its end, of a short one in its last quarter."""
        if self.begins is None or self.ends is None:
            return False
        return self.ends - now < min(_NEAR_END, (self.ends - self.begins) / 4)


def shown_for(name: str, *, address: str, port: int) -> Certificate:
    """Return the certificate that the proxy at ``address`` shows to whoever asks for ``name``."""
    context = ssl.create_default_context()
    try:
        with (
            socket.create_connection((address, port), timeout=_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=name) as line,
        ):
            shown = line.getpeercert() or {}
    except ssl.SSLError:
        return Certificate(name, problem="refused")
    except OSError:
        return Certificate(name, problem="away")
    return Certificate(name, begins=_moment(str(shown["notBefore"])), ends=_moment(str(shown["notAfter"])))


def _moment(text: str) -> datetime:
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(text), UTC)
