"""gunicorn's settings, for ``manage.py serve`` and for production nodes: gunicorn --config deploy/gunicorn.conf.py
portal.wsgi. Threads, because async servers and waitress spool plaintext bodies to disk. Log lines contain no address,
request or hour of a reporter."""

import contextlib
import ctypes
import logging
import os
import types
from pathlib import Path
from typing import Any

from gunicorn.glogging import Logger
from gunicorn.systemd import sd_notify

from complaints.adapters.confinement import keep_memory_private
from portal import environment

env = environment.load()

# The second listener is Tor's alone: portal/body_worker.py expects the PROXY line on it, and nowhere else.
# A third one serves the metrics and nothing else.
_places = (*env.str("BIND", "127.0.0.1:8000").split(","), env.str("ONION_BIND", ""), env.str("METRICS_BIND", ""))
bind = [place for place in _places if place]
# Django reads X-Forwarded-Proto itself where BEHIND_PROXY says so. gunicorn would believe it, and SCRIPT_NAME and
# PATH_INFO, from any process of this machine, and so from visitors of the onion.
secure_scheme_headers: dict[str, str] = {}
forwarder_headers = ""
# Its threads never wait for a head or a small body, and at most half as many more for files: portal/body_worker.py.
worker_class = "portal.body_worker.BodyWorker"
# Far below the usual 1024 open files of a process; when they are used up, the one that waited longest goes.
worker_connections = 500
workers = env.int("WEB_WORKERS", 2)
threads = env.int("WEB_THREADS", 16)
keepalive = 5
graceful_timeout = env.int("WEB_GRACEFUL_SECONDS", 30)
accesslog = None
errorlog = "-"
# gunicorn's control socket, in the home folder, would be another way to control the server.
control_socket_disable = True
# Workers touch a file as heartbeat, which on a busy disk can stall them; this folder is in memory.
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108
worker_tmp_dir = str(_SHARED_MEMORY) if os.access(_SHARED_MEMORY, os.W_OK) else None


# Where systemd starts the server, it goes on once a worker has loaded the portal; gunicorn would tell it before.
_NOTIFIED = os.environ.pop("NOTIFY_SOCKET", "")


def post_worker_init(worker: Any) -> None:
    """Tell systemd that the portal is served."""
    if _NOTIFIED:
        os.environ["NOTIFY_SOCKET"] = _NOTIFIED
        sd_notify("READY=1", worker.log, unset_environment=True)


def _reuse_large_blocks() -> None:
    """Let glibc reuse blocks of the size of an upload segment instead of asking the kernel for each.

    The page faults of fresh memory took longer than the encryption of its content. Other C libraries have no mallopt.
    """
    trim_threshold, top_pad, mmap_threshold = -1, -2, -3
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        for parameter, size in ((mmap_threshold, 8 << 20), (trim_threshold, 16 << 20), (top_pad, 4 << 20)):
            library.mallopt(parameter, size)


# The workers inherit both by fork.
_reuse_large_blocks()
keep_memory_private()


class _WithoutRequest(logging.Filter):
    """Replaces the lines in which gunicorn quotes an address, a header or a URL."""

    def filter(self, record: logging.LogRecord) -> bool:
        text = str(record.msg)
        for prefix, replacement in (
            ("Invalid request from", "A malformed request was refused"),
            ("Error handling request", "Error outside the portal while handling a request"),
        ):
            if text.startswith(prefix):
                record.msg, record.args = replacement, ()
        return True


class _WithoutMessages(logging.Formatter):
    """Formats a traceback without the text of the exception, which may quote what a reporter sent."""

    def formatException(self, ei: object) -> str:  # noqa: N802
        kind, _, trace = ei  # type: ignore[misc]
        frames = []
        while isinstance(trace, types.TracebackType):
            code = trace.tb_frame.f_code
            frames.append(f"  {code.co_filename}:{trace.tb_lineno} in {code.co_name}")
            trace = trace.tb_next
        return "\n".join([*frames, kind.__name__])


class DayLogger(Logger):
    """gunicorn's logger with the day instead of the time, and without anything of a request."""

    datefmt = "[%Y-%m-%d]"

    def setup(self, cfg: object) -> None:
        """Set up gunicorn's handlers, then add the filter and the formatter."""
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(_WithoutMessages(self.error_fmt, self.datefmt))
            handler.addFilter(_WithoutRequest())


logger_class = DayLogger
