"""The tables that django-q2's app would make, and rows in them: what a database writer can put where nothing looks."""

from __future__ import annotations

import base64
import pickle
from typing import Final

from django.core.signing import TimestampSigner

from bench.attack.target import Target

# Without an offset: SQLite compares moments as texts, and this is how Django writes them.
MOMENT: Final = "2026-01-01 00:00:00"
# The name of the cluster, which django-q2 also salts its signatures with.
CLUSTER: Final = "portal"
# A function of no harm that leaves a file.
LEAVE_A_FILE: Final = "builtins.open"
_TIME: Final = "timestamp with time zone"
CREATE: Final = (
    "CREATE TABLE IF NOT EXISTS django_q_schedule (id integer PRIMARY KEY, name varchar(100), func varchar(256),"
    " hook varchar(256), args text, kwargs text, schedule_type varchar(2), minutes integer, repeats integer,"
    f" next_run {_TIME}, cron varchar(100), task varchar(100), cluster varchar(100), intended_date_kwarg varchar(100))",
    f"CREATE TABLE IF NOT EXISTS django_q_ormq (id integer PRIMARY KEY, key varchar(100), payload text, lock {_TIME})",
    "CREATE TABLE IF NOT EXISTS django_q_task (id varchar(32) PRIMARY KEY, name varchar(100), func varchar(256),"
    ' hook varchar(256), args text, kwargs text, result text, "group" varchar(100), cluster varchar(100),'
    f" started {_TIME}, stopped {_TIME}, success boolean, attempt_count integer)",
)


class _LeavesAFile:
    """Becomes, when it is unpickled, a call that makes a file."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (self._path, "w")


class _PickleSerializer:
    """The serializer of django-q2's packages."""

    def dumps(self, obj: object) -> bytes:
        return pickle.dumps(obj)

    def loads(self, data: bytes) -> object:
        raise NotImplementedError


def pickled(path: str) -> bytes:
    """Return a pickle that makes the file ``path`` when it is read."""
    return pickle.dumps(_LeavesAFile(path))


def hostile(path: str) -> object:
    """Return an object whose pickle makes the file ``path``."""
    return _LeavesAFile(path)


def signed(content: object, key: str) -> str:
    """Return a package as django-q2 signs it with ``key``."""
    signer = TimestampSigner(key=key, salt=CLUSTER, fallback_keys=[])
    return signer.sign_object(content, serializer=_PickleSerializer)


def create(target: Target) -> None:
    """Make the tables where they do not exist."""
    for statement in CREATE:
        target.execute(statement)


def plant_schedule(target: Target, number: int, path: str) -> None:
    """Insert a schedule that is due and would make the file ``path``."""
    columns = "id, name, func, args, schedule_type, repeats, next_run"
    values = (number, f"planted {number}", LEAVE_A_FILE, f"({path!r}, 'w')", "O", 1, MOMENT)
    target.execute(f"INSERT INTO django_q_schedule ({columns}) VALUES (%s, %s, %s, %s, %s, %s, %s)", values)


def plant_package(target: Target, number: int, payload: str) -> None:
    """Insert a package into the queue."""
    values = (number, CLUSTER, payload, MOMENT)
    target.execute("INSERT INTO django_q_ormq (id, key, payload, lock) VALUES (%s, %s, %s, %s)", values)


def plant_result(target: Target, task_id: str, name: str, path: str) -> None:
    """Insert the result of a task that failed, whose pickle would make the file ``path``; nobody signs results."""
    columns = "id, name, func, result, started, stopped, success, attempt_count"
    result = base64.b64encode(pickled(path)).decode()
    values = (task_id, name, "x", result, MOMENT, MOMENT, False, 1)
    target.execute(f"INSERT INTO django_q_task ({columns}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)", values)


def package(task_id: str, function: str, *arguments: object) -> dict[str, object]:
    """Return the content of a package that calls ``function``."""
    return {"id": task_id, "name": task_id, "func": function, "args": arguments, "kwargs": {}, "started": MOMENT}
