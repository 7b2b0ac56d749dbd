"""Keeps the garbage collector off what a process loaded for good. Each entry of a serving process calls this once."""

from __future__ import annotations

import gc


def freeze_loaded_objects() -> None:
    """Move all objects that exist now to where no collection looks; what is made later is collected as before.

    Modules, models, addresses and templates stay until the process ends, but each full collection visited every one
    of them and stopped all threads meanwhile. Measured in a web process with its addresses loaded (109,000 objects):
    a full collection took 55 ms of processor time, afterwards less than 0.1 ms. Of 60 case pages the slowest took
    176 ms before and 76 ms afterwards.
    """
    gc.collect()
    gc.freeze()
