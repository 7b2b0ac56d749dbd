"""How far one request travels through the product's own code: files, functions and stack depth of five requests.

The requests run in this process, through the whole portal with its production middleware, over the sample data on
SQLite. Each kind of request is made before it is traced, so that caches are warm. The page and the step are traced on
one and the same case, the first of the queue in status "received"; the second such case warms the caches of the step.
Counted is every file and every ``def`` under portal/ and complaints/ that a request enters; lambdas and comprehensions
belong to the function that holds them, templates are not counted. Depth is the largest number of own frames on the
stack at once.

Keys: for each request NAME_files, NAME_functions and NAME_depth. With --list it also prints what was entered.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import CodeType, FrameType

sys.path.pop(0)  # this folder: bench/queue.py would stand in for the standard library's
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.client import Page
from bench.server import ROOT, environment_of, fill

PRODUCT = tuple(f"{ROOT / package}{os.sep}" for package in ("portal", "complaints"))
OFFICER = "verifikator1"
CASE_LINK = re.compile(r"/case/([0-9a-f-]{36})/change/\"")


@dataclass
class Trace:
    """What one request entered: file names relative to the checkout, functions as ``file:qualified name``."""

    files: set[str] = field(default_factory=set)
    functions: set[str] = field(default_factory=set)
    depth: int = 0

    def record(self, frame: FrameType, event: str, _argument: object) -> None:
        """Note one call; the signature is the one that :func:`sys.setprofile` wants."""
        if event != "call" or not is_product(frame.f_code):
            return
        file = str(Path(frame.f_code.co_filename).relative_to(ROOT))
        function = frame.f_code.co_qualname.split(".<locals>.<")[0]
        self.files.add(file)
        if not function.startswith("<"):
            self.functions.add(f"{file}:{function}")
        self.depth = max(self.depth, product_depth(frame))


def is_product(code: CodeType) -> bool:
    """Return whether code stands in a function of the product, and not in the body of a module."""
    return code.co_filename.startswith(PRODUCT) and code.co_name != "<module>"


def product_depth(frame: FrameType | None) -> int:
    """Return how many frames of the product are on the stack, ``frame`` included."""
    depth = 0
    while frame is not None:
        depth += is_product(frame.f_code)
        frame = frame.f_back
    return depth


def traced(request: Callable[[], Page]) -> Trace:
    """Make a request and return its trace. Raises UnexpectedAnswer as the request does."""
    trace = Trace()
    sys.setprofile(trace.record)
    try:
        request()
    finally:
        sys.setprofile(None)
    return trace


def second(request: Callable[[], Page]) -> Trace:
    """Make a request twice and return the trace of the second, both while one edition of the caches lasted."""
    from complaints.services import reference_data

    edition = reference_data.edition()
    request()
    trace = traced(request)
    # An edition lasts a minute, and a request a moment: it does not end twice.
    if reference_data.edition() != edition:
        request()
        trace = traced(request)
    return trace


def staff_traces() -> dict[str, Trace]:
    """Trace the queue, the page of its first received case, and the first step of that case."""
    from django.urls import reverse

    from bench.inprocess import signed_in

    browser = signed_in(OFFICER)
    queue = reverse("admin:complaints_case_changelist")
    traces = {"queue": second(partial(browser.open, queue))}
    received = list(dict.fromkeys(CASE_LINK.findall(browser.open(f"{queue}?status=received").text)))
    # The second case warms the caches for the step of the first, which can be taken once only.
    for case in (received[1], received[0]):
        traces["case_page"] = second(partial(browser.open, reverse("admin:complaints_case_change", args=[case])))
        form = browser.open(reverse("admin:complaints_case_step", args=[case, "start_review"]))
        traces["start_review"] = traced(partial(browser.post, form, {}))
    return traces


def reporter_traces(code: str) -> dict[str, Trace]:
    """Trace the post of a ticket code and the status page that it leads to."""
    from django.urls import reverse

    from bench.inprocess import InProcessBrowser

    browser = InProcessBrowser()
    enter = browser.open(reverse("status_enter"))
    return {
        "ticket_code": second(partial(browser.post, enter, {"code": code})),
        "status_page": second(partial(browser.open, reverse("status_page"))),
    }


def environment(folder: Path) -> dict[str, str]:
    """Return the environment of processes of the portal in ``folder``."""
    return environment_of(folder, f"sqlite:///{folder / 'portal.sqlite3'}", {})


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--list", action="store_true", help="print the files and functions that each request enters")
    parser.add_argument("--sample", type=Path, metavar="FOLDER", help="keep the sample portal there for the next run")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kanal-netral-bench-") as name:
        sample = options.sample or Path(name) / "sample"
        if not (sample / "sample.json").exists():
            sample.mkdir(parents=True, exist_ok=True)
            fill(environment(sample), cases=True)
        # A copy, because the requests change its cases.
        copy = shutil.copytree(sample, Path(name) / "copy")
        os.environ.update(environment(copy))
        tickets = json.loads((copy / "sample.json").read_text(encoding="utf-8"))
        traces = staff_traces() | reporter_traces(tickets["ticket"])
    figures: dict[str, int] = {}
    print(f"{'request':<14}{'files':>8}{'functions':>12}{'depth':>8}")
    for name, trace in traces.items():
        counts = {"files": len(trace.files), "functions": len(trace.functions), "depth": trace.depth}
        print(f"{name:<14}{counts['files']:>8}{counts['functions']:>12}{counts['depth']:>8}")
        figures |= {f"{name}_{kind}": count for kind, count in counts.items()}
        if options.list:
            print("\n".join(f"    {function}" for function in sorted(trace.functions | trace.files)))
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
