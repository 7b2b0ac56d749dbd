"""Child processes that end for certain. Each child leads a process group of its own, so that whatever it
starts in turn can be ended with it. Only the commands `serve` and `work` use this."""

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
    """Becomes true when somebody asks this process to end. A plain flag: handlers must not take locks."""

    def __init__(self) -> None:
        self._asked = False
        for number in ENDING_SIGNALS:
            # nohup ignores SIGHUP on purpose; taking it back would undo that.
            if signal.getsignal(number) is not signal.SIG_IGN or number == signal.SIGINT:
                signal.signal(number, self._note)

    def __bool__(self) -> bool:
        return self._asked

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._asked = True

    def sleep(self, seconds: float) -> None:
        """Sleep for `seconds`, or until the request comes."""
        until = time.monotonic() + seconds
        while not self._asked and time.monotonic() < until:
            time.sleep(POLL_SECONDS)


class Child:
    """One child and the group it leads."""

    def __init__(self, command: Sequence[str], *, cwd: str) -> None:
        """Start `command` in `cwd`. Raises OSError when it cannot be started."""
        self.started = time.monotonic()
        # A session of its own keeps the terminal's Ctrl-C from it: the parent ends its children in order.
        # preexec_fn is safe here, the commands run no threads.
        self._process = subprocess.Popen(  # noqa: S603
            list(command), cwd=cwd, start_new_session=True, preexec_fn=_end_with_parent
        )

    @property
    def pid(self) -> int:
        """The number of the child, which is that of its group too."""
        return self._process.pid

    @property
    def age(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    def running(self) -> bool:
        """Tell whether the child still runs, without reaping it: its number stays taken until `end`."""
        if self._process.returncode is not None:
            return False
        ended = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG)
        return ended is None

    def ask_to_end(self) -> None:
        """Ask the child alone; a well-behaved one ends what it started."""
        if self.running():
            os.kill(self.pid, signal.SIGTERM)

    def end(self, *, within: float) -> int:
        """Give the child `within` seconds, then kill what is left of its group; return its exit status."""
        until = time.monotonic() + within
        while self.running() and time.monotonic() < until:
            time.sleep(POLL_SECONDS)
        return self.kill()

    def kill(self) -> int:
        """Kill the group at once and return the exit status of the child."""
        if self._process.returncode is None:
            # Before the child is reaped no other process can have got its number.
            # macOS answers EPERM for a group of which only an unreaped process is left.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
        return self._process.wait()


def _end_with_parent() -> None:
    """Let the kernel ask the child to end when its parent dies without a word (kill -9, out of memory)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
