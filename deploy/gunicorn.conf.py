"""gunicorn for the portal: threads, because every async server and waitress spool plaintext bodies to disk.
No line it writes names a reporter's address, request or hour. `manage.py serve` and a production node use it:
gunicorn --config deploy/gunicorn.conf.py portal.wsgi"""

import contextlib
import ctypes
import logging
import os
import types
from pathlib import Path

from gunicorn.glogging import Logger

bind = os.environ.get("BIND", "127.0.0.1:8000")
worker_class = "gthread"
workers = int(os.environ.get("WEB_WORKERS", "2"))
# 16 threads: slow uploaders hold one each, and fewer made other people wait seconds.
threads = int(os.environ.get("WEB_THREADS", "16"))
keepalive = 5
graceful_timeout = int(os.environ.get("WEB_GRACEFUL_SECONDS", "30"))
accesslog = None
errorlog = "-"
# Its control socket would be a second door, in the home folder.
control_socket_disable = True
# gunicorn touches a file as a sign of life; on a busy disk that alone can stall a worker.
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108
worker_tmp_dir = str(_SHARED_MEMORY) if os.access(_SHARED_MEMORY, os.W_OK) else None


def _reuse_large_blocks() -> None:
    """Let glibc keep blocks of a segment's size instead of asking the kernel for each: every fresh page costs a fault,
    which took longer than encrypting what it held. Other C libraries are left alone."""
    trim_threshold, top_pad, mmap_threshold = -1, -2, -3
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        for what, size in ((mmap_threshold, 8 << 20), (trim_threshold, 16 << 20), (top_pad, 4 << 20)):
            library.mallopt(what, size)


# The workers inherit it.
_reuse_large_blocks()


class _WithoutRequest(logging.Filter):
    """Replaces the lines in which gunicorn quotes an address, a header or a URL."""

    def filter(self, record: logging.LogRecord) -> bool:
        text = str(record.msg)
        for quoting, instead in (
            ("Invalid request from", "A malformed request was refused"),
            ("Error handling request", "Error outside the portal while handling a request"),
        ):
            if text.startswith(quoting):
                record.msg, record.args = instead, ()
        return True


class _WithoutMessages(logging.Formatter):
    """Formats a traceback without the exceptions' own texts, which may quote what a reporter sent."""

    def formatException(self, ei: object) -> str:  # noqa: N802
        kind, _, trace = ei  # type: ignore[misc]
        frames = []
        while isinstance(trace, types.TracebackType):
            code = trace.tb_frame.f_code
            frames.append(f"  {code.co_filename}:{trace.tb_lineno} in {code.co_name}")
            trace = trace.tb_next
        return "\n".join([*frames, kind.__name__])


class DayLogger(Logger):
    """gunicorn's logger with the day alone as its time, and without anything of a request."""

    datefmt = "[%Y-%m-%d]"

    def setup(self, cfg: object) -> None:
        """Set gunicorn's handlers up, then take from them what must not be written."""
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(_WithoutMessages(self.error_fmt, self.datefmt))
            handler.addFilter(_WithoutRequest())


logger_class = DayLogger
