"""Tor's circuits: who is whom on the onion's listener, where every visitor has the address of the same daemon.

Tor writes the circuit of each connection before its first byte, as a line of the PROXY protocol (torrc:
``HiddenServiceExportCircuitID haproxy``). A visitor has one circuit at a time, and pays for another one with time. The
numbers live in the memory of a process, reach no request and no log, and are forgotten within a minute of the last use.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Final

# The longest line of version 1 of the PROXY protocol, with its end.
LINE_BYTES: Final = 107
LINE_END: Final = b"\r\n"
# Tor's own network of addresses that are none: the number of the circuit stands in their last 32 bits.
_NETWORK: Final = ipaddress.IPv6Network("fc00:dead:beef:4dad::/64")
_WORDS: Final = 6
# Tor Browser opens at most six to a site; the others are about to end.
CONNECTIONS: Final = 12
# A report with all its pages and their style sheets takes about 40 requests, and a file sent in pieces about as many a
# second as megabytes a second come through the circuit.
BURST: Final = 120
REQUESTS_PER_SECOND: Final = 5
RETRY_SECONDS: Final = 10
_FORGOTTEN_SECONDS: Final = BURST / REQUESTS_PER_SECOND

_PAGE: Final = (
    b'<!doctype html><html lang="id"><meta name="viewport" content="width=device-width">'
    b"<title>Terlalu banyak permintaan</title><h1>Terlalu banyak permintaan</h1>"
    b"<p>Terlalu banyak permintaan datang lewat sambungan Tor Anda. Yang baru saja Anda kirim tidak diproses. Tunggu "
    b"sepuluh detik, lalu muat ulang halaman ini: peramban akan mengirimkannya sekali lagi.</p>"
    b'<p lang="en">Too many requests came over your Tor connection. What you just sent was not processed. Wait ten '
    b"seconds, then load this page again: your browser will send it once more.</p></html>"
)
TOO_MANY_REQUESTS: Final = (
    b"HTTP/1.1 429 Too Many Requests\r\nContent-Type: text/html; charset=utf-8\r\nCache-Control: no-store\r\n"
    b"Content-Security-Policy: default-src 'none'\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n"
    b"Retry-After: %d\r\nContent-Length: %d\r\n\r\n%s" % (RETRY_SECONDS, len(_PAGE), _PAGE)
)


def read_circuit(line: bytes) -> int | None:
    """Return the number of the circuit in a PROXY line without its end, None where it is not one of Tor's."""
    words = line.split(b" ")
    if len(words) != _WORDS or words[:2] != [b"PROXY", b"TCP6"]:
        return None
    try:
        address = ipaddress.IPv6Address(words[2].decode("ascii"))
    except ValueError:
        return None
    return int(address) & 0xFFFFFFFF if address in _NETWORK else None


@dataclass
class _Circuit:
    """Open connections, bodies with files on their way, requests left at ``at`` (seconds of time.monotonic)."""

    at: float
    left: float = BURST
    connections: int = 0
    files: int = 0


class Circuits:
    """What one process knows of the circuits that reach it."""

    def __init__(self, *, files: int) -> None:
        """Let all circuits together send ``files`` bodies with files at once, and each half of them, at least one."""
        self._files = files
        self._files_of_each = max(1, files // 2)
        self._sending = 0
        self._known: dict[int, _Circuit] = {}

    def __len__(self) -> int:
        return len(self._known)

    def open(self, number: int, now: float) -> bool:
        """Note a connection; return whether it is taken. :meth:`close` is due either way."""
        circuit = self._known.setdefault(number, _Circuit(now))
        circuit.connections += 1
        return circuit.connections <= CONNECTIONS

    def close(self, number: int) -> None:
        """Note that a connection ended."""
        self._known[number].connections -= 1

    def take_request(self, number: int, now: float) -> bool:
        """Note a request; return whether it is answered."""
        circuit = self._known[number]
        circuit.left = min(BURST, circuit.left + (now - circuit.at) * REQUESTS_PER_SECOND)
        circuit.at = now
        if circuit.left < 1:
            return False
        circuit.left -= 1
        return True

    def may_send_files(self, number: int) -> bool:
        """Tell whether the circuit leaves threads for files to others, and all circuits to the public listener."""
        return self._sending < self._files and self._known[number].files < self._files_of_each

    def count_files(self, number: int, change: int) -> None:
        """Note that a body with files begins (1) or ends (-1)."""
        self._sending += change
        self._known[number].files += change

    def forget(self, now: float) -> None:
        """Forget the circuits that have no connection, and may make as many requests as new ones."""
        gone = [n for n, c in self._known.items() if not c.connections and now - c.at >= _FORGOTTEN_SECONDS]
        for number in gone:
            del self._known[number]
