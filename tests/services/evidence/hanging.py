"""A server between the portal and a real one that can be made to hang: it takes what comes and answers nothing."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator


class HangingProxy:
    """Passes TCP connections on to a port of this machine; while ``hangs`` is set, no byte of an answer comes back."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.hangs = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
                for source, target, is_answer in ((client, server, False), (server, client, True)):
                    threading.Thread(target=self._pass_on, args=(source, target, is_answer), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, is_answer: bool) -> None:
        with contextlib.suppress(OSError), source, target:
            while data := source.recv(65_536):
                if not (is_answer and self.hangs.is_set()):
                    target.sendall(data)

    def close(self) -> None:
        self._listener.close()


@contextlib.contextmanager
def hanging_proxy(port: int) -> Iterator[HangingProxy]:
    """Give a proxy in front of a port of this machine."""
    proxy = HangingProxy(port)
    try:
        yield proxy
    finally:
        proxy.close()
