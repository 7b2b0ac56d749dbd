"""Tor as a visitor and the portal see it: SOCKS in front, behind it a connection that begins with the PROXY line."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

from tests.webserver import HOST, PATIENCE, circuit_line

_GREETING = b"\x05\x01\x00"
_TAKEN = b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"


@contextlib.contextmanager
def tor(onion_port: int, names: list[str]) -> Iterator[str]:
    """Give the address of a SOCKS proxy with one circuit to the portal; it notes the ``names`` that are asked for."""
    with socket.create_server((HOST, 0)) as listener:
        threading.Thread(target=_accept, args=(listener, onion_port, names), daemon=True).start()
        yield f"socks5://{HOST}:{listener.getsockname()[1]}"


def _accept(listener: socket.socket, onion_port: int, names: list[str]) -> None:
    with contextlib.suppress(OSError):
        while True:
            visitor, _address = listener.accept()
            threading.Thread(target=_connect, args=(visitor, onion_port, names), daemon=True).start()


def _exactly(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size and (piece := sock.recv(size - len(data))):
        data += piece
    return data


def _connect(visitor: socket.socket, onion_port: int, names: list[str]) -> None:
    with visitor, contextlib.suppress(OSError):
        _exactly(visitor, len(_GREETING))
        visitor.sendall(b"\x05\x00")
        # Version, command, reserved, kind of address (3: a name), its length.
        length = _exactly(visitor, 5)[4]
        names.append(_exactly(visitor, length + 2)[:-2].decode())
        visitor.sendall(_TAKEN)
        with socket.create_connection((HOST, onion_port), timeout=PATIENCE) as portal:
            portal.sendall(circuit_line(7))
            forth = threading.Thread(target=_pipe, args=(visitor, portal), daemon=True)
            forth.start()
            _pipe(portal, visitor)
            forth.join()


def _pipe(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
