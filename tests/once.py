"""A scenario that a whole module looks at, built once: each test works on it in a savepoint of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction
from pytest_django import DjangoDbBlocker


@contextmanager
def built_once(blocker: DjangoDbBlocker) -> Iterator[None]:
    """Open the database for a fixture of module scope; what it builds is gone when the module is done.

    The fixture asks for ``django_db_setup``, the tests for it and for ``db``, in this order.
    """
    with blocker.unblock():
        outer = transaction.atomic()
        outer.__enter__()
    try:
        with blocker.unblock():
            yield
    finally:
        with blocker.unblock():
            transaction.set_rollback(True)
            outer.__exit__(None, None, None)
