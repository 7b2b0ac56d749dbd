"""The version of a case: what a page showed of it, so that nobody acts on a case that changed in the meantime."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

# Nine digits at most: they fit the integer columns that they are compared with.
_FULL: Final = re.compile(r"([a-z_]+)\.([0-9]{1,9})\.((?:[0-9]{1,9}(?:-[0-9]{1,9})*)?)", re.ASCII)


@dataclass(frozen=True)
class CaseVersion:
    """The status of a case, how many steps it has taken, and how far the thread of each of its reports has come.

    Attributes:
        status: a value of ``workflow.Status``; of a forged text, any text, which agrees with no case.
        steps: number of steps; None for a bare status, which says nothing of steps and threads.
        threads: next sequence number of each report, by the order of the reports' keys.
    """

    status: str
    steps: int | None = None
    threads: tuple[int, ...] = ()

    @classmethod
    def parse(cls, text: str) -> CaseVersion:
        """Read what :meth:`__str__` wrote; any other text counts as a bare status, so that this never fails."""
        match = _FULL.fullmatch(text)
        if match is None:
            return cls(text)
        status, steps, threads = match.groups()
        version = cls(status, int(steps), tuple(int(number) for number in threads.split("-") if number))
        return version if str(version) == text else cls(text)

    def __str__(self) -> str:
        """Return the text that forms carry: "status", or "status.steps.thread-thread"."""
        if self.steps is None:
            return self.status
        return f"{self.status}.{self.steps}.{'-'.join(str(number) for number in self.threads)}"

    def agrees_with(self, other: CaseVersion) -> bool:
        """Whether both may be the same state of a case; where one is a bare status, the status alone is compared."""
        if self.steps is None or other.steps is None:
            return self.status == other.status
        return self == other
