"""A process signs in to the database as the role of its command, and no service as the owner."""

from __future__ import annotations

import pytest

from portal.postgresql import roles

ALL = {name: f"postgres://{name}" for name in (roles.WEB, roles.JOBS, roles.OWNER, roles.ADMIN)}


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("gunicorn", roles.WEB),
        ("manage.py check --deploy", roles.WEB),
        ("manage.py audit_verify", roles.WEB),
        ("manage.py serve", roles.WEB),
        ("manage.py work", roles.JOBS),
        ("manage.py migrate", roles.OWNER),
        ("manage.py setup_keys --body bkn", roles.OWNER),
        ("manage.py createsuperuser", roles.OWNER),
        ("manage.py database_roles --check", roles.ADMIN),
    ],
)
def test_the_command_tells_the_role(command: str, expected: str) -> None:
    assert roles.variable(command.split(), ALL) == expected


@pytest.mark.parametrize(
    ("command", "present", "expected"),
    [
        ("manage.py database_roles", [roles.OWNER, roles.WEB], roles.OWNER),
        ("manage.py migrate", [roles.WEB], roles.WEB),
        ("manage.py work", [roles.WEB], roles.WEB),
        ("manage.py check", [roles.JOBS], roles.JOBS),  # a node that runs jobs only
        ("gunicorn", [roles.OWNER], roles.WEB),
        ("gunicorn", [], roles.WEB),
    ],
)
def test_what_is_not_set_is_left_out(command: str, present: list[str], expected: str) -> None:
    assert roles.variable(command.split(), {name: ALL[name] for name in present}) == expected


def test_a_migration_that_waits_for_a_table_keeps_nobody_waiting_for_long() -> None:
    assert roles.options(["manage.py", "migrate"]) == {"options": "-c lock_timeout=5s"}
    for command in ("gunicorn", "manage.py work", "manage.py backup /srv/migrate", "manage.py"):
        assert roles.options(command.split()) == {}
