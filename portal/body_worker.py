"""gunicorn's worker with threads, in which no thread waits for a head or for a small body, and few for files.

The loop receives each request: head and small body whole, in memory, before a thread sees it. A body that is larger, or
of unknown length, is read by a thread of a pool apart, at its pace; above that pool it is refused at once. Sizes and
pace are those of :mod:`portal.bodies`. Behind a proxy that buffers, the loop has each request in one piece.

A second listener, ONION_BIND, is Tor's. Its connections begin with the PROXY line, by which they are counted for their
circuit (:mod:`portal.circuits`); what only a proxy may say of a request is dropped from theirs. A third, METRICS_BIND,
serves :mod:`portal.metrics` alone.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from http import HTTPStatus
from selectors import EVENT_READ
from typing import Any, Final
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from gunicorn import http, util
from gunicorn.http.body import Body
from gunicorn.http.unreader import Unreader
from gunicorn.workers.gthread import TConn, ThreadWorker

from complaints.services.evidence.pooled_connection import give_back_connection
from portal.circuits import LINE_BYTES, LINE_END, TOO_MANY_REQUESTS, Circuits, read_circuit
from portal.request_head import Head, read_head

# Of all requests that have not come whole, in one process. Who began first goes first.
HELD_BYTES: Final = 32 * 1024 * 1024
# The largest page with its head, so that a thread hands it to the kernel and goes.
SEND_BUFFER_BYTES: Final = 256 * 1024
# A visitor who takes nothing of an answer for so long is left.
WRITE_SECONDS: Final = 20
# After an answer, what still comes is thrown away for so long, or the visitor's system would throw away the answer.
LINGER_SECONDS: Final = 3
LINGER_BYTES: Final = 16 * 1024 * 1024
# How long a worker that stops waits for the first byte on a new connection.
STOP_SECONDS: Final = 2
_PIECE: Final = 64 * 1024
_LARGE_PIECE: Final = 1024 * 1024
_SWEEP_SECONDS: Final = 0.5
# What a proxy tells of a request, by how it begins; over the onion nobody but the visitor can have written it.
_OF_PROXIES: Final = ("FORWARDED", "X-FORWARDED", "X-REAL-IP", "X-STAFF-CERTIFICATE")


class Connection(TConn):
    """A connection, what was received of its request, and how its body is judged."""

    parser: Any

    def __init__(self, cfg: Any, sock: socket.socket, client: Any, server: Any, *, is_onion: bool = False) -> None:
        super().__init__(cfg, sock, client, server)
        self.is_onion = is_onion
        self.circuit: int | None = None
        # Called once, by whomever the connection is closed.
        self.on_close: Callable[[Connection], None] | None = None
        # Has gunicorn not wait in a thread for the first byte.
        self.data_ready = True
        self.reader = Reader(self)
        self.lingered = 0
        self.begin(bytearray(), 0.0)

    def begin(self, received: bytearray, until: float) -> None:
        """Wait for a request, whose head has to be whole at ``until``."""
        self.received = received
        self.until = until
        self.head: Head | None = None
        self.pace: Any = None
        self.for_files = False
        self.refusal: HTTPStatus | None = None

    def close(self, graceful: bool = False) -> None:
        """Close the connection, and have it forgotten."""
        on_close, self.on_close = self.on_close, None
        super().close(graceful)
        if on_close is not None:
            on_close(self)

    def init(self) -> None:
        """Give the parser what was received; called by gunicorn in the thread, for each request."""
        self.sock.settimeout(WRITE_SECONDS)
        if self.parser is None:
            self.parser = http.get_parser(self.cfg, self.sock, self.client)
            self.parser.unreader = self.reader
        self.initialized = True
        self.reader.unread(bytes(self.received))
        self.received = bytearray()


class Reader(Unreader):
    """Reads what the loop has received; of a body with files also the socket, at its pace."""

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self._connection = connection

    def chunk(self, size_hint: int | None = None) -> bytes:
        """Return what comes next, b"" where nothing may come. Raises TimeoutError where it comes too slowly."""
        connection = self._connection
        if not connection.for_files:
            return b""
        # In the time that a slow file takes, others need the connection to the database.
        give_back_connection()
        try:
            seconds = connection.pace.until - time.monotonic()
            if seconds <= 0:
                raise TimeoutError
            connection.sock.settimeout(seconds)
            data: bytes = connection.sock.recv(min(max(size_hint or 0, _PIECE), _LARGE_PIECE))
        except TimeoutError:
            connection.refusal = HTTPStatus.REQUEST_TIMEOUT
            raise
        finally:
            connection.sock.settimeout(WRITE_SECONDS)
        connection.pace.received(len(data), time.monotonic())
        return data


class JudgedBody(Body):
    """``wsgi.input``, which tells why the worker refuses the request."""

    def __init__(self, reader: Any, connection: Connection) -> None:
        super().__init__(reader)
        self._connection = connection

    @property
    def refusal(self) -> HTTPStatus | None:
        """Return the status to answer with, None where the request is taken."""
        return self._connection.refusal

    @property
    def is_onion(self) -> bool:
        """Return whether the request came over the onion's listener."""
        return self._connection.is_onion

    @property
    def place(self) -> object:
        """Return where the listener listens that the request came over."""
        return _place_of(self._connection.server)


