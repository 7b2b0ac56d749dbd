"""Child processes that are ended reliably, for the commands ``serve`` and ``work``.

Each child leads its own process group, so that the processes which it starts are ended with it.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from types import FrameType

PR_SET_PDEATHSIG = 1
POLL_SECONDS = 0.1
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequest:
    """True once this process received a signal to end; a plain flag, because signal handlers must not take locks."""

    def __init__(self) -> None:
        self._is_requested = False
        for number in ENDING_SIGNALS:
            # nohup ignores SIGHUP, and a handler of ours would undo that.
            if signal.getsignal(number) is not signal.SIG_IGN or number == signal.SIGINT:
                signal.signal(number, self._note)

    def __bool__(self) -> bool:
        return self._is_requested

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._is_requested = True

    def sleep(self, seconds: float) -> None:
        """Sleep for ``seconds`` or until the request comes."""
        until = time.monotonic() + seconds
        while not self._is_requested and time.monotonic() < until:
            time.sleep(POLL_SECONDS)


class Child:
    """A child process and the process group that it leads."""

    def __init__(self, command: Sequence[str], *, cwd: str, pass_fds: Sequence[int] = ()) -> None:
        """Start ``command`` in the folder ``cwd`` with these descriptors; raises OSError where it cannot be started."""
        self.started = time.monotonic()
        # In a new session the terminal's Ctrl-C reaches the parent only, which ends its children in order.
        # preexec_fn is safe here because the commands run no threads.
        self._process = subprocess.Popen(  # noqa: S603
            list(command), cwd=cwd, start_new_session=True, preexec_fn=_end_with_parent, pass_fds=pass_fds
        )
        self.pid = self._process.pid  # the id of its group as well

    @property
    def age(self) -> float:
        return time.monotonic() - self.started

    def running(self) -> bool:
        """Tell whether the child runs, without reaping it, so that its id is not reused before :meth:`end`."""
        if self._process.returncode is not None:
            return False
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None

    def ask_to_end(self) -> None:
        """Send SIGTERM to the child alone, which ends the processes that it started."""
        if self.running():
            os.kill(self.pid, signal.SIGTERM)

    def end(self, *, within: float) -> int:
        """Wait up to ``within`` seconds, then kill what is left of the group; return the child's exit status."""
        until = time.monotonic() + within
        while self.running() and time.monotonic() < until:
            time.sleep(POLL_SECONDS)
        return self.kill()

    def kill(self) -> int:
        """Kill the group at once and return the exit status of the child."""
        if self._process.returncode is None:
            # The id cannot belong to another process yet, because the child is not reaped.
            # macOS returns EPERM for a group of which only an unreaped process is left.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
        return self._process.wait()


def _end_with_parent() -> None:
    """Let the kernel send SIGTERM to the child when its parent is killed (SIGKILL, out of memory)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
