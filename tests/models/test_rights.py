"""Every model has a line that says what the roles of the database may do with its table, and every line a model."""

from __future__ import annotations

from complaints.models import triggers
from complaints.models.rights import EVERY, LINES, LOCK, columns, stored_models


def test_every_model_has_a_line() -> None:
    missing = sorted(stored_models().keys() - LINES.keys())
    assert missing == [], f"complaints/models/rights.py has no line for {', '.join(missing)}"


def test_every_line_has_a_model() -> None:
    assert sorted(LINES.keys() - stored_models().keys()) == []


def test_a_line_names_fields_that_exist() -> None:
    for label, line in LINES.items():
        model = stored_models()[label]
        for rights in (line.web, line.jobs):
            assert len(columns(model, rights.update)) == len(rights.update) or rights.update == EVERY, label
            # Whoever writes has to read what it wrote.
            assert rights.read or not (rights.insert or rights.update or rights.delete), label
            assert "pk" not in rights.update or rights.update == LOCK, label


def test_append_only_tables_are_appended_to_alone() -> None:
    lines = {stored_models()[label]._meta.db_table: line for label, line in LINES.items()}
    for table in triggers.APPEND_ONLY_TABLES:
        for rights in (lines[table].web, lines[table].jobs):
            assert not rights.update and not rights.delete
    head = LINES["complaints.ChainHead"]
    assert (head.web.update, head.jobs.update) == (LOCK, LOCK)
    assert not (head.web.insert or head.web.delete or head.jobs.insert or head.jobs.delete)


def test_nothing_of_the_queues_tables_is_granted() -> None:
    lines = {label: line for label, line in LINES.items() if label.startswith("django_q.")}
    assert [label for label, line in lines.items() if line.web.read or line.jobs.read] == []