class BodyWorker(ThreadWorker):
    """Two pools of threads: ``threads`` for requests that are whole, half as many for bodies with files."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.file_threads: int = max(1, self.cfg.threads // 2)
        self.files_running = 0
        self.held_bytes = 0
        self.swept = 0.0
        self.onion_listeners: list[socket.socket] = []
        self.onion_connections = 0
        # Whoever builds many circuits still leaves half of the threads for files to the public listener.
        self.circuits = Circuits(files=max(1, self.file_threads // 2))
        # In the order in which they began.
        self.receiving: dict[Connection, None] = {}
        self.lingering: dict[Connection, None] = {}

    def init_process(self) -> None:
        """Make the pool for files before gunicorn's, then run."""
        self.file_pool = ThreadPoolExecutor(max_workers=self.file_threads)
        super().init_process()

    def load_wsgi(self) -> None:
        """Load the portal, and only then the table of bodies, which needs its settings and addresses."""
        super().load_wsgi()
        from portal import bodies

        self.bodies = bodies
        bodies.takes_files("")
        self._find_listeners()

    def _find_listeners(self) -> None:
        """Find the listeners for Tor and for the metrics: the portal is told which requests came over the first, and
        gets none that came over the second.

        Raises RuntimeError where one is configured and does not listen: it would answer as the public one.
        """
        from portal import metrics
        from portal.origins import ONION_LISTENER

        self.onion_listeners, inner = self._listening_at("ONION_BIND"), self._listening_at("METRICS_BIND")
        if not (self.onion_listeners or inner):
            return
        inner_places = [_place_of(listener.getsockname()) for listener in inner]
        application: WSGIApplication = self.app.wsgi()

        def told(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            if environ["wsgi.input"].place in inner_places:
                return metrics.application(environ, start_response)
            environ[ONION_LISTENER] = environ["wsgi.input"].is_onion
            return application(environ, start_response)

        self.wsgi = told

    def _listening_at(self, name: str) -> list[socket.socket]:
        """Return the listeners at the place that a setting names; none where it is empty."""
        from django.conf import settings

        if not getattr(settings, name):
            return []
        place = util.parse_address(getattr(settings, name))
        listeners = [listener for listener in self.sockets if _place_of(listener.getsockname()) == place]
        if not listeners:
            text = f"Nothing listens at {name}. It belongs into the environment of gunicorn, beside BIND."
            # The log leaves out the text of an exception.
            self.log.critical(text)
            raise RuntimeError(text)
        return listeners

    def run(self) -> None:
        """Run until the end, then let go of the pool for files."""
        super().run()
        self.file_pool.shutdown(wait=False)

    # --- Receiving, in the loop

    def accept(self, listener: socket.socket) -> None:
        """Accept a connection; where there are too many, the one that waited longest goes."""
        try:
            client_socket, client = listener.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                self._make_room()
            elif error.errno not in (errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK):
                raise
            return
        self.nr_conns += 1
        is_onion = listener in self.onion_listeners
        self.onion_connections += is_onion
        # Visitors of the onion have half of the places at most, and lose them to each other alone.
        if is_onion and self.onion_connections > self.worker_connections // 2:
            self._make_room(is_onion=True)
        elif self.nr_conns >= self.worker_connections:
            self._make_room()
        client_socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        conn = Connection(self.cfg, client_socket, client, listener.getsockname(), is_onion=is_onion)
        if is_onion:
            conn.on_close = self._left
        self._receive(conn)

    def on_client_socket_readable(self, conn: Connection, client: socket.socket) -> None:
        """Receive the next request on a kept connection."""
        if conn not in self.keepalived_conns:
            return
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        self._receive(conn)

    def _receive(self, conn: Connection, received: bytes = b"") -> None:
        conn.begin(bytearray(received), time.monotonic() + self.bodies.HEAD_SECONDS)
        conn.sock.setblocking(False)
        self.receiving[conn] = None
        self.held_bytes += len(received)
        self.poller.register(conn.sock, EVENT_READ, partial(self._on_readable, conn))
        if received:
            self._judge(conn)

    def _on_readable(self, conn: Connection, client: socket.socket) -> None:
        if conn not in self.receiving:
            # Another event of the same round has made room by it.
            return
        try:
            data = client.recv(_PIECE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self._drop(conn)
            return
        conn.received += data
        self.held_bytes += len(data)
        if conn.head is not None:
            conn.pace.received(len(data), time.monotonic())
        self._judge(conn)
        while self.held_bytes > HELD_BYTES and self.receiving:
            self._drop(next(iter(self.receiving)))

    def _judge(self, conn: Connection) -> None:
        """Hand a request on as soon as it is known where it goes; otherwise wait for more of it."""
        if conn.is_onion and conn.circuit is None and not self._find_circuit(conn):
            return
        if conn.head is None:
            conn.head = read_head(conn.received)
            if conn.head is None:
                if len(conn.received) > self.bodies.HEAD_BYTES:
                    self._drop(conn)
                return
            if not self._begin_body(conn, conn.head):
                return
        if len(conn.received) >= conn.head.begins + (conn.head.length or 0):
            self._hand_on(conn)

    def _find_circuit(self, conn: Connection) -> bool:
        """Take the PROXY line off; return whether the connection goes on. Whoever is not Tor is left."""
        end = conn.received.find(LINE_END, 0, LINE_BYTES)
        if end < 0 and len(conn.received) < LINE_BYTES:
            return False
        number = read_circuit(bytes(conn.received[:end])) if end >= 0 else None
        if number is None:
            self._drop(conn)
            return False
        del conn.received[: end + len(LINE_END)]
        self.held_bytes -= end + len(LINE_END)
        conn.circuit = number
        if not self.circuits.open(number, time.monotonic()):
            self._drop(conn)
            return False
        return True

    def _begin_body(self, conn: Connection, head: Head) -> bool:
        """Judge a request by its head; return whether the rest of it is still to be received here."""
        now = time.monotonic()
        if conn.circuit is not None and not self.circuits.take_request(conn.circuit, now):
            # Without a thread: that is what a flood would be after.
            self._forget(conn)
            with contextlib.suppress(OSError):
                conn.sock.send(TOO_MANY_REQUESTS)
            self._linger(conn)
            return False
        conn.pace = self.bodies.Pace.begun(now)
        if self._is_large(conn, head):
            return False
        if head.awaits_go and len(conn.received) == head.begins:
            with contextlib.suppress(OSError):
                conn.sock.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        return True

    def _is_large(self, conn: Connection, head: Head) -> bool:
        """Hand on a request with a body that is not taken whole into memory; return whether it was one."""
        if head.length is not None and head.length <= self.bodies.SMALL_BYTES:
            return False
        takes_files = self.bodies.takes_files(head.path)
        if head.length is None and not takes_files:
            conn.refusal = HTTPStatus.LENGTH_REQUIRED
        elif (head.length or 0) > self.bodies.largest_body(head.path):
            conn.refusal = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        elif self.files_running >= self.file_threads or not self._may_send_files(conn):
            conn.refusal = HTTPStatus.SERVICE_UNAVAILABLE
        else:
            conn.for_files = True
        self._hand_on(conn)
        return True

    def _may_send_files(self, conn: Connection) -> bool:
        return conn.circuit is None or self.circuits.may_send_files(conn.circuit)

    def _count_files(self, conn: Connection, change: int) -> None:
        self.files_running += change
        if conn.circuit is not None:
            self.circuits.count_files(conn.circuit, change)

    def _hand_on(self, conn: Connection) -> None:
        self._forget(conn)
        self._count_files(conn, +conn.for_files)
        pool = self.file_pool if conn.for_files else self.tpool
        running = pool.submit(self.handle, conn)
        running.add_done_callback(lambda done: self.method_queue.defer(self.finish_request, conn, done))

    # --- In a thread

    def handle_request(self, req: Any, conn: Connection) -> bool:
        """Answer a request. A connection of which the body may be unread is not kept."""
        if conn.for_files or conn.refusal:
            req.force_close()
        if conn.refusal:
            # gunicorn would tell the sender to go on before it is refused.
            req._expected_100_continue = False
        if conn.is_onion:
            req.headers = [(name, value) for name, value in req.headers if not name.startswith(_OF_PROXIES)]
        req.body = JudgedBody(req.body.reader, conn)
        try:
            return bool(super().handle_request(req, conn))
        except TimeoutError:
            # Who sent the request does not take the answer.
            return False

    # --- Afterwards, in the loop

    def finish_request(self, conn: Connection, fs: Future[bool]) -> None:
        """Keep the connection, or end it without waiting for it here."""
        self._count_files(conn, -conn.for_files)
        kept = not fs.cancelled() and fs.exception() is None and fs.result()
        rest = conn.reader.take_buffered() if kept else b""
        if not kept:
            self._linger(conn)
        elif rest:
            self._receive(conn, rest)
        else:
            super().finish_request(conn, fs)

    def _linger(self, conn: Connection) -> None:
        try:
            conn.sock.setblocking(False)
            conn.sock.shutdown(socket.SHUT_WR)
            self.poller.register(conn.sock, EVENT_READ, partial(self._on_lingering, conn))
        except (OSError, ValueError):
            self._close(conn)
            return
        conn.until = time.monotonic() + LINGER_SECONDS
        self.lingering[conn] = None

    def _on_lingering(self, conn: Connection, client: socket.socket) -> None:
        if conn not in self.lingering:
            return
        try:
            size = len(client.recv(_PIECE))
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            size = 0
        conn.lingered += size
        if not size or conn.lingered > LINGER_BYTES:
            self._drop(conn)

    # --- Ends

    def murder_pending(self) -> None:
        """End what comes too late; gunicorn calls it in each round of the loop, stopping or not."""
        super().murder_pending()
        now = time.monotonic()
        if now - self.swept < _SWEEP_SECONDS:
            return
        self.swept = now
        self.circuits.forget(now)
        for conn in [conn for conn in self.lingering if conn.until < now]:
            self._drop(conn)
        # At a stop nothing is expected any more on a connection that has been silent for a while.
        silent = now if self.alive else now + self.bodies.HEAD_SECONDS - STOP_SECONDS
        for conn in list(self.receiving):
            if conn.head is None and conn.until < (now if conn.received else silent):
                self._drop(conn)
            elif conn.head is not None and conn.pace.until < now:
                conn.refusal = HTTPStatus.REQUEST_TIMEOUT
                self._hand_on(conn)

    def _make_room(self, *, is_onion: bool = False) -> None:
        """Close the connection that is missed least: one that lingers, a kept one without a request, the oldest.

        With ``is_onion`` that of those over the onion.
        """
        for group in (self.lingering, self.keepalived_conns, self.receiving):
            conn = next((conn for conn in group if conn.is_onion or not is_onion), None)
            if conn is not None:
                if conn in self.keepalived_conns:
                    self.keepalived_conns.remove(conn)
                self._drop(conn)
                return

    def _drop(self, conn: Connection) -> None:
        self._forget(conn)
        self._close(conn)

    def _forget(self, conn: Connection) -> None:
        """Take a connection out of the loop."""
        if conn in self.receiving:
            del self.receiving[conn]
            self.held_bytes -= len(conn.received)
        self.lingering.pop(conn, None)
        self.poller.unregister(conn.sock)

    def _close(self, conn: Connection) -> None:
        self.nr_conns -= 1
        conn.close()

    def _left(self, conn: Connection) -> None:
        """Forget a connection over the onion that was closed, by whomever."""
        self.onion_connections -= 1
        if conn.circuit is not None:
            self.circuits.close(conn.circuit)


def _place_of(name: object) -> object:
    """Return the name of a listener's socket as gunicorn reads an address: host and port, or the path of a socket."""
    return name[:2] if isinstance(name, tuple) else name
